//! What can be asked for, and why the answer may be no. The table that decides is `backend::authorize`.

use crate::account::Role;
use serde::{Deserialize, Serialize};

/// Everything that somebody can ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Look at instances, plans, tasks, people's names.
    Read,
    /// Look at the clouds now.
    Refresh,
    /// Say that the credentials of a cloud are right again.
    ResumeCloud,
    /// Make a plan.
    CreatePlan,
    /// Change instances, versions, time or words of a draft.
    EditPlan,
    /// Delete a draft.
    DiscardPlan,
    /// Ask for a decision about a draft.
    AskReview,
    /// Send a draft that needs no decision.
    SendPlan,
    /// Say something about a plan.
    Comment,
    /// Approve, ask for changes, or reject.
    Decide,
    /// Read again what the checks of a plan rest on.
    CheckPlan,
    /// Take a plan out of review, or back to a draft after a decision.
    Reopen,
    /// Hold what is not yet sent, or let it go on.
    HoldPlan,
    /// Take back what is not yet sent.
    WithdrawPlan,
    /// Take note of how a plan ended, where not all of it went well.
    AcknowledgePlan,
    /// Cancel a scheduled task, or delete its record.
    OrderTask,
    /// Say what became of something in doubt, after looking in the cloud.
    ResolveDoubt,
    /// Hold a cloud, or everything, or let it go on.
    HoldAll,
    /// Read the ledger.
    ReadLedger,
    /// Accounts of others: make, disable, change roles, give a new code.
    ManagePeople,
    /// One's own password and sessions.
    OwnAccount,
    /// One's own second factor.
    OwnFactor,
}

impl Action {
    /// Every action, for tests that leave none out.
    pub const ALL: [Self; 22] = [
        Self::Read,
        Self::Refresh,
        Self::ResumeCloud,
        Self::CreatePlan,
        Self::EditPlan,
        Self::DiscardPlan,
        Self::AskReview,
        Self::SendPlan,
        Self::Comment,
        Self::Decide,
        Self::CheckPlan,
        Self::Reopen,
        Self::HoldPlan,
        Self::WithdrawPlan,
        Self::AcknowledgePlan,
        Self::OrderTask,
        Self::ResolveDoubt,
        Self::HoldAll,
        Self::ReadLedger,
        Self::ManagePeople,
        Self::OwnAccount,
        Self::OwnFactor,
    ];
}

/// How far a plan has come, as far as authority is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// It can be edited.
    Draft,
    /// A decision is awaited.
    InReview,
    /// Confirmed or approved; parts may be unsent.
    Submitted,
}

impl Stage {
    /// All stages.
    pub const ALL: [Self; 3] = [Self::Draft, Self::InReview, Self::Submitted];

    /// The stage of a plan that was submitted, or has a review open.
    pub fn of(submitted: bool, in_review: bool) -> Self {
        match (submitted, in_review) {
            (true, _) => Self::Submitted,
            (false, true) => Self::InReview,
            (false, false) => Self::Draft,
        }
    }
}

/// Why something is not allowed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Denied {
    /// Nobody is signed in.
    Anonymous,
    /// None of these roles.
    Role(Vec<Role>),
    /// Not at this stage of the plan.
    Stage(Stage),
    /// Who has changed a plan at any time does not decide about it.
    OwnPlan,
    /// It is too long ago that they showed who they are.
    Unproved,
}
