// The tile of a 3x3 convolution: an input with a border of zeros and four channels' weights in shared memory, sums in registers.
//
// A thread computes PIXELS outputs below one another of one column, in CHANNELS channels. Neighboring threads have neighboring
// columns: reads of shared memory meet no bank twice, and writes of a map in NCHW order are whole lines.
#pragma once
#include "block.cuh"

// The part of a batch that one block of threads computes: four channels of a band of rows of one image.
struct Part {
    unsigned band, group, image;

    __device__ Part(unsigned bands, unsigned groups)
        : band(blockIdx.x % bands), group(blockIdx.x / bands % groups), image(blockIdx.x / bands / groups) {}
};

// How a map is cut.
struct Tiling {
    // Rows and columns of the output.
    unsigned height, width;
    // Zeros on each side of the input.
    unsigned padding;
    // Rows of a band, and how many bands there are.
    unsigned band, bands;
    // Input channels that are in shared memory at a time.
    unsigned chunk;
};

template <unsigned PIXELS>
struct Tile {
    const Tiling& tiling;
    float* weights;
    float* values;
    unsigned rows, pitch, x, y;

    __device__ Tile(const Tiling& tiling, float* room) : tiling(tiling), weights(room) {
        const unsigned strips = (tiling.band + PIXELS - 1) / PIXELS;
        values = room + tiling.chunk * TAPS * CHANNELS;
        rows = strips * PIXELS + SIDE - 1;
        pitch = tiling.width + SIDE - 1;
        x = threadIdx.x % tiling.width;
        // Threads beyond the last strip have a row beyond the band.
        y = threadIdx.x / tiling.width * PIXELS;
    }

    // Fills the tile with input channels from `first` on; `read` gives the input of (channel, row, column).
    template <typename Read>
    __device__ void load(unsigned first, unsigned channels, unsigned first_row, unsigned height, unsigned width, Read read) {
        const unsigned plane = rows * pitch;
        for (unsigned i = threadIdx.x; i < channels * plane; i += blockDim.x) {
            const unsigned c = i / plane, row = i % plane / pitch, column = i % pitch;
            // Rows above and columns left of the input wrap around to large numbers.
            const unsigned from_y = first_row + row - tiling.padding, from_x = column - tiling.padding;
            values[i] = from_y < height && from_x < width ? read(first + c, from_y, from_x) : 0.0f;
        }
    }

    // Fills the weights; `read` gives that of (output of four, input channel, row, column of the kernel).
    template <typename Read>
    __device__ void load_weights(unsigned first, unsigned channels, Read read) {
        for (unsigned i = threadIdx.x; i < channels * TAPS * CHANNELS; i += blockDim.x) {
            const unsigned o = i % CHANNELS, tap = i / CHANNELS % TAPS;
            weights[i] = read(o, first + i / CHANNELS / TAPS, tap % SIDE, tap / SIDE);
        }
    }

    // Adds the products of the channels in the tile.
    __device__ void multiply(unsigned channels, float (&sums)[CHANNELS][PIXELS]) const {
        if (y >= tiling.band) {
            return;
        }
        for (unsigned c = 0; c < channels; c++) {
#pragma unroll
            for (unsigned kx = 0; kx < SIDE; kx++) {
                const float* column = values + (c * rows + y) * pitch + x + kx;
                float input[PIXELS + SIDE - 1];
#pragma unroll
                for (unsigned i = 0; i < PIXELS + SIDE - 1; i++) {
                    input[i] = column[i * pitch];
                }
#pragma unroll
                for (unsigned ky = 0; ky < SIDE; ky++) {
                    const float4 w = reinterpret_cast<const float4*>(weights)[c * TAPS + kx * SIDE + ky];
#pragma unroll
                    for (unsigned i = 0; i < PIXELS; i++) {
                        sums[0][i] = fmaf(w.x, input[i + ky], sums[0][i]);
                        sums[1][i] = fmaf(w.y, input[i + ky], sums[1][i]);
                        sums[2][i] = fmaf(w.z, input[i + ky], sums[2][i]);
                        sums[3][i] = fmaf(w.w, input[i + ky], sums[3][i]);
                    }
                }
            }
        }
    }
};
