//! The header of a safetensors file, held to the format before the library reads it: what is wrong is said in words, and a name that
//! stands there twice is no matter of which of the two is taken.

use std::collections::HashSet;
use std::fmt;

use safetensors::tensor::Dtype;
use serde::de::value::StrDeserializer;
use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use serde_json::Number;

/// Bytes of a header. The format allows 100 million, which would take thirty times as much memory to be understood; these are enough for
/// forty thousand tensors.
const MOST_BYTES: usize = 4 << 20;
/// Axes of a tensor. None in use has more than a handful, and a list shall not take memory because it is long.
const MOST_AXES: usize = 32;
/// The key that is no tensor.
const METADATA: &str = "__metadata__";

/// `Ok` for a file whose header is one of the format, with each name once, and whose data are as long as it says; else what is wrong.
pub(super) fn check(file: &[u8]) -> Result<(), String> {
    let Some((length, rest)) = file.split_first_chunk::<8>() else {
        let found = file.len();
        return Err(format!("it has {found} bytes, fewer than the 8 that it begins with; {AGAIN}"));
    };
    let length = u64::from_le_bytes(*length);
    let length = usize::try_from(length).ok().filter(|length| *length <= MOST_BYTES).ok_or_else(|| {
        format!("its first 8 bytes ask for a header of {length} bytes, and at most {MOST_BYTES} are taken")
    })?;
    let Some((header, data)) = rest.split_at_checked(length) else {
        let found = rest.len();
        return Err(format!("it is cut off: its header has {length} bytes, and {found} are there; {AGAIN}"));
    };
    let text = std::str::from_utf8(header).map_err(|error| {
        format!("its header is no text in UTF-8: byte {} of it is wrong", error.valid_up_to())
    })?;
    let promised = read(text)?;
    match promised.checked_sub(data.len() as u64) {
        Some(0) => Ok(()),
        Some(_) => Err(format!(
            "it is cut off: its header promises {promised} bytes of values, and {} are there; {AGAIN}",
            data.len()
        )),
        None => Err(format!(
            "its header promises {promised} bytes of values, and {} are there: something else follows",
            data.len()
        )),
    }
}

const AGAIN: &str = "get the file again";

/// The end of the values that a header describes.
fn read(text: &str) -> Result<u64, String> {
    let Header(end) = serde_json::from_str(text).map_err(|error| {
        let words = error.to_string();
        match words.rsplit_once(" at line ") {
            Some((reason, _)) if error.is_data() => format!("its header: {reason}"),
            _ => format!("its header is no JSON: {words}"),
        }
    })?;
    Ok(end)
}

/// A name as far as a message has room for it.
fn shown(name: &str) -> String {
    const MOST: usize = 80;
    let mut words: String = name.chars().take(MOST).flat_map(char::escape_debug).collect();
    if name.chars().nth(MOST).is_some() {
        words += "...";
    }
    format!("`{words}`")
}

/// A whole header: where its values end.
struct Header(u64);

impl<'de> Deserialize<'de> for Header {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;

        impl<'de> Visitor<'de> for Entries {
            type Value = Header;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of tensors")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Header, A::Error> {
                let (mut names, mut end) = (HashSet::new(), 0);
                while let Some(name) = map.next_key::<String>()? {
                    if name == METADATA {
                        map.next_value::<Option<Texts>>()?;
                    } else {
                        end = end.max(map.next_value_seed(Tensor(&name))?);
                    }
                    if let Some(name) = names.replace(name) {
                        return Err(A::Error::custom(format!("{} stands there twice", shown(&name))));
                    }
                }
                Ok(Header(end))
            }
        }

        deserializer.deserialize_map(Entries)
    }
}

/// The metadata: texts under names that are all different.
struct Texts;

impl<'de> Deserialize<'de> for Texts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Pairs;

        impl<'de> Visitor<'de> for Pairs {
            type Value = Texts;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of texts as metadata")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Texts, A::Error> {
                let mut names = HashSet::new();
                while let Some((name, _)) = map.next_entry::<String, String>()? {
                    if let Some(name) = names.replace(name) {
                        let name = shown(&name);
                        return Err(A::Error::custom(format!("{name} stands in the metadata twice")));
                    }
                }
                Ok(Texts)
            }
        }

        deserializer.deserialize_map(Pairs)
    }
}

/// The description of the tensor of this name, which gives the end of its values.
struct Tensor<'n>(&'n str);

impl<'de> DeserializeSeed<'de> for Tensor<'_> {
    type Value = u64;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<u64, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl Tensor<'_> {
    fn wrong<E: Error>(&self, reason: impl fmt::Display) -> E {
        E::custom(format!("tensor {}: {reason}", shown(self.0)))
    }

    /// Whole numbers that count something.
    fn sizes<E: Error>(&self, key: &str, numbers: &Numbers) -> Result<Vec<u64>, E> {
        let size = |number: &Number| {
            number.as_u64().ok_or_else(|| {
                self.wrong(format_args!("`{key}` has {number}, expected whole numbers of 0 or more"))
            })
        };
        numbers.0.iter().map(size).collect()
    }
}

