//! How an instant is written: `2026-11-23 02:00 (UTC+8)`, the same everywhere.

use crate::{i18n::Lang, viewer::Viewer};
use chrono::{DateTime, Datelike, FixedOffset, Utc};
use leptos::prelude::*;
use patchboard_domain::time::offset_label;

/// The offset of a zone at an instant. Zone rules live on the server; where they are not, times are in UTC and say so.
pub fn offset(zone: &str, instant: DateTime<Utc>) -> FixedOffset {
    #[cfg(feature = "ssr")]
    return patchboard_backend::zones::offset_at(zone, instant);
    #[cfg(not(feature = "ssr"))]
    {
        let _ = (zone, instant);
        chrono::Offset::fix(&Utc)
    }
}

/// The offset of a zone that is known at an instant.
pub fn offset_of(zone: &str, instant: DateTime<Utc>) -> Option<FixedOffset> {
    #[cfg(feature = "ssr")]
    return patchboard_backend::zones::find(zone).map(|_| offset(zone, instant));
    #[cfg(not(feature = "ssr"))]
    {
        let _ = (zone, instant);
        None
    }
}

/// `2026-11-23 02:00 (UTC+8)` on a clock with that offset.
pub fn at_offset(instant: DateTime<Utc>, offset: FixedOffset) -> String {
    format!("{} ({})", instant.with_timezone(&offset).format("%Y-%m-%d %H:%M"), offset_label(offset))
}

/// The same with its weekday, for sentences that are confirmed.
pub fn with_weekday(viewer: &Viewer, instant: DateTime<Utc>, offset: FixedOffset) -> String {
    let local = instant.with_timezone(&offset);
    format!("{} {}", viewer.lang.weekday(local.weekday().num_days_from_monday()), at_offset(instant, offset))
}

/// On the viewer's clock.
pub fn full(viewer: &Viewer, instant: DateTime<Utc>) -> String {
    at_offset(instant, offset(&viewer.zone, instant))
}

/// On the viewer's clock, to the second.
pub fn precise(viewer: &Viewer, instant: DateTime<Utc>) -> String {
    let offset = offset(&viewer.zone, instant);
    format!("{} ({})", instant.with_timezone(&offset).format("%Y-%m-%d %H:%M:%S"), offset_label(offset))
}

/// `3 min ago` when the page was made.
pub fn relative(viewer: &Viewer, instant: DateTime<Utc>) -> String {
    viewer.lang.relative((instant - viewer.now).num_seconds())
}

/// A sentence around `3 min ago`. In the browser its age goes on counting, whether the server can be reached or not.
pub fn counting(viewer: &Viewer, at: DateTime<Utc>, sentence: fn(Lang, &str) -> String) -> impl IntoView + use<> {
    let said = sentence(viewer.lang, &relative(viewer, at));
    view! { <span data-age=at.timestamp_millis().to_string() data-sentence=sentence(viewer.lang, "{}")>{said}</span> }
}

/// An instant on the viewer's clock; hovering shows UTC and the distance.
#[component]
pub fn Time(
    /// The instant.
    at: DateTime<Utc>,
) -> impl IntoView {
    let viewer = Viewer::current();
    let title = format!("{} UTC · {}", at.format("%Y-%m-%d %H:%M:%S"), relative(&viewer, at));
    view! { <time datetime=at.to_rfc3339() title=title>{full(&viewer, at)}</time> }
}
