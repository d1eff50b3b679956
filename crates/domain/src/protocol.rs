//! Sending exactly once, on an API without a key: the protocol, as pure transitions of what stands in the journal.
//!
//! An [`Entry`] is one request in the journal. Every change of it is one of the functions here, made inside one transaction by the
//! store and by the model checker alike; nothing here asks a clock or does I/O. [`Sender`] is the volatile half: what a replica does
//! next, given what it was told. `docs/reliability.md` has the invariants I1 to I7 by name.
//!
//! What it assumes of the world, and cannot prove: a call acts no later than [`Rules::settle_seconds`] after its answer was given up,
//! a listing shows a task no later than that after it was made, and a gateway refuses a signature older than
//! [`Rules::signature_seconds`].

mod evidence;
mod sender;

pub use evidence::Unresolved;
pub use sender::{Command, Event, Sender};

use crate::{
    approval::ApprovedRequest,
    compile::Request,
    id::InstanceId,
    moving::Step,
    pace::LONGEST_WAIT,
    schedule::{Freeze, check_instant},
    send::{CloudError, INTERRUPTED, ItemState, NOT_NAMED, Outcome, Stop},
    settle::{Doubt, find_child},
    task::Task,
};
use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};

/// What the protocol is told about times.
#[derive(Clone, Debug)]
pub struct Rules {
    /// Shortest time between two listings that prove an absence, in seconds.
    pub settle_seconds: i64,
    /// For how long a call may still be taken by a gateway after it was dated, in seconds. APIG refuses an `X-Sdk-Date` more than 15
    /// minutes off; 5 more are for a difference of clocks that is not corrected yet.
    pub signature_seconds: i64,
    /// How long a claim lasts that nobody renews, in seconds.
    pub lease_seconds: i64,
    /// Nothing is sent on the word of a listing older than so many seconds.
    pub view_seconds: i64,
    /// Shortest time between now and a start, in minutes.
    pub lead_minutes: i64,
    /// Periods in which nothing may start.
    pub freezes: Vec<Freeze>,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            settle_seconds: 120,
            signature_seconds: 20 * 60,
            lease_seconds: 8,
            view_seconds: 15 * 60,
            lead_minutes: 30,
            freezes: Vec::new(),
        }
    }
}

/// Who works on a request now.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Claim {
    /// The replica.
    pub holder: String,
    /// By the clock of the store: afterwards somebody else may take it.
    pub until: DateTime<Utc>,
}

impl Claim {
    /// Whether its holder is still counted on. One that lasts longer than any does is of before the clock was set back.
    fn is_live(&self, now: DateTime<Utc>, rules: &Rules) -> bool {
        self.until > now && self.until <= now + Duration::seconds(rules.lease_seconds)
    }
}

/// The right to work on a request. Void as soon as another one is granted, or its time is over.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Grant {
    /// The replica.
    pub holder: String,
    /// Number of the grant; each is higher than the one before.
    pub fence: i64,
}

/// One POST that was tried.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Attempt {
    /// Position of its request, from 0.
    pub request: i64,
    /// 1 for the first.
    pub number: i64,
    /// Grant under which it was made.
    pub fence: i64,
    /// Instances it named.
    pub instances: Vec<InstanceId>,
    /// The body as sent.
    pub body: String,
    /// Keys of the tasks that these instances had in the cloud before: none of them is its child.
    pub known: Vec<String>,
    /// When it was journalled, before a byte left.
    pub began_at: DateTime<Utc>,
    /// When its outcome was recorded.
    pub ended_at: Option<DateTime<Utc>>,
    /// `accepted`, `partial`, `rejected`, `not_sent`, `unknown`; nothing while it is under way.
    pub outcome: Option<String>,
    /// What was said.
    pub error: Option<CloudError>,
}

impl Attempt {
    /// Whether it failed in a way that one of its instances may be the reason of.
    fn may_concern_one(&self) -> bool {
        self.error.as_ref().is_some_and(CloudError::may_concern_one)
    }
}

/// The last complete listing of the cloud's tasks, as far as it is about the instances of a request.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// When it began; nothing while there is none to rely on.
    pub began_at: Option<DateTime<Utc>>,
    /// Cloud clock minus ours in seconds, as measured.
    pub skew_seconds: i64,
    /// Tasks that no other item of ours accounts for.
    pub tasks: &'a [Task],
    /// Instances for which another item of ours has an open task.
    pub occupied: &'a [InstanceId],
}

