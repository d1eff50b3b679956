//! Logs: structured, with the request's id, never a body and never a header that may hold a secret.

use crate::server::config::LogFormat;
use axum::{extract::Request, middleware::Next, response::Response};
use std::io::IsTerminal;
use tower_http::request_id::RequestId;
use tracing_subscriber::{EnvFilter, layer::SubscriberExt, util::SubscriberInitExt};

/// Starts logging to standard error. Calling it twice keeps the first.
pub(super) fn start(format: LogFormat, level: &str) {
    let filter = EnvFilter::try_new(level).unwrap_or_else(|_| EnvFilter::new("info"));
    let registry = tracing_subscriber::registry().with(filter);
    // A second start is a test or a subcommand in the same process.
    let _ = match format {
        LogFormat::Text => registry
            .with(tracing_subscriber::fmt::layer().with_ansi(std::io::stderr().is_terminal()).with_writer(std::io::stderr))
            .try_init(),
        LogFormat::Json => registry.with(tracing_subscriber::fmt::layer().json().with_writer(std::io::stderr)).try_init(),
    };
}

/// Takes away an id that somebody else chose, unless it is one: it stands in logs and answers.
pub(super) async fn safe_request_id(mut request: Request, next: Next) -> Response {
    let given = request.headers().get("x-request-id").and_then(|v| v.to_str().ok());
    let good = given.is_none_or(|id| (1..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'));
    if !good {
        request.headers_mut().remove("x-request-id");
    }
    next.run(request).await
}

/// The span of a request: method, path without query, id.
pub(super) fn request_span<B>(request: &Request<B>) -> tracing::Span {
    let id = request.extensions().get::<RequestId>().and_then(|id| id.header_value().to_str().ok()).unwrap_or_default();
    tracing::info_span!("request", method = %request.method(), path = request.uri().path(), request.id = id)
}
