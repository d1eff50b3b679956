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

/// Cancels a task or deletes its record. `what` is `cancel` or `delete`.
#[server(endpoint = "tasks/order")]
pub async fn order_task(cloud: String, task: String, what: String) -> Result<(), ApiError> {
    use patchboard_domain::{
        cancel::TaskOrder,
        id::{CloudName, TaskId},
    };
    let (services, actor) = super::who()?;
    let (cloud, task) = (CloudName::new(cloud), TaskId::new(task));
    let here = crate::paths::task(&cloud, &task);
    let result = match what.as_str() {
        "cancel" => services.order(&actor, &cloud, &task, TaskOrder::Cancel).await,
        "delete" => services.order(&actor, &cloud, &task, TaskOrder::Delete).await,
        _ => Err(patchboard_backend::Error::NotFound),
    };
    super::answer(result.map(|()| here.clone()), &here);
    Ok(())
}
