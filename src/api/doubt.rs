//! Everything in doubt, and what is on hold.

use super::ApiError;
use leptos::prelude::*;
use patchboard_domain::fleet::DoubtView;

/// A page of what is in doubt.
#[server(endpoint = "doubt/list")]
pub async fn load_doubt(page: i64) -> Result<DoubtView, ApiError> {
    let (services, actor) = super::who()?;
    services.doubt_view(&actor, page).await.map_err(super::failed)
}

/// Takes a person's word for what became of an instance in doubt. `task` is the task it has, or empty: it has none.
#[server(endpoint = "doubt/resolve")]
pub async fn resolve_doubt(
    plan: String,
    request: i64,
    instance: String,
    #[server(default)] task: String,
    #[server(default)] reason: String,
    #[server(default)] page: i64,
) -> Result<(), ApiError> {
    use crate::paths;
    use patchboard_domain::id::{InstanceId, PlanId, TaskId};
    let (services, actor) = super::who()?;
    let task = (!task.is_empty()).then(|| TaskId::new(task));
    let (plan, instance) = (PlanId::new(plan), InstanceId::new(instance));
    let result = services.resolve_doubt(&actor, &plan, request, &instance, task.as_ref(), &reason).await;
    super::answer(result.map(|()| paths::DOUBT.to_owned()), &paths::settle(&plan, request, &instance, page.max(1)));
    Ok(())
}

/// Holds a cloud, or everything, or lets it go on. `scope` is `everything` or `cloud/NAME`; `go` is `hold` or `unhold`.
#[server(endpoint = "doubt/hold")]
pub async fn hold_all(scope: String, go: String, #[server(default)] reason: String) -> Result<(), ApiError> {
    use crate::paths;
    use patchboard_domain::hold::Scope;
    let (services, actor) = super::who()?;
    let result = match Scope::parse(&scope) {
        Some(scope) => services.hold_all(&actor, &scope, go == "hold", &reason).await,
        None => Err(patchboard_backend::Error::NotFound),
    };
    super::answer(result.map(|()| paths::DOUBT.to_owned()), paths::DOUBT);
    Ok(())
}
