//! The reconciler: looks at the cloud, keeps what it says, settles what is in doubt.
//!
//! It takes no input, even when the caller knows what changed, so there is one code path; it is idempotent; and it does not
//! retry: the next pass is the retry.

use crate::{
    Cloud, Error, Services,
    approval::readable,
    heard::{Heard, within},
    translate,
};
use chrono::{DateTime, Utc};
use patchboard_domain::{
    account::Actor,
    cancel::{TaskOrder, after_listing, check_order},
    id::InstanceId,
    protocol::Rules,
    send::{CloudError, ItemState, NO_ANSWER},
    settle::Listing,
    sync::{ListLag, SyncStatus},
    task::Task,
};
use patchboard_gaussdb::{Error as CloudFailure, wire};
use patchboard_store::{Around, InstanceListing, listing_lease, sync_lease};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::atomic::{AtomicI64, Ordering},
    time::Duration,
};

/// How often the number of rows read is written down while a pass runs.
const PROGRESS_EVERY: Duration = Duration::from_millis(250);

/// Longest time for saying that nothing was heard.
const NOTE_MAX: Duration = Duration::from_secs(10);

/// How often it is asked whether it is one's turn.
pub(crate) const TURN: Duration = Duration::from_millis(50);

impl Services {
    /// Looks at one cloud.
    ///
    /// # Errors
    /// [`Error::Store`]; what the cloud or the network said is kept in the status.
    pub async fn sync_pass(&self, cloud: &Cloud) -> Result<(), Error> {
        // One replica looks for all of them.
        let (lease, heard) = (sync_lease(cloud.name()), Heard::begin());
        if !within(self.silent_limit(), self.keep_lease(&lease)).await? {
            return Ok(());
        }
        // Side by side, and never one inside the other: the look may be in the middle of a write when the lease is to be renewed.
        let renewing = async {
            while self.keep_lease(&lease).await? {
                tokio::time::sleep(self.renewal()).await;
            }
            Ok::<(), Error>(())
        };
        let looking = async {
            self.check_stored_plans().await?;
            heard.note();
            self.look_and_note(cloud, &heard).await
        };
        let result = tokio::select! {
            result = looking => result,
            lost = renewing => lost.and(Err(Error::Changed)),
            limit = self.silence(cloud, &heard) => {
                // The database may be what is silent: then it is logged by the caller, and that is all.
                let _ = within(NOTE_MAX, self.note_silence(cloud)).await;
                Err(patchboard_store::Error::NoAnswer(limit.as_secs()).into())
            }
        };
        if matches!(result, Err(Error::Changed)) {
            tracing::warn!(cloud = %cloud.name(), "another replica has taken over looking");
            return Ok(());
        }
        within(self.silent_limit(), async { Ok(self.store().give_lease(&lease, self.replica()).await?) }).await?;
        result
    }

    /// How long nothing may be heard of the database.
    pub(crate) fn silent_limit(&self) -> Duration {
        Duration::from_secs(self.policy().silent_seconds)
    }

    /// Returns when nothing has been heard for longer than the cloud and the database may take. A call that is tried again, or waits
    /// for its turn, is heard of.
    async fn silence(&self, cloud: &Cloud, heard: &Heard) -> Duration {
        let limit = cloud.deadline() + self.silent_limit();
        loop {
            heard.silent_for(limit).await;
            if !cloud.pace().looked().is_within(limit) {
                return limit;
            }
            cloud.pace().looked().silent_for(limit).await;
        }
    }

    async fn note_silence(&self, cloud: &Cloud) -> Result<(), Error> {
        let mut status = self.sync_status(cloud).await?;
        status.running_since = None;
        status.ended_at = Some(self.store().now().await?);
        status.error = Some(CloudError { message: NO_ANSWER.to_owned(), ..CloudError::default() });
        self.put_status(&status).await
    }

