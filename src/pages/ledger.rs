//! `/ledger`: who did what.

use crate::{
    api::load_ledger,
    components::{Empty, PageHead, Pager, load},
    pages::page_number,
    paths,
    query::Query,
    viewer::Viewer,
    when,
};
use leptos::prelude::*;
use patchboard_domain::{fleet::Page, id::PlanId, ledger::StoredEntry};

/// Deeds to filter by, each the beginning of a word.
const KINDS: [&str; 6] = ["plan.", "request.", "task.", "user.", "session.", "cloud."];

/// The ledger. Without JavaScript: filters are a GET form, pages are links.
#[component]
pub fn LedgerPage() -> impl IntoView {
    let lang = Viewer::current().lang;
    let query = Query::current();
    let get = |key: &str| query.get(key).unwrap_or_default();
    let (words, what, subject, page) = (get("q"), get("what"), get("subject"), page_number(&query));
    let kinds = KINDS.map(|k| view! { <option value=k selected=what == k>{k.trim_end_matches('.')}</option> });
    let filter = [("q", words.clone()), ("what", what.clone()), ("subject", subject.clone())];
    let href = move |p: i64| {
        let mut path = paths::LEDGER.to_owned();
        for (key, value) in filter.iter().filter(|(_, v)| !v.is_empty()) {
            path = paths::with(&path, key, value);
        }
        if p > 1 { paths::with(&path, "page", &p.to_string()) } else { path }
    };
    view! {
        <PageHead title=lang.ledger_title() lead=lang.ledger_lead()>
            <a class="button" href=paths::LEDGER_CSV download="">{lang.ledger_export_csv()}</a>
            <a class="button" href=paths::LEDGER_JSON download="">{lang.ledger_export_json()}</a>
        </PageHead>
        <form class="filters" method="get" action=paths::LEDGER role="search" aria-label=lang.filters()>
            <label class="field grow">{lang.ledger_words()}<input name="q" value=words.clone()/></label>
            <label class="field">{lang.ledger_what()}<select name="what"><option value="">{lang.any()}</option>{kinds.into_iter().collect_view()}</select></label>
            <label class="field grow">{lang.ledger_subject()}<input name="subject" value=subject.clone() spellcheck="false"/></label>
            <button class="primary">{lang.apply()}</button>
        </form>
        {load(load_ledger(words, what, subject, page), move |view| view! { <Entries view=view href=href/> })}
        <p class="hint">{lang.ledger_verify()}</p>
    }
}

#[component]
fn Entries<F: Fn(i64) -> String + 'static>(view: Page<StoredEntry>, href: F) -> impl IntoView {
    let lang = Viewer::current().lang;
    if view.rows.is_empty() {
        return view! { <Empty title=lang.ledger_empty() text=""/> }.into_any();
    }
    let (page, pages) = (view.page, view.pages());
    let rows = view.rows.into_iter().map(|e| view! { <Row entry=e/> }).collect_view();
    view! {
        <div class="table-wrap"><table class="cards">
            <thead><tr><th scope="col">"#"</th><th scope="col">{lang.col_when()}</th><th scope="col">{lang.col_who()}</th><th scope="col">{lang.col_deed()}</th>
                <th scope="col">{lang.ledger_subject()}</th><th scope="col">{lang.col_hash()}</th></tr></thead>
            <tbody>{rows}</tbody>
        </table></div>
        <Pager page=page pages=pages href=href/>
    }
    .into_any()
}

#[component]
fn Row(entry: StoredEntry) -> impl IntoView {
    let viewer = Viewer::current();
    let lang = viewer.lang;
    let altered = (!entry.is_sound()).then(|| view! { <span class="sub error" role="alert">{lang.ledger_altered()}</span> });
    let entry = entry.entry;
    let short: String = entry.hash.chars().take(12).collect();
    let Some(body) = entry.read() else {
        return view! { <tr><th scope="row">{entry.seq}</th><td colspan="5"><code class="said">{entry.body}</code>{altered}</td></tr> }
            .into_any();
    };
    let at = body.at.parse().ok().map(|at| when::precise(&viewer, at)).unwrap_or_else(|| body.at.clone());
    let who = if body.user.is_none() && body.who == "system" { lang.the_program().to_owned() } else { body.who.clone() };
    let from = (!body.from.is_empty()).then(|| view! { <span class="sub">{body.from.clone()}</span> });
    let subject = match body.subject.split_once('/') {
        Some(("plan", id)) => view! { <a href=paths::plan(&PlanId::new(id))><code class="id">{body.subject.clone()}</code></a> }.into_any(),
        _ => view! { <code class="id">{body.subject.clone()}</code> }.into_any(),
    };
    let detail = serde_json::to_string_pretty(&body.detail).unwrap_or_default();
    view! {
        <tr>
            <th scope="row" class="num">{body.seq}</th>
            <td data-label=lang.col_when()><span class="nowrap">{at}</span></td>
            <td data-label=lang.col_who()>{who}{from}</td>
            <td data-label=lang.col_deed()><span>{lang.deed(&body)}</span>{altered}<details><summary>{lang.details()}</summary><pre tabindex="0"><code>{detail}</code></pre></details></td>
            <td data-label=lang.ledger_subject()>{subject}</td>
            <td data-label=lang.col_hash()><code class="id" title=entry.hash.clone()>{short}</code></td>
        </tr>
    }
    .into_any()
}
