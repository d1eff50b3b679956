//! Scheduled tasks of the cloud, ours and foreign.

use crate::id::{CloudName, InstanceId, PlanId, TaskId};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// Status of a scheduled task.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum TaskStatus {
    /// Waiting for its start time.
    Pending,
    /// Being installed.
    Running,
    /// Installed.
    Completed,
    /// Not installed; the cloud rolls back by itself.
    Failed,
    /// Cancelled; the cloud spells it with one l.
    Canceled,
    /// A word we do not know, as it came.
    Other(String),
}

impl TaskStatus {
    /// The five words of the contract.
    pub const KNOWN: [Self; 5] = [Self::Pending, Self::Running, Self::Completed, Self::Failed, Self::Canceled];

    /// Reads the cloud's word; an unknown one is kept.
    pub fn from_wire(word: &str) -> Self {
        Self::KNOWN.into_iter().find(|s| s.as_str().eq_ignore_ascii_case(word.trim())).unwrap_or_else(|| Self::Other(word.to_owned()))
    }

    /// The cloud's word.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Pending => "Pending",
            Self::Running => "Running",
            Self::Completed => "Completed",
            Self::Failed => "Failed",
            Self::Canceled => "Canceled",
            Self::Other(word) => word,
        }
    }

    /// The task will or may still touch the instance. An unknown word counts: caution costs less than a collision.
    pub fn is_open(&self) -> bool {
        matches!(self, Self::Pending | Self::Running | Self::Other(_))
    }
}

/// One scheduled task of one instance, as last confirmed by a listing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// The connection.
    pub cloud: CloudName,
    /// As the cloud wrote it, to be sent back the same way.
    pub id: TaskId,
    /// The instance.
    pub instance: InstanceId,
    /// The name the listing gave, or the fleet's.
    pub instance_name: String,
    /// Status.
    pub status: TaskStatus,
    /// Planned start.
    pub start_at: Option<DateTime<Utc>>,
    /// When the cloud created it.
    pub created_at: Option<DateTime<Utc>>,
    /// Target versions as the cloud gave them, if at all.
    pub target: Option<String>,
    /// The plan that made it; nothing for a foreign task.
    pub plan: Option<PlanId>,
    /// First listing that contained it.
    pub first_seen_at: DateTime<Utc>,
    /// Last listing that contained it.
    pub seen_at: DateTime<Utc>,
    /// A later complete listing did not contain it: older than the cloud's month, or its record was deleted.
    pub gone_at: Option<DateTime<Utc>>,
}

#[cfg(test)]
impl Task {
    /// One of an instance `i` in a cloud `c`, last listed at `seen_at`.
    pub(crate) fn sample(status: TaskStatus, seen_at: DateTime<Utc>) -> Self {
        Self {
            cloud: CloudName::new("c"),
            id: TaskId::new("t"),
            instance: InstanceId::new("i"),
            instance_name: String::new(),
            status,
            start_at: None,
            created_at: None,
            target: None,
            plan: None,
            first_seen_at: seen_at,
            seen_at,
            gone_at: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_words_survive_and_count_as_open() {
        assert_eq!(TaskStatus::from_wire("pending"), TaskStatus::Pending);
        let odd = TaskStatus::from_wire("Paused");
        assert_eq!(odd.as_str(), "Paused");
        assert!(odd.is_open() && !TaskStatus::Canceled.is_open());
    }
}
