//! What becomes of each instance of a submitted plan.
//!
//! `moving → planned → sending → accepted | rejected | unknown`, `unknown → accepted (adopted) | planned (proved absent) | missed`,
//! any unsent `→ withdrawn | missed`. An answer names instances one by one, so the state is kept per instance.

use crate::{
    compile::Request,
    id::{InstanceId, TaskId},
    plan::PlanState,
    protocol::Attempt,
    task::TaskStatus,
    version::{EngineVersion, PatchVersion},
};
use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What the cloud or the network said when a request was refused or lost. Never holds a secret.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, Hash)]
pub struct CloudError {
    /// HTTP status, if an answer came.
    pub http_status: Option<u16>,
    /// The cloud's code, for example `DBS.200011`.
    pub code: Option<String>,
    /// The cloud's sentence in full, or a description of what went wrong on the way.
    pub message: String,
    /// `X-Request-Id`, for a support ticket.
    pub request_id: Option<String>,
    /// What it means, where `message` is not the cloud's own sentence: the page says it in the reader's language.
    #[serde(default)]
    pub fault: Option<Fault>,
}

impl CloudError {
    /// Whether one instance may be the reason why a call for several failed: it was not found, another operation is on it, or the
    /// server failed over it. Codes for scheduled tasks are not published, so the status decides.
    pub fn may_concern_one(&self) -> bool {
        matches!(self.http_status, Some(404 | 409 | 500..=599)) && !self.code.as_deref().is_some_and(|c| c.starts_with("APIG"))
    }

    /// Whether its words name an instance.
    pub fn names(&self, instance: &InstanceId) -> bool {
        self.message.contains(instance.as_str())
    }
}

/// What went wrong on the way, or with an answer that is none of the cloud's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Hash)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// The request could not be made.
    Invalid,
    /// No connection came about: nothing was sent.
    NotConnected,
    /// The connection broke or time ran out before the answer was there.
    Lost,
    /// An answer came and is not one of the cloud's API.
    Unreadable,
    /// A list changed while it was read, so it is no evidence. The next look reads it again.
    Moving,
    /// A redirect or an error of the server without words.
    Server,
}

/// State of one instance of one request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Hash)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum ItemState {
    /// To be sent as soon as the list shows the task cancelled whose place it takes.
    Moving {
        /// That task, of another plan.
        task: TaskId,
    },
    /// To be sent.
    Planned,
    /// Journalled, and possibly on its way.
    Sending,
    /// The cloud has a task for it.
    Accepted {
        /// That task.
        task: TaskId,
        /// Found by looking, after the answer was lost.
        adopted: bool,
    },
    /// The cloud said no. Never sent again by itself.
    Rejected {
        /// In the cloud's words.
        error: CloudError,
    },
    /// Sent, and no answer that names it. Not sent again before it is proved absent.
    Unknown {
        /// Why the answer was lost.
        error: CloudError,
        /// When the attempt ended: only listings begun later are evidence.
        since: DateTime<Utc>,
        /// The first complete listing after that which did not show it.
        absent_at: Option<DateTime<Utc>>,
        /// The last complete listing that was looked at.
        looked_at: Option<DateTime<Utc>>,
    },
    /// Not sent, or not again, by a decision of ours. Nobody refused it.
    Stopped {
        /// Why.
        why: Stop,
    },
    /// Its start came too near, or passed, before it could be sent.
    Missed,
    /// A person took it back before it was sent.
    Withdrawn,
}

/// Why we stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Hash)]
#[serde(rename_all = "snake_case")]
pub enum Stop {
    /// When it was about to be sent, the cloud already had an open task for the instance.
    Occupied,
    /// What was about to be sent is not what was approved, or not enough approvals count any more.
    NotApproved,
    /// Sent [`MOST_ATTEMPTS`] times, each answer lost, and the list never showed a task: a person has to look.
    NoProof,
    /// A person has looked in the cloud and found no task of it.
    ByHand,
    /// The task whose place it was to take had begun, or was not cancelled: it stands as it was.
    NotMoved,
}

