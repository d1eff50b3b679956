//! A plan that was confirmed: a row for every requested instance, and everything that was sent and came back.

use crate::{
    api::ChangePlan,
    components::{Badge, DoubtClock, ItemBadge, PageHead, Pager, PlanBadge, Said, SyncBar, Tone, Updates},
    i18n::Lang,
    pages::{
        plan_end::{NextSteps, acknowledgement},
        plan_moves::{MovedOn, Moves},
        plan_parts::{Thread, Versions, patch_list, requests},
    },
    paths,
    viewer::Viewer,
    when::{self, Time},
};
use chrono::{DateTime, Utc};
use leptos::{prelude::*, server_fn::ServerFn};
use patchboard_domain::{
    authority::Action,
    fleet::SentView,
    id::CloudName,
    plan::PlanState,
    protocol::Attempt,
    review::Verdict,
    send::{Item, ItemState},
    task::TaskStatus,
    version::PatchVersion,
};

/// Results.
#[component]
pub fn SentPlan(view: SentView) -> impl IntoView {
    let viewer = Viewer::current();
    let lang = viewer.lang;
    let plan = view.plan.clone();
    let (id, other) = (plan.id.clone(), plan.id.clone());
    let (page, pages) = (view.items.page, view.items.pages());
    let (tried, tried_pages) = (view.attempts.page, view.attempts.pages());
    let title = if plan.draft.title.is_empty() { lang.untitled().to_owned() } else { plan.draft.title.clone() };
    let of_state = |f: &dyn Fn(&ItemState) -> bool| view.counts.iter().filter(|(i, _)| f(&i.state)).map(|(_, n)| n).sum::<usize>();
    let in_doubt = of_state(&|s| matches!(s, ItemState::Unknown { .. }));
    let to_send = of_state(&|s| matches!(s, ItemState::Moving { .. } | ItemState::Planned | ItemState::Sending));
    let requests_in_all = usize::try_from(view.requests.total).unwrap_or_default();
    let next_at = view.sync.as_ref().and_then(|s| s.next_at);
    let rows = view
        .items
        .rows
        .iter()
        .map(
            |(item, name)| view! { <Row item=item.clone() name=name.clone() patches=view.request_patches.get(&item.request).cloned().unwrap_or_default() cloud=plan.cloud.clone() settle_seconds=view.settle_seconds next_at=next_at/> },
        )
        .collect_view();
    let attempts = view.attempts.rows.iter().map(|a| view! { <AttemptLine attempt=a.clone()/> }).collect::<Vec<_>>();
    view! {
        <PageHead title=title/>
        <div data-live="summary" class="summary">
            <p><PlanBadge state=view.state/>" "<Counts counts=view.counts.clone()/></p>
            <p>{plan.start_at.map(|at| view! { <strong><Time at=at/></strong> " · " {when::relative(&viewer, at)} " · " })}
                {plan.draft.zone.clone()} " · " {plan.submitted_at.map(|at| lang.confirmed_at(&when::full(&viewer, at)))}</p>
            <Versions groups=view.groups.clone()/>
            {(to_send > 0).then(|| view! { <p>{lang.requests_sent_of(view.requests_sent, requests_in_all)}</p> })}
            {view.wall_moved.zip(plan.start_at).map(|(now, stands)| view! { <p class="banner warn">{lang.wall_moved(&plan.draft.start_local, &plan.draft.zone, &when::full(&viewer, now), &when::full(&viewer, stands))}</p> })}
            {view.not_before.filter(|at| *at > viewer.now).map(|at| view! { <p class="banner warn">{lang.next_try(&when::relative(&viewer, at))}</p> })}
            {(in_doubt > 0).then(|| view! { <p class="banner doubt" role="status"><strong>{lang.doubt_title()} ": " {lang.instances(in_doubt)} ". "</strong>{lang.doubt_text()} " " <a href=paths::DOUBT>{lang.doubt_all()}</a></p> })}
        </div>
        {match view.sync.clone() {
            Some(sync) => view! { <SyncBar sync=vec![sync]/> }.into_any(),
            None => view! { <p class="banner warn">{lang.not_connected()}</p> }.into_any(),
        }}
        <MovedOn plans=view.moved_to.clone()/>
        {view.moves.clone().map(|m| view! { <Moves view=m start_at=plan.start_at sent=true/> })}
        <Approvals view=view.clone()/>
        <Changes view=view.clone()/>
        <div data-live="next"><NextSteps id=plan.id.clone() counts=view.counts.clone() may=view.may.clone() acknowledged=acknowledgement(&plan, &view.names)/></div>
        <h2>{lang.outcome_title()}</h2>
        <div data-live="items" class="table-wrap"><table class="cards">
            <thead><tr><th scope="col">{lang.col_instance()}</th><th scope="col">{lang.col_result()}</th><th scope="col">{lang.col_task()}</th><th scope="col">{lang.versions()}</th><th scope="col">{lang.col_request()}</th></tr></thead>
            <tbody>{rows}</tbody>
        </table></div>
        <Pager page=page pages=pages href=move |p| paths::with(&paths::plan(&id), "page", &p.to_string())/>
        <h2>{lang.attempts_title()}</h2>
        <div data-live="attempts">{if attempts.is_empty() { view! { <p>{lang.no_attempts()}</p> }.into_any() } else { view! { <ol class="attempts">{attempts}</ol> }.into_any() }}</div>
        <Pager page=tried pages=tried_pages href=move |p| paths::with(&paths::plan(&other), "attempts", &p.to_string())/>
        <h2>{lang.requests_confirmed()}</h2>
        {requests(&viewer, view.requests.clone(), &plan.id)}
        <Thread id=plan.id.clone() thread=view.thread.clone() may=view.may.clone()/>
        <p><a href=paths::record(&plan.id)>{lang.record_link()}</a> " · " <a href=paths::ledger_about(&format!("plan/{}", plan.id))>{lang.ledger_of_this()}</a></p>
        <Updates every=3/>
    }
}

