//! CPU kernels over plain slices for training and running small convolutional networks.
