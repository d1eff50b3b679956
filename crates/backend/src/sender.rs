//! The sender: does what [`patchboard_domain::protocol::Sender`] says, and tells it what came of it.
//!
//! Whatever is decided is decided in the domain, inside a transaction of the store. What cannot be known is left to [`crate::sync`].

use crate::{Cloud, Error, Services, approval::readable, drafts::plan_subject, heard::within, translate};
use chrono::{DateTime, Utc};
use patchboard_domain::{
    account::Actor,
    approval::{ApprovedRequest, Mismatch},
    compile,
    id::{CloudName, InstanceId, PlanId},
    ledger::Deed,
    pace::{Errand, Failure},
    protocol::{Attempt, Begun, Command, Entry, Event, Grant, Sender, Silence, View},
    send::{CloudError, HELD_UP, ItemState, NOT_APPROVED, Outcome},
};
use patchboard_store::{Around, ClaimedEntry, EntryKey, failpoint};
use serde_json::json;
use std::time::Duration;

/// Longest time for giving a claim back.
const GIVE_BACK: Duration = Duration::from_secs(10);

/// Why a pass ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rest {
    /// Nothing to send.
    Idle,
    /// There is something, and it cannot be taken now: enough is being sent, or the cloud's list is being read.
    Busy,
    /// The connection pauses until then.
    Until(DateTime<Utc>),
    /// The credentials were refused.
    Stopped,
}

/// Marks a request as being sent by this process, until it is dropped.
struct InFlight<'a>(&'a Services, (EntryKey, i64));

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.in_flight().remove(&self.1);
    }
}

/// What one run of the machine holds beside it.
struct Run<'a> {
    cloud: &'a Cloud,
    claimed: Option<ClaimedEntry>,
    /// What was approved of it.
    approved: Option<ApprovedRequest>,
    /// Why it is not to be sent.
    mismatch: Option<Mismatch>,
    in_flight: Option<InFlight<'a>>,
    /// Monotonic time before the intent was written.
    journalled: Duration,
    /// Our clock then: the date of the signature.
    dated: DateTime<Utc>,
    rest: Rest,
}

impl Services {
    /// Puts in doubt what was left between journal and answer: by a process that ended or is not heard of, or by a store that failed.
    pub(crate) async fn recover(&self, cloud: &CloudName) -> Result<(), Error> {
        for key in self.store().open_entries(cloud).await? {
            let plan = &key.plan;
            let rules = self.rules();
            let recovered = self.store().on_entry(&key, |entry, around: &Around| {
                let at_work = |fence| self.in_flight().contains(&(key.clone(), fence));
                if entry.attempts.iter().any(|a| a.ended_at.is_none() && at_work(a.fence)) {
                    return (0, Vec::new());
                }
                // What is marked as ours and not in flight was dropped here; where only one process can be, so was everything else.
                let ours = entry.claim.as_ref().is_some_and(|c| c.holder == self.replica());
                let silence = if ours || self.store().is_exclusive() { Silence::Ended } else { Silence::Unheard };
                let (numbers, changed) = entry.recover(around.now, silence, &rules);
                let closed = entry.attempts.iter().filter(|a| numbers.contains(&a.number));
                let deeds: Vec<_> = closed.map(|a| self.outcome_deed(plan, a, &changed)).collect();
                (changed.len(), deeds)
            });
            if readable(&key.plan, recovered.await)?.unwrap_or_default() > 0 {
                tracing::warn!(plan.id = %plan, request = key.position, "an attempt was interrupted; looking for its tasks");
            }
        }
        Ok(())
    }

    /// Takes back what is planned of withdrawn plans: what was being sent when they were withdrawn and turned out not to be.
    pub(crate) async fn sweep_withdrawn(&self, cloud: &CloudName) -> Result<(), Error> {
        for key in self.store().withdrawn_entries(cloud).await? {
            let sweep = self.store().on_entry(&key, |entry, _| {
                let changed = entry.sweep();
                let instances: Vec<_> = changed.iter().map(|(i, _)| i).collect();
                let detail = json!({ "instances": instances });
                let deed = self.deed(&Actor::system(), "request.withdrawn", plan_subject(&key.plan), detail);
                ((), if changed.is_empty() { Vec::new() } else { vec![deed] })
            });
            readable(&key.plan, sweep.await)?;
        }
        Ok(())
    }

