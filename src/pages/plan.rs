//! `/plans/{id}`: review while it is a draft, results afterwards.

use crate::{
    api::load_plan,
    components::load,
    pages::{plan_draft::DraftPlan, plan_sent::SentPlan},
};
use leptos::{either::Either, prelude::*};
use leptos_router::hooks::use_params_map;
use patchboard_domain::fleet::PlanView;

/// One plan.
#[component]
pub fn PlanPage() -> impl IntoView {
    let id = use_params_map().get_untracked().get("id").unwrap_or_default();
    load(load_plan(id), |view| match view {
        PlanView::Draft(view) => Either::Left(view! { <DraftPlan view=*view/> }),
        PlanView::Sent(view) => Either::Right(view! { <SentPlan view=*view/> }),
    })
}
