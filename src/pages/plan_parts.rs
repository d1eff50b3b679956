//! What the pages of a plan have in common, in whichever half of its life it is: the sentence, the requests, the thread.

use crate::{
    api::CommentPlan,
    components::{Pager, TextArea},
    paths,
    viewer::Viewer,
    when::{self, Time},
};
use chrono::{DateTime, FixedOffset, Utc};
use leptos::{prelude::*, server_fn::ServerFn};
use patchboard_domain::{
    authority::Action,
    compile::Request,
    filter::{FleetFilter, PAGE_SIZE},
    fleet::{DraftView, Edited, FieldChange, May, Page, ReviewView, Said},
    id::PlanId,
    send::{PatchGroup, patch_groups},
    version::{EngineVersion, PatchVersion},
};
use std::collections::BTreeMap;

/// Somebody else's hand in the draft that is being edited.
#[component]
pub(super) fn EditedBy(edited: Option<Edited>) -> impl IntoView {
    let viewer = Viewer::current();
    let lang = viewer.lang;
    let notice = edited.map(|e| {
        let when = when::full(&viewer, e.at);
        let said = if e.written_over { lang.edited_over(&e.who, &when) } else { lang.edited_by(&e.who, &when) };
        let text = |text: String| if text.is_empty() { lang.field_empty().to_owned() } else { text };
        let line = |f: FieldChange| {
            let field = lang.draft_field(&f.field);
            let change = if e.written_over { text(f.before) } else { format!("{} → {}", text(f.before), text(f.after)) };
            view! { <li><strong>{field} ": "</strong><span class="said">{change}</span></li> }
        };
        view! { <div class="banner" class:warn=e.written_over><p>{said}</p><ul>{e.fields.into_iter().map(line).collect_view()}</ul></div> }
    });
    view! { <div data-live="edited" role="status">{notice}</div> }
}

/// Most names on this page; all of them are on the page that picks.
const NAMES_AT_MOST: usize = 200;

/// Most names that are shown without being asked for: those of one request.
const NAMES_SHOWN: usize = 30;

/// What a plan says, whether it can be sent or not.
#[derive(Clone)]
pub(super) struct Planned {
    start: Option<(DateTime<Utc>, FixedOffset)>,
    groups: Vec<PatchGroup>,
    requests: Vec<Request>,
    /// It can be sent, or was asked about, like this.
    complete: bool,
}

impl Planned {
    /// What a draft says so far.
    pub(super) fn of_draft(view: &DraftView) -> Self {
        let mut engines: BTreeMap<EngineVersion, usize> = BTreeMap::new();
        for engine in view.chosen.iter().filter_map(|r| r.instance.engine) {
            *engines.entry(engine).or_default() += 1;
        }
        let of = |engine: EngineVersion| view.plan.draft.patches.iter().copied().filter(|p| p.engine() == engine).collect::<Vec<_>>();
        let groups = engines.into_iter().map(|(engine, instances)| PatchGroup { engine, patches: of(engine), instances });
        Self {
            start: view.start.as_ref().ok().map(|s| (s.at, s.offset())),
            groups: groups.filter(|g| !g.patches.is_empty()).collect(),
            requests: view.requests.clone(),
            complete: view.is_ready(),
        }
    }

    /// What was asked about, whatever has been found since.
    pub(super) fn of_review(view: &ReviewView) -> Self {
        let at = view.review.start_at;
        let requests = view.review.asked.requests.clone();
        Self { start: Some((at, when::offset(&view.now.plan.draft.zone, at))), groups: patch_groups(&requests), requests, complete: true }
    }
}

/// The plan in words: when, which, what.
#[component]
pub(super) fn Sentence(planned: Planned, view: DraftView) -> impl IntoView {
    let viewer = Viewer::current();
    let lang = viewer.lang;
    let head = if planned.complete { lang.review_sentence_head() } else { lang.planned_head() };
    let lines = planned
        .groups
        .iter()
        .map(|g| {
            let patches = patch_list(&viewer, &g.patches);
            view! { <li>{lang.sentence_what(&lang.instances(g.instances), &patches)} " (" {g.engine.to_string()} ")"</li> }
        })
        .collect_view();
    let engines = planned.requests.iter().map(|r| r.engine).collect::<std::collections::BTreeSet<_>>().len();
    let (id, most) = (view.plan.id.clone(), view.max_instances);
    let (instances, requests) = (view.chosen.len(), planned.requests.len());
    view! {
        <section class="card sentence"><h2>{head}</h2>
            {planned.start.map(|(at, offset)| view! {
                <p class="big">{when::with_weekday(&viewer, at, offset)}</p>
                <p class="hint">{view.plan.draft.zone.clone()} " · " {when::with_weekday(&viewer, at, chrono::Offset::fix(&Utc))} " · " {when::relative(&viewer, at)}</p>
            })}
            <ul>{lines}</ul>
            {(engines > 1).then(|| view! { <p>{lang.several_engines(engines)}</p> })}
            {(requests > engines).then(|| view! { <p>{lang.several_requests(most, requests)}</p> })}
            <details open=instances <= NAMES_SHOWN><summary>{lang.instances(instances)}</summary>
                <ul class="names">{view.chosen.iter().take(NAMES_AT_MOST).map(|r| view! { <li>{r.instance.name.clone()} " " <code class="id">{r.instance.id.to_string()}</code></li> }).collect_view()}</ul>
                {(instances > NAMES_AT_MOST).then(|| view! { <p><a href=paths::pick(Some(&id), &FleetFilter::default(), 1, true)>{lang.all_of_them(instances)}</a></p> })}
            </details>
        </section>
    }
}

