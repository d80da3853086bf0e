//! The limits on what a stranger may ask for.

use std::time::Duration;

/// The longest body, in bytes, of which there may be as many as there are requests in work.
pub const SMALL_BODY: u64 = 1 << 20;

/// The limits of a server. What is beyond is refused, most of it with a status of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The longest body of a request, in bytes; beyond: 413.
    pub body: usize,
    /// The most images in a request; beyond: 413.
    pub images: usize,
    /// Requests in work at the same time; beyond: 429.
    pub in_flight: usize,
    /// Of these, requests with a body of more than [`SMALL_BODY`] or of unknown length; beyond: 429.
    pub large_bodies: usize,
    /// The time for a request, its body included; beyond: 408.
    pub time: Duration,
    /// Open connections; those beyond wait to be accepted.
    pub connections: usize,
    /// The time from a connection's start, or from its last answer, to the whole head of its next request; beyond, it is
    /// closed.
    pub head: Duration,
    /// The time in which a client takes not a byte of what is written to it; beyond, its connection is closed.
    pub unread: Duration,
    /// The memory that reading one picture takes at its worst moment, in bytes; beyond: 400.
    pub picture: u64,
    /// The memory of all pictures that are being read, in bytes; further ones wait.
    pub decoding: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body: 24 << 20,
            images: 256,
            in_flight: 1024,
            large_bodies: 16,
            time: Duration::from_secs(10),
            connections: 4096,
            head: Duration::from_secs(20),
            unread: Duration::from_secs(20),
            picture: 512 << 20,
            decoding: 1 << 30,
        }
    }
}