impl<'de> Visitor<'de> for Tensor<'_> {
    type Value = u64;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "an object for the tensor {}", shown(self.0))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<u64, A::Error> {
        let (mut dtype, mut shape, mut offsets) = (None::<String>, None::<Numbers>, None::<Numbers>);
        while let Some(key) = map.next_key::<String>()? {
            let twice = match key.as_str() {
                "dtype" => dtype.replace(map.next_value()?).is_some(),
                "shape" => shape.replace(map.next_value()?).is_some(),
                "data_offsets" => offsets.replace(map.next_value()?).is_some(),
                _ => map.next_value::<IgnoredAny>().map(|_| false)?,
            };
            if twice {
                return Err(self.wrong(format_args!("{} stands there twice", shown(&key))));
            }
        }
        let missing = |key: &str| self.wrong(format_args!("`{key}` is missing"));
        let dtype = dtype.ok_or_else(|| missing("dtype"))?;
        if Dtype::deserialize(StrDeserializer::<A::Error>::new(&dtype)).is_err() {
            let found = shown(&dtype);
            return Err(self.wrong(format_args!("the element type {found} is not known here")));
        }
        self.sizes::<A::Error>("shape", &shape.ok_or_else(|| missing("shape"))?)?;
        match self.sizes("data_offsets", &offsets.ok_or_else(|| missing("data_offsets"))?)?[..] {
            [start, end] if start <= end => Ok(end),
            _ => Err(self.wrong("`data_offsets` are not a start and an end behind it")),
        }
    }
}

/// A list of numbers that is not long.
struct Numbers(Vec<Number>);

impl<'de> Deserialize<'de> for Numbers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List;

        impl<'de> Visitor<'de> for List {
            type Value = Numbers;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of numbers")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Numbers, A::Error> {
                let mut numbers = Vec::new();
                while let Some(number) = list.next_element()? {
                    if numbers.len() == MOST_AXES {
                        return Err(A::Error::custom(format!("a list of more than {MOST_AXES} numbers")));
                    }
                    numbers.push(number);
                }
                Ok(Numbers(numbers))
            }
        }

        deserializer.deserialize_seq(List)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(header: &[u8], values: usize) -> Vec<u8> {
        [&(header.len() as u64).to_le_bytes(), header, &vec![0; values]].concat()
    }

    const WHOLE: &str = r#"{"__metadata__":{"a":"b"},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#;

    #[test]
    fn a_header_of_the_format_is_taken_and_any_cut_of_the_file_is_not() {
        let whole = file(WHOLE.as_bytes(), 4);
        check(&whole).unwrap();
        check(&file(b"{}", 0)).unwrap();
        check(&file(br#"{"__metadata__":null}"#, 0)).unwrap();
        for length in 0..whole.len() {
            let words = check(&whole[..length]).unwrap_err();
            assert!(words.ends_with("get the file again"), "{length}: {words}");
        }
        let words = check(&whole[..whole.len() - 1]).unwrap_err();
        assert!(words.contains("promises 4 bytes of values, and 3 are there"), "{words}");
        assert!(check(&[&whole[..], &[0]].concat()).unwrap_err().contains("something else follows"));
    }

    #[test]
    fn what_is_wrong_is_said() {
        let entry = r#""a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}"#;
        let with = |from: &str, to: &str| {
            let changed = WHOLE.replace(from, to);
            assert_ne!(changed, WHOLE);
            check(&file(changed.as_bytes(), 4)).unwrap_err()
        };
        for (words, expected) in [
            (with(entry, &format!("{entry},{entry}")), "its header: `a` stands there twice"),
            (with(r#""a":"b""#, r#""a":"b","a":"c""#), "`a` stands in the metadata twice"),
            (with(r#""shape":[1]"#, r#""shape":[1],"shape":[1]"#), "tensor `a`: `shape` stands there twice"),
            (with("F32", "F7"), "tensor `a`: the element type `F7` is not known here"),
            (with("[1]", "[-8]"), "tensor `a`: `shape` has -8, expected whole numbers of 0 or more"),
            (with("[1]", "[0.5]"), "has 0.5"),
            (with("[0,4]", "[4,0]"), "`data_offsets` are not a start"),
            (with("[0,4]", "[0]"), "`data_offsets` are not a start"),
            (with(r#","shape":[1]"#, ""), "tensor `a`: `shape` is missing"),
            (with(r#"{"a":"b"}"#, r#"{"a":1}"#), "its header: invalid type"),
            (with("]}}", "]}"), "its header is no JSON"),
            (check(&file(b"{\"\xff\":{}}", 0)).unwrap_err(), "no text in UTF-8: byte 2"),
        ] {
            assert!(words.contains(expected), "should say {expected}: {words}");
        }
    }

    #[test]
    fn lengths_decide_no_memory() {
        let head = |length: u64| [&length.to_le_bytes()[..], b"{"].concat();
        assert!(check(&head(MOST_BYTES as u64)).unwrap_err().contains("cut off"));
        assert!(check(&head(MOST_BYTES as u64 + 1)).unwrap_err().contains("at most 4194304"));
        assert!(check(&head(u64::MAX)).unwrap_err().contains("at most 4194304"));
        let axes = |count: usize| WHOLE.replace("[1]", &format!("{:?}", vec![1; count]));
        check(&file(axes(MOST_AXES).as_bytes(), 4)).unwrap();
        assert!(check(&file(axes(MOST_AXES + 1).as_bytes(), 4)).unwrap_err().contains("more than 32"));
        let name = "n".repeat(10_000);
        let words = check(&file(WHOLE.replace(r#""a":{"#, &format!("\"{name}\":[{{")).as_bytes(), 4));
        assert!(words.unwrap_err().len() < 300);
    }
}
