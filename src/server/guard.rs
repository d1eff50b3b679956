//! Which names we answer to: those of this machine's loopback, and that of the public address.

use super::Front;
use crate::paths;
use axum::{
    extract::{Request, State},
    http::{
        HeaderMap, StatusCode,
        header::{CONNECTION, HOST},
    },
    middleware::Next,
    response::{IntoResponse, Response},
};
use std::net::IpAddr;

/// Refuses a request that can be read in two ways, and a `Host` that is not ours. A page elsewhere could otherwise point its own name at our address and be same-origin with
/// us (DNS rebinding).
pub(super) async fn our_host(State(hosts): State<Vec<String>>, request: Request, next: Next) -> Response {
    let headers = request.headers();
    // A proxy in front may have believed the other one (RFC 9112, 3.2). Of two lengths the HTTP library takes the chunks and closes
    // the connection afterwards (6.1).
    if headers.get_all(HOST).iter().count() > 1 {
        return (StatusCode::BAD_REQUEST, [(CONNECTION, "close")]).into_response();
    }
    let host = headers.get(HOST).and_then(|h| h.to_str().ok()).or_else(|| request.uri().host());
    match host {
        Some(host) if is_loopback(host) || hosts.iter().any(|h| h.eq_ignore_ascii_case(host)) => next.run(request).await,
        _ => (
            StatusCode::MISDIRECTED_REQUEST,
            "This Patchboard is not called so. Open it by its public address (server.public_url), or on its own machine by http://localhost.\n",
        )
            .into_response(),
    }
}

/// Refuses whatever changes something and does not come from a page of ours: browsers say so by `Sec-Fetch-Site`, older ones by
/// `Origin`. Whoever says neither is refused as well: no program has anything to change here without a page.
pub(super) async fn same_origin(State(front): State<Front>, request: Request, next: Next) -> Response {
    // Reports are sent by the browser itself, which says of them what it likes; nothing is changed by them.
    let harmless = request.method().is_safe() || request.uri().path() == paths::REPORTS;
    if harmless || is_ours(&front, request.headers()) {
        return next.run(request).await;
    }
    StatusCode::FORBIDDEN.into_response()
}

fn is_ours(front: &Front, headers: &HeaderMap) -> bool {
    let header = |name: &str| headers.get(name).and_then(|v| v.to_str().ok());
    match header("sec-fetch-site") {
        Some(site) => site == "same-origin",
        None => header("origin").is_some_and(|origin| origin.eq_ignore_ascii_case(&front.origin(headers))),
    }
}

fn is_loopback(host: &str) -> bool {
    let (name, port) = match host.strip_prefix('[') {
        Some(rest) => rest.split_once(']').unwrap_or((rest, "none")),
        None => host.split_once(':').map_or((host, ""), |(name, _)| (name, &host[name.len()..])),
    };
    let is_port =
        port.is_empty() || port.strip_prefix(':').is_some_and(|p| p.bytes().all(|b| b.is_ascii_digit()) && p.parse::<u16>().is_ok());
    is_port && (name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback()))
}

#[cfg(test)]
mod tests {
    use super::is_loopback;

    #[test]
    fn only_this_machine_is_answered() {
        for host in ["localhost", "localhost:3000", "127.0.0.1:3000", "127.8.8.8", "[::1]:3000"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in [
            "evil.example",
            "evil.example:3000",
            "10.0.0.1",
            "127.0.0.1.evil.example",
            "",
            "[::2]",
            "localhost:7301@evil.example",
            "127.0.0.1:x",
            "127.0.0.1:",
            "localhost:99999",
            "[::1",
            "[::1]x",
            "localhost@evil.example",
        ] {
            assert!(!is_loopback(host), "{host}");
        }
    }
}
