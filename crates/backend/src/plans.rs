//! Submitted plans: confirm, hold, withdraw, look at.

use crate::{Error, Services};
use chrono::{DateTime, Duration, Utc};
use patchboard_domain::{
    compile::plan_hash,
    filter::PAGE_SIZE,
    fleet::{DraftView, Page, PlanRow, SentView},
    id::{CloudName, InstanceId, PlanId},
    plan::{Draft, Plan, PlanState},
    send::{Item, ItemState, plan_state},
};
use patchboard_store::Submission;
use std::collections::BTreeMap;

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
    /// typed; one instance needs none.
    ///
    /// # Errors
    /// [`Error::Confirm`] when the number is wrong, [`Error::NotReady`] when something stands against it, [`Error::Changed`] when the requests are no longer those that were
    /// seen or it was confirmed before, [`Error::Conflict`] when another plan was faster, [`Error::Store`].
    pub async fn submit(&self, id: &PlanId, hash: &str, count: &str) -> Result<(), Error> {
        let plan = self.plan(id).await?;
        if !plan.is_draft() {
            let same = plan_hash(&self.store().requests(id).await?) == hash;
            return if same { Ok(()) } else { Err(Error::Changed) };
        }
        // Lists that have grown too old while the person read are read again before they are judged.
        self.read_candidates(&plan.cloud, &plan.draft.instances).await?;
        let view: DraftView = self.draft_view(id).await?;
        let start = match &view.start {
            Ok(start) if view.is_ready() => *start,
            _ => return Err(Error::NotReady),
        };
        if view.hash != hash {
            return Err(Error::Changed);
        }
        if view.chosen.len() > 1 && count.trim().parse() != Ok(view.chosen.len()) {
            return Err(Error::Confirm);
        }
        let submission = Submission {
            plan: id.clone(),
            revision: view.plan.revision,
            cloud: view.plan.cloud.clone(),
            start_at: start.at,
            requests: view.requests,
            now: self.now(),
        };
        match self.store().submit(&submission).await {
            Ok(()) => {}
            // Another tab was faster with the same requests: it is done.
            Err(patchboard_store::Error::Changed) if self.plan(id).await.is_ok_and(|p| !p.is_draft()) => {
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
        self.cloud(&view.plan.cloud)?.sender().notify_one();
        Ok(())
    }

    /// Holds what is not yet sent, or lets it go on.
    ///
    /// # Errors
    /// [`Error::Changed`] when it is no submitted plan, [`Error::Store`].
    pub async fn hold(&self, id: &PlanId, hold: bool) -> Result<(), Error> {
        let now = self.now();
        self.store().hold_plan(id, hold.then_some(now), now).await?;
        let plan = self.plan(id).await?;
        if let Ok(cloud) = self.cloud(&plan.cloud) {
            cloud.sender().notify_one();
        }
        Ok(())
    }

    /// Takes back what is not yet sent, and what is in doubt as soon as it is proved absent. What the cloud has accepted is
    /// cancelled on its task's page.
    ///
    /// # Errors
    /// [`Error::Changed`] when it is no submitted plan, [`Error::Store`].
    pub async fn withdraw(&self, id: &PlanId) -> Result<(), Error> {
        self.store().withdraw_plan(id, self.now()).await?;
        let plan = self.plan(id).await?;
        self.store().sweep_withdrawn(&plan.cloud).await?;
        Ok(())
    }

    /// A new draft from the instances of a plan that were refused or missed, with the old values.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::NotReady`] when there are none, [`Error::Store`].
    pub async fn draft_from_failed(&self, id: &PlanId) -> Result<PlanId, Error> {
        let plan = self.plan(id).await?;
        let instances: Vec<InstanceId> = self
            .store()
            .items(id)
            .await?
            .into_iter()
            .filter(|i| matches!(i.state, ItemState::Rejected { .. } | ItemState::Missed | ItemState::Withdrawn))
            .map(|i| i.instance)
            .collect();
        if instances.is_empty() {
            return Err(Error::NotReady);
        }
        let new = self.create_draft(&plan.cloud, &plan.draft.zone).await?;
        let draft = Draft { instances, pasted: String::new(), ..plan.draft };
        self.store().put_draft(&new, 0, &draft, self.now()).await?;
        self.ask_candidates(&plan.cloud, draft.instances);
        Ok(new)
    }

    /// A submitted plan with everything its page needs.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Store`].
    pub async fn sent_view(&self, id: &PlanId) -> Result<SentView, Error> {
        let plan = self.plan(id).await?;
        if plan.is_draft() {
            return Err(Error::NotFound);
        }
        // A connection may have been taken out of the configuration; what was done by it stays.
        let cloud = self.cloud(&plan.cloud).ok();
        let sync = match cloud {
            Some(cloud) => Some(self.sync_status(cloud).await?),
            None => None,
        };
        let items = self.items_of(&plan, sync.as_ref().and_then(|s| s.tasks_at)).await?;
        let ids: Vec<InstanceId> = items.iter().map(|i| i.instance.clone()).collect();
        let names: BTreeMap<InstanceId, String> =
            self.store().instances_by_id(&plan.cloud, &ids).await?.into_iter().map(|i| (i.id, i.name)).collect();
        let paused = cloud.and_then(|c| c.paused_until(self.now()));
        let waiting = items.iter().any(|i| i.state == ItemState::Planned);
        Ok(SentView {
            state: plan_state(&items, plan.held_at.is_some()),
            requests: self.store().requests(id).await?,
            attempts: self.store().attempts(id).await?,
            not_before: self.store().not_before(id).await?.max(paused.filter(|_| waiting)),
            sync,
            settle_seconds: self.policy().settle_seconds,
            items: items
                .into_iter()
                .map(|i| {
                    let name = names.get(&i.instance).cloned().unwrap_or_default();
                    (i, name)
                })
                .collect(),
            plan,
        })
    }

    /// The items of a plan, judged by the listing of tasks that began at `tasks_at`.
    async fn items_of(&self, plan: &Plan, tasks_at: Option<DateTime<Utc>>) -> Result<Vec<Item>, Error> {
        let mut items = self.store().items(&plan.id).await?;
        for item in &mut items {
            item.expect_listed(plan.start_at, tasks_at, self.policy().settle_seconds);
        }
        Ok(items)
    }

    /// Plans of ours that may still put a task on one of these instances.
    pub(crate) async fn plans_touching(&self, cloud: &CloudName, ids: &[InstanceId]) -> Result<Vec<(InstanceId, PlanId)>, Error> {
        let since = self.now() - Duration::seconds(self.policy().settle_seconds);
        Ok(self.store().plans_touching(cloud, ids, since).await?)
    }

    /// A page of the list of plans, last changed first.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn plan_rows(&self, page: i64) -> Result<Page<PlanRow>, Error> {
        let page = page.max(1);
        let (plans, total) = self.store().plans(PAGE_SIZE, (page - 1).saturating_mul(PAGE_SIZE)).await?;
        let sync = self.sync_statuses().await?;
        let mut rows = Vec::new();
        for plan in plans {
            let tasks_at = sync.iter().find(|s| s.cloud == plan.cloud).and_then(|s| s.tasks_at);
            let items = self.items_of(&plan, tasks_at).await?;
            let state = if plan.is_draft() { PlanState::Draft } else { plan_state(&items, plan.held_at.is_some()) };
            rows.push(PlanRow { plan, state, items });
        }
        Ok(Page { rows, total, page })
    }
}
