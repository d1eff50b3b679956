//! Pages that show what the cloud does keep themselves up to date.

use leptos::prelude::*;

/// Marks the document once islands run, for tests and for what is shown only then. What the address says about the last change is
/// said by now: a reload, or a bookmark, does not say it again.
#[island]
pub fn Hydrated() -> impl IntoView {
    #[cfg(feature = "hydrate")]
    Effect::new(|_| {
        super::browser::forget_notices();
        if let Some(root) = super::browser::document().and_then(|d| d.document_element()) {
            let _ = root.set_attribute("data-hydrated", "");
        }
    });
}

/// Asks for this page again every so many seconds while it is visible. When the server shows another page in its place, says so and
/// asks no more: what stands there is old from then on.
///
/// Without JavaScript: the page shows its age and has a refresh button.
#[island]
pub fn Live(
    /// Seconds between looks.
    every: u32,
    /// What to say about it.
    note: String,
    /// What to say when the page is no longer to be had.
    ended: String,
) -> impl IntoView {
    let over = RwSignal::new(false);
    #[cfg(feature = "hydrate")]
    Effect::new(move |_| browser::watch(every, over));
    let _ = every;
    view! {
        <p class="only-hydrated live-note">{move || (!over.get()).then(|| note.clone())}</p>
        <div role="status">{move || over.get().then(|| view! { <p class="banner warn">{ended.clone()}</p> })}</div>
    }
}

#[cfg(feature = "hydrate")]
mod browser {
    use crate::islands::browser::{Fetched, changes, document, fetch_page, is_unsaved, path_of, take_over};
    use leptos::prelude::*;
    use std::{cell::Cell, rc::Rc, time::Duration};

    /// Looks in a row that led elsewhere, before it is believed: a session that was renewed in another window may have been between.
    const ELSEWHERE: u32 = 2;

    async fn look(over: RwSignal<bool>, elsewhere: &Cell<u32>) {
        let before = changes();
        let here = web_sys::window().and_then(|w| w.location().href().ok()).unwrap_or_default();
        match fetch_page(&here, None, "").await {
            // Something was changed while it was on its way, saved by now or not: what is here is newer.
            _ if changes() != before || is_unsaved() => {}
            Fetched::Page(fresh, address) if path_of(&address) == path_of(&here) => {
                elsewhere.set(0);
                take_over(&fresh);
            }
            Fetched::Page(..) | Fetched::Refused => {
                elsewhere.set(elsewhere.get() + 1);
                over.set(elsewhere.get() >= ELSEWHERE);
            }
            Fetched::Lost => {}
        }
    }

    pub(super) fn watch(every: u32, over: RwSignal<bool>) {
        let elsewhere = Rc::new(Cell::new(0));
        set_interval(
            move || {
                let visible = document().is_some_and(|d| d.visibility_state() == web_sys::VisibilityState::Visible);
                if visible && !is_unsaved() && !over.get_untracked() {
                    let elsewhere = elsewhere.clone();
                    leptos::task::spawn_local(async move { look(over, &elsewhere).await });
                }
            },
            Duration::from_secs(u64::from(every.max(1))),
        );
    }
}
