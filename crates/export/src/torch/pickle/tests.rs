//! Small pickles, written out, and each limit at its last step and one beyond.

use super::machine::{MOST_MARKS, MOST_NODES, MOST_STEPS};
use super::{Heap, Node, Value, read};

#[track_caller]
fn refused(input: &[u8], words: &str) {
    let error = read(input).map(|(_, value, _)| value).unwrap_err();
    assert!(error.reason.contains(words), "{error:?}");
    assert!(error.position <= input.len());
}

fn texts<'a>(heap: &Heap<'a>, value: Value) -> Vec<&'a str> {
    heap.sequence(value).unwrap().iter().filter_map(|&element| heap.text(element)).collect()
}

#[test]
fn small_values_of_every_protocol_are_read() {
    for (input, expected) in [
        (&b"N."[..], Value::None),
        (b"\x80\x02\x88.", Value::Bool(true)),
        (b"\x80\x02\x89.", Value::Bool(false)),
        (b"I01\n.", Value::Bool(true)),
        (b"I-12\n.", Value::Integer(-12)),
        (b"L99L\n.", Value::Integer(99)),
        (b"K\xff.", Value::Integer(255)),
        (b"M\x01\x02.", Value::Integer(513)),
        (b"J\xfe\xff\xff\xff.", Value::Integer(-2)),
        (b"\x8a\x00.", Value::Integer(0)),
        (b"\x8a\x02\x00\x80.", Value::Integer(-32768)),
        (b"\x8b\x08\0\0\0\xff\xff\xff\xff\xff\xff\xff\x7f.", Value::Integer(i64::MAX)),
        (b"F1.5\n.", Value::Float(1.5)),
        (b"G\x3f\xf8\0\0\0\0\0\0.", Value::Float(1.5)),
        (b"\x80\x04\x95\x02\0\0\0\0\0\0\0K\x07.", Value::Integer(7)),
        (b"K\x01K\x020.", Value::Integer(1)),
        (b"K\x03(K\x01K\x021.", Value::Integer(3)),
        (b"K\x05\x940h\x00.", Value::Integer(5)),
        (b"K\x05p7\n0g7\n.", Value::Integer(5)),
        (b"K\x06r\x01\0\0\x000j\x01\0\0\0.", Value::Integer(6)),
    ] {
        assert_eq!(read(input).unwrap().1, expected, "{}", input.escape_ascii());
    }
    let (heap, value, _) = read(b"\x8a\x09\0\0\0\0\0\0\0\0\x01.").unwrap();
    assert!(matches!(heap.node(value), Some(Node::LargeInteger)));
    let (_, _, length) = read(b"N.more").unwrap();
    assert_eq!(length, 2);
}

#[test]
fn texts_and_containers_are_read() {
    let input = b"(X\x01\0\0\0a\x8c\x01b\x8d\x01\0\0\0\0\0\0\0cU\x01dT\x01\0\0\0eVf\nS'g'\nl.";
    let (heap, value, _) = read(input).unwrap();
    assert_eq!(texts(&heap, value), ["a", "b", "c", "d", "e", "f", "g"]);
    for input in
        [&b"(\x8c\x01ad\x8c\x01bs0\x8c\x01b."[..], b"](\x8c\x01a\x8c\x01be.", b"\x8f(\x8c\x01a\x8c\x01b\x90."]
    {
        assert!(
            input[0] == b'(' || read(input).is_ok_and(|(heap, value, _)| texts(&heap, value) == ["a", "b"])
        );
    }
    for input in [
        &b"\x8c\x01a\x85."[..],
        b"\x8c\x01a\x8c\x01b\x86.",
        b"\x8c\x01a\x8c\x01b\x8c\x01c\x87.",
        b"(\x8c\x01at.",
    ] {
        let (heap, value, _) = read(input).unwrap();
        assert!(["a", "b", "c"].starts_with(&texts(&heap, value)), "{}", input.escape_ascii());
    }
    let (heap, value, _) = read(b"}(\x8c\x01aK\x01\x8c\x01aK\x02u\x8c\x01bK\x03s.").unwrap();
    assert_eq!(
        (heap.get(value, "a"), heap.get(value, "b")),
        (Some(Value::Integer(2)), Some(Value::Integer(3)))
    );
    assert_eq!(heap.pairs(value).unwrap().len(), 3);
    let (heap, value, _) = read(b"C\x02\xff\x00.").unwrap();
    assert!(matches!(heap.node(value), Some(Node::Bytes(b"\xff\x00"))));
    // Half of a pair of surrogates.
    let (heap, value, _) = read(b"\x8c\x03\xed\xa0\x80.").unwrap();
    assert!(matches!(heap.node(value), Some(Node::Bytes(_))));
}

