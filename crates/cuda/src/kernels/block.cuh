// What stands between two convolutions: ReLU, norm, dropout and pool of a block, forward and backward.
//
// One map is kept of a block, v = relu(convolution) in NCHW order, whose sign bit marks what dropout dropped. The next block's
// input, the mask of the ReLU and the winners of the pool come out of it again, as in the kernels of the CPU.
#pragma once
#include "common.cuh"

// A map that a kernel reads: the images as they are, or the output of a block that was kept as v.
struct Source {
    // [images, channels, height, width].
    const float* values;
    // The norm and dropout's factor as scale * |v| + shift, [channels]; null for images.
    const float* scale;
    const float* shift;
    unsigned channels, height, width;
    // Whether a 2x2 max pool ends the block.
    unsigned pool;

    __device__ size_t place(unsigned image, unsigned c, unsigned y, unsigned x) const {
        return (((size_t)image * channels + c) * height + y) * width + x;
    }

    __device__ unsigned output_height() const { return pool ? height / 2 : height; }
    __device__ unsigned output_width() const { return pool ? width / 2 : width; }

    // The block's output before the pool where v was kept.
    __device__ float output(unsigned c, float v) const {
        return signbit(v) ? 0.0f : fmaf(scale[c], v, shift[c]);
    }

    // The place of the value that wins its window: the first of equals, and a NaN before every number.
    __device__ size_t winner(unsigned image, unsigned c, unsigned y, unsigned x) const {
        const size_t corner = place(image, c, 2 * y, 2 * x);
        size_t best = corner;
        float largest = output(c, values[corner]);
        for (unsigned i = 1; i < 4; i++) {
            const size_t at = corner + (i / 2) * width + i % 2;
            const float z = output(c, values[at]);
            if (z > largest || z != z) {
                largest = z;
                best = at;
            }
        }
        return best;
    }

    // The value at a place of the output, after the pool.
    __device__ float at(unsigned image, unsigned c, unsigned y, unsigned x) const {
        if (scale == nullptr) {
            return values[place(image, c, y, x)];
        }
        return output(c, values[pool ? winner(image, c, y, x) : place(image, c, y, x)]);
    }
};

// The rows of a norm's numbers, [8, channels].
enum Row { SCALE, SHIFT, MEAN, VARIANCE, UPSTREAM, MEAN_G, VALUE, CONSTANT };

// A block's batch norm.
struct Norm {
    const float* gamma;
    const float* beta;
    // Moved by every step; null where nobody wants them.
    float* running_mean;
    float* running_variance;
    // Mean and 1 / sqrt(variance + epsilon), unrounded, [2, channels].
    double* exact;
    float* numbers;
    // Dropout's factor.
    float dropout_scale;
    float momentum;
};

// The gradient at a convolution's output, from the one at its block's output.
struct Gradient {
    // The block's v.
    Source saved;
    const float* numbers;
    // The gradient at the output: image * image_step + channel * channel_step + pixel * pixel_step, times `factor`.
    const float* upstream;
    unsigned image_step, channel_step, pixel_step;
    float factor;

    __device__ float upstream_at(unsigned image, unsigned c, unsigned pixel) const {
        return upstream[(size_t)image * image_step + (size_t)c * channel_step + (size_t)pixel * pixel_step] * factor;
    }

    __device__ float number(Row row, unsigned c) const { return numbers[row * saved.channels + c]; }

    // Back through pool, dropout, norm and ReLU: upstream * (g - mean_g) + value * (r - mean) + constant. Both differences
    // are taken before they are scaled, for a channel that hardly varies has a large scale and little left to be scaled.
    __device__ float at(unsigned image, unsigned c, unsigned y, unsigned x) const {
        const size_t place = saved.place(image, c, y, x);
        const float v = saved.values[place], r = fabsf(v);
        if (!(r > 0.0f)) {
            return 0.0f;
        }
        float g = 0.0f;
        if (!signbit(v)) {
            const unsigned rows = saved.output_height(), columns = saved.output_width();
            const unsigned wy = saved.pool ? y / 2 : y, wx = saved.pool ? x / 2 : x;
            const bool covered = wy < rows && wx < columns;
            if (covered && (!saved.pool || saved.winner(image, c, wy, wx) == place)) {
                g = upstream_at(image, c, wy * columns + wx);
            }
        }
        const float linear = fmaf(number(VALUE, c), r - number(MEAN, c), number(CONSTANT, c));
        return fmaf(number(UPSTREAM, c), g - number(MEAN_G, c), linear);
    }

