//! The page that one draws on: three files in the binary.

use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};

pub(crate) async fn html() -> Response {
    file("text/html; charset=utf-8", include_str!("page/index.html"))
}

pub(crate) async fn script() -> Response {
    file("text/javascript; charset=utf-8", include_str!("page/page.js"))
}

pub(crate) async fn style() -> Response {
    file("text/css; charset=utf-8", include_str!("page/page.css"))
}

pub(crate) async fn openapi() -> Response {
    file("application/json", include_str!("openapi.json"))
}

fn file(media: &'static str, content: &'static str) -> Response {
    ([(CONTENT_TYPE, media)], content).into_response()
}
