//! Moving what is scheduled to another time: a plan that takes the place of another one's tasks (`domain::moving`).

use crate::{Cloud, Error, Services, approval::readable, drafts::plan_subject, heard::Heard};
use chrono::{DateTime, Utc};
use patchboard_domain::{
    account::Actor,
    authority::Action,
    cancel::TaskOrder,
    eligibility::PlanRefusal,
    id::{CloudName, InstanceId, PlanId, TaskId},
    moving::{MoveView, Step, goes_back, step},
    plan::{Draft, Plan},
    send::{Item, ItemState},
    task::TaskStatus,
};
use patchboard_store::{EntryKey, MoveRow, Moves};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

impl Services {
    /// A draft that moves what of a plan waits for its start in the cloud: the same instances, patches and words, to be given another
    /// time. Nothing is cancelled before it is confirmed, or approved where policy asks for that.
    ///
    /// # Errors
    /// [`Error::NotReady`] when nothing of it waits, [`Error::Denied`], [`Error::NotFound`], [`Error::Store`].
    pub async fn move_plan(&self, actor: &Actor, id: &PlanId) -> Result<PlanId, Error> {
        self.allow(actor, Action::CreatePlan)?;
        let plan = self.plan(id).await?;
        let tasks = movable(&self.store().items(id).await?);
        if tasks.is_empty() {
            return Err(Error::NotReady);
        }
        let instances: Vec<InstanceId> = tasks.into_iter().map(|(instance, _)| instance).collect();
        let from = plan.id.clone();
        self.draft_like(actor, plan, instances, Some(&from)).await
    }

    /// What a plan that is not submitted would move, and what stands against that when it would start at `start_at`: it changes nothing, or
    /// it would take away the tasks of instances that are not chosen.
    pub(crate) async fn judge_move(
        &self,
        plan: &Plan,
        start_at: Option<DateTime<Utc>>,
    ) -> Result<(Option<MoveView>, Vec<PlanRefusal>), Error> {
        let Some(from) = &plan.moves else { return Ok((None, Vec::new())) };
        let (from, items) = (self.plan(from).await?, self.store().items(from).await?);
        let mut tasks = movable(&items);
        tasks.retain(|(instance, _)| plan.draft.instances.contains(instance));
        let view = view_of(from, tasks);
        let mut refusals = Vec::new();
        if let Some(at) = start_at.filter(|at| view.start_at == Some(*at) && view.patches == plan.draft.patches && !view.tasks.is_empty()) {
            refusals.push(PlanRefusal::SameTime { start_at: at });
        }
        let mut by_task: BTreeMap<&TaskId, BTreeSet<&InstanceId>> = BTreeMap::new();
        for (instance, task) in &view.tasks {
            by_task.entry(task).or_default().insert(instance);
        }
        for (task, mine) in by_task {
            let shared = self.store().tasks_with_id(&plan.cloud, &task.key()).await?;
            let open = shared.into_iter().filter(|t| t.status.is_open()).map(|t| t.instance);
            // What was accepted under the id and is not listed yet is its task as well.
            let is_task = |state: &ItemState| matches!(state, ItemState::Accepted { task: own, .. } if own.key() == task.key());
            let unlisted = items.iter().filter(|i| i.task_status.is_none() && is_task(&i.state)).map(|i| i.instance.clone());
            let others: BTreeSet<InstanceId> = open.chain(unlisted).filter(|i| !mine.contains(i)).collect();
            if !others.is_empty() {
                refusals.push(PlanRefusal::SharesTask { task: task.clone(), others: others.into_iter().collect() });
            }
        }
        Ok((Some(view), refusals))
    }

    /// What a submitted plan has moved.
    pub(crate) async fn moved_view(&self, plan: &Plan) -> Result<Option<MoveView>, Error> {
        let Some(from) = &plan.moves else { return Ok(None) };
        let rows = self.store().moves_of(&plan.id).await?;
        let tasks = rows.into_iter().map(|row| (row.instance, TaskId::new(row.task_key))).collect();
        Ok(Some(view_of(self.plan(from).await?, tasks)))
    }

    /// What a submission has to say of what it moves: the cancels are in the journal as soon as the plan is.
    pub(crate) fn moves_for_submission(&self, actor: &Actor, cloud: &CloudName, view: Option<&MoveView>) -> Option<Moves> {
        let view = view.filter(|v| !v.tasks.is_empty())?;
        let ids: BTreeMap<String, &TaskId> = view.tasks.iter().map(|(_, task)| (task.key(), task)).collect();
        let order = |task: &TaskId| self.begin_order(actor, cloud, task, TaskOrder::Cancel);
        Some(Moves { from: view.plan.clone(), tasks: view.tasks.clone(), orders: ids.into_values().map(order).collect() })
    }

