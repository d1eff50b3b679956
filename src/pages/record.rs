//! `/plans/{id}/record`: the change record of a plan, to be printed and filed.

use crate::{
    api::load_plan,
    components::{ItemBadge, PageHead, PlanBadge, load},
    pages::plan_parts::{Ticket, requests},
    viewer::Viewer,
    when,
};
use leptos::prelude::*;
use leptos_router::hooks::use_params_map;
use patchboard_domain::{
    fleet::{PlanView, Said, SentView},
    review::Verdict,
};

/// The record. Nothing on it can be clicked that changes anything.
#[component]
pub fn RecordPage() -> impl IntoView {
    let id = use_params_map().get_untracked().get("id").unwrap_or_default();
    load(load_plan(id, 1, 1, 1), |view| match view {
        PlanView::Sent(view) => view! { <Record view=*view/> }.into_any(),
        _ => view! { <crate::components::Failed error=crate::api::ApiError::NotFound/> }.into_any(),
    })
}

#[component]
fn Record(view: SentView) -> impl IntoView {
    let viewer = Viewer::current();
    let lang = viewer.lang;
    let plan = view.plan.clone();
    let title = if plan.draft.title.is_empty() { lang.untitled().to_owned() } else { plan.draft.title.clone() };
    let name = |user: &patchboard_domain::id::UserId| view.names.get(user).cloned().unwrap_or_else(|| user.to_string());
    let author = plan.author.as_ref().map(&name).unwrap_or_else(|| "—".to_owned());
    let approvals: Vec<String> = view
        .review
        .iter()
        .flat_map(|r| &r.decisions)
        .filter(|d| d.verdict == Verdict::Approve)
        .map(|d| format!("{} · {} · SHA-256 {}", name(&d.user), when::precise(&viewer, d.at), d.hash))
        .collect();
    let rows = view
        .items
        .rows
        .iter()
        .map(|(item, name)| {
            let task = match &item.state {
                patchboard_domain::send::ItemState::Accepted { task, .. } => task.to_string(),
                _ => "—".to_owned(),
            };
            view! { <tr><th scope="row">{name.clone()}<code class="id">{item.instance.to_string()}</code></th><td data-label=lang.col_result()><ItemBadge item=item.clone()/></td><td data-label=lang.col_task()><code class="id">{task}</code></td></tr> }
        })
        .collect_view();
    let said = view.thread.iter().map(|s: &Said| {
        let verdict = s.verdict.map(|v| format!("[{}] ", lang.verdict(v))).unwrap_or_default();
        view! { <li>{s.who.clone()} " · " {when::precise(&viewer, s.at)} ": " {verdict}{s.text.clone()}</li> }
    });
    let said = said.collect_view();
    let attempts = view
        .attempts
        .rows
        .iter()
        .map(|a| {
            let outcome = a.outcome.clone().unwrap_or_default();
            view! { <li>{when::precise(&viewer, a.began_at)} " · " {lang.attempt_line(a.number, a.request + 1)} " · " {outcome}</li> }
        })
        .collect_view();
    let ticket = plan.draft.ticket.clone();
    view! {
        <PageHead title=format!("{}: {title}", lang.record_title()) lead=lang.record_print()/>
        <dl class="facts">
            <div><dt>{lang.col_state()}</dt><dd><PlanBadge state=view.state/></dd></div>
            <div><dt>{lang.col_start()}</dt><dd>{plan.start_at.map(|at| format!("{} · {} UTC", when::full(&viewer, at), at.format("%Y-%m-%d %H:%M")))}</dd></div>
            {view.moves.as_ref().map(|m| view! { <div><dt>{lang.move_from()}</dt><dd>{m.start_at.map(|at| when::full(&viewer, at))} " · " <code class="id">{m.plan.to_string()}</code></dd></div> })}
            <div><dt>{lang.col_who()}</dt><dd>{author}</dd></div>
            <div><dt>{lang.reason()}</dt><dd>{plan.draft.reason.clone()}</dd></div>
            <div><dt>{lang.ticket()}</dt><dd><Ticket text=ticket/></dd></div>
            <div><dt>{lang.approvals()}</dt><dd>{if approvals.is_empty() { "—".to_owned() } else { approvals.join("; ") }}</dd></div>
            <div><dt>{lang.filter_cloud()}</dt><dd>{plan.cloud.to_string()}</dd></div>
            <div><dt>"ID"</dt><dd><code class="id">{plan.id.to_string()}</code></dd></div>
        </dl>
        <h2>{lang.outcome_title()}</h2>
        <div class="table-wrap"><table class="cards"><thead><tr><th scope="col">{lang.col_instance()}</th><th scope="col">{lang.col_result()}</th><th scope="col">{lang.col_task()}</th></tr></thead><tbody>{rows}</tbody></table></div>
        <h2>{lang.attempts_title()}</h2><ul>{attempts}</ul>
        <h2>{lang.requests_confirmed()}</h2>{requests(&viewer, view.requests.clone(), &plan.id)}
        <h2>{lang.thread_title()}</h2><ul>{said}</ul>
    }
}
