//! For `cargo xtask dev`: an open page comes again when the server it came from was built again.

use axum::{
    Router,
    http::header::CONTENT_TYPE,
    response::sse::{Event, KeepAlive, Sse},
    routing::get,
};
use std::{convert::Infallible, time::Duration};

/// The script that a page loads.
pub(crate) const SCRIPT: &str = "/dev/reload.js";

/// Says which process answers. After a break the browser asks again by itself, and another process has another name.
const LISTEN: &str = r#"
let first;
new EventSource("/dev/process").onmessage = ({ data }) => {
  first ??= data;
  if (data !== first) location.reload();
};
"#;

/// How soon a browser asks again after a break.
const ASK_AGAIN: Duration = Duration::from_millis(300);

pub(super) fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    let process = uuid::Uuid::new_v4().to_string();
    let events = move || {
        let first = Event::default().retry(ASK_AGAIN).data(&process);
        let stream = once(first);
        async move { Sse::new(stream).keep_alive(KeepAlive::default()) }
    };
    Router::new()
        .route(SCRIPT, get(async || ([(CONTENT_TYPE, "text/javascript; charset=utf-8")], LISTEN)))
        .route("/dev/process", get(events))
}

/// One event, and then silence until either side goes.
fn once(event: Event) -> impl futures_util::Stream<Item = Result<Event, Infallible>> {
    use futures_util::StreamExt;
    futures_util::stream::iter([Ok(event)]).chain(futures_util::stream::pending())
}
