//! What is known of the connection to a cloud.

use crate::{id::CloudName, send::CloudError};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// What the last sync passes of one cloud found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncStatus {
    /// The connection.
    pub cloud: CloudName,
    /// A pass is under way since then.
    pub running_since: Option<DateTime<Utc>>,
    /// Rows read so far by the pass under way.
    pub progress: i64,
    /// When the last complete listing of instances began.
    pub instances_at: Option<DateTime<Utc>>,
    /// When the last complete listing of tasks began.
    pub tasks_at: Option<DateTime<Utc>>,
    /// When the last pass ended, however it ended.
    pub ended_at: Option<DateTime<Utc>>,
    /// What went wrong in the last pass.
    pub error: Option<CloudError>,
    /// The credentials were refused: nothing is called until a person acts.
    pub stopped: bool,
    /// The cloud asked to wait until then: nothing is called before.
    #[serde(default)]
    pub paused_until: Option<DateTime<Utc>>,
    /// Cloud clock minus ours, in seconds, by the `Date` header of the last answer.
    pub skew_seconds: Option<i64>,
    /// When it is looked at again, if nobody asks before.
    #[serde(default)]
    pub next_at: Option<DateTime<Utc>>,
    /// What it is asked with; nothing where no such connection is configured.
    #[serde(default)]
    pub connection: Option<Connection>,
}

/// What a cloud is asked with. Never a secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connection {
    /// Region id.
    pub region: String,
    /// Project id, once it is known.
    pub project: Option<String>,
    /// Whose rights count.
    pub account: Account,
}

/// Whose rights count at a cloud.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Account {
    /// An access key, by its last two characters.
    KeyEnding(String),
    /// An IAM user, by name.
    User(String),
}
