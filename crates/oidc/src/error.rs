//! Why somebody was not signed in by a provider.

/// Why it did not come about. Never holds a token: the text is logged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A setting cannot be what it is.
    #[error("{0}")]
    Settings(String),
    /// The provider does not answer, or not as one does.
    #[error("the provider cannot be used: {0}")]
    Unreachable(String),
    /// What came back is not what was asked for, or not from whom it was asked.
    #[error("the answer of the provider is not believed: {0}")]
    Untrusted(String),
}

/// An error with its causes in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}
