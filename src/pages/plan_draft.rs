//! The review of a draft: the sentence, the exact requests, what stands against it, what should be known, and the button.

use crate::{
    api::{AskReview, ChangePlan, ConfirmPlan},
    components::{PageHead, PlanSteps, Step, Updates, unfinished},
    pages::{
        plan_findings::{Checks, Findings},
        plan_moves::Moves,
        plan_parts::{EditedBy, Planned, Sentence, Thread, Ticket, requests},
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
    plan::Draft,
    review::ReviewEnd,
};

/// Review and send.
#[component]
pub fn DraftPlan(view: DraftView, page: i64) -> impl IntoView {
    let viewer = Viewer::current();
    let lang = viewer.lang;
    let id = view.plan.id.clone();
    let found = Findings::of(&viewer, &view);
    let (blocked, waiting) = (found.stop(), !found.awaited.is_empty());
    let ready = view.is_ready();
    let title = if view.plan.draft.title.is_empty() { lang.review_title().to_owned() } else { view.plan.draft.title.clone() };
    let requests = requests(&viewer, Page::of(view.requests.clone(), page), &id);
    view! {
        <PageHead title=title lead=lang.draft_line()/>
        <PlanSteps step=Step::Review plan=Some(id.clone()) unfinished=unfinished(&view)/>
        <Void view=view.clone()/>
        <EditedBy edited=view.edited.clone()/>
        <Words draft=view.plan.draft.clone()/>
        {view.moves.clone().map(|m| view! { <Moves view=m start_at=view.start.as_ref().ok().map(|s| s.at) sent=false/> })}
        <div data-live="checks"><section class="card" class:blocking=blocked aria-labelledby="checks"><h2 id="checks">{lang.checks_title()}</h2>
            <Checks found=found/>
            {blocked.then(|| view! { <div class="actions">
                <a class="button" href=paths::pick(Some(&id), &FleetFilter::default(), 1, true)>{lang.edit()} ": " {lang.step_pick()}</a>
                <a class="button" href=paths::schedule(&id)>{lang.edit()} ": " {lang.step_schedule()}</a>
            </div> })}
        </section></div>
        // What is shown to be confirmed stays as it was shown until the page is loaded again.
        <div data-live="sending" data-kept=ready.then_some("")>
            <Sentence planned=Planned::of_draft(&view) view=view.clone()/>
            {ready.then(|| view! {
                <section class="card"><h2>{lang.exact_requests()}</h2>{requests}</section>
                {if view.need.approvals > 0 { view! { <Ask view=view.clone()/> }.into_any() } else { view! { <Confirm view=view.clone()/> }.into_any() }}
            })}
        </div>
        <section class="card"><h2>{lang.cloud_facts()}</h2>
            <ul><li>{lang.fact_no_downtime()}</li><li>{lang.fact_blocked()}</li><li>{lang.fact_backup()}</li><li>{lang.fact_rollback()}</li><li>{lang.fact_no_dry_run()}</li></ul>
        </section>
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
        <Updates every=if waiting { 1 } else { 15 } quiet=true/>
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
            <input type="hidden" name="hash" value=view.hash.clone()/>
            {(view.production > 0).then(|| view! { <p><strong>{lang.production_count(view.production, n)}</strong></p> })}
            {view.count_to_send().map(|n| view! {
                <label class="field">{lang.confirm_count(n)}<input name="count" inputmode="numeric" autocomplete="off" required/></label>
            })}
            <button class="primary danger">{lang.confirm_button(&lang.instances(n))}</button>
        </form>
    }
}
