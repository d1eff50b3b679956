//! What is known of an instance in doubt, and what is being waited for.

use crate::{viewer::Viewer, when};
use chrono::{DateTime, Duration, Utc};
use leptos::prelude::*;
use patchboard_domain::send::{CloudError, ItemState};

/// What the cloud or the network said, in the reader's language where the words are ours.
#[component]
pub fn Said(
    /// What was said.
    error: CloudError,
) -> impl IntoView {
    let lang = Viewer::current().lang;
    let message = lang.said(&error.message).to_owned();
    let means = error.fault.map(|fault| format!("{} ", lang.fault(fault)));
    let parts: Vec<String> = [error.http_status.map(|s| lang.http_status(s)), error.code, error.request_id.map(|id| lang.request_id(&id))]
        .into_iter()
        .flatten()
        .collect();
    view! { <span class="sub said">{means}{message}{(!parts.is_empty()).then(|| format!(" ({})", parts.join(" · ")))}</span> }
}

/// Why it is in doubt, when it was looked for, when it will be, and before when it is not sent again.
#[component]
pub fn DoubtClock(
    /// The state; nothing is shown of one that is not in doubt.
    state: ItemState,
    /// When the cloud is looked at next, if that is known.
    next_at: Option<DateTime<Utc>>,
    /// Shortest time between two listings that prove an absence, in seconds.
    settle_seconds: i64,
) -> impl IntoView {
    let viewer = Viewer::current();
    let lang = viewer.lang;
    let ItemState::Unknown { error, since, absent_at, looked_at } = state else { return ().into_any() };
    let looked = looked_at.map_or_else(|| lang.doubt_waiting().to_owned(), |at| lang.doubt_looked(&when::precise(&viewer, at)));
    let next = next_at.filter(|at| *at > viewer.now).map(|at| format!(" {}", lang.doubt_next(&when::precise(&viewer, at))));
    // The first listing that does not show it must have begun after the answer was given up, the second so much later.
    let decides = absent_at.unwrap_or(since.max(viewer.now)) + Duration::seconds(settle_seconds);
    let waits = match absent_at {
        Some(first) => lang.doubt_absent(&when::precise(&viewer, first), &when::precise(&viewer, decides)),
        None => lang.doubt_not_before(&when::precise(&viewer, decides)),
    };
    view! { <Said error=error/><span class="sub doubt-clock">{looked}{next} " " {waits}</span> }.into_any()
}
