// A block's forward pass: the output of the block before, convolution, ReLU, dropout's marks and the norm's statistics.
#include "conv.cuh"
#include "dropout.cuh"

struct ConvForward {
    const Step* step;
    Source input;
    // [out, in, 3, 3].
    const float* weight;
    // v, [images, out, height, width].
    float* values;
    // Sums of v and of its squares, [out, 2, slots].
    double* partials;
    unsigned* finished;
    Norm norm;
    Tiling tiling;
    unsigned out_channels;
    unsigned slots;
    // The number of the dropout layer, and its probability in units of 2^-32.
    unsigned layer, threshold;
    // Whether statistics are taken.
    unsigned training;
    unsigned unused;
};

template <unsigned PIXELS>
__device__ inline void store(
    const ConvForward& a, const Part& part, const Tile<PIXELS>& tile, const float (&sums)[CHANNELS][PIXELS],
    double (&moments)[2 * CHANNELS]) {
    const ImageKey key(a.step->key, a.layer, part.image);
#pragma unroll
    for (unsigned i = 0; i < PIXELS; i++) {
        const unsigned y = part.band * a.tiling.band + tile.y + i;
        if (tile.y + i >= a.tiling.band || y >= a.tiling.height) {
            continue;
        }
#pragma unroll
        for (unsigned o = 0; o < CHANNELS; o++) {
            const unsigned c = part.group * CHANNELS + o;
            if (c >= a.out_channels) {
                continue;
            }
            // Without a sign, also that of a zero or of a NaN: it is dropout's.
            const float r = sums[o][i] <= 0.0f ? 0.0f : fabsf(sums[o][i]);
            moments[2 * o] += r;
            moments[2 * o + 1] += (double)r * r;
            const unsigned pixel = y * a.tiling.width + tile.x;
            const bool dropped = a.threshold > 0 && key.drops(pixel * a.out_channels + c, a.threshold);
            const size_t plane = (size_t)part.image * a.out_channels + c;
            a.values[plane * a.tiling.height * a.tiling.width + pixel] = dropped ? -r : r;
        }
    }
}

template <unsigned PIXELS>
__device__ inline void conv_forward(const ConvForward& a) {
    DYNAMIC_SHARED(room);
    const unsigned groups = (a.out_channels + CHANNELS - 1) / CHANNELS;
    const Part part(a.tiling.bands, groups);
    if (part.image < a.step->images) {
        Tile<PIXELS> tile(a.tiling, room);
        float sums[CHANNELS][PIXELS] = {};
        for (unsigned first = 0; first < a.input.channels; first += a.tiling.chunk) {
            const unsigned channels = min(a.tiling.chunk, a.input.channels - first);
            __syncthreads();
            tile.load(
                first, channels, part.band * a.tiling.band, a.input.output_height(), a.input.output_width(),
                [&](unsigned c, unsigned y, unsigned x) { return a.input.at(part.image, c, y, x); });
            tile.load_weights(first, channels, [&](unsigned o, unsigned c, unsigned ky, unsigned kx) {
                const unsigned out = part.group * CHANNELS + o;
                const size_t at = (((size_t)out * a.input.channels + c) * SIDE + ky) * SIDE + kx;
                return out < a.out_channels ? a.weight[at] : 0.0f;
            });
            __syncthreads();
            tile.multiply(channels, sums);
        }
        double moments[2 * CHANNELS] = {};
        store(a, part, tile, sums, moments);
        if (a.training) {
            const double sum = block_sums(moments);
            const unsigned c = part.group * CHANNELS + threadIdx.x / 2;
            if (threadIdx.x < 2 * CHANNELS && c < a.out_channels) {
                const unsigned slot = part.image * a.tiling.bands + part.band;
                a.partials[((size_t)c * 2 + threadIdx.x % 2) * a.slots + slot] = sum;
            }
        }
    }
    if (a.training && is_last_block(a.finished)) {
        const double count = (double)a.step->images * a.tiling.height * a.tiling.width;
        finish_statistics(a.norm, a.partials, a.out_channels, a.step->images * a.tiling.bands, a.slots, count);
    }
}

KERNEL(conv_forward_1, ConvForward) { conv_forward<1>(a); }
KERNEL(conv_forward_2, ConvForward) { conv_forward<2>(a); }
KERNEL(conv_forward_4, ConvForward) { conv_forward<4>(a); }

struct FoldNorm {
    const float* gamma;
    const float* beta;
    const float* mean;
    const float* variance;
    // scale and shift, [2, channels].
    float* numbers;
    unsigned channels;
    unsigned unused;
};

// A norm in evaluation as one factor and one offset for each channel.
KERNEL(fold_norm, FoldNorm) {
    const unsigned c = blockIdx.x * blockDim.x + threadIdx.x;
    if (c < a.channels) {
        const double scale = (double)a.gamma[c] / sqrt((double)a.variance[c] + EPSILON);
        a.numbers[c] = (float)scale;
        a.numbers[a.channels + c] = (float)((double)a.beta[c] - (double)a.mean[c] * scale);
    }
}
