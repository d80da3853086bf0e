// From the last block's map to the dense layers, whose values lie by features, [features, pitch], with a row of the batch in each
// column: neighboring threads have neighboring rows and read whole lines.
#include "block.cuh"

struct Features {
    const Step* step;
    Source input;
    // [features, pitch].
    float* features;
    unsigned pitch;
    // Whether a channel's values are averaged.
    unsigned average;
};

// A warp for each channel of each image.
KERNEL(features, Features) {
    const unsigned place = blockIdx.x * (blockDim.x / WARP) + threadIdx.x / WARP, lane = threadIdx.x % WARP;
    const unsigned image = place / a.input.channels, c = place % a.input.channels;
    if (image >= a.step->images) {
        return;
    }
    const unsigned columns = a.input.output_width(), pixels = a.input.output_height() * columns;
    double sum = 0.0;
    for (unsigned pixel = lane; pixel < pixels; pixel += WARP) {
        const float z = a.input.at(image, c, pixel / columns, pixel % columns);
        if (a.average) {
            sum += z;
        } else {
            a.features[((size_t)c * pixels + pixel) * a.pitch + image] = z;
        }
    }
    if (a.average) {
        sum = warp_sum(sum);
        if (lane == 0) {
            a.features[(size_t)c * a.pitch + image] = (float)(sum / pixels);
        }
    }
}
