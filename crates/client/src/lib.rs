//! The browser's entry. Never holds behaviour: islands live in `patchboard::islands`.
#![cfg(target_arch = "wasm32")]

// Without this `use` the linker drops the islands and nothing hydrates (leptos#2083).
use patchboard as _;
use wasm_bindgen::prelude::wasm_bindgen;

/// Called by the page's loader script once the module is compiled.
#[wasm_bindgen]
pub fn hydrate() {
    console_error_panic_hook::set_once();
    leptos::mount::hydrate_islands();
}
