//! The bodies of requests: received within the limit of one, and within a memory that they all share.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use axum::body::{Body, HttpBody};
use axum::http::HeaderMap;
use axum::http::header::CONTENT_LENGTH;

use crate::error::ApiError;

/// The memory of all bodies that are being received or read.
pub(crate) struct BodyMemory(AtomicUsize);

impl BodyMemory {
    pub(crate) fn new(bytes: usize) -> Self {
        Self(AtomicUsize::new(bytes))
    }

    fn take(&self, bytes: usize) -> Result<(), ApiError> {
        let taken = self.0.fetch_update(Relaxed, Relaxed, |free| free.checked_sub(bytes));
        taken.map(drop).map_err(|_| ApiError::NoRoom)
    }
}

/// A body; its memory is given back where it is dropped.
pub(crate) struct Received {
    bytes: Vec<u8>,
    /// What was taken of the memory: the capacity of `bytes`.
    taken: usize,
    memory: Arc<BodyMemory>,
}

impl Received {
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Appends a piece of a body that may become so long. Memory grows with what has come, never with what was announced.
    fn push(&mut self, piece: &[u8], longest: usize) -> Result<(), ApiError> {
        let needed = self.bytes.len() + piece.len();
        if needed > self.taken {
            let capacity = needed.max((2 * self.taken).min(longest));
            self.memory.take(capacity - self.taken)?;
            self.taken = capacity;
            self.bytes.reserve_exact(capacity - self.bytes.len());
        }
        self.bytes.extend_from_slice(piece);
        Ok(())
    }
}

impl Drop for Received {
    fn drop(&mut self) {
        self.memory.0.fetch_add(self.taken, Relaxed);
    }
}

/// The length that a request announces.
///
/// # Errors
/// [`ApiError::TooLarge`] if it is more than `limit`: nothing of the body need come to know that.
pub(crate) fn announced(headers: &HeaderMap, limit: usize) -> Result<Option<usize>, ApiError> {
    let Some(length) = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()) else {
        return Ok(None);
    };
    match length.parse() {
        Ok(length) if length <= limit => Ok(Some(length)),
        _ => Err(ApiError::TooLarge(format!("body: expected at most {limit} bytes, found {length}"))),
    }
}

/// Receives a body of at most `limit` bytes.
///
/// # Errors
/// [`ApiError::TooLarge`] beyond the limit, [`ApiError::NoRoom`] where the bodies of other requests take the memory, [`ApiError::Bad`]
/// where the client breaks off.
pub(crate) async fn receive(
    mut body: Body,
    length: Option<usize>,
    limit: usize,
    memory: &Arc<BodyMemory>,
) -> Result<Received, ApiError> {
    let mut received = Received { bytes: Vec::new(), taken: 0, memory: memory.clone() };
    while let Some(frame) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        let frame = frame.map_err(|error| ApiError::Bad(format!("body: not received: {error}")))?;
        // What is no data are trailers, which say nothing here.
        let Ok(piece) = frame.into_data() else { continue };
        if piece.len() > limit - received.bytes.len() {
            return Err(ApiError::TooLarge(format!("body: expected at most {limit} bytes, found more")));
        }
        received.push(&piece, length.unwrap_or(limit))?;
    }
    Ok(received)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_share_their_memory_and_give_it_back() {
        let memory = Arc::new(BodyMemory::new(1000));
        let body = || Received { bytes: Vec::new(), taken: 0, memory: memory.clone() };
        let (mut first, mut second) = (body(), body());
        first.push(&[1; 300], 5000).unwrap();
        first.push(&[2; 10], 5000).unwrap();
        assert_eq!((first.taken, first.bytes().len()), (600, 310), "twice, so that it is copied seldom");
        second.push(&[3; 400], 400).unwrap();
        assert_eq!(second.push(&[4; 1], 5000), Err(ApiError::NoRoom));
        drop(first);
        second.push(&[4; 1], 5000).unwrap();
        drop(second);
        assert_eq!(memory.0.load(Relaxed), 1000);
    }
}
