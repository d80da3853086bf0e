//! One connection of a client that keeps it: requests as bytes, and answers read to their end.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// A connection that is kept from request to request.
pub(crate) struct Connection {
    out: TcpStream,
    answers: BufReader<TcpStream>,
}

/// What a request came to.
pub(crate) struct Answer {
    /// The status.
    pub(crate) status: u16,
    /// Whether the server takes no further request on this connection.
    pub(crate) is_last: bool,
}

impl Connection {
    /// A connection to `address:port`.
    ///
    /// # Errors
    /// The system's.
    pub(crate) fn open(address: &str) -> io::Result<Self> {
        let out = TcpStream::connect(address)?;
        out.set_nodelay(true)?;
        // An answer that does not come must not stop the whole program.
        out.set_read_timeout(Some(Duration::from_secs(60)))?;
        Ok(Self { answers: BufReader::new(out.try_clone()?), out })
    }

    /// Sends a whole request.
    ///
    /// # Errors
    /// The system's: the server has closed the connection.
    pub(crate) fn send(&mut self, request: &[u8]) -> io::Result<()> {
        self.out.write_all(request)
    }

    /// The next answer, read to its end; `None` where the server closed the connection before one began.
    ///
    /// # Errors
    /// An answer that is cut off or no answer at all.
    pub(crate) fn answer(&mut self) -> io::Result<Option<Answer>> {
        let (mut line, mut length) = (String::new(), 0);
        match self.answers.read_line(&mut line) {
            Ok(0) => return Ok(None),
            Err(error) if line.is_empty() && error.kind() == io::ErrorKind::ConnectionReset => {
                return Ok(None);
            }
            read => read?,
        };
        let strange = |line: &str| io::Error::new(io::ErrorKind::InvalidData, format!("answered {line:?}"));
        let status =
            line.split(' ').nth(1).and_then(|code| code.parse().ok()).ok_or_else(|| strange(&line))?;
        let mut answer = Answer { status, is_last: false };
        while line != "\r\n" {
            line.clear();
            if self.answers.read_line(&mut line)? == 0 {
                return Err(strange("half of a head"));
            }
            let lower = line.to_ascii_lowercase();
            match lower.split_once(": ").map(|(name, value)| (name, value.trim())) {
                Some(("content-length", value)) => length = value.parse().map_err(|_| strange(value))?,
                Some(("connection", "close")) => answer.is_last = true,
                _ => {}
            }
        }
        self.answers.read_exact(&mut vec![0; length])?;
        Ok(Some(answer))
    }
}

/// A request: its line, `Host`, media type and body.
pub(crate) fn request(line: &str, host: &str, media: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!(
        "{line} HTTP/1.1\r\nhost: {host}\r\ncontent-type: {media}\r\ncontent-length: {length}\r\n\r\n"
    );
    [head.as_bytes(), body].concat()
}

/// The JSON of an image that no other seed gives, with an addend.
pub(crate) fn pixels(seed: u32) -> String {
    let pixels: Vec<String> = (0..784u32).map(|at| ((at * 7 + seed * 13) % 256).to_string()).collect();
    format!("{{\"pixels\":[{}],\"addend\":{}}}", pixels.join(","), seed % 10)
}