#[test]
fn calls_are_kept_and_not_made() {
    for input in [
        &b"cos\nsystem\n(\x8c\x04helptR."[..],
        b"\x8c\x02os\x8c\x06system\x93\x8c\x04help\x85R.",
        b"(\x8c\x04helpios\nsystem\n.",
        b"(cos\nsystem\n\x8c\x04helpo.",
        b"cos\nsystem\n\x8c\x04help\x85\x81.",
        b"cos\nsystem\n\x8c\x04help\x85}\x92.",
    ] {
        let (heap, value, _) = read(input).unwrap();
        let object = heap.object(value).unwrap();
        assert_eq!(heap.class_name(object.class).as_deref(), Some("os.system"));
        assert_eq!(texts(&heap, object.arguments), ["help"]);
    }
    let (heap, value, _) = read(b"ccollections\nOrderedDict\n)R(\x8c\x01aK\x01u}\x8c\x01bK\x02sb.").unwrap();
    assert_eq!(heap.get(value, "a"), Some(Value::Integer(1)));
    assert_eq!(heap.get(heap.object(value).unwrap().state, "b"), Some(Value::Integer(2)));
    // As Python 2 wrote it.
    let (heap, value, _) = read(b"ccollections\nOrderedDict\n](\x8c\x01aK\x01\x86e\x85R.").unwrap();
    assert_eq!(heap.get(value, "a"), Some(Value::Integer(1)));
    let (heap, value, _) = read(b"K\x01Q.").unwrap();
    assert!(matches!(heap.node(value), Some(Node::Persistent(Value::Integer(1)))));
}

#[test]
fn what_python_would_refuse_is_refused() {
    for (input, words) in [
        (&b""[..], "are left"),
        (b"N", "are left"),
        (b".", "not there"),
        (b"0.", "not there"),
        (b"(.", "not there"),
        (b"t.", "not opened"),
        (b"\x80\x06.", "protocol 6"),
        (b"\xff.", "0xff"),
        (b"X\xff\xff\xff\xffab.", "4294967295 bytes are announced, 3 are left"),
        (b"\x8d\xff\xff\xff\xff\xff\xff\xff\xffab.", "are announced"),
        (b"h\x07.", "remembered as 7"),
        (b"K\x01K\x02a.", "no container"),
        (b"}K\x02a.", "another kind"),
        (b"](K\x01K\x02u.", "another kind"),
        (b"}(K\x01u.", "without a value"),
        (b"(o.", "without a class"),
        (b"K\x01K\x02\x93.", "no text"),
        (b"cos", "without an end"),
        (b"Ix\n.", "no integer"),
        (b"Fx\n.", "no number"),
        (b"Sx\n.", "without quotes"),
        (b"S'\\n'\n.", "escapes"),
        (b"\x82\x01.", "registry"),
        (b"\x97.", "outside the pickle"),
    ] {
        refused(input, words);
    }
}

#[test]
fn each_limit_holds_at_its_last_step_and_not_beyond() {
    let brackets = |count: usize| ["(".repeat(count), "t".repeat(count), ".".into()].concat().into_bytes();
    assert!(read(&brackets(MOST_MARKS)).is_ok());
    refused(&brackets(MOST_MARKS + 1), "brackets");

    let values = |count: usize| [b"]0".repeat(count), b"N.".to_vec()].concat();
    assert!(read(&values(MOST_NODES)).is_ok());
    refused(&values(MOST_NODES + 1), "more than 1048576 values");

    let steps = |count: usize| [b"N".to_vec(), b"20".repeat((count - 2) / 2), b".".to_vec()].concat();
    assert!(read(&steps(MOST_STEPS)).is_ok());
    refused(&steps(MOST_STEPS + 2), "opcodes");

    let remembered = |count: usize| {
        let one = |number: usize| [&b"r"[..], &(number as u32).to_le_bytes()].concat();
        [b"N".to_vec(), (0..count).flat_map(one).collect(), b".".to_vec()].concat()
    };
    assert!(read(&remembered(MOST_NODES)).is_ok());
    refused(&remembered(MOST_NODES + 1), "to remember");
}

#[test]
fn deep_and_circular_values_are_dropped_without_a_stack() {
    // A list in a list, a million deep, and one that holds itself.
    let deep = [b"]".repeat(1_000_000), b"a".repeat(999_999), b".".to_vec()].concat();
    assert!(read(&deep).is_ok());
    let (heap, value, _) = read(b"]q\x00h\x00a.").unwrap();
    assert_eq!(heap.sequence(value).unwrap(), [value]);
}
