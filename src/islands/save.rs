//! Forms that are saved as one goes.

use leptos::prelude::*;

/// Posts the form with `go=save` after each change and shows what the server makes of it.
///
/// Without JavaScript: the form has a save button and every other button saves as well.
#[island]
pub fn SaveAsYouGo(
    /// Id of the form.
    form: String,
) -> impl IntoView {
    #[cfg(feature = "hydrate")]
    Effect::new(move |_| watch(&form));
    let _ = form;
}

/// Milliseconds of quiet before a change is posted.
#[cfg(feature = "hydrate")]
const QUIET_MS: u64 = 350;

#[cfg(feature = "hydrate")]
fn watch(id: &str) {
    use super::browser::{document, fetch_page, listen, take_over};
    use std::{cell::Cell, rc::Rc, time::Duration};
    use wasm_bindgen::JsCast;
    let Some(form) = document().and_then(|d| d.get_element_by_id(id)).and_then(|f| f.dyn_into::<web_sys::HtmlFormElement>().ok()) else {
        return;
    };
    let changes = Rc::new(Cell::new(0_u32));
    let handler = {
        let form = form.clone();
        move |_: web_sys::Event| {
            changes.set(changes.get().wrapping_add(1));
            let (mine, changes, form) = (changes.get(), changes.clone(), form.clone());
            set_timeout(
                move || {
                    if changes.get() != mine {
                        return;
                    }
                    leptos::task::spawn_local(async move {
                        // `get_attribute`, because a field called `action` would hide the property.
                        let url = form.get_attribute("action").unwrap_or_default();
                        let fresh = fetch_page(&url, Some(&form), "save").await;
                        // A later change has its own answer on the way.
                        if let Some(fresh) = fresh.filter(|_| changes.get() == mine) {
                            take_over(&fresh);
                        }
                    });
                },
                Duration::from_millis(QUIET_MS),
            );
        }
    };
    listen(form.as_ref(), "input", handler.clone());
    listen(form.as_ref(), "change", handler);
}
