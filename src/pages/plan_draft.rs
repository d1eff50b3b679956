//! The review of a draft: the sentence, the exact requests, what stands against it, what should be known, and the button.

use crate::{
    api::{AskReview, ChangePlan, ConfirmPlan},
    components::{PageHead, PlanSteps, Step},
    pages::{
        plan_moves::Moves,
        plan_parts::{EditedBy, Sentence, Thread, Ticket, requests},
    },
    paths,
    viewer::Viewer,
    when,
};
use leptos::{prelude::*, server_fn::ServerFn};
use patchboard_domain::{
    authority::Action,
    filter::FleetFilter,
    fleet::{DraftView, Page},
    id::InstanceId,
    plan::Draft,
    review::ReviewEnd,
};

/// Most names that a sentence lists before it counts.
const NAMES_IN_A_SENTENCE: usize = 3;

/// Review and send.
#[component]
pub fn DraftPlan(view: DraftView, page: i64) -> impl IntoView {
    let viewer = Viewer::current();
    let lang = viewer.lang;
    let id = view.plan.id.clone();
    let name =
        |id: &InstanceId| view.chosen.iter().find(|r| r.instance.id == *id).map_or_else(|| id.to_string(), |r| r.instance.name.clone());
    let names = |ids: &[InstanceId]| {
        if ids.len() <= NAMES_IN_A_SENTENCE { ids.iter().map(name).collect::<Vec<_>>().join(", ") } else { lang.instances(ids.len()) }
    };
    let mut blocking: Vec<String> = view.refusals.iter().map(|r| viewer.plan_refusal(r, name)).collect();
    blocking.extend(view.start.as_ref().err().map(|r| viewer.time_refusal(r)));
    let warnings: Vec<String> = view.warnings.iter().map(|w| viewer.warning(w, names)).collect();
    let awaited = view.candidates_read < view.chosen.len();
    let ready = view.is_ready();
    let title = if view.plan.draft.title.is_empty() { lang.review_title().to_owned() } else { view.plan.draft.title.clone() };
    let requests = requests(&viewer, Page::of(view.requests.clone(), page), &id);
    view! {
        <PageHead title=title lead=lang.draft_line()/>
        <PlanSteps step=Step::Review plan=Some(id.clone())/>
        <Void view=view.clone()/>
        <EditedBy edited=view.edited.clone()/>
        <Words draft=view.plan.draft.clone()/>
        {view.moves.clone().map(|m| view! { <Moves view=m start_at=view.start.as_ref().ok().map(|s| s.at) sent=false/> })}
        {(!blocking.is_empty()).then(|| view! {
            <section class="card blocking" aria-labelledby="blocking"><h2 id="blocking">{lang.blocking()}</h2>
                <ul>{blocking.into_iter().map(|text| view! { <li>{text}</li> }).collect_view()}</ul>
                <div class="actions">
                    <a class="button" href=paths::pick(Some(&id), &FleetFilter::default(), 1, true)>{lang.edit()} ": " {lang.step_pick()}</a>
                    <a class="button" href=paths::schedule(&id)>{lang.edit()} ": " {lang.step_schedule()}</a>
                </div>
            </section>
        })}
        {ready.then(|| view! { <Sentence view=view.clone()/> })}
        <section class="card"><h2>{lang.warnings_title()}</h2>
            {if warnings.is_empty() {
                view! { <p>{lang.no_warnings()}</p> }.into_any()
            } else {
                view! { <ul class="warnings">{warnings.into_iter().map(|text| view! { <li>{text}</li> }).collect_view()}</ul> }.into_any()
            }}
        </section>
        {ready.then(|| view! {
            <section class="card"><h2>{lang.exact_requests()}</h2>{requests}</section>
            {if view.need.approvals > 0 { view! { <Ask view=view.clone()/> }.into_any() } else { view! { <Confirm view=view.clone()/> }.into_any() }}
        })}
        <section class="card"><h2>{lang.cloud_facts()}</h2>
            <ul><li>{lang.fact_no_downtime()}</li><li>{lang.fact_blocked()}</li><li>{lang.fact_backup()}</li><li>{lang.fact_rollback()}</li><li>{lang.fact_no_dry_run()}</li></ul>
        </section>
        {awaited.then(|| view! { <p><a class="button" href=paths::plan(&id)>{lang.refresh()}</a></p> })}
        <Thread id=id.clone() thread=view.thread.clone() may=view.may.clone()/>
        {(view.may.allows(Action::DiscardPlan) && view.last_review.is_none()).then(|| view! {
            <details>
                <summary>{lang.discard()} " …"</summary>
                <form method="post" action=ChangePlan::url() class="actions">
                    <input type="hidden" name="plan" value=id.to_string()/>
                    <button class="danger" name="go" value="discard">{lang.discard_for_good()}</button><span class="hint">{lang.discard_help()}</span>
                </form>
            </details>
        })}
    }
}

