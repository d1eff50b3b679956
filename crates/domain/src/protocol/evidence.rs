//! What listings and people prove about what is in doubt.

use super::{Attempt, Entry, Rules};
use crate::{
    id::{InstanceId, TaskId},
    schedule::check_instant,
    send::{ItemState, MOST_ATTEMPTS, Stop},
    settle::{CLOCK_SKEW_SECONDS, Doubt, Listing, Verdict, find_child, judge},
    task::{Task, TaskStatus},
};
use chrono::{DateTime, Duration, Utc};

/// Why a person's word is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unresolved {
    /// It is not in doubt any more.
    Settled,
    /// The call may still act: no listing has proved anything yet.
    TooEarly,
}

impl Entry {
    /// Holds what is in doubt against a complete listing. Returns what changed, looked-at times included.
    pub fn settle(&mut self, listing: Listing<'_>, now: DateTime<Utc>, rules: &Rules) -> Vec<(InstanceId, ItemState)> {
        let mut changed = Vec::new();
        for (instance, state) in &self.items {
            let ItemState::Unknown { error, since, absent_at, .. } = state else { continue };
            // No later than it can be, even if the clock was set back since: then it is waited for once more, and not for ever.
            let since = (*since).min(now + Duration::seconds(rules.signature_seconds));
            let mine: Vec<&Attempt> = self.attempts.iter().filter(|a| a.instances.contains(instance)).collect();
            let Some(last) = mine.last() else { continue };
            // One that was accepted belongs to a life before this one: its task was moved, and the old time stands again.
            // One that was refused has done nothing.
            let calls = mine.iter().filter(|a| !matches!(a.outcome.as_deref(), Some("not_sent" | "accepted" | "rejected"))).count();
            let tasks: Vec<&Task> = listing.tasks.iter().filter(|t| t.instance == *instance && !last.known.contains(&t.id.key())).collect();
            let doubt = Doubt { since, pre_image: last.fence > 0, ..self.doubt(last.began_at, *absent_at) };
            let still = |absent_at: Option<DateTime<Utc>>| ItemState::Unknown {
                error: error.clone(),
                since,
                absent_at,
                looked_at: Some(listing.began_at),
            };
            let next = match judge(&doubt, listing, &tasks, rules.settle_seconds) {
                Verdict::Adopt(task) => ItemState::Accepted { task, adopted: true },
                Verdict::AbsentOnce => still(Some(listing.began_at)),
                Verdict::Wait => still(*absent_at),
                // A cloud that says yes and never lists it would otherwise be asked again and again.
                Verdict::Absent if calls >= MOST_ATTEMPTS => ItemState::Stopped { why: Stop::NoProof },
                Verdict::Absent => match check_instant(self.start_at, now, rules.lead_minutes, &rules.freezes) {
                    Ok(()) => ItemState::Planned,
                    Err(_) => ItemState::Missed,
                },
            };
            if next != *state {
                changed.push((instance.clone(), next));
            }
        }
        self.put(&changed);
        changed
    }

    /// A person has looked, and says what became of an instance in doubt: it has this task, or none. `lost` says that an accepted one is, because no list shows its task.
    /// That it has none is not believed before the list was read, from its beginning, when its call could come no more: `settle_seconds`
    /// after its answer was given up. Of a cloud that is not `connected` any more no list is read: then it is enough that the time has passed.
    ///
    /// # Errors
    /// [`Unresolved`].
    pub fn resolve(
        &mut self,
        instance: &InstanceId,
        found: Option<TaskId>,
        lost: bool,
        now: DateTime<Utc>,
        settle_seconds: i64,
        connected: bool,
    ) -> Result<ItemState, Unresolved> {
        let (_, state) = self.items.iter_mut().find(|(i, _)| i == instance).ok_or(Unresolved::Settled)?;
        match state {
            ItemState::Unknown { since, looked_at, .. } if found.is_none() => {
                let may_come_until = *since + Duration::seconds(settle_seconds);
                let looked_at = if connected { *looked_at } else { Some(now) };
                if *since > now || looked_at.is_none_or(|at| at < may_come_until) {
                    return Err(Unresolved::TooEarly);
                }
            }
            ItemState::Unknown { .. } | ItemState::Stopped { why: Stop::NoProof } => {}
            ItemState::Accepted { .. } if lost => {}
            _ => return Err(Unresolved::Settled),
        }
        *state = match found {
            Some(task) => ItemState::Accepted { task, adopted: true },
            // Not planned again: whoever wants it sent makes a new plan of it, which is looked at like any other.
            None => ItemState::Stopped { why: Stop::ByHand },
        };
        Ok(state.clone())
    }

    /// Tasks that earlier calls of ours made beside the accepted one: they acted after they were proved absent, against everything
    /// that is assumed. Named is only what asks for just the same patches and start and was made while such calls were about; and as
    /// many as there were calls without a definite end, and no more. If there are more, somebody else made the same task, nobody can
    /// tell which, and none is named.
    pub fn duplicates(&self, instance: &InstanceId, tasks: &[Task], skew_seconds: i64, rules: &Rules) -> Vec<TaskId> {
        if !self.items.iter().any(|(i, s)| i == instance && matches!(s, ItemState::Accepted { .. })) {
            return Vec::new();
        }
        let open_ended = |a: &&Attempt| a.instances.contains(instance) && !matches!(a.outcome.as_deref(), Some("not_sent" | "rejected"));
        let calls: Vec<&Attempt> = self.attempts.iter().filter(open_ended).collect();
        let (Some(first), Some(last)) = (calls.first(), calls.last()) else { return Vec::new() };
        let doubt = self.doubt(first.began_at, None);
        let until = last.ended_at.unwrap_or(last.began_at) + Duration::seconds(rules.settle_seconds + skew_seconds + CLOCK_SKEW_SECONDS);
        let ours = |t: &&Task| {
            t.instance == *instance
                && t.status == TaskStatus::Pending
                && t.gone_at.is_none()
                && !first.known.contains(&t.id.key())
                && t.target.is_some()
                && t.created_at.is_some_and(|at| at <= until)
                && find_child(&[*t], &doubt, skew_seconds).is_some()
        };
        let found: Vec<TaskId> = tasks.iter().filter(ours).map(|t| t.id.clone()).collect();
        // One of the calls made the task that is accepted; each that was accepted before it made one that was moved, and is accounted for.
        let accepted = calls.iter().filter(|a| a.outcome.as_deref() == Some("accepted")).count();
        if found.len() < calls.len() - accepted.saturating_sub(1) { found } else { Vec::new() }
    }
}
