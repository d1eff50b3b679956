//! The sender: one request at a time for each cloud, journalled before a byte leaves.
//!
//! It never sends what is in doubt, never sends twice what was answered, and asks the rules about time once more before
//! every send. What it cannot know it leaves to [`crate::sync`].

use crate::{Cloud, Error, Services, drafts::plan_subject, translate};
use chrono::{DateTime, Utc};
use patchboard_domain::{
    account::Actor,
    compile,
    fleet::Attempt,
    id::{InstanceId, PlanId},
    ledger::Deed,
    schedule::check_instant,
    send::{CloudError, INTERRUPTED, ItemState, Outcome, Stop, after_attempt},
};
use patchboard_store::{Begun, Claim};
use serde_json::json;

/// Why a pass ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rest {
    /// Nothing to send.
    Idle,
    /// The connection pauses until then.
    Until(DateTime<Utc>),
    /// The credentials were refused.
    Stopped,
}

impl Services {
    /// Puts in doubt what was left between journal and answer: by a process that ended, or by a store that failed.
    pub(crate) async fn recover(&self, cloud: &Cloud) -> Result<(), Error> {
        let now = self.now();
        for (plan, mut attempt) in self.store().open_attempts(cloud.name()).await? {
            let error = CloudError { message: INTERRUPTED.to_owned(), ..CloudError::default() };
            let outcome = Outcome::Unknown(error.clone());
            let items: Vec<_> = attempt.instances.iter().map(|i| (i.clone(), after_attempt(i, &outcome, now))).collect();
            attempt.outcome = Some("unknown".to_owned());
            attempt.error = Some(error);
            let deed = self.outcome_deed(&plan, &attempt, &items);
            self.store().end_attempt(&plan, &attempt, &items, None, now, &deed).await?;
            tracing::warn!(plan.id = %plan, instances = items.len(), "an attempt was interrupted; looking for its tasks");
        }
        Ok(())
    }

    /// Sends everything of one cloud that may be sent now. Takes no input; safe to call at any time, but not twice at once.
    ///
    /// # Errors
    /// [`Error::Store`]: then nothing more is sent in this pass.
    pub async fn send_pass(&self, cloud: &Cloud) -> Result<Rest, Error> {
        loop {
            if let Some(rest) = self.send_next(cloud).await? {
                return Ok(rest);
            }
        }
    }

    /// Sends the most urgent request, or says why there is none.
    pub(crate) async fn send_next(&self, cloud: &Cloud) -> Result<Option<Rest>, Error> {
        self.recover(cloud).await?;
        self.sweep_withdrawn(cloud.name()).await?;
        if cloud.is_stopped() {
            return Ok(Some(Rest::Stopped));
        }
        // Our own new tasks must not move the list while it is read as evidence. Waited for before anything is asked: what is found
        // right must still be right when it leaves.
        let _turn = cloud.turn().await;
        let now = self.now();
        if let Some(until) = cloud.paused_until(now) {
            return Ok(Some(Rest::Until(until)));
        }
        let Some(claim) = self.store().next_request(cloud.name(), now).await? else { return Ok(Some(Rest::Idle)) };
        let policy = self.policy();
        if check_instant(claim.start_at, now, policy.lead_minutes, &policy.freezes).is_err() {
            tracing::warn!(plan.id = %claim.plan, instances = claim.instances.len(), "too near its start, not sent");
            self.settle_planned(&claim, &claim.instances, &ItemState::Missed).await?;
        } else if let Err(why) = self.check_approval(&claim).await? {
            tracing::error!(plan.id = %claim.plan, why, "what was about to be sent is not what was approved, not sent");
            self.settle_planned(&claim, &claim.instances, &ItemState::Stopped { why: Stop::NotApproved }).await?;
        } else {
            self.send_one(cloud, &claim).await?;
        }
        Ok(None)
    }

    /// Moves planned instances on without sending them. Somebody may have been faster; then there is nothing to do.
    async fn settle_planned(&self, claim: &Claim, instances: &[InstanceId], state: &ItemState) -> Result<(), Error> {
        let items: Vec<_> = instances.iter().map(|i| (i.clone(), state.clone())).collect();
        let deed = self.settled_deed(&claim.plan, "request.stopped", &items);
        match self.store().move_items(&claim.plan, ItemState::Planned.word(), &items, self.now(), Some(&deed)).await {
            Err(patchboard_store::Error::Changed) => Ok(()),
            other => Ok(other?),
        }
    }

