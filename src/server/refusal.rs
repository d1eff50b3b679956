//! Pages that are made without Leptos: what the outer layers refuse (too large, from elsewhere, too slow, not allowed), and the one
//! that shows a one-time code, which must not pass through an address.

use super::cookies::{language, read};
use crate::{i18n::Lang, viewer::Theme};
use axum::{
    extract::{Request, State},
    http::{
        HeaderMap, HeaderValue, StatusCode,
        header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE},
    },
    middleware::Next,
    response::{Html, IntoResponse, Response},
};
use patchboard_domain::authority::Denied;

/// What these pages need to know.
#[derive(Clone, Debug)]
pub(super) struct Look {
    /// Directory of the hashed files.
    pub(super) package: String,
    /// Pages come by TLS.
    pub(super) secure: bool,
}

/// Gives a bare refusal a body in the reader's language. Programs, which do not ask for HTML, get it as it was.
pub(super) async fn in_words(State(look): State<Look>, request: Request, next: Next) -> Response {
    let wants_html = header(request.headers(), &ACCEPT).contains("text/html");
    let lang = language(request.headers(), look.secure);
    let headers = request.headers().clone();
    let mut response = next.run(request).await;
    if !wants_html || header(response.headers(), &CONTENT_TYPE).starts_with("text/html") {
        return response;
    }
    let (title, text) = match response.status() {
        StatusCode::BAD_REQUEST | StatusCode::URI_TOO_LONG => (lang.bad_address_title(), lang.bad_address_text()),
        StatusCode::METHOD_NOT_ALLOWED | StatusCode::UNSUPPORTED_MEDIA_TYPE | StatusCode::UNPROCESSABLE_ENTITY => {
            (lang.bad_form_title(), lang.bad_form_text())
        }
        StatusCode::PAYLOAD_TOO_LARGE => (lang.too_much_title(), lang.too_much_text()),
        StatusCode::FORBIDDEN => (lang.elsewhere_title(), lang.elsewhere_text()),
        StatusCode::NOT_FOUND => (lang.not_found_title(), lang.not_found_text()),
        StatusCode::GATEWAY_TIMEOUT | StatusCode::REQUEST_TIMEOUT => (lang.slow_title(), lang.slow_text()),
        StatusCode::INTERNAL_SERVER_ERROR | StatusCode::SERVICE_UNAVAILABLE => (lang.failed_title(), lang.failed_text()),
        _ => return response,
    };
    *response.body_mut() = page(&headers, lang, &look, title, &format!("<p>{text}</p>")).into();
    response.headers_mut().remove(CONTENT_LENGTH);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    response
}

/// Somebody is signed in and may not.
pub(super) fn denied(headers: &HeaderMap, look: &Look, denied: &Denied) -> Response {
    let lang = language(headers, look.secure);
    let body = page(headers, lang, look, lang.denied_title(), &format!("<p>{}</p>", lang.denied(denied)));
    (StatusCode::FORBIDDEN, Html(body)).into_response()
}

/// A one-time code, to be handed over. It is not kept anywhere it could be read again.
pub(super) fn code_page(headers: &HeaderMap, look: &Look, name: &str, code: &str, origin: &str) -> Response {
    let lang = language(headers, look.secure);
    let address = escaped(&format!("{origin}{}", crate::paths::WELCOME));
    let text = format!(
        "<p><strong>{}</strong></p><p>{}</p><p class=\"big\"><code>{}</code></p><p>{}</p><p><code>{address}</code></p><p><a class=\"button\" href=\"{}\">{}</a></p>",
        escaped(&lang.code_for(name)),
        lang.code_text(),
        escaped(code),
        lang.code_where(),
        crate::paths::PEOPLE,
        lang.nav_people(),
    );
    Html(page(headers, lang, look, lang.code_title(), &text)).into_response()
}

/// What is said about the last code that was typed.
#[derive(Clone, Copy, Debug)]
pub(super) enum FactorSaid {
    Wrong,
    /// Seconds until another one counts.
    Wait(i64),
}

fn alert(text: &str) -> String {
    format!("<p class=\"banner error\" role=\"alert\">{text}</p>")
}

/// The secret of a second factor, as a picture and in letters, with a form for its first code. `picture` is SVG of ours.
pub(super) fn factor_page(headers: &HeaderMap, look: &Look, picture: &str, secret: &str, said: Option<FactorSaid>) -> Response {
    let lang = language(headers, look.secure);
    let groups: Vec<String> = secret.as_bytes().chunks(4).map(|g| String::from_utf8_lossy(g).into_owned()).collect();
    let notice = match said {
        None => String::new(),
        Some(FactorSaid::Wrong) => alert(lang.factor_wrong()),
        Some(FactorSaid::Wait(seconds)) => alert(&lang.sign_in_wait(seconds)),
    };
    let text = format!(
        "{notice}<p>{}</p><div class=\"picture\" role=\"img\" aria-label=\"{}\">{picture}</div><p>{}</p><p><code>{}</code></p>\
         <form method=\"post\" action=\"{}\" class=\"stack\"><label class=\"field\">{}<input name=\"code\" inputmode=\"numeric\" \
         autocomplete=\"one-time-code\" required autofocus></label><div class=\"actions\"><button class=\"primary\">{}</button>\
         <a class=\"button quiet\" href=\"{}\">{}</a></div></form>",
        lang.factor_scan(),
        lang.factor_picture(),
        lang.factor_type(),
        escaped(&groups.join(" ")),
        crate::paths::FACTOR_CONFIRM,
        lang.factor_first_code(),
        lang.factor_confirm(),
        crate::paths::ACCOUNT,
        lang.account_title(),
    );
    Html(page(headers, lang, look, lang.factor_title(), &text)).into_response()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// A whole page. `title` and `inner` are ours, or escaped.
fn page(headers: &HeaderMap, lang: Lang, look: &Look, title: &str, inner: &str) -> String {
    format!(
        "<!DOCTYPE html><html lang=\"{tag}\" data-theme=\"{theme}\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width, \
         initial-scale=1\"><meta name=\"color-scheme\" content=\"light dark\"><title>{title} · Patchboard</title><link rel=\"icon\" href=\"/favicon.svg\" type=\"image/svg+xml\"><link rel=\"stylesheet\" \
         href=\"/{package}/patchboard.css\"></head><body><main class=\"empty\"><h1>{title}</h1>{inner}<p><a class=\"button\" \
         href=\"/\">{home}</a></p></main></body></html>",
        theme = Theme::from_word(read(headers, "theme", look.secure).unwrap_or_default()).as_str(),
        package = look.package,
        tag = lang.tag(),
        home = lang.to_inbox(),
    )
}

fn header<'a>(headers: &'a HeaderMap, name: &axum::http::HeaderName) -> &'a str {
    headers.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default()
}
