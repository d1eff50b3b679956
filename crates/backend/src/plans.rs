//! Submitted plans: confirm, hold, withdraw, look at.

use crate::{Error, Services, approval::readable, drafts::plan_subject, fleet::nearest_page, moves::moves_detail, zones};
use chrono::Duration;
use patchboard_domain::{
    account::Actor,
    authority::{Action, Stage},
    compile::{Request, plan_hash},
    filter::PAGE_SIZE,
    fleet::{Page, PlanRow, SentView},
    id::{CloudName, InstanceId, PlanId},
    plan::{Plan, PlanState},
    review::before_submission,
    schedule::read_start,
    send::{Item, ItemState, count_kinds, ended_badly, patch_groups, plan_state, requests_sent, urgency},
    sync::SyncStatus,
};
use patchboard_store::Submission;
use serde_json::json;
use std::collections::BTreeMap;

/// Which pages of a submitted plan's lists are looked at, from 1.
#[derive(Clone, Copy, Debug)]
pub struct SentPages {
    /// Of its instances.
    pub items: i64,
    /// Of what was sent.
    pub attempts: i64,
    /// Of its requests.
    pub requests: i64,
    /// No pages: everything, to be printed and filed.
    pub whole: bool,
}

impl Default for SentPages {
    fn default() -> Self {
        Self { items: 1, attempts: 1, requests: 1, whole: false }
    }
}

impl SentPages {
    fn of<T>(self, all: Vec<T>, page: i64) -> Page<T> {
        if self.whole { Page::whole(all) } else { Page::of(all, page) }
    }
}

/// Requests as the ledger keeps them: what somebody else needs to hash them again.
pub(crate) fn request_list(requests: &[Request]) -> serde_json::Value {
    requests.iter().map(|r| json!({ "sha256": r.hash, "body": r.body })).collect()
}

impl Services {
    /// The plan, draft or not.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Store`].
    pub async fn plan(&self, id: &PlanId) -> Result<Plan, Error> {
        self.store().plan(id).await?.ok_or(Error::NotFound)
    }

    /// Confirms a draft. `hash` is that of the requests the person saw: anything else is refused, so that what was reviewed is
    /// what is sent. Confirming the same requests twice sends once and is no error. `count` is the number of instances the person
    /// typed; one instance outside production needs none.
    ///
    /// # Errors
    /// [`Error::Confirm`] when the number is wrong, [`Error::NotReady`] when something stands against it, [`Error::Changed`] when the requests are no longer those that were
    /// seen or it was confirmed before, [`Error::Conflict`] when another plan was faster, [`Error::Store`].
    pub async fn submit(&self, actor: &Actor, id: &PlanId, hash: &str, count: &str) -> Result<(), Error> {
        let plan = self.plan(id).await?;
        self.allow(actor, Action::SendPlan)?;
        if plan.stage() == Stage::Submitted {
            let same = plan_hash(&self.store().requests(id).await?) == hash;
            return if same { Ok(()) } else { Err(Error::Changed) };
        }
        // Lists that have grown too old while the person read are read again before they are judged.
        self.read_candidates(&plan.cloud, &plan.draft.instances).await?;
        self.allow_plan(actor, Action::SendPlan, &plan)?;
        let view = self.draft_view(actor, id).await?;
        let start = match &view.start {
            Ok(start) if view.is_ready() => *start,
            _ => return Err(Error::NotReady),
        };
        if view.need.approvals > 0 {
            return Err(Error::NeedsReview);
        }
        if view.hash != hash {
            return Err(Error::Changed);
        }
        if view.count_to_send().is_some_and(|n| count.trim().parse() != Ok(n)) {
            return Err(Error::Confirm);
        }
        let submission = Submission {
            plan: id.clone(),
            revision: view.plan.revision,
            cloud: view.plan.cloud.clone(),
            start_at: start.at,
            requests: view.requests,
            hash: view.hash,
            approvals_needed: 0,
            moves: self.moves_for_submission(actor, &view.plan.cloud, view.moves.as_ref()),
            now: self.now(),
        };
        let deed = self.deed(actor, "plan.send", plan_subject(id), self.submission_detail(&submission));
        match self.store().submit(&submission, &deed).await {
            Ok(()) => {}
            // Another tab was faster with the same requests: it is done.
            Err(patchboard_store::Error::Changed) if self.plan(id).await.is_ok_and(|p| p.stage() == Stage::Submitted) => {
                let same = plan_hash(&self.store().requests(id).await?) == hash;
                return if same { Ok(()) } else { Err(Error::Changed) };
            }
            Err(patchboard_store::Error::Conflict) => {
                let others = self.plans_touching(&view.plan.cloud, &view.plan.draft.instances).await?;
                return Err(Error::Conflict(others));
            }
            Err(other) => return Err(other.into()),
        }
        tracing::info!(plan.id = %id, requests = submission.requests.len(), start_at = %start.at, "plan confirmed");
        self.wake(&submission)?;
        Ok(())
    }

