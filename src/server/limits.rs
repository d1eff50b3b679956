//! How much somebody may send at once.

use crate::paths;
use axum::{
    body::Body,
    extract::Request,
    http::{StatusCode, header::CONTENT_LENGTH},
    middleware::Next,
    response::{IntoResponse, Response},
};
use http_body_util::Limited;

/// Most bytes of a form: the longest comment, percent-encoded, is well below.
const FORM: usize = 64 * 1024;

/// Most bytes of the form that takes a pasted list: ten thousand ids are below half of it.
const LIST: usize = 1024 * 1024;

/// Whether a path is that of a server function.
pub(super) fn is_function(path: &str) -> bool {
    path.starts_with("/api/")
}

/// Refuses a body that is longer than its form can be, when it says so or as soon as it is.
pub(super) async fn body(request: Request, next: Next) -> Response {
    let most = if request.uri().path() == paths::PICK { LIST } else { FORM };
    let declared = request.headers().get(CONTENT_LENGTH).and_then(|v| v.to_str().ok()).and_then(|v| v.parse::<usize>().ok());
    if declared.is_some_and(|n| n > most) {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    }
    next.run(request.map(|body| Body::new(Limited::new(body, most)))).await
}
