//! Forms that are saved as one goes.

use leptos::prelude::*;

/// Posts the form with `go=save` after each change and shows what the server makes of it. One save is under way at a time; a
/// change made meanwhile is saved next, and an answer older than what is on screen is not shown.
///
/// Without JavaScript: the form has a save button and every other button saves as well.
#[island]
pub fn SaveAsYouGo(
    /// Id of the form.
    form: String,
    /// What is said when the server did not answer.
    failed: String,
) -> impl IntoView {
    let lost = RwSignal::new(false);
    #[cfg(feature = "hydrate")]
    Effect::new(move |_| browser::watch(&form, lost));
    #[cfg(not(feature = "hydrate"))]
    let _ = form;
    view! { <p class="field-error" role="status">{move || lost.get().then(|| failed.clone())}</p> }
}

#[cfg(feature = "hydrate")]
mod browser {
    use crate::islands::browser::{document, fetch_page, is_unsaved, listen, note_saved, set_unsaved, show_address, take_over};
    use leptos::prelude::*;
    use std::{cell::Cell, rc::Rc, time::Duration};
    use wasm_bindgen::JsCast;
    use web_sys::HtmlFormElement;

    /// Quiet before a change is posted.
    const QUIET: Duration = Duration::from_millis(350);

    #[derive(Clone)]
    struct Saver {
        form: HtmlFormElement,
        lost: RwSignal<bool>,
        /// Counts changes.
        changes: Rc<Cell<u32>>,
        /// A save is under way.
        saving: Rc<Cell<bool>>,
    }

    pub(super) fn watch(id: &str, lost: RwSignal<bool>) {
        let Some(form) = document().and_then(|d| d.get_element_by_id(id)).and_then(|f| f.dyn_into::<HtmlFormElement>().ok()) else {
            return;
        };
        let saver = Saver { form: form.clone(), lost, changes: Rc::default(), saving: Rc::default() };
        for event in ["input", "change"] {
            let saver = saver.clone();
            listen(form.as_ref(), event, move |_| saver.changed());
        }
    }

    impl Saver {
        fn changed(&self) {
            set_unsaved(true);
            self.changes.set(self.changes.get().wrapping_add(1));
            let (mine, saver) = (self.changes.get(), self.clone());
            set_timeout(
                move || {
                    if saver.changes.get() == mine && !saver.saving.get() {
                        saver.save();
                    }
                },
                QUIET,
            );
        }

        fn save(&self) {
            let saver = self.clone();
            saver.saving.set(true);
            leptos::task::spawn_local(async move {
                let sent = saver.changes.get();
                // `get_attribute`, because a field called `action` would hide the property.
                let url = saver.form.get_attribute("action").unwrap_or_default();
                let answer = fetch_page(&url, Some(&saver.form), "save").await;
                saver.saving.set(false);
                saver.lost.set(answer.is_none());
                let newer = saver.changes.get() != sent;
                if let Some((fresh, address)) = answer {
                    show_address(&address);
                    saver.adopt_plan(&fresh);
                    if !newer {
                        set_unsaved(false);
                        take_over(&fresh);
                    } else if let Some(document) = document() {
                        note_saved(&document, &fresh);
                    }
                }
                if newer && is_unsaved() {
                    saver.save();
                }
            });
        }

        /// The first save makes the draft: the next one must name it, whatever else has changed since.
        fn adopt_plan(&self, fresh: &web_sys::Document) {
            let value = |root: Option<web_sys::Element>| root.and_then(|e| e.dyn_into::<web_sys::HtmlInputElement>().ok());
            let ours = value(self.form.query_selector("input[name=plan]").ok().flatten());
            let theirs = value(fresh.query_selector(&format!("#{} input[name=plan]", self.form.id())).ok().flatten());
            if let (Some(ours), Some(theirs)) = (ours, theirs) {
                ours.set_value(&theirs.value());
            }
        }
    }
}