    /// Has what was submitted sent, and what it moves cancelled.
    pub(crate) fn wake(&self, s: &Submission) -> Result<(), Error> {
        let cloud = self.cloud(&s.cloud)?;
        cloud.wake_senders();
        if s.moves.is_some() {
            cloud.sync().notify_one();
        }
        Ok(())
    }

    /// What the ledger keeps of a submission: the exact requests.
    pub(crate) fn submission_detail(&self, s: &Submission) -> serde_json::Value {
        let requests = request_list(&s.requests);
        let moves = s.moves.as_ref().map(moves_detail);
        json!({
            "cloud": s.cloud, "hash": s.hash, "start_at": s.start_at, "approvals_needed": s.approvals_needed, "requests": requests, "moves": moves,
        })
    }

    /// Holds what is not yet sent, or lets it go on.
    ///
    /// # Errors
    /// [`Error::Changed`] when it is no submitted plan, [`Error::Store`].
    pub async fn hold(&self, actor: &Actor, id: &PlanId, hold: bool) -> Result<(), Error> {
        let (plan, now) = (self.plan(id).await?, self.now());
        self.allow_plan(actor, Action::HoldPlan, &plan)?;
        if plan.held_at.is_some() == hold {
            // A second click.
            return Ok(());
        }
        let deed = self.deed(actor, if hold { "plan.hold" } else { "plan.resume" }, plan_subject(id), json!({}));
        self.store().hold_plan(id, hold.then_some(now), now, &deed).await?;
        if let Ok(cloud) = self.cloud(&plan.cloud) {
            cloud.wake_senders();
        }
        Ok(())
    }

    /// Takes back what is not yet sent, and what is in doubt as soon as it is proved absent. What the cloud has accepted is
    /// cancelled on its task's page.
    ///
    /// # Errors
    /// [`Error::Changed`] when it is no submitted plan, [`Error::Store`].
    pub async fn withdraw(&self, actor: &Actor, id: &PlanId) -> Result<(), Error> {
        let plan = self.plan(id).await?;
        self.allow_plan(actor, Action::WithdrawPlan, &plan)?;
        let deed = self.deed(actor, "plan.withdraw", plan_subject(id), json!({}));
        self.store().withdraw_plan(id, self.now(), &deed).await?;
        self.sweep_withdrawn(&plan.cloud).await?;
        // What it was to move is seen to at the next look.
        if let (Some(_), Ok(cloud)) = (&plan.moves, self.cloud(&plan.cloud)) {
            cloud.sync().notify_one();
        }
        Ok(())
    }

    /// Takes note of how a plan ended, where not all of it went well: it needs nobody's attention any more.
    ///
    /// # Errors
    /// [`Error::Changed`] when it has not ended so, [`Error::Denied`], [`Error::NotFound`], [`Error::Store`].
    pub async fn acknowledge(&self, actor: &Actor, id: &PlanId) -> Result<(), Error> {
        let plan = self.plan(id).await?;
        self.allow_plan(actor, Action::AcknowledgePlan, &plan)?;
        if plan.acknowledged_at.is_some() {
            // A second click.
            return Ok(());
        }
        let sync = match self.cloud(&plan.cloud) {
            Ok(cloud) => Some(self.sync_status(cloud).await?),
            Err(_) => None,
        };
        let items = self.items_of(&plan, sync.as_ref()).await?;
        if !ended_badly(&items) {
            return Err(Error::Changed);
        }
        let detail = json!({ "state": plan_state(&items, false), "failed": items.iter().filter(|i| i.failed()).count() });
        let deed = self.deed(actor, "plan.acknowledge", plan_subject(id), detail);
        Ok(self.store().acknowledge_plan(id, actor.user.as_ref(), self.now(), &deed).await?)
    }