/// What came of the wish to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Begun {
    /// It stands in the journal, and may leave.
    Journalled(Attempt),
    /// Nothing is sent: these are settled without it.
    Settled(Vec<(InstanceId, ItemState)>),
    /// Nothing is sent before the cloud was looked at again.
    Blind,
    /// Somebody else has it, or took it back.
    Refused,
}

/// Why somebody is thought not to work on a request any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Silence {
    /// The process is known to have ended: nothing of it leaves any more.
    Ended,
    /// It does not renew its claim. It may be stopped and wake up again.
    Unheard,
}

/// One request in the journal, with its items and attempts.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Entry {
    /// Position of the request in its plan, from 0.
    pub position: i64,
    /// As confirmed.
    pub request: Request,
    /// When it was confirmed.
    pub confirmed_at: DateTime<Utc>,
    /// The start.
    pub start_at: DateTime<Utc>,
    /// On hold, for any reason.
    pub held: bool,
    /// Taken back.
    pub withdrawn: bool,
    /// Not to be tried before.
    pub not_before: Option<DateTime<Utc>>,
    /// Its instances, in body order.
    pub items: Vec<(InstanceId, ItemState)>,
    /// Attempts, oldest first.
    pub attempts: Vec<Attempt>,
    /// Number of the last grant.
    pub fence: i64,
    /// Who works on it.
    pub claim: Option<Claim>,
}

impl Entry {
    /// Takes the request for one replica, if there is something to send and nobody has it.
    pub fn claim(&mut self, holder: &str, now: DateTime<Utc>, rules: &Rules) -> Option<Grant> {
        let any = |f: fn(&ItemState) -> bool| self.items.iter().any(|(_, state)| f(state));
        // What lies further ahead than it can was written before the clock was set back.
        let waits = self.not_before.is_some_and(|at| at > now && at <= now + Duration::seconds(LONGEST_WAIT));
        // One call at a time. What is in doubt does not hold up the others: a colleague's task on one instance may keep it so for days,
        // and each attempt says which instances it was about.
        let on_its_way = any(|s| matches!(s, ItemState::Sending));
        let taken = self.claim.as_ref().is_some_and(|c| c.is_live(now, rules));
        if self.held || self.withdrawn || waits || on_its_way || taken || !any(|s| matches!(s, ItemState::Planned)) {
            return None;
        }
        self.fence = self.fence.saturating_add(1);
        self.claim = Some(Claim { holder: holder.to_owned(), until: now + Duration::seconds(rules.lease_seconds) });
        Some(Grant { holder: holder.to_owned(), fence: self.fence })
    }

    /// Whether a grant is still good.
    pub fn holds(&self, grant: &Grant, now: DateTime<Utc>) -> bool {
        self.fence == grant.fence && self.claim.as_ref().is_some_and(|c| c.holder == grant.holder && c.until > now)
    }

    /// Says that its holder is still there. Returns whether the grant is still good.
    pub fn renew(&mut self, grant: &Grant, now: DateTime<Utc>, rules: &Rules) -> bool {
        let good = self.holds(grant, now);
        if let Some(claim) = self.claim.as_mut().filter(|_| good) {
            claim.until = now + Duration::seconds(rules.lease_seconds);
        }
        good
    }

    /// Gives a claim back.
    pub fn release(&mut self, grant: &Grant) {
        if self.fence == grant.fence {
            self.claim = None;
        }
    }

