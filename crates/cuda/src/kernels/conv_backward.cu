// A block's backward pass: back to the convolution's output, then to its input and its weight.
#include "conv.cuh"

struct InputGradient {
    const Step* step;
    Gradient output;
    // [out, in, 3, 3].
    const float* weight;
    // The gradient of the convolution's input, [images, in, height, width].
    float* grad;
    // The block before: its v and norm, the gradients of gamma and beta, and the sums of its norm, [in, 2, slots].
    Gradient before;
    Norm norm;
    float* grad_gamma;
    float* grad_beta;
    double* partials;
    unsigned* finished;
    Tiling tiling;
    unsigned in_channels;
    unsigned slots;
};

// Values that each channel of a norm has.
__device__ inline double values_of(const Step* step, const Source& saved) {
    return (double)step->images * saved.height * saved.width;
}

template <unsigned PIXELS>
__device__ inline void store(
    const InputGradient& a, const Part& part, const Tile<PIXELS>& tile, const float (&sums)[CHANNELS][PIXELS],
    double (&terms)[2 * CHANNELS]) {
#pragma unroll
    for (unsigned i = 0; i < PIXELS; i++) {
        const unsigned y = part.band * a.tiling.band + tile.y + i;
        if (tile.y + i >= a.tiling.band || y >= a.tiling.height) {
            continue;
        }
#pragma unroll
        for (unsigned o = 0; o < CHANNELS; o++) {
            const unsigned c = part.group * CHANNELS + o;
            if (c < a.in_channels) {
                const size_t plane = (size_t)part.image * a.in_channels + c;
                a.grad[(plane * a.tiling.height + y) * a.tiling.width + tile.x] = sums[o][i];
                a.before.add_terms(part.image, c, y, tile.x, sums[o][i], terms + 2 * o);
            }
        }
    }
}

// The convolution of the output's gradient with the flipped weights, and the sums for the norm of the block before.
template <unsigned PIXELS>
__device__ inline void input_gradient(const InputGradient& a) {
    DYNAMIC_SHARED(room);
    const unsigned groups = (a.in_channels + CHANNELS - 1) / CHANNELS;
    const Part part(a.tiling.bands, groups);
    const Source& saved = a.output.saved;
    if (part.image < a.step->images) {
        Tile<PIXELS> tile(a.tiling, room);
        float sums[CHANNELS][PIXELS] = {};
        for (unsigned first = 0; first < saved.channels; first += a.tiling.chunk) {
            const unsigned channels = min(a.tiling.chunk, saved.channels - first);
            __syncthreads();
            tile.load(
                first, channels, part.band * a.tiling.band, saved.height, saved.width,
                [&](unsigned c, unsigned y, unsigned x) { return a.output.at(part.image, c, y, x); });
            tile.load_weights(first, channels, [&](unsigned o, unsigned c, unsigned ky, unsigned kx) {
                const unsigned in = part.group * CHANNELS + o;
                const size_t filter = (size_t)c * a.in_channels + in;
                return in < a.in_channels ? a.weight[(filter * SIDE + SIDE - 1 - ky) * SIDE + SIDE - 1 - kx] : 0.0f;
            });
            __syncthreads();
            tile.multiply(channels, sums);
        }
        double terms[2 * CHANNELS] = {};
        store(a, part, tile, sums, terms);
        const double sum = block_sums(terms);
        const unsigned c = part.group * CHANNELS + threadIdx.x / 2;
        if (threadIdx.x < 2 * CHANNELS && c < a.in_channels) {
            const unsigned slot = part.image * a.tiling.bands + part.band;
            a.partials[((size_t)c * 2 + threadIdx.x % 2) * a.slots + slot] = sum;
        }
    }
    if (is_last_block(a.finished)) {
        finish_gradient(
            a.norm, a.grad_gamma, a.grad_beta, a.partials, a.in_channels, a.step->images * a.tiling.bands, a.slots,
            values_of(a.step, a.before.saved));
    }
}

KERNEL(input_gradient_1, InputGradient) { input_gradient<1>(a); }
KERNEL(input_gradient_2, InputGradient) { input_gradient<2>(a); }
KERNEL(input_gradient_4, InputGradient) { input_gradient<4>(a); }

struct OutputGradientSums {
    const Step* step;
    Gradient output;
    Norm norm;
    float* grad_gamma;
    float* grad_beta;
    // [channels, 2, slots].
    double* partials;
    unsigned* finished;
    unsigned slots;
    unsigned unused;
};

// The sums for the norm of the last block; a block of threads for each image, a warp for each channel.
KERNEL(output_gradient_sums, OutputGradientSums) {
    const Source& saved = a.output.saved;
    const unsigned image = blockIdx.x, lane = threadIdx.x % WARP;
    const unsigned columns = saved.output_width(), pixels = saved.output_height() * columns;
    for (unsigned c = threadIdx.x / WARP; c < saved.channels && image < a.step->images; c += blockDim.x / WARP) {
        double terms[2] = {};
        for (unsigned pixel = lane; pixel < pixels; pixel += WARP) {
            const float dz = a.output.upstream_at(image, c, pixel);
            a.output.add_terms(image, c, pixel / columns, pixel % columns, dz, terms);
        }
        for (unsigned i = 0; i < 2; i++) {
            const double sum = warp_sum(terms[i]);
            if (lane == 0) {
                a.partials[((size_t)c * 2 + i) * a.slots + image] = sum;
            }
        }
    }
    if (is_last_block(a.finished)) {
        finish_gradient(
            a.norm, a.grad_gamma, a.grad_beta, a.partials, saved.channels, a.step->images, a.slots,
            values_of(a.step, saved));
    }
}

