//! Pages that show what the cloud does keep themselves up to date.

use leptos::prelude::*;

/// Marks the document once islands run, for tests and for what is shown only then.
#[island]
pub fn Hydrated() -> impl IntoView {
    #[cfg(feature = "hydrate")]
    Effect::new(|_| {
        if let Some(root) = super::browser::document().and_then(|d| d.document_element()) {
            let _ = root.set_attribute("data-hydrated", "");
        }
    });
}

/// Asks for this page again every so many seconds while it is visible.
///
/// Without JavaScript: the page shows its age and has a refresh button.
#[island]
pub fn Live(
    /// Seconds between looks.
    every: u32,
    /// What to say about it.
    note: String,
) -> impl IntoView {
    #[cfg(feature = "hydrate")]
    Effect::new(move |_| {
        use std::time::Duration;
        let look = || {
            leptos::task::spawn_local(async {
                let here = web_sys::window().and_then(|w| w.location().href().ok()).unwrap_or_default();
                let fresh = super::browser::fetch_page(&here, None, "").await;
                // A change that was made meanwhile is newer than this page.
                if let Some((fresh, _)) = fresh.filter(|_| !super::browser::is_unsaved()) {
                    super::browser::take_over(&fresh);
                }
            });
        };
        set_interval(
            move || {
                let visible = super::browser::document().is_some_and(|d| d.visibility_state() == web_sys::VisibilityState::Visible);
                if visible && !super::browser::is_unsaved() {
                    look();
                }
            },
            Duration::from_secs(u64::from(every.max(1))),
        );
    });
    let _ = every;
    view! { <p class="only-hydrated live-note">{note}</p> }
}
