//! The identity-adder network on candle: layers, initialisation, summary and weights.
