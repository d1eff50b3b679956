//! How much somebody may send at once.

use super::connections::Arriving;
use crate::paths;
use axum::{
    body::Body,
    extract::Request,
    http::{StatusCode, header::CONNECTION},
    middleware::Next,
    response::{IntoResponse, Response},
};
use bytes::BytesMut;
use http_body_util::BodyExt;
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{sync::Semaphore, time::timeout};

/// Most bytes of a form: the longest comment, percent-encoded, is well below.
const FORM: usize = 64 * 1024;

/// Most bytes of the form that takes a pasted list: ten thousand ids are below half of it.
const LIST: usize = 1024 * 1024;

/// Bodies above [`FORM`] that are kept at once, until they are answered. The next one waits.
static LONG: Semaphore = Semaphore::const_new(8);

/// Whether a path is that of a server function.
pub(super) fn is_function(path: &str) -> bool {
    path.starts_with("/api/")
}

/// Most bytes of a refused body that are read on, so that the browser hears the answer instead of losing the connection.
const READ_ON: usize = 32 * 1024 * 1024;

/// Longest time for a body.
const BODY_MAX: Duration = Duration::from_secs(20);

/// A body above [`FORM`], of which no more is kept before it is known who sends it.
#[derive(Clone)]
struct LongBody(Arc<Mutex<Option<(BytesMut, Body)>>>);

impl LongBody {
    /// What has arrived and what is still to come; nothing when it was taken already.
    fn take(&self) -> Option<(BytesMut, Body)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Reads the whole body first, within its limits: a handler never waits for a sender. What is too long, or is refused before all of it
/// is there, is read on to a bound and answered in words.
pub(super) async fn body(request: Request, next: Next) -> Response {
    let takes_lists = request.uri().path() == paths::PICK;
    let (mut parts, body) = request.into_parts();
    let (begun, rest) = match timeout(BODY_MAX, collected(BytesMut::new(), body, FORM)).await {
        Ok(Ok(read)) => read,
        Ok(Err(_)) => return broken_off(),
        Err(_) => return too_slow(),
    };
    let Some(rest) = rest else {
        parts.extensions.remove::<Arriving>().inspect(Arriving::arrived);
        return next.run(Request::from_parts(parts, Body::from(begun.freeze()))).await;
    };
    if !takes_lists {
        return read_on(rest, StatusCode::PAYLOAD_TOO_LARGE.into_response()).await;
    }
    let long = LongBody(Arc::new(Mutex::new(Some((begun, rest)))));
    parts.extensions.insert(long.clone());
    let response = next.run(Request::from_parts(parts, Body::empty())).await;
    match long.take() {
        Some((_, rest)) => read_on(rest, response).await,
        None => response,
    }
}

/// Reads what is left of a long body, of somebody who may be answered.
pub(super) async fn long_body(request: Request, next: Next) -> Response {
    let Some((begun, rest)) = request.extensions().get::<LongBody>().and_then(LongBody::take) else {
        return next.run(request).await;
    };
    let Ok(_place) = LONG.acquire().await else { return too_slow() };
    let whole = match timeout(BODY_MAX, collected(begun, rest, LIST)).await {
        Ok(Ok((whole, None))) => whole.freeze(),
        Ok(Ok((_, Some(rest)))) => return read_on(rest, StatusCode::PAYLOAD_TOO_LARGE.into_response()).await,
        Ok(Err(_)) => return broken_off(),
        Err(_) => return too_slow(),
    };
    let (mut parts, _) = request.into_parts();
    parts.extensions.remove::<Arriving>().inspect(Arriving::arrived);
    next.run(Request::from_parts(parts, Body::from(whole))).await
}

/// Reads until the end, or until there are more than `most` bytes: then what is left comes as well.
async fn collected(mut kept: BytesMut, mut body: Body, most: usize) -> Result<(BytesMut, Option<Body>), axum::Error> {
    while kept.len() <= most {
        let Some(frame) = body.frame().await else { return Ok((kept, None)) };
        if let Ok(data) = frame?.into_data() {
            kept.extend_from_slice(&data);
        }
    }
    Ok((kept, Some(body)))
}

/// Reads on for a while what is not kept, so that the sender hears the answer.
async fn read_on(mut body: Body, response: Response) -> Response {
    let reading = async {
        let mut left = READ_ON;
        while let Some(Ok(frame)) = body.frame().await {
            let length = frame.into_data().map_or(0, |data| data.len());
            match left.checked_sub(length) {
                Some(less) => left = less,
                None => break,
            }
        }
    };
    // Whoever sends more, or more slowly, may lose the answer.
    let _ = timeout(BODY_MAX, reading).await;
    ([(CONNECTION, "close")], response).into_response()
}

/// Whoever sends so has broken off, or sends no HTTP.
fn broken_off() -> Response {
    (StatusCode::BAD_REQUEST, [(CONNECTION, "close")]).into_response()
}

fn too_slow() -> Response {
    (StatusCode::REQUEST_TIMEOUT, [(CONNECTION, "close")]).into_response()
}
