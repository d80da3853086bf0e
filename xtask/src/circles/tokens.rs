//! Rust source as tokens: as much of its grammar as paths and items need.

/// A piece of source that is neither space nor comment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// A keyword or a name; of a raw name (`r#type`) the part behind the mark.
    Word(&'a str),
    /// The content of a string, as it is written.
    Text(&'a str),
    /// `::`
    Colons,
    /// Any other sign. A number, a character or a lifetime is one too, `'0'`: no path holds one.
    Sign(char),
}

/// The tokens of a file, each with its line, counted from one.
pub(super) fn tokens(source: &str) -> Vec<(Token<'_>, usize)> {
    let mut tokens = Vec::new();
    let (mut at, mut line) = (0, 1);
    while let Some(first) = source[at..].chars().next() {
        let rest = &source[at..];
        let (token, length) = next(rest, first);
        tokens.extend(token.map(|token| (token, line)));
        line += rest[..length].matches('\n').count();
        at += length;
    }
    tokens
}

/// The token at the beginning of `rest`, if it is one, and its length in bytes.
fn next(rest: &str, first: char) -> (Option<Token<'_>>, usize) {
    if first.is_whitespace() {
        return (None, first.len_utf8());
    }
    if rest.starts_with("//") {
        return (None, rest.find('\n').unwrap_or(rest.len()));
    }
    if rest.starts_with("/*") {
        return (None, block_comment(rest));
    }
    if let Some((text, length)) = string(rest) {
        return (Some(Token::Text(text)), length);
    }
    if rest.starts_with("::") {
        return (Some(Token::Colons), 2);
    }
    if first == '\'' || rest.starts_with("b'") {
        return (Some(Token::Sign('0')), quoted(rest));
    }
    let name = rest.strip_prefix("r#").unwrap_or(rest);
    let length = name.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(name.len());
    match first {
        _ if first.is_ascii_digit() => (Some(Token::Sign('0')), length),
        _ if length > 0 => (Some(Token::Word(&name[..length])), rest.len() - name.len() + length),
        _ => (Some(Token::Sign(first)), first.len_utf8()),
    }
}

/// The length of a comment that may hold others.
fn block_comment(rest: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < rest.len() {
        let here = &rest.as_bytes()[at..];
        let step = if here.starts_with(b"/*") {
            depth += 1;
            2
        } else if here.starts_with(b"*/") {
            depth -= 1;
            2
        } else {
            1
        };
        at += step;
        if depth == 0 {
            break;
        }
    }
    at.min(rest.len())
}

/// The content and the whole length of a string, plain, of bytes or raw.
fn string(rest: &str) -> Option<(&str, usize)> {
    let letters = rest.find(|c: char| !matches!(c, 'b' | 'c' | 'r')).filter(|&letters| letters <= 2)?;
    let marks = rest[letters..].find(|c| c != '#')?;
    let begin = letters + marks + 1;
    if !rest[begin - 1..].starts_with('"') {
        return None;
    }
    if rest[..letters].ends_with('r') {
        let end = format!("\"{}", "#".repeat(marks));
        let length = rest[begin..].find(&end).unwrap_or(rest.len() - begin);
        return Some((&rest[begin..begin + length], (begin + length + end.len()).min(rest.len())));
    }
    if marks > 0 {
        return None;
    }
    let length = unescaped(&rest[begin..], '"');
    Some((&rest[begin..begin + length], (begin + length + 1).min(rest.len())))
}

/// The length of a character or a lifetime.
fn quoted(rest: &str) -> usize {
    let begin = rest.find('\'').map_or(0, |quote| quote + 1);
    let mut inside = rest[begin..].chars();
    match (inside.next(), inside.next()) {
        (Some('\\'), _) => (begin + unescaped(&rest[begin..], '\'') + 1).min(rest.len()),
        (Some(character), Some('\'')) => begin + character.len_utf8() + 1,
        _ => rest[begin..]
            .find(|c: char| !c.is_alphanumeric() && c != '_')
            .map_or(rest.len(), |end| begin + end),
    }
}

/// The place of the first `end` that no backslash escapes.
fn unescaped(text: &str, end: char) -> usize {
    let mut escaped = false;
    for (at, character) in text.char_indices() {
        if character == end && !escaped {
            return at;
        }
        escaped = character == '\\' && !escaped;
    }
    text.len()
}