impl ItemState {
    /// The word used in the store and in class names.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Moving { .. } => "moving",
            Self::Planned => "planned",
            Self::Sending => "sending",
            Self::Accepted { .. } => "accepted",
            Self::Rejected { .. } => "rejected",
            Self::Unknown { .. } => "unknown",
            Self::Stopped { .. } => "stopped",
            Self::Missed => "missed",
            Self::Withdrawn => "withdrawn",
        }
    }

    /// Key of the task that the cloud has for it.
    pub fn task_key(&self) -> Option<String> {
        match self {
            Self::Accepted { task, .. } => Some(task.key()),
            _ => None,
        }
    }

    /// It came to nothing, and a new plan may try again.
    pub fn came_to_nothing(&self) -> bool {
        matches!(self, Self::Rejected { .. } | Self::Stopped { .. } | Self::Missed | Self::Withdrawn)
    }

    /// It may still lead to a task, so no other plan may touch the instance.
    pub fn is_open(&self) -> bool {
        matches!(self, Self::Moving { .. } | Self::Planned | Self::Sending | Self::Unknown { .. })
    }
}

/// What an attempt told about the instances it named.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// 2xx: these instances have these tasks; the rest of the attempt is unknown.
    Accepted(Vec<(InstanceId, TaskId)>),
    /// Refused by the cloud.
    Rejected(CloudError),
    /// Not a byte reached the cloud's service, or it was throttled: nothing happened.
    NotSent(CloudError),
    /// It may or may not have happened.
    Unknown(CloudError),
}

/// Text of an unknown whose answer came but did not name the instance. The page translates it by this constant.
pub const NOT_NAMED: &str = "the answer did not name this instance";
/// Text of a call that was not made although its intent stood: the process was held up in between.
pub const HELD_UP: &str = "the process was held up between journal and call; nothing has left";
/// Text of a call that was not made because its body is not what was approved.
pub const NOT_APPROVED: &str = "the body is not what was approved; nothing has left";
/// Text of a look at a cloud that was given up because neither the cloud nor the database answered. The page translates it by this constant.
pub const NO_ANSWER: &str = "neither the cloud nor the database answered for too long";
/// Attempts for one instance before a person has to decide.
pub const MOST_ATTEMPTS: usize = 2;
/// Text of an unknown whose process ended between journal and answer. The page translates it by this constant.
pub const INTERRUPTED: &str = "the process ended before the answer was recorded";

/// One instance of a submitted plan: its state and what the listing last said of its task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// Position of its request in the plan, from 0.
    pub request: i64,
    /// The instance.
    pub instance: InstanceId,
    /// Its state.
    pub state: ItemState,
    /// Status of its task, once a listing showed it.
    pub task_status: Option<TaskStatus>,
    /// Nobody knows how its task ended.
    pub lost_sight: Option<LostSight>,
    /// Another plan has taken the place of its task.
    pub moved: bool,
}

/// Why nobody knows how an accepted task ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LostSight {
    /// The list no longer shows it, and the last it said was that it is open.
    Gone,
    /// Its start has passed, and no list ever showed it.
    NeverListed,
}

impl Item {
    /// Takes note of a task that should have been listed by now: `tasks_at` is when the last complete listing began.
    pub fn expect_listed(&mut self, start_at: Option<DateTime<Utc>>, tasks_at: Option<DateTime<Utc>>, settle_seconds: i64) {
        let due = start_at.map(|start| start + Duration::seconds(settle_seconds));
        let accepted = matches!(self.state, ItemState::Accepted { .. }) && self.task_status.is_none();
        if accepted && due.zip(tasks_at).is_some_and(|(due, listed)| listed >= due) {
            self.lost_sight = Some(LostSight::NeverListed);
        }
    }

    /// The cloud has tried it, and says that it failed.
    pub fn failed_in_cloud(&self) -> bool {
        matches!(self.state, ItemState::Accepted { .. }) && self.task_status == Some(TaskStatus::Failed)
    }

    /// It was not done, and nobody took it back: it failed in the cloud, was refused, missed or not sent.
    pub fn failed(&self) -> bool {
        let not_scheduled = matches!(self.state, ItemState::Rejected { .. } | ItemState::Stopped { .. } | ItemState::Missed);
        self.failed_in_cloud() || not_scheduled
    }

    /// Nothing more is to come of it by itself.
    pub fn is_settled(&self) -> bool {
        let runs = matches!(self.state, ItemState::Accepted { .. })
            && self.lost_sight.is_none()
            && self.task_status.as_ref().is_none_or(TaskStatus::is_open);
        !self.state.is_open() && !runs
    }
}

