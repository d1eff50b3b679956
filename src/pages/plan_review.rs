//! A plan that waits for a decision: exactly what would be sent, what it reaches, what stands against it, and who said what.

use crate::{
    api::{CheckPlan, DecidePlan, ReopenPlan},
    components::{PageHead, PlanBadge, TextArea, Updates},
    i18n::Lang,
    pages::{
        plan_findings::{Checks, Findings},
        plan_moves::Moves,
        plan_parts::{COMMENT_MAX, Planned, Sentence, Thread, Ticket, requests},
    },
    paths,
    viewer::Viewer,
    when,
};
use leptos::{prelude::*, server_fn::ServerFn};
use patchboard_domain::{
    authority::{Action, Denied},
    fleet::{Page, ReviewView},
    id::InstanceId,
    plan::PlanState,
};

/// The decision page. Without JavaScript: the same forms; nothing here needs an island.
#[component]
pub fn ReviewPlan(view: ReviewView, page: i64) -> impl IntoView {
    let viewer = Viewer::current();
    let lang = viewer.lang;
    let plan = view.now.plan.clone();
    let id = plan.id.clone();
    let title = if plan.draft.title.is_empty() { lang.untitled().to_owned() } else { plan.draft.title.clone() };
    let expired = viewer.now > view.deadline;
    let state = if expired { PlanState::Expired } else { PlanState::InReview };
    let name = |user: &patchboard_domain::id::UserId| view.now.names.get(user).cloned().unwrap_or_default();
    let asked = lang.review_asked(&name(&view.review.asked_by), &when::full(&viewer, view.review.asked_at));
    let need = view.review.asked.need.clone();
    let why = need.why.iter().map(|r| lang.need_reason(r)).collect::<Vec<_>>().join("; ");
    let words = plan.draft.clone();
    view! {
        <PageHead title=title lead=asked/>
        <div data-live="summary" class="summary">
            <p><PlanBadge state=state/> " " {lang.review_standing(view.standing, need.approvals)} " · " {why}</p>
            <p>{if expired { lang.decide_too_late().to_owned() } else { format!("{} · {}", lang.decide_before(&when::relative(&viewer, view.deadline)), when::full(&viewer, view.deadline)) }}</p>
            {(!words.reason.is_empty()).then(|| view! { <p><strong>{lang.reason()} ": "</strong>{words.reason.clone()}</p> })}
            {(!words.ticket.is_empty()).then(|| view! { <p><strong>{lang.ticket()} ": "</strong><Ticket text=words.ticket.clone()/></p> })}
        </div>
        {view.now.moves.clone().map(|m| view! { <Moves view=m start_at=Some(view.review.start_at) sent=false/> })}
        <Since view=view.clone()/>
        <Sentence planned=Planned::of_review(&view) view=view.now.clone()/>
        <Blast view=view.clone()/>
        <ChecksNow view=view.clone()/>
        <section class="card"><h2>{lang.exact_requests()}</h2>{requests(&viewer, Page::of(view.review.asked.requests.clone(), page), &id)}</section>
        <Decide view=view.clone()/>
        <Thread id=id.clone() thread=view.now.thread.clone() may=view.now.may.clone()/>
        {view.now.may.allows(Action::Reopen).then(|| view! {
            <form method="post" action=ReopenPlan::url() class="actions">
                <input type="hidden" name="plan" value=id.to_string()/>
                <button>{lang.reopen_button()}</button><span class="hint">{lang.reopen_help()}</span>
            </form>
        })}
        <p><a href=paths::ledger_about(&format!("plan/{id}"))>{lang.ledger_of_this()}</a></p>
        <Updates every=5/>
    }
}

/// Most names that a line of the difference holds.
const NAMES_IN_LINE: usize = 5;

