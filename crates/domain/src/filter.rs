//! Filters of the two long lists. Their fields are the query string of the page, so a link is a filter.

use crate::version::PatchVersion;
use serde::{Deserialize, Serialize};

/// Rows of a page of a list.
pub const PAGE_SIZE: i64 = 50;

/// Filter of the fleet. Empty fields do not filter.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FleetFilter {
    /// Part of the name or of the id.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub q: String,
    /// Status word.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub status: String,
    /// Engine version.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub engine: String,
    /// A hot patch of the instance's engine version that it does not have.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub missing: String,
    /// `key=value`, or `key` for any value.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub tag: String,
    /// Enterprise project id.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub project: String,
    /// Deployment form.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub form: String,
    /// Connection name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub cloud: String,
}

impl FleetFilter {
    /// Whether anything filters.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The patch to be missing, if the field can be read.
    pub fn missing_patch(&self) -> Option<PatchVersion> {
        self.missing.parse().ok()
    }
}

/// Filter of the task list. Empty fields do not filter.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TaskFilter {
    /// Status word of the cloud.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub status: String,
    /// Part of the instance's name or id, or of the task's id.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub q: String,
    /// `ours` or `foreign`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub origin: String,
    /// First day of the start, `YYYY-MM-DD`, on the viewer's clock.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub from: String,
    /// Last day of the start, inclusive.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub to: String,
    /// Connection name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub cloud: String,
}

impl TaskFilter {
    /// Whether anything filters.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
