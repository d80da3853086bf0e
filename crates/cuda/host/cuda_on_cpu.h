// The words of CUDA C++ that the kernels use, for a C++ compiler: a CUDA thread is a fiber, blocks run one after the other.
//
// Fibers give way at barriers and shuffles alone. The order of a block's threads and that of the blocks are shuffled by a seed: what
// a missing barrier or a sum across blocks leaves to chance shows as other bits.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>

#define __global__
#define __device__
#define __shared__ static

struct float4 {
    float x, y, z, w;
};

struct Index {
    unsigned x, y, z;
};

extern Index threadIdx, blockIdx, blockDim, gridDim;

using std::isfinite;
using std::signbit;

namespace host {

// The calling thread waits for all others of its block.
void wait_for_block();
// The calling thread waits for the others of its warp.
void wait_for_warp();
// The word that a thread of the block shows to its warp.
std::uint64_t& shown(unsigned thread);
float* dynamic_shared();

using Run = void (*)(const void* arguments);

// Makes a kernel known by its name.
struct Registered {
    Registered(const char* name, std::size_t size, Run run);
};

}  // namespace host

#define KERNEL(name, Arguments)                                                              \
    static void name(const Arguments a);                                                     \
    static const host::Registered name##_registered{#name, sizeof(Arguments), [](const void* from) { \
        Arguments arguments;                                                                 \
        std::memcpy(&arguments, from, sizeof arguments);                                     \
        name(arguments);                                                                     \
    }};                                                                                      \
    static void name(const Arguments a)

#define DYNAMIC_SHARED(name) float* const name = host::dynamic_shared()

inline void __syncthreads() { host::wait_for_block(); }
inline void __threadfence() {}

inline unsigned min(unsigned a, unsigned b) { return a < b ? a : b; }

inline unsigned __float_as_uint(float value) {
    unsigned bits;
    std::memcpy(&bits, &value, sizeof bits);
    return bits;
}

inline float __uint_as_float(unsigned bits) {
    float value;
    std::memcpy(&value, &bits, sizeof value);
    return value;
}

// Blocks run one after the other: nobody is in between.
inline unsigned atomicAdd(unsigned* at, unsigned value) {
    const unsigned before = *at;
    *at += value;
    return before;
}

template <typename T>
T __shfl_down_sync(unsigned, T value, unsigned delta) {
    static_assert(sizeof(T) <= sizeof(std::uint64_t), "a thread shows one word");
    std::memcpy(&host::shown(threadIdx.x), &value, sizeof value);
    host::wait_for_warp();
    T result = value;
    if (threadIdx.x % 32 + delta < 32) {
        std::memcpy(&result, &host::shown(threadIdx.x + delta), sizeof result);
    }
    // Nobody shows the next word before all have read this one.
    host::wait_for_warp();
    return result;
}
