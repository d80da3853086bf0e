//! The page that one draws on: files in the binary. `cargo xtask page` puts the same files into a folder, with another
//! backend.

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;

/// Path, media type and content of each file.
const FILES: [(&str, &str, &str); 6] = [
    ("/", "text/html; charset=utf-8", include_str!("page/index.html")),
    ("/page.css", "text/css; charset=utf-8", include_str!("page/page.css")),
    ("/page.js", SCRIPT, include_str!("page/page.js")),
    ("/paper.js", SCRIPT, include_str!("page/paper.js")),
    ("/view.js", SCRIPT, include_str!("page/view.js")),
    ("/backend.js", SCRIPT, include_str!("page/server.js")),
];
const SCRIPT: &str = "text/javascript; charset=utf-8";

/// A route for each file.
pub(crate) fn add_to<S: Clone + Send + Sync + 'static>(router: Router<S>) -> Router<S> {
    FILES.into_iter().fold(router, |router, (path, media, content)| {
        router.route(path, get(async move || file(media, content)))
    })
}

/// The paths of the files.
pub(crate) fn paths() -> impl Iterator<Item = &'static str> {
    FILES.into_iter().map(|(path, ..)| path)
}

pub(crate) async fn openapi() -> Response {
    file("application/json", include_str!("openapi.json"))
}

fn file(media: &'static str, content: &'static str) -> Response {
    ([(CONTENT_TYPE, media)], content).into_response()
}
