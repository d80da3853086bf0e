//! The pages of other origins that may read the answers (CORS): none, unless they are named.

use std::str::FromStr;

use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, ORIGIN, VARY,
};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use thiserror::Error;

/// Pages that may read the answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Those of every origin, `*`.
    Any,
    /// Those of one, as `https://digits.example`.
    One(String),
}

/// A text that is no origin.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("expected SCHEME://NAME[:PORT] without a path, as https://digits.example, or *, found {found:?}")]
pub struct OriginError {
    /// The text.
    pub found: String,
}

impl FromStr for Origin {
    type Err = OriginError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "*" {
            return Ok(Self::Any);
        }
        let wrong = || OriginError { found: text.into() };
        let uri: Uri = text.parse().map_err(|_| wrong())?;
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(wrong());
        };
        // As browsers write it: no path, no user, small letters.
        let written = format!("{scheme}://{authority}").to_ascii_lowercase();
        match written == text.to_ascii_lowercase() && !text.contains('@') {
            true => Ok(Self::One(written)),
            false => Err(wrong()),
        }
    }
}

/// The origins that a server lets read its answers.
pub(crate) struct Origins(pub(crate) Vec<Origin>);

impl Origins {
    /// The value of `Access-Control-Allow-Origin` for a request, if its page may read the answer.
    pub(crate) fn allowed(&self, headers: &HeaderMap) -> Option<HeaderValue> {
        if self.0.is_empty() {
            return None;
        }
        let origin = headers.get(ORIGIN)?;
        if self.0.contains(&Origin::Any) {
            return Some(HeaderValue::from_static("*"));
        }
        let is_named =
            |named: &Origin| matches!(named, Origin::One(named) if named.as_bytes() == origin.as_bytes());
        self.0.iter().any(is_named).then(|| origin.clone())
    }

    /// Puts what a browser must know of an answer onto it.
    pub(crate) fn mark(&self, response: &mut Response, allowed: Option<HeaderValue>) {
        if self.0.is_empty() {
            return;
        }
        // Also without an origin: a cache must not give that answer to a page.
        if !self.0.contains(&Origin::Any) {
            response.headers_mut().append(VARY, HeaderValue::from_static("origin"));
        }
        if let Some(origin) = allowed {
            response.headers_mut().insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            let exposed = HeaderValue::from_static("retry-after");
            response.headers_mut().insert(ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
        }
    }
}

/// Whether a browser asks if it may ask.
pub(crate) fn is_preflight(method: &Method, headers: &HeaderMap) -> bool {
    method == Method::OPTIONS && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}

/// The answer to a browser that asks if it may ask.
pub(crate) fn preflight() -> Response {
    let headers = [
        (ACCESS_CONTROL_ALLOW_METHODS, "GET, POST"),
        (ACCESS_CONTROL_ALLOW_HEADERS, "content-type"),
        (ACCESS_CONTROL_MAX_AGE, "600"),
        (VARY, "access-control-request-method, access-control-request-headers"),
    ];
    (StatusCode::NO_CONTENT, headers).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_a_scheme_a_name_and_a_port() {
        for text in ["https://digits.example", "http://localhost:3000", "http://[::1]:80"] {
            assert_eq!(text.parse(), Ok(Origin::One(text.into())));
        }
        assert_eq!("HTTPS://Digits.Example".parse(), Ok(Origin::One("https://digits.example".into())));
        assert_eq!("*".parse(), Ok(Origin::Any));
        for text in [
            "",
            "digits.example",
            "https://digits.example/",
            "https://a.example/path",
            "https://me@a.example",
            "null",
            "**",
        ] {
            assert!(text.parse::<Origin>().is_err(), "{text}");
        }
    }
}
