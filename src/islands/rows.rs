//! Ticking many rows: shift-range and the whole page.

use leptos::prelude::*;

/// A box that ticks every row of the page, and shift-click for a range between two boxes of the table.
///
/// Without JavaScript: every row has its own box, and a button ticks the page.
#[island]
pub fn TickRows(
    /// Id of the table.
    table: String,
    /// What the box does.
    label: String,
) -> impl IntoView {
    let all = NodeRef::<leptos::html::Input>::new();
    #[cfg(feature = "hydrate")]
    Effect::new(move |_| {
        if let Some(all) = all.get() {
            browser::watch(&table, &all);
        }
    });
    #[cfg(not(feature = "hydrate"))]
    let _ = table;
    view! { <input type="checkbox" class="only-hydrated" node_ref=all aria-label=label/> }
}

#[cfg(feature = "hydrate")]
mod browser {
    use crate::islands::browser::{document, listen};
    use std::{cell::RefCell, rc::Rc};
    use wasm_bindgen::JsCast;
    use web_sys::{Element, Event, HtmlInputElement, MouseEvent};

    fn boxes(table: &Element) -> Vec<HtmlInputElement> {
        let Ok(found) = table.query_selector_all("input[data-row]:not(:disabled)") else { return Vec::new() };
        (0..found.length()).filter_map(|i| found.get(i)?.dyn_into().ok()).collect()
    }

    fn changed(input: &HtmlInputElement) {
        let init = web_sys::EventInit::new();
        init.set_bubbles(true);
        if let Ok(event) = Event::new_with_event_init_dict("change", &init) {
            let _ = input.dispatch_event(&event);
        }
    }

    fn show(table: &Element, all: &HtmlInputElement) {
        let boxes = boxes(table);
        let ticked = boxes.iter().filter(|b| b.checked()).count();
        all.set_checked(ticked > 0 && ticked == boxes.len());
        all.set_indeterminate(ticked > 0 && ticked < boxes.len());
    }

    pub(super) fn watch(id: &str, all: &HtmlInputElement) {
        let Some(table) = document().and_then(|d| d.get_element_by_id(id)) else { return };
        show(&table, all);
        {
            let (table, all) = (table.clone(), all.clone());
            listen(all.clone().as_ref(), "change", move |event| {
                if event.is_trusted() {
                    let boxes = boxes(&table);
                    for each in &boxes {
                        each.set_checked(all.checked());
                    }
                    if let Some(last) = boxes.last() {
                        changed(last);
                    }
                }
            });
        }
        let last: Rc<RefCell<Option<String>>> = Rc::default();
        let all = all.clone();
        listen(table.clone().as_ref(), "click", move |event| {
            let Some(target) = event.target().and_then(|t| t.dyn_into::<HtmlInputElement>().ok()).filter(|t| t.has_attribute("data-row"))
            else {
                return;
            };
            let boxes = boxes(&table);
            let at = |value: &str| boxes.iter().position(|b| b.value() == value);
            let shift = event.dyn_ref::<MouseEvent>().is_some_and(MouseEvent::shift_key);
            let from = last.borrow().as_deref().and_then(at);
            if let (true, Some(from), Some(to)) = (shift, from, at(&target.value())) {
                for each in &boxes[from.min(to)..=from.max(to)] {
                    each.set_checked(target.checked());
                }
                changed(&target);
            }
            *last.borrow_mut() = Some(target.value());
            show(&table, &all);
        });
    }
}
