//! What candle does wrong, surprisingly or not at all on the CPU: each row of docs/candle.md is held by the test it
//! names.
//!
//! Every test states candle's value and the right one, and asserts that candle still gives its own: with the next
//! release of candle, those that fail name the rows to take out of the table. Where the table advises a composition of
//! candle's operations, the test asserts that it gives the right value. Right values are done by hand or are PyTorch's,
//! printed by golden/candle.py.

#[path = "candle/attention.rs"]
mod attention;
#[path = "candle/check.rs"]
mod check;
#[path = "candle/convolutions.rs"]
mod convolutions;
#[path = "candle/edges.rs"]
mod edges;
#[path = "candle/errors.rs"]
mod errors;
#[path = "candle/half.rs"]
mod half;
#[path = "candle/indices.rs"]
mod indices;
#[path = "candle/integers.rs"]
mod integers;
#[path = "candle/layers.rs"]
mod layers;
#[path = "candle/no_gradient.rs"]
mod no_gradient;
#[path = "candle/not_a_number.rs"]
mod not_a_number;
#[path = "candle/pools.rs"]
mod pools;
#[path = "candle/quantized.rs"]
mod quantized;
#[path = "candle/table.rs"]
mod table;
#[path = "candle/values.rs"]
mod values;