    /// A submitted plan with everything its page needs.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Store`].
    pub async fn sent_view(&self, actor: &Actor, id: &PlanId, pages: SentPages) -> Result<SentView, Error> {
        self.allow(actor, Action::Read)?;
        let plan = self.plan(id).await?;
        if plan.stage() != Stage::Submitted {
            return Err(Error::NotFound);
        }
        // A connection may have been taken out of the configuration; what was done by it stays.
        let cloud = self.cloud(&plan.cloud).ok();
        let sync = match cloud {
            Some(cloud) => Some(self.sync_status(cloud).await?),
            None => None,
        };
        let items = self.items_of(&plan, sync.as_ref()).await?;
        let (state, counts) = (plan_state(&items, plan.held_at.is_some()), count_kinds(&items));
        let waiting = items.iter().any(|i| i.state == ItemState::Planned);
        let (mut attempts, requests) = (self.store().attempts(id).await?, self.store().requests(id).await?);
        attempts.reverse();
        let sent = requests_sent(&items, &attempts);
        let shown = pages.of(items, pages.items);
        let ids: Vec<InstanceId> = shown.rows.iter().map(|i| i.instance.clone()).collect();
        let names: BTreeMap<InstanceId, String> =
            self.store().instances_by_id(&plan.cloud, &ids).await?.into_iter().map(|i| (i.id, i.name)).collect();
        let patches_of = |i: &Item| {
            let request = usize::try_from(i.request).ok().and_then(|at| requests.get(at));
            request.map(|r| (i.request, r.patches.clone()))
        };
        let request_patches = shown.rows.iter().filter_map(patches_of).collect();
        let paused = match cloud {
            Some(cloud) => self.store().cloud_state(cloud.name()).await?.paused_until(self.store().now().await?),
            None => None,
        };
        Ok(SentView {
            moves: self.moved_view(&plan).await?,
            // The instant is what counts; that the wall has moved under it should be known.
            wall_moved: read_start(&plan.draft, zones::find(&plan.draft.zone).as_ref())
                .ok()
                .map(|s| s.at)
                .filter(|at| plan.start_at != Some(*at)),
            moved_to: self.store().moved_to(id).await?,
            may: self.may_all(actor, &plan),
            review: self.store().reviews(id).await?.into_iter().last(),
            names: self.names().await?,
            thread: self.thread(id).await?,
            state,
            counts,
            groups: patch_groups(&requests),
            requests_sent: sent,
            requests: pages.of(requests, pages.requests),
            attempts: pages.of(attempts, pages.attempts),
            not_before: self.store().not_before(id).await?.max(paused.filter(|_| waiting)),
            settle_seconds: sync.as_ref().map_or(self.policy().settle_seconds, |s| s.settle_seconds),
            sync,
            request_patches,
            items: Page {
                rows: shown.rows.into_iter().map(|i| (i.clone(), names.get(&i.instance).cloned().unwrap_or_default())).collect(),
                total: shown.total,
                page: shown.page,
            },
            plan,
        })
    }

    /// The items of a plan, judged by the last listing of tasks: what went wrong first, then in the order of the requests.
    async fn items_of(&self, plan: &Plan, sync: Option<&SyncStatus>) -> Result<Vec<Item>, patchboard_store::Error> {
        let tasks_at = sync.and_then(|s| s.tasks_at);
        let settle_seconds = sync.map_or(self.policy().settle_seconds, |s| s.settle_seconds);
        let mut items = self.store().items(&plan.id).await?;
        for item in &mut items {
            item.expect_listed(plan.start_at, tasks_at, settle_seconds);
        }
        items.sort_by_key(urgency);
        Ok(items)
    }

    /// Plans of ours that may still put a task on one of these instances.
    pub(crate) async fn plans_touching(&self, cloud: &CloudName, ids: &[InstanceId]) -> Result<Vec<(InstanceId, PlanId)>, Error> {
        let since = self.now() - Duration::seconds(self.settle_seconds(cloud).await?);
        Ok(self.store().plans_touching(cloud, ids, since).await?)
    }

    /// A page of the list of plans, last changed first.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn plan_rows(&self, actor: &Actor, page: i64) -> Result<Page<PlanRow>, Error> {
        self.allow(actor, Action::Read)?;
        let mut page = page.max(1);
        let (mut plans, total) = self.store().plans(PAGE_SIZE, (page - 1).saturating_mul(PAGE_SIZE)).await?;
        if plans.is_empty() && total > 0 {
            page = nearest_page(page, total);
            plans = self.store().plans(PAGE_SIZE, (page - 1).saturating_mul(PAGE_SIZE)).await?.0;
        }
        Ok(Page { rows: self.rows_of_plans(plans).await?, total, page })
    }

    /// Plans with where they stand.
    pub(crate) async fn rows_of_plans(&self, plans: Vec<Plan>) -> Result<Vec<PlanRow>, Error> {
        let (sync, names) = (self.sync_statuses().await?, self.names().await?);
        let mut rows = Vec::new();
        for plan in plans {
            let of_cloud = sync.iter().find(|s| s.cloud == plan.cloud);
            let items = readable(&plan.id, self.items_of(&plan, of_cloud).await)?;
            let reviews = if plan.stage() == Stage::Submitted { Vec::new() } else { self.store().reviews(&plan.id).await? };
            let review = reviews.into_iter().last();
            let state = match plan.stage() {
                // What became of one that cannot be read nobody knows.
                Stage::Submitted => items.as_ref().map_or(PlanState::InDoubt, |items| plan_state(items, plan.held_at.is_some())),
                _ => before_submission(&plan, review.as_ref(), self.policy().lead_minutes, self.now()),
            };
            let author = plan.author.as_ref().and_then(|a| names.get(a).cloned());
            rows.push(PlanRow { plan, state, counts: count_kinds(&items.unwrap_or_default()), author, review });
        }
        Ok(rows)
    }
}
