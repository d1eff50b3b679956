//! Section 6 of the contract: candidate versions and the catalogue of hot patches.

use super::{Extra, lenient};
use serde::{Deserialize, Serialize};

/// Candidate versions of one instance, or of a batch (which has no list per instance).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Candidates {
    /// What is offered at all.
    #[serde(deserialize_with = "lenient::list")]
    pub upgrade_type_list: Vec<UpgradeType>,
    /// Rollback possible.
    #[serde(deserialize_with = "lenient::boolean", skip_serializing_if = "Option::is_none")]
    pub rollback_enabled: Option<bool>,
    /// Current version.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub source_version: Option<String>,
    /// Only while a rolling upgrade runs.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub target_version: Option<String>,
    /// Major and minor versions.
    #[serde(deserialize_with = "lenient::list")]
    pub upgrade_candidate_versions: Vec<String>,
    /// Installable hot patches.
    #[serde(deserialize_with = "lenient::list")]
    pub hotfix_upgrade_candidate_versions: Vec<String>,
    /// Removable hot patches.
    #[serde(deserialize_with = "lenient::list")]
    pub hotfix_rollback_candidate_versions: Vec<String>,
    /// Details of the installable ones.
    #[serde(deserialize_with = "lenient::list")]
    pub hotfix_upgrade_infos: Vec<HotfixInfo>,
    /// Details of the removable ones.
    #[serde(deserialize_with = "lenient::list")]
    pub hotfix_rollback_infos: Vec<HotfixInfo>,
    /// Fields that this version does not know.
    #[serde(flatten)]
    pub extra: Extra,
}

/// One way of upgrading.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct UpgradeType {
    /// `grey`, `inplace` or `hotfix`.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub upgrade_type: Option<String>,
    /// Offered now.
    #[serde(deserialize_with = "lenient::boolean", skip_serializing_if = "Option::is_none")]
    pub enable: Option<bool>,
    /// May be null.
    #[serde(deserialize_with = "lenient::list")]
    pub upgrade_action_list: Vec<UpgradeAction>,
    /// Only while upgrading.
    #[serde(deserialize_with = "lenient::boolean", skip_serializing_if = "Option::is_none")]
    pub is_parallel_upgrade: Option<bool>,
    /// Fields that this version does not know.
    #[serde(flatten)]
    pub extra: Extra,
}

/// One action of a way of upgrading.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct UpgradeAction {
    /// `upgrade`, `upgradeAutoCommit`, `commit` or `rollback`.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub upgrade_action: Option<String>,
    /// Offered now.
    #[serde(deserialize_with = "lenient::boolean", skip_serializing_if = "Option::is_none")]
    pub enable: Option<bool>,
    /// Fields that this version does not know.
    #[serde(flatten)]
    pub extra: Extra,
}

/// One hot patch.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct HotfixInfo {
    /// Four-part version.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// `common` or `certain`.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub common_patch: Option<String>,
    /// Related to backups.
    #[serde(deserialize_with = "lenient::boolean", skip_serializing_if = "Option::is_none")]
    pub backup_sensitive: Option<bool>,
    /// Spelled `descripition` on the wire.
    #[serde(rename = "descripition", deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Fields that this version does not know.
    #[serde(flatten)]
    pub extra: Extra,
}

/// `GET /v3.2/{project_id}/datastore/versions`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct DatastoreVersions {
    /// Engine versions.
    #[serde(deserialize_with = "lenient::list")]
    pub database_versions: Vec<DatabaseVersion>,
    /// Rows of all pages.
    #[serde(deserialize_with = "lenient::number", skip_serializing_if = "Option::is_none")]
    pub total: Option<i64>,
    /// Fields that this version does not know.
    #[serde(flatten)]
    pub extra: Extra,
}

/// An engine version with its hot patches.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct DatabaseVersion {
    /// Three-part version.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub software_version: Option<String>,
    /// Hot patches.
    #[serde(deserialize_with = "lenient::list")]
    pub hotfixes: Vec<CatalogueHotfix>,
    /// Fields that this version does not know.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A hot patch of the catalogue.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CatalogueHotfix {
    /// Four-part version.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Epoch milliseconds.
    #[serde(deserialize_with = "lenient::number", skip_serializing_if = "Option::is_none")]
    pub create_time: Option<i64>,
    /// Forms it exists for.
    #[serde(deserialize_with = "lenient::list")]
    pub deploy_modes: Vec<DeployMode>,
    /// Fields that this version does not know.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A form that a hot patch exists for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct DeployMode {
    /// `centralization_standard` or `distributed`.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    /// Installed by default.
    #[serde(deserialize_with = "lenient::boolean", skip_serializing_if = "Option::is_none")]
    pub default_upgrade: Option<bool>,
    /// Epoch milliseconds.
    #[serde(deserialize_with = "lenient::number", skip_serializing_if = "Option::is_none")]
    pub update_time: Option<i64>,
    /// Fields that this version does not know.
    #[serde(flatten)]
    pub extra: Extra,
}
