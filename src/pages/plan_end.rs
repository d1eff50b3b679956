//! What can be done about a plan of which not all went well: find the cause, try again, take note.

use crate::{api::ChangePlan, viewer::Viewer, when};
use chrono::{DateTime, Utc};
use leptos::{prelude::*, server_fn::ServerFn};
use patchboard_domain::{
    authority::Action,
    fleet::{May, Names},
    id::PlanId,
    plan::Plan,
    send::{Item, ended_badly},
};

/// Who took note of how a plan ended, and when.
pub(super) fn acknowledgement(plan: &Plan, names: &Names) -> Option<(String, DateTime<Utc>)> {
    let who = plan.acknowledged_by.as_ref().map(|user| names.get(user).cloned().unwrap_or_else(|| user.to_string()));
    plan.acknowledged_at.map(|at| (who.unwrap_or_else(|| "—".to_owned()), at))
}

/// The next steps; nothing where all went well or is still under way.
#[component]
pub(super) fn NextSteps(
    /// The plan.
    id: PlanId,
    /// Its instances by kind.
    counts: Vec<(Item, usize)>,
    /// What the one who looks may do.
    may: May,
    /// Who took note, and when.
    acknowledged: Option<(String, DateTime<Utc>)>,
) -> impl IntoView {
    let viewer = Viewer::current();
    let lang = viewer.lang;
    let count = |f: fn(&Item) -> bool| counts.iter().filter(|(i, _)| f(i)).map(|(_, n)| n).sum::<usize>();
    let (failed, in_cloud) = (count(Item::failed), count(Item::failed_in_cloud));
    let kinds: Vec<Item> = counts.iter().map(|(item, _)| item.clone()).collect();
    let open = may.allows(Action::AcknowledgePlan) && ended_badly(&kinds);
    let cause = (in_cloud > 0).then(|| view! { <p>{lang.failed_in_cloud(&lang.instances(in_cloud))} " " {lang.failed_cause()}</p> });
    let retry = (failed > 0 && may.allows(Action::CreatePlan)).then(|| view! { <Retry id=id.clone() failed=failed/> });
    let note = match acknowledged {
        Some((who, at)) => Some(view! { <p>{lang.acknowledged_by(&who, &when::full(&viewer, at))}</p> }.into_any()),
        None => open.then(|| view! { <Acknowledge id=id.clone()/> }.into_any()),
    };
    let any = cause.is_some() || retry.is_some() || note.is_some();
    any.then(|| {
        view! { <section class="card" aria-labelledby="next"><h2 id="next">{lang.next_steps()}</h2>{cause}{retry}{note}</section> }
    })
}

#[component]
fn Retry(id: PlanId, failed: usize) -> impl IntoView {
    let lang = Viewer::current().lang;
    view! {
        <form method="post" action=ChangePlan::url() class="actions">
            <input type="hidden" name="plan" value=id.to_string()/>
            <input type="hidden" name="of" value="failed"/>
            <button name="go" value="again">{lang.plan_from_those_failed(failed)}</button>
            <span class="hint">{lang.plan_from_those_failed_help()}</span>
        </form>
    }
}

#[component]
fn Acknowledge(id: PlanId) -> impl IntoView {
    let lang = Viewer::current().lang;
    view! {
        <form method="post" action=ChangePlan::url() class="actions">
            <input type="hidden" name="plan" value=id.to_string()/>
            <button name="go" value="acknowledge">{lang.acknowledge()}</button>
            <span class="hint">{lang.acknowledge_help()}</span>
        </form>
    }
}
