//! `/plans/{id}/record`: the change record of a plan, to be printed and filed. It is whole: nothing is on another page, or folded.

use crate::{
    api::load_plan,
    components::{ItemBadge, PageHead, PlanBadge, Said, load},
    pages::{
        plan_end::acknowledgement,
        plan_parts::{Ticket, Versions, patch_list},
        plan_sent::{Counts, Detail, outcome},
    },
    viewer::Viewer,
    when,
};
use leptos::prelude::*;
use leptos_router::hooks::use_params_map;
use patchboard_domain::{
    compile::Request,
    fleet::{PlanView, SentView},
    id::UserId,
    protocol::Attempt,
    review::Verdict,
    send::{Item, ItemState},
};

/// The record. Nothing on it can be clicked that changes anything.
#[component]
pub fn RecordPage() -> impl IntoView {
    let id = use_params_map().get_untracked().get("id").unwrap_or_default();
    load(load_plan(id, 1, 1, 1, true), |view| match view {
        PlanView::Sent(view) => view! { <Record view=*view/> }.into_any(),
        _ => view! { <crate::components::Failed error=crate::api::ApiError::NotFound/> }.into_any(),
    })
}

#[component]
fn Record(view: SentView) -> impl IntoView {
    let viewer = Viewer::current();
    let lang = viewer.lang;
    let draft = &view.plan.draft;
    let title = if draft.title.is_empty() { lang.untitled().to_owned() } else { draft.title.clone() };
    let facts = facts(&viewer, &view);
    let total = lang.instances(view.items.rows.len());
    let said = view
        .thread
        .iter()
        .map(|s| {
            let verdict = s.verdict.map(|v| format!("[{}] ", lang.verdict(v))).unwrap_or_default();
            view! { <li>{s.who.clone()} " · " {when::precise(&viewer, s.at)} ": " {verdict}{s.text.clone()}</li> }
        })
        .collect_view();
    let rows = view
        .items
        .rows
        .into_iter()
        .map(|(item, name)| view! { <Row item=item name=name settle_seconds=view.settle_seconds/> })
        .collect_view();
    let attempts = view.attempts.rows.into_iter().map(|a| view! { <Tried attempt=a/> }).collect_view();
    view! {
        <PageHead title=format!("{}: {title}", lang.record_title()) lead=lang.record_print()/>
        {facts}
        <Versions groups=view.groups/>
        <h2>{lang.outcome_title()}</h2>
        <p>{total} " · " <Counts counts=view.counts/></p>
        <div class="table-wrap"><table class="cards"><thead><tr><th scope="col">{lang.col_instance()}</th><th scope="col">{lang.col_result()}</th><th scope="col">{lang.col_task()}</th><th scope="col">{lang.col_request()}</th></tr></thead><tbody>{rows}</tbody></table></div>
        <h2>{lang.attempts_title()}</h2><ul>{attempts}</ul>
        <h2>{lang.requests_confirmed()}</h2><Requests requests=view.requests.rows/>
        <h2>{lang.thread_title()}</h2><ul>{said}</ul>
    }
}

fn facts(viewer: &Viewer, view: &SentView) -> impl IntoView + use<> {
    let lang = viewer.lang;
    let plan = view.plan.clone();
    let name = |user: &UserId| view.names.get(user).cloned().unwrap_or_else(|| user.to_string());
    let author = plan.author.as_ref().map_or_else(|| "—".to_owned(), name);
    let approvals: Vec<String> = view
        .review
        .iter()
        .flat_map(|r| &r.decisions)
        .filter(|d| d.verdict == Verdict::Approve)
        .map(|d| format!("{} · {} · SHA-256 {}", name(&d.user), when::precise(viewer, d.at), d.hash))
        .collect();
    let approvals = if approvals.is_empty() { "—".to_owned() } else { approvals.join("; ") };
    let start = plan.start_at.map(|at| format!("{} · {} UTC", when::full(viewer, at), at.format("%Y-%m-%d %H:%M")));
    let noted = acknowledgement(&plan, &view.names).map(|(who, at)| lang.acknowledged_by(&who, &when::full(viewer, at)));
    let state = view.state;
    let from = view.moves.as_ref().map(|m| {
        let (at, plan) = (m.start_at.map(|at| when::full(viewer, at)), m.plan.to_string());
        view! { <div><dt>{lang.move_from()}</dt><dd>{at} " · " <code class="id">{plan}</code></dd></div> }
    });
    view! {
        <dl class="facts">
            <div><dt>{lang.col_state()}</dt><dd><PlanBadge state=state/>{noted.map(|said| view! { <span class="sub">{said}</span> })}</dd></div>
            <div><dt>{lang.col_start()}</dt><dd>{start}</dd></div>
            {from}
            <div><dt>{lang.col_who()}</dt><dd>{author}</dd></div>
            <div><dt>{lang.reason()}</dt><dd>{plan.draft.reason}</dd></div>
            <div><dt>{lang.ticket()}</dt><dd><Ticket text=plan.draft.ticket/></dd></div>
            <div><dt>{lang.approvals()}</dt><dd>{approvals}</dd></div>
            <div><dt>{lang.filter_cloud()}</dt><dd>{plan.cloud.to_string()}</dd></div>
            <div><dt>"ID"</dt><dd><code class="id">{plan.id.to_string()}</code></dd></div>
        </dl>
    }
}

#[component]
fn Row(item: Item, name: String, settle_seconds: i64) -> impl IntoView {
    let lang = Viewer::current().lang;
    let task = match &item.state {
        ItemState::Accepted { task, .. } => task.to_string(),
        _ => "—".to_owned(),
    };
    let (instance, request) = (item.instance.to_string(), item.request.saturating_add(1));
    view! {
        <tr>
            <th scope="row">{name}<code class="id">{instance}</code></th>
            <td data-label=lang.col_result()><ItemBadge item=item.clone()/><Detail item=item settle_seconds=settle_seconds next_at=None/></td>
            <td data-label=lang.col_task()><code class="id">{task}</code></td>
            <td data-label=lang.col_request() class="num">{request}</td>
        </tr>
    }
}

#[component]
fn Tried(attempt: Attempt) -> impl IntoView {
    let viewer = Viewer::current();
    let lang = viewer.lang;
    let (_, word) = outcome(lang, &attempt);
    let line = lang.attempt_line(attempt.number, attempt.request.saturating_add(1));
    view! {
        <li>{when::precise(&viewer, attempt.began_at)} " · " {line} " · " {lang.instances(attempt.instances.len())} " · " {word} {attempt.error.map(|e| view! { " " <Said error=e/> })}</li>
    }
}

/// The exact bodies, all of them and open: what is folded is not printed everywhere.
#[component]
fn Requests(requests: Vec<Request>) -> impl IntoView {
    let viewer = Viewer::current();
    let lang = viewer.lang;
    let of = requests.len();
    (1..)
        .zip(requests)
        .map(|(n, r)| {
            view! {
                <section class="request">
                    <h3>{lang.request_number(n, of)} " · " {r.engine.to_string()} " · " {lang.instances(r.instances.len())}</h3>
                    <p>{lang.request_patches(&patch_list(&viewer, &r.patches))}</p>
                    <pre tabindex="0"><code>{r.body}</code></pre>
                    <p class="hint">{lang.sha256()} " " <code>{r.hash}</code></p>
                </section>
            }
        })
        .collect_view()
}