    /// Keeps the status of a cloud, unless another replica looks at it by now.
    async fn put_status(&self, status: &SyncStatus) -> Result<(), Error> {
        Ok(self.store().put_sync_status(status, self.replica()).await?)
    }

    pub(crate) async fn keep_lease(&self, name: &str) -> Result<bool, Error> {
        Ok(self.store().take_lease(name, self.replica(), self.policy().lease_seconds).await?)
    }

    fn renewal(&self) -> Duration {
        Duration::from_secs(self.policy().lease_seconds.unsigned_abs()) / 3
    }

    async fn look_and_note(&self, cloud: &Cloud, heard: &Heard) -> Result<(), Error> {
        let mut status = self.sync_status(cloud).await?;
        // Of a throttled connection the last status stands, with its error; the page says until when.
        if status.stopped || status.paused_until.is_some() {
            return Ok(());
        }
        status.running_since = Some(self.now());
        status.progress = 0;
        self.put_status(&status).await?;
        let result = self.look(cloud, &mut status, heard).await;
        status.running_since = None;
        let ended = self.store().now().await?;
        status.ended_at = Some(ended);
        status.next_at = Some(ended + chrono::Duration::from_std(self.pause_between_looks(cloud).await).unwrap_or_default());
        status.skew_seconds = cloud.client().skew_seconds();
        match result {
            Ok(()) => {
                status.error = None;
            }
            Err(Failure::Cloud(error)) => {
                tracing::warn!(cloud = %cloud.name(), error = %error, "sync pass failed");
                status.error = Some(translate::error(&error));
            }
            Err(Failure::Store(error)) => {
                // The status cannot be kept either, most likely; the caller logs the cause.
                let _ = self.put_status(&status).await;
                return Err(error);
            }
        }
        self.put_status(&status).await
    }

    async fn look(&self, cloud: &Cloud, status: &mut SyncStatus, heard: &Heard) -> Result<(), Failure> {
        self.give_orders(cloud, heard).await?;
        let rows = AtomicI64::new(0);
        let count = |n: usize| {
            heard.note();
            rows.store(i64::try_from(n).unwrap_or(i64::MAX), Ordering::Relaxed);
        };
        let (began_at, elapsed, listed) = self.list_tasks(cloud, count, heard).await?;
        let tasks: Vec<Task> = listed.into_iter().filter_map(|t| translate::task(cloud.name(), t, began_at)).collect();
        let ended_at = self.store().now().await?;
        self.store().put_tasks(cloud.name(), self.replica(), began_at, ended_at, &tasks).await?;
        let steady_since = self.steady_since(began_at, elapsed);
        let missed_at = status.tasks_at.replace(began_at).filter(|at| *at >= steady_since);
        self.learn_lag(cloud, status, missed_at, ended_at).await?;
        self.put_status(status).await?;
        heard.note();
        let rules = Rules { settle_seconds: status.settle_seconds, ..self.rules() };
        self.settle(cloud, began_at, steady_since, &rules, heard).await?;
        self.follow_orders(cloud, began_at, &rules, heard).await?;
        self.follow_moves(cloud, began_at, heard).await?;
        self.take_back_duplicates(cloud, heard).await?;
        let began_at = self.store().now().await?;
        let mut shown = status.clone();
        let telling = async {
            loop {
                tokio::time::sleep(PROGRESS_EVERY).await;
                shown.progress = rows.load(Ordering::Relaxed);
                if let Err(error) = self.put_status(&shown).await {
                    break error;
                }
            }
        };
        let instances = tokio::select! {
            result = cloud.client().instances(count) => result?,
            error = telling => return Err(error.into()),
        };
        heard.note();
        let catalogue = cloud.client().datastore_versions().await?;
        heard.note();
        // Names of enterprise projects are a convenience; a refusal must not hide the fleet.
        let projects = cloud.client().enterprise_projects().await.unwrap_or_else(|error| {
            tracing::info!(cloud = %cloud.name(), error = %error, "enterprise projects cannot be listed");
            Vec::new()
        });
        heard.note();
        let listing = InstanceListing {
            cloud: cloud.name().clone(),
            began_at,
            instances: instances.into_iter().filter_map(|i| translate::instance(cloud.name(), i, began_at)).collect(),
            catalogue: translate::catalogue(&catalogue),
            projects: projects.into_iter().filter_map(|p| Some((p.id?, p.name?))).collect(),
        };
        self.store().put_instances(&listing).await?;
        status.instances_at = Some(began_at);
        Ok(())
    }

