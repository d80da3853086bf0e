//! The framing of an event file: TensorFlow's records, each with its length and two checksums.

/// One record: length, checksum of the length, data, checksum of the data; all little-endian.
pub(super) fn frame(data: &[u8]) -> Vec<u8> {
    let length = (data.len() as u64).to_le_bytes();
    let mut record = Vec::with_capacity(data.len() + 16);
    record.extend_from_slice(&length);
    record.extend_from_slice(&masked_checksum(&length).to_le_bytes());
    record.extend_from_slice(data);
    record.extend_from_slice(&masked_checksum(data).to_le_bytes());
    record
}

/// CRC-32C, turned and shifted: the checksum of data that holds checksums would be weak otherwise.
fn masked_checksum(data: &[u8]) -> u32 {
    crc32c::crc32c(data).rotate_right(15).wrapping_add(0xa282_ead8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_what_tensorflow_writes() {
        // The record of b"abc" as `tensorboard.summary.writer.record_writer.RecordWriter` writes it.
        let expected = include_bytes!("../../tests/golden/abc.tfrecord");
        assert_eq!(frame(b"abc"), expected);
    }
}