/// Who approved it.
#[component]
fn Approvals(view: SentView) -> impl IntoView {
    let lang = Viewer::current().lang;
    let decisions = view.review.iter().flat_map(|r| &r.decisions).filter(|d| d.verdict == Verdict::Approve);
    let names: Vec<String> = decisions.map(|d| view.names.get(&d.user).cloned().unwrap_or_default()).collect();
    (!names.is_empty()).then(|| view! { <p>{lang.approved_by(&names.join(", "))}</p> })
}

/// Instances by state: `9 Accepted · 2 Refused · 1 In doubt`.
#[component]
pub(super) fn Counts(counts: Vec<(Item, usize)>) -> impl IntoView {
    let lang = Viewer::current().lang;
    let word = |item: &Item| match (&item.state, &item.task_status) {
        (ItemState::Accepted { .. }, Some(status)) => lang.task_status(status),
        (state, _) => lang.item_state(state).to_owned(),
    };
    counts.iter().map(|(item, n)| format!("{n} {}", word(item))).collect::<Vec<_>>().join(" · ")
}

/// What can be done with the plan as a whole.
#[component]
fn Changes(view: SentView) -> impl IntoView {
    let lang = Viewer::current().lang;
    let unsent = view.counts.iter().any(|(i, _)| i.state.is_open());
    let held = view.state == PlanState::OnHold || view.plan.held_at.is_some();
    let (may, plans) = (view.may.allows(Action::HoldPlan), view.may.allows(Action::CreatePlan));
    // What failed has a button of its own.
    let withdrawn = view.counts.iter().any(|(i, _)| i.state == ItemState::Withdrawn);
    let unscheduled = view.counts.iter().filter(|(i, _)| i.state.came_to_nothing()).map(|(_, n)| n).sum::<usize>();
    let waits =
        |i: &Item| matches!(i.state, ItemState::Accepted { .. }) && i.task_status == Some(TaskStatus::Pending) && i.lost_sight.is_none();
    let movable = view.counts.iter().filter(|(i, _)| waits(i)).map(|(_, n)| n).sum::<usize>();
    view! {
        <form method="post" action=ChangePlan::url() class="actions" data-live="changes">
            <input type="hidden" name="plan" value=view.plan.id.to_string()/>
            {(unsent && !held && may).then(|| view! { <button name="go" value="hold">{lang.hold()}</button> })}
            {(held && may).then(|| view! { <button name="go" value="unhold">{lang.unhold()}</button> })}
            {(unsent && may).then(|| view! { <button class="danger" name="go" value="withdraw">{lang.withdraw()}</button> })}
            {(movable > 0 && plans).then(|| view! { <button name="go" value="move">{lang.move_button(movable)}</button> })}
            {(withdrawn && plans).then(|| view! { <button name="go" value="again">{lang.plan_from_failed(unscheduled)}</button> })}
        </form>
    }
}