    /// Reads the list of tasks while nothing is sent: our own new tasks would move it, and a moving list is no evidence.
    async fn list_tasks(
        &self,
        cloud: &Cloud,
        count: impl Fn(usize),
        heard: &Heard,
    ) -> Result<(DateTime<Utc>, Duration, Vec<wire::ScheduleTask>), Failure> {
        let lease = listing_lease(cloud.name());
        let reading = async {
            // What is on its way is seen through; nothing new is taken meanwhile.
            while self.store().busy(cloud.name()).await? > 0 {
                heard.note();
                tokio::time::sleep(TURN).await;
            }
            let (began_at, elapsed) = (self.store().now().await?, self.elapsed());
            Ok::<_, Failure>((began_at, elapsed, cloud.client().schedule_tasks(count).await?))
        };
        self.keep_lease(&lease).await?;
        let renewing = async {
            loop {
                tokio::time::sleep(self.renewal()).await;
                if let Err(error) = self.keep_lease(&lease).await {
                    break error;
                }
            }
        };
        let result = tokio::select! {
            result = reading => result,
            error = renewing => Err(error.into()),
        };
        self.store().give_lease(&lease, self.replica()).await?;
        cloud.wake_senders();
        result
    }

    /// Takes note of the lag of listings: the one that began at `missed_at` did not show a task that was there by then, and the one that
    /// ended at `ended_at` was the first to show it.
    async fn learn_lag(
        &self,
        cloud: &Cloud,
        status: &mut SyncStatus,
        missed_at: Option<DateTime<Utc>>,
        ended_at: DateTime<Utc>,
    ) -> Result<(), Error> {
        let skew = chrono::Duration::seconds(self.skew_seconds(cloud).await?);
        let seen = match missed_at.map(ListLag::window) {
            Some((from, to)) => self.store().oldest_new_task(cloud.name(), ended_at, from + skew, to + skew).await?,
            None => None,
        };
        status.learn_lag(seen.and_then(|created_at| ListLag::seen(created_at - skew, ended_at)), ended_at);
        let settle_seconds = status.settles_after(self.policy().settle_seconds);
        if settle_seconds > status.settle_seconds {
            tracing::warn!(cloud = %cloud.name(), seconds = settle_seconds, "listings of tasks lag: what is in doubt is settled only after so long");
        }
        status.settle_seconds = settle_seconds;
        Ok(())
    }

    /// Settles what is in doubt by the listing that began at `began_at`.
    async fn settle(
        &self,
        cloud: &Cloud,
        began_at: DateTime<Utc>,
        steady_since: DateTime<Utc>,
        rules: &Rules,
        heard: &Heard,
    ) -> Result<(), Error> {
        let skew_seconds = self.skew_seconds(cloud).await?;
        for key in self.store().doubtful_entries(cloud.name()).await? {
            heard.note();
            let settle = self.store().on_entry(&key, |entry, around: &Around| {
                // In this listing, or in a later one of another replica: what is seen there is not absent.
                let tasks: Vec<Task> = around.tasks.iter().filter(|t| t.seen_at >= began_at).cloned().collect();
                let listing = Listing { began_at, steady_since, skew_seconds, tasks: &tasks };
                let mut changed = entry.settle(listing, around.now, rules);
                // Looking and still not knowing is no deed; what it comes to is.
                changed.retain(|(_, state)| !matches!(state, ItemState::Unknown { .. }));
                let deeds = self.settled_deeds(&key.plan, "request.settled", &changed);
                (changed, deeds)
            });
            let Some(settled) = readable(&key.plan, settle.await)? else { continue };
            for (instance, state) in settled {
                tracing::info!(plan.id = %key.plan, instance.id = %instance, state = state.word(), "settled");
            }
        }
        cloud.wake_senders();
        Ok(())
    }

