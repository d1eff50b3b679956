//! Rules about the start time.

use crate::{
    plan::{Draft, Fold},
    time::{Reading, parse_local, resolve},
};
use chrono::{DateTime, Duration, FixedOffset, NaiveDateTime, Offset, TimeZone, Utc};
use serde::{Deserialize, Serialize};

/// A period in which nothing may start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Freeze {
    /// What people call it.
    pub name: String,
    /// First instant of it.
    pub from: DateTime<Utc>,
    /// First instant after it.
    pub to: DateTime<Utc>,
}

/// Why a start time cannot be taken. Each says what would do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TimeRefusal {
    /// Nothing was typed.
    Missing,
    /// Not a date and time.
    Unreadable(String),
    /// No such time zone.
    UnknownZone(String),
    /// Clocks go forward over it.
    Skipped {
        /// The next reading that exists.
        next: NaiveDateTime,
    },
    /// Clocks show it twice.
    Twice {
        /// First instant and offset in seconds east of UTC.
        first: (DateTime<Utc>, i32),
        /// Second instant and offset.
        second: (DateTime<Utc>, i32),
    },
    /// Already over.
    Past {
        /// The earliest start that would be taken now.
        earliest: DateTime<Utc>,
    },
    /// Nearer than the lead time.
    TooSoon {
        /// The earliest start that would be taken now.
        earliest: DateTime<Utc>,
        /// Lead time in minutes.
        lead_minutes: i64,
    },
    /// Inside a freeze.
    Frozen {
        /// Its name.
        name: String,
        /// When it ends.
        until: DateTime<Utc>,
    },
}

/// A start time that means one instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Start {
    /// The instant.
    pub at: DateTime<Utc>,
    /// Seconds east of UTC in the chosen zone at that instant.
    pub offset_seconds: i32,
}

impl Start {
    /// The offset it is written with.
    pub fn offset(self) -> FixedOffset {
        FixedOffset::east_opt(self.offset_seconds).unwrap_or_else(|| Utc.fix())
    }
}

/// What the typed start of a draft means in `zone` (nothing: the zone's name is not known).
///
/// # Errors
/// A [`TimeRefusal`] about the reading alone; whether the instant is allowed is [`check_instant`]'s matter.
pub fn read_start<Z: TimeZone>(draft: &Draft, zone: Option<&Z>) -> Result<Start, TimeRefusal> {
    if draft.start_local.trim().is_empty() {
        return Err(TimeRefusal::Missing);
    }
    let zone = zone.ok_or_else(|| TimeRefusal::UnknownZone(draft.zone.clone()))?;
    let local = parse_local(&draft.start_local).ok_or_else(|| TimeRefusal::Unreadable(draft.start_local.clone()))?;
    let start = |(at, offset): (DateTime<Utc>, FixedOffset)| Start { at, offset_seconds: offset.local_minus_utc() };
    match (resolve(local, zone), draft.fold) {
        (Reading::Once(at, offset), _) => Ok(start((at, offset))),
        (Reading::Twice { first, .. }, Some(Fold::First)) => Ok(start(first)),
        (Reading::Twice { second, .. }, Some(Fold::Second)) => Ok(start(second)),
        (Reading::Twice { first, second }, None) => {
            Err(TimeRefusal::Twice { first: (first.0, first.1.local_minus_utc()), second: (second.0, second.1.local_minus_utc()) })
        }
        (Reading::Skipped { next }, _) => Err(TimeRefusal::Skipped { next }),
    }
}

/// Whether a start at `at` is allowed when it is `now`. Asked at every step, the last time before each byte leaves.
///
/// # Errors
/// [`TimeRefusal::Past`], [`TimeRefusal::TooSoon`] or [`TimeRefusal::Frozen`].
pub fn check_instant(at: DateTime<Utc>, now: DateTime<Utc>, lead_minutes: i64, freezes: &[Freeze]) -> Result<(), TimeRefusal> {
    let earliest = now + Duration::minutes(lead_minutes);
    if at <= now {
        return Err(TimeRefusal::Past { earliest });
    }
    if at < earliest {
        return Err(TimeRefusal::TooSoon { earliest, lead_minutes });
    }
    match freezes.iter().find(|f| f.from <= at && at < f.to) {
        Some(freeze) => Err(TimeRefusal::Frozen { name: freeze.name.clone(), until: freeze.to }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono_tz::{America::New_York, Tz};

    fn draft(start: &str, fold: Option<Fold>) -> Draft {
        Draft { start_local: start.to_owned(), zone: "America/New_York".to_owned(), fold, ..Draft::default() }
    }

    fn utc(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn a_repeated_hour_needs_an_answer() {
        assert!(matches!(read_start(&draft("2026-11-01T01:30", None), Some(&New_York)), Err(TimeRefusal::Twice { .. })));
        let second = read_start(&draft("2026-11-01T01:30", Some(Fold::Second)), Some(&New_York)).unwrap();
        assert_eq!((second.at, second.offset_seconds), (utc("2026-11-01T06:30:00Z"), -5 * 3600));
    }

    #[test]
    fn bad_input_is_refused_with_its_reason() {
        assert_eq!(read_start(&draft(" ", None), Some(&New_York)), Err(TimeRefusal::Missing));
        assert_eq!(read_start(&draft("tonight", None), Some(&New_York)), Err(TimeRefusal::Unreadable("tonight".to_owned())));
        assert!(matches!(read_start::<Tz>(&draft("2026-11-01T01:30", None), None), Err(TimeRefusal::UnknownZone(_))));
    }

    #[test]
    fn lead_time_and_freezes_hold() {
        let now = utc("2026-11-23T10:00:00Z");
        let earliest = utc("2026-11-23T10:30:00Z");
        assert_eq!(check_instant(now, now, 30, &[]), Err(TimeRefusal::Past { earliest }));
        assert_eq!(check_instant(utc("2026-11-23T10:29:59Z"), now, 30, &[]), Err(TimeRefusal::TooSoon { earliest, lead_minutes: 30 }));
        assert_eq!(check_instant(earliest, now, 30, &[]), Ok(()));
        let freeze = Freeze { name: "11.11".to_owned(), from: earliest, to: utc("2026-11-24T00:00:00Z") };
        assert!(matches!(check_instant(earliest, now, 30, std::slice::from_ref(&freeze)), Err(TimeRefusal::Frozen { .. })));
        assert_eq!(check_instant(freeze.to, now, 30, &[freeze]), Ok(()));
    }
}
