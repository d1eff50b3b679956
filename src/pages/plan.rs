//! `/plans/{id}`: its author's review while it is a draft, the decision, results afterwards.

use crate::{
    api::load_plan,
    components::load,
    pages::{page_of, plan_draft::DraftPlan, plan_review::ReviewPlan, plan_sent::SentPlan},
    query::Query,
};
use leptos::{either::EitherOf3, prelude::*};
use leptos_router::hooks::use_params_map;
use patchboard_domain::fleet::PlanView;

/// One plan.
#[component]
pub fn PlanPage() -> impl IntoView {
    let id = use_params_map().get_untracked().get("id").unwrap_or_default();
    let query = Query::current();
    let (items, attempts, requests) = (page_of(&query, "page"), page_of(&query, "attempts"), page_of(&query, "requests"));
    load(load_plan(id, items, attempts, requests, false), move |view| match view {
        PlanView::Draft(view) => EitherOf3::A(view! { <DraftPlan view=*view page=requests/> }),
        PlanView::InReview(view) => EitherOf3::B(view! { <ReviewPlan view=*view page=requests/> }),
        PlanView::Sent(view) => EitherOf3::C(view! { <SentPlan view=*view/> }),
    })
}
