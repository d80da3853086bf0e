//! The keys of the dashboard, read by a thread of their own. A read that ends is a terminal that was closed: nothing asks it again, as
//! crossterm's `poll` does without end (0.29).

use std::io::{ErrorKind, Read, Result, stdin};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{Builder, sleep};
use std::time::Duration;

use adder_train::StopFlag;

use crate::output::say;
use crate::{screen, signals};

/// Between two looks at a terminal that somebody left in a state in which reads do not wait.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// What a key asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Key {
    /// Pause, or go on.
    Pause,
    /// Save and leave.
    Stop,
}

/// Starts to obey keys until the screen is given back: what stops a training is requested of `stop`, each key that pauses it or lets
/// it go on is received.
///
/// # Errors
/// Where no thread can be started.
pub(super) fn listen(stop: StopFlag) -> Result<Receiver<()>> {
    let (send, pauses) = channel();
    Builder::new().name("keys".into()).spawn(move || {
        obey(stdin(), &stop, &send);
        // Only the end of the input comes here while the screen is taken.
        if screen::is_taken() {
            signals::hang_up();
            stop.request();
        }
    })?;
    Ok(pauses)
}

/// Obeys the keys of an input to its end.
fn obey(mut input: impl Read, stop: &StopFlag, pauses: &Sender<()>) {
    let (mut keys, mut bytes) = (Keys::default(), [0; 64]);
    loop {
        let length = match input.read(&mut bytes) {
            Ok(0) => return,
            Ok(length) => length,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                sleep(LOOK_AGAIN);
                continue;
            }
            Err(_) => return,
        };
        // What is typed later is for whoever has the terminal next.
        if !screen::is_taken() {
            return;
        }
        for key in keys.read(&bytes[..length]) {
            match key {
                Key::Pause if pauses.send(()).is_err() => return,
                Key::Pause => {}
                Key::Stop if stop.is_requested() => leave(),
                Key::Stop => stop.request(),
            }
        }
    }
}

/// Whoever asks again means it.
fn leave() -> ! {
    screen::give_back();
    say("left before it was saved; the last checkpoint stands");
    signals::interrupt()
}

/// Where in the bytes of keys a reader is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Keys {
    #[default]
    Between,
    /// Behind the byte that begins an arrow, a function key, or a letter with Alt.
    Escaped,
    /// In the parameters of such a key (ECMA-48, 5.4).
    Sequence,
}

impl Keys {
    /// The keys that mean something, of what one read gave.
    fn read(&mut self, bytes: &[u8]) -> Vec<Key> {
        let keys = bytes.iter().filter_map(|&byte| self.next(byte)).collect();
        // The key Escape by itself: it sends nothing more.
        if *self == Self::Escaped {
            *self = Self::Between;
        }
        keys
    }

    fn next(&mut self, byte: u8) -> Option<Key> {
        const ESCAPE: u8 = 0x1b;
        const CONTROL_C: u8 = 3;
        let (after, key) = match (*self, byte) {
            (Self::Between | Self::Escaped, ESCAPE) => (Self::Escaped, None),
            (Self::Between, b's' | b'q' | CONTROL_C) => (Self::Between, Some(Key::Stop)),
            (Self::Between, b'p' | b' ') => (Self::Between, Some(Key::Pause)),
            (Self::Escaped, b'[' | b'O') => (Self::Sequence, None),
            (Self::Sequence, byte) if !(0x40..=0x7e).contains(&byte) => (Self::Sequence, None),
            _ => (Self::Between, None),
        };
        *self = after;
        key
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_are_keys_and_parts_of_other_keys_are_not() {
        let read = |bytes: &[u8]| Keys::default().read(bytes);
        assert_eq!(read(b"pxs q\x03"), [Key::Pause, Key::Stop, Key::Pause, Key::Stop, Key::Stop]);
        // Arrow up, F4, page up, Alt with s, a mouse, and letters of other scripts.
        for other in ["\x1b[A", "\x1bOS", "\x1b[5~", "\x1bs", "\x1b[<0;1;1M", "\u{15f}\u{3b1}", "SPC"] {
            assert_eq!(read(other.as_bytes()), [], "{other:?}");
            assert_eq!(read(format!("{other}s").as_bytes()), [Key::Stop], "{other:?}");
        }
        let mut keys = Keys::default();
        assert_eq!(keys.read(b"\x1b"), []);
        assert_eq!(keys.read(b"s"), [Key::Stop], "after the key Escape");
        assert_eq!(keys.read(b"\x1b[1"), []);
        assert_eq!(keys.read(b";5p"), [], "the rest of a key");
    }
}
