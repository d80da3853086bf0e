// Dense layers: linear without bias -> batch norm -> ReLU, forward and backward, a block of threads for each unit.
//
// A unit's norm needs the whole batch and nothing of other units, so no sum crosses blocks. Values lie by features,
// [features, pitch], with a row of the batch in each column.
#include "common.cuh"

// What a layer reads.
struct Inputs {
    // [inputs, pitch].
    const float* values;
    // The class of each row, whose column of the weight is added; null where there is no one-hot input.
    const unsigned* one_hot;
    unsigned inputs;
    unsigned classes;

    // Values of a row of the weight.
    __device__ unsigned row_length() const { return inputs + classes; }
};

struct DenseForward {
    const Step* step;
    Inputs input;
    // [outputs, row_length].
    const float* weight;
    const float* gamma;
    const float* beta;
    // Null where nobody wants them.
    float* running_mean;
    float* running_variance;
    // The normalized values without gamma and beta, and the output, [outputs, pitch] each.
    float* standard;
    float* output;
    // Mean, variance and 1 / sqrt(variance + epsilon), [3, outputs].
    float* statistics;
    unsigned outputs;
    unsigned pitch;
    float momentum;
    unsigned unused;
};

// A unit of a linear layer for one row, the inputs in their order. It starts from the column of the row's class.
__device__ inline float linear(const Inputs& input, const float* weight, unsigned row, unsigned pitch) {
    float sum = input.one_hot == nullptr ? 0.0f : weight[input.inputs + input.one_hot[row]];
    for (unsigned i = 0; i < input.inputs; i++) {
        sum = fmaf(input.values[(size_t)i * pitch + row], weight[i], sum);
    }
    return sum;
}

KERNEL(dense_forward, DenseForward) {
    const unsigned unit = blockIdx.x, rows = a.step->images;
    const float* weight = a.weight + (size_t)unit * a.input.row_length();
    float* standard = a.standard + (size_t)unit * a.pitch;
    double sum = 0.0;
    for (unsigned row = threadIdx.x; row < rows; row += blockDim.x) {
        standard[row] = linear(a.input, weight, row, a.pitch);
        sum += standard[row];
    }
    const double count = rows > 0 ? rows : 1, mean = block_sum(sum) / count;
    double squares = 0.0;
    for (unsigned row = threadIdx.x; row < rows; row += blockDim.x) {
        const double difference = (double)standard[row] - mean;
        squares += difference * difference;
    }
    const double variance = block_sum(squares) / count, inverse = 1.0 / sqrt(variance + EPSILON);
    for (unsigned row = threadIdx.x; row < rows; row += blockDim.x) {
        standard[row] = (float)(((double)standard[row] - mean) * inverse);
        const float z = fmaf(a.gamma[unit], standard[row], a.beta[unit]);
        a.output[(size_t)unit * a.pitch + row] = z <= 0.0f ? 0.0f : z;
    }
    if (threadIdx.x == 0 && rows > 0) {
        a.statistics[unit] = (float)mean;
        a.statistics[a.outputs + unit] = (float)variance;
        a.statistics[2 * a.outputs + unit] = (float)inverse;
        if (a.running_mean != nullptr) {
            move_towards(a.running_mean + unit, mean, a.momentum);
            move_towards(a.running_variance + unit, rows > 1 ? variance * count / (count - 1.0) : variance, a.momentum);
        }
    }
}

struct DensePredict {
    const Step* step;
    Inputs input;
    const float* weight;
    // The norm as one factor and one offset, [2, outputs]; null for a head.
    const float* numbers;
    // [outputs, pitch].
    float* output;
    unsigned outputs;
    unsigned pitch;
};

// A layer in evaluation, or a head.
KERNEL(dense_predict, DensePredict) {
    const unsigned unit = blockIdx.x;
    const float* weight = a.weight + (size_t)unit * a.input.row_length();
    for (unsigned row = threadIdx.x; row < a.step->images; row += blockDim.x) {
        float z = linear(a.input, weight, row, a.pitch);
        if (a.numbers != nullptr) {
            z = fmaf(a.numbers[unit], z, a.numbers[a.outputs + unit]);
            z = z <= 0.0f ? 0.0f : z;
        }
        a.output[(size_t)unit * a.pitch + row] = z;
    }
}

