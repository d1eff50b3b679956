//! Instants, wall-clock times and daily windows.
//!
//! An instant is stored; the zone it was chosen in is kept beside it. Nothing here asks what time it is.

use chrono::{DateTime, Datelike, Duration, FixedOffset, LocalResult, NaiveDateTime, NaiveTime, Offset, TimeZone, Timelike, Utc};
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// The spelling the cloud documents for `start_time`: `2026-06-06T01:47:20+0800`.
pub fn wire(instant: DateTime<Utc>, offset: FixedOffset) -> String {
    instant.with_timezone(&offset).format("%Y-%m-%dT%H:%M:%S%z").to_string()
}

/// `UTC+8`, `UTC-3:30`, `UTC`: how every time on screen names its offset.
pub fn offset_label(offset: FixedOffset) -> String {
    let seconds = offset.local_minus_utc();
    if seconds == 0 {
        return "UTC".to_owned();
    }
    let sign = if seconds < 0 { '-' } else { '+' };
    let minutes = seconds.abs() / 60;
    match minutes % 60 {
        0 => format!("UTC{sign}{}", minutes / 60),
        rest => format!("UTC{sign}{}:{rest:02}", minutes / 60),
    }
}

/// A wall-clock reading in some zone, as typed into a form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// Exactly one instant has this reading.
    Once(DateTime<Utc>, FixedOffset),
    /// Clocks go back and show it twice; a person has to say which.
    Twice {
        /// The first of the two, with its offset.
        first: (DateTime<Utc>, FixedOffset),
        /// The second of the two, with its offset.
        second: (DateTime<Utc>, FixedOffset),
    },
    /// Clocks go forward over it.
    Skipped {
        /// The first reading after the gap.
        next: NaiveDateTime,
    },
}

/// What instant a wall clock in `zone` means by `local`.
pub fn resolve<Z: TimeZone>(local: NaiveDateTime, zone: &Z) -> Reading {
    let fixed = |t: &DateTime<Z>| (t.with_timezone(&Utc), t.offset().fix());
    match zone.from_local_datetime(&local) {
        LocalResult::Single(t) => {
            let (instant, offset) = fixed(&t);
            Reading::Once(instant, offset)
        }
        LocalResult::Ambiguous(a, b) => {
            let (a, b) = (fixed(&a), fixed(&b));
            let (first, second) = if a.0 <= b.0 { (a, b) } else { (b, a) };
            Reading::Twice { first, second }
        }
        LocalResult::None => {
            // Gaps are at most a day (a zone that crossed the date line); minutes are the finest step in use since 1970.
            let next = (1..=24 * 60)
                .map(|minutes| local + Duration::minutes(minutes))
                .find(|t| !matches!(zone.from_local_datetime(t), LocalResult::None))
                .unwrap_or(local + Duration::days(1));
            Reading::Skipped { next }
        }
    }
}

/// Reads what a `datetime-local` control or a person writes: `2026-06-06T01:47`, with seconds of zero, or a space for the `T`.
pub fn parse_local(text: &str) -> Option<NaiveDateTime> {
    let text = text.trim().replacen(' ', "T", 1);
    let read = ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"].iter().find_map(|f| NaiveDateTime::parse_from_str(&text, f).ok());
    // A start is a whole minute: pages show no seconds, and what is sent must not differ from what is read.
    let read = read.filter(|t| t.second() == 0);
    // Far enough from the ends of the calendar for every sum made with it.
    read.filter(|t| (2000..2200).contains(&t.year()))
}

/// A span of the day in **UTC**, as the cloud gives maintenance and backup windows: `18:00-22:00`. It may cross midnight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DailyWindow {
    from: NaiveTime,
    to: NaiveTime,
}

impl DailyWindow {
    /// Whether the window is open at that instant. The end itself is outside.
    pub fn contains(self, instant: DateTime<Utc>) -> bool {
        let t = instant.time();
        if self.from <= self.to { self.from <= t && t < self.to } else { self.from <= t || t < self.to }
    }

    /// The same window on a clock `offset` ahead of UTC: `02:00-06:00`.
    pub fn at_offset(self, offset: FixedOffset) -> Self {
        let shift = Duration::seconds(i64::from(offset.local_minus_utc()));
        Self { from: self.from + shift, to: self.to + shift }
    }
}