/// What a person has to see first, from 0: nobody knows, failed, refused, missed, not sent; then what goes on, and what is over.
pub fn urgency(item: &Item) -> u8 {
    use ItemState as S;
    use TaskStatus as T;
    if item.lost_sight.is_some() {
        return 0;
    }
    match (&item.state, &item.task_status) {
        (S::Unknown { .. } | S::Stopped { why: Stop::NoProof }, _) => 0,
        (S::Accepted { .. }, Some(T::Failed)) => 1,
        (S::Rejected { .. }, _) => 2,
        (S::Missed, _) => 3,
        (S::Stopped { .. }, _) => 4,
        (S::Accepted { .. }, Some(T::Running | T::Other(_))) => 5,
        (S::Moving { .. } | S::Planned | S::Sending, _) => 6,
        (S::Accepted { .. }, None | Some(T::Pending)) => 7,
        (S::Accepted { .. }, Some(T::Completed)) => 8,
        (S::Accepted { .. }, Some(T::Canceled)) => 9,
        (S::Withdrawn, _) => 10,
    }
}

/// What the instances of one engine version are to get.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PatchGroup {
    /// Their engine version.
    pub engine: EngineVersion,
    /// The hot patches, ascending.
    pub patches: Vec<PatchVersion>,
    /// How many instances.
    pub instances: usize,
}

/// What all requests of a plan install, each kind once, in the order of the requests.
pub fn patch_groups(requests: &[Request]) -> Vec<PatchGroup> {
    let mut groups: Vec<PatchGroup> = Vec::new();
    for r in requests {
        match groups.iter_mut().find(|g| g.engine == r.engine && g.patches == r.patches) {
            Some(group) => group.instances += r.instances.len(),
            None => groups.push(PatchGroup { engine: r.engine, patches: r.patches.clone(), instances: r.instances.len() }),
        }
    }
    groups
}

/// How many requests have left, and have nothing that is still to be sent.
pub fn requests_sent(items: &[Item], attempts: &[Attempt]) -> usize {
    let waits = |i: &&Item| matches!(i.state, ItemState::Moving { .. } | ItemState::Planned | ItemState::Sending);
    let waiting: BTreeSet<i64> = items.iter().filter(waits).map(|i| i.request).collect();
    let has_left = |a: &&Attempt| a.outcome.as_deref().is_some_and(|outcome| outcome != "not_sent");
    let left: BTreeSet<i64> = attempts.iter().filter(has_left).map(|a| a.request).collect();
    left.difference(&waiting).count()
}

/// Nothing more is to come of a plan by itself, and not all of it went well: somebody has to take note. One of each kind is enough.
pub fn ended_badly(items: &[Item]) -> bool {
    let bad = matches!(plan_state(items, false), PlanState::InDoubt | PlanState::Failed | PlanState::PartlyFailed);
    bad && items.iter().all(Item::is_settled)
}

/// How many items there are of each kind (state and task status), in the order of their first, each with one of the kind.
pub fn count_kinds(items: &[Item]) -> Vec<(Item, usize)> {
    let kind = |i: &Item| {
        (i.state.word(), i.task_status.clone(), i.lost_sight, i.moved, matches!(i.state, ItemState::Stopped { why: Stop::NoProof }))
    };
    let mut counts: Vec<(Item, usize)> = Vec::new();
    for item in items {
        match counts.iter_mut().find(|(one, _)| kind(one) == kind(item)) {
            Some((_, n)) => *n += 1,
            None => counts.push((item.clone(), 1)),
        }
    }
    counts
}

