//! Pages of a list: links, or buttons of a form that must not lose its ticks.

use crate::viewer::Viewer;
use leptos::prelude::*;

/// The pages a pager offers: word, page, whether it can be gone to.
fn targets(lang: crate::i18n::Lang, page: i64, pages: i64) -> [(&'static str, i64, bool); 4] {
    [
        (lang.first_page(), 1, page > 1),
        (lang.previous(), page - 1, page > 1),
        (lang.next(), page + 1, page < pages),
        (lang.last_page(), pages, page < pages),
    ]
}

/// Links to other pages.
#[component]
pub fn Pager<F: Fn(i64) -> String>(
    /// This page, from 1.
    page: i64,
    /// How many there are.
    pages: i64,
    /// The address of a page.
    href: F,
) -> impl IntoView {
    let lang = Viewer::current().lang;
    (pages > 1).then(|| {
        let items = targets(lang, page, pages).map(|(text, target, possible)| {
            let href = possible.then(|| href(target));
            view! { <li><a class="button quiet" href=href aria-disabled=(!possible).then_some("true")>{text}</a></li> }
        });
        view! { <nav class="pager" aria-label=lang.pages_label()><span>{lang.page_of(page, pages)}</span><ul>{items.collect_view()}</ul></nav> }
    })
}

/// Submit buttons to other pages: `go=page:N`.
#[component]
pub fn PageButtons(
    /// This page, from 1.
    page: i64,
    /// How many there are.
    pages: i64,
) -> impl IntoView {
    let lang = Viewer::current().lang;
    (pages > 1).then(|| {
        let items = targets(lang, page, pages).map(|(text, target, possible)| {
            view! { <li><button class="quiet" name="go" value=format!("page:{target}") disabled=!possible>{text}</button></li> }
        });
        view! { <div class="pager" role="group" aria-label=lang.pages_label()><span>{lang.page_of(page, pages)}</span><ul>{items.collect_view()}</ul></div> }
    })
}
