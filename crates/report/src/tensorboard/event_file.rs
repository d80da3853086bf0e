//! The format of TensorBoard's event files: the fields used here of `event.proto` and `summary.proto`, and TensorFlow's framing of
//! records, each with its length and two checksums.

/// A line of an event file.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct EventMessage {
    /// Seconds since 1970.
    #[prost(double, tag = "1")]
    pub(super) wall_time: f64,
    #[prost(int64, tag = "2")]
    pub(super) step: i64,
    #[prost(oneof = "What", tags = "3, 5")]
    pub(super) what: Option<What>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
pub(super) enum What {
    /// The first event of a file.
    #[prost(string, tag = "3")]
    FileVersion(String),
    #[prost(message, tag = "5")]
    Summary(SummaryMessage),
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct SummaryMessage {
    #[prost(message, repeated, tag = "1")]
    pub(super) value: Vec<Value>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Value {
    #[prost(string, tag = "1")]
    pub(super) tag: String,
    #[prost(oneof = "Kind", tags = "2, 4")]
    pub(super) kind: Option<Kind>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
pub(super) enum Kind {
    #[prost(float, tag = "2")]
    Scalar(f32),
    #[prost(message, tag = "4")]
    Image(Image),
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Image {
    #[prost(int32, tag = "1")]
    pub(super) height: i32,
    #[prost(int32, tag = "2")]
    pub(super) width: i32,
    /// 4: red, green, blue and alpha.
    #[prost(int32, tag = "3")]
    pub(super) colorspace: i32,
    /// A PNG.
    #[prost(bytes = "vec", tag = "4")]
    pub(super) encoded_image_string: Vec<u8>,
}

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

/// The data of each record of a file, with the place of the record's end, as far as the records are whole and their checksums
/// right.
pub(super) fn records(file: &[u8]) -> impl Iterator<Item = (&[u8], usize)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let (data, rest) = first_record(&file[at..])?;
        at = file.len() - rest.len();
        Some((data, at))
    })
}

/// The data of the first record, and what is behind it.
fn first_record(file: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = file.split_first_chunk::<8>()?;
    let (checksum, rest) = rest.split_first_chunk::<4>()?;
    if u32::from_le_bytes(*checksum) != masked_checksum(length) {
        return None;
    }
    let length = usize::try_from(u64::from_le_bytes(*length)).ok()?;
    let (data, rest) = rest.split_at_checked(length)?;
    let (checksum, rest) = rest.split_first_chunk::<4>()?;
    (u32::from_le_bytes(*checksum) == masked_checksum(data)).then_some((data, rest))
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

    #[test]
    fn records_end_where_one_is_not_whole() {
        let file: Vec<u8> = [&b"one"[..], b"", b"three"].into_iter().flat_map(frame).collect();
        let all: Vec<(&[u8], usize)> = vec![(b"one", 19), (b"", 35), (b"three", 56)];
        assert_eq!(records(&file).collect::<Vec<_>>(), all);
        for length in 0..file.len() {
            let whole = all.iter().filter(|(_, end)| *end <= length).count();
            assert_eq!(records(&file[..length]).count(), whole, "{length} bytes");
        }
        for at in 0..file.len() {
            let mut broken = file.clone();
            broken[at] ^= 1;
            let before = all.iter().filter(|(_, end)| *end <= at).count();
            assert_eq!(records(&broken).count(), before, "byte {at}");
        }
        // A length that no file has.
        let length = u64::MAX.to_le_bytes();
        let huge = [&length[..], &masked_checksum(&length).to_le_bytes(), b"abc"].concat();
        assert_eq!(records(&huge).count(), 0);
    }
}
