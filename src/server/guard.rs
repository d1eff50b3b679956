//! Until accounts exist, whoever reaches the port may use it: so nobody but this machine must reach it.

use axum::{
    extract::Request,
    http::{StatusCode, header::HOST},
    middleware::Next,
    response::{IntoResponse, Response},
};
use std::net::IpAddr;

/// Refuses a `Host` that is not this machine's loopback. A page elsewhere could otherwise point its own name at 127.0.0.1 and
/// be same-origin with us (DNS rebinding).
pub(super) async fn loopback_host(request: Request, next: Next) -> Response {
    let host = request.headers().get(HOST).and_then(|h| h.to_str().ok()).or_else(|| request.uri().host());
    match host {
        Some(host) if is_loopback(host) => next.run(request).await,
        _ => (
            StatusCode::MISDIRECTED_REQUEST,
            "This Patchboard has no accounts yet and answers on this machine's loopback only. Open it as http://127.0.0.1 or http://localhost.\n",
        )
            .into_response(),
    }
}

fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::is_loopback;

    #[test]
    fn only_this_machine_is_answered() {
        for host in ["localhost", "localhost:3000", "127.0.0.1:3000", "127.8.8.8", "[::1]:3000"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in ["evil.example", "evil.example:3000", "10.0.0.1", "127.0.0.1.evil.example", "", "[::2]"] {
            assert!(!is_loopback(host), "{host}");
        }
    }
}
