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
    /// What is said when the server has refused it.
    refused: String,
    /// What is said when the form is no longer to be had.
    ended: String,
) -> impl IntoView {
    let lost = RwSignal::new(Unsaved::No);
    #[cfg(feature = "hydrate")]
    Effect::new(move |_| browser::watch(&form, lost));
    #[cfg(not(feature = "hydrate"))]
    let _ = form;
    let said = move || match lost.get() {
        Unsaved::No => None,
        Unsaved::Lost => Some(failed.clone()),
        Unsaved::Refused => Some(refused.clone()),
        Unsaved::Ended => Some(ended.clone()),
    };
    view! { <div role="alert">{move || said().map(|text| view! { <p class="banner error">{text}</p> })}</div> }
}

/// Why what was typed is not saved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unsaved {
    No,
    /// No answer; the next try may have one.
    #[cfg_attr(not(feature = "hydrate"), expect(dead_code, reason = "only a browser saves"))]
    Lost,
    /// The server says no, for now.
    #[cfg_attr(not(feature = "hydrate"), expect(dead_code, reason = "only a browser saves"))]
    Refused,
    /// Another page stands where the form was.
    #[cfg_attr(not(feature = "hydrate"), expect(dead_code, reason = "only a browser saves"))]
    Ended,
}

#[cfg(feature = "hydrate")]
mod browser {
    use super::Unsaved;
    use crate::islands::browser::{
        Fetched, Snapshot, document, fetch_page, is_unsaved, listen, note_saved, path_of, set_unsaved, show_address, take_over,
    };
    use leptos::prelude::*;
    use std::{cell::Cell, rc::Rc, time::Duration};
    use wasm_bindgen::JsCast;
    use web_sys::HtmlFormElement;

    /// Quiet before a change is posted.
    const QUIET: Duration = Duration::from_millis(350);

    #[derive(Clone)]
    struct Saver {
        form: HtmlFormElement,
        lost: RwSignal<Unsaved>,
        /// Counts changes.
        changes: Rc<Cell<u32>>,
        /// A save is under way.
        saving: Rc<Cell<bool>>,
    }

    pub(super) fn watch(id: &str, lost: RwSignal<Unsaved>) {
        let Some(form) = document().and_then(|d| d.get_element_by_id(id)).and_then(|f| f.dyn_into::<HtmlFormElement>().ok()) else {
            return;
        };
        let saver = Saver { form: form.clone(), lost, changes: Rc::default(), saving: Rc::default() };
        for event in ["input", "change"] {
            let saver = saver.clone();
            listen(form.as_ref(), event, move |_| saver.changed());
        }
    }

    /// Whether an address means that there is no such form any more: one is signed out, or the draft is none.
    fn is_over(address: &str) -> bool {
        path_of(address) == crate::paths::SIGN_IN || address.contains("error=changed") || address.contains("error=not_found")
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
                let snapshot = document().map(|d| Snapshot::take(&d));
                let answer = fetch_page(&url, Some(&saver.form), "save").await;
                saver.saving.set(false);
                let newer = saver.changes.get() != sent;
                let is_here = |fresh: &web_sys::Document| fresh.get_element_by_id(&saver.form.id()).is_some();
                let (answer, unsaved) = match answer {
                    // What was typed stays on the screen, and counts as not saved.
                    Fetched::Page(_, address) if address.contains("error=") && !is_over(&address) => (None, Unsaved::Refused),
                    Fetched::Page(fresh, address) if is_here(&fresh) => (Some((fresh, address)), Unsaved::No),
                    Fetched::Page(..) | Fetched::Refused => (None, Unsaved::Ended),
                    Fetched::Lost => (None, Unsaved::Lost),
                };
                saver.lost.set(unsaved);
                if let Some((fresh, address)) = answer {
                    show_address(&address);
                    saver.adopt_plan(&fresh);
                    if !newer {
                        set_unsaved(false);
                        take_over(&fresh);
                    } else if let (Some(document), Some(sent)) = (document(), snapshot) {
                        note_saved(&document, &fresh, &sent);
                    }
                }
                // While nobody takes it, trying again at once would only be noise.
                if newer && is_unsaved() && unsaved == Unsaved::No {
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
