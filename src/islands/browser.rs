//! The little that the islands need of the browser.

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

/// Asks for a page of ours; with a form, posts it and follows the redirect. Nothing when it failed.
pub(super) async fn fetch_page(url: &str, form: Option<&HtmlFormElement>, go: &str) -> Option<Document> {
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
    DomParser::new().ok()?.parse_from_string(&text, SupportedType::TextHtml).ok()
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
        let writing = active.as_ref().is_some_and(|a| part.contains(Some(a)) && is_writing(a));
        if !writing && part.outer_html() != new.outer_html() {
            part.set_outer_html(&new.outer_html());
        }
    }
    if let Some(id) = active_id
        && document.active_element().is_none_or(|now| now.id() != id)
        && let Some(element) = document.get_element_by_id(&id).and_then(|e| e.dyn_into::<HtmlElement>().ok())
    {
        let _ = element.focus();
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