impl fmt::Display for DailyWindow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.from.format("%H:%M"), self.to.format("%H:%M"))
    }
}

impl FromStr for DailyWindow {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        let (from, to) = text.trim().split_once('-').ok_or(())?;
        let time = |t: &str| match t.trim() {
            "24:00" => Some(NaiveTime::MIN),
            t => NaiveTime::parse_from_str(t, "%H:%M").ok(),
        };
        Ok(Self { from: time(from).ok_or(())?, to: time(to).ok_or(())? })
    }
}

impl Serialize for DailyWindow {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for DailyWindow {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        text.parse().map_err(|()| serde::de::Error::custom("not a daily window"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono_tz::{America::New_York, Asia::Shanghai, Europe::London, Pacific::Chatham};

    fn local(text: &str) -> NaiveDateTime {
        parse_local(text).unwrap()
    }

    fn utc(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn wire_is_the_spelling_of_the_contract() {
        let shanghai = FixedOffset::east_opt(8 * 3600).unwrap();
        assert_eq!(wire(utc("2026-06-05T17:47:20Z"), shanghai), "2026-06-06T01:47:20+0800");
        assert_eq!(wire(utc("2026-06-05T17:47:20Z"), Utc.fix()), "2026-06-05T17:47:20+0000");
    }

    #[test]
    fn ordinary_times_have_one_instant() {
        assert_eq!(
            resolve(local("2026-06-06T01:47"), &Shanghai),
            Reading::Once(utc("2026-06-05T17:47:00Z"), FixedOffset::east_opt(8 * 3600).unwrap())
        );
    }

    #[test]
    fn the_spring_gap_offers_the_next_valid_time() {
        assert_eq!(resolve(local("2026-03-08 02:30"), &New_York), Reading::Skipped { next: local("2026-03-08 03:00") });
        assert_eq!(resolve(local("2026-03-29 01:00"), &London), Reading::Skipped { next: local("2026-03-29 02:00") });
        assert_eq!(resolve(local("2026-09-27 02:50"), &Chatham), Reading::Skipped { next: local("2026-09-27 03:45") });
    }

    #[test]
    fn the_repeated_hour_gives_both() {
        let Reading::Twice { first, second } = resolve(local("2026-11-01 01:30"), &New_York) else { panic!("repeats") };
        assert_eq!((first.0, second.0), (utc("2026-11-01T05:30:00Z"), utc("2026-11-01T06:30:00Z")));
        assert_eq!((offset_label(first.1), offset_label(second.1)), ("UTC-4".to_owned(), "UTC-5".to_owned()));
    }

    #[test]
    fn windows_cross_midnight_and_shift_with_the_clock() {
        let window: DailyWindow = "22:00-02:00".parse().unwrap();
        assert!(window.contains(utc("2026-01-01T23:59:59Z")) && window.contains(utc("2026-01-01T01:00:00Z")));
        assert!(!window.contains(utc("2026-01-01T02:00:00Z")) && !window.contains(utc("2026-01-01T12:00:00Z")));
        assert_eq!(window.at_offset(FixedOffset::east_opt(8 * 3600).unwrap()).to_string(), "06:00-10:00");
        assert!("25:00-01:00".parse::<DailyWindow>().is_err() && "".parse::<DailyWindow>().is_err());
    }

    #[test]
    fn dates_at_the_ends_of_the_calendar_are_not_dates() {
        for text in ["+262142-12-31T23:59", "1999-12-31T23:59", "9999-01-01T00:00", "2026-02-30T00:00", "x"] {
            assert_eq!(parse_local(text), None, "{text}");
        }
    }

    #[test]
    fn labels_name_odd_offsets() {
        assert_eq!(offset_label(FixedOffset::east_opt(12 * 3600 + 45 * 60).unwrap()), "UTC+12:45");
        assert_eq!(offset_label(FixedOffset::west_opt(3 * 3600 + 30 * 60).unwrap()), "UTC-3:30");
        assert_eq!(offset_label(Utc.fix()), "UTC");
    }
}
