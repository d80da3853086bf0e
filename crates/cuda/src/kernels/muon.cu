// Muon: the running mean of the gradient, and the step along the nearest orthonormal matrix, a block of threads for each
// convolution's filters.
#include "common.cuh"

struct Muon {
    const Step* step;
    float* weights;
    const float* grads;
    float* velocity;
    const float* factor;
    const unsigned* stopped;
    // First parameter, rows, columns and first value of the room of each matrix, [matrices, 4].
    const unsigned* matrices;
    // For each matrix its values twice, and twice the square of its smaller side.
    float* room;
};

constexpr unsigned NEWTON_SCHULZ_STEPS = 5;

// x := a * x + x * (b * G + c * G^2) with G = transpose(x) * x; x is [tall, narrow].
__device__ inline void newton_schulz(float*& x, float*& next, float* gram, float* polynomial, unsigned tall, unsigned narrow) {
    const float a = 3.4445f, b = -4.7750f, c = 2.0315f;
    for (unsigned i = threadIdx.x; i < narrow * narrow; i += blockDim.x) {
        float sum = 0.0f;
        for (unsigned row = 0; row < tall; row++) {
            sum = fmaf(x[row * narrow + i / narrow], x[row * narrow + i % narrow], sum);
        }
        gram[i] = sum;
    }
    __syncthreads();
    for (unsigned i = threadIdx.x; i < narrow * narrow; i += blockDim.x) {
        float sum = 0.0f;
        for (unsigned k = 0; k < narrow; k++) {
            sum = fmaf(gram[i / narrow * narrow + k], gram[k * narrow + i % narrow], sum);
        }
        polynomial[i] = b * gram[i] + c * sum;
    }
    __syncthreads();
    for (unsigned i = threadIdx.x; i < tall * narrow; i += blockDim.x) {
        float sum = a * x[i];
        for (unsigned k = 0; k < narrow; k++) {
            sum = fmaf(x[i / narrow * narrow + k], polynomial[k * narrow + i % narrow], sum);
        }
        next[i] = sum;
    }
    __syncthreads();
    float* const before = x;
    x = next;
    next = before;
}

// The step's numbers: 1 - momentum, the momentum of the look ahead (0 without Nesterov), the part of the weight that stays, and
// the rate times 0.2.
KERNEL(muon, Muon) {
    if (*a.stopped) {
        return;
    }
    const float* rule = a.step->muon;
    const unsigned* matrix = a.matrices + 4 * blockIdx.x;
    const unsigned first = matrix[0], rows = matrix[1], columns = matrix[2], values = rows * columns;
    const bool is_tall = rows >= columns;
    const unsigned tall = is_tall ? rows : columns, narrow = is_tall ? columns : rows;
    float *x = a.room + matrix[3], *next = x + values, *gram = next + values, *polynomial = gram + narrow * narrow;
    double squares = 0.0;
    for (unsigned i = threadIdx.x; i < values; i += blockDim.x) {
        const float g = a.grads[first + i] * *a.factor;
        const float v = a.velocity[first + i] + rule[0] * (g - a.velocity[first + i]);
        const float direction = rule[1] != 0.0f ? g + rule[1] * (v - g) : v;
        a.velocity[first + i] = v;
        x[is_tall ? i : i % columns * rows + i / columns] = direction;
        squares += (double)direction * direction;
    }
    const float norm = fmaxf((float)sqrt(block_sum(squares)), 1e-7f);
    for (unsigned i = threadIdx.x; i < values; i += blockDim.x) {
        x[i] /= norm;
    }
    __syncthreads();
    for (unsigned step = 0; step < NEWTON_SCHULZ_STEPS; step++) {
        newton_schulz(x, next, gram, polynomial, tall, narrow);
    }
    const float size = (float)((double)rule[3] * sqrt((double)tall));
    for (unsigned i = threadIdx.x; i < values; i += blockDim.x) {
        const float along = x[is_tall ? i : i % columns * rows + i / columns];
        a.weights[first + i] = rule[2] * a.weights[first + i] - size * along;
    }
}
