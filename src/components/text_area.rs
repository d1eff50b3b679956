//! The one text area.

use leptos::prelude::*;

/// A field for several lines. Leptos 0.8 does not escape the children of a text area on the server (leptos#4819), so the text is
/// escaped here.
#[component]
pub fn TextArea(
    /// Name of the field.
    name: &'static str,
    /// What stands in it.
    text: String,
    /// Lines that are seen.
    lines: u32,
    /// Most characters; 0: any number.
    #[prop(optional)]
    most: u32,
    /// For lists of names, which no dictionary knows.
    #[prop(optional)]
    plain: bool,
    /// It must not be empty.
    #[prop(optional)]
    required: bool,
) -> impl IntoView {
    // The first line break after the tag is not part of the text (HTML, 13.1.2.5).
    let escaped = format!("\n{}", text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;"));
    view! {
        <textarea name=name rows=lines.to_string() maxlength=(most > 0).then(|| most.to_string()) spellcheck=plain.then_some("false") class:mono=plain required=required
            inner_html=escaped></textarea>
    }
}
