//! Scheduled tasks.

use super::ApiError;
use leptos::prelude::*;
use patchboard_domain::{
    filter::TaskFilter,
    fleet::{OrderView, TasksView},
};

/// A page of the task list.
#[server(endpoint = "tasks/list")]
pub async fn load_tasks(filter: TaskFilter, page: i64) -> Result<TasksView, ApiError> {
    let zone = crate::viewer::Viewer::current().zone;
    let (services, actor) = super::who()?;
    services.tasks(&actor, &filter, &zone, page).await.map_err(super::failed)
}

/// Everybody who shares a task id.
#[server(endpoint = "tasks/show")]
pub async fn load_task(cloud: String, task: String) -> Result<OrderView, ApiError> {
    use patchboard_domain::id::{CloudName, TaskId};
    let (services, actor) = super::who()?;
    services.order_view(&actor, &CloudName::new(cloud), &TaskId::new(task)).await.map_err(super::failed)
}

/// Cancels a task or deletes its record. `what` is `cancel` or `delete`; `reason` and `typed` are needed for a task of production, or that
/// somebody made outside Patchboard.
#[server(endpoint = "tasks/order")]
pub async fn order_task(
    cloud: String,
    task: String,
    what: String,
    #[server(default)] reason: String,
    #[server(default)] typed: String,
) -> Result<(), ApiError> {
    use patchboard_backend::{Given, REASON_MAX};
    use patchboard_domain::{
        cancel::TaskOrder,
        id::{CloudName, TaskId},
    };
    let (services, actor) = super::who()?;
    let (cloud, task) = (CloudName::new(cloud), TaskId::new(task));
    let here = crate::paths::task(&cloud, &task);
    let given = Given { reason: &reason, typed: &typed };
    let result = match what.as_str() {
        "cancel" => services.order(&actor, &cloud, &task, TaskOrder::Cancel, given).await,
        "delete" => services.order(&actor, &cloud, &task, TaskOrder::Delete, given).await,
        _ => Err(patchboard_backend::Error::NotFound),
    };
    // Within the length of an address, whatever was posted.
    let said: String = reason.chars().take(REASON_MAX).collect();
    let back = if said.is_empty() { here.clone() } else { crate::paths::with(&here, "reason", &said) };
    super::answer(result.map(|()| here), &back);
    Ok(())
}
