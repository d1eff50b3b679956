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
use tokio::{
    sync::Semaphore,
    time::{Instant, timeout, timeout_at},
};

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

/// Longest time for a place among the long bodies.
const PLACE_MAX: Duration = Duration::from_secs(5);

/// A body above [`FORM`], of which no more is kept before it is known who sends it, and until when it must have arrived.
#[derive(Clone)]
struct LongBody(Arc<Mutex<Option<(BytesMut, Body)>>>, Instant);

impl LongBody {
    /// What has arrived and what is still to come; nothing when it was taken already.
    fn take(&self) -> Option<(BytesMut, Body)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Reads the whole body first, within its limits: a handler never waits for a sender. What is too long, or is refused before all of it
/// is there, is read on to a bound and answered in words.
pub(super) async fn body(request: Request, next: Next) -> Response {
    let (takes_lists, until) = (request.uri().path() == paths::PICK, Instant::now() + BODY_MAX);
    let (mut parts, body) = request.into_parts();
    let (begun, rest) = match timeout_at(until, collected(BytesMut::new(), body, FORM)).await {
        Ok(Ok(read)) => read,
        Ok(Err(_)) => return broken_off(),
        Err(_) => return too_slow(),
    };
    let Some(rest) = rest else {
        parts.extensions.remove::<Arriving>().inspect(Arriving::arrived);
        return next.run(Request::from_parts(parts, Body::from(begun.freeze()))).await;
    };
    if !takes_lists {
        drop(begun);
        return read_on(rest, until, StatusCode::PAYLOAD_TOO_LARGE.into_response()).await;
    }
    let long = LongBody(Arc::new(Mutex::new(Some((begun, rest)))), until);
    parts.extensions.insert(long.clone());
    let response = next.run(Request::from_parts(parts, Body::empty())).await;
    let Some((begun, rest)) = long.take() else { return response };
    drop(begun);
    read_on(rest, until, response).await
}

/// Reads what is left of a long body, of somebody who may be answered.
pub(super) async fn long_body(request: Request, next: Next) -> Response {
    let Some(long) = request.extensions().get::<LongBody>().cloned() else { return next.run(request).await };
    // Others at once that are as long: the body is left to whoever reads it on, and nothing was done.
    let Ok(Ok(_place)) = timeout(PLACE_MAX, LONG.acquire()).await else { return StatusCode::REQUEST_TIMEOUT.into_response() };
    let Some((begun, rest)) = long.take() else { return next.run(request).await };
    let whole = match timeout_at(long.1, collected(begun, rest, LIST)).await {
        Ok(Ok((whole, None))) => whole.freeze(),
        Ok(Ok((whole, Some(rest)))) => {
            drop(whole);
            return read_on(rest, long.1, StatusCode::PAYLOAD_TOO_LARGE.into_response()).await;
        }
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
async fn read_on(mut body: Body, until: Instant, response: Response) -> Response {
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
    let _ = timeout_at(until, reading).await;
    ([(CONNECTION, "close")], response).into_response()
}

/// Whoever sends so has broken off, or sends no HTTP.
fn broken_off() -> Response {
    (StatusCode::BAD_REQUEST, [(CONNECTION, "close")]).into_response()
}

fn too_slow() -> Response {
    (StatusCode::REQUEST_TIMEOUT, [(CONNECTION, "close")]).into_response()
}
