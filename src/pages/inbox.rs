//! `/`: what waits, what comes, what went wrong.

use crate::{
    api::load_inbox,
    components::{PageHead, PlanBadge, SyncBar, TaskBadge, Updates, load},
    paths,
    viewer::Viewer,
    when::{self, Time},
};
use leptos::prelude::*;
use patchboard_domain::{
    account::Role,
    fleet::{InboxView, PlanRow, TaskRow},
};

/// The overview. Without JavaScript: the same lists with their age, and a refresh button.
#[component]
pub fn InboxPage() -> impl IntoView {
    let lang = Viewer::current().lang;
    view! {
        <PageHead title=lang.inbox_title()/>
        {load(load_inbox(), |view| view! { <Inbox view=view/> })}
    }
}

#[component]
fn Inbox(view: InboxView) -> impl IntoView {
    let viewer = Viewer::current();
    let lang = viewer.lang;
    let decides = viewer.who.as_ref().is_some_and(|w| w.is(Role::Approver));
    let plans = |rows: Vec<PlanRow>, lead| rows.into_iter().map(|row| view! { <PlanLine row=row lead_minutes=lead/> }).collect::<Vec<_>>();
    let tasks = |rows: Vec<TaskRow>| rows.into_iter().map(|row| view! { <TaskLine row=row/> }).collect::<Vec<_>>();
    let lead = view.lead_minutes;
    view! {
        <SyncBar sync=view.sync/>
        <div data-live="alarms">
            {(view.in_doubt > 0).then(|| view! { <p class="banner doubt" role="status"><a href=paths::DOUBT>{lang.doubt_banner(&lang.instances(usize::try_from(view.in_doubt).unwrap_or_default()))}</a></p> })}
            {(view.collisions > 0).then(|| view! { <p class="banner warn" role="status"><a href=paths::DOUBT>{lang.collisions_banner(view.collisions)}</a></p> })}
            {(!view.holds.is_empty()).then(|| view! { <p class="banner warn" role="status"><a href=paths::DOUBT>{lang.hold_banner()}</a> ": " {view.holds.iter().map(|h| lang.scope(&h.scope)).collect::<Vec<_>>().join(", ")}</p> })}
        </div>
        <div class="boxes" data-live="inbox">
            {(decides || !view.waiting.is_empty()).then(|| view! { <Box title=lang.inbox_waiting() lines=plans(view.waiting, lead).into_iter().map(IntoAny::into_any).collect()/> })}
            <Box title=lang.inbox_attention() lines=plans(view.attention, lead).into_iter().map(IntoAny::into_any).collect()/>
            <Box title=lang.inbox_mine() lines=plans(view.mine, lead).into_iter().map(IntoAny::into_any).collect()/>
            <Box title=lang.inbox_running() lines=tasks(view.running).into_iter().map(IntoAny::into_any).collect()/>
            <Box title=lang.inbox_next() lines=tasks(view.next).into_iter().map(IntoAny::into_any).collect()/>
        </div>
        <Updates every=10/>
    }
}

#[component]
fn Box(title: &'static str, lines: Vec<AnyView>) -> impl IntoView {
    let lang = Viewer::current().lang;
    let n = lines.len();
    view! {
        <section class="card box">
            <h2>{title} " " <span class="count-badge">{n}</span></h2>
            {if n == 0 { view! { <p class="hint">{lang.inbox_none()}</p> }.into_any() } else { view! { <ul class="lines">{lines}</ul> }.into_any() }}
        </section>
    }
}

#[component]
fn PlanLine(row: PlanRow, lead_minutes: i64) -> impl IntoView {
    let viewer = Viewer::current();
    let lang = viewer.lang;
    let title = if row.plan.draft.title.is_empty() { lang.untitled().to_owned() } else { row.plan.draft.title.clone() };
    let of_items: usize = row.counts.iter().map(|(_, n)| n).sum();
    let n = if of_items == 0 { row.plan.draft.instances.len() } else { of_items };
    let start = row.plan.start_at.or_else(|| row.review.as_ref().map(|r| r.start_at));
    let deadline = row.review.as_ref().filter(|_| row.plan.review.is_some()).map(|r| r.deadline(lead_minutes));
    let by = row.author.clone().map(|who| format!(" · {}", lang.written_by(&who)));
    view! {
        <li>
            <a href=paths::plan(&row.plan.id)>{title}</a> " " <PlanBadge state=row.state/>
            <span class="sub">{lang.instances(n)}{start.map(|at| view! { " · " <Time at=at/> })}{by}</span>
            {deadline.map(|at| view! { <span class="sub">{lang.decide_before(&when::relative(&viewer, at))}</span> })}
        </li>
    }
}

#[component]
fn TaskLine(row: TaskRow) -> impl IntoView {
    let viewer = Viewer::current();
    let lang = viewer.lang;
    let task = row.task;
    let name = if task.instance_name.is_empty() { task.instance.to_string() } else { task.instance_name.clone() };
    let origin = if task.plan.is_some() { lang.origin_ours() } else { lang.origin_foreign() };
    view! {
        <li>
            <a href=paths::task(&task.cloud, &task.id)>{name}</a> " " <TaskBadge status=task.status/>
            <span class="sub">{task.start_at.map(|at| view! { <Time at=at/> " · " {when::relative(&viewer, at)} " · " })}{task.target} " · " {origin}</span>
        </li>
    }
}
