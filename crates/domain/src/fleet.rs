//! What the pages read: views assembled by the backend, in our words.

use crate::{
    authority::{Action, Denied},
    blast::BlastRadius,
    cancel::{OrderRefusal, OrderState, TaskOrder},
    compile::Request,
    eligibility::{Ineligible, PatchChoice, PlanRefusal, Warning},
    hold::Hold,
    id::{CloudName, InstanceId, PlanId, UserId},
    instance::Instance,
    moving::{MoveView, MovedTo},
    plan::{Plan, PlanState},
    protocol::Attempt,
    review::{Difference, Need, Review, Verdict},
    schedule::{Start, TimeRefusal},
    send::{Item, PatchGroup},
    sync::SyncStatus,
    task::Task,
    version::PatchVersion,
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One page of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page<T> {
    /// The rows of this page.
    pub rows: Vec<T>,
    /// Rows of all pages.
    pub total: i64,
    /// This page, from 1.
    pub page: i64,
}

impl<T> Page<T> {
    /// A page of what is all there.
    pub fn of(all: Vec<T>, page: i64) -> Self {
        let total = i64::try_from(all.len()).unwrap_or(i64::MAX);
        let page = page.clamp(1, Page { rows: Vec::<()>::new(), total, page: 1 }.pages());
        let skip = usize::try_from((page - 1).saturating_mul(crate::filter::PAGE_SIZE)).unwrap_or(usize::MAX);
        let size = usize::try_from(crate::filter::PAGE_SIZE).unwrap_or(usize::MAX);
        Self { rows: all.into_iter().skip(skip).take(size).collect(), total, page }
    }

    /// Everything, on one page.
    pub fn whole(all: Vec<T>) -> Self {
        Self { total: i64::try_from(all.len()).unwrap_or(i64::MAX), rows: all, page: 1 }
    }

    /// Number of pages, at least 1.
    pub fn pages(&self) -> i64 {
        ((self.total + crate::filter::PAGE_SIZE - 1) / crate::filter::PAGE_SIZE).max(1)
    }
}

/// A row of the fleet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FleetRow {
    /// The instance.
    pub instance: Instance,
    /// Why it cannot be picked.
    pub ineligible: Option<Ineligible>,
    /// Hot patches of its engine version that the catalogue lists and it does not have.
    pub missing: usize,
}

/// Values to choose a filter from, each with its number of instances.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facets {
    /// Status words.
    pub status: Vec<(String, i64)>,
    /// Engine versions.
    pub engine: Vec<(String, i64)>,
    /// Hot patches that some instance of their engine version lacks.
    pub missing: Vec<(String, i64)>,
    /// `key=value`.
    pub tag: Vec<(String, i64)>,
    /// Enterprise project id, name, number.
    pub project: Vec<(String, String, i64)>,
    /// Forms.
    pub form: Vec<(String, i64)>,
    /// Connections.
    pub cloud: Vec<(String, i64)>,
}

/// What the fleet page shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FleetView {
    /// The rows of the page.
    pub page: Page<FleetRow>,
    /// Values to filter by.
    pub facets: Facets,
    /// How old it is, for each cloud.
    pub sync: Vec<SyncStatus>,
}

/// What the task page shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TasksView {
    /// The rows of the page.
    pub page: Page<TaskRow>,
    /// Numbers by status under the same filter without its status.
    pub counts: Vec<(String, i64)>,
    /// How old it is, for each cloud.
    pub sync: Vec<SyncStatus>,
    /// Days of the filter that are no days: they do not filter.
    pub bad_days: Vec<String>,
}

/// A plan, in whichever half of its life it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PlanView {
    /// Not confirmed yet.
    Draft(Box<DraftView>),
    /// A decision is awaited.
    InReview(Box<ReviewView>),
    /// Confirmed.
    Sent(Box<SentView>),
}

/// Names of people by their account.
pub type Names = BTreeMap<UserId, String>;

/// What somebody who looks may do, each with why not. What is not in it is not allowed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct May(pub Vec<(Action, Option<Denied>)>);

impl May {
    /// Whether it is allowed.
    pub fn allows(&self, action: Action) -> bool {
        self.0.iter().any(|(a, denied)| *a == action && denied.is_none())
    }

    /// Why it is not.
    pub fn why_not(&self, action: Action) -> Option<&Denied> {
        self.0.iter().find(|(a, _)| *a == action).and_then(|(_, denied)| denied.as_ref())
    }
}

/// Something somebody said about a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    /// Who.
    pub who: String,
    /// When.
    pub at: DateTime<Utc>,
    /// What; may be empty with a verdict.
    pub text: String,
    /// The decision that it came with.
    pub verdict: Option<Verdict>,
}

