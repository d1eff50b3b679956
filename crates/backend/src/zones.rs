//! Time zones by their IANA names. The server alone knows the rules; a page shows what it is given.

use chrono::{DateTime, FixedOffset, NaiveDateTime, Offset, TimeZone, Utc};
use chrono_tz::Tz;

/// The zone of that name, in any case.
pub fn find(name: &str) -> Option<Tz> {
    let name = name.trim();
    name.parse().ok().or_else(|| chrono_tz::TZ_VARIANTS.into_iter().find(|z| z.name().eq_ignore_ascii_case(name)))
}

/// The offset of a zone at an instant; UTC when the name is not known.
pub fn offset_at(name: &str, instant: DateTime<Utc>) -> FixedOffset {
    find(name).map_or_else(|| Utc.fix(), |zone| instant.with_timezone(&zone).offset().fix())
}

/// The instant at which a day begins in a zone; where midnight does not exist, the first instant after.
pub fn start_of_day(name: &str, day: chrono::NaiveDate) -> Option<DateTime<Utc>> {
    let zone = find(name).unwrap_or(Tz::UTC);
    let midnight: NaiveDateTime = day.and_hms_opt(0, 0, 0)?;
    zone.from_local_datetime(&midnight)
        .earliest()
        .or_else(|| zone.from_local_datetime(&(midnight + chrono::Duration::hours(1))).earliest())
        .map(|t| t.to_utc())
}

/// Names to offer: areas with a city and UTC, without the aliases that only repeat them.
pub fn names() -> Vec<&'static str> {
    const AREAS: [&str; 9] = ["Africa/", "America/", "Antarctica/", "Asia/", "Atlantic/", "Australia/", "Europe/", "Indian/", "Pacific/"];
    let mut names: Vec<_> =
        chrono_tz::TZ_VARIANTS.iter().map(|z| z.name()).filter(|n| *n == "UTC" || AREAS.iter().any(|a| n.starts_with(a))).collect();
    names.sort_unstable();
    names
}
