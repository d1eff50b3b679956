//! What all replicas know together about one cloud: whether it may be called, and how fast. Pure: events in, a verdict out.
//!
//! Nobody knows the cloud's limits, and its sibling services allow 60 calls a minute (`gaussdb-api.md`). So the pace is learned: it
//! begins fast, is cut to what went through in the last minute when a call is throttled, and is raised slowly afterwards.

use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};

/// Longest `Retry-After` that is honoured, in seconds: a longer one would silently let starts pass.
pub const LONGEST_ASKED: i64 = 900;

/// No pause is longer, in seconds.
pub const LONGEST_WAIT: i64 = LONGEST_ASKED + LONGEST_ASKED / 10;

/// Longest pause of the sender after failures in a row, in seconds.
const LONGEST_BACK_OFF: i64 = 300;

/// Answers lost in a row after which no more are risked until the cloud was looked at.
const LOST_IN_A_ROW: u32 = 3;

/// Calls a minute to begin with.
const FIRST_PACE: f64 = 1200.0;

/// Slowest pace: one call in so many seconds.
const SLOWEST_SECONDS: f64 = 10.0;

/// Calls that may be made at once after a quiet time, at least: looking at a small fleet takes so many.
const SHALLOWEST: f64 = 10.0;

/// Calls in a minute from which something can be learned.
const FEW: u32 = 10;

/// What a call is for. Those that come first may use what the others have to leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Errand {
    /// Creating or cancelling tasks: starts do not wait.
    Change,
    /// Looking at tasks and instances.
    Look,
    /// Which patches an instance may have: somebody prepares a plan.
    Prepare,
}

impl Errand {
    /// Share of the calls that are ready which this errand leaves to more urgent ones.
    fn leaves(self) -> f64 {
        match self {
            Self::Change => 0.0,
            Self::Look => 0.2,
            Self::Prepare => 0.5,
        }
    }
}

/// Why a call failed, as far as the pace is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The cloud asked to wait, perhaps for so many seconds.
    Throttled(Option<i64>),
    /// It could not be reached: nothing was sent.
    NotSent,
    /// The answer to a change was lost.
    Lost,
    /// The credentials were refused.
    Credentials,
}

/// What all replicas know together about one cloud.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CloudState {
    /// Since when the credentials are refused: nothing is called until a person acts.
    pub stopped_at: Option<DateTime<Utc>>,
    /// Failures in a row, of calls that were not sent or throttled.
    failures: u32,
    /// Changes whose answer was lost, in a row.
    lost: u32,
    /// Nothing is sent before.
    until: Option<DateTime<Utc>>,
    /// The cloud itself asked to wait: then nobody calls, readers neither.
    throttled: bool,
    /// Calls ready to be made.
    ready: f64,
    /// When `ready` was reckoned.
    reckoned_at: Option<DateTime<Utc>>,
    /// Calls a minute, once something was learned.
    pace: Option<f64>,
    /// Calls a minute to begin with, where it is not the usual number.
    first: Option<f64>,
    /// Calls that went out, by second, of the last minute.
    recent: Vec<(i64, u32)>,
}

impl CloudState {
    /// The credentials were refused, and nobody has said since that they are right.
    pub fn is_stopped(&self) -> bool {
        self.stopped_at.is_some()
    }

    /// The cloud asked everybody to wait until then.
    pub fn throttled_until(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.paused_until(now).filter(|_| self.throttled)
    }

    /// The sender pauses until then.
    pub fn paused_until(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        // One that lies further ahead than any was made is of before the clock was set back.
        self.until.filter(|until| *until > now && *until <= now + Duration::seconds(LONGEST_WAIT))
    }

    /// After failures one call shows whether it goes again, before others follow.
    pub fn most_at_once(&self, usual: usize) -> usize {
        if self.failures > 0 || self.lost >= LOST_IN_A_ROW { 1 } else { usual }
    }

    /// Calls a minute at present.
    pub fn pace(&self) -> f64 {
        self.pace.unwrap_or_else(|| self.fastest())
    }

    fn fastest(&self) -> f64 {
        self.first.unwrap_or(FIRST_PACE)
    }

    /// Nothing is to be noted when a call goes through.
    pub fn is_well(&self) -> bool {
        self.failures == 0 && self.lost == 0 && self.until.is_none()
    }

