//! The little that the islands need of the browser.

use std::cell::Cell;
use wasm_bindgen::{JsCast, closure::Closure};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    Document, DomParser, Element, FormData, HtmlElement, HtmlFormElement, HtmlInputElement, RequestInit, Response, SupportedType,
    UrlSearchParams,
};

pub(super) fn document() -> Option<Document> {
    web_sys::window()?.document()
}

/// Listens for as long as the page lives.
pub(super) fn listen(target: &web_sys::EventTarget, event: &str, handler: impl FnMut(web_sys::Event) + 'static) {
    let closure = Closure::<dyn FnMut(web_sys::Event)>::new(handler);
    // Without the listener the page is the page without JavaScript.
    let _ = target.add_event_listener_with_callback(event, closure.as_ref().unchecked_ref());
    closure.forget();
}

thread_local! {
    /// Something was changed that the server has not answered yet.
    static UNSAVED: Cell<bool> = const { Cell::new(false) };
}

/// Whether a change waits for its answer: a page fetched meanwhile is older than what is on screen.
pub(super) fn is_unsaved() -> bool {
    UNSAVED.get()
}

/// Notes that a change waits for its answer, or that none does.
pub(super) fn set_unsaved(unsaved: bool) {
    UNSAVED.set(unsaved);
}

/// Shows another address without leaving the page, so that a reload comes back to what was saved.
pub(super) fn show_address(url: &str) {
    if let Some(history) = web_sys::window().and_then(|w| w.history().ok()) {
        // An address that is refused leaves the old one, which is the page without JavaScript.
        let _ = history.replace_state_with_url(&wasm_bindgen::JsValue::NULL, "", Some(url));
    }
}

/// Asks for a page of ours; with a form, posts it and follows the redirect. Returns the page and its address; nothing when it
/// failed.
pub(super) async fn fetch_page(url: &str, form: Option<&HtmlFormElement>, go: &str) -> Option<(Document, String)> {
    let init = RequestInit::new();
    let headers = web_sys::Headers::new().ok()?;
    headers.set("Accept", "text/html").ok()?;
    init.set_headers(headers.as_ref());
    if let Some(form) = form {
        init.set_method("POST");
        let fields = FormData::new_with_form(form).ok()?;
        // A form's data is a sequence of pairs, which is what this constructor takes.
        let pairs = UrlSearchParams::new_with_str_sequence_sequence(fields.as_ref()).ok()?;
        pairs.set("go", go);
        init.set_body(pairs.as_ref());
    }
    let response: Response = JsFuture::from(web_sys::window()?.fetch_with_str_and_init(url, &init)).await.ok()?.dyn_into().ok()?;
    if !response.ok() {
        return None;
    }
    let text = JsFuture::from(response.text().ok()?).await.ok()?.as_string()?;
    let page = DomParser::new().ok()?.parse_from_string(&text, SupportedType::TextHtml).ok()?;
    Some((page, response.url()))
}

/// Puts the parts marked `data-live` of `fresh` in place of ours where they differ. Focus stays where it is, and a part in
/// which somebody writes is left alone.
pub(super) fn take_over(fresh: &Document) {
    let Some(document) = document() else { return };
    let Ok(parts) = document.query_selector_all("[data-live]") else { return };
    let active = document.active_element();
    let active_id = active.as_ref().map(Element::id).filter(|id| !id.is_empty());
    for index in 0..parts.length() {
        let Some(part) = parts.get(index).and_then(|n| n.dyn_into::<Element>().ok()) else { continue };
        let key = part.get_attribute("data-live").unwrap_or_default();
        let Ok(Some(new)) = fresh.query_selector(&format!("[data-live=\"{key}\"]")) else { continue };
        let inside = active.as_ref().filter(|a| part.contains(Some(a)));
        // Whoever writes here, or stands on something that cannot be found again, is not disturbed; the next look comes soon.
        if inside.is_some_and(|a| is_writing(a) || a.id().is_empty()) {
            continue;
        }
        keep_open(&part, &new);
        if part.outer_html() != new.outer_html() {
            part.set_outer_html(&new.outer_html());
        }
    }
    copy_validity(&document, fresh);
    if let Some(id) = active_id
        && document.active_element().is_none_or(|now| now.id() != id)
        && let Some(element) = document.get_element_by_id(&id).and_then(|e| e.dyn_into::<HtmlElement>().ok())
    {
        let _ = element.focus();
    }
}

/// What somebody opened stays open.
fn keep_open(part: &Element, new: &Element) {
    let (Ok(old), Ok(fresh)) = (part.query_selector_all("details"), new.query_selector_all("details")) else { return };
    for index in 0..old.length() {
        let open = old.get(index).and_then(|n| n.dyn_into::<Element>().ok()).is_some_and(|e| e.has_attribute("open"));
        if let (true, Some(twin)) = (open, fresh.get(index).and_then(|n| n.dyn_into::<Element>().ok())) {
            // Only an attribute's name can be refused, and this one is not.
            let _ = twin.set_attribute("open", "");
        }
    }
}

/// Fields stay as they are typed; whether they are valid is the server's word.
fn copy_validity(document: &Document, fresh: &Document) {
    let Ok(fields) = document.query_selector_all("[data-validity]") else { return };
    for index in 0..fields.length() {
        let Some(field) = fields.get(index).and_then(|n| n.dyn_into::<Element>().ok()) else { continue };
        let name = field.get_attribute("name").unwrap_or_default();
        let Ok(Some(twin)) = fresh.query_selector(&format!("[data-validity][name=\"{name}\"]")) else { continue };
        let _ = match twin.get_attribute("aria-invalid") {
            Some(value) => field.set_attribute("aria-invalid", &value),
            None => field.remove_attribute("aria-invalid"),
        };
    }
}

fn is_writing(element: &Element) -> bool {
    match element.tag_name().as_str() {
        "TEXTAREA" | "SELECT" => true,
        "INPUT" => {
            element.dyn_ref::<HtmlInputElement>().is_some_and(|i| !matches!(i.type_().as_str(), "checkbox" | "radio" | "button" | "submit"))
        }
        _ => false,
    }
}
