//! A plan: what a DBA proposes, from the first tick to the last task.

use crate::{
    authority::Stage,
    id::{CloudName, InstanceId, PlanId, UserId},
    version::PatchVersion,
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// Which of two equal wall-clock readings is meant when clocks go back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fold {
    /// The first one.
    First,
    /// The second one.
    Second,
}

/// What was typed, as it was typed. A draft may be wrong; the page says how, and nothing is lost.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Draft {
    /// A few words for the list; may be empty.
    #[serde(default)]
    pub title: String,
    /// Why it is done; may be empty.
    #[serde(default)]
    pub reason: String,
    /// Address or number of the change ticket, as typed; may be empty.
    #[serde(default)]
    pub ticket: String,
    /// Chosen instances, in the order they were chosen.
    pub instances: Vec<InstanceId>,
    /// Chosen hot patches.
    pub patches: Vec<PatchVersion>,
    /// Start on the wall clock, as typed.
    pub start_local: String,
    /// IANA zone name the start was chosen in, as given.
    pub zone: String,
    /// Answer to "first or second 01:30?".
    pub fold: Option<Fold>,
    /// The last list that was pasted, kept so that the page can say what became of each line.
    #[serde(default)]
    pub pasted: String,
}

/// A plan with its life.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Its id.
    pub id: PlanId,
    /// The cloud its instances belong to.
    pub cloud: CloudName,
    /// The draft; frozen once submitted.
    pub draft: Draft,
    /// Incremented by every change, so that a page knows whether it still shows the plan that is sent.
    pub revision: i64,
    /// When it was begun.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
    /// When a person confirmed the requests; nothing while it is a draft.
    pub submitted_at: Option<DateTime<Utc>>,
    /// The instant that was confirmed.
    pub start_at: Option<DateTime<Utc>>,
    /// Nothing of it is sent while set.
    pub held_at: Option<DateTime<Utc>>,
    /// Who began it; nothing for plans older than accounts.
    pub author: Option<UserId>,
    /// Who last changed it.
    pub edited_by: Option<UserId>,
    /// Everybody who has changed it since it was begun, its author included.
    #[serde(default)]
    pub editors: Vec<UserId>,
    /// Number of the review that is open.
    pub review: Option<i64>,
    /// Hash of what may be sent, and nothing else may; set when it is submitted.
    pub approved_hash: Option<String>,
    /// Approvals that must stand when it is sent.
    pub approvals_needed: i64,
    /// The plan whose tasks it takes the place of.
    pub moves: Option<PlanId>,
    /// When somebody took note of how it ended, where not all of it went well.
    #[serde(default)]
    pub acknowledged_at: Option<DateTime<Utc>>,
    /// Who did.
    #[serde(default)]
    pub acknowledged_by: Option<UserId>,
}

impl Plan {
    /// How far it has come.
    pub fn stage(&self) -> Stage {
        Stage::of(self.submitted_at.is_some(), self.review.is_some())
    }
}

/// Where a submitted plan stands, derived from its items; never stored, so it cannot disagree with them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlanState {
    /// Not submitted.
    Draft,
    /// A decision is awaited.
    InReview,
    /// A decision was awaited until its start came too near.
    Expired,
    /// Changes were asked for.
    ChangesAsked,
    /// Somebody said no.
    Rejected,
    /// A person holds what is not yet sent.
    OnHold,
    /// At least one request is still to be sent.
    Scheduling,
    /// At least one answer was lost and is being looked for.
    InDoubt,
    /// All that was accepted waits for its start.
    Scheduled,
    /// Some wait for their start, others could not be scheduled: there may still be time to act.
    PartlyScheduled,
    /// At least one task runs.
    Running,
    /// Every instance was patched.
    Completed,
    /// Some were, some were not.
    PartlyFailed,
    /// None was.
    Failed,
    /// All accepted tasks were cancelled because another plan took their place.
    Moved,
    /// All accepted tasks were cancelled, or nothing was ever sent because it was withdrawn.
    Cancelled,
}