/// A plan somebody is asked to decide about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReviewView {
    /// The plan, judged now: what stands against it and what should be known.
    pub now: DraftView,
    /// What is asked about.
    pub review: Review,
    /// What the one who looks typed with a decision that was not taken.
    pub words: String,
    /// Last moment for a decision.
    pub deadline: DateTime<Utc>,
    /// Approvals that count so far.
    pub standing: usize,
    /// What is different from the review before.
    pub since: Option<Difference>,
    /// Names of the instances in that difference, as far as they are known.
    pub since_names: BTreeMap<InstanceId, String>,
    /// What it reaches.
    pub blast: BlastRadius,
    /// Other plans that are not submitted yet and name one of the instances: plan, title, how many of them.
    pub others: Vec<(PlanId, String, usize)>,
    /// When the fleet was last read.
    pub instances_at: Option<DateTime<Utc>>,
    /// The requests that would be sent now are those that are asked about.
    pub same_requests: bool,
}

/// What became of one pasted line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Pasted {
    /// It is in the selection.
    Selected,
    /// It cannot be patched now.
    Ineligible(Ineligible),
    /// Several instances have that name.
    Ambiguous(usize),
    /// No instance has that id or name.
    Unknown,
    /// It was found but is no longer selected.
    Removed,
}

/// One field of a draft, before and after.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldChange {
    /// The word of the ledger, for example `reason`.
    pub field: String,
    /// What stood there.
    pub before: String,
    /// What stands there.
    pub after: String,
}

/// Somebody else's hand in a draft.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edited {
    /// Whose.
    pub who: String,
    /// When it was changed last.
    pub at: DateTime<Utc>,
    /// The reader wrote over what they had written, without having seen it.
    pub written_over: bool,
    /// What.
    pub fields: Vec<FieldChange>,
}

/// The first step of a plan: picking instances.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PickerView {
    /// The plan; nothing before the first tick.
    pub plan: Option<Plan>,
    /// The rows of the page.
    pub page: Page<FleetRow>,
    /// Values to filter by.
    pub facets: Facets,
    /// How old it is, for each cloud.
    pub sync: Vec<SyncStatus>,
    /// The last pasted list, line by line.
    pub pasted: Vec<(String, Pasted)>,
    /// Selected instances that the filter or the page does not show.
    pub hidden: usize,
    /// What should be known of the other hands in it.
    pub edited: Option<Edited>,
}

/// The draft with everything the editing pages need.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DraftView {
    /// The plan.
    pub plan: Plan,
    /// What should be known of the other hands in it.
    pub edited: Option<Edited>,
    /// Chosen instances with what stands against them, in the order of choice.
    pub chosen: Vec<FleetRow>,
    /// Chosen ids that the store does not know.
    pub unknown: Vec<InstanceId>,
    /// Candidate lists read, of those wanted.
    pub candidates_read: usize,
    /// Instances whose candidate call failed, with the sentence.
    pub candidates_failed: Vec<(InstanceId, String)>,
    /// When the oldest candidate list was read.
    pub candidates_at: Option<DateTime<Utc>>,
    /// Rows of the version picker.
    pub choices: Vec<PatchChoice>,
    /// What the start means, or why it means nothing.
    pub start: Result<Start, TimeRefusal>,
    /// What stands against instances and patches.
    pub refusals: Vec<PlanRefusal>,
    /// What should be known.
    pub warnings: Vec<Warning>,
    /// The requests, empty while anything stands against the plan.
    pub requests: Vec<Request>,
    /// What a confirmation is bound to; empty while anything stands against the plan.
    pub hash: String,
    /// Earliest start that would be taken now.
    pub earliest: DateTime<Utc>,
    /// Lead time in minutes.
    pub lead_minutes: i64,
    /// Most instances in one request.
    pub max_instances: usize,
    /// Approvals it needs.
    pub need: Need,
    /// How many of the chosen instances are production.
    pub production: usize,
    /// What the one who looks may do.
    pub may: May,
    /// The last review, if there was one.
    pub last_review: Option<Review>,
    /// Names of people.
    pub names: Names,
    /// What was said about it.
    pub thread: Vec<Said>,
    /// What it moves, if it does.
    pub moves: Option<MoveView>,
}

impl DraftView {
    /// Nothing stands against sending it.
    pub fn is_ready(&self) -> bool {
        self.refusals.is_empty() && self.start.is_ok() && !self.requests.is_empty()
    }

    /// The number that is typed to send it: of several instances, or of any in production.
    pub fn count_to_send(&self) -> Option<usize> {
        let n = self.chosen.len();
        (n > 1 || self.production > 0).then_some(n)
    }

    /// The number that is typed to approve it: where production is touched.
    pub fn count_to_approve(&self) -> Option<usize> {
        (self.production > 0).then_some(self.chosen.len())
    }
}

