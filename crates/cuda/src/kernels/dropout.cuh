// Dropout masks as a function of (key, layer, image, element): the hash of `adder_kernels::dropout`, word for word.
#pragma once
#include "common.cuh"

// The finalizer of SplitMix64.
__device__ inline unsigned long long mix(unsigned long long word) {
    word += 0x9e3779b97f4a7c15ull;
    word = (word ^ (word >> 30)) * 0xbf58476d1ce4e5b9ull;
    word = (word ^ (word >> 27)) * 0x94d049bb133111ebull;
    return word ^ (word >> 31);
}

// The key of one image's mask.
struct ImageKey {
    unsigned offset, twist;

    __device__ ImageKey(const unsigned key[2], unsigned layer, unsigned image) {
        const unsigned long long place = (unsigned long long)layer << 32 | image;
        const unsigned long long word = mix(((unsigned long long)key[1] << 32 | key[0]) ^ mix(place));
        offset = (unsigned)word;
        twist = (unsigned)(word >> 32);
    }

    // Whether the element at `index` is dropped. Elements count as (y * w + x) * c + channel.
    __device__ bool drops(unsigned index, unsigned threshold) const {
        unsigned word = offset + index * 0x9e3779b9u;
        word = word ^ (word >> 16) ^ twist;
        return (word ^ (word >> 15)) * 0x846ca68bu < threshold;
    }
};
