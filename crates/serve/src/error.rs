//! Errors as JSON: `{"error": {"code": "too_large", "message": "..."}}`.

use std::borrow::Cow;

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// A reason why a request gets no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ApiError {
    /// The request is malformed or out of range.
    Bad(String),
    /// There is nothing at this path.
    NotFound,
    /// The path does not take this method.
    Method,
    /// The request took too long.
    Timeout,
    /// The request is larger than the limits allow.
    TooLarge(String),
    /// The body is of another media type.
    MediaType(String),
    /// The request is one to another server: its `Host`.
    Host(String),
    /// The target of the request is so long, in bytes.
    LongTarget(usize),
    /// The head of the request is too long or has too many fields.
    LargeHead,
    /// Too many requests are in work already.
    Busy,
    /// The bodies of other requests take the memory that there is for bodies.
    NoRoom,
    /// A fault of the server.
    Internal(String),
}

impl ApiError {
    fn parts(&self) -> (StatusCode, &'static str, Cow<'_, str>) {
        match self {
            Self::Bad(message) => (StatusCode::BAD_REQUEST, "bad_request", message.into()),
            Self::NotFound => {
                (StatusCode::NOT_FOUND, "not_found", "see /openapi.json for what there is".into())
            }
            Self::Method => {
                (StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "see the header `Allow`".into())
            }
            Self::Timeout => (StatusCode::REQUEST_TIMEOUT, "timeout", "the request took too long".into()),
            Self::TooLarge(message) => (StatusCode::PAYLOAD_TOO_LARGE, "too_large", message.into()),
            Self::MediaType(message) => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "media_type", message.into()),
            Self::Host(host) => (
                StatusCode::MISDIRECTED_REQUEST,
                "host",
                format!("host: expected a name of this server, found {host:?}; `--allow-host` adds names")
                    .into(),
            ),
            Self::LongTarget(length) => {
                let message = format!("the target of the request is too long: {length} bytes or more");
                (StatusCode::URI_TOO_LONG, "long_target", message.into())
            }
            Self::LargeHead => {
                let message = "the head of the request is too long or has too many fields";
                (StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "large_head", message.into())
            }
            Self::Busy => {
                let message = "too many requests at once, try again in a second";
                (StatusCode::TOO_MANY_REQUESTS, "busy", message.into())
            }
            Self::NoRoom => {
                let message = "the bodies of other requests take the memory, try again in a second";
                (StatusCode::SERVICE_UNAVAILABLE, "no_room", message.into())
            }
            Self::Internal(message) => (StatusCode::INTERNAL_SERVER_ERROR, "internal", message.into()),
        }
    }

    /// The body that says it.
    pub(crate) fn to_json(&self) -> String {
        let (_, code, message) = self.parts();
        json!({ "error": { "code": code, "message": message } }).to_string()
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let (status, ..) = self.parts();
        let mut response =
            (status, [(header::CONTENT_TYPE, "application/json")], self.to_json()).into_response();
        if matches!(self, Self::Busy | Self::NoRoom) {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}