/// What became of the last decision that was asked for, while the plan is a draft again.
#[component]
fn Void(view: DraftView) -> impl IntoView {
    let viewer = Viewer::current();
    let lang = viewer.lang;
    let ended = view.last_review.as_ref().and_then(|r| r.ended);
    let last = view.last_review.and_then(|r| r.decisions.into_iter().last());
    let who = last.as_ref().and_then(|d| view.names.get(&d.user).cloned()).unwrap_or_default();
    let text = match ended {
        Some((ReviewEnd::Changes, _)) => lang.void_changes(&who),
        Some((ReviewEnd::Rejected, _)) => lang.void_rejected(&who),
        Some((ReviewEnd::Withdrawn, _)) => lang.void_withdrawn().to_owned(),
        _ => return None,
    };
    let at = ended.map(|(_, at)| when::full(&viewer, at));
    let said = last.map(|d| d.comment).filter(|c| !c.is_empty()).map(|said| {
        // All of it stands in the thread below.
        let long = said.chars().count() > SAID_IN_BANNER;
        let short: String = said.chars().take(SAID_IN_BANNER).collect();
        view! { <p class="said">{short}{long.then(|| view! { " … " <a href="#thread">{lang.thread_title()}</a> })}</p> }
    });
    Some(view! { <div class="banner warn" role="status"><p><strong>{text}</strong> " " {at}</p>{said}</div> })
}

/// Characters of a decision's comment that are repeated above the plan.
const SAID_IN_BANNER: usize = 300;

/// Why it is done.
#[component]
fn Words(draft: Draft) -> impl IntoView {
    let lang = Viewer::current().lang;
    let reason = (!draft.reason.is_empty()).then(|| view! { <p><strong>{lang.reason()} ": "</strong>{draft.reason}</p> });
    let ticket = (!draft.ticket.is_empty()).then(|| view! { <p><strong>{lang.ticket()} ": "</strong><Ticket text=draft.ticket/></p> });
    view! { {reason} {ticket} }
}

/// The button that asks for a decision.
#[component]
fn Ask(view: DraftView) -> impl IntoView {
    let lang = Viewer::current().lang;
    let why = view.need.why.iter().map(|r| lang.need_reason(r)).collect::<Vec<_>>().join("; ");
    let allowed = view.may.allows(Action::AskReview);
    view! {
        <form method="post" action=AskReview::url() class="card confirm stack">
            <h2>{lang.ask_title()}</h2>
            <input type="hidden" name="plan" value=view.plan.id.to_string()/>
            <input type="hidden" name="hash" value=view.hash/>
            <p>{lang.review_need(view.need.approvals)} " (" {why} ")"</p>
            <p class="hint">{lang.ask_help()}</p>
            <button class="primary" disabled=!allowed>{lang.ask_button()}</button>
        </form>
    }
}

/// The button that sends. It says what happens; more than one instance asks for their number.
#[component]
fn Confirm(view: DraftView) -> impl IntoView {
    let lang = Viewer::current().lang;
    let n = view.chosen.len();
    view! {
        <form method="post" action=ConfirmPlan::url() class="card confirm">
            <input type="hidden" name="plan" value=view.plan.id.to_string()/>
            <input type="hidden" name="hash" value=view.hash/>
            {(n > 1).then(|| view! {
                <label class="field">{lang.confirm_count(n)}<input name="count" inputmode="numeric" autocomplete="off" required/></label>
            })}
            <button class="primary danger">{lang.confirm_button(&lang.instances(n))}</button>
        </form>
    }
}