#[component]
fn Since(view: ReviewView) -> impl IntoView {
    let viewer = Viewer::current();
    let lang = viewer.lang;
    let list = |v: &[patchboard_domain::version::PatchVersion]| v.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let names = view.since_names;
    let named = |text: String, ids: &[InstanceId]| {
        let name = |id: &InstanceId| names.get(id).cloned().unwrap_or_else(|| id.to_string());
        if ids.len() <= NAMES_IN_LINE {
            return format!("{text} ({})", ids.iter().map(name).collect::<Vec<_>>().join(", ")).into_any();
        }
        let all = ids.iter().map(|id| view! { <li>{name(id)} " " <code class="id">{id.to_string()}</code></li> }).collect_view();
        view! { {text} <details><summary>{lang.since_names()}</summary><ul class="names">{all}</ul></details> }.into_any()
    };
    view.since.map(|since| {
        let mut lines = Vec::new();
        if since.is_none() {
            lines.push(lang.since_none().into_any());
        }
        if !since.added.is_empty() {
            lines.push(named(lang.since_added(since.added.len()), &since.added));
        }
        if !since.removed.is_empty() {
            lines.push(named(lang.since_removed(since.removed.len()), &since.removed));
        }
        if !since.patches_added.is_empty() {
            lines.push(lang.since_patches_added(&list(&since.patches_added)).into_any());
        }
        if !since.patches_removed.is_empty() {
            lines.push(lang.since_patches_removed(&list(&since.patches_removed)).into_any());
        }
        if let Some((before, after)) = since.start {
            lines.push(lang.since_start(&when::full(&viewer, before), &when::full(&viewer, after)).into_any());
        }
        view! { <section class="card"><h2>{lang.since_title()}</h2><ul>{lines.into_iter().map(|l| view! { <li>{l}</li> }).collect_view()}</ul></section> }
    })
}

/// The blast-radius card.
#[component]
fn Blast(view: ReviewView) -> impl IntoView {
    let viewer = Viewer::current();
    let lang = viewer.lang;
    let blast = view.blast;
    let line = |text: String| view! { <li>{text}</li> };
    let shares = blast.shares.iter().map(|s| line(format!("{}: {}", s.tag, lang.blast_share(s.here, s.of)))).collect_view();
    let pairs = blast.pairs.iter().map(|s| line(format!("{}: {}", s.tag, lang.blast_share(s.here, s.of)))).collect::<Vec<_>>();
    let primaries = blast.primaries.iter().map(|(zone, n)| line(format!("{zone}: {n}"))).collect_view();
    let forms = blast.forms.iter().map(|(form, n)| line(format!("{}: {n}", lang.form(*form)))).collect_view();
    let disk = blast.disk.map(|(min, max)| format!("{min} – {max}. {}", lang.blast_disk_unknown()));
    view! {
        <section class="card"><h2>{lang.blast_title()}</h2>
            <dl class="facts">
                <div><dt>{lang.col_instances()}</dt><dd>{lang.instances(blast.instances)}</dd></div>
                <div><dt>{lang.blast_shares()}</dt><dd><ul class="plain">{shares}</ul></dd></div>
                <div><dt>{lang.blast_primaries()}</dt><dd><ul class="plain">{primaries}</ul></dd></div>
                <div><dt>{lang.blast_forms()}</dt><dd><ul class="plain">{forms}</ul></dd></div>
                <div><dt>{lang.blast_pairs()}</dt><dd>{if pairs.is_empty() { lang.blast_pairs_none().into_any() } else { view! { <ul class="plain">{pairs}</ul> }.into_any() }}</dd></div>
                {disk.map(|text| view! { <div><dt>{lang.blast_disk()}</dt><dd>{text}</dd></div> })}
                <div><dt>{lang.cloud_facts()}</dt><dd>{lang.fact_blocked()} " " {lang.fact_backup()}</dd></div>
                <div><dt>{lang.blast_rollback()}</dt><dd>{lang.fact_rollback()}</dd></div>
            </dl>
        </section>
    }
}

