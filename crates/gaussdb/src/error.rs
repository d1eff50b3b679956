//! What can go wrong with a call, by how much is known about what happened.

use serde_json::Value;
use std::{fmt, time::Duration};

/// What the other side said, as far as it said anything. Never holds a secret: only the answer is kept, not the request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// `error_code` and its kin: `DBS.200011`, `APIGW.0308`, `401`.
    pub code: Option<String>,
    /// The message in full, or the text of an answer that is not JSON (cut at [`TEXT_LIMIT`] characters).
    pub message: String,
    /// `X-Request-Id`, or the one in the body.
    pub request_id: Option<String>,
}

/// Most characters kept of an answer that is not JSON.
pub const TEXT_LIMIT: usize = 300;

/// How the reason of a list begins that changed while it was read.
pub(crate) const MOVING: &str = "the list changed while it was read";

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HTTP {}", self.status)?;
        if let Some(code) = &self.code {
            write!(f, " {code}")?;
        }
        write!(f, ": {}", self.message)
    }
}

/// Why a call did not give its result.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Error {
    /// The request cannot be made: wrong endpoint text, an id with a slash, a missing project.
    #[error("the request cannot be made: {0}")]
    Invalid(String),
    /// Name lookup, connect or TLS failed before a byte of the request left.
    #[error("could not connect: {0}")]
    NotSent(String),
    /// 429. Nothing was done.
    #[error("throttled, {answer}")]
    Throttled {
        /// What was said.
        answer: Answer,
        /// `Retry-After`, if there was one.
        retry_after: Option<Duration>,
    },
    /// 401. Six of these in a row lock an access key for five minutes, so it is never retried by itself.
    #[error("not authorised, {0}")]
    Unauthorized(Answer),
    /// Any other 4xx.
    #[error("refused, {0}")]
    Rejected(Answer),
    /// 5xx, a redirect (never followed), or one of the 4xx that say that somebody on the way waited too long (408, 499): it may or may
    /// not have been done.
    #[error("no usable answer, {0}")]
    Server(Answer),
    /// Time ran out after sending, or the connection broke: it may or may not have been done.
    #[error("the answer was lost: {0}")]
    Lost(String),
    /// 2xx that cannot be read: it was probably done.
    #[error("the answer cannot be read: {reason}")]
    Unreadable {
        /// Why.
        reason: String,
        /// What was said.
        answer: Answer,
    },
}

/// What is known about the effect of a call that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It had none.
    NotSent,
    /// The cloud refused it.
    Rejected,
    /// Nobody knows.
    Unknown,
}

impl Error {
    /// What is known about the effect.
    pub fn fate(&self) -> Fate {
        match self {
            Self::Invalid(_) | Self::NotSent(_) | Self::Throttled { .. } => Fate::NotSent,
            Self::Unauthorized(_) | Self::Rejected(_) => Fate::Rejected,
            Self::Server(_) | Self::Lost(_) | Self::Unreadable { .. } => Fate::Unknown,
        }
    }

    /// The credentials or their rights were refused: the same is said to every call of its kind until a person acts.
    pub fn is_access_refused(&self) -> bool {
        matches!(self, Self::Unauthorized(_)) || matches!(self, Self::Rejected(answer) if answer.status == 403)
    }

    /// What the other side said, if it said anything.
    pub fn answer(&self) -> Option<&Answer> {
        match self {
            Self::Throttled { answer, .. } | Self::Unreadable { answer, .. } => Some(answer),
            Self::Unauthorized(a) | Self::Rejected(a) | Self::Server(a) => Some(a),
            Self::Invalid(_) | Self::NotSent(_) | Self::Lost(_) => None,
        }
    }

    /// The gateway knows no such API: wrong host, path, method or version; **not** a missing instance.
    pub fn is_unknown_api(&self) -> bool {
        self.answer().is_some_and(|a| a.status == 404 && a.code.as_deref().is_some_and(|c| c.starts_with("APIG")))
    }

    /// The same failure met while preparing a call (finding the project, renewing a token): the call itself was not sent.
    pub(crate) fn before_sending(self) -> Self {
        match self {
            Self::Server(_) | Self::Lost(_) | Self::Unreadable { .. } | Self::Rejected(_) => Self::NotSent(self.to_string()),
            other => other,
        }
    }

    /// A list that changed while it was read: the next look reads it again.
    pub fn is_moving(&self) -> bool {
        matches!(self, Self::Unreadable { reason, .. } if reason.starts_with(MOVING))
    }

    /// A reading call may be repeated after a pause.
    pub(crate) fn is_transient(&self) -> bool {
        matches!(self, Self::Throttled { .. } | Self::Lost(_) | Self::NotSent(_)) || matches!(self, Self::Server(a) if a.status >= 500)
    }

