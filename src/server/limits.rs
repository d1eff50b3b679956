//! How much somebody may send at once.

use super::connections::Arriving;
use crate::paths;
use axum::{
    body::{Body, Bytes},
    extract::Request,
    http::{StatusCode, header::CONNECTION},
    middleware::Next,
    response::{IntoResponse, Response},
};
use bytes::BytesMut;
use http_body_util::BodyExt;
use std::time::Duration;
use tokio::{sync::Semaphore, time::timeout};

/// Most bytes of a form: the longest comment, percent-encoded, is well below.
const FORM: usize = 64 * 1024;

/// Most bytes of the form that takes a pasted list: ten thousand ids are below half of it.
const LIST: usize = 1024 * 1024;

/// Bodies above [`FORM`] that are read at once, whoever sends them. The next one waits.
static LONG: Semaphore = Semaphore::const_new(8);

/// Whether a path is that of a server function.
pub(super) fn is_function(path: &str) -> bool {
    path.starts_with("/api/")
}

/// Most bytes of a refused body that are read on, so that the browser hears the answer instead of losing the connection.
const READ_ON: usize = 32 * 1024 * 1024;

/// Longest time for a body.
const BODY_MAX: Duration = Duration::from_secs(20);

/// Reads the whole body first, within its limits: a handler never waits for a sender. What is too long is read on to a bound and
/// answered in words.
pub(super) async fn body(request: Request, next: Next) -> Response {
    let most = if request.uri().path() == paths::PICK { LIST } else { FORM };
    let (mut parts, body) = request.into_parts();
    match timeout(BODY_MAX, collected(body, most)).await {
        Ok(Ok(Some(bytes))) => {
            parts.extensions.remove::<Arriving>().inspect(Arriving::arrived);
            next.run(Request::from_parts(parts, Body::from(bytes))).await
        }
        Ok(Ok(None)) => (StatusCode::PAYLOAD_TOO_LARGE, [(CONNECTION, "close")]).into_response(),
        // Whoever sends so has broken off, or sends no HTTP.
        Ok(Err(_)) => (StatusCode::BAD_REQUEST, [(CONNECTION, "close")]).into_response(),
        Err(_) => (StatusCode::REQUEST_TIMEOUT, [(CONNECTION, "close")]).into_response(),
    }
}

/// The bytes of a body; nothing when it is longer than `most`.
async fn collected(mut body: Body, most: usize) -> Result<Option<Bytes>, axum::Error> {
    let (mut kept, mut length, mut place) = (BytesMut::new(), 0, None);
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else { continue };
        length += data.len();
        if length > FORM && length <= most && place.is_none() {
            place = LONG.acquire().await.ok();
        }
        if length <= most {
            kept.extend_from_slice(&data);
        } else if length > READ_ON {
            return Ok(None);
        }
    }
    Ok((length <= most).then(|| kept.freeze()))
}
