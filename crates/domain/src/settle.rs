//! Settles an unknown by evidence, and by nothing else.
//!
//! A create call whose answer was lost may or may not have made a task. The cloud gives no key to ask by, so the listing
//! of the instance's tasks is the only witness, and one absence proves nothing while listings may lag.

use crate::{
    id::TaskId,
    task::{Task, TaskStatus},
    version::{PatchVersion, patch_list},
};
use chrono::{DateTime, Duration, Utc};

/// Clocks of ours and of the cloud may differ by this much, in seconds, without changing what counts as "created after".
pub const CLOCK_SKEW_SECONDS: i64 = 120;

/// What is being looked for.
#[derive(Clone, Debug)]
pub struct Doubt {
    /// When the attempt began.
    pub attempted_at: DateTime<Utc>,
    /// When the answer was given up.
    pub since: DateTime<Utc>,
    /// First listing that did not show it, if any.
    pub absent_at: Option<DateTime<Utc>>,
    /// What the instance had before the attempt was written down with it, and is not among the tasks that are judged.
    pub pre_image: bool,
    /// The start that was asked for.
    pub start_at: DateTime<Utc>,
    /// The hot patches that were asked for, ascending.
    pub patches: Vec<PatchVersion>,
}

/// A complete listing of the cloud's scheduled tasks.
#[derive(Clone, Copy, Debug)]
pub struct Listing<'a> {
    /// When the first page was asked for.
    pub began_at: DateTime<Utc>,
    /// Since when the clock that says so is known to have run evenly: a time measured across a jump is none.
    pub steady_since: DateTime<Utc>,
    /// Cloud clock minus ours in seconds, as measured; 0 when it is not known.
    pub skew_seconds: i64,
    /// The tasks in it that no other item of ours accounts for.
    pub tasks: &'a [Task],
}

/// What the listing proves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The call did act: this is its task. A cancelled one counts too: somebody took back what had arrived,
    /// and sending it again would undo their decision.
    Adopt(TaskId),
    /// Not there, for the first time: look again `settle_seconds` later.
    AbsentOnce,
    /// Not there, in two listings far enough apart: it may be sent again.
    Absent,
    /// The listing proves nothing: it began too early, or shows an open task of the instance that nobody accounts for and that
    /// may be ours after all. A near match is never taken for absence.
    Wait,
}

/// Judges one listing by the `tasks` of the instance in it.
pub fn judge(doubt: &Doubt, listing: Listing<'_>, tasks: &[&Task], settle_seconds: i64) -> Verdict {
    // That it is there is proved whenever it is seen; that it is not, only when it can come no more.
    // The attempt lies ahead: the clock was set back, and nobody can say by it what was made before what. That the task was not there
    // before the attempt is known all the same.
    let jumped = doubt.pre_image && doubt.attempted_at > listing.began_at;
    let child = if jumped {
        find_child(tasks, &Doubt { attempted_at: DateTime::<Utc>::MIN_UTC, ..doubt.clone() }, listing.skew_seconds)
    } else {
        find_child(tasks, doubt, listing.skew_seconds)
    };
    if let Some(task) = child {
        return Verdict::Adopt(task.id.clone());
    }
    if listing.began_at < doubt.since || tasks.iter().any(|t| t.status.is_open()) {
        return Verdict::Wait;
    }
    // One that lies ahead is of before the clock was set back.
    match doubt.absent_at.filter(|first| *first >= listing.steady_since && *first <= listing.began_at) {
        None => Verdict::AbsentOnce,
        Some(first) if listing.began_at >= first + Duration::seconds(settle_seconds) => Verdict::Absent,
        Some(_) => Verdict::Wait,
    }
}

/// The task that the call made, if it is among these.
pub fn find_child<'a>(tasks: &[&'a Task], doubt: &Doubt, skew_seconds: i64) -> Option<&'a Task> {
    // A live task before a cancelled one, then the oldest: a second one would be a duplicate, and that is shown elsewhere.
    tasks
        .iter()
        .copied()
        .filter(|t| is_child(t, doubt, skew_seconds))
        .min_by_key(|t| (t.status == TaskStatus::Canceled, t.created_at, t.id.key()))
}