    /// The answer to a call by its status.
    pub(crate) fn from_answer(answer: Answer, retry_after: Option<Duration>) -> Self {
        match answer.status {
            401 => Self::Unauthorized(answer),
            429 => Self::Throttled { answer, retry_after },
            // Said by who waited in between: what they waited for may have been done.
            408 | 499 => Self::Server(answer),
            400..=499 => Self::Rejected(answer),
            _ => Self::Server(answer),
        }
    }
}

/// Reads an error body in the shapes that the SDK tries, in its order; what is not JSON is kept as text.
pub fn read(status: u16, request_id: Option<String>, body: &[u8]) -> Answer {
    let mut answer = Answer { status, request_id, ..Answer::default() };
    match serde_json::from_slice::<Value>(body) {
        Ok(value) => {
            if let Some((code, message)) = find(&value, 0) {
                answer.code = code;
                answer.message = message;
            } else {
                answer.message = cut(&value.to_string());
            }
            if let Some(detail) = value.get("encoded_authorization_message").and_then(Value::as_str) {
                answer.message = format!("{} ({})", answer.message, cut(detail));
            }
            if answer.request_id.is_none() {
                answer.request_id = value.get("request_id").and_then(scalar);
            }
        }
        Err(_) => answer.message = cut(String::from_utf8_lossy(body).trim()),
    }
    answer
}

fn cut(text: &str) -> String {
    text.chars().take(TEXT_LIMIT).collect()
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn find(value: &Value, depth: usize) -> Option<(Option<String>, String)> {
    let object = value.as_object()?;
    for (code, message) in [("error_code", "error_msg"), ("errorCode", "errorMsg"), ("code", "message"), ("errCode", "errMsg")] {
        let code = object.get(code).and_then(scalar);
        let message = object.get(message).and_then(scalar);
        if code.is_some() || message.is_some() {
            return Some((code, message.unwrap_or_default()));
        }
    }
    if depth > 4 {
        return None;
    }
    object.values().find_map(|v| find(v, depth + 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(body: &str, code: Option<&str>, message: &str) {
        let answer = read(400, None, body.as_bytes());
        assert_eq!((answer.code.as_deref(), answer.message.as_str()), (code, message), "{body}");
    }

    #[test]
    fn every_shape_of_the_contract_is_read() {
        check(r#"{"error_code":"DBS.200011","error_msg":"Another operation"}"#, Some("DBS.200011"), "Another operation");
        check(r#"{"errorCode":"X","errorMsg":"m"}"#, Some("X"), "m");
        check(
            r#"{"error":{"code":401,"message":"The username or password is wrong.","title":"Unauthorized"}}"#,
            Some("401"),
            "The username or password is wrong.",
        );
        check(r#"{"error":{"error_code":"EPS.0004","error_msg":"m"}}"#, Some("EPS.0004"), "m");
        check(r#"{"errCode":"DBS.1"}"#, Some("DBS.1"), "");
        check("<html>bad gateway</html>", None, "<html>bad gateway</html>");
        check(r#"{"a":1}"#, None, r#"{"a":1}"#);
        let answer = read(429, None, br#"{"error_msg":"slow","error_code":"APIGW.0308","request_id":"r1"}"#);
        assert_eq!(answer.request_id.as_deref(), Some("r1"));
    }

    #[test]
    fn the_fate_follows_the_status() {
        let fate = |status| Error::from_answer(Answer { status, ..Answer::default() }, None).fate();
        assert_eq!([400, 401, 403, 404, 409].map(fate), [Fate::Rejected; 5]);
        assert_eq!(fate(429), Fate::NotSent);
        assert_eq!([301, 408, 499, 500, 502, 503, 504].map(fate), [Fate::Unknown; 7]);
    }

    #[test]
    fn a_failure_while_preparing_is_never_in_doubt() {
        for error in [Error::Lost("x".to_owned()), Error::Server(Answer::default()), Error::Rejected(Answer::default())] {
            assert_eq!(error.before_sending().fate(), Fate::NotSent);
        }
        assert!(matches!(Error::Unauthorized(Answer::default()).before_sending(), Error::Unauthorized(_)));
    }

    #[test]
    fn a_gateway_404_is_not_a_missing_instance() {
        let of = |code: &str| Error::Rejected(Answer { status: 404, code: Some(code.to_owned()), ..Answer::default() });
        assert!(of("APIGW.0101").is_unknown_api() && of("APIG.0101").is_unknown_api());
        assert!(!of("DBS.200002").is_unknown_api());
    }

    proptest! {
        #[test]
        fn reading_never_panics(body in proptest::collection::vec(any::<u8>(), 0..200), status: u16) {
            let _ = read(status, None, &body);
        }
    }
}