    /// Intends to send: from here on the instances count as possibly sent. Asks once more what must be right when a byte leaves, and
    /// builds the body from what was approved.
    pub fn begin(&mut self, grant: &Grant, now: DateTime<Utc>, view: View<'_>, approved: &ApprovedRequest, rules: &Rules) -> Begun {
        if !self.holds(grant, now) {
            return Begun::Refused;
        }
        if self.held || self.withdrawn {
            self.release(grant);
            return Begun::Refused;
        }
        let Some(seen) = view.began_at else {
            self.release(grant);
            return Begun::Blind;
        };
        let late = check_instant(self.start_at, now, rules.lead_minutes, &rules.freezes).is_err();
        // That it is too late is true whatever the cloud has; to send something, it must have been looked at.
        if !late && seen + Duration::seconds(rules.view_seconds) < now {
            self.release(grant);
            return Begun::Blind;
        }
        let settled = self.settled_before(late, view);
        if !settled.is_empty() {
            self.put(&settled);
            self.release(grant);
            return Begun::Settled(settled);
        }
        let planned = self.in_state(|s| matches!(s, ItemState::Planned));
        if planned.is_empty() {
            self.release(grant);
            return Begun::Refused;
        }
        let Some(instances) = self.next_call(planned, seen, now) else {
            self.release(grant);
            return Begun::Blind;
        };
        let body = if self.has_rows_of(approved) { approved.body_for(&instances) } else { None };
        let Some(body) = body.filter(|body| approved.covers(body)) else {
            return Begun::Settled(self.stop(grant, now, Stop::NotApproved));
        };
        let mut known: Vec<String> = view.tasks.iter().map(|t| t.id.key()).collect();
        known.sort_unstable();
        known.dedup();
        let attempt = Attempt {
            request: self.position,
            number: i64::try_from(self.attempts.len()).unwrap_or(i64::MAX) + 1,
            fence: grant.fence,
            body,
            known,
            instances,
            began_at: now,
            ended_at: None,
            outcome: None,
            error: None,
        };
        self.attempts.push(attempt.clone());
        for (_, state) in self.items.iter_mut().filter(|(i, _)| attempt.instances.contains(i)) {
            *state = ItemState::Sending;
        }
        Begun::Journalled(attempt)
    }

    /// The planned instances that go into the next call: together, but each on its own after a call in which one of them may have been
    /// the reason why all were refused. Nothing before the list was read again after such a call.
    fn next_call(&self, planned: Vec<InstanceId>, seen: DateTime<Utc>, now: DateTime<Utc>) -> Option<Vec<InstanceId>> {
        let last =
            |i: &InstanceId| self.attempts.iter().rev().find(|a| a.instances.contains(i) && a.outcome.as_deref() != Some("not_sent"));
        let suspects = |i: &InstanceId| last(i).filter(|a| a.instances.len() > 1 && a.may_concern_one());
        if planned.iter().filter_map(suspects).any(|a| a.ended_at.is_some_and(|ended| ended <= now && seen <= ended)) {
            return None;
        }
        let (mut alone, together): (Vec<_>, Vec<_>) = planned.into_iter().partition(|i| suspects(i).is_some());
        alone.truncate(1);
        Some(if together.is_empty() { alone } else { together })
    }

    /// Whether its rows are for the approved instances, each once, and for no other.
    fn has_rows_of(&self, approved: &ApprovedRequest) -> bool {
        let mut rows: Vec<&InstanceId> = self.items.iter().map(|(i, _)| i).collect();
        let mut wanted: Vec<&InstanceId> = approved.instances().iter().collect();
        rows.sort_unstable();
        wanted.sort_unstable();
        rows == wanted
    }

    /// Planned instances that need no call, or must not have one.
    fn settled_before(&self, late: bool, view: View<'_>) -> Vec<(InstanceId, ItemState)> {
        let judged = |instance: &InstanceId| {
            let tasks: Vec<&Task> = view.tasks.iter().filter(|t| t.instance == *instance && t.gone_at.is_none()).collect();
            // Made by a call of ours that this journal does not know: it was restored from a copy. (Or a colleague wants just this.)
            // Where the old time stands again: made after its first life, in which its task was accepted.
            let accepted = self.attempts.iter().filter(|a| a.instances.contains(instance) && a.outcome.as_deref() == Some("accepted"));
            let since = accepted.filter_map(|a| a.ended_at).max().unwrap_or(self.confirmed_at);
            if let Some(task) = find_child(&tasks, &self.doubt(since, None), view.skew_seconds) {
                return Some(ItemState::Accepted { task: task.id.clone(), adopted: true });
            }
            if tasks.iter().any(|t| t.status.is_open()) || view.occupied.contains(instance) {
                return Some(ItemState::Stopped { why: Stop::Occupied });
            }
            late.then_some(ItemState::Missed)
        };
        let planned = self.items.iter().filter(|(_, state)| matches!(state, ItemState::Planned));
        planned.filter_map(|(i, _)| Some((i.clone(), judged(i)?))).collect()
    }

