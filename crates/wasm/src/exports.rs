//! The functions that JavaScript calls. `unsafe(no_mangle)` promises that no other function has these names; there is no
//! other `unsafe` here, for whoever uses the pointers is on the other side.

use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;

use crate::recognition::{ErrorReply, Recognition, Recognizer};

/// The state between calls. A module has one thread, and so nobody waits for the lock.
static SESSION: Mutex<Session> = Mutex::new(Session { network: None, room: Vec::new(), answer: Vec::new() });

struct Session {
    network: Option<Recognizer>,
    /// The buffer of a picture or of weights.
    room: Vec<u8>,
    /// JSON.
    answer: Vec<u8>,
}

/// Reserves room for so many bytes, of a picture or of weights, and returns where it begins, valid until the next call of any of these functions.
#[unsafe(no_mangle)]
pub extern "C" fn adder_reserve(bytes: usize) -> *mut u8 {
    let mut session = session();
    session.room.resize(bytes, 0);
    session.room.as_mut_ptr()
}

/// Takes the weights file that was written to the room in place of the built-in network. Returns the length of the answer in bytes:
/// 0 where the weights are taken, else that of the JSON for an error, and the network is the one of before.
#[unsafe(no_mangle)]
pub extern "C" fn adder_load() -> usize {
    let mut session = session();
    let weights = std::mem::take(&mut session.room);
    session.answer = match Recognizer::from_safetensors(&weights) {
        Ok(network) => {
            session.network = Some(network);
            Vec::new()
        }
        Err(error) => json(&error),
    };
    session.answer.len()
}

/// Reads the picture that was written to the room: red, green, blue and alpha, row by row; each digit of it, where `each` is not zero.
/// Returns the length of the answer in bytes: the server's JSON for all ten addends, or its JSON for an error.
#[unsafe(no_mangle)]
pub extern "C" fn adder_look(width: u32, height: u32, each: u32) -> usize {
    let mut session = session();
    let picture = std::mem::take(&mut session.room);
    let answer = session
        .recognize(width, height, picture, each != 0)
        .map_or_else(|error| json(&error), |recognition| json(&recognition));
    session.answer = answer;
    session.answer.len()
}

/// Returns where the last answer begins, valid until the next call of [`adder_look`] or [`adder_load`].
#[unsafe(no_mangle)]
pub extern "C" fn adder_answer() -> *const u8 {
    session().answer.as_ptr()
}

impl Session {
    fn recognize(
        &mut self,
        width: u32,
        height: u32,
        picture: Vec<u8>,
        each: bool,
    ) -> Result<Recognition, ErrorReply> {
        let network = match self.network.take() {
            Some(network) => network,
            None => Recognizer::pretrained()?,
        };
        self.network.insert(network).recognize(width, height, picture, each)
    }
}

fn session() -> MutexGuard<'static, Session> {
    SESSION.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Numbers, strings and lists of them always become JSON; were it not so, the answer would be empty, which is no JSON.
fn json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).unwrap_or_default()
}
