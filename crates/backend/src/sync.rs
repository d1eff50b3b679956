//! The reconciler: looks at the cloud, keeps what it says, settles what is in doubt.
//!
//! It takes no input, even when the caller knows what changed, so there is one code path; it is idempotent; and it does not
//! retry: the next pass is the retry.

use crate::{Cloud, Error, Services, translate};
use chrono::{DateTime, Utc};
use patchboard_domain::{
    account::Actor,
    cancel::after_listing,
    fleet::SyncStatus,
    id::InstanceId,
    schedule::check_instant,
    send::{ItemState, MOST_ATTEMPTS, Stop},
    settle::{Doubt, Listing, Verdict, judge},
    task::Task,
};
use patchboard_gaussdb::Error as CloudFailure;
use patchboard_store::{InstanceListing, UnknownItem};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

/// How often the number of rows read is written down while a pass runs.
const PROGRESS_EVERY: Duration = Duration::from_millis(250);

impl Services {
    /// Looks at one cloud.
    ///
    /// # Errors
    /// [`Error::Store`]; what the cloud or the network said is kept in the status.
    pub async fn sync_pass(&self, cloud: &Cloud) -> Result<(), Error> {
        let mut status = self.sync_status(cloud).await?;
        // Of a throttled connection the last status stands, with its error; the page says until when.
        if cloud.is_stopped() || status.paused_until.is_some() {
            return Ok(());
        }
        status.running_since = Some(self.now());
        status.progress = 0;
        self.store().put_sync_status(&status).await?;
        let result = self.look(cloud, &mut status).await;
        status.running_since = None;
        status.ended_at = Some(self.now());
        status.skew_seconds = cloud.client().skew_seconds();
        match result {
            Ok(()) => {
                cloud.went_through(self.now());
                status.error = None;
            }
            Err(Failure::Cloud(error)) => {
                cloud.note(&error, self.now());
                tracing::warn!(cloud = %cloud.name(), error = %error, "sync pass failed");
                status.error = Some(translate::error(&error));
            }
            Err(Failure::Store(error)) => {
                // The status cannot be kept either, most likely; the caller logs the cause.
                let _ = self.store().put_sync_status(&status).await;
                return Err(error);
            }
        }
        Ok(self.store().put_sync_status(&status).await?)
    }

    async fn look(&self, cloud: &Cloud, status: &mut SyncStatus) -> Result<(), Failure> {
        self.give_orders(cloud).await?;
        let turn = cloud.turn().await;
        let began_at = self.now();
        let rows = AtomicI64::new(0);
        let count = |n: usize| rows.store(i64::try_from(n).unwrap_or(i64::MAX), Ordering::Relaxed);
        let listed = cloud.client().schedule_tasks(count).await?;
        drop(turn);
        let tasks: Vec<Task> = listed.into_iter().filter_map(|t| translate::task(cloud.name(), t, began_at)).collect();
        self.store().put_tasks(cloud.name(), began_at, self.now(), &tasks).await?;
        status.tasks_at = Some(began_at);
        self.settle(cloud, began_at).await?;
        self.follow_orders(cloud, began_at).await?;
        let began_at = self.now();
        let instances = {
            let reading = cloud.client().instances(count);
            tokio::pin!(reading);
            loop {
                tokio::select! {
                    result = &mut reading => break result?,
                    () = tokio::time::sleep(PROGRESS_EVERY) => {
                        status.progress = rows.load(Ordering::Relaxed);
                        self.store().put_sync_status(status).await?;
                    }
                }
            }
        };
        let catalogue = cloud.client().datastore_versions().await?;
        // Names of enterprise projects are a convenience; a refusal must not hide the fleet.
        let projects = cloud.client().enterprise_projects().await.unwrap_or_else(|error| {
            tracing::info!(cloud = %cloud.name(), error = %error, "enterprise projects cannot be listed");
            Vec::new()
        });
        let listing = InstanceListing {
            cloud: cloud.name().clone(),
            began_at,
            instances: instances.into_iter().filter_map(|i| translate::instance(cloud.name(), i, began_at)).collect(),
            catalogue: translate::catalogue(&catalogue),
            projects: projects.into_iter().filter_map(|p| Some((p.id?, p.name?))).collect(),
        };
        self.store().put_instances(&listing).await?;
        self.forget_facets();
        status.instances_at = Some(began_at);
        Ok(())
    }