    /// Sends everything of one cloud that may be sent now, one request after the other. Takes no input; safe to call at any time.
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
        match self.try_to_send_next(cloud).await {
            // One row that cannot be read must not keep everything else from being sent.
            Err(Error::Store(error)) if error.is_inconsistent() => {
                tracing::error!(cloud = %cloud.name(), error = ?error, "a row cannot be read; every plan is held against what was approved");
                if within(self.silent_limit(), self.check_stored_plans()).await? == 0 {
                    return Err(Error::Store(error));
                }
                self.try_to_send_next(cloud).await
            }
            other => other,
        }
    }

    async fn try_to_send_next(&self, cloud: &Cloud) -> Result<Option<Rest>, Error> {
        let silent = self.silent_limit();
        within(silent, self.recover(cloud.name())).await?;
        within(silent, self.sweep_withdrawn(cloud.name())).await?;
        let mut run = Run {
            cloud,
            claimed: None,
            approved: None,
            mismatch: None,
            in_flight: None,
            journalled: Duration::ZERO,
            dated: DateTime::UNIX_EPOCH,
            rest: Rest::Idle,
        };
        let mut sender = Sender::default();
        while *sender.command() != Command::Rest {
            let limit = match sender.command() {
                // The project and a token are found out first, each with repetitions.
                Command::Claim => 10 * cloud.deadline() + silent,
                // The answer of the cloud is waited for as long as it may take, with a new token before it: cut off it would be lost.
                Command::Post(..) => 2 * cloud.deadline() + silent,
                _ => silent,
            };
            match within(limit, self.perform(sender.command().clone(), &mut run)).await {
                Ok(event) => sender = sender.on(event),
                Err(error) => {
                    self.give_back(sender.command(), &run).await;
                    return Err(error);
                }
            }
        }
        Ok(run.claimed.is_none().then_some(run.rest))
    }

    /// Nothing has left and nothing will: the claim must not keep the cloud from being listed until it ends by itself.
    async fn give_back(&self, failed: &Command, run: &Run<'_>) {
        let (Command::Verify(grant) | Command::Stop(grant) | Command::Journal(grant), Some(claimed)) = (failed, &run.claimed) else {
            return;
        };
        // An intent whose commit had no answer may stand: then it is put in doubt by whoever finds the claim.
        let is_open = |entry: &Entry| entry.attempts.iter().any(|a| a.fence == grant.fence && a.ended_at.is_none());
        let release = async {
            let release = self.store().on_entry(&claimed.key, |entry, _| {
                if !is_open(entry) {
                    entry.release(grant);
                }
                ((), Vec::new())
            });
            Ok(release.await?)
        };
        if let Err(error) = within(GIVE_BACK, release).await {
            tracing::warn!(plan.id = %claimed.key.plan, error = ?error, "a claim could not be given back; it ends by itself");
        }
    }

    async fn perform<'a>(&'a self, command: Command, run: &mut Run<'a>) -> Result<Event, Error> {
        match command {
            Command::Claim => self.claim(run).await,
            Command::Verify(_) => {
                let Some(claimed) = &run.claimed else { return Ok(Event::Nothing) };
                match self.approved_request(claimed).await? {
                    Ok(approved) => {
                        run.approved = Some(approved);
                        Ok(Event::Approved)
                    }
                    Err(mismatch) => {
                        run.mismatch = Some(mismatch);
                        Ok(Event::NotApproved)
                    }
                }
            }
            Command::Stop(grant) => {
                let (Some(claimed), Some(mismatch)) = (&run.claimed, run.mismatch) else { return Ok(Event::Nothing) };
                self.stop_plan(&claimed.key.plan, |_| Some(mismatch)).await?;
                self.store().on_entry(&claimed.key, |entry, _| (entry.release(&grant), Vec::new())).await?;
                Ok(Event::Recorded)
            }
            Command::Journal(grant) => self.journal(&grant, run).await,
            Command::Post(grant, attempt) => Ok(Event::Answered(self.post(&grant, &attempt, run).await)),
            Command::Record(attempt, outcome) => {
                let Some(claimed) = &run.claimed else { return Ok(Event::Nothing) };
                self.record(&claimed.key, &attempt, &outcome, run.cloud).await?;
                Ok(Event::Recorded)
            }
            Command::Rest => Ok(Event::Nothing),
        }
    }

    async fn claim(&self, run: &mut Run<'_>) -> Result<Event, Error> {
        let (cloud, store) = (run.cloud, self.store());
        let state = store.cloud_state(cloud.name()).await?;
        if state.is_stopped() {
            run.rest = Rest::Stopped;
            return Ok(Event::Nothing);
        }
        if let Some(until) = state.paused_until(store.now().await?) {
            run.rest = Rest::Until(until);
            return Ok(Event::Nothing);
        }
        if !store.has_sendable(cloud.name()).await? {
            return Ok(Event::Nothing);
        }
        // Before the intent is written: from then on a call does not wait, for its pace nor for what it needs.
        if let Err(error) = cloud.client().prepare().await {
            tracing::warn!(cloud = %cloud.name(), error = %error, "nothing can be sent");
            run.rest = Rest::Busy;
            return Ok(Event::Nothing);
        }
        if let Err(until) = cloud.pace().ask(Errand::Change).await? {
            run.rest = Rest::Until(until);
            return Ok(Event::Nothing);
        }
        let most = state.most_at_once(self.policy().sends_at_once.max(1));
        match store.claim_next(cloud.name(), self.replica(), most, &self.rules()).await? {
            Some(claimed) => {
                let grant = claimed.grant.clone();
                run.claimed = Some(claimed);
                Ok(Event::Granted(grant))
            }
            None => {
                run.rest = Rest::Busy;
                Ok(Event::Nothing)
            }
        }
    }

    async fn journal<'a>(&'a self, grant: &Grant, run: &mut Run<'a>) -> Result<Event, Error> {
        let (Some(claimed), Some(approved)) = (&run.claimed, &run.approved) else { return Ok(Event::Nothing) };
        let (key, plan, rules) = (&claimed.key, &claimed.key.plan, self.rules());
        let mark = (key.clone(), grant.fence);
        self.in_flight().insert(mark.clone());
        run.in_flight = Some(InFlight(self, mark));
        (run.journalled, run.dated) = (self.elapsed(), self.now());
        let skew_seconds = self.skew_seconds(run.cloud).await?;
        failpoint("send.before_mark");
        let begun = self.store().on_entry(key, |entry, around| {
            let began_at = around.listed_at.filter(|at| self.is_seen_since_opened(run.cloud.name(), *at));
            let view = View { began_at, skew_seconds, tasks: &around.tasks, occupied: &around.occupied };
            let begun = entry.begin(grant, around.now, view, approved, &rules);
            let deeds = match &begun {
                Begun::Journalled(attempt) => vec![self.intent_deed(plan, attempt, &entry.request.hash)],
                Begun::Settled(changed) => self.settled_deeds(plan, "request.stopped", changed),
                Begun::Blind | Begun::Refused => Vec::new(),
            };
            (begun, deeds)
        });
        Ok(match begun.await? {
            Begun::Journalled(attempt) => Event::Journalled(attempt),
            Begun::Settled(changed) => {
                tracing::warn!(plan.id = %plan, instances = changed.len(), "settled without being sent");
                Event::NotJournalled
            }
            Begun::Blind => {
                tracing::info!(cloud = %run.cloud.name(), "nothing is sent before the cloud's list was read");
                run.cloud.sync().notify_one();
                run.claimed = None;
                run.rest = Rest::Busy;
                Event::NotJournalled
            }
            // Held or withdrawn at the last moment, or taken over.
            Begun::Refused => Event::NotJournalled,
        })
    }

    /// From the journal to the answer: a crash in between leaves the journal saying "possibly sent".
    async fn post(&self, grant: &Grant, attempt: &Attempt, run: &Run<'_>) -> Outcome {
        let (Some(claimed), Some(approved)) = (&run.claimed, &run.approved) else { return Outcome::NotSent(CloudError::default()) };
        failpoint("send.after_mark");
        if !approved.covers(&attempt.body) {
            tracing::error!(plan.id = %claimed.key.plan, attempt = attempt.number, "a body that is not what was approved was built, not sent");
            return Outcome::NotSent(CloudError { message: NOT_APPROVED.to_owned(), ..CloudError::default() });
        }
        let lease = Duration::from_secs(self.rules().lease_seconds.unsigned_abs());
        // Held up so long that somebody else may think us gone: they look for it, and nothing has left.
        if self.elapsed().saturating_sub(run.journalled) * 2 > lease {
            return Outcome::NotSent(CloudError { message: HELD_UP.to_owned(), ..CloudError::default() });
        }
        let call = run.cloud.client().create_schedule_task(attempt.body.clone(), run.dated);
        // Side by side, and never one inside the other: the call may be writing down what it heard when the claim is to be renewed.
        let renewing = async {
            loop {
                tokio::time::sleep(lease / 3).await;
                self.renew(&claimed.key, grant).await;
            }
        };
        let result = tokio::select! {
            result = call => result,
            () = renewing => unreachable!("it renews until the call has ended"),
        };
        translate::outcome(result)
    }

    /// Says that this replica is still at work. That it could not be said is no reason to let go of a call.
    async fn renew(&self, key: &EntryKey, grant: &Grant) {
        let rules = self.rules();
        let renewed = self.store().on_entry(key, |entry, around| (entry.renew(grant, around.now, &rules), Vec::new()));
        match renewed.await {
            Ok(true) => {}
            Ok(false) => tracing::warn!(plan.id = %key.plan, "another replica has taken over what is being sent here"),
            Err(error) => tracing::error!(plan.id = %key.plan, error = ?error, "a claim could not be renewed"),
        }
    }

    async fn record(&self, key: &EntryKey, attempt: &Attempt, outcome: &Outcome, cloud: &Cloud) -> Result<(), Error> {
        failpoint("ack.before_commit");
        let paused = match outcome {
            Outcome::NotSent(_) => self.store().cloud_state(cloud.name()).await?.paused_until(self.store().now().await?),
            _ => None,
        };
        let plan = &key.plan;
        let word = self.store().on_entry(key, |entry, around| {
            let open = |e: &Entry| e.attempts.iter().any(|a| a.number == attempt.number && a.ended_at.is_none());
            let was_open = open(entry);
            let changed = entry.end(attempt.number, outcome, around.now, paused);
            let ended = entry.attempts.iter().find(|a| a.number == attempt.number);
            // Heard after it was given up: the ledger keeps it beside what was said then.
            let deeds = match ended.filter(|_| was_open || !changed.is_empty()) {
                Some(ended) => vec![self.outcome_deed(plan, ended, &changed)],
                None => Vec::new(),
            };
            (ended.and_then(|a| a.outcome.clone()).unwrap_or_default(), deeds)
        });
        let word = word.await?;
        if let Outcome::NotSent(error) = outcome
            && matches!(error.http_status, Some(401 | 403))
        {
            self.store().on_cloud(cloud.name(), |state, now| state.failed(Failure::Credentials, now, 0.0)).await?;
        }
        tracing::info!(plan.id = %plan, request = key.position, attempt = attempt.number, instances = attempt.instances.len(), outcome = word, "sent");
        // What is lost is looked for at once; what went well is confirmed when there is nothing more to send.
        if matches!(outcome, Outcome::Unknown(_)) || word == "partial" || !self.store().has_sendable(cloud.name()).await? {
            cloud.sync().notify_one();
        }
        Ok(())
    }
}

