//! Pages that show what the cloud does keep themselves up to date.

use leptos::prelude::*;

/// Marks the document once islands run, for tests and for what is shown only then. What the address says about the last change is
/// said by now: a reload, or a bookmark, does not say it again.
#[island]
pub fn Hydrated() -> impl IntoView {
    #[cfg(feature = "hydrate")]
    Effect::new(|_| {
        super::browser::forget_notices();
        super::ages::count();
        if let Some(root) = super::browser::document().and_then(|d| d.document_element()) {
            let _ = root.set_attribute("data-hydrated", "");
        }
    });
}

/// Asks for this page again every so many seconds while it is visible. While no answer comes, says since when. When the server shows
/// another page in its place, says so and asks no more: what stands there is old from then on.
///
/// Without JavaScript: the page shows its age and has a refresh button.
#[island]
pub fn Live(
    /// Seconds between looks.
    every: u32,
    /// What to say about it.
    note: String,
    /// What to say while no answer comes, with `{}` for the time since.
    lost: String,
    /// The viewer's distance from UTC, in seconds.
    offset: i32,
    /// What to say when the page is no longer to be had.
    ended: String,
) -> impl IntoView {
    let contact = RwSignal::new(Contact::Kept);
    #[cfg(feature = "hydrate")]
    Effect::new(move |_| browser::watch(every, contact));
    let _ = every;
    let warning = move || match contact.get() {
        Contact::Kept => None,
        Contact::Lost(at) => Some(lost.replace("{}", &time_of_day(at, offset))),
        Contact::Ended => Some(ended.clone()),
    };
    view! {
        <p class="only-hydrated live-note">{move || (contact.get() == Contact::Kept).then(|| note.clone())}</p>
        <div role="status">{move || warning().map(|text| view! { <p class="banner warn">{text}</p> })}</div>
    }
}

/// How a page stands with the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(not(feature = "hydrate"), expect(dead_code, reason = "only the browser asks the server again"))]
enum Contact {
    /// It answers.
    Kept,
    /// It has not answered since, in milliseconds since 1970.
    Lost(i64),
    /// It shows another page in its place.
    Ended,
}

/// `14:02:11 (UTC+8)`.
fn time_of_day(millis: i64, offset: i32) -> String {
    let offset = chrono::FixedOffset::east_opt(offset).unwrap_or_else(|| chrono::Offset::fix(&chrono::Utc));
    let at = chrono::DateTime::from_timestamp_millis(millis).unwrap_or_default().with_timezone(&offset);
    format!("{} ({})", at.format("%H:%M:%S"), patchboard_domain::time::offset_label(offset))
}

#[cfg(feature = "hydrate")]
mod browser {
    use super::Contact;
    use crate::islands::{
        ages,
        browser::{Fetched, changes, document, fetch_page, is_unsaved, path_of, take_over},
    };
    use leptos::prelude::*;
    use std::{cell::Cell, rc::Rc, time::Duration};

    /// Looks in a row that led elsewhere, before it is believed: a session that was renewed in another window may have been between.
    const ELSEWHERE: u32 = 2;

    async fn look(contact: RwSignal<Contact>, elsewhere: &Cell<u32>) {
        let before = changes();
        let here = web_sys::window().and_then(|w| w.location().href().ok()).unwrap_or_default();
        match fetch_page(&here, None, "").await {
            Fetched::Lost => {
                if contact.get_untracked() == Contact::Kept {
                    contact.set(Contact::Lost(ages::now()));
                }
                return;
            }
            // Something was changed while it was on its way, saved by now or not: what is here is newer.
            _ if changes() != before || is_unsaved() => {}
            Fetched::Page(fresh, address) if path_of(&address) == path_of(&here) => {
                elsewhere.set(0);
                take_over(&fresh);
            }
            Fetched::Page(..) | Fetched::Refused => elsewhere.set(elsewhere.get() + 1),
        }
        let stands = if elsewhere.get() >= ELSEWHERE { Contact::Ended } else { Contact::Kept };
        if contact.get_untracked() != stands {
            contact.set(stands);
        }
    }

    pub(super) fn watch(every: u32, contact: RwSignal<Contact>) {
        let elsewhere = Rc::new(Cell::new(0));
        set_interval(
            move || {
                let visible = document().is_some_and(|d| d.visibility_state() == web_sys::VisibilityState::Visible);
                if visible && !is_unsaved() && contact.get_untracked() != Contact::Ended {
                    let elsewhere = elsewhere.clone();
                    leptos::task::spawn_local(async move { look(contact, &elsewhere).await });
                }
            },
            Duration::from_secs(u64::from(every.max(1))),
        );
    }
}
