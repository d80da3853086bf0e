//! The three functions that JavaScript calls. `unsafe(no_mangle)` promises that no other function has these names; there is no
//! other `unsafe` here, for whoever uses the pointers is on the other side.

use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;

use crate::recognition::{ErrorReply, PretrainedNetwork, Recognition};

/// The state between calls. A module has one thread, and so nobody waits for the lock.
static SESSION: Mutex<Session> =
    Mutex::new(Session { network: None, picture: Vec::new(), answer: Vec::new() });

struct Session {
    network: Option<PretrainedNetwork>,
    /// The buffer of a picture.
    picture: Vec<u8>,
    /// JSON.
    answer: Vec<u8>,
}

/// Reserves room for a picture of so many bytes and returns where it begins, valid until the next call of any of these functions.
#[unsafe(no_mangle)]
pub extern "C" fn adder_reserve(bytes: usize) -> *mut u8 {
    let mut session = session();
    session.picture.resize(bytes, 0);
    session.picture.as_mut_ptr()
}

/// Reads the picture that was written to the room: red, green, blue and alpha, row by row; each digit of it, where `each` is not zero.
/// Returns the length of the answer in bytes: the server's JSON for all ten addends, or its JSON for an error.
#[unsafe(no_mangle)]
pub extern "C" fn adder_look(width: u32, height: u32, each: u32) -> usize {
    let mut session = session();
    let picture = std::mem::take(&mut session.picture);
    let answer = session
        .recognize(width, height, picture, each != 0)
        .map_or_else(|error| json(&error), |recognition| json(&recognition));
    session.answer = answer;
    session.answer.len()
}

/// Returns where the last answer begins, valid until the next call of [`adder_look`].
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
            None => PretrainedNetwork::new()?,
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
