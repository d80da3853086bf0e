//! Errors as JSON: `{"error": {"code": "too_large", "message": "..."}}`.

use axum::Json;
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
    /// Too many requests are in work already.
    Busy,
    /// A fault of the server.
    Internal(String),
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let (status, code, message) = match self {
            Self::Bad(message) => (StatusCode::BAD_REQUEST, "bad_request", message),
            Self::NotFound => {
                (StatusCode::NOT_FOUND, "not_found", "see /openapi.json for what there is".into())
            }
            Self::Method => {
                (StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "see the header `Allow`".into())
            }
            Self::Timeout => (StatusCode::REQUEST_TIMEOUT, "timeout", "the request took too long".into()),
            Self::TooLarge(message) => (StatusCode::PAYLOAD_TOO_LARGE, "too_large", message),
            Self::MediaType(message) => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "media_type", message),
            Self::Busy => (
                StatusCode::TOO_MANY_REQUESTS,
                "busy",
                "too many requests at once, try again in a second".into(),
            ),
            Self::Internal(message) => (StatusCode::INTERNAL_SERVER_ERROR, "internal", message),
        };
        let mut response =
            (status, Json(json!({ "error": { "code": code, "message": message } }))).into_response();
        if status == StatusCode::TOO_MANY_REQUESTS {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}
