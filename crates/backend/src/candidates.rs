//! Candidate lists of single instances: these decide, because whether the batch list is a union is not documented.

use crate::{Error, Services, translate};
use chrono::{DateTime, Duration, SecondsFormat, Utc};
use patchboard_domain::{
    account::Actor,
    authority::Action,
    id::{CloudName, InstanceId, PlanId},
};
use std::sync::Arc;
use tokio::{sync::Semaphore, task::JoinSet};

/// A failed call is not repeated within so many seconds.
const FAILED_SECONDS: i64 = 60;

/// Marks an instance as being asked for until it is dropped, however the call ends.
struct Asking {
    services: Services,
    key: (CloudName, InstanceId),
}

impl Drop for Asking {
    fn drop(&mut self) {
        self.services.asking().remove(&self.key);
        self.services.answered().notify_waiters();
    }
}

impl Services {
    /// Asks in the background for the lists that are missing or too old. Asking twice asks once.
    pub(crate) fn ask_candidates(&self, cloud: &CloudName, ids: Vec<InstanceId>) {
        self.ask_older_than(cloud, ids, self.oldest_that_is_good());
    }

    /// A list that was read before is too old.
    fn oldest_that_is_good(&self) -> DateTime<Utc> {
        self.now() - Duration::minutes(self.policy().candidates_minutes)
    }

    fn ask_older_than(&self, cloud: &CloudName, ids: Vec<InstanceId>, since: DateTime<Utc>) {
        let services = self.clone();
        let cloud = cloud.clone();
        tokio::spawn(async move {
            if let Err(error) = services.read_older_than(&cloud, &ids, since).await {
                tracing::error!(cloud = %cloud, error = ?error, "candidate lists could not be kept");
            }
        });
    }

    /// Reads the lists that are missing or too old, a bounded number at once, and returns when all have answered.
    ///
    /// # Errors
    /// [`Error::Store`]; what a call gives is kept with its instance.
    pub async fn read_candidates(&self, cloud: &CloudName, ids: &[InstanceId]) -> Result<(), Error> {
        self.read_older_than(cloud, ids, self.oldest_that_is_good()).await
    }

    async fn read_older_than(&self, cloud: &CloudName, ids: &[InstanceId], since: DateTime<Utc>) -> Result<(), Error> {
        let connection = self.cloud(cloud)?.clone();
        // A call that failed is tried again soon, whoever asks; the list of one that did not is good for longer.
        let soon = since.max(self.now() - Duration::seconds(FAILED_SECONDS));
        let fresh = self.store().offers(cloud, ids, since).await?;
        let wanted: Vec<InstanceId> = {
            let mut asking = self.asking();
            ids.iter()
                .filter(|id| !fresh.iter().any(|(known, at, offer)| known == *id && (offer.is_ok() || *at >= soon)))
                .filter(|id| asking.insert((cloud.clone(), (*id).clone())))
                .cloned()
                .collect()
        };
        let at_once = Arc::new(Semaphore::new(self.policy().candidate_calls.max(1)));
        let mut calls = JoinSet::new();
        for id in wanted {
            let (services, connection, at_once) = (self.clone(), connection.clone(), at_once.clone());
            calls.spawn(async move {
                let _asking = Asking { services: services.clone(), key: (connection.name().clone(), id.clone()) };
                let _permit = at_once.acquire_owned().await;
                services.read_one(&connection, &id).await
            });
        }
        let mut outcome = Ok(());
        while let Some(joined) = calls.join_next().await {
            if let Ok(Err(error)) = joined {
                outcome = Err(error);
            }
        }
        self.others_answered(cloud, ids).await;
        outcome
    }

    /// Waits for those that somebody else is asking for.
    async fn others_answered(&self, cloud: &CloudName, ids: &[InstanceId]) {
        let keys: Vec<_> = ids.iter().map(|id| (cloud.clone(), id.clone())).collect();
        loop {
            let answered = self.answered().notified();
            tokio::pin!(answered);
            // Listening begins before looking, so that no answer falls between the two.
            answered.as_mut().enable();
            if !self.asking().iter().any(|asked| keys.contains(asked)) {
                return;
            }
            answered.await;
        }
    }

    async fn read_one(&self, cloud: &crate::Cloud, id: &InstanceId) -> Result<(), Error> {
        let state = self.store().cloud_state(cloud.name()).await?;
        let result = if state.is_stopped() {
            Err("the cloud refused the credentials; nothing is asked until somebody resumes it".to_owned())
        } else if let Some(until) = state.throttled_until(self.store().now().await?) {
            Err(format!("the cloud asked to wait until {}", until.to_rfc3339_opts(SecondsFormat::Secs, true)))
        } else {
            cloud.client().candidates(id.as_str()).await.map_err(|e| e.to_string())
        };
        let at = self.now();
        let offer = match result {
            Ok(wire) => Ok(translate::offer(wire, at)),
            Err(why) => {
                // A list that is still good is better than a reason why there is no newer one.
                let since = at - Duration::minutes(self.policy().candidates_minutes);
                let known = self.store().offers(cloud.name(), std::slice::from_ref(id), since).await?;
                if known.iter().any(|(_, _, offer)| offer.is_ok()) {
                    tracing::warn!(cloud = %cloud.name(), instance = %id, %why, "a candidate list was not read again");
                    return Ok(());
                }
                Err(why)
            }
        };
        Ok(self.store().put_offer(cloud.name(), id, at, offer.as_ref().map_err(String::as_str)).await?)
    }

    /// A person wants to know how it stands now: the fleet and the lists of these instances are read again, however new they are.
    /// What is known stays until the answer comes.
    ///
    /// # Errors
    /// [`Error::Denied`], [`Error::NotFound`], [`Error::TooMany`], [`Error::Store`].
    pub async fn check_again(&self, actor: &Actor, id: &PlanId) -> Result<(), Error> {
        self.allow(actor, Action::CheckPlan)?;
        self.refresh(actor)?;
        let plan = self.plan(id).await?;
        // While the cloud wants to be left alone, what is known is the best there is.
        let cloud = self.cloud(&plan.cloud)?;
        let state = self.store().cloud_state(cloud.name()).await?;
        if state.is_stopped() || state.throttled_until(self.store().now().await?).is_some() {
            return Ok(());
        }
        self.ask_older_than(&plan.cloud, plan.draft.instances, self.now());
        Ok(())
    }

    /// A person asks to try the failed ones again.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn retry_candidates(&self, actor: &Actor, cloud: &CloudName, ids: &[InstanceId]) -> Result<(), Error> {
        self.allow(actor, Action::CreatePlan)?;
        let long_ago = DateTime::UNIX_EPOCH;
        for (id, _, result) in self.store().offers(cloud, ids, self.oldest_that_is_good()).await? {
            if let Err(why) = result {
                self.store().put_offer(cloud, &id, long_ago, Err(&why)).await?;
            }
        }
        self.ask_candidates(cloud, ids.to_vec());
        Ok(())
    }
}
