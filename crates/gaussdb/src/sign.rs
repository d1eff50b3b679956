//! AK/SK request signing, `SDK-HMAC-SHA256`, as the official SDK's `signer.py` does it.
//!
//! Pure text functions, used by the client to sign and by the simulator to check.

use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit, Mac};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use sha2::{Digest, Sha256};

/// Everything but the unreserved characters `A-Z a-z 0-9 _ . - ~`.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'_').remove(b'.').remove(b'-').remove(b'~');

/// Name of the algorithm, as it opens the `Authorization` header.
pub const ALGORITHM: &str = "SDK-HMAC-SHA256";

/// SHA-256 of nothing: the payload hash of a request without a body.
pub const EMPTY_HASH: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// Percent-encodes a path segment or a query part: upper-case hexadecimal of the UTF-8 bytes.
pub fn encode(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

/// A request as far as its signature goes.
#[derive(Clone, Debug)]
pub struct Signable<'a> {
    /// `GET`, `POST`, …
    pub method: &'a str,
    /// The path as sent, percent-encoded, without query.
    pub path: &'a str,
    /// Query pairs, **not** encoded.
    pub query: &'a [(String, String)],
    /// Headers to sign: names in any case, values as sent.
    pub headers: &'a [(String, String)],
    /// The body bytes as sent.
    pub body: &'a [u8],
}

/// `YYYYMMDDTHHMMSSZ`.
pub fn sdk_date(now: DateTime<Utc>) -> String {
    now.format("%Y%m%dT%H%M%SZ").to_string()
}

/// The query string as signed, which is also the one to send.
pub fn query_string(query: &[(String, String)]) -> String {
    let mut pairs: Vec<_> = query.iter().collect();
    // Sorted before encoding, by key and then by value, in code-point order.
    pairs.sort();
    pairs.iter().map(|(k, v)| format!("{}={}", encode(k), encode(v))).collect::<Vec<_>>().join("&")
}

fn canonical_path(path: &str) -> String {
    let decoded = percent_decode_str(path).decode_utf8_lossy().into_owned();
    let mut out = decoded.split('/').map(encode).collect::<Vec<_>>().join("/");
    if !out.ends_with('/') {
        out.push('/');
    }
    out
}

/// Names of the signed headers, lower-cased, sorted. Names with `_` are not signed.
pub fn signed_headers(headers: &[(String, String)]) -> String {
    let mut names: Vec<_> = headers.iter().map(|(n, _)| n.to_lowercase()).filter(|n| !n.contains('_')).collect();
    names.sort();
    names.dedup();
    names.join(";")
}

/// The canonical request.
pub fn canonical_request(request: &Signable<'_>) -> String {
    let names = signed_headers(request.headers);
    let mut headers = String::new();
    for name in names.split(';').filter(|n| !n.is_empty()) {
        let value = request.headers.iter().find(|(n, _)| n.to_lowercase() == name).map_or("", |(_, v)| v.trim());
        headers.push_str(name);
        headers.push(':');
        headers.push_str(value);
        headers.push('\n');
    }
    let given = request.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case("x-sdk-content-sha256"));
    let hash = match given {
        _ if request.body.is_empty() => EMPTY_HASH.to_owned(),
        Some((_, value)) => value.clone(),
        None => hex::encode(Sha256::digest(request.body)),
    };
    [&request.method.to_uppercase(), &canonical_path(request.path), &query_string(request.query), &headers, &names, &hash]
        .map(String::as_str)
        .join("\n")
}

/// The string to sign for a canonical request and the value of `X-Sdk-Date`.
pub fn string_to_sign(canonical: &str, date: &str) -> String {
    format!("{ALGORITHM}\n{date}\n{}", hex::encode(Sha256::digest(canonical.as_bytes())))
}

/// The lower-case hexadecimal signature. The secret key is the HMAC key directly.
pub fn signature(string_to_sign: &str, secret_key: &str) -> String {
    // HMAC takes a key of any length, so there is no error to report.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret_key.as_bytes()) else { return String::new() };
    mac.update(string_to_sign.as_bytes());
    hex::encode(mac.finalize().into_bytes())
}

/// The value of the `Authorization` header. `headers` of the request must hold `X-Sdk-Date`.
pub fn authorization(request: &Signable<'_>, access_key: &str, secret_key: &str) -> String {
    let date = request.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case("x-sdk-date")).map_or("", |(_, v)| v.as_str());
    let signature = signature(&string_to_sign(&canonical_request(request), date), secret_key);
    format!("{ALGORITHM} Access={access_key}, SignedHeaders={}, Signature={signature}", signed_headers(request.headers))
}

#[cfg(test)]
mod tests;