    /// Does not send, by a decision of ours. Returns what was settled so.
    pub fn stop(&mut self, grant: &Grant, now: DateTime<Utc>, why: Stop) -> Vec<(InstanceId, ItemState)> {
        if !self.holds(grant, now) {
            return Vec::new();
        }
        let stopped: Vec<_> =
            self.in_state(|s| matches!(s, ItemState::Planned)).into_iter().map(|instance| (instance, ItemState::Stopped { why })).collect();
        self.put(&stopped);
        self.release(grant);
        stopped
    }

    /// Records what came of an attempt. Of one that was given up meanwhile only good news counts: that the cloud has a task is true
    /// whoever heard it; that it has none proves nothing any more. Returns what changed.
    pub fn end(
        &mut self,
        number: i64,
        outcome: &Outcome,
        now: DateTime<Utc>,
        not_before: Option<DateTime<Utc>>,
    ) -> Vec<(InstanceId, ItemState)> {
        let Some(attempt) = self.attempts.iter_mut().find(|a| a.number == number) else { return Vec::new() };
        let named = attempt.instances.clone();
        let mut changed = Vec::new();
        if attempt.ended_at.is_none() {
            attempt.ended_at = Some(now);
            (attempt.outcome, attempt.error) = outcome_words(outcome, &named);
            let fence = attempt.fence;
            for (instance, state) in &self.items {
                if named.contains(instance) && matches!(state, ItemState::Sending) {
                    changed.push((instance.clone(), after_attempt(instance, &named, outcome, now)));
                }
            }
            self.not_before = not_before;
            if self.fence == fence {
                self.claim = None;
            }
        } else if let Outcome::Accepted(tasks) = outcome {
            let later = |i: &InstanceId| self.attempts.iter().any(|a| a.number > number && a.instances.contains(i));
            for (instance, task) in tasks {
                let open = |s: &ItemState| match s {
                    ItemState::Unknown { .. } | ItemState::Planned | ItemState::Missed => true,
                    ItemState::Stopped { why } => matches!(why, Stop::NoProof | Stop::ByHand),
                    _ => false,
                };
                let doubted = self.items.iter().any(|(i, s)| i == instance && open(s));
                if named.contains(instance) && doubted && !later(instance) {
                    changed.push((instance.clone(), ItemState::Accepted { task: task.clone(), adopted: false }));
                }
            }
        }
        self.put(&changed);
        changed
    }

    /// Puts in doubt what nobody works on any more although it was begun: by a process that ended, or one that is not heard of. Of the
    /// latter a call may still leave; its signature bounds until when. Returns the numbers of the attempts, and what changed.
    pub fn recover(&mut self, now: DateTime<Utc>, silence: Silence, rules: &Rules) -> (Vec<i64>, Vec<(InstanceId, ItemState)>) {
        if silence == Silence::Unheard && self.claim.as_ref().is_some_and(|c| c.is_live(now, rules)) {
            return (Vec::new(), Vec::new());
        }
        let error = CloudError { message: INTERRUPTED.to_owned(), ..CloudError::default() };
        let (mut numbers, mut changed) = (Vec::new(), Vec::new());
        for attempt in self.attempts.iter_mut().filter(|a| a.ended_at.is_none()) {
            let since = match silence {
                Silence::Ended => now,
                // From now on, not from when it began: the clock may have been set in between.
                Silence::Unheard => now + Duration::seconds(rules.signature_seconds),
            };
            attempt.ended_at = Some(now);
            attempt.outcome = Some("unknown".to_owned());
            attempt.error = Some(error.clone());
            numbers.push(attempt.number);
            for (instance, state) in &self.items {
                if attempt.instances.contains(instance) && matches!(state, ItemState::Sending) {
                    let doubt = ItemState::Unknown { error: error.clone(), since, absent_at: None, looked_at: None };
                    changed.push((instance.clone(), doubt));
                }
            }
        }
        if !numbers.is_empty() || silence == Silence::Ended {
            self.claim = None;
        }
        self.put(&changed);
        (numbers, changed)
    }