    /// Cancels what calls of ours made twice, before it starts. What somebody else made is never touched.
    async fn take_back_duplicates(&self, cloud: &Cloud, heard: &Heard) -> Result<(), Error> {
        // How late a call acts is what is set: a list that lags says nothing about that.
        let (rules, skew_seconds) = (self.rules(), self.skew_seconds(cloud).await?);
        let mut ours: BTreeMap<String, BTreeSet<InstanceId>> = BTreeMap::new();
        for (_, instance) in self.store().collisions().await?.into_iter().filter(|(name, _)| name == cloud.name()) {
            for key in self.store().accepted_entries(cloud.name(), &instance).await? {
                heard.note();
                let find = self.store().on_entry(&key, |entry, around: &Around| {
                    (entry.duplicates(&instance, &around.tasks, skew_seconds, &rules), Vec::new())
                });
                for task in readable(&key.plan, find.await)?.into_iter().flatten() {
                    ours.entry(task.key()).or_default().insert(instance.clone());
                }
            }
        }
        for (key, instances) in ours {
            let tasks = self.store().tasks_with_id(cloud.name(), &key).await?;
            let orders = match self.store().orders_of(cloud.name(), &key).await {
                Err(error) if error.is_inconsistent() => {
                    tracing::error!(task.id = key, error = ?error, "an order cannot be read, and nothing is taken back beside it");
                    continue;
                }
                other => other?,
            };
            // One id may stand for instances of which some have no other task: cancelling it would take theirs away.
            let all_ours = tasks.iter().filter(|t| t.gone_at.is_none()).all(|t| instances.contains(&t.instance));
            if !all_ours || !orders.is_empty() || check_order(TaskOrder::Cancel, &tasks, false).is_err() {
                continue;
            }
            let Some(task) = tasks.first() else { continue };
            tracing::warn!(task.id = %task.id, instances = instances.len(), "made twice by calls of ours; taken back");
            self.journal_order(&Actor::system(), cloud.name(), &task.id, TaskOrder::Cancel, "").await?;
        }
        Ok(())
    }

    /// Holds open orders against the listing.
    async fn follow_orders(&self, cloud: &Cloud, began_at: DateTime<Utc>, rules: &Rules, heard: &Heard) -> Result<(), Error> {
        let mut seen = BTreeSet::new();
        for order in self.store().open_orders(cloud.name()).await? {
            heard.note();
            let key = order.task.key();
            if !seen.insert(key.clone()) {
                continue;
            }
            let tasks = self.store().tasks_with_id(cloud.name(), &key).await?;
            let next = after_listing(order.what, &order.state, &tasks, began_at, rules.settle_seconds);
            if next != order.state {
                tracing::info!(task.id = %order.task, state = ?next, "order followed up");
                let deed = self.order_deed(&Actor::system(), "task.followed", cloud.name(), &order, &next);
                match self.store().put_order(&order.id, &order.state, &next, Some(&deed)).await {
                    // Another replica was faster.
                    Ok(()) | Err(patchboard_store::Error::Changed) => {}
                    Err(other) => return Err(other.into()),
                }
            }
        }
        Ok(())
    }
}

/// What ends a pass.
pub(crate) enum Failure {
    Cloud(CloudFailure),
    Store(Error),
}

impl From<CloudFailure> for Failure {
    fn from(error: CloudFailure) -> Self {
        Self::Cloud(error)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Store(error)
    }
}

impl From<patchboard_store::Error> for Failure {
    fn from(error: patchboard_store::Error) -> Self {
        Self::Store(error.into())
    }
}
