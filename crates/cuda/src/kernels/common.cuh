// What all kernels share: the step's numbers, sums in a fixed order, and the end of a grid.
//
// Compiled by nvcc for the device and by any C++17 compiler for the tests, which run the same text on the CPU (host/).
#pragma once
#ifdef __CUDACC__
// A kernel and its one argument, which is called `a`.
#define KERNEL(name, Arguments) extern "C" __global__ void name(const Arguments a)
// The memory that a block's threads share, of the size that the launch asks for.
extern __shared__ float4 dynamic_shared[];
#define DYNAMIC_SHARED(name) float* const name = reinterpret_cast<float*>(dynamic_shared)
#else
#include "../../host/cuda_on_cpu.h"
#endif

constexpr unsigned WARP = 32;
constexpr unsigned ALL_LANES = 0xffffffffu;
// Rows and columns of every convolution's kernel.
constexpr unsigned SIDE = 3;
constexpr unsigned TAPS = SIDE * SIDE;
// Output channels that a thread computes: one 16-byte read of weights serves them all.
constexpr unsigned CHANNELS = 4;
// Added to a variance before its square root.
constexpr double EPSILON = 1e-5;

// What changes from step to step. It lies in memory, so that one captured graph serves all steps.
struct Step {
    // Images of this batch; the buffers have room for at least so many.
    unsigned images;
    // The step's place in the ring of metrics.
    unsigned slot;
    // The key of the step's dropout masks, low word first.
    unsigned key[2];
    // The number of the step, low word first.
    unsigned number[2];
    float label_smoothing;
    // The part of the target that soft targets are.
    float soft_weight;
    // The gradient's norm is cut to this; 0 for no limit.
    float norm_limit;
    // The part of the way that the average goes to the weights.
    float average_share;
    // The numbers of the optimizer's rule, and those of Muon.
    float rule[8];
    float muon[4];
};

// Whether this block is the last of the grid to get here. All of what the others wrote before is then visible, and their
// partial sums can be added in a fixed order. The count starts at 0 and is left at 0.
__device__ inline bool is_last_block(unsigned* count) {
    __shared__ unsigned before;
    __threadfence();
    __syncthreads();
    if (threadIdx.x == 0) {
        before = atomicAdd(count, 1u);
    }
    __syncthreads();
    const bool last = before == gridDim.x - 1;
    if (last) {
        __threadfence();
        if (threadIdx.x == 0) {
            *count = 0;
        }
    }
    return last;
}

// The sum over the lanes of a warp, in lane 0.
__device__ inline double warp_sum(double value) {
    for (unsigned half = WARP / 2; half > 0; half /= 2) {
        value += __shfl_down_sync(ALL_LANES, value, half);
    }
    return value;
}

// The sums over the threads of a block of N values each: thread i < N gets that of value i, others get something else.
template <unsigned N>
__device__ inline double block_sums(const double (&values)[N]) {
    __shared__ double of_warps[N * WARP];
    const unsigned warp = threadIdx.x / WARP, warps = blockDim.x / WARP;
    for (unsigned i = 0; i < N; i++) {
        const double sum = warp_sum(values[i]);
        if (threadIdx.x % WARP == 0) {
            of_warps[i * WARP + warp] = sum;
        }
    }
    __syncthreads();
    double total = 0.0;
    if (threadIdx.x < N) {
        for (unsigned i = 0; i < warps; i++) {
            total += of_warps[threadIdx.x * WARP + i];
        }
    }
    __syncthreads();
    return total;
}

// The same for one value, for all threads of the block.
__device__ inline double block_sum(double value) {
    __shared__ double shared_total;
    const double values[1] = {value};
    const double total = block_sums<1>(values);
    if (threadIdx.x == 0) {
        shared_total = total;
    }
    __syncthreads();
    const double result = shared_total;
    __syncthreads();
    return result;
}

// Moves a running statistic towards that of a batch.
__device__ inline void move_towards(float* running, double value, float momentum) {
    *running = (float)((double)*running + (double)momentum * (value - (double)*running));
}
