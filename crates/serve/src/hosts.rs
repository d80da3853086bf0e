//! The names under which a server answers, so that a page of a stranger cannot reach it by a name that resolves to it.
//!
//! A browser lets a page read what its own name answers. A stranger's name may resolve to the stranger's server first and to 127.0.0.1
//! then (DNS rebinding); the header `Host` still tells the stranger's name.

use std::net::SocketAddr;
use std::str::FromStr;

use axum::http::header::HOST;
use axum::http::uri::Authority;
use axum::http::{HeaderMap, Uri, Version};
use thiserror::Error;

use crate::error::ApiError;

/// The port that a `Host` without one stands for.
const HTTP_PORT: u16 = 80;

/// A name that a server takes as `Host`, with a port or with any.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostName {
    /// In small letters.
    name: String,
    /// `None` is any port.
    port: Option<u16>,
}

/// A text that is no name of a host.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("expected NAME or NAME:PORT, as digits.example or 192.168.1.5:8080, found {found:?}")]
pub struct HostNameError {
    /// The text.
    pub found: String,
}

impl FromStr for HostName {
    type Err = HostNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || HostNameError { found: text.into() };
        let (name, port) = parts(text).ok_or_else(wrong)?;
        Ok(Self { name: name.to_ascii_lowercase(), port })
    }
}

/// Name and port of `NAME[:PORT]`.
fn parts(text: &str) -> Option<(String, Option<u16>)> {
    let authority: Authority = text.parse().ok()?;
    let name = authority.host();
    let port = text.strip_prefix(name)?;
    let port = match port.strip_prefix(':') {
        Some(digits) => Some(digits.parse().ok()?),
        None if port.is_empty() => None,
        None => return None,
    };
    (!name.is_empty()).then(|| (name.to_owned(), port))
}

/// The names that a server answers to.
pub(crate) struct Hosts {
    /// `None` takes any.
    allowed: Option<Vec<HostName>>,
}

impl Hosts {
    /// The names of a server that listens on `bound`: those of this machine where it is reached from there alone, and `more`. A server
    /// that everyone reaches takes any, unless `more` says which.
    pub(crate) fn new(bound: SocketAddr, more: Vec<HostName>) -> Self {
        if !bound.ip().to_canonical().is_loopback() && more.is_empty() {
            return Self { allowed: None };
        }
        let bound_name = match bound {
            SocketAddr::V4(addr) => addr.ip().to_string(),
            SocketAddr::V6(addr) => format!("[{}]", addr.ip()),
        };
        let own = ["localhost".to_owned(), "127.0.0.1".to_owned(), "[::1]".to_owned(), bound_name];
        let own = own.into_iter().map(|name| HostName { name, port: Some(bound.port()) });
        Self { allowed: Some(own.chain(more).collect()) }
    }

    /// Whether a request is one to this server.
    ///
    /// # Errors
    /// [`ApiError::Bad`] if it has no host, several or a malformed one, [`ApiError::Host`] if it is another server's.
    pub(crate) fn check(&self, version: Version, uri: &Uri, headers: &HeaderMap) -> Result<(), ApiError> {
        let mut hosts = headers.get_all(HOST).iter();
        match (hosts.next(), hosts.next()) {
            // HTTP/1.0 knows no `Host`, and no browser speaks it.
            (None, _) if version < Version::HTTP_11 => {}
            (None, _) => return Err(ApiError::Bad("host: expected one, found none".into())),
            (Some(_), Some(_)) => return Err(ApiError::Bad("host: expected one, found several".into())),
            (Some(host), None) => self.allows(host.to_str().unwrap_or_default())?,
        }
        // `GET http://name/path` names a host as well.
        uri.authority().map_or(Ok(()), |authority| self.allows(authority.as_str()))
    }

    fn allows(&self, host: &str) -> Result<(), ApiError> {
        let wrong = || ApiError::Bad(format!("host: expected NAME or NAME:PORT, found {host:?}"));
        let (name, port) = parts(host).ok_or_else(wrong)?;
        let Some(allowed) = &self.allowed else { return Ok(()) };
        let port = port.unwrap_or(HTTP_PORT);
        let is_allowed = |other: &HostName| {
            other.name.eq_ignore_ascii_case(&name) && other.port.is_none_or(|other| other == port)
        };
        match allowed.iter().any(is_allowed) {
            true => Ok(()),
            false => Err(ApiError::Host(host.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn takes(hosts: &Hosts, host: &str) -> bool {
        hosts.allows(host).is_ok()
    }

    #[test]
    fn a_server_of_this_machine_answers_to_its_names_alone() {
        let hosts = Hosts::new("127.0.0.2:8080".parse().unwrap(), vec!["Digits.Example".parse().unwrap()]);
        for host in [
            "localhost:8080",
            "LOCALHOST:8080",
            "127.0.0.1:8080",
            "[::1]:8080",
            "127.0.0.2:8080",
            "digits.example",
            "digits.example:1",
        ] {
            assert!(takes(&hosts, host), "{host}");
        }
        for host in [
            "localhost",
            "localhost:80",
            "evil.example:8080",
            "localhost.evil.example:8080",
            "127.0.0.3:8080",
            "me@localhost:8080",
            "",
        ] {
            assert!(!takes(&hosts, host), "{host}");
        }
        let port_80 = Hosts::new("[::1]:80".parse().unwrap(), Vec::new());
        assert!(takes(&port_80, "localhost") && takes(&port_80, "[::1]"));
    }

    #[test]
    fn a_server_that_everyone_reaches_takes_any_name_unless_told() {
        let bound = "0.0.0.0:8080".parse().unwrap();
        assert!(takes(&Hosts::new(bound, Vec::new()), "any.example"));
        let told = Hosts::new(bound, vec!["one.example:443".parse().unwrap()]);
        assert!(takes(&told, "one.example:443") && takes(&told, "localhost:8080"));
        assert!(!takes(&told, "any.example") && !takes(&told, "one.example"));
    }

    #[test]
    fn what_is_no_name_is_said() {
        for text in ["", "a b", "http://a", "a:b", "a:", "a:70000", "me@a", "a/b"] {
            assert!(text.parse::<HostName>().is_err(), "{text}");
        }
    }
}
