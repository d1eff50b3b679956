//! Ages on a page go on counting, whether the server answers or not.

use super::browser::document;
use crate::i18n::Lang;
use leptos::prelude::set_interval;
use std::{cell::Cell, time::Duration};
use wasm_bindgen::JsCast;
use web_sys::{Document, Element};

thread_local! {
    /// What the server's clock is ahead of this machine's, in milliseconds.
    static AHEAD: Cell<i64> = const { Cell::new(0) };
}

fn here() -> i64 {
    #[expect(clippy::cast_possible_truncation, reason = "whole milliseconds since 1970")]
    let millis = js_sys::Date::now() as i64;
    millis
}

/// The server's clock, in milliseconds since 1970.
pub(super) fn now() -> i64 {
    here() + AHEAD.get()
}

/// Takes the server's clock from a page that it has just made.
pub(super) fn set_clock(page: &Document) {
    let made = page.document_element().and_then(|root| root.get_attribute("data-now")).and_then(|text| text.parse::<i64>().ok());
    if let Some(made) = made {
        AHEAD.set(made - here());
    }
}

/// Writes every age anew each second.
pub(super) fn count() {
    if let Some(document) = document() {
        set_clock(&document);
    }
    set_interval(write_all, Duration::from_secs(1));
}

fn write_all() {
    let Some(document) = document() else { return };
    let tag = document.document_element().and_then(|root| root.get_attribute("lang")).unwrap_or_default();
    let lang = Lang::from_header(&tag).unwrap_or_default();
    let Ok(ages) = document.query_selector_all("[data-age]") else { return };
    for index in 0..ages.length() {
        let Some(element) = ages.get(index).and_then(|n| n.dyn_into::<Element>().ok()) else { continue };
        let at = element.get_attribute("data-age").and_then(|text| text.parse::<i64>().ok());
        let (Some(at), Some(sentence)) = (at, element.get_attribute("data-sentence")) else { continue };
        let said = sentence.replace("{}", &lang.relative((at - now()) / 1_000));
        if element.text_content().as_deref() != Some(said.as_str()) {
            element.set_text_content(Some(&said));
        }
    }
}
