//! What the outer layers refuse before a page is made, as a page a person can read: too large, from elsewhere, too slow.

use super::preferences::language;
use axum::{
    extract::{Request, State},
    http::{
        HeaderMap, HeaderValue, StatusCode,
        header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE},
    },
    middleware::Next,
    response::Response,
};

/// Gives a bare refusal a body in the reader's language. Programs, which do not ask for HTML, get it as it was.
pub(super) async fn in_words(State(package): State<String>, request: Request, next: Next) -> Response {
    let wants_html = header(request.headers(), &ACCEPT).contains("text/html");
    let lang = language(request.headers());
    let mut response = next.run(request).await;
    if !wants_html || header(response.headers(), &CONTENT_TYPE).starts_with("text/html") {
        return response;
    }
    let (title, text) = match response.status() {
        StatusCode::PAYLOAD_TOO_LARGE => (lang.too_much_title(), lang.too_much_text()),
        StatusCode::FORBIDDEN => (lang.elsewhere_title(), lang.elsewhere_text()),
        StatusCode::GATEWAY_TIMEOUT => (lang.slow_title(), lang.slow_text()),
        StatusCode::INTERNAL_SERVER_ERROR => (lang.failed_title(), lang.failed_text()),
        _ => return response,
    };
    let page = format!(
        "<!DOCTYPE html><html lang=\"{tag}\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width, \
         initial-scale=1\"><meta name=\"color-scheme\" content=\"light dark\"><title>{title} · Patchboard</title><link rel=\"stylesheet\" \
         href=\"/{package}/patchboard.css\"></head><body><main class=\"empty\"><h1>{title}</h1><p>{text}</p><p><a class=\"button\" \
         href=\"/\">{home}</a></p></main></body></html>",
        tag = lang.tag(),
        home = lang.to_instances(),
    );
    *response.body_mut() = page.into();
    response.headers_mut().remove(CONTENT_LENGTH);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    response
}

fn header<'a>(headers: &'a HeaderMap, name: &axum::http::HeaderName) -> &'a str {
    headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default()
}