fn is_child(task: &Task, doubt: &Doubt, skew_seconds: i64) -> bool {
    let created = task.created_at.map(|c| c - Duration::seconds(skew_seconds) + Duration::seconds(CLOCK_SKEW_SECONDS));
    let target = task.target.as_deref().map(|t| patch_list(t).0).filter(|t| !t.is_empty());
    task.start_at == Some(doubt.start_at)
        && created.is_none_or(|c| c >= doubt.attempted_at)
        && target.is_none_or(|t| t == doubt.patches)
        // Known before the attempt began: it cannot be its child, whatever the clocks say.
        && (doubt.pre_image || task.first_seen_at >= doubt.attempted_at)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SETTLE: i64 = 120;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
    }

    fn doubt(absent_at: Option<i64>) -> Doubt {
        Doubt {
            attempted_at: at(0),
            since: at(10),
            absent_at: absent_at.map(at),
            pre_image: false,
            start_at: at(7200),
            patches: vec!["3.208.0.7".parse().unwrap()],
        }
    }

    fn task(status: TaskStatus, start: i64, created: i64, first_seen: i64) -> Task {
        Task { start_at: Some(at(start)), created_at: Some(at(created)), ..Task::sample(status, at(first_seen)) }
    }

    fn verdict(doubt: &Doubt, began: i64, tasks: &[Task]) -> Verdict {
        let listing = Listing { began_at: at(began), steady_since: at(-10_000), skew_seconds: 0, tasks };
        judge(doubt, listing, &tasks.iter().collect::<Vec<_>>(), SETTLE)
    }

    #[test]
    fn absence_needs_two_listings_apart() {
        assert_eq!(verdict(&doubt(None), 9, &[]), Verdict::Wait, "a listing begun before the answer was lost proves nothing");
        assert_eq!(verdict(&doubt(None), 20, &[]), Verdict::AbsentOnce);
        assert_eq!(verdict(&doubt(Some(20)), 139, &[]), Verdict::Wait);
        assert_eq!(verdict(&doubt(Some(20)), 140, &[]), Verdict::Absent);
    }

    #[test]
    fn a_time_measured_across_a_jump_of_the_clock_is_none() {
        let listing = |steady| Listing { began_at: at(500), steady_since: at(steady), skew_seconds: 0, tasks: &[] };
        assert_eq!(judge(&doubt(Some(20)), listing(20), &[], SETTLE), Verdict::Absent);
        assert_eq!(judge(&doubt(Some(20)), listing(21), &[], SETTLE), Verdict::AbsentOnce, "looked at again from here on");
        assert_eq!(judge(&doubt(Some(600)), listing(20), &[], SETTLE), Verdict::AbsentOnce, "what lies ahead was before a jump back");
    }

    #[test]
    fn across_a_jump_of_the_clock_what_was_not_there_before_is_ours() {
        // The clock was set back by an hour after the attempt; the task says that it was made before it.
        let found = task(TaskStatus::Pending, 7200, -3590, -3500);
        let verdict = |pre_image, steady, began| {
            let tasks = std::slice::from_ref(&found);
            let listing = Listing { began_at: at(began), steady_since: at(steady), skew_seconds: 0, tasks };
            judge(&Doubt { pre_image, ..doubt(None) }, listing, &[&found], SETTLE)
        };
        assert!(matches!(verdict(true, -3595, -3000), Verdict::Adopt(_)), "the attempt lies ahead: the clock was set back");
        assert_eq!(verdict(true, -4000, 30), Verdict::Wait, "on a steady clock it is older than the attempt");
        assert_eq!(verdict(false, -3595, -3000), Verdict::Wait, "and without a list of what was there before nothing is known");
    }

    #[test]
    fn that_it_is_there_counts_whenever_it_is_seen() {
        let found = task(TaskStatus::Pending, 7200, 1, 5);
        assert!(matches!(verdict(&doubt(None), 5, &[found]), Verdict::Adopt(_)), "before the answer was given up");
    }

    #[test]
    fn a_task_created_by_the_attempt_is_adopted_even_late() {
        let found = task(TaskStatus::Pending, 7200, 1, 30);
        assert_eq!(verdict(&doubt(Some(20)), 200, &[found]), Verdict::Adopt(TaskId::new("t")));
    }

    #[test]
    fn a_cancelled_child_is_still_a_child() {
        let found = task(TaskStatus::Canceled, 7200, 1, 30);
        assert_eq!(verdict(&doubt(Some(20)), 200, &[found]), Verdict::Adopt(TaskId::new("t")));
    }

    #[test]
    fn a_near_match_is_neither_adopted_nor_taken_for_absence() {
        let other_patch = Task { target: Some("3.208.0.6".to_owned()), ..task(TaskStatus::Pending, 7200, 1, 30) };
        for other in [
            task(TaskStatus::Pending, 7201, 1, 30),
            task(TaskStatus::Running, 7200, -121, 30),
            task(TaskStatus::Pending, 7200, 1, -5),
            other_patch,
        ] {
            assert_eq!(verdict(&doubt(Some(20)), 200, std::slice::from_ref(&other)), Verdict::Wait, "{other:?}");
        }
        let over = task(TaskStatus::Completed, 7100, -500, -5);
        assert_eq!(verdict(&doubt(Some(20)), 200, &[over]), Verdict::Absent, "what is over and old says nothing");
    }

    #[test]
    fn a_measured_difference_of_clocks_is_taken_out() {
        // The cloud's clock is ten minutes behind ours: its creation time looks too early.
        let found = task(TaskStatus::Pending, 7200, 1 - 600, 30);
        let listing = Listing { began_at: at(20), steady_since: at(0), skew_seconds: -600, tasks: std::slice::from_ref(&found) };
        assert!(matches!(judge(&doubt(None), listing, &[&found], SETTLE), Verdict::Adopt(_)));
    }

    #[test]
    fn a_skewed_cloud_clock_within_allowance_still_matches() {
        let found = task(TaskStatus::Pending, 7200, -119, 30);
        assert!(matches!(verdict(&doubt(None), 20, &[found]), Verdict::Adopt(_)));
    }
}
