//! What one instance offers: its candidate versions.

use crate::version::PatchVersion;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// Who a hot patch is made for (`common_patch` in the API).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PatchKind {
    /// `common`: for everybody.
    General,
    /// `certain`: made for certain customers or instances.
    Custom,
    /// Not said, or a word we do not know.
    Unstated,
}

/// One hot patch that an instance can install now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OfferedPatch {
    /// Four-part version.
    pub version: PatchVersion,
    /// General or custom.
    pub kind: PatchKind,
    /// "Related to backups": very likely that running backups are stopped while it is installed.
    pub backup_sensitive: bool,
    /// The cloud's description, in the language it was asked for.
    pub description: String,
}

/// The answer of the per-instance candidate call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Offer {
    /// `hotfix` is enabled and its action `upgradeAutoCommit` too.
    pub hot_patch_enabled: bool,
    /// Installable hot patches, ascending.
    pub patches: Vec<OfferedPatch>,
    /// When it was read.
    pub read_at: DateTime<Utc>,
}

impl Offer {
    /// The offered patch of that version.
    pub fn patch(&self, version: PatchVersion) -> Option<&OfferedPatch> {
        self.patches.iter().find(|p| p.version == version)
    }
}
