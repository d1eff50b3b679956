//! Where one is on the way from the first tick to sending.

use crate::{paths, viewer::Viewer};
use leptos::prelude::*;
use patchboard_domain::{eligibility::PlanRefusal, filter::FleetFilter, fleet::DraftView, id::PlanId};

/// A step of making a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// Instances.
    Pick,
    /// Versions and time.
    Schedule,
    /// Review and send.
    Review,
}

/// The steps of a draft in which something is left to solve.
pub fn unfinished(view: &DraftView) -> Vec<Step> {
    let picks = |r: &PlanRefusal| {
        matches!(r, PlanRefusal::NoInstances | PlanRefusal::Instance(..) | PlanRefusal::UnknownInstance(_) | PlanRefusal::SharesTask { .. })
    };
    let pick = view.refusals.iter().any(picks).then_some(Step::Pick);
    let schedule = (view.start.is_err() || view.refusals.iter().any(|r| !picks(r))).then_some(Step::Schedule);
    pick.into_iter().chain(schedule).collect()
}

/// The three steps, each a link once there is a draft.
#[component]
pub fn PlanSteps(
    /// This step.
    step: Step,
    /// The draft, if there is one.
    plan: Option<PlanId>,
    /// Steps before this one in which something is left to solve.
    #[prop(optional)]
    unfinished: Vec<Step>,
) -> impl IntoView {
    let lang = Viewer::current().lang;
    let filter = FleetFilter::default();
    let links = plan.map(|id| (paths::pick(Some(&id), &filter, 1, false), paths::schedule(&id), paths::plan(&id)));
    let item = |of: Step, text: &'static str, href: Option<String>| {
        let current = (of == step).then_some("step");
        let text = match href {
            Some(href) if of != step => leptos::either::Either::Left(view! { <a href=href>{text}</a> }),
            _ => leptos::either::Either::Right(text),
        };
        let left = of < step && unfinished.contains(&of);
        let said = left.then(|| view! { <span class="visually-hidden">" (" {lang.step_unfinished()} ")"</span> });
        view! { <li aria-current=current class:done=of < step && !left class:unfinished=left>{text}{said}</li> }
    };
    view! {
        <nav class="steps" aria-label=lang.steps() data-live="steps">
            <ol>
                {item(Step::Pick, lang.step_pick(), links.as_ref().map(|l| l.0.clone()))}
                {item(Step::Schedule, lang.step_schedule(), links.as_ref().map(|l| l.1.clone()))}
                {item(Step::Review, lang.step_review(), links.as_ref().map(|l| l.2.clone()))}
            </ol>
        </nav>
    }
}
