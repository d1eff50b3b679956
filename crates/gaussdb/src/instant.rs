//! Reads the time formats of the cloud. They are not uniform; every one met in the contract is read here and nowhere else.

use chrono::{DateTime, FixedOffset, NaiveDateTime, Utc};

/// Reads `2024-11-16T01:47:20+0800`, `+08:00`, `Z`, fractions of seconds, `2021-01-15 01:46:40 UTC` and epoch milliseconds.
/// Empty text and anything else is nothing.
pub fn parse(text: &str) -> Option<DateTime<Utc>> {
    let text = text.trim();
    if let Ok(t) = DateTime::parse_from_rfc3339(text) {
        return Some(t.to_utc());
    }
    for format in ["%Y-%m-%dT%H:%M:%S%.f%z", "%Y-%m-%d %H:%M:%S%.f%z"] {
        if let Ok(t) = DateTime::<FixedOffset>::parse_from_str(text, format) {
            return Some(t.to_utc());
        }
    }
    if let Some(bare) = text.strip_suffix("UTC").or_else(|| text.strip_suffix("GMT"))
        && let Ok(t) = NaiveDateTime::parse_from_str(bare.trim_end(), "%Y-%m-%d %H:%M:%S")
    {
        return Some(t.and_utc());
    }
    // Epoch seconds are never used by this API; twelve digits and more are milliseconds.
    if text.len() >= 12 && text.bytes().all(|b| b.is_ascii_digit()) {
        return DateTime::from_timestamp_millis(text.parse().ok()?);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_format_of_the_contract_is_read() {
        let wanted: DateTime<Utc> = "2024-11-15T17:47:20Z".parse().unwrap();
        for text in [
            "2024-11-16T01:47:20+0800",
            "2024-11-16T01:47:20+08:00",
            "2024-11-15T17:47:20Z",
            "2024-11-15T17:47:20.000000Z",
            "2024-11-15 17:47:20 UTC",
            "1731692840000",
        ] {
            assert_eq!(parse(text), Some(wanted), "{text}");
        }
        for text in ["", "T24:00:00", "2024-11-16", "soon", "20241116"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in ".{0,40}") {
            let _ = parse(&text);
        }
    }
}
