// Images of 28x28 bytes to the network's input: the warp, brightness, contrast and normalization of `adder_data`.
//
// Every operation is rounded as it is written (compile with -fmad=false), so that the bits are those of the CPU.
#include "common.cuh"

constexpr unsigned EDGE = 28;
constexpr unsigned IMAGE = EDGE * EDGE;
constexpr unsigned NODES = 5;
// Running sums of the mean.
constexpr unsigned CHAINS = 16;

// One image's change: the inverse affine map (along x, along y, origin; column and row each), brightness, contrast, whether
// contrast comes first, whether values between pixels are bilinear, whether there are displacements, and those of the nodes.
enum Change { ALONG_X, ALONG_Y = 2, ORIGIN = 4, BRIGHTNESS = 6, CONTRAST, CONTRAST_FIRST, BILINEAR, DISPLACED, NODE };
constexpr unsigned CHANGE = NODE + 2 * NODES * NODES;

struct Augment {
    const Step* step;
    // The bytes of all images, four in a word, [all images, 28 * 28 / 4].
    const unsigned* bytes;
    // Which of them the batch has, [images].
    const unsigned* indices;
    // [images, CHANGE].
    const float* changes;
    // [images, 28, 28].
    float* images;
    // A pixel's factor and offset on the network's scale.
    float factor, offset;
};

// The weight of a node in the displacement of a column or row.
__device__ inline float node_weight(unsigned node, unsigned x) {
    const float distance = ((float)x + 0.5f) / (float)(EDGE / (NODES - 1)) - (float)node;
    return fmaxf(1.0f - fabsf(distance), 0.0f);
}

// The place on one axis at which a pixel of the result is read, in an image with a border of one pixel.
__device__ inline float place_of(const float* change, unsigned axis, unsigned x, unsigned y) {
    const float start = change[ORIGIN + axis] + change[ALONG_Y + axis] * (float)y;
    float place = start + change[ALONG_X + axis] * (float)x;
    if (change[DISPLACED] != 0.0f) {
        for (unsigned node = 0; node < NODES; node++) {
            float sum = 0.0f;
            for (unsigned row = 0; row < NODES; row++) {
                sum += node_weight(row, y) * change[NODE + 2 * (row * NODES + node) + axis];
            }
            place += node_weight(node, x) * sum;
        }
    }
    place += 1.0f;
    return place < 0.0f ? 0.0f : place > (float)EDGE + 1.0f ? (float)EDGE + 1.0f : place;
}

// The nearest integer, of two as near the even one.
__device__ inline int nearest(float value) {
    const float no_fraction = 12582912.0f;
    return (int)(__float_as_uint(value + no_fraction) - __float_as_uint(no_fraction));
}

// A pixel of the image with its border of zeros.
__device__ inline float pixel(const unsigned* image, int y, int x) {
    const unsigned row = (unsigned)y - 1, column = (unsigned)x - 1, at = row * EDGE + column;
    return row < EDGE && column < EDGE ? (float)(image[at / 4] >> 8 * (at % 4) & 255) : 0.0f;
}

__device__ inline float read(const unsigned* image, const float* change, unsigned x, unsigned y) {
    const float column = place_of(change, 0, x, y), row = place_of(change, 1, x, y);
    if (change[BILINEAR] == 0.0f) {
        return pixel(image, nearest(row), nearest(column));
    }
    const int above = nearest(row - 0.5f), before = nearest(column - 0.5f);
    const float right = column - (float)before, down = row - (float)above;
    const float corner = pixel(image, above, before), below = pixel(image, above + 1, before);
    const float upper = corner + right * (pixel(image, above, before + 1) - corner);
    const float lower = below + right * (pixel(image, above + 1, before + 1) - below);
    return upper + down * (lower - upper);
}

__device__ inline float cut(float value) { return value < 0.0f ? 0.0f : value > 255.0f ? 255.0f : value; }

// Multiplies the distance of every pixel from the mean, which has 16 running sums as on the CPU.
__device__ inline void adjust_contrast(float* values, float* sums, float factor) {
    if (factor == 1.0f) {
        return;
    }
    if (threadIdx.x < CHAINS) {
        float sum = 0.0f;
        for (unsigned i = threadIdx.x; i < IMAGE; i += CHAINS) {
            sum += values[i];
        }
        sums[threadIdx.x] = sum;
    }
    __syncthreads();
    float total = 0.0f;
    for (unsigned i = 0; i < CHAINS; i++) {
        total += sums[i];
    }
    const float gray = (1.0f - factor) * (total / (float)IMAGE);
    for (unsigned i = threadIdx.x; i < IMAGE; i += blockDim.x) {
        values[i] = cut(values[i] * factor + gray);
    }
    __syncthreads();
}

// A block of threads for each image.
KERNEL(augment, Augment) {
    __shared__ float values[IMAGE];
    __shared__ float sums[CHAINS];
    if (blockIdx.x >= a.step->images) {
        return;
    }
    const unsigned* image = a.bytes + (size_t)a.indices[blockIdx.x] * (IMAGE / 4);
    const float* change = a.changes + (size_t)blockIdx.x * CHANGE;
    for (unsigned i = threadIdx.x; i < IMAGE; i += blockDim.x) {
        values[i] = read(image, change, i % EDGE, i / EDGE);
    }
    __syncthreads();
    if (change[CONTRAST_FIRST] != 0.0f) {
        adjust_contrast(values, sums, change[CONTRAST]);
    }
    for (unsigned i = threadIdx.x; i < IMAGE && change[BRIGHTNESS] != 1.0f; i += blockDim.x) {
        values[i] = cut(values[i] * change[BRIGHTNESS]);
    }
    __syncthreads();
    if (change[CONTRAST_FIRST] == 0.0f) {
        adjust_contrast(values, sums, change[CONTRAST]);
    }
    for (unsigned i = threadIdx.x; i < IMAGE; i += blockDim.x) {
        a.images[(size_t)blockIdx.x * IMAGE + i] = values[i] * a.factor - a.offset;
    }
}
