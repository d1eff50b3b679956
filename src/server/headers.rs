//! Headers of every answer: what the browser may do with a page of ours.

use crate::paths;
use axum::{
    extract::{Request, State},
    http::{HeaderName, HeaderValue},
    middleware::Next,
    response::Response,
};
use leptos::nonce::Nonce;

/// One policy for each answer. Scripts run only with the answer's own nonce (and what such a script loads), WebAssembly may be
/// compiled but no text evaluated, styles come from files only, and nothing is loaded from or sent to anywhere else. What is kept
/// from happening is reported by `report-uri`, which every browser speaks, and not by its successor, which not every one does.
fn policy(nonce: &Nonce) -> String {
    format!(
        "default-src 'none'; script-src 'nonce-{nonce}' 'strict-dynamic' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self'; \
         connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'; object-src 'none'; \
         report-uri {reports}",
        reports = paths::REPORTS
    )
}

const FIXED: [(&str, &str); 7] = [
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    // Leptos returns a form without JavaScript to its referrer; another site learns nothing.
    ("referrer-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("permissions-policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"),
    ("cache-control", "no-store"),
];

/// Only where pages come by TLS: a year.
const HSTS: (&str, &str) = ("strict-transport-security", "max-age=31536000; includeSubDomains");

/// Gives the request a nonce and the answer its headers. What a handler has set itself stands.
pub(super) async fn secure(State(tls): State<bool>, mut request: Request, next: Next) -> Response {
    let nonce = Nonce::new();
    request.extensions_mut().insert(nonce.clone());
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in FIXED.into_iter().chain(tls.then_some(HSTS)) {
        headers.entry(HeaderName::from_static(name)).or_insert(HeaderValue::from_static(value));
    }
    if let Ok(value) = HeaderValue::from_str(&policy(&nonce)) {
        headers.insert(HeaderName::from_static("content-security-policy"), value);
    }
    response
}