/// What stands against it now, and how old that knowledge is.
#[component]
fn ChecksNow(view: ReviewView) -> impl IntoView {
    let viewer = Viewer::current();
    let lang = viewer.lang;
    let now = view.now;
    let mut found = Findings::of(&viewer, &now);
    if !found.stop() && !view.same_requests {
        found.blocking.push(lang.checks_not_same().to_owned());
    }
    let blocked = found.stop();
    let decides = now.may.allows(Action::Decide);
    let read = view.instances_at.map(|at| when::counting(&viewer, at, Lang::checks_fleet_age));
    let lists = now.candidates_at.map(|at| when::counting(&viewer, at, Lang::checks_lists_age));
    let others = view
        .others
        .into_iter()
        .map(|(id, title, n)| {
            let title = if title.is_empty() { lang.untitled().to_owned() } else { title };
            view! { <li><a href=paths::plan(&id)>{title}</a> " · " {lang.others_line(n)}</li> }
        })
        .collect::<Vec<_>>();
    view! {
        <div data-live="checks"><section class="card" class:blocking=blocked><h2>{lang.checks_title()}</h2>
            <Checks found=found/>
            {(!others.is_empty()).then(|| view! { <h3>{lang.others_title()}</h3><ul>{others}</ul> })}
            <p class="hint">{read} " · " {lists}</p>
        </section></div>
        // Not among what keeps itself up to date: it belongs to the form that this page was made with, and takes along what is being
        // written there.
        <form id="check" method="post" action=CheckPlan::url() class="actions end">
            <input type="hidden" name="plan" value=now.plan.id.to_string()/>
            {now.may.allows(Action::CheckPlan).then(|| view! { <button form=if decides { "decide" } else { "check" } formaction=CheckPlan::url() formnovalidate>{lang.check_again()}</button> })}
        </form>
    }
}

#[component]
fn Decide(view: ReviewView) -> impl IntoView {
    let viewer = Viewer::current();
    let lang = viewer.lang;
    let may = &view.now.may;
    let denied = may.why_not(Action::Decide).cloned();
    if let Some(denied) = denied {
        // Whoever has no role in it is not told about it at every plan.
        return match denied {
            Denied::OwnPlan => view! { <p class="banner">{lang.denied(&denied)}</p> }.into_any(),
            Denied::Unproved => {
                let to = paths::confirm(&viewer.here);
                view! { <section class="card confirm"><h2>{lang.decide_title()}</h2><p>{lang.decide_confirm()}</p><p class="actions"><a class="button primary" href=to>{lang.it_is_me_button()}</a></p></section> }
                    .into_any()
            }
            _ => ().into_any(),
        };
    }
    let ready = view.now.is_ready() && view.same_requests;
    view! {
        <form id="decide" method="post" action=DecidePlan::url() class="card confirm stack">
            <h2>{lang.decide_title()}</h2>
            <input type="hidden" name="plan" value=view.now.plan.id.to_string()/>
            <input type="hidden" name="hash" value=view.review.hash/>
            <input type="hidden" name="shown" value=viewer.now.timestamp_millis().to_string()/>
            {view.now.count_to_approve().map(|n| view! {
                <p><strong>{lang.production_count(view.now.production, n)}</strong></p>
                <label class="field">{lang.approve_count(n)}<input name="count" inputmode="numeric" autocomplete="off" required/></label>
            })}
            <label class="field">{lang.decide_comment()} <span class="hint">{lang.decide_comment_help()}</span><TextArea name="comment" text=view.words lines=3 most=COMMENT_MAX/></label>
            <div class="actions">
                <button class="primary" name="verdict" value="approve" disabled=!ready>{lang.approve_button()}</button>
                <button name="verdict" value="changes" formnovalidate>{lang.changes_button()}</button>
                <button class="danger" name="verdict" value="reject" formnovalidate>{lang.reject_button()}</button>
            </div>
        </form>
    }
    .into_any()
}
