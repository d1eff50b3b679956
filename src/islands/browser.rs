//! The little that the islands need of the browser.

use std::cell::Cell;
use wasm_bindgen::{JsCast, closure::Closure};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    Document, DomParser, Element, FormData, HtmlElement, HtmlFormElement, HtmlInputElement, RequestInit, Response, SupportedType,
    UrlSearchParams,
};

/// Copies a text; whether the browser did it. Without a secure context there is no clipboard at all.
pub(super) async fn copy(text: &str) -> bool {
    let Some(window) = web_sys::window() else { return false };
    let clipboard = js_sys::Reflect::get(window.navigator().as_ref(), &"clipboard".into()).unwrap_or_default();
    match clipboard.dyn_into::<web_sys::Clipboard>() {
        Ok(clipboard) => JsFuture::from(clipboard.write_text(text)).await.is_ok(),
        Err(_) => false,
    }
}

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
    /// Counts changes, so that an answer that was asked for before one is known for old.
    static CHANGES: Cell<u32> = const { Cell::new(0) };
}

/// How many changes there were.
pub(super) fn changes() -> u32 {
    CHANGES.get()
}

/// Whether a change waits for its answer: a page fetched meanwhile is older than what is on screen.
pub(super) fn is_unsaved() -> bool {
    UNSAVED.get()
}

/// Notes that a change waits for its answer, or that none does.
pub(super) fn set_unsaved(unsaved: bool) {
    CHANGES.set(CHANGES.get().wrapping_add(u32::from(unsaved)));
    UNSAVED.set(unsaved);
}

/// Shows another address without leaving the page, so that a reload comes back to what was saved.
pub(super) fn show_address(url: &str) {
    if let Some(history) = web_sys::window().and_then(|w| w.history().ok()) {
        // An address that is refused leaves the old one, which is the page without JavaScript.
        let _ = history.replace_state_with_url(&wasm_bindgen::JsValue::NULL, "", Some(url));
    }
}

/// Takes what the page has said out of the address.
pub(super) fn forget_notices() {
    let Some(location) = web_sys::window().map(|w| w.location()) else { return };
    let search = location.search().unwrap_or_default();
    let kept: Vec<&str> = search
        .trim_start_matches('?')
        .split('&')
        .filter(|pair| !["error=", "wait=", "refused=", "done="].iter().any(|said| pair.starts_with(said)) && !pair.is_empty())
        .collect();
    let kept = if kept.is_empty() { String::new() } else { format!("?{}", kept.join("&")) };
    if kept != search {
        show_address(&format!("{}{kept}{}", location.pathname().unwrap_or_default(), location.hash().unwrap_or_default()));
    }
}

/// What came of asking for a page.
pub(super) enum Fetched {
    /// A page, and its address after all redirects.
    Page(Document, String),
    /// The server answered that there is none, or that one may not see it.
    Refused,
    /// No answer.
    Lost,
}

/// Asks for a page of ours; with a form, posts it and follows the redirect.
pub(super) async fn fetch_page(url: &str, form: Option<&HtmlFormElement>, go: &str) -> Fetched {
    try_fetch(url, form, go).await.unwrap_or(Fetched::Lost)
}

async fn try_fetch(url: &str, form: Option<&HtmlFormElement>, go: &str) -> Option<Fetched> {
    let init = RequestInit::new();
    let headers = web_sys::Headers::new().ok()?;
    headers.set("Accept", "text/html").ok()?;
    if form.is_none() {
        // Looking by itself does not keep a session alive.
        headers.set("X-Patchboard-By-Itself", "1").ok()?;
    }
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
        // A failure of the server may pass; a refusal will not.
        return (response.status() < 500).then_some(Fetched::Refused);
    }
    let text = JsFuture::from(response.text().ok()?).await.ok()?.as_string()?;
    let page = DomParser::new().ok()?.parse_from_string(&text, SupportedType::TextHtml).ok()?;
    Some(Fetched::Page(page, response.url()))
}

/// The path of an address.
pub(super) fn path_of(url: &str) -> String {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let path = rest.find('/').map_or("/", |at| &rest[at..]);
    path.split(['?', '#']).next().unwrap_or_default().to_owned()
}

/// Puts the parts marked `data-live` of `fresh` in place of ours where they differ. Focus stays on what it stood on, and a part
/// in which somebody writes is left alone.
///
/// A part with `data-kept` stays as it was shown: it is what a person is about to confirm.
pub(super) fn take_over(fresh: &Document) {
    let Some(document) = document() else { return };
    super::ages::set_clock(fresh);
    adopt_fields(&document, fresh);
    let Ok(parts) = document.query_selector_all("[data-live]") else { return };
    let active = document.active_element();
    for index in 0..parts.length() {
        let Some(part) = parts.get(index).and_then(|n| n.dyn_into::<Element>().ok()) else { continue };
        if part.has_attribute("data-kept") {
            continue;
        }
        let key = part.get_attribute("data-live").unwrap_or_default();
        let Ok(Some(new)) = fresh.query_selector(&format!("[data-live=\"{key}\"]")) else { continue };
        let inside = active.as_ref().filter(|a| part.contains(Some(a)));
        // Whoever writes here is not disturbed; the next look comes soon.
        if inside.is_some_and(is_writing) {
            continue;
        }
        keep_open(&part, &new);
        if part.outer_html() != new.outer_html() {
            let stood = inside.map(|element| Place::of(&part, element));
            part.set_outer_html(&new.outer_html());
            if let (Some(place), Ok(Some(part))) = (stood, document.query_selector(&format!("[data-live=\"{key}\"]"))) {
                place.focus_in(&part);
            }
        }
    }
    copy_validity(&document, fresh);
}

