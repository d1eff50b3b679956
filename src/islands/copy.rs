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
    /// What it says when the browser refused.
    refused: String,
) -> impl IntoView {
    let copied = RwSignal::new(None::<bool>);
    let copy = move |_| {
        #[cfg(feature = "hydrate")]
        {
            let text = text.clone();
            leptos::task::spawn_local(async move { copied.set(Some(super::browser::copy(&text).await)) });
        }
        #[cfg(not(feature = "hydrate"))]
        let _ = (&text, copied);
    };
    let word = label.clone();
    let says = move || match copied.get() {
        None => word.clone(),
        Some(true) => done.clone(),
        Some(false) => refused.clone(),
    };
    view! {
        <button type="button" class="copy only-hydrated" on:click=copy aria-label=label>
            <span aria-live="polite">{says}</span>
        </button>
    }
}
