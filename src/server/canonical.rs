//! One spelling for each address, made before anything else looks at it. What differs is redirected or refused, so that no two layers
//! can read the same request differently.

use crate::paths;
use axum::{
    extract::Request,
    http::{
        Method, StatusCode, Uri,
        header::{ALLOW, LOCATION},
    },
    middleware::Next,
    response::{IntoResponse, Response},
};
use percent_encoding::percent_decode_str;

/// Most bytes of path and query: several times the longest filter that a form can make.
const TARGET_MAX: usize = 8 * 1024;

/// Why a request target is not answered as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Target {
    /// It is spelled as we spell it.
    Canonical,
    /// The same address has another spelling.
    Other(String),
    /// It is no address of ours, however it is read.
    Refused,
    /// It is too long.
    TooLong,
}

/// Answers what is not spelled canonically; everything else goes on.
pub(super) async fn canonical_target(request: Request, next: Next) -> Response {
    if !matches!(*request.method(), Method::GET | Method::HEAD | Method::POST) {
        return (StatusCode::METHOD_NOT_ALLOWED, [(ALLOW, "GET, HEAD, POST")]).into_response();
    }
    match read(request.uri()) {
        Target::Canonical => next.run(request).await,
        Target::Other(to) if request.method().is_safe() => (StatusCode::PERMANENT_REDIRECT, [(LOCATION, to)]).into_response(),
        Target::Other(_) | Target::Refused => StatusCode::BAD_REQUEST.into_response(),
        Target::TooLong => StatusCode::URI_TOO_LONG.into_response(),
    }
}

fn read(uri: &Uri) -> Target {
    // Authority, absolute and asterisk form are for proxies.
    let (None, None, Some(target)) = (uri.scheme(), uri.authority(), uri.path_and_query()) else { return Target::Refused };
    if target.as_str().len() > TARGET_MAX {
        return Target::TooLong;
    }
    // PostgreSQL keeps no such text.
    if target.query().is_some_and(|query| query.contains("%00")) {
        return Target::Refused;
    }
    match canonical_path(target.path()) {
        None => Target::Refused,
        Some(path) if path == target.path() => Target::Canonical,
        Some(path) => Target::Other(target.query().map(|query| format!("{path}?{query}")).unwrap_or(path)),
    }
}

/// The spelling of a path that [`paths`] uses. Nothing for a path that somebody could read otherwise: with empty or dot segments, with
/// what ends or escapes a segment once it is decoded, or with bytes that are no text.
fn canonical_path(path: &str) -> Option<String> {
    if path == "/" {
        return Some(path.to_owned());
    }
    let trimmed = path.strip_suffix('/').unwrap_or(path);
    let mut canonical = String::with_capacity(trimmed.len());
    for segment in trimmed.strip_prefix('/')?.split('/') {
        let decoded = decoded(segment)?;
        if decoded.is_empty() || matches!(decoded.as_str(), "." | "..") || decoded.contains(ends_a_segment) {
            return None;
        }
        canonical.push('/');
        canonical.push_str(&paths::segment(&decoded));
    }
    Some(canonical)
}

/// Whether a character could end or escape a segment of a path for some reader.
pub(super) fn ends_a_segment(c: char) -> bool {
    c.is_control() || matches!(c, '/' | '\\' | '%' | ';' | '?' | '#')
}

fn decoded(segment: &str) -> Option<String> {
    let escapes = segment.split('%').skip(1);
    let whole = |escape: &str| escape.len() >= 2 && escape.bytes().take(2).all(|b| b.is_ascii_hexdigit());
    if !escapes.clone().all(whole) {
        return None;
    }
    Some(percent_decode_str(segment).decode_utf8().ok()?.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_spelled_as_we_spell_it_goes_on() {
        for path in ["/", "/instances", "/plans/0190-ab", "/pkg/0a1b/patchboard.css", "/instances/a%20b/x", "/tasks/%E8%AE%A2/1"] {
            assert_eq!(canonical_path(path).as_deref(), Some(path));
        }
    }

    #[test]
    fn another_spelling_of_the_same_has_one_of_ours() {
        for (path, canonical) in [
            ("/instances/", "/instances"),
            ("/%69nstances", "/instances"),
            ("/tasks/%e8%ae%a2/1", "/tasks/%E8%AE%A2/1"),
            ("/instances/a+b/x", "/instances/a%2Bb/x"),
        ] {
            assert_eq!(canonical_path(path).as_deref(), Some(canonical));
        }
    }

    #[test]
    fn what_could_be_read_otherwise_is_none() {
        for path in [
            "",
            "instances",
            "*",
            "//",
            "//instances",
            "/x//y",
            "/./instances",
            "/x/../instances",
            "/%2e/instances",
            "/x/%2E%2e/instances",
            "/%252e/instances",
            "/x%2f..%2finstances",
            "/x%5c..%5cinstances",
            "/x\\..\\instances",
            "/instances;x=1",
            "/instances%3bx",
            "/x%00",
            "/x%0a",
            "/x%",
            "/x%2",
            "/x%zz",
            "/%c0%ae/instances",
            "/%ff",
            "/instances%3fq",
            "/instances%23q",
        ] {
            assert_eq!(canonical_path(path), None, "{path}");
        }
    }
}
