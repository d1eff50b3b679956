//! The files of the site: style, islands, icon. Inside the binary in a release build, read from disk in a debug build.

use axum::{
    body::Body,
    http::{
        HeaderMap, HeaderValue, StatusCode, Uri,
        header::{ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY},
    },
    response::{IntoResponse, Response},
};
use rust_embed::RustEmbed;

#[derive(RustEmbed)]
#[folder = "target/site"]
#[allow_missing = true]
struct Files;

/// Directory of the hashed files. Its name is a hash of their contents, so they never change and are kept for ever.
pub(super) fn package_dir() -> String {
    let found = Files::iter().find_map(|path| {
        let mut parts = path.split('/');
        (parts.next() == Some("pkg")).then(|| parts.next().map(|hash| format!("pkg/{hash}"))).flatten()
    });
    found.unwrap_or_else(|| {
        tracing::warn!("the site was not built: pages have no style and no islands; run `cargo xtask build`");
        "pkg/none".to_owned()
    })
}

/// A file of the site, or nothing.
pub(super) async fn file(uri: Uri, headers: HeaderMap) -> Response {
    find(uri.path(), &headers).unwrap_or_else(|| StatusCode::NOT_FOUND.into_response())
}

fn find(path: &str, headers: &HeaderMap) -> Option<Response> {
    let name = path.trim_start_matches('/');
    if name.is_empty() || name.ends_with(".br") || name.ends_with(".gz") {
        return None;
    }
    let accepted = headers.get(ACCEPT_ENCODING).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let accepts = |coding: &str| {
        accepted.split(',').any(|part| {
            let (name, weight) = part.trim().split_once(";q=").unwrap_or((part.trim(), "1"));
            name.trim() == coding && weight.trim().parse::<f32>().is_ok_and(|q| q > 0.0)
        })
    };
    let plain = Files::get(name)?;
    let (content, coding) = [("br", ".br"), ("gzip", ".gz")]
        .into_iter()
        .filter(|(coding, _)| accepts(coding))
        .find_map(|(coding, ending)| Some((Files::get(&format!("{name}{ending}"))?, Some(coding))))
        .unwrap_or((plain, None));
    let etag = format!("\"{}\"", hex::encode(content.metadata.sha256_hash()));
    let fresh = headers.get(IF_NONE_MATCH).and_then(|v| v.to_str().ok()).is_some_and(|v| v.split(',').any(|t| t.trim() == etag));
    let mut response = if fresh { StatusCode::NOT_MODIFIED.into_response() } else { Body::from(content.data).into_response() };
    let out = response.headers_mut();
    let kind = match name.rsplit('.').next() {
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("wasm") => "application/wasm",
        Some("svg") => "image/svg+xml",
        Some("txt") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    };
    out.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    out.insert(VARY, HeaderValue::from_static("accept-encoding"));
    let keep = if name.starts_with("pkg/") { "public, max-age=31536000, immutable" } else { "public, max-age=3600" };
    out.insert(CACHE_CONTROL, HeaderValue::from_static(keep));
    if let Ok(etag) = HeaderValue::from_str(&etag) {
        out.insert(ETAG, etag);
    }
    if let Some(coding) = coding {
        out.insert(CONTENT_ENCODING, HeaderValue::from_static(coding));
    }
    Some(response)
}
