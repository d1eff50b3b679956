//! The fleet.

use super::ApiError;
use leptos::prelude::*;
use patchboard_domain::{
    filter::FleetFilter,
    fleet::{FleetRow, FleetView},
    task::Task,
};

/// A page of the fleet.
#[server(endpoint = "instances/list")]
pub async fn load_fleet(filter: FleetFilter, page: i64) -> Result<FleetView, ApiError> {
    let (services, actor) = super::who()?;
    services.fleet(&actor, &filter, page).await.map_err(super::failed)
}

/// One instance with its tasks.
#[server(endpoint = "instances/show")]
pub async fn load_instance(cloud: String, id: String) -> Result<(FleetRow, Vec<Task>), ApiError> {
    use patchboard_domain::id::{CloudName, InstanceId};
    let (services, actor) = super::who()?;
    services.instance(&actor, &CloudName::new(cloud), &InstanceId::new(id)).await.map_err(super::failed)
}

/// Looks at the clouds now; the page shows how far it is.
#[server(endpoint = "refresh")]
pub async fn refresh(#[server(default)] back: String) -> Result<(), ApiError> {
    let (services, actor) = super::who()?;
    super::answer(services.refresh(&actor).map(|()| crate::paths::local(&back)), &back);
    Ok(())
}

/// A person says that the credentials of a cloud are right again.
#[server(endpoint = "clouds/resume")]
pub async fn resume_cloud(cloud: String, #[server(default)] back: String) -> Result<(), ApiError> {
    let (services, actor) = super::who()?;
    let result = services.resume_cloud(&actor, &patchboard_domain::id::CloudName::new(cloud)).await;
    super::answer(result.map(|()| crate::paths::local(&back)), &back);
    Ok(())
}
