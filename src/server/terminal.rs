//! Speaking with a person at a terminal.

use crate::server::config::ConfigError;
use std::io::Write;

/// Why a command did not do it.
pub(super) enum Failure {
    /// The command line or a setting.
    Wrong(String),
    /// Anything that happened while running.
    Failed(String),
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::Wrong(error.0)
    }
}

/// Prints to standard output. A reader that went away is no error.
pub(super) fn say(text: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{}", text.trim_end());
}

/// Prints to standard error, with the name of the program.
pub(super) fn complain(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "patchboard: {text}");
}

/// An error with its causes, for a person at a terminal.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
