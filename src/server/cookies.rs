//! Cookies of ours: one way to name, read and write them.

use crate::i18n::Lang;
use axum::http::{
    HeaderMap, HeaderValue,
    header::{ACCEPT_LANGUAGE, COOKIE},
};

/// The session.
pub(super) const SESSION: &str = "patchboard";
/// The browser somebody signed in from before.
pub(super) const DEVICE: &str = "patchboard-device";
/// A sign-in that is on its way at a provider.
pub(super) const AWAY: &str = "patchboard-away";
/// Seconds that such a sign-in may take.
pub(super) const AWAY_SECONDS: i64 = 600;
/// Seconds that a browser and a preference are remembered: a year.
pub(super) const YEAR: i64 = 31_536_000;

/// The name as it travels. Where pages come by TLS the prefix makes the browser refuse a cookie that another host, another path or
/// plain HTTP has set.
fn name(plain: &str, secure: bool) -> String {
    if secure { format!("__Host-{plain}") } else { plain.to_owned() }
}

/// The value of a cookie.
pub(super) fn read<'a>(headers: &'a HeaderMap, plain: &str, secure: bool) -> Option<&'a str> {
    let wanted = name(plain, secure);
    headers.get_all(COOKIE).iter().filter_map(|v| v.to_str().ok()).flat_map(|v| v.split(';')).find_map(|pair| {
        let (key, value) = pair.trim().split_once('=')?;
        (key == wanted).then_some(value)
    })
}

/// A `Set-Cookie` value: never for scripts, for this host only. `None` for the age takes the cookie away.
pub(super) fn write(plain: &str, value: &str, secure: bool, age: Option<i64>) -> Option<HeaderValue> {
    let flags = if secure { "; Secure" } else { "" };
    let text = format!("{}={value}; Path=/; Max-Age={}; SameSite=Lax; HttpOnly{flags}", name(plain, secure), age.unwrap_or(0));
    HeaderValue::from_str(&text).ok()
}

/// The language of a reader: what was chosen, then what the browser asks for.
pub(super) fn language(headers: &HeaderMap, secure: bool) -> Lang {
    let accepted = headers.get(ACCEPT_LANGUAGE).and_then(|v| v.to_str().ok());
    read(headers, "lang", secure).or(accepted).and_then(Lang::from_header).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_of_plain_http_is_not_taken_for_one_of_tls() {
        let mut headers = HeaderMap::new();
        headers.insert(COOKIE, HeaderValue::from_static("a=b; patchboard=plain; __Host-patchboard=tls"));
        assert_eq!(read(&headers, SESSION, true), Some("tls"));
        assert_eq!(read(&headers, SESSION, false), Some("plain"));
        assert_eq!(read(&headers, "patch", false), None);
        let set = write(SESSION, "t", true, Some(60)).unwrap();
        assert_eq!(set, "__Host-patchboard=t; Path=/; Max-Age=60; SameSite=Lax; HttpOnly; Secure");
    }
}
