//! What is asked of every request before anything looks at it.

use axum::extract::Request;
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_ENCODING, TRANSFER_ENCODING};

use crate::body;
use crate::error::ApiError;
use crate::state::AppState;

/// The longest target of a request, in bytes.
const LONGEST_TARGET: usize = 8 << 10;

/// Refuses what no path takes.
pub(crate) fn check(state: &AppState, request: &Request) -> Result<(), ApiError> {
    let (uri, headers) = (request.uri(), request.headers());
    state.hosts.check(request.version(), uri, headers)?;
    let target = uri.path_and_query().map_or(0, |target| target.as_str().len());
    if target > LONGEST_TARGET {
        return Err(ApiError::LongTarget(target));
    }
    encodings(headers)?;
    body::announced(headers, state.limits.body).map(drop)
}

/// Bodies are taken as they are, and in chunks; nothing unpacks them.
fn encodings(headers: &HeaderMap) -> Result<(), ApiError> {
    for value in headers.get_all(CONTENT_ENCODING) {
        if !value.as_bytes().eq_ignore_ascii_case(b"identity") {
            let message = format!("content-encoding: expected identity, found {value:?}");
            return Err(ApiError::MediaType(message));
        }
    }
    for value in headers.get_all(TRANSFER_ENCODING) {
        if !value.as_bytes().eq_ignore_ascii_case(b"chunked") {
            return Err(ApiError::Bad(format!("transfer-encoding: expected chunked, found {value:?}")));
        }
    }
    Ok(())
}
