//! Base64 as programs write it: plain or as a data URL, in lines, with either alphabet, with or without padding.

use std::borrow::Cow;

use base64::Engine;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// What was expected of the text.
const EXPECTED: &str = "expected a picture file in base64, or as a data URL";
/// So much of a text is shown that is something else.
const SHOWN: usize = 24;

const TOLERANT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);

/// The bytes that a text stands for, or what was found instead.
pub(crate) fn decode(text: &str) -> Result<Vec<u8>, String> {
    let text = text.trim();
    let code = match text.get(..5).filter(|scheme| scheme.eq_ignore_ascii_case("data:")) {
        Some(_) => of_data_url(text)?,
        None => text,
    };
    if code.is_empty() {
        return Err(format!("{EXPECTED}, found nothing"));
    }
    let is_space = |letter: char| letter.is_ascii_whitespace();
    let code: Cow<str> = match code.contains(is_space) {
        true => Cow::Owned(code.replace(is_space, "")),
        false => Cow::Borrowed(code),
    };
    let alphabet = if code.contains(['-', '_']) { &URL_SAFE } else { &STANDARD };
    GeneralPurpose::new(alphabet, TOLERANT).decode(&*code).map_err(|error| {
        let shown: String = code.chars().take(SHOWN).collect();
        let more = if shown.len() < code.len() { "..." } else { "" };
        let hint = match text.split_once("://") {
            Some(_) => "an address, and nothing is fetched".to_owned(),
            None => format!("{shown:?}{more}, which is no base64 ({error})"),
        };
        format!("{EXPECTED}, found {hint}")
    })
}

/// What stands behind the head of a data URL.
fn of_data_url(url: &str) -> Result<&str, String> {
    let (head, code) = url
        .split_once(',')
        .ok_or_else(|| format!("{EXPECTED}, found one without a comma before its data"))?;
    match head.trim_end().to_ascii_lowercase().ends_with(";base64") {
        true => Ok(code.trim()),
        false => Err(format!("{EXPECTED}, found one that is not in base64")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_of_writing_it_gives_the_same_bytes() {
        let bytes: Vec<u8> = (0..=255).chain([251, 239]).collect();
        let plain = base64::engine::general_purpose::STANDARD.encode(&bytes);
        let lines: Vec<String> =
            plain.as_bytes().chunks(76).map(|line| String::from_utf8(line.to_vec()).unwrap()).collect();
        let url_safe = plain.replace('+', "-").replace('/', "_");
        for text in [
            plain.clone(),
            plain.trim_end_matches('=').to_owned(),
            lines.join("\n"),
            lines.join("\r\n") + "\r\n",
            format!("  {plain}\n"),
            url_safe.trim_end_matches('=').to_owned(),
            url_safe,
            format!("data:image/png;base64,{plain}"),
            format!("data:;BASE64, {}", lines.join(" ")),
            format!("DATA:image/jpeg;name=a.jpg;base64,{}", plain.trim_end_matches('=')),
        ] {
            assert_eq!(decode(&text).as_ref(), Ok(&bytes), "{text}");
        }
    }

    #[test]
    fn what_was_found_instead_is_said() {
        for (text, word) in [
            ("", "found nothing"),
            (" \n", "found nothing"),
            ("data:image/png;base64,", "found nothing"),
            ("data:image/png,abc", "not in base64"),
            ("data:image/png;base64", "without a comma"),
            ("???", "\"???\", which is no base64"),
            ("https://example.org/a.png", "an address"),
            ("/home/me/pictures/digits/three.png", "\"/home/me/pictures/digits\"..."),
            ("häßlich", "no base64"),
        ] {
            let said = decode(text).unwrap_err();
            assert!(said.contains(word) && said.contains("base64"), "{text:?}: {said}");
        }
    }
}