struct WeightGradient {
    const Step* step;
    Source input;
    Gradient output;
    // This block's part of every image's gradients, [images, stride] from the weight's first on.
    float* partials;
    unsigned stride;
    unsigned padding;
    // Rows of a band, and input channels at a time.
    unsigned band, chunk;
};

// Columns of the shared input: odd, so that neighboring channels and rows lie in other banks.
__device__ inline unsigned odd(unsigned columns) { return columns | 1; }

// One image's gradient of four channels' weights from `chunk` input channels. A thread has the three weights of one row of the
// kernel and takes every so manieth row of the map; the rows' sums are added in their order.
KERNEL(weight_gradient, WeightGradient) {
    DYNAMIC_SHARED(room);
    const Source& saved = a.output.saved;
    const unsigned chunks = (a.input.channels + a.chunk - 1) / a.chunk;
    const unsigned groups = (saved.channels + CHANNELS - 1) / CHANNELS;
    const Part part(chunks, groups);
    if (part.image >= a.step->images) {
        return;
    }
    const unsigned first = part.band * a.chunk, channels = min(a.chunk, a.input.channels - first);
    const unsigned tasks = a.chunk * SIDE, slices = blockDim.x / tasks;
    const unsigned task = threadIdx.x % tasks, slice = threadIdx.x / tasks;
    const unsigned c = task / SIDE, ky = task % SIDE;
    const unsigned pitch = odd(saved.width + SIDE - 1), rows = a.band + SIDE - 1;
    float* input = room + a.band * saved.width * CHANNELS;
    float sums[CHANNELS][SIDE] = {};
    for (unsigned top = 0; top < saved.height; top += a.band) {
        const unsigned band = min(a.band, saved.height - top);
        __syncthreads();
        for (unsigned i = threadIdx.x; i < band * saved.width * CHANNELS; i += blockDim.x) {
            const unsigned o = part.group * CHANNELS + i / (band * saved.width), pixel = i % (band * saved.width);
            const unsigned y = top + pixel / saved.width, x = pixel % saved.width;
            room[pixel * CHANNELS + i / (band * saved.width)] = o < saved.channels ? a.output.at(part.image, o, y, x) : 0.0f;
        }
        for (unsigned i = threadIdx.x; i < channels * rows * pitch; i += blockDim.x) {
            const unsigned y = top + i / pitch % rows - a.padding, x = i % pitch - a.padding;
            const bool inside = y < a.input.output_height() && x < a.input.output_width();
            input[i] = inside ? a.input.at(part.image, first + i / pitch / rows, y, x) : 0.0f;
        }
        __syncthreads();
        for (unsigned y = slice; y < band && slice < slices && c < channels; y += slices) {
            const float* row = input + (c * rows + y + ky) * pitch;
            const float4* grads = reinterpret_cast<const float4*>(room) + y * saved.width;
            float left = row[0], middle = row[1];
            for (unsigned x = 0; x < saved.width; x++) {
                const float right = row[x + 2];
                const float4 g = grads[x];
                const float window[SIDE] = {left, middle, right};
#pragma unroll
                for (unsigned kx = 0; kx < SIDE; kx++) {
                    sums[0][kx] = fmaf(g.x, window[kx], sums[0][kx]);
                    sums[1][kx] = fmaf(g.y, window[kx], sums[1][kx]);
                    sums[2][kx] = fmaf(g.z, window[kx], sums[2][kx]);
                    sums[3][kx] = fmaf(g.w, window[kx], sums[3][kx]);
                }
                left = middle;
                middle = right;
            }
        }
    }
    __syncthreads();
    if (slice < slices) {
#pragma unroll
        for (unsigned i = 0; i < CHANNELS * SIDE; i++) {
            room[(i * slices + slice) * tasks + task] = sums[i / SIDE][i % SIDE];
        }
    }
    __syncthreads();
    for (unsigned i = threadIdx.x; i < tasks * CHANNELS * SIDE; i += blockDim.x) {
        const unsigned from = i % tasks, value = i / tasks, o = part.group * CHANNELS + value / SIDE;
        if (o >= saved.channels || from / SIDE >= channels) {
            continue;
        }
        float sum = 0.0f;
        for (unsigned s = 0; s < slices; s++) {
            sum += room[(value * slices + s) * tasks + from];
        }
        const size_t filter = (size_t)o * a.input.channels + first + from / SIDE;
        a.partials[(size_t)part.image * a.stride + (filter * SIDE + from % SIDE) * SIDE + value % SIDE] = sum;
    }
}

struct GatherGradients {
    const Step* step;
    // [images, stride].
    const float* partials;
    float* grads;
    // First and last + 1 of the weights among the parameters of all blocks, [blocks, 2].
    const unsigned* ranges;
    unsigned blocks;
    unsigned stride;
};

// The sum over the images of each weight's gradient, a thread for each parameter of the blocks.
KERNEL(gather_gradients, GatherGradients) {
    const unsigned at = blockIdx.x * blockDim.x + threadIdx.x;
    for (unsigned block = 0; block < a.blocks; block++) {
        if (at >= a.ranges[2 * block] && at < a.ranges[2 * block + 1]) {
            double sum = 0.0;
#pragma unroll 8
            for (unsigned image = 0; image < a.step->images; image++) {
                sum += a.partials[(size_t)image * a.stride + at];
            }
            a.grads[at] = (float)sum;
        }
    }
}