/// Versions in the order in which they are installed.
pub(super) fn patch_list(viewer: &Viewer, patches: &[PatchVersion]) -> String {
    patches.iter().map(ToString::to_string).collect::<Vec<_>>().join(viewer.lang.then())
}

/// Which hot patches a sent plan is about, a sentence for each engine version.
#[component]
pub(super) fn Versions(groups: Vec<PatchGroup>) -> impl IntoView {
    let viewer = Viewer::current();
    let lang = viewer.lang;
    groups
        .iter()
        .map(|g| {
            let said = lang.patches_of(&lang.instances(g.instances), &g.engine.to_string(), &patch_list(&viewer, &g.patches));
            view! { <p class="versions">{said}</p> }
        })
        .collect_view()
}

/// The exact bodies, one after the other.
pub(super) fn requests(viewer: &Viewer, requests: Page<Request>, plan: &PlanId) -> impl IntoView + use<> {
    let lang = viewer.lang;
    let (total, page, pages) = (requests.total, requests.page, requests.pages());
    let many = total > 3;
    let plan = plan.clone();
    let list = ((page - 1) * PAGE_SIZE + 1..)
        .zip(requests.rows)
        .map(|(n, r)| {
            let of = usize::try_from(total).unwrap_or_default();
            view! {
                <details class="request" open=!many>
                    <summary>{lang.request_number(n, of)} " · " {r.engine.to_string()} " · " {lang.instances(r.instances.len())}</summary>
                    <pre tabindex="0"><code>{r.body}</code></pre>
                    <p class="hint">{lang.sha256()} " " <code>{r.hash}</code></p>
                </details>
            }
        })
        .collect_view();
    view! { {list}<Pager page=page pages=pages href=move |p| paths::with(&paths::plan(&plan), "requests", &p.to_string())/> }
}

/// A ticket is a link only when it is one by HTTPS: anything else is text.
#[component]
pub(super) fn Ticket(text: String) -> impl IntoView {
    if text.starts_with("https://") && !text.contains(char::is_whitespace) {
        let href = text.clone();
        view! { <a href=href rel="noreferrer noopener">{text}</a> }.into_any()
    } else {
        text.into_any()
    }
}

/// Longest comment, in characters.
pub(super) const COMMENT_MAX: u32 = 4_000;

/// What was said about a plan, and a field to say more.
#[component]
pub(super) fn Thread(id: PlanId, thread: Vec<Said>, may: May) -> impl IntoView {
    let lang = Viewer::current().lang;
    let lines = thread
        .into_iter()
        .map(|s| {
            let verdict = s.verdict.map(|v| view! { <span class="tag">{lang.verdict(v)}</span> " " });
            view! { <li><p class="hint"><strong>{s.who}</strong> " · " <Time at=s.at/></p><p>{verdict}<span class="said">{s.text}</span></p></li> }
        })
        .collect::<Vec<_>>();
    view! {
        <section class="card" id="thread"><h2>{lang.thread_title()}</h2>
            <div data-live="thread">{if lines.is_empty() { view! { <p class="hint">{lang.thread_empty()}</p> }.into_any() } else { view! { <ol class="thread">{lines}</ol> }.into_any() }}</div>
            {may.allows(Action::Comment).then(|| view! {
                <form method="post" action=CommentPlan::url() class="stack">
                    <input type="hidden" name="plan" value=id.to_string()/>
                    <label class="field">{lang.thread_say()}<TextArea name="text" text=String::new() lines=2 most=COMMENT_MAX required=true/></label>
                    <div class="actions"><button>{lang.thread_button()}</button></div>
                </form>
            })}
        </section>
    }
}