    /// Takes every move one step further by the listing begun at `began_at`.
    pub(crate) async fn follow_moves(&self, cloud: &Cloud, began_at: DateTime<Utc>, heard: &Heard) -> Result<(), Error> {
        for key in self.store().moving_entries(cloud.name()).await? {
            heard.note();
            let changed = readable(&key.plan, self.follow_moves_of(cloud, &key, began_at).await)?;
            for (instance, state) in changed.into_iter().flatten() {
                tracing::info!(plan.id = %key.plan, instance.id = %instance, state = state.word(), "moved one step further");
            }
        }
        for row in self.store().failed_moves(cloud.name()).await? {
            heard.note();
            if goes_back(&row.state) {
                readable(&row.plan, self.put_back(cloud, &row, began_at).await)?;
            }
        }
        // What was cancelled makes room for what is to be sent.
        cloud.wake_senders();
        Ok(())
    }

    /// Takes the moves of one request one step further. Returns what changed.
    async fn follow_moves_of(
        &self,
        cloud: &Cloud,
        key: &EntryKey,
        began_at: DateTime<Utc>,
    ) -> Result<Vec<(InstanceId, ItemState)>, patchboard_store::Error> {
        let mut steps = Vec::new();
        // One id may stand for every instance of the request: each is looked up once.
        for of_task in self.store().waiting_moves(key).await?.chunk_by(|a, b| a.task_key == b.task_key) {
            let task_key = &of_task[0].task_key;
            // Orders first: one that is over by then shows in the tasks.
            let orders = self.store().orders_of(cloud.name(), task_key).await?;
            let tasks = self.store().tasks_with_id(cloud.name(), task_key).await?;
            steps.extend(of_task.iter().map(|row| {
                let task = tasks.iter().find(|t| t.instance == row.instance);
                (row.instance.clone(), step(task, orders.iter().map(|o| &o.state), began_at))
            }));
        }
        let follow = self.store().on_entry(key, |entry, _| {
            let changed = entry.follow_move(&steps);
            let deeds = self.settled_deeds(&key.plan, "request.moved", &changed);
            (changed, deeds)
        });
        follow.await
    }

    /// Has the old time of one instance that was moved in vain stand again.
    async fn put_back(&self, cloud: &Cloud, row: &MoveRow, began_at: DateTime<Utc>) -> Result<(), patchboard_store::Error> {
        let orders = self.store().orders_of(cloud.name(), &row.task_key).await?;
        let task = self.store().task_of(cloud.name(), &row.task_key, &row.instance).await?;
        // However it came to nothing: while the old task stands, or its cancel may still act, a second one must not be made.
        if step(task.as_ref(), orders.iter().map(|o| &o.state), began_at) != Step::Send {
            return Ok(());
        }
        let detail = json!({ "instance": row.instance, "instead_of": row.plan, "state": row.state });
        let deed = self.deed(&Actor::system(), "request.put_back", plan_subject(&row.from), detail);
        match self.store().put_back(row, &deed).await {
            Ok(true) => {
                tracing::warn!(plan.id = %row.from, instance.id = %row.instance, "its new time came to nothing; the old one stands again");
                Ok(())
            }
            // Something else became of it, or somebody was faster, or a newer plan is about to schedule the instance: that one counts.
            Ok(false) | Err(patchboard_store::Error::Changed | patchboard_store::Error::Conflict) => Ok(()),
            Err(other) => Err(other),
        }
    }
}

/// What waits for its start in the cloud, with its tasks.
fn movable(items: &[Item]) -> Vec<(InstanceId, TaskId)> {
    let waits = |i: &&Item| i.lost_sight.is_none() && i.task_status == Some(TaskStatus::Pending);
    let task = |i: &Item| match &i.state {
        ItemState::Accepted { task, .. } => Some((i.instance.clone(), task.clone())),
        _ => None,
    };
    items.iter().filter(waits).filter_map(task).collect()
}

fn view_of(from: Plan, tasks: Vec<(InstanceId, TaskId)>) -> MoveView {
    let Draft { title, zone, patches, .. } = from.draft;
    MoveView { plan: from.id, title, start_at: from.start_at, zone, patches, tasks }
}

/// What the ledger keeps of what a submission moves.
pub(crate) fn moves_detail(moves: &Moves) -> serde_json::Value {
    let tasks: BTreeMap<&str, &str> = moves.tasks.iter().map(|(i, t)| (i.as_str(), t.as_str())).collect();
    json!({ "from": moves.from, "tasks": tasks })
}
