//! What is known of the connection to a cloud.

use crate::{id::CloudName, send::CloudError};
use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};

/// Longest time between the creation of a task and its first listing that counts as a lag, in seconds. A longer one is a wrong time zone, or
/// a time in which the cloud was not listed.
const LAG_MAX: i64 = 29 * 60;

/// Shortest time by which a task must have been there before a listing that missed it, in seconds: times of the cloud are in whole
/// seconds, and its clock is known by the header `Date` of an answer.
const LAG_MIN: i64 = 5;

/// For how long a lag is remembered after it was seen, in days: over a weekend nobody may make a task that could show it again.
const LAG_DAYS: i64 = 7;

/// What the last sync passes of one cloud found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SyncStatus {
    /// The connection.
    pub cloud: CloudName,
    /// A pass is under way since then.
    pub running_since: Option<DateTime<Utc>>,
    /// Rows read so far by the pass under way.
    pub progress: i64,
    /// When the last complete listing of instances began.
    pub instances_at: Option<DateTime<Utc>>,
    /// When the last complete listing of tasks began.
    pub tasks_at: Option<DateTime<Utc>>,
    /// When the last pass ended, however it ended.
    pub ended_at: Option<DateTime<Utc>>,
    /// What went wrong in the last pass.
    pub error: Option<CloudError>,
    /// The credentials were refused: nothing is called until a person acts.
    pub stopped: bool,
    /// The cloud asked to wait until then: nothing is called before.
    #[serde(default)]
    pub paused_until: Option<DateTime<Utc>>,
    /// Cloud clock minus ours, in seconds, by the `Date` header of the last answer.
    pub skew_seconds: Option<i64>,
    /// When it is looked at again, if nobody asks before.
    #[serde(default)]
    pub next_at: Option<DateTime<Utc>>,
    /// The lags of its listings of tasks that were seen of late, the longest first. One that a longer or equal one followed is left out.
    #[serde(default)]
    pub lags: Vec<ListLag>,
    /// How long it must be absent from the listings before it is believed that a call made no task, in seconds.
    #[serde(default)]
    pub settle_seconds: i64,
    /// What it is asked with; nothing where no such connection is configured.
    #[serde(default)]
    pub connection: Option<Connection>,
}

/// A complete listing of tasks did not show a task that was there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListLag {
    /// From the creation of the task to the end of the first listing that showed it, in seconds: the lag was no longer than that.
    pub seconds: i64,
    /// When that listing ended.
    pub at: DateTime<Utc>,
}

impl ListLag {
    /// What is learned when a listing that ended at `at` was the first to show a task made at `created_at`, by our clock.
    pub fn seen(created_at: DateTime<Utc>, at: DateTime<Utc>) -> Option<Self> {
        let seconds = (at - created_at).num_seconds() + 1;
        (seconds <= LAG_MAX).then_some(Self { seconds, at })
    }

    /// When a task must have been made, by our clock, to show a lag: a listing that began at `missed_at` did not have it.
    pub fn window(missed_at: DateTime<Utc>) -> (DateTime<Utc>, DateTime<Utc>) {
        (missed_at - Duration::seconds(LAG_MAX), missed_at - Duration::seconds(LAG_MIN))
    }
}

impl SyncStatus {
    /// Takes note of a lag, if one was seen, and forgets at `now` those that were seen too long ago.
    pub fn learn_lag(&mut self, seen: Option<ListLag>, now: DateTime<Utc>) {
        if let Some(seen) = seen {
            self.lags.retain(|lag| lag.seconds > seen.seconds);
            self.lags.push(seen);
        }
        self.lags.retain(|lag| lag.at > now - Duration::days(LAG_DAYS));
    }

    /// The longest lag that was seen of late.
    pub fn lag(&self) -> Option<ListLag> {
        self.lags.first().copied()
    }

    /// How long an absence must last when so many seconds are set for a call that acts late: by the lag longer, because a task that was
    /// made late is listed later still.
    pub fn settles_after(&self, set: i64) -> i64 {
        set + self.lag().map_or(0, |lag| lag.seconds)
    }
}

/// What a cloud is asked with. Never a secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connection {
    /// Region id.
    pub region: String,
    /// Project id, once it is known.
    pub project: Option<String>,
    /// Whose rights count.
    pub account: Account,
}

/// Whose rights count at a cloud.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Account {
    /// An access key, by its last two characters.
    KeyEnding(String),
    /// An IAM user, by name.
    User(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
    }

    fn status() -> SyncStatus {
        let none = serde_json::json!({ "cloud": "c", "progress": 0, "stopped": false });
        serde_json::from_value(none).unwrap()
    }

    #[test]
    fn the_longest_lag_of_a_week_counts() {
        let mut status = status();
        status.learn_lag(ListLag::seen(at(0), at(200)), at(200));
        assert_eq!(status.lag(), Some(ListLag { seconds: 201, at: at(200) }));
        status.learn_lag(ListLag::seen(at(300), at(400)), at(400));
        assert_eq!(status.lag().unwrap().seconds, 201, "a shorter one does not count yet");
        let week = LAG_DAYS * 24 * 3600;
        status.learn_lag(None, at(199 + week));
        assert_eq!(status.lag().unwrap().seconds, 201);
        status.learn_lag(None, at(200 + week));
        assert_eq!(status.lag().unwrap().seconds, 101, "and counts once the longer one is forgotten");
        status.learn_lag(ListLag::seen(at(week), at(week + 500)), at(500 + week));
        assert_eq!(status.lags.len(), 1, "one that a longer one followed is of no use");
        assert_eq!(status.settles_after(120), 621, "a call may act late, and its task be listed late");
    }

    #[test]
    fn a_time_in_another_zone_is_no_lag() {
        let (from, to) = ListLag::window(at(0));
        assert!(from > at(-30 * 60), "zones lie half an hour apart at least");
        assert!(to < at(-1), "and a clock is known to the second");
        assert_eq!(ListLag::seen(at(0), at(60 * 60)), None, "nor is a time in which nobody has looked");
    }
}
