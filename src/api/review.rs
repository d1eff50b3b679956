//! Decisions about plans.

use super::ApiError;
use leptos::prelude::*;

/// Asks for a decision about a draft whose requests have the hash that was shown.
#[server(endpoint = "plans/ask_review")]
pub async fn ask_review(plan: String, hash: String) -> Result<(), ApiError> {
    let (services, actor) = super::who()?;
    let id = patchboard_domain::id::PlanId::new(plan);
    let here = crate::paths::plan(&id);
    super::answer(services.ask_review(&actor, &id, &hash).await.map(|()| here.clone()), &here);
    Ok(())
}

/// Decides about requests that have the hash that was shown. `verdict` is `approve`, `changes` or `reject`. `count`: the number of
/// instances that was typed, where production is approved. `shown`: when the
/// page was made, in milliseconds since 1970.
#[server(endpoint = "plans/decide")]
pub async fn decide_plan(
    plan: String,
    hash: String,
    verdict: String,
    #[server(default)] comment: String,
    #[server(default)] count: String,
    #[server(default)] shown: i64,
) -> Result<(), ApiError> {
    use patchboard_domain::review::Verdict;
    let (services, actor) = super::who()?;
    let id = patchboard_domain::id::PlanId::new(plan);
    let here = crate::paths::plan(&id);
    let result = match Verdict::from_word(&verdict) {
        Some(verdict) => {
            let shown = chrono::DateTime::from_timestamp_millis(shown);
            let ruling = patchboard_backend::Ruling { hash: &hash, verdict, comment: &comment, count: &count, shown };
            services.decide(&actor, &id, ruling).await
        }
        None => Err(patchboard_backend::Error::NotFound),
    };
    super::answer(result.map(|()| here.clone()), &here);
    Ok(())
}

/// Reads again what the checks of a plan rest on. With the form of a decision
/// (`hash`), what is being written there is kept.
#[server(endpoint = "plans/check")]
pub async fn check_plan(plan: String, #[server(default)] hash: String, #[server(default)] comment: String) -> Result<(), ApiError> {
    let (services, actor) = super::who()?;
    let id = patchboard_domain::id::PlanId::new(plan);
    let here = crate::paths::plan(&id);
    // Only the form of a decision has a hash; what it holds is what is being written, and nothing is nothing.
    let kept = if hash.is_empty() { Ok(()) } else { services.keep_words(&actor, &id, &comment).await };
    let result = match kept {
        Ok(()) => services.check_again(&actor, &id).await,
        Err(error) => Err(error),
    };
    let result = match result {
        // It was done a moment ago.
        Err(patchboard_backend::Error::TooMany(_)) => Ok(()),
        other => other,
    };
    super::answer(result.map(|()| here.clone()), &here);
    Ok(())
}

/// Takes a plan out of review, to change it.
#[server(endpoint = "plans/reopen")]
pub async fn reopen_plan(plan: String) -> Result<(), ApiError> {
    let (services, actor) = super::who()?;
    let id = patchboard_domain::id::PlanId::new(plan);
    super::answer(services.reopen(&actor, &id).await.map(|()| crate::paths::schedule(&id)), &crate::paths::plan(&id));
    Ok(())
}

/// Says something about a plan.
#[server(endpoint = "plans/comment")]
pub async fn comment_plan(plan: String, #[server(default)] text: String) -> Result<(), ApiError> {
    let (services, actor) = super::who()?;
    let id = patchboard_domain::id::PlanId::new(plan);
    let here = crate::paths::plan(&id);
    super::answer(services.comment(&actor, &id, &text).await.map(|()| format!("{here}#thread")), &here);
    Ok(())
}
