//! A GaussDB instance as the cloud last reported it.

use crate::{
    id::{CloudName, InstanceId},
    time::DailyWindow,
    version::{EngineVersion, PatchVersion},
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// The status word of the cloud. Words contain spaces (`BACKING UP`) and new ones may come, so the word is kept as it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Status(pub String);

impl Status {
    /// The one status in which we schedule: anything else is refused by us, not by a documented rule of the cloud.
    pub fn is_active(&self) -> bool {
        self.0 == "ACTIVE"
    }

    /// A state that needs somebody: not a passing operation.
    pub fn is_trouble(&self) -> bool {
        matches!(self.0.as_str(), "FAILED" | "BUILD_FAILED" | "FROZEN" | "STORAGE FULL" | "SHUTDOWN")
    }
}

/// Deployment form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// `Enterprise` in the list API: coordinators and shards.
    Distributed,
    /// `Ha` in the list API: primary and standbys.
    PrimaryStandby,
    /// A word we do not know.
    Other,
}

impl Form {
    /// The value used in URLs and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Distributed => "distributed",
            Self::PrimaryStandby => "primary_standby",
            Self::Other => "other",
        }
    }
}

/// One tag.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Tag {
    /// For example `env`.
    pub key: String,
    /// For example `prod`; may be empty.
    pub value: String,
}

/// One node of an instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    /// As shown in the console.
    pub name: String,
    /// `ACTIVE`, `FAILED`, …
    pub status: String,
    /// Availability zone.
    pub zone: String,
    /// It is a primary.
    #[serde(default)]
    pub primary: bool,
}

/// What the cloud said about one instance, in our words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instance {
    /// The connection it was listed by.
    pub cloud: CloudName,
    /// Its id.
    pub id: InstanceId,
    /// Its name, in any language.
    pub name: String,
    /// Status word.
    pub status: Status,
    /// Deployment form.
    pub form: Form,
    /// Three-part engine version, when the cloud gave one that can be read.
    pub engine: Option<EngineVersion>,
    /// Installed hot patches, ascending.
    pub patches: Vec<PatchVersion>,
    /// Tags, sorted.
    pub tags: Vec<Tag>,
    /// Enterprise project id; `"0"` is the default project.
    pub enterprise_project: String,
    /// Maintenance window, **UTC**.
    pub maintenance: Option<DailyWindow>,
    /// Backup window, **UTC**.
    pub backup: Option<DailyWindow>,
    /// Nodes.
    pub nodes: Vec<Node>,
    /// `disk_usage` as the cloud writes it. Whether it is the used or the free share is not documented.
    pub disk_usage: Option<String>,
    /// When the listing that contained it was read.
    pub seen_at: DateTime<Utc>,
    /// Set when a later complete listing no longer contained it.
    pub gone_at: Option<DateTime<Utc>>,
}

impl Instance {
    /// Whether it carries a tag, written `key=value`.
    pub fn has_tag(&self, tag: &str) -> bool {
        self.tags.iter().any(|t| tag.split_once('=') == Some((t.key.as_str(), t.value.as_str())))
    }

    /// The value of a tag, or nothing.
    pub fn tag(&self, key: &str) -> Option<&str> {
        self.tags.iter().find(|t| t.key == key).map(|t| t.value.as_str())
    }

    /// Names of nodes that are not `ACTIVE`.
    pub fn abnormal_nodes(&self) -> Vec<&str> {
        self.nodes.iter().filter(|n| !n.status.eq_ignore_ascii_case("ACTIVE")).map(|n| n.name.as_str()).collect()
    }
}
