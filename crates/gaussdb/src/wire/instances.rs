//! Section 7 of the contract: instance lists (v3 to v3.3).

use super::{Extra, lenient};
use serde::{Deserialize, Serialize};

/// `GET /v3.3/{project_id}/instances` and its older variants.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct InstanceList {
    /// Rows of this page.
    #[serde(deserialize_with = "lenient::list")]
    pub instances: Vec<Instance>,
    /// Rows of all pages.
    #[serde(deserialize_with = "lenient::number", skip_serializing_if = "Option::is_none")]
    pub total_count: Option<i64>,
    /// Fields that this version does not know.
    #[serde(flatten)]
    pub extra: Extra,
}

/// One instance. Fields marked required by the SDK are missing in the published examples, so none is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Instance {
    /// Instance id.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Name.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// `ACTIVE`, `BACKING UP`, …
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// `Enterprise` or `Ha`, in either case.
    #[serde(rename = "type", deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub form: Option<String>,
    /// Region id.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// Engine.
    #[serde(deserialize_with = "lenient::object", skip_serializing_if = "Option::is_none")]
    pub datastore: Option<Datastore>,
    /// `2021-01-15 01:46:40 UTC`.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
    /// Nodes.
    #[serde(deserialize_with = "lenient::list")]
    pub nodes: Vec<Node>,
    /// Backup window and retention.
    #[serde(deserialize_with = "lenient::object", skip_serializing_if = "Option::is_none")]
    pub backup_strategy: Option<BackupStrategy>,
    /// `18:00-22:00`, **UTC**.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub maintenance_window: Option<String>,
    /// `UTC+08:00`.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<String>,
    /// `"0"` is the default project.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub enterprise_project_id: Option<String>,
    /// Absent when there are none.
    #[serde(deserialize_with = "lenient::list")]
    pub tags: Vec<Tag>,
    /// Share as text; used or free is not documented.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub disk_usage: Option<String>,
    /// Fields that this version does not know.
    #[serde(flatten)]
    pub extra: Extra,
}

/// Engine of an instance.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Datastore {
    /// `GaussDB`.
    #[serde(rename = "type", deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Two-part version.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Three-part version.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub complete_version: Option<String>,
    /// Version being upgraded to.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub target_version: Option<String>,
    /// v3 and v3.1: `"2.7.2.1, 2.7.2.2"`.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub hotfix_versions: Option<String>,
    /// v3.2 and v3.3.
    #[serde(deserialize_with = "lenient::list")]
    pub hotfix_version_infos: Vec<HotfixVersionInfo>,
    /// Fields that this version does not know.
    #[serde(flatten)]
    pub extra: Extra,
}

/// An installed hot patch.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct HotfixVersionInfo {
    /// Four-part version.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// When it was installed.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub upgrade_finished_time: Option<String>,
    /// Fields that this version does not know.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A node.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Node {
    /// Node id.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Name.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// `master` or `slave`.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// `ACTIVE`, `FAILED`, …
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// Availability zone.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub availability_zone: Option<String>,
    /// Fields that this version does not know.
    #[serde(flatten)]
    pub extra: Extra,
}

/// Backup policy.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct BackupStrategy {
    /// `19:00-20:00`, **UTC**.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub start_time: Option<String>,
    /// Days kept.
    #[serde(deserialize_with = "lenient::number", skip_serializing_if = "Option::is_none")]
    pub keep_days: Option<i64>,
    /// Fields that this version does not know.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A tag in the instance list, where the value is plain text.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Tag {
    /// Key.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Value.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// Fields that this version does not know.
    #[serde(flatten)]
    pub extra: Extra,
}