    /// Takes back what is planned of a withdrawn plan. Returns what changed.
    pub fn sweep(&mut self) -> Vec<(InstanceId, ItemState)> {
        if !self.withdrawn {
            return Vec::new();
        }
        let taken_back: Vec<_> =
            self.in_state(|s| matches!(s, ItemState::Planned)).into_iter().map(|i| (i, ItemState::Withdrawn)).collect();
        self.put(&taken_back);
        taken_back
    }

    /// Instances whose old task was judged: what is cancelled makes room, and what stands stays. Returns what changed.
    pub fn follow_move(&mut self, steps: &[(InstanceId, Step)]) -> Vec<(InstanceId, ItemState)> {
        let moving = self.in_state(|s| matches!(s, ItemState::Moving { .. }));
        let next = |step: Step| match step {
            Step::Wait => None,
            Step::Send => Some(ItemState::Planned),
            Step::Stay => Some(ItemState::Stopped { why: Stop::NotMoved }),
        };
        let judged = steps.iter().filter(|(instance, _)| moving.contains(instance));
        let changed: Vec<_> = judged.filter_map(|(instance, step)| Some((instance.clone(), next(*step)?))).collect();
        self.put(&changed);
        changed
    }

    /// The old time stands again for an instance whose `task` was cancelled for a new one that came to nothing. Returns whether it does:
    /// not, when something else became of it meanwhile.
    pub fn put_back(&mut self, instance: &InstanceId, task: &str) -> bool {
        let own = |state: &ItemState| matches!(state, ItemState::Accepted { task: own, .. } if own.key() == task);
        let found = self.items.iter_mut().find(|(i, state)| i == instance && own(state));
        found.map(|(_, state)| *state = ItemState::Planned).is_some()
    }

    fn doubt(&self, attempted_at: DateTime<Utc>, absent_at: Option<DateTime<Utc>>) -> Doubt {
        Doubt {
            attempted_at,
            since: attempted_at,
            absent_at,
            pre_image: false,
            start_at: self.start_at,
            patches: self.request.patches.clone(),
        }
    }

    fn in_state(&self, is: impl Fn(&ItemState) -> bool) -> Vec<InstanceId> {
        self.items.iter().filter(|(_, state)| is(state)).map(|(instance, _)| instance.clone()).collect()
    }

    fn put(&mut self, changed: &[(InstanceId, ItemState)]) {
        for (instance, state) in changed {
            if let Some((_, current)) = self.items.iter_mut().find(|(i, _)| i == instance) {
                *current = state.clone();
            }
        }
    }
}

/// The state of one instance after an attempt that ended at `ended_at`.
fn after_attempt(instance: &InstanceId, asked: &[InstanceId], outcome: &Outcome, ended_at: DateTime<Utc>) -> ItemState {
    let unknown = |error: CloudError| ItemState::Unknown { error, since: ended_at, absent_at: None, looked_at: None };
    match outcome {
        Outcome::Accepted(tasks) => match tasks.iter().find(|(i, _)| i == instance) {
            Some((_, task)) => ItemState::Accepted { task: task.clone(), adopted: false },
            None => unknown(CloudError { message: NOT_NAMED.to_owned(), ..CloudError::default() }),
        },
        Outcome::Rejected(error) if asked.len() > 1 && error.may_concern_one() && !error.names(instance) => ItemState::Planned,
        Outcome::Rejected(error) => ItemState::Rejected { error: error.clone() },
        Outcome::NotSent(_) => ItemState::Planned,
        Outcome::Unknown(error) => unknown(error.clone()),
    }
}

fn outcome_words(outcome: &Outcome, asked: &[InstanceId]) -> (Option<String>, Option<CloudError>) {
    let (word, error) = match outcome {
        // Yes, but not for everybody who was asked for: the rest is in doubt.
        Outcome::Accepted(tasks) if !asked.iter().all(|i| tasks.iter().any(|(named, _)| named == i)) => ("partial", None),
        Outcome::Accepted(_) => ("accepted", None),
        Outcome::Rejected(e) => ("rejected", Some(e.clone())),
        Outcome::NotSent(e) => ("not_sent", Some(e.clone())),
        Outcome::Unknown(e) => ("unknown", Some(e.clone())),
    };
    (Some(word.to_owned()), error)
}

#[cfg(test)]
mod model;