    /// Asks for one call. `first` is the pace to begin with, in calls a minute.
    ///
    /// # Errors
    /// When to ask again; never, by itself, while the credentials are refused.
    pub fn admit(&mut self, errand: Errand, now: DateTime<Utc>, first: Option<f64>) -> Result<(), DateTime<Utc>> {
        self.first = first;
        if self.is_stopped() {
            return Err(DateTime::<Utc>::MAX_UTC);
        }
        if let Some(until) = self.throttled_until(now) {
            return Err(until);
        }
        let (per_second, depth) = (self.pace() / 60.0, self.depth());
        let since = self.reckoned_at.map_or(f64::MAX, |at| millis(now - at).max(0.0) / 1000.0);
        self.ready = (self.ready + since * per_second).min(depth);
        self.reckoned_at = Some(now);
        let needed = 1.0 + depth * errand.leaves();
        if self.ready < needed {
            let wait = ((needed - self.ready) / per_second * 1000.0).ceil();
            return Err(now + Duration::milliseconds(whole(wait).max(1)));
        }
        self.ready -= 1.0;
        let second = now.timestamp();
        self.recent.retain(|(at, _)| *at > second - 60 && *at <= second);
        match self.recent.last_mut().filter(|(at, _)| *at == second) {
            Some((_, n)) => *n += 1,
            None => self.recent.push((second, 1)),
        }
        // Up again by a fiftieth a minute, spread over the calls that go through.
        let fastest = self.fastest();
        if let Some(pace) = &mut self.pace {
            *pace = (*pace * (1.0 + 0.02 / pace.max(1.0))).min(fastest);
        }
        Ok(())
    }

    /// Calls that may be made at once after a quiet time.
    fn depth(&self) -> f64 {
        (self.pace() / 6.0).max(SHALLOWEST)
    }

    /// A call went through. A pause that another call was asked for meanwhile stands. That lists can be read says nothing about changes
    /// whose answers are lost.
    pub fn went_through(&mut self, errand: Errand, now: DateTime<Utc>) {
        if self.paused_until(now).is_none() {
            (self.failures, self.until, self.throttled) = (0, None, false);
            if errand == Errand::Change {
                self.lost = 0;
            }
        }
    }

    /// A call failed. Returns until when nothing is sent, if something is to wait. `spread` is between 0 and 1: replicas that failed
    /// together do not come back together.
    pub fn failed(&mut self, failure: Failure, now: DateTime<Utc>, spread: f64) -> Option<DateTime<Utc>> {
        let throttled = matches!(failure, Failure::Throttled(_));
        let seconds = match failure {
            Failure::Credentials => {
                self.stopped_at.get_or_insert(now);
                return None;
            }
            Failure::Lost => {
                self.lost = self.lost.saturating_add(1);
                if self.lost < LOST_IN_A_ROW {
                    return None;
                }
                self.doubled(self.lost + 3)
            }
            Failure::NotSent => {
                self.failures = self.failures.saturating_add(1);
                self.doubled(self.failures)
            }
            Failure::Throttled(asked) => {
                self.failures = self.failures.saturating_add(1);
                self.slow_down(now);
                match asked {
                    Some(asked) => asked.clamp(1, LONGEST_ASKED),
                    None => self.doubled(self.failures),
                }
            }
        };
        // Never earlier than asked, and up to a tenth later.
        let wait = Duration::milliseconds(whole(
            f64::from(i32::try_from(seconds).unwrap_or(i32::MAX)) * 1000.0 * (1.0 + spread.clamp(0.0, 1.0) / 10.0),
        ));
        // Several calls may be throttled at once: the longest wait holds.
        let standing = self.throttled_until(now);
        let until = (now + wait).max(standing.unwrap_or(now));
        self.until = Some(until);
        self.throttled = throttled || standing.is_some();
        Some(until)
    }

    fn doubled(&self, times: u32) -> i64 {
        2_i64.saturating_pow(times.min(10)).min(LONGEST_BACK_OFF)
    }

    /// What went through in the last minute is what goes through in a minute; a little less, so that it is not met again at once.
    fn slow_down(&mut self, now: DateTime<Utc>) {
        let second = now.timestamp();
        let went: u32 = self.recent.iter().filter(|(at, _)| *at > second - 60 && *at <= second).map(|(_, n)| n).sum();
        // So few calls say nothing about a limit: others are calling too, or the cloud has a bad minute.
        let learned = if went < FEW { self.pace() / 2.0 } else { f64::from(went - 1) * 0.9 };
        self.pace = Some(learned.min(self.pace() * 0.9).max(60.0 / SLOWEST_SECONDS));
        self.ready = 0.0;
    }

    /// A person says that the credentials are right again.
    pub fn resume(&mut self) {
        (self.stopped_at, self.failures, self.lost, self.until, self.throttled) = (None, 0, 0, None, false);
    }
}

fn millis(duration: Duration) -> f64 {
    f64::from(i32::try_from(duration.num_milliseconds()).unwrap_or(i32::MAX))
}