    async fn send_one(&self, cloud: &Cloud, claim: &Claim) -> Result<(), Error> {
        let body = body_for(claim);
        let began_at = self.now();
        let journal = |number: i64| {
            let detail = json!({
                "request": claim.position, "attempt": number, "sha256": compile::hash(&body), "confirmed_sha256": claim.request.hash,
                "instances": claim.instances,
            });
            self.deed(&Actor::system(), "request.send", plan_subject(&claim.plan), detail)
        };
        let number = match self.store().begin_attempt(claim, &body, began_at, journal).await {
            Ok(Begun::Journalled(number)) => number,
            Ok(Begun::Occupied(instances)) => {
                // Scheduled by somebody else since the plan was confirmed: a second task would be a duplicate.
                tracing::warn!(plan.id = %claim.plan, instances = instances.len(), "the cloud already has open tasks, not sent");
                return self.settle_planned(claim, &instances, &ItemState::Stopped { why: Stop::Occupied }).await;
            }
            // Held or withdrawn at the last moment.
            Err(patchboard_store::Error::Changed) => return Ok(()),
            Err(other) => return Err(other.into()),
        };
        // From here to the end of the attempt a crash leaves the journal saying "possibly sent".
        let result = cloud.client().create_schedule_task(body.clone()).await;
        let now = self.now();
        let not_before = match &result {
            Ok(_) => {
                cloud.went_through(now);
                None
            }
            Err(error) => {
                cloud.note_credentials(error);
                (error.fate() == patchboard_gaussdb::Fate::NotSent).then(|| cloud.pause(error, now))
            }
        };
        let outcome = translate::outcome(result);
        let (word, error) = match &outcome {
            // Yes, but not for everybody who was asked for: the rest is in doubt.
            Outcome::Accepted(tasks) if !claim.instances.iter().all(|i| tasks.iter().any(|(named, _)| named == i)) => ("partial", None),
            Outcome::Accepted(_) => ("accepted", None),
            Outcome::Rejected(e) => ("rejected", Some(e.clone())),
            Outcome::NotSent(e) => ("not_sent", Some(e.clone())),
            Outcome::Unknown(e) => ("unknown", Some(e.clone())),
        };
        tracing::info!(plan.id = %claim.plan, request = claim.position, attempt = number, instances = claim.instances.len(), outcome = word, "sent");
        let items: Vec<_> = claim.instances.iter().map(|i| (i.clone(), after_attempt(i, &outcome, now))).collect();
        let attempt = Attempt {
            request: claim.position,
            number,
            instances: claim.instances.clone(),
            body,
            began_at,
            ended_at: Some(now),
            outcome: Some(word.to_owned()),
            error,
        };
        let deed = self.outcome_deed(&claim.plan, &attempt, &items);
        self.store().end_attempt(&claim.plan, &attempt, &items, not_before, now, &deed).await?;
        // The list is what confirms it; after a throttled call it is not asked at once.
        if matches!(outcome, Outcome::Accepted(_) | Outcome::Unknown(_)) {
            cloud.sync().notify_one();
        }
        Ok(())
    }
}

impl Services {
    /// What the ledger keeps of the end of an attempt: what came back, for every instance.
    fn outcome_deed(&self, plan: &PlanId, attempt: &Attempt, items: &[(InstanceId, ItemState)]) -> Deed {
        let detail = json!({
            "request": attempt.request, "attempt": attempt.number, "outcome": attempt.outcome, "error": attempt.error,
            "instances": states(items),
        });
        self.deed(&Actor::system(), "request.outcome", plan_subject(plan), detail)
    }

    /// What the ledger keeps when instances are settled without an attempt.
    pub(crate) fn settled_deed(&self, plan: &PlanId, what: &'static str, items: &[(InstanceId, ItemState)]) -> Deed {
        self.deed(&Actor::system(), what, plan_subject(plan), json!({ "instances": states(items) }))
    }
}

fn states(items: &[(InstanceId, ItemState)]) -> serde_json::Value {
    items.iter().map(|(id, state)| (id.to_string(), json!(state))).collect::<serde_json::Map<_, _>>().into()
}

/// The confirmed body, or the same with the instances taken out that are settled.
fn body_for(claim: &Claim) -> String {
    if claim.instances == claim.request.instances {
        return claim.request.body.clone();
    }
    let confirmed: serde_json::Value = serde_json::from_str(&claim.request.body).unwrap_or_default();
    let text = |key: &str| confirmed.get(key).and_then(|v| v.as_str()).unwrap_or_default().to_owned();
    compile::body(&claim.instances, &text("start_time"), &text("target_version"))
}