impl Services {
    /// What the ledger keeps of an intent.
    fn intent_deed(&self, plan: &PlanId, attempt: &Attempt, confirmed: &str) -> Deed {
        let detail = json!({
            "request": attempt.request, "attempt": attempt.number, "fence": attempt.fence, "sha256": compile::hash(&attempt.body),
            "confirmed_sha256": confirmed, "instances": attempt.instances, "known": attempt.known,
        });
        self.deed(&Actor::system(), "request.send", plan_subject(plan), detail)
    }

    /// What the ledger keeps of the end of an attempt: what came back, for every instance.
    fn outcome_deed(&self, plan: &PlanId, attempt: &Attempt, items: &[(InstanceId, ItemState)]) -> Deed {
        let detail = json!({
            "request": attempt.request, "attempt": attempt.number, "outcome": attempt.outcome, "error": attempt.error,
            "instances": states(items),
        });
        self.deed(&Actor::system(), "request.outcome", plan_subject(plan), detail)
    }

    /// What the ledger keeps when instances are settled without an attempt; nothing when none were.
    pub(crate) fn settled_deeds(&self, plan: &PlanId, what: &'static str, items: &[(InstanceId, ItemState)]) -> Vec<Deed> {
        if items.is_empty() {
            return Vec::new();
        }
        vec![self.deed(&Actor::system(), what, plan_subject(plan), json!({ "instances": states(items) }))]
    }
}

fn states(items: &[(InstanceId, ItemState)]) -> serde_json::Value {
    items.iter().map(|(id, state)| (id.to_string(), json!(state))).collect::<serde_json::Map<_, _>>().into()
}