/// Where a submitted plan stands.
pub fn plan_state(items: &[Item], held: bool) -> PlanState {
    let any = |f: &dyn Fn(&Item) -> bool| items.iter().any(f);
    let count = |f: &dyn Fn(&Item) -> bool| items.iter().filter(|i| f(i)).count();
    // A submitted plan has rows; where somebody took them away, nobody knows what became of its instances.
    if items.is_empty() {
        return PlanState::InDoubt;
    }
    // What was sent twice and never listed is no failure that anybody confirmed.
    let no_proof = |i: &Item| matches!(i.state, ItemState::Stopped { why: Stop::NoProof });
    if any(&|i| matches!(i.state, ItemState::Unknown { .. }) || no_proof(i) || i.lost_sight.is_some()) {
        return PlanState::InDoubt;
    }
    if any(&|i| matches!(i.state, ItemState::Planned | ItemState::Moving { .. })) && held {
        return PlanState::OnHold;
    }
    if any(&|i| i.state.is_open()) {
        return PlanState::Scheduling;
    }
    let accepted = |i: &Item| matches!(i.state, ItemState::Accepted { .. });
    let is = |i: &Item, s: &TaskStatus| accepted(i) && i.task_status.as_ref() == Some(s);
    if any(&|i| is(i, &TaskStatus::Running)) {
        return PlanState::Running;
    }
    // What failed to be scheduled is said while there is time to act, and not only after the rest has run.
    let waits = any(&|i| accepted(i) && i.task_status.as_ref().is_none_or(TaskStatus::is_open));
    let lacking = any(&|i| matches!(i.state, ItemState::Rejected { .. } | ItemState::Stopped { .. } | ItemState::Missed));
    if waits && lacking {
        return PlanState::PartlyScheduled;
    }
    if any(&|i| accepted(i) && i.task_status.as_ref().is_none_or(TaskStatus::is_open)) {
        return PlanState::Scheduled;
    }
    let completed = count(&|i| is(i, &TaskStatus::Completed));
    let taken_back = count(&|i| is(i, &TaskStatus::Canceled) || matches!(i.state, ItemState::Withdrawn));
    match (completed, taken_back) {
        (n, _) if n == items.len() => PlanState::Completed,
        (_, n) if n == items.len() && any(&|i| i.moved) => PlanState::Moved,
        (_, n) if n == items.len() => PlanState::Cancelled,
        (0, _) => PlanState::Failed,
        _ => PlanState::PartlyFailed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(state: ItemState, task_status: Option<TaskStatus>) -> Item {
        Item { request: 0, instance: InstanceId::new("i"), state, task_status, lost_sight: None, moved: false }
    }

    fn accepted(status: Option<TaskStatus>) -> Item {
        item(ItemState::Accepted { task: TaskId::new("t"), adopted: false }, status)
    }

    #[test]
    fn doubt_outweighs_everything_on_the_plan() {
        let now = "2026-01-01T00:00:00Z".parse::<DateTime<Utc>>().unwrap();
        let state = ItemState::Unknown { error: CloudError::default(), since: now, absent_at: None, looked_at: None };
        let doubt = item(state, None);
        assert_eq!(plan_state(&[accepted(Some(TaskStatus::Running)), doubt], true), PlanState::InDoubt);
    }

    #[test]
    fn an_accepted_task_that_no_list_shows_is_in_doubt_once_its_start_has_passed() {
        let start = "2026-01-01T02:00:00Z".parse::<DateTime<Utc>>().unwrap();
        let seen = |item: &Item, seconds: i64| {
            let mut item = item.clone();
            item.expect_listed(Some(start), Some(start + Duration::seconds(seconds)), 120);
            item.lost_sight
        };
        assert_eq!(seen(&accepted(None), 119), None);
        assert_eq!(seen(&accepted(None), 120), Some(LostSight::NeverListed));
        assert_eq!(seen(&accepted(Some(TaskStatus::Pending)), 120), None);
        assert_eq!(seen(&item(ItemState::Missed, None), 120), None);
    }

    /// One of each kind, in the order in which a person has to see them.
    fn by_urgency() -> Vec<Item> {
        use TaskStatus as T;
        let since = "2026-01-01T00:00:00Z".parse::<DateTime<Utc>>().unwrap();
        let unknown = ItemState::Unknown { error: CloudError::default(), since, absent_at: None, looked_at: None };
        vec![
            item(unknown, None),
            accepted(Some(T::Failed)),
            item(ItemState::Rejected { error: CloudError::default() }, None),
            item(ItemState::Missed, None),
            item(ItemState::Stopped { why: Stop::Occupied }, None),
            accepted(Some(T::Running)),
            item(ItemState::Planned, None),
            accepted(Some(T::Pending)),
            accepted(Some(T::Completed)),
            accepted(Some(T::Canceled)),
            item(ItemState::Withdrawn, None),
        ]
    }

    #[test]
    fn what_a_person_has_to_see_comes_first() {
        let order: Vec<u8> = by_urgency().iter().map(urgency).collect();
        assert!(order.is_sorted_by(|a, b| a < b), "{order:?}");
        let lost = Item { lost_sight: Some(LostSight::Gone), ..accepted(Some(TaskStatus::Pending)) };
        let no_proof = item(ItemState::Stopped { why: Stop::NoProof }, None);
        assert_eq!((urgency(&lost), urgency(&no_proof)), (0, 0), "nobody knows how they ended");
        assert_eq!(urgency(&item(ItemState::Sending, None)), urgency(&item(ItemState::Planned, None)));
        assert_eq!(urgency(&accepted(None)), urgency(&accepted(Some(TaskStatus::Pending))));
    }

    #[test]
    fn what_failed_is_neither_withdrawn_nor_in_doubt_nor_under_way() {
        let failed: Vec<bool> = by_urgency().iter().map(Item::failed).collect();
        assert_eq!(failed, [false, true, true, true, true, false, false, false, false, false, false]);
        let settled: Vec<bool> = by_urgency().iter().map(Item::is_settled).collect();
        assert_eq!(settled, [false, true, true, true, true, false, false, false, true, true, true]);
    }

    #[test]
    fn a_plan_ended_badly_only_once_nothing_more_comes() {
        use TaskStatus as T;
        let failed = || accepted(Some(T::Failed));
        assert!(ended_badly(&[failed()]) && ended_badly(&[failed(), accepted(Some(T::Completed))]));
        assert!(ended_badly(&[item(ItemState::Missed, None)]));
        assert!(ended_badly(&[Item { lost_sight: Some(LostSight::Gone), ..accepted(Some(T::Pending)) }]));
        for open in [accepted(None), accepted(Some(T::Running)), item(ItemState::Planned, None), by_urgency().remove(0)] {
            assert!(!ended_badly(&[failed(), open.clone()]), "{open:?}");
        }
        assert!(!ended_badly(&[accepted(Some(T::Completed))]));
        assert!(!ended_badly(&[item(ItemState::Withdrawn, None), accepted(Some(T::Canceled))]));
    }

    #[test]
    fn a_request_is_sent_when_it_has_left_and_nothing_of_it_waits() {
        let of = |request: i64, state: ItemState| Item { request, ..item(state, None) };
        let attempt = |request: i64, outcome: Option<&str>| Attempt {
            request,
            number: 1,
            fence: 1,
            instances: Vec::new(),
            body: String::new(),
            known: Vec::new(),
            began_at: DateTime::UNIX_EPOCH,
            ended_at: None,
            outcome: outcome.map(str::to_owned),
            error: None,
        };
        let done = ItemState::Accepted { task: TaskId::new("t"), adopted: false };
        let items = [of(0, done.clone()), of(1, done), of(1, ItemState::Planned), of(2, ItemState::Sending), of(3, ItemState::Planned)];
        let attempts = [attempt(0, Some("accepted")), attempt(1, Some("partial")), attempt(2, None), attempt(3, Some("not_sent"))];
        assert_eq!(requests_sent(&items, &attempts), 1);
        assert_eq!(requests_sent(&items, &[]), 0);
    }

    #[test]
    fn the_state_follows_the_items() {
        use PlanState as P;
        use TaskStatus as T;
        let planned = || item(ItemState::Planned, None);
        assert_eq!(plan_state(&[planned()], true), P::OnHold);
        assert_eq!(plan_state(&[planned(), accepted(None)], false), P::Scheduling);
        assert_eq!(plan_state(&[accepted(None)], false), P::Scheduled);
        let stopped = || item(ItemState::Stopped { why: Stop::Occupied }, None);
        assert_eq!(plan_state(&[item(ItemState::Stopped { why: Stop::NoProof }, None)], false), P::InDoubt);
        assert_eq!(plan_state(&[accepted(None), stopped()], false), P::PartlyScheduled);
        assert_eq!(plan_state(&[accepted(Some(T::Completed)), stopped()], false), P::PartlyFailed);
        assert_eq!(plan_state(&[accepted(Some(T::Running)), accepted(Some(T::Completed))], false), P::Running);
        assert_eq!(plan_state(&[accepted(Some(T::Completed))], false), P::Completed);
        assert_eq!(plan_state(&[accepted(Some(T::Completed)), accepted(Some(T::Failed))], false), P::PartlyFailed);
        assert_eq!(plan_state(&[accepted(Some(T::Failed))], false), P::Failed);
        assert_eq!(plan_state(&[accepted(Some(T::Canceled)), item(ItemState::Withdrawn, None)], false), P::Cancelled);
        let moved = Item { moved: true, ..accepted(Some(T::Canceled)) };
        assert_eq!(plan_state(&[moved, item(ItemState::Withdrawn, None)], false), P::Moved);
        assert_eq!(plan_state(&[item(ItemState::Moving { task: TaskId::new("t") }, None), accepted(None)], false), P::Scheduling);
    }
}
