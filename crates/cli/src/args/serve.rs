//! The arguments of `adder serve`.

use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;
use std::str::FromStr;

use adder_serve::{HostName, Origin};
use clap::Args;

use super::choices::{CheckpointChoice, whole};

#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// A run directory or a weights file [default: the newest run in runs/, else `pretrained`: the
    /// weights inside the program].
    #[arg(value_name = "RUN|FILE.safetensors")]
    pub(crate) weights: Option<PathBuf>,
    /// Address or host name to listen on. The default, and PORT alone, is reached from this machine alone; 0.0.0.0:PORT from
    /// everywhere. Port 0 is any.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8080")]
    pub(crate) addr: Address,
    /// Weights of a run.
    #[arg(long, value_enum, default_value = "last")]
    pub(crate) checkpoint: CheckpointChoice,
    /// Log every request as a line of JSON on standard error.
    #[arg(long)]
    pub(crate) log: bool,
    /// Take this name as `Host`, with a port or with any; for reverse proxies. Can be repeated. Without it a server of this machine
    /// alone takes localhost and its address, with its port, and another one takes any.
    #[arg(long, value_name = "NAME[:PORT]")]
    pub(crate) allow_host: Vec<HostName>,
    /// Let pages of this origin read the answers (CORS), as `https://digits.example`; `*` is any. Can be repeated.
    #[arg(long, value_name = "ORIGIN")]
    pub(crate) allow_origin: Vec<Origin>,
    /// The longest body of a request, in bytes or as 500kB, 64MB, 48MiB or 1GiB. The bodies of all requests together may take 256 MiB,
    /// or twice this where that is more.
    #[arg(long, value_name = "SIZE", default_value = "48MiB", value_parser = bytes)]
    pub(crate) max_body: usize,
    /// The most pixels of a picture, as a number or as 100MP.
    #[arg(long, value_name = "PIXELS", default_value = "100MP", value_parser = pixels)]
    pub(crate) max_pixels: u64,
    /// The most open connections; further ones wait.
    #[arg(long, value_name = "N", default_value_t = 4096, value_parser = whole::<u32>(1..=1_000_000), allow_negative_numbers = true)]
    pub(crate) max_connections: u32,
}

/// The place to listen on: an address or the name of a host, and a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Address(String);

impl Address {
    /// The addresses that it stands for. A name is asked of the system.
    ///
    /// # Errors
    /// Where the system knows no host of that name.
    pub(crate) fn resolve(&self) -> std::io::Result<Vec<SocketAddr>> {
        Ok(self.0.to_socket_addrs()?.collect())
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.parse::<SocketAddr>().is_ok() {
            return Ok(Self(text.to_owned()));
        }
        let (host, port) = text.rsplit_once(':').unwrap_or(("", text));
        let is_name = |letter: char| letter.is_ascii_alphanumeric() || "-._".contains(letter);
        match port.parse::<u16>() {
            // The address of the default: what a name leaves out opens nothing to others.
            Ok(port) if host.is_empty() => Ok(Self(format!("127.0.0.1:{port}"))),
            Ok(port) if host.chars().all(is_name) => Ok(Self(format!("{host}:{port}"))),
            _ => Err("expected ADDRESS:PORT, NAME:PORT or PORT, such as 127.0.0.1:8080, localhost:8080, [::1]:8080 or 8080".into()),
        }
    }
}

/// The largest body that may be allowed.
const MOST_BYTES: u64 = 4 << 30;

fn bytes(text: &str) -> Result<usize, String> {
    let units = [
        ("KiB", 1 << 10),
        ("MiB", 1 << 20),
        ("GiB", 1 << 30),
        ("kB", 1_000),
        ("MB", 1_000_000),
        ("GB", 1_000_000_000),
        ("B", 1),
        ("", 1),
    ];
    let bytes = quantity(text, &units).filter(|bytes| (1..=MOST_BYTES).contains(bytes));
    let bytes = bytes.and_then(|bytes| usize::try_from(bytes).ok());
    bytes.ok_or_else(|| {
        "expected 1 to 4GiB, as a number of bytes or with kB, MB, GB, KiB, MiB or GiB".to_owned()
    })
}

fn pixels(text: &str) -> Result<u64, String> {
    let pixels = quantity(text, &[("MP", 1_000_000), ("", 1)]).filter(|&pixels| pixels > 0);
    pixels.ok_or_else(|| "expected a number of pixels, or of megapixels as 50MP".to_owned())
}

/// A whole number with one of the units, of which the empty one comes last.
fn quantity(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let (digits, unit) = units.iter().find_map(|(unit, factor)| Some((text.strip_suffix(unit)?, factor)))?;
    digits.trim_end().parse::<u64>().ok()?.checked_mul(*unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_to_listen_on_has_a_port() {
        let read = |text: &str| text.parse::<Address>().map(|address| address.to_string());
        for (text, address) in [
            ("127.0.0.1:0", "127.0.0.1:0"),
            ("[::1]:8080", "[::1]:8080"),
            ("localhost:8932", "localhost:8932"),
            ("my-host.example:80", "my-host.example:80"),
            ("8932", "127.0.0.1:8932"),
            (":8932", "127.0.0.1:8932"),
        ] {
            assert_eq!(read(text).as_deref(), Ok(address), "{text}");
        }
        for text in
            ["", ":", "localhost", "nowhere", "host:", "host:port", "host:65536", "::1:80", "http://a:80"]
        {
            assert!(read(text).is_err_and(|words| words.contains("NAME:PORT")), "{text}");
        }
        let local = "localhost:80".parse::<Address>().unwrap().resolve().unwrap();
        assert!(!local.is_empty() && local.iter().all(|address| address.ip().is_loopback()), "{local:?}");
    }

    #[test]
    fn sizes_have_units() {
        assert_eq!(bytes("48MiB"), Ok(48 << 20));
        assert_eq!([bytes("500kB"), bytes("7"), bytes("7 B")], [Ok(500_000), Ok(7), Ok(7)]);
        assert_eq!([pixels("50MP"), pixels("784")], [Ok(50_000_000), Ok(784)]);
        for text in ["", "0", "-1", "1.5MB", "MB", "5GiB", "99999999999999GB", "7 apples"] {
            assert!(bytes(text).is_err(), "{text}");
        }
        assert!(pixels("0MP").is_err() && pixels("50MB").is_err());
    }
}
