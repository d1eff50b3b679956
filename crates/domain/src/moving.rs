//! Moving a scheduled patch: the cloud cannot reschedule, so a plan takes the place of another one's tasks.
//!
//! A saga: the old task is cancelled, and only when the list shows it cancelled is the new one created, by the same protocol as any
//! other. Where the old one cannot be cancelled, it stands and nothing is created. Where the new one comes to nothing after the old
//! one was cancelled, the old time stands again: its requests are approved still, and are sent as they were.

use crate::{
    authority::Stage,
    cancel::OrderState,
    id::{InstanceId, PlanId, TaskId},
    send::{ItemState, Stop},
    task::{Task, TaskStatus},
    version::PatchVersion,
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// What comes next for an instance whose old task is to be cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Nothing is known yet.
    Wait,
    /// The list shows it cancelled: the new one may be sent.
    Send,
    /// It was not cancelled, and will not be: it stands.
    Stay,
}

/// Judges by the old `task` in the listing begun at `began_at`, and by the `orders` about it. While one of them is open nothing is final:
/// its cancel may still act.
pub fn step<'a>(task: Option<&Task>, orders: impl IntoIterator<Item = &'a OrderState>, began_at: DateTime<Utc>) -> Step {
    let asked = orders.into_iter().any(OrderState::is_open);
    match task.filter(|t| t.gone_at.is_none() && t.seen_at >= began_at).map(|t| &t.status) {
        Some(TaskStatus::Canceled) => Step::Send,
        // A word that is not known may be one on the way to cancelled.
        Some(TaskStatus::Other(_)) => Step::Wait,
        Some(TaskStatus::Pending) | None if asked => Step::Wait,
        _ => Step::Stay,
    }
}

/// Whether the old time stands again after an instance ended so at the new one. What may still come about at the new time must not:
/// the instance would be patched twice.
pub fn goes_back(state: &ItemState) -> bool {
    match state {
        ItemState::Rejected { .. } | ItemState::Missed | ItemState::Withdrawn => true,
        // What a person has settled stays as they said: nothing is sent because of their word.
        ItemState::Stopped { why } => matches!(why, Stop::Occupied | Stop::NotApproved),
        ItemState::Moving { .. } | ItemState::Planned | ItemState::Sending | ItemState::Accepted { .. } | ItemState::Unknown { .. } => {
            false
        }
    }
}

/// The tasks whose place a plan takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MoveView {
    /// The plan that made them.
    pub plan: PlanId,
    /// Its title.
    pub title: String,
    /// Their start.
    pub start_at: Option<DateTime<Utc>>,
    /// The zone it was chosen in.
    pub zone: String,
    /// The hot patches they install.
    pub patches: Vec<PatchVersion>,
    /// The task of each instance that is moved.
    pub tasks: Vec<(InstanceId, TaskId)>,
}

/// A plan that takes the place of tasks of another one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MovedTo {
    /// That plan.
    pub plan: PlanId,
    /// How far it is.
    pub stage: Stage,
    /// Its start, once it is confirmed.
    pub start_at: Option<DateTime<Utc>>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::send::CloudError;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
    }

    fn task(status: TaskStatus) -> Task {
        Task::sample(status, at(100))
    }

    #[test]
    fn nothing_is_created_before_the_list_shows_the_old_one_cancelled() {
        use TaskStatus::{Canceled, Completed, Pending, Running};
        let (asked, yes, no) = (OrderState::begin(), OrderState::Answered { at: at(90) }, OrderState::NoEffect);
        let judge = |status, order: &OrderState| step(Some(&task(status)), [order], at(100));
        assert_eq!(judge(Pending, &asked), Step::Wait);
        assert_eq!(judge(Pending, &yes), Step::Wait, "the cloud's yes is not the list's");
        assert_eq!(judge(Pending, &no), Step::Stay);
        assert_eq!(judge(Canceled, &asked), Step::Send, "whoever cancelled it");
        assert_eq!(judge(Running, &yes), Step::Stay);
        assert_eq!(judge(Completed, &yes), Step::Stay);
        assert_eq!(judge(TaskStatus::Other("Canceling".to_owned()), &no), Step::Wait);
        assert_eq!(step(Some(&task(Pending)), [&yes, &no], at(100)), Step::Wait, "whichever of two orders is open");
        assert_eq!(step(None, [&yes], at(100)), Step::Wait);
        assert_eq!(step(None, [&no], at(100)), Step::Stay, "what is not listed was not seen cancelled");
        assert_eq!(step(Some(&task(Canceled)), [&no], at(101)), Step::Stay, "an older listing is none");
    }

    #[test]
    fn the_old_time_stands_again_only_where_nothing_can_come_at_the_new_one() {
        let stopped = |why| ItemState::Stopped { why };
        let ends = [ItemState::Rejected { error: CloudError::default() }, ItemState::Missed, ItemState::Withdrawn, stopped(Stop::Occupied)];
        assert!(ends.iter().all(goes_back));
        let others = [stopped(Stop::NoProof), stopped(Stop::NotMoved), stopped(Stop::ByHand), ItemState::Planned, ItemState::Sending];
        assert!(!others.iter().any(goes_back));
        assert!(!goes_back(&ItemState::Accepted { task: TaskId::new("t"), adopted: false }));
    }
}
