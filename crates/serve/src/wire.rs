//! The stream of a connection, with what the HTTP library leaves to it: answers to malformed heads as JSON, an end that lets the last
//! answer arrive, and an end of idle connections where the server stops.

use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::http::StatusCode;
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Sleep;
use tokio_io_timeout::TimeoutStream;

use crate::error::ApiError;
use crate::stage::{Stage, StageView};

/// The time in which a refused client may go on sending. A connection that is closed while bytes come in is reset, and the client may
/// never see why.
const LINGER: Duration = Duration::from_secs(1);
/// The library's own answers are no longer, the date included.
const LONGEST_OWN_ANSWER: usize = 256;

/// The stream of a connection.
pub(crate) struct Wire {
    stream: Pin<Box<TimeoutStream<TcpStream>>>,
    stage: StageView,
    /// Whether a request is being received or answered.
    in_work: Arc<AtomicBool>,
    /// Whether the last answer was a refusal, so that more of its request may come.
    is_refused: bool,
    lingering: Option<Pin<Box<Sleep>>>,
    /// An answer in the place of one of the library, and how much of it is written.
    replaced: Option<(Vec<u8>, usize)>,
}

impl Wire {
    pub(crate) fn new(
        stream: TcpStream,
        unread: Duration,
        stage: StageView,
        in_work: Arc<AtomicBool>,
    ) -> Self {
        let mut stream = Box::pin(TimeoutStream::new(stream));
        stream.as_mut().set_write_timeout_pinned(Some(unread));
        Self { stream, stage, in_work, is_refused: false, lingering: None, replaced: None }
    }

    /// Whether nothing more is to be read: the server has stopped, and neither is a request in work nor has the system bytes of one.
    fn is_over(&self) -> bool {
        let is_silent = || {
            let socket = SockRef::from(self.stream.get_ref());
            let peeked = socket.peek(&mut [MaybeUninit::uninit()]);
            peeked.is_err_and(|error| error.kind() == io::ErrorKind::WouldBlock)
        };
        *self.stage.borrow() == Stage::Ended && !self.in_work.load(SeqCst) && is_silent()
    }

    /// Writes the answer that takes the place of `bytes`, which are the library's.
    fn poll_replace(&mut self, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let (answer, written) = self.replaced.get_or_insert_with(|| (in_words(bytes), 0));
        while *written < answer.len() {
            match ready!(self.stream.as_mut().poll_write(context, &answer[*written..]))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                count => *written += count,
            }
        }
        self.replaced = None;
        self.is_refused = true;
        Poll::Ready(Ok(bytes.len()))
    }
}

/// Where in `bytes` an answer of the library's own begins, if they end in one: a refusal without a body.
fn own_answer(bytes: &[u8]) -> Option<usize> {
    if !bytes.ends_with(b"\r\n\r\n") {
        return None;
    }
    let begin = bytes.len().saturating_sub(LONGEST_OWN_ANSWER);
    let tail = &bytes[begin..];
    let head = tail.windows(10).rposition(|word| word == b"HTTP/1.1 4")?;
    let is_empty = tail[head..].windows(19).any(|word| word == b"content-length: 0\r\n");
    is_empty.then_some(begin + head)
}

/// An answer of the library's own, with the problem as JSON.
fn in_words(own: &[u8]) -> Vec<u8> {
    let status = own.get(9..12).and_then(|code| StatusCode::from_bytes(code).ok());
    let status = status.unwrap_or(StatusCode::BAD_REQUEST);
    let problem = match status {
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => ApiError::LargeHead,
        StatusCode::URI_TOO_LONG => ApiError::LongTarget(usize::from(u16::MAX)),
        _ => ApiError::Bad("the head of the request is not HTTP/1.1".into()),
    };
    let body = problem.to_json();
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nx-content-type-options: nosniff\r\nconnection: close\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body.as_bytes()].concat()
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.stream.as_mut().poll_read(context, buffer) {
            // To the library, as if the client had said its last.
            Poll::Pending if self.is_over() => Poll::Ready(Ok(())),
            other => other,
        }
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match own_answer(bytes) {
            Some(0) => return self.poll_replace(context, bytes),
            // What comes before it first.
            Some(begin) => return self.stream.as_mut().poll_write(context, &bytes[..begin]),
            None => {}
        }
        if bytes.starts_with(b"HTTP/1.") {
            self.is_refused = bytes.get(9).is_some_and(|class| matches!(class, b'4' | b'5'));
        }
        self.stream.as_mut().poll_write(context, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        // A slice after the other: answers are written as one.
        let first = slices.iter().find(|slice| !slice.is_empty()).map_or(&[][..], |slice| slice);
        self.poll_write(context, first)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream.as_mut().poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.stream.as_mut().poll_shutdown(context))?;
        if !self.is_refused {
            return Poll::Ready(Ok(()));
        }
        let this = &mut *self;
        let until = this.lingering.get_or_insert_with(|| Box::pin(tokio::time::sleep(LINGER)));
        loop {
            if until.as_mut().poll(context).is_ready() {
                return Poll::Ready(Ok(()));
            }
            let mut thrown_away = [MaybeUninit::uninit(); 16 << 10];
            let mut buffer = ReadBuf::uninit(&mut thrown_away);
            match ready!(this.stream.as_mut().poll_read(context, &mut buffer)) {
                Ok(()) if !buffer.filled().is_empty() => {}
                _ => return Poll::Ready(Ok(())),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_librarys_own_answers_are_told_in_words() {
        let own = b"HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\ndate: Sat, 28 Nov 2026 08:30:00 GMT\r\n\r\n";
        assert_eq!(own_answer(own), Some(0));
        let ours = b"HTTP/1.1 404 Not Found\r\ncontent-length: 61\r\n\r\n";
        assert_eq!(own_answer(ours), None, "the answer to a HEAD");
        assert_eq!(own_answer(b"HTTP/1.1 204 No Content\r\n\r\n"), None);
        let after_another = [&b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nok\n"[..], own].concat();
        assert_eq!(own_answer(&after_another), Some(41));
        let words = String::from_utf8(in_words(own)).unwrap();
        assert!(words.starts_with("HTTP/1.1 431 ") && words.contains("\"code\":\"large_head\""), "{words}");
    }
}