/// A submitted plan with everything its page needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SentView {
    /// The plan.
    pub plan: Plan,
    /// Where it stands.
    pub state: PlanState,
    /// A page of the requests as confirmed.
    pub requests: Page<Request>,
    /// What all of them install.
    pub groups: Vec<PatchGroup>,
    /// How many of them were sent.
    pub requests_sent: usize,
    /// A page of rows, one for every requested instance, with its name. What went wrong comes first.
    pub items: Page<(Item, String)>,
    /// The hot patches of the requests of these rows, by the request's position.
    pub request_patches: BTreeMap<i64, Vec<PatchVersion>>,
    /// How many of each kind there are, with one of the kind.
    pub counts: Vec<(Item, usize)>,
    /// A page of everything that was tried, newest first.
    pub attempts: Page<Attempt>,
    /// Not before this is the next request tried again.
    pub not_before: Option<DateTime<Utc>>,
    /// The cloud's sync status; nothing when no connection of that name is configured any more.
    pub sync: Option<SyncStatus>,
    /// Seconds two absences must lie apart.
    pub settle_seconds: i64,
    /// What the one who looks may do.
    pub may: May,
    /// The review that approved it, if there was one.
    pub review: Option<Review>,
    /// Names of people.
    pub names: Names,
    /// What was said about it.
    pub thread: Vec<Said>,
    /// What it moves, if it does.
    pub moves: Option<MoveView>,
    /// Where its wall-clock start would be by the time zones known now, when that is not the instant that was confirmed.
    pub wall_moved: Option<DateTime<Utc>>,
    /// Plans that move it, the oldest first.
    pub moved_to: Vec<MovedTo>,
}

/// Row of the list of plans.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanRow {
    /// The plan.
    pub plan: Plan,
    /// Where it stands.
    pub state: PlanState,
    /// How many of its items there are of each kind, with one of the kind; empty before it is submitted.
    pub counts: Vec<(Item, usize)>,
    /// Who wrote it.
    pub author: Option<String>,
    /// The last review of what is not submitted.
    pub review: Option<Review>,
}

/// Row of the task list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskRow {
    /// The task.
    pub task: Task,
    /// Other instances that share its id.
    pub shared_with: i64,
    /// The newest order about its id.
    pub order: Option<(TaskOrder, OrderState)>,
}

/// The page that asks before cancelling or deleting.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderView {
    /// Every record that shares the id.
    pub tasks: Vec<Task>,
    /// Orders so far, oldest first: what, when, how far.
    pub orders: Vec<(TaskOrder, DateTime<Utc>, OrderState)>,
    /// Why it cannot be cancelled.
    pub cancel: Result<(), OrderRefusal>,
    /// Why its record cannot be deleted.
    pub delete: Result<(), OrderRefusal>,
    /// The one who looks may ask for either.
    pub may: bool,
    /// Somebody made it outside Patchboard.
    pub external: bool,
    /// How many of its instances are production.
    pub production: usize,
    /// What must be typed for either, and a reason given.
    pub typed: Option<String>,
}

/// Something in doubt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DoubtRow {
    /// The plan.
    pub plan: PlanId,
    /// Its title.
    pub title: String,
    /// Its cloud.
    pub cloud: CloudName,
    /// Name of the instance, as last listed.
    pub name: String,
    /// The instance, and what is known.
    pub item: Item,
    /// The start that was asked for.
    pub start_at: DateTime<Utc>,
    /// Open tasks of the instance that nobody accounts for: one of them may be it.
    pub may_be: Vec<Task>,
}

/// An instance with several open tasks in the cloud: the same patch may run twice, or two patches collide.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Collision {
    /// The connection.
    pub cloud: CloudName,
    /// The instance.
    pub instance: InstanceId,
    /// Its name, as last listed.
    pub name: String,
    /// Its open tasks, ours and foreign, in the order of their starts.
    pub tasks: Vec<Task>,
}

/// Everything in doubt.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DoubtView {
    /// Instances in doubt, the nearest start first.
    pub rows: Page<DoubtRow>,
    /// Instances with several open tasks.
    pub collisions: Vec<Collision>,
    /// What is on hold beside single plans, with who asked for it.
    pub holds: Vec<(Hold, String)>,
    /// How old the view is, for each cloud.
    pub sync: Vec<SyncStatus>,
    /// Whether the one who looks may say what became of it.
    pub may_resolve: bool,
    /// Whether they may hold a cloud, or everything.
    pub may_hold: bool,
}

/// The first page: what waits, what comes, what went wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InboxView {
    /// Plans that the one who looks may decide about, the nearest deadline first.
    pub waiting: Vec<PlanRow>,
    /// Plans of the one who looks that are not over.
    pub mine: Vec<PlanRow>,
    /// Tasks that start within 24 hours, ours and foreign.
    pub next: Vec<TaskRow>,
    /// Tasks that run.
    pub running: Vec<TaskRow>,
    /// Plans in doubt, failed or partly failed, newest first.
    pub attention: Vec<PlanRow>,
    /// Instances in doubt, of all plans.
    pub in_doubt: i64,
    /// Instances with several open tasks in the cloud.
    pub collisions: i64,
    /// What is on hold beside single plans.
    pub holds: Vec<Hold>,
    /// How old it is, for each cloud.
    pub sync: Vec<SyncStatus>,
    /// Lead time in minutes.
    pub lead_minutes: i64,
}