    // Adds what the gradient `dz` at one place of the output is to the norm: the sums of g and of g * (r - mean).
    __device__ void add_terms(unsigned image, unsigned c, unsigned y, unsigned x, float dz, double* sums) const {
        const float v = saved.values[saved.pool ? saved.winner(image, c, y, x) : saved.place(image, c, y, x)];
        if (!signbit(v)) {
            sums[0] += dz;
            sums[1] += (double)dz * ((double)v - (double)number(MEAN, c));
        }
    }
};

// The two totals of a channel over all slots of the partial sums, [channels, 2, stride], in lane 0 of the warp.
__device__ inline void totals(const double* partials, unsigned c, unsigned slots, unsigned stride, double (&sums)[2]) {
    for (unsigned i = 0; i < 2; i++) {
        double sum = 0.0;
        for (unsigned slot = threadIdx.x % WARP; slot < slots; slot += WARP) {
            sum += partials[((size_t)c * 2 + i) * stride + slot];
        }
        sums[i] = warp_sum(sum);
    }
}

// The statistics of a batch of `count` values a channel from the sums of the values and of their squares; run by one block.
__device__ inline void finish_statistics(
    const Norm& norm, const double* partials, unsigned channels, unsigned slots, unsigned stride, double count) {
    for (unsigned c = threadIdx.x / WARP; c < channels; c += blockDim.x / WARP) {
        double sums[2];
        totals(partials, c, slots, stride, sums);
        if (threadIdx.x % WARP != 0 || count == 0.0) {
            continue;
        }
        const double mean = sums[0] / count, rest = sums[1] / count - mean * mean;
        // Rounding may leave less than nothing; a NaN stays.
        const double variance = rest < 0.0 ? 0.0 : rest, inverse = 1.0 / sqrt(variance + EPSILON);
        const double scale = (double)norm.gamma[c] * inverse, factor = norm.dropout_scale;
        norm.exact[c] = mean;
        norm.exact[channels + c] = inverse;
        norm.numbers[SCALE * channels + c] = (float)(scale * factor);
        norm.numbers[SHIFT * channels + c] = (float)(((double)norm.beta[c] - mean * scale) * factor);
        norm.numbers[MEAN * channels + c] = (float)mean;
        norm.numbers[VARIANCE * channels + c] = (float)variance;
        if (norm.running_mean != nullptr) {
            move_towards(norm.running_mean + c, mean, norm.momentum);
            move_towards(norm.running_variance + c, count > 1.0 ? variance * count / (count - 1.0) : variance, norm.momentum);
        }
    }
}

// The gradients of gamma and beta and the numbers of Gradient::at, from the sums of Gradient::add_terms; run by one block.
__device__ inline void finish_gradient(
    const Norm& norm, float* grad_gamma, float* grad_beta, const double* partials, unsigned channels, unsigned slots,
    unsigned stride, double count) {
    for (unsigned c = threadIdx.x / WARP; c < channels; c += blockDim.x / WARP) {
        double sums[2];
        totals(partials, c, slots, stride, sums);
        if (threadIdx.x % WARP != 0 || count == 0.0) {
            continue;
        }
        const double factor = norm.dropout_scale, inverse = norm.exact[channels + c];
        // The products were taken about the rounded mean.
        const double rest = norm.exact[c] - (double)norm.numbers[MEAN * channels + c];
        const double by_gamma = inverse * (sums[1] - rest * sums[0]) * factor;
        grad_beta[c] = (float)(sums[0] * factor);
        grad_gamma[c] = (float)by_gamma;
        // Moving one value moves the batch's mean and variance too: what they take back is linear in the value.
        const double scale = (double)norm.gamma[c] * inverse;
        const double slope = -scale * inverse * by_gamma / count, mean_g = sums[0] / count;
        const float rounded = (float)mean_g;
        norm.numbers[UPSTREAM * channels + c] = (float)(scale * factor);
        norm.numbers[MEAN_G * channels + c] = rounded;
        norm.numbers[VALUE * channels + c] = (float)slope;
        norm.numbers[CONSTANT * channels + c] = (float)(-scale * factor * (mean_g - (double)rounded) - slope * rest);
    }
}
