//! Everything in doubt: shown in one place, and settled by hand where a person knows better than the list.

use crate::{Error, Services, drafts::plan_subject, review::cleaned};
use chrono::{DateTime, Duration, Utc};
use patchboard_domain::{
    account::Actor,
    authority::Action,
    fleet::{Collision, DoubtRow, DoubtView, Page},
    hold::{Hold, Scope},
    id::{InstanceId, PlanId, TaskId},
    protocol::Unresolved,
    send::ItemState,
    sync::SyncStatus,
    task::Task,
};
use patchboard_store::{Due, EntryKey};
use serde_json::json;
use std::collections::BTreeMap;

/// Longest reason.
const REASON_MAX: usize = 1_000;

impl Services {
    /// Everything in doubt.
    ///
    /// # Errors
    /// [`Error::Denied`], [`Error::Store`].
    pub async fn doubt_view(&self, actor: &Actor, page: i64) -> Result<DoubtView, Error> {
        self.allow(actor, Action::Read)?;
        let (doubts, total) = self.store().doubts(&self.due().await?, page).await?;
        let mut rows = Vec::new();
        for doubt in doubts {
            let tasks = self.store().tasks_of(&doubt.cloud, std::slice::from_ref(&doubt.item.instance)).await?;
            rows.push(DoubtRow {
                may_be: tasks.into_iter().filter(|t| t.plan.is_none() && t.gone_at.is_none()).collect(),
                plan: doubt.plan,
                title: doubt.title,
                cloud: doubt.cloud,
                name: doubt.name,
                item: doubt.item,
                start_at: doubt.start_at,
            });
        }
        let names = self.names().await?;
        let by = |hold: &Hold| hold.by.as_ref().and_then(|id| names.get(id).cloned()).unwrap_or_default();
        Ok(DoubtView {
            rows: Page { rows, total, page },
            collisions: self.collisions().await?,
            holds: self.store().holds().await?.into_iter().map(|h| (h.clone(), by(&h))).collect(),
            sync: self.sync_statuses().await?,
            may_resolve: self.allow(actor, Action::ResolveDoubt).is_ok(),
            may_hold: self.allow(actor, Action::HoldAll).is_ok(),
        })
    }

    /// What makes an instance one that is in doubt, at each cloud.
    pub(crate) async fn due(&self) -> Result<Due, Error> {
        let now = self.store().now().await?;
        let before = |at: DateTime<Utc>, seconds| at.min(now) - Duration::seconds(seconds);
        let start = |status: SyncStatus| {
            // A cloud that was never listed shows nothing: nothing of it is missing.
            let listed = status.tasks_at.unwrap_or(DateTime::UNIX_EPOCH);
            (status.cloud, before(listed, status.settle_seconds))
        };
        let starts = self.sync_statuses().await?.into_iter().map(start).collect();
        Ok(Due { now, starts, start: before(now, self.policy().settle_seconds) })
    }

    /// Instances with several open tasks.
    pub(crate) async fn collisions(&self) -> Result<Vec<Collision>, Error> {
        let mut by_instance: BTreeMap<_, Vec<Task>> = BTreeMap::new();
        for (cloud, instance) in self.store().collisions().await? {
            let tasks = self.store().tasks_of(&cloud, std::slice::from_ref(&instance)).await?;
            let open = tasks.into_iter().filter(|t| t.gone_at.is_none() && t.status.is_open());
            by_instance.insert((cloud, instance), open.collect());
        }
        let collision = |((cloud, instance), mut tasks): (_, Vec<Task>)| {
            tasks.sort_by_key(|t| (t.start_at, t.id.key()));
            let name = tasks.first().map(|t| t.instance_name.clone()).unwrap_or_default();
            Collision { cloud, instance, name, tasks }
        };
        Ok(by_instance.into_iter().map(collision).collect())
    }

    /// Takes a person's word for what became of an instance in doubt: it has this task, or none. Nothing is sent because of it.
    ///
    /// # Errors
    /// [`Error::Denied`], [`Error::NeedsComment`] without a reason, [`Error::Changed`] when it is not in doubt any more,
    /// [`Error::TooEarly`] when it may still come,
    /// [`Error::NotFound`] for a task that the cloud does not list for it, [`Error::Store`].
    pub async fn resolve_doubt(
        &self,
        actor: &Actor,
        plan: &PlanId,
        position: i64,
        instance: &InstanceId,
        found: Option<&TaskId>,
        reason: &str,
    ) -> Result<(), Error> {
        self.allow(actor, Action::ResolveDoubt)?;
        let reason = cleaned(reason, REASON_MAX);
        if reason.is_empty() {
            return Err(Error::NeedsComment);
        }
        let (key, due) = (EntryKey { plan: plan.clone(), position }, self.due().await?);
        let cloud = self.plan(plan).await?.cloud;
        let (due, settle_seconds, connected) = (due.start_of(&cloud), self.settle_seconds(&cloud).await?, self.cloud(&cloud).is_ok());
        let shown = self.store().items(plan).await?.into_iter().find(|i| i.instance == *instance && i.request == position);
        let (gone, never) = shown.map_or((false, false), |item| (item.lost_sight.is_some(), item.task_status.is_none()));
        let resolve = self.store().on_entry(&key, |entry, around| {
            let listed =
                |id: &TaskId| around.tasks.iter().find(|t| t.instance == *instance && t.id.key() == id.key() && t.gone_at.is_none());
            let task = match found {
                Some(id) => match listed(id) {
                    Some(task) => Some(task.id.clone()),
                    None => return (Err(Error::NotFound), Vec::new()),
                },
                None => None,
            };
            let lost = gone || (never && entry.start_at <= due);
            let state = match entry.resolve(instance, task, lost, around.now, settle_seconds, connected) {
                Ok(state) => state,
                Err(Unresolved::Settled) => return (Err(Error::Changed), Vec::new()),
                Err(Unresolved::TooEarly) => return (Err(Error::TooEarly), Vec::new()),
            };
            let detail = json!({ "request": position, "instance": instance, "state": state, "reason": reason });
            (Ok(state), vec![self.deed(actor, "request.resolved", plan_subject(plan), detail)])
        });
        let state: ItemState = resolve.await??;
        tracing::info!(plan.id = %plan, instance.id = %instance, state = state.word(), "settled by hand");
        Ok(())
    }

    /// Puts a cloud, or everything, on hold, or lets it go on. What is on its way is seen through; what is in doubt is looked for.
    ///
    /// # Errors
    /// [`Error::Denied`], [`Error::NeedsComment`] without a reason, [`Error::NotFound`] for a cloud that is none, [`Error::Store`].
    pub async fn hold_all(&self, actor: &Actor, scope: &Scope, hold: bool, reason: &str) -> Result<(), Error> {
        self.allow(actor, Action::HoldAll)?;
        if let Scope::Cloud(name) = scope
            && hold
        {
            self.cloud(name)?;
        }
        let reason = cleaned(reason, REASON_MAX);
        if hold && reason.is_empty() {
            return Err(Error::NeedsComment);
        }
        let kept = hold.then(|| Hold { scope: scope.clone(), at: self.now(), by: actor.user.clone(), reason: reason.clone() });
        let detail = json!({ "scope": scope.key(), "reason": reason });
        let deed = self.deed(actor, if hold { "send.hold" } else { "send.resume" }, format!("hold/{}", scope.key()), detail);
        self.store().put_hold(scope, kept.as_ref(), Some(&deed)).await?;
        for cloud in self.clouds() {
            cloud.wake_senders();
        }
        Ok(())
    }
}
