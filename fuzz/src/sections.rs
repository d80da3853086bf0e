//! Inputs of several parts.

/// What stands between two parts of an input: no text holds it, and the dictionary does.
pub(crate) const SEPARATOR: &[u8] = b"\xff\xfe\xfd";

/// The parts of an input.
pub(crate) fn split(mut data: &[u8]) -> Vec<&[u8]> {
    let mut parts = Vec::new();
    while let Some(at) = data.windows(SEPARATOR.len()).position(|window| window == SEPARATOR) {
        parts.push(&data[..at]);
        data = &data[at + SEPARATOR.len()..];
    }
    parts.push(data);
    parts
}

/// The input of these parts.
pub(crate) fn join(parts: &[&[u8]]) -> Vec<u8> {
    parts.join(SEPARATOR)
}

/// The first byte, which chooses a form, and the rest; 0 for nothing.
pub(crate) fn form(data: &[u8]) -> (u8, &[u8]) {
    data.split_first().map_or((0, data), |(form, rest)| (*form, rest))
}
