//! The limits on what a stranger may ask for.

use std::time::Duration;

/// The limits of a server. What is beyond is refused, most of it with a status of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The longest body of a request, in bytes; beyond: 413.
    pub body: usize,
    /// The most images in a request; beyond: 413.
    pub images: usize,
    /// Requests in work at the same time; beyond: 429.
    pub in_flight: usize,
    /// The memory of all bodies that are being received or read, in bytes; beyond: 503.
    pub bodies: usize,
    /// The time for a request, its body included; beyond: 408.
    pub time: Duration,
    /// Open connections; those beyond wait to be accepted.
    pub connections: u32,
    /// The time from a connection's start, or from its last answer, to the whole head of its next request; beyond, it is
    /// closed.
    pub head: Duration,
    /// The time in which a client takes not a byte of what is written to it; beyond, its connection is closed.
    pub unread: Duration,
    /// The most pixels of a picture; beyond: 413.
    pub pixels: u64,
    /// The memory that reading one picture takes at its worst moment, in bytes; beyond: 400.
    pub picture: u64,
    /// The memory of all pictures that are being read, in bytes; further ones wait.
    pub decoding: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body: 48 << 20,
            images: 256,
            in_flight: 1024,
            bodies: 256 << 20,
            time: Duration::from_secs(10),
            connections: 4096,
            head: Duration::from_secs(20),
            unread: Duration::from_secs(20),
            pixels: 100_000_000,
            picture: 512 << 20,
            decoding: 1 << 30,
        }
    }
}