    /// Settles what is in doubt by the listing that began at `began_at`.
    async fn settle(&self, cloud: &Cloud, began_at: DateTime<Utc>) -> Result<(), Error> {
        let unknown = self.store().unknown_items(cloud.name()).await?;
        let ids: Vec<InstanceId> = unknown.iter().map(|u| u.instance.clone()).collect();
        let mut by_instance: BTreeMap<InstanceId, Vec<Task>> = BTreeMap::new();
        for task in self.store().tasks_of(cloud.name(), &ids).await? {
            // A task that another item accounts for is not this one's, and one that is gone was not in this listing.
            if task.plan.is_none() && task.seen_at == began_at {
                by_instance.entry(task.instance.clone()).or_default().push(task);
            }
        }
        for item in unknown {
            let tasks = by_instance.get(&item.instance).map(Vec::as_slice).unwrap_or_default();
            let skew_seconds = cloud.client().skew_seconds().unwrap_or_default();
            if let Some(next) = self.next_state(&item, Listing { began_at, skew_seconds, tasks }) {
                let word = next.word();
                let items = [(item.instance.clone(), next)];
                // Looking and still not knowing is no deed; what it comes to is.
                let deed = (word != "unknown").then(|| self.settled_deed(&item.plan, "request.settled", &items));
                match self.store().move_items(&item.plan, "unknown", &items, self.now(), deed.as_ref()).await {
                    Ok(()) if word != "unknown" => {
                        tracing::info!(plan.id = %item.plan, instance.id = %item.instance, state = word, "settled")
                    }
                    Ok(()) | Err(patchboard_store::Error::Changed) => {}
                    Err(other) => return Err(other.into()),
                }
            }
        }
        cloud.sender().notify_one();
        Ok(())
    }

    fn next_state(&self, item: &UnknownItem, listing: Listing<'_>) -> Option<ItemState> {
        let ItemState::Unknown { error, since, absent_at, .. } = &item.state else { return None };
        let doubt = Doubt {
            attempted_at: item.attempted_at,
            since: *since,
            absent_at: *absent_at,
            start_at: item.start_at,
            patches: item.request.patches.clone(),
        };
        let policy = self.policy();
        let still = |absent_at: Option<DateTime<Utc>>| ItemState::Unknown {
            error: error.clone(),
            since: *since,
            absent_at,
            looked_at: Some(listing.began_at),
        };
        match judge(&doubt, listing, policy.settle_seconds) {
            Verdict::Adopt(task) => Some(ItemState::Accepted { task, adopted: true }),
            Verdict::AbsentOnce => Some(still(Some(listing.began_at))),
            Verdict::Wait if listing.began_at >= *since => Some(still(*absent_at)),
            Verdict::Wait => None,
            // A cloud that says yes and never lists it would otherwise be asked again and again.
            Verdict::Absent if item.attempts >= MOST_ATTEMPTS => Some(ItemState::Stopped { why: Stop::NoProof }),
            Verdict::Absent => match check_instant(item.start_at, self.now(), policy.lead_minutes, &policy.freezes) {
                Ok(()) => Some(ItemState::Planned),
                Err(_) => Some(ItemState::Missed),
            },
        }
    }

    /// Holds open orders against the listing.
    async fn follow_orders(&self, cloud: &Cloud, began_at: DateTime<Utc>) -> Result<(), Error> {
        let mut seen = BTreeSet::new();
        for order in self.store().open_orders(cloud.name()).await? {
            let key = order.task.key();
            if !seen.insert(key.clone()) {
                continue;
            }
            let tasks = self.store().tasks_with_id(cloud.name(), &key).await?;
            let next = after_listing(order.what, &order.state, &tasks, began_at, self.policy().settle_seconds);
            if next != order.state {
                tracing::info!(task.id = %order.task, state = ?next, "order followed up");
                let deed = self.order_deed(&Actor::system(), "task.followed", cloud.name(), &order, &next);
                self.store().put_order(&order.id, &next, Some(&deed)).await?;
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