/// Why an instance stands where it stands.
#[component]
pub(super) fn Detail(item: Item, settle_seconds: i64, next_at: Option<DateTime<Utc>>) -> impl IntoView {
    let lang = Viewer::current().lang;
    let lost = item.lost_sight.map(|why| view! { <span class="sub">{lang.lost_sight(why)}</span> });
    let detail = match &item.state {
        ItemState::Rejected { error } => view! { <Said error=error.clone()/> }.into_any(),
        ItemState::Unknown { .. } => {
            view! { <DoubtClock state=item.state.clone() next_at=next_at settle_seconds=settle_seconds/> }.into_any()
        }
        ItemState::Stopped { why } => view! { <span class="sub">{lang.stop(*why)}</span> }.into_any(),
        ItemState::Moving { .. } => view! { <span class="sub">{lang.moving_detail()}</span> }.into_any(),
        ItemState::Accepted { .. } if item.moved && item.task_status == Some(TaskStatus::Canceled) => {
            view! { <span class="sub">{lang.item_moved()}</span> }.into_any()
        }
        ItemState::Accepted { adopted: true, .. } => view! { <span class="sub">{lang.item_adopted()}</span> }.into_any(),
        _ => ().into_any(),
    };
    view! { {detail}{lost} }
}

#[component]
fn Row(
    item: Item,
    name: String,
    patches: Vec<PatchVersion>,
    cloud: CloudName,
    settle_seconds: i64,
    next_at: Option<DateTime<Utc>>,
) -> impl IntoView {
    let viewer = Viewer::current();
    let lang = viewer.lang;
    let patches = patch_list(&viewer, &patches);
    let task = match &item.state {
        ItemState::Moving { task } => {
            Some(view! { <a href=paths::task(&cloud, task)>{lang.moving_old_task()} " " <code>{task.to_string()}</code></a> }.into_any())
        }
        ItemState::Accepted { task, .. } => {
            Some(view! { <a href=paths::task(&cloud, task)><code>{task.to_string()}</code></a> }.into_any())
        }
        _ => None,
    };
    let shown = if name.is_empty() { item.instance.to_string() } else { name };
    let href = paths::instance(&cloud, &item.instance);
    let request = item.request.saturating_add(1);
    view! {
        <tr>
            <th scope="row"><a href=href>{shown}</a><code class="id">{item.instance.to_string()}</code></th>
            <td data-label=lang.col_result()><ItemBadge item=item.clone()/><Detail item=item settle_seconds=settle_seconds next_at=next_at/></td>
            <td data-label=lang.col_task()>{task}</td>
            <td data-label=lang.versions()>{patches}</td>
            <td data-label=lang.col_request() class="num">{request}</td>
        </tr>
    }
}

/// What came of an attempt.
pub(super) fn outcome(lang: Lang, attempt: &Attempt) -> (Tone, &'static str) {
    match attempt.outcome.as_deref() {
        Some("accepted") => (Tone::Good, lang.attempt_accepted()),
        Some("partial") => (Tone::Doubt, lang.attempt_partial()),
        Some("rejected") => (Tone::Bad, lang.attempt_rejected()),
        Some("not_sent") => (Tone::Warn, lang.attempt_not_sent()),
        Some(_) => (Tone::Doubt, lang.attempt_unknown()),
        None => (Tone::Busy, lang.attempt_open()),
    }
}

#[component]
fn AttemptLine(attempt: Attempt) -> impl IntoView {
    let viewer = Viewer::current();
    let lang = viewer.lang;
    let (tone, word) = outcome(lang, &attempt);
    let began = when::precise(&viewer, attempt.began_at);
    view! {
        <li>
            <p><Badge tone=tone text=word/> " " {lang.attempt_line(attempt.number, attempt.request.saturating_add(1))} " · " {began} " · " {lang.instances(attempt.instances.len())}</p>
            {attempt.error.map(|e| view! { <p><Said error=e/></p> })}
            <details><summary>{lang.details()}</summary><pre tabindex="0"><code>{attempt.body}</code></pre></details>
        </li>
    }
}
