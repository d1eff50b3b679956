//! Copying an id.

use leptos::prelude::*;

/// Copies a text.
///
/// Without JavaScript: the button is not shown; the text beside it can be selected.
#[island]
pub fn CopyButton(
    /// What is copied.
    text: String,
    /// What the button says.
    label: String,
    /// What it says afterwards.
    done: String,
) -> impl IntoView {
    let copied = RwSignal::new(false);
    let copy = move |_| {
        #[cfg(feature = "hydrate")]
        if let Some(window) = web_sys::window() {
            let _ = window.navigator().clipboard().write_text(&text);
        }
        #[cfg(not(feature = "hydrate"))]
        let _ = &text;
        copied.set(true);
    };
    let word = label.clone();
    view! {
        <button type="button" class="copy only-hydrated" on:click=copy aria-label=label>
            <span aria-live="polite">{move || if copied.get() { done.clone() } else { word.clone() }}</span>
        </button>
    }
}