#[expect(clippy::cast_possible_truncation, reason = "pauses are far below the range of either")]
fn whole(ms: f64) -> i64 {
    ms.round() as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: i64) -> DateTime<Utc> {
        DateTime::from_timestamp_millis(1_800_000_000_000 + ms).unwrap()
    }

    /// A cloud that takes so many calls in each minute of its clock, and a caller who always has one more. Returns the calls that went
    /// through and those that were throttled in `minutes`.
    fn run(limit: u32, minutes: i64, retry_after: bool) -> (u32, u32) {
        let (mut state, mut now, end) = (CloudState::default(), 17_000, 17_000 + minutes * 60_000);
        let (mut through, mut refused, mut window) = (0, 0, (0, 0));
        while now < end {
            match state.admit(Errand::Change, at(now), None) {
                Err(until) => now = now.max((until - at(0)).num_milliseconds()),
                Ok(()) => {
                    if window.0 != now / 60_000 {
                        window = (now / 60_000, 0);
                    }
                    window.1 += 1;
                    if window.1 > limit {
                        refused += 1;
                        state.failed(Failure::Throttled(retry_after.then_some(60 - (now / 1000) % 60)), at(now), 0.5);
                    } else {
                        through += 1;
                        state.went_through(Errand::Change, at(now));
                    }
                    now += 20;
                }
            }
        }
        (through, refused)
    }

    #[test]
    fn an_unknown_limit_is_found_with_few_refusals_and_mostly_used() {
        for limit in [10, 60, 200, 600] {
            for retry_after in [true, false] {
                let (through, refused) = run(limit, 60, retry_after);
                assert!(refused <= 20, "{limit} a minute: {refused} refused in an hour");
                assert!(f64::from(through) >= f64::from(limit) * 60.0 * 0.7, "{limit} a minute: {through} in an hour");
            }
        }
    }

    #[test]
    fn what_is_urgent_may_use_what_others_leave() {
        let mut state = CloudState { pace: Some(60.0), ..CloudState::default() };
        let mut taken = 0;
        while state.admit(Errand::Prepare, at(0), None).is_ok() {
            taken += 1;
        }
        assert!(state.admit(Errand::Look, at(0), None).is_ok(), "after {taken}");
        while state.admit(Errand::Look, at(0), None).is_ok() {}
        assert!(state.admit(Errand::Change, at(0), None).is_ok());
        while state.admit(Errand::Change, at(0), None).is_ok() {}
        let until = state.admit(Errand::Change, at(0), None).unwrap_err();
        assert!(state.admit(Errand::Change, until, None).is_ok(), "when it says");
    }

    #[test]
    fn what_the_cloud_asks_for_is_waited_for_by_everybody() {
        let mut state = CloudState::default();
        for (asked, at_least, at_most) in [(Some(7), 7, 8), (Some(0), 1, 2), (Some(-5), 1, 2), (Some(31_536_000), 900, 991)] {
            state.resume();
            let until = state.failed(Failure::Throttled(asked), at(0), 1.0).unwrap();
            let wait = (until - at(0)).num_seconds();
            assert!(wait >= at_least && wait <= at_most, "{asked:?}: {wait}");
            assert_eq!(state.admit(Errand::Change, at(at_least * 1000 - 1), None), Err(until));
            state.went_through(Errand::Change, at(1));
            assert_eq!(state.paused_until(at(1)), Some(until), "another call that went through does not shorten it");
        }
    }

    #[test]
    fn three_answers_lost_in_a_row_stop_the_sender_and_one_goes_first_afterwards() {
        let mut state = CloudState::default();
        assert_eq!(state.failed(Failure::Lost, at(0), 0.0), None);
        assert_eq!(state.failed(Failure::Lost, at(0), 0.0), None);
        let until = state.failed(Failure::Lost, at(0), 0.0).unwrap();
        assert!(state.paused_until(at(1)).is_some() && state.throttled_until(at(1)).is_none(), "looking goes on");
        assert_eq!(state.most_at_once(4), 1);
        state.went_through(Errand::Look, until);
        assert_eq!(state.most_at_once(4), 1, "that lists can be read says nothing about changes");
        state.went_through(Errand::Change, until);
        assert_eq!((state.most_at_once(4), state.paused_until(until)), (4, None));
    }

    #[test]
    fn refused_credentials_stop_it_until_a_person_acts() {
        let mut state = CloudState::default();
        assert_eq!(state.failed(Failure::Credentials, at(0), 0.0), None);
        state.went_through(Errand::Change, at(1));
        assert!(state.is_stopped() && state.admit(Errand::Look, at(2), None).is_err(), "whoever waits for a call does not make it");
        state.resume();
        assert!(!state.is_stopped());
    }
}