/// In forms that several people may fill at once, a field that nobody here has touched takes what somebody else has saved. One that
/// was touched stays as it is typed; what it differs from is then what stands on the server now.
fn adopt_fields(document: &Document, fresh: &Document) {
    // The server takes spaces off the ends: they are no touch.
    let untouched = |field: &HtmlInputElement| {
        if ticks(field) { field.checked() == field.default_checked() } else { field.value().trim() == field.default_value().trim() }
    };
    adopt(document, fresh, untouched);
}

/// What a form holds at a moment.
pub(super) struct Snapshot(Vec<((String, String), String)>);

impl Snapshot {
    /// Now.
    pub(super) fn take(document: &Document) -> Self {
        Self(inputs(document).into_iter().map(|field| (key(&field), state(&field))).collect())
    }

    fn holds(&self, field: &HtmlInputElement) -> bool {
        self.0.iter().any(|(k, s)| *k == key(field) && *s == state(field))
    }
}

/// A save has come back, and something was changed since it was sent. What was not takes what the server has made of it and of what
/// others have saved; what was stays, and the next save tells it from what stands there now: a tick that was saved and then taken
/// back is one that is taken back.
pub(super) fn note_saved(document: &Document, fresh: &Document, sent: &Snapshot) {
    adopt(document, fresh, |field| sent.holds(field));
}

fn adopt(document: &Document, fresh: &Document, may: impl Fn(&HtmlInputElement) -> bool) {
    let theirs = inputs(fresh);
    for ours in inputs(document) {
        let Some(twin) = theirs.iter().find(|twin| !twin.name().is_empty() && key(twin) == key(&ours)) else { continue };
        let takes = may(&ours);
        if ticks(&ours) {
            if takes {
                ours.set_checked(twin.default_checked());
            }
            ours.set_default_checked(twin.default_checked());
        } else {
            // Spaces that are being typed are left to whoever types.
            if takes && ours.value().trim() != twin.default_value().trim() {
                ours.set_value(&twin.default_value());
            }
            ours.set_default_value(&twin.default_value());
        }
    }
    let was = |root: &Document| root.query_selector("form[data-merge] input[name=was]").ok()??.dyn_into::<HtmlInputElement>().ok();
    if let (Some(ours), Some(theirs)) = (was(document), was(fresh)) {
        ours.set_value(&theirs.value());
        if ours.has_attribute("data-ticks") {
            note_what_was_ticked(document, &ours);
        }
    }
}

fn ticks(input: &HtmlInputElement) -> bool {
    matches!(input.type_().as_str(), "checkbox" | "radio")
}

/// The fields of forms that several people may fill.
fn inputs(root: &Document) -> Vec<HtmlInputElement> {
    let found = root.query_selector_all("form[data-merge] input:not([type=hidden])").ok();
    let found = found.into_iter().flat_map(|list| (0..list.length()).filter_map(move |n| list.get(n)));
    found.filter_map(|node| node.dyn_into::<HtmlInputElement>().ok()).collect()
}

/// By what a field is the same on two pages.
fn key(input: &HtmlInputElement) -> (String, String) {
    (input.name(), if ticks(input) { input.value() } else { String::new() })
}

fn state(input: &HtmlInputElement) -> String {
    if ticks(input) { input.checked().to_string() } else { input.value() }
}

/// Tells the server which boxes were ticked when somebody came to them: only what differs from that is theirs.
fn note_what_was_ticked(document: &Document, was: &HtmlInputElement) {
    let Ok(boxes) = document.query_selector_all("form[data-merge] input[data-row]") else { return };
    let boxes = (0..boxes.length()).filter_map(|n| boxes.get(n)?.dyn_into::<HtmlInputElement>().ok());
    let ticked: Vec<String> = boxes.filter(HtmlInputElement::default_checked).map(|b| b.value()).collect();
    was.set_value(&ticked.join(","));
}

/// What can hold the focus inside a part.
const FOCUSABLE: &str = "a[href], button, input, select, textarea, summary, [tabindex]";

/// Where the focus stood in a part that is replaced: by what identifies the element, else by its place in line.
struct Place {
    key: String,
    nth: u32,
}

impl Place {
    fn of(part: &Element, element: &Element) -> Self {
        let line = part.query_selector_all(FOCUSABLE).ok();
        let same = |n: u32| line.as_ref().and_then(|l| l.get(n)).is_some_and(|other| other.is_same_node(Some(element)));
        let nth = (0..line.as_ref().map_or(0, web_sys::NodeList::length)).find(|n| same(*n)).unwrap_or_default();
        Self { key: Self::key(element), nth }
    }

    /// A link is where it leads to; a field or a button is its name and value.
    fn key(element: &Element) -> String {
        let id = element.id();
        if !id.is_empty() {
            return format!("#{id}");
        }
        let of = |name: &str| element.get_attribute(name).unwrap_or_default();
        format!("{} {} {} {}", element.tag_name(), of("href"), of("name"), of("value"))
    }

    fn focus_in(&self, part: &Element) {
        let Ok(line) = part.query_selector_all(FOCUSABLE) else { return };
        let at = |n: u32| line.get(n).and_then(|e| e.dyn_into::<HtmlElement>().ok());
        let same = (0..line.length()).filter_map(at).find(|e| Self::key(e) == self.key);
        if let Some(element) = same.or_else(|| at(self.nth.min(line.length().saturating_sub(1)))) {
            // An element that cannot take the focus leaves it at the top, as a reload would.
            let _ = element.focus();
        }
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
