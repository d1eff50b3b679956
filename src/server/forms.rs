//! What a form must be before a server function reads it, and what is said when it cannot be read.

use super::limits::is_function;
use axum::{
    extract::Request,
    http::{
        HeaderValue, Method, StatusCode,
        header::{CONTENT_TYPE, HOST, LOCATION, REFERER},
    },
    middleware::Next,
    response::{IntoResponse, Response},
};

/// Forms are sent as browsers send them, and lead back to pages of ours only. One with missing or unreadable fields is answered by a
/// sentence: it was changed on its way, or comes from an older page.
pub(super) async fn readable(mut request: Request, next: Next) -> Response {
    if !is_function(request.uri().path()) {
        return next.run(request).await;
    }
    if *request.method() == Method::POST && !is_form(&request) {
        return StatusCode::UNSUPPORTED_MEDIA_TYPE.into_response();
    }
    // Leptos goes back there without asking whose page it is.
    if !refers_to_us(&request) {
        request.headers_mut().remove(REFERER);
    }
    let response = next.run(request).await;
    if is_unread(&response) { StatusCode::UNPROCESSABLE_ENTITY.into_response() } else { response }
}

fn is_form(request: &Request) -> bool {
    let kind = request.headers().get(CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    // A form without fields may come without a kind.
    kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") || request.headers().get(CONTENT_TYPE).is_none()
}

fn refers_to_us(request: &Request) -> bool {
    let text = |value: Option<&HeaderValue>| value.and_then(|v| v.to_str().ok()).map(str::to_owned);
    let (Some(referer), Some(host)) = (text(request.headers().get(REFERER)), text(request.headers().get(HOST))) else { return false };
    let rest = referer.strip_prefix("https://").or_else(|| referer.strip_prefix("http://"));
    rest.is_some_and(|rest| rest.split(['/', '?', '#']).next().is_some_and(|of| of.eq_ignore_ascii_case(&host)))
}

/// Leptos answers fields that it cannot read with its own error, or leads back to the page with it.
fn is_unread(response: &Response) -> bool {
    let leads_back = response.headers().get(LOCATION).and_then(|v| v.to_str().ok()).is_some_and(|to| to.contains("__err="));
    leads_back || response.status() == StatusCode::UNPROCESSABLE_ENTITY
}
