// From gradients to weights: the norm with its limit, SGD, AdamW, and the average of weights.
#include "common.cuh"

struct GradientNorm {
    const Step* step;
    const float* grads;
    // The step's places in the ring; `place` is that of the norm in a slot of `slot_length`.
    double* ring;
    // The factor of every gradient, which the limit makes.
    float* factor;
    unsigned* stopped;
    unsigned parameters;
    unsigned slot_length;
    unsigned place;
    unsigned unused;
};

// The Euclidean norm over all gradients, by one block of threads.
KERNEL(gradient_norm, GradientNorm) {
    double squares = 0.0;
    for (unsigned i = threadIdx.x; i < a.parameters; i += blockDim.x) {
        squares += (double)a.grads[i] * a.grads[i];
    }
    const double norm = sqrt(block_sum(squares));
    if (threadIdx.x == 0) {
        const double limit = a.step->norm_limit;
        a.ring[(size_t)a.step->slot * a.slot_length + a.place] = norm;
        *a.factor = limit > 0.0 && norm > limit ? (float)(limit / norm) : 1.0f;
        *a.stopped = *a.stopped || !isfinite(norm);
    }
}

// What the optimizer does with a parameter.
enum Flag { DECAYS = 1, MUON = 2 };

struct Update {
    const Step* step;
    float* weights;
    const float* grads;
    // The optimizer's memory: velocity or first moment, and second moment.
    float* first;
    float* second;
    // The flags of each parameter.
    const unsigned* flags;
    const float* factor;
    const unsigned* stopped;
    unsigned parameters;
    unsigned unused;
};

// rule: rate, momentum, weight decay, Nesterov (1 or 0).
KERNEL(sgd, Update) {
    const unsigned i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= a.parameters || *a.stopped) {
        return;
    }
    const float* rule = a.step->rule;
    const float w = a.weights[i], decay = a.flags[i] & DECAYS ? rule[2] : 0.0f;
    const float descent = a.grads[i] * *a.factor + decay * w;
    const float velocity = rule[1] * a.first[i] + descent;
    a.first[i] = velocity;
    a.weights[i] = w - rule[0] * (rule[3] != 0.0f ? descent + rule[1] * velocity : velocity);
}

// rule: the part of the weight that stays when it decays, rate / (1 - beta1^t), 1 / (1 - beta2^t), 1 - beta1, beta2, 1 - beta2,
// epsilon.
KERNEL(adamw, Update) {
    const unsigned i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= a.parameters || *a.stopped || a.flags[i] & MUON) {
        return;
    }
    const float* rule = a.step->rule;
    const float g = a.grads[i] * *a.factor, kept = a.flags[i] & DECAYS ? rule[0] : 1.0f;
    const float m = a.first[i] + rule[3] * (g - a.first[i]);
    const float v = rule[4] * a.second[i] + rule[5] * (g * g);
    a.first[i] = m;
    a.second[i] = v;
    a.weights[i] = kept * a.weights[i] - rule[1] * (m / (sqrtf(v * rule[2]) + rule[6]));
}

struct Average {
    const Step* step;
    float* average;
    const float* values;
    const unsigned* stopped;
    unsigned count;
    unsigned unused;
};

KERNEL(move_average, Average) {
    const unsigned i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < a.count && !*a.stopped) {
        a.average[i] += a.step->average_share * (a.values[i] - a.average[i]);
    }
}