// The layer behind another, as its backward pass sees it: the gradient before its norm, and its weight.
struct Next {
    // [outputs, pitch].
    const float* grad;
    // [outputs, row_length].
    const float* weight;
    unsigned outputs;
    unsigned row_length;

    // The gradient at this layer's input `i`, of one row.
    __device__ float input_gradient(unsigned i, unsigned row, unsigned pitch) const {
        float sum = 0.0f;
        for (unsigned o = 0; o < outputs; o++) {
            sum = fmaf(grad[(size_t)o * pitch + row], weight[(size_t)o * row_length + i], sum);
        }
        return sum;
    }
};

// The gradient of one unit's row of the weight, from the gradient at the unit's output; a warp for each input, and for each
// class a thread that goes through the batch.
__device__ inline void weight_row(
    const Inputs& input, const float* grad, unsigned rows, unsigned pitch, float* grad_weight) {
    const unsigned lane = threadIdx.x % WARP;
    for (unsigned i = threadIdx.x / WARP; i < input.inputs; i += blockDim.x / WARP) {
        double sum = 0.0;
        for (unsigned row = lane; row < rows; row += WARP) {
            sum += (double)grad[row] * input.values[(size_t)i * pitch + row];
        }
        sum = warp_sum(sum);
        if (lane == 0) {
            grad_weight[i] = (float)sum;
        }
    }
    for (unsigned c = threadIdx.x; c < input.classes; c += blockDim.x) {
        double sum = 0.0;
        for (unsigned row = 0; row < rows; row++) {
            sum += input.one_hot[row] == c ? grad[row] : 0.0f;
        }
        grad_weight[input.inputs + c] = (float)sum;
    }
}

struct DenseBackward {
    const Step* step;
    Next next;
    Inputs input;
    const float* gamma;
    const float* standard;
    const float* output;
    const float* statistics;
    // The gradient before the norm, [outputs, pitch].
    float* grad;
    float* grad_weight;
    float* grad_gamma;
    float* grad_beta;
    unsigned outputs;
    unsigned pitch;
};

KERNEL(dense_backward, DenseBackward) {
    const unsigned unit = blockIdx.x, rows = a.step->images;
    const float* standard = a.standard + (size_t)unit * a.pitch;
    const float* output = a.output + (size_t)unit * a.pitch;
    float* grad = a.grad + (size_t)unit * a.pitch;
    double sum = 0.0, product = 0.0;
    for (unsigned row = threadIdx.x; row < rows; row += blockDim.x) {
        const float g = output[row] > 0.0f ? a.next.input_gradient(unit, row, a.pitch) : 0.0f;
        grad[row] = g;
        sum += g;
        product += (double)g * standard[row];
    }
    sum = block_sum(sum);
    product = block_sum(product);
    const double count = rows > 0 ? rows : 1, mean = sum / count, slope = product / count;
    const double scale = (double)a.gamma[unit] * a.statistics[2 * a.outputs + unit];
    for (unsigned row = threadIdx.x; row < rows; row += blockDim.x) {
        grad[row] = (float)(scale * ((double)grad[row] - mean - slope * standard[row]));
    }
    if (threadIdx.x == 0) {
        a.grad_gamma[unit] = (float)product;
        a.grad_beta[unit] = (float)sum;
    }
    __syncthreads();
    weight_row(a.input, grad, rows, a.pitch, a.grad_weight + (size_t)unit * a.input.row_length());
}

struct HeadBackward {
    const Step* step;
    Inputs input;
    // The gradient of the logits, [classes, pitch].
    const float* grad;
    float* grad_weight;
    unsigned pitch;
    unsigned unused;
};

// The gradients of the heads' weights.
KERNEL(head_backward, HeadBackward) {
    const float* grad = a.grad + (size_t)blockIdx.x * a.pitch;
    weight_row(a.input, grad, a.step->images, a.pitch, a.grad_weight + (size_t)blockIdx.x * a.input.row_length());
}

struct FeatureGradient {
    const Step* step;
    Next next;
    // [features, pitch].
    float* grad;
    unsigned pitch;
    unsigned unused;
};

// The gradient of the dense layers' input.
KERNEL(feature_gradient, FeatureGradient) {
    for (unsigned row = threadIdx.x; row < a.step->images; row += blockDim.x) {
        a.grad[(size_t)blockIdx.x * a.pitch + row] = a.next.input_gradient(blockIdx.x, row, a.pitch);
    }
}
