// The heads with their softmax cross-entropies, the gradients at the logits, and the metrics of the step.
#include "common.cuh"

// The numbers of a step in the ring, all f64: the step, its rows, rows of which every head is right, the gradient's norm, then
// the loss (a sum over the rows) and the right rows of each head.
enum Metric { NUMBER, ROWS, ALL_CORRECT, GRADIENT_NORM, HEADS };

struct Loss {
    const Step* step;
    // The heads' input, [inputs, pitch], and weights, [classes of all heads, inputs].
    const float* input;
    const float* weight;
    // The first class of each head, and behind the last how many there are, [heads + 1].
    const unsigned* first_class;
    // [heads, pitch].
    const unsigned* labels;
    // [classes, pitch]; null where there are none.
    const float* soft;
    // [classes, pitch].
    float* logits;
    float* grad;
    // [heads, pitch] each.
    float* row_loss;
    unsigned* row_correct;
    // [slots, HEADS + 2 * heads].
    double* ring;
    // 1 from the first value on that is not finite; then nothing is updated any more.
    unsigned* stopped;
    unsigned* finished;
    unsigned inputs;
    unsigned heads;
    unsigned pitch;
    unsigned unused;
};

// e^x for x at most 0 and ln x for x of at least 1: the fixed sequences of `adder_kernels`, so that every machine has its bits.
__device__ inline float exp_of(float x) {
    const float round = 12582912.0f + 127.0f;
    x = x < -87.0f ? -87.0f : x;
    const float rounded = fmaf(x, 1.44269504088896340736f, round), n = rounded - round;
    const float r = fmaf(n, 2.1219444e-4f, fmaf(n, -0.6933594f, x));
    const float powers[5] = {1.3982e-3f, 8.333452e-3f, 4.1665796e-2f, 0.16666666f, 0.5f};
    float polynomial = 1.9875692e-4f;
    for (unsigned i = 0; i < 5; i++) {
        polynomial = fmaf(polynomial, r, powers[i]);
    }
    const float exp_r = fmaf(polynomial, r * r, r) + 1.0f;
    return exp_r * __uint_as_float(__float_as_uint(rounded) << 23);
}

__device__ inline float ln_of(float x) {
    if (!isfinite(x)) {
        return x;
    }
    const int n = (int)(__float_as_uint(x) - __float_as_uint(0.70710678118654752440f)) >> 23;
    const float m = __uint_as_float(__float_as_uint(x) - ((unsigned)n << 23));
    const float s = (m - 1.0f) / (m + 1.0f), z = s * s;
    const float fifth = 1.0f / 5.0f + z * (1.0f / 7.0f + z * (1.0f / 9.0f));
    const float series = 1.0f + z * (1.0f / 3.0f + z * fifth);
    return fmaf((float)n, 0.69314718055994530942f, 2.0f * s * series);
}

// One row of one head: its loss, whether it is right, and the gradient of the sum over the heads of their mean losses.
__device__ inline void head_row(const Loss& a, unsigned head, unsigned row) {
    const unsigned first = a.first_class[head], classes = a.first_class[head + 1] - first;
    const float* logits = a.logits + (size_t)first * a.pitch + row;
    float* grad = a.grad + (size_t)first * a.pitch + row;
    const unsigned label = a.labels[(size_t)head * a.pitch + row];
    unsigned top = 0;
    for (unsigned c = 1; c < classes; c++) {
        top = logits[(size_t)c * a.pitch] > logits[(size_t)top * a.pitch] ? c : top;
    }
    const float largest = logits[(size_t)top * a.pitch];
    float total = 0.0f;
    for (unsigned c = 0; c < classes; c++) {
        const float value = exp_of(logits[(size_t)c * a.pitch] - largest);
        grad[(size_t)c * a.pitch] = value;
        total += value;
    }
    const float soft_weight = a.soft == nullptr ? 0.0f : a.step->soft_weight, of_label = 1.0f - soft_weight;
    const float share = of_label * (1.0f - a.step->label_smoothing);
    const float even = of_label * a.step->label_smoothing / (float)classes;
    const float inverse = 1.0f / total, mean = 1.0f / (float)a.step->images;
    float loss = ln_of(total);
    for (unsigned c = 0; c < classes; c++) {
        float target = even + (c == label ? share : 0.0f);
        if (a.soft != nullptr) {
            target += soft_weight * a.soft[((size_t)first + c) * a.pitch + row];
        }
        // Nothing times a class that is ruled out, whose logit is infinite, is nothing.
        loss -= target == 0.0f ? 0.0f : target * (logits[(size_t)c * a.pitch] - largest);
        grad[(size_t)c * a.pitch] = (grad[(size_t)c * a.pitch] * inverse - target) * mean;
    }
    a.row_loss[(size_t)head * a.pitch + row] = loss;
    a.row_correct[(size_t)head * a.pitch + row] = top == label;
}

// The sums of the whole batch, into the step's place in the ring; run by one block.
__device__ inline void write_metrics(const Loss& a) {
    const unsigned rows = a.step->images;
    double* ring = a.ring + (size_t)a.step->slot * (HEADS + 2 * a.heads);
    for (unsigned head = 0; head <= a.heads; head++) {
        double loss = 0.0, correct = 0.0;
        for (unsigned row = threadIdx.x; row < rows; row += blockDim.x) {
            // Behind the last head, the rows of which all are right.
            unsigned right = 1;
            for (unsigned h = head % a.heads; h < a.heads && (h == head || head == a.heads); h++) {
                right = right && a.row_correct[(size_t)h * a.pitch + row];
            }
            correct += right;
            loss += head < a.heads ? a.row_loss[(size_t)head * a.pitch + row] : 0.0f;
        }
        loss = block_sum(loss);
        correct = block_sum(correct);
        if (threadIdx.x == 0 && head < a.heads) {
            ring[HEADS + 2 * head] = loss;
            ring[HEADS + 2 * head + 1] = correct;
            *a.stopped = *a.stopped || !isfinite(loss);
        } else if (threadIdx.x == 0) {
            ring[NUMBER] = (double)((unsigned long long)a.step->number[1] << 32 | a.step->number[0]);
            ring[ROWS] = rows;
            ring[ALL_CORRECT] = correct;
        }
    }
}

// A block of threads for 32 rows, one in each lane; its warps share the classes, then the heads.
KERNEL(heads_and_loss, Loss) {
    const unsigned row = blockIdx.x * WARP + threadIdx.x % WARP, classes = a.first_class[a.heads];
    const unsigned warp = threadIdx.x / WARP, warps = blockDim.x / WARP;
    const bool live = row < a.step->images;
    for (unsigned c = warp; c < classes && live; c += warps) {
        float sum = 0.0f;
        for (unsigned i = 0; i < a.inputs; i++) {
            sum = fmaf(a.input[(size_t)i * a.pitch + row], a.weight[(size_t)c * a.inputs + i], sum);
        }
        a.logits[(size_t)c * a.pitch + row] = sum;
    }
    __syncthreads();
    for (unsigned head = warp; head < a.heads && live; head += warps) {
        head_row(a, head, row);
    }
    if (is_last_block(a.finished)) {
        write_metrics(a);
    }
}
