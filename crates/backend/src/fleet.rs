//! The fleet: what the cloud last said, and who may be picked.

use crate::{Error, Services};
use patchboard_domain::{
    account::Actor,
    authority::Action,
    eligibility::{Ineligible, OtherPlan, check_instance},
    filter::FleetFilter,
    fleet::{FleetRow, FleetView, Page},
    id::{CloudName, InstanceId, PlanId},
    instance::Instance,
    plan::Plan,
    task::{Task, TaskStatus},
    version::PatchVersion,
};
use std::collections::BTreeMap;

impl Services {
    /// A page of the fleet.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn fleet(&self, actor: &Actor, filter: &FleetFilter, page: i64) -> Result<FleetView, Error> {
        self.allow(actor, Action::Read)?;
        let (mut instances, total) = self.store().instances(filter, page).await?;
        let page = nearest_page(page, total);
        if instances.is_empty() && total > 0 {
            instances = self.store().instances(filter, page).await?.0;
        }
        let rows = self.rows(instances, None).await?;
        let page = Page { rows, total, page };
        Ok(FleetView { page, facets: (*self.facets().await?).clone(), sync: self.sync_statuses().await? })
    }

    /// One instance with all its tasks, newest first.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Store`].
    pub async fn instance(&self, actor: &Actor, cloud: &CloudName, id: &InstanceId) -> Result<(FleetRow, Vec<Task>), Error> {
        self.allow(actor, Action::Read)?;
        let ids = [id.clone()];
        let instances = self.store().instances_by_id(cloud, &ids).await?;
        let row = self.rows(instances, None).await?.into_iter().next().ok_or(Error::NotFound)?;
        Ok((row, self.store().tasks_of(cloud, &ids).await?))
    }

    /// Instances with what stands against picking them. The plan `own` does not stand against its own instances, nor does what it moves.
    pub(crate) async fn rows(&self, instances: Vec<Instance>, own: Option<&Plan>) -> Result<Vec<FleetRow>, Error> {
        let mut by_cloud: BTreeMap<CloudName, Vec<InstanceId>> = BTreeMap::new();
        for i in &instances {
            by_cloud.entry(i.cloud.clone()).or_default().push(i.id.clone());
        }
        let mut tasks: BTreeMap<InstanceId, Vec<Task>> = BTreeMap::new();
        let mut plans: BTreeMap<InstanceId, PlanId> = BTreeMap::new();
        for (cloud, ids) in &by_cloud {
            // Plans first: what a listing confirms between the two reads is then seen twice rather than not at all.
            plans.extend(self.plans_touching(cloud, ids).await?);
            for task in self.store().tasks_of(cloud, ids).await? {
                tasks.entry(task.instance.clone()).or_default().push(task);
            }
        }
        let catalogue = self.store().catalogue().await?;
        Ok(instances
            .into_iter()
            .map(|instance| {
                let moves = own.and_then(|plan| plan.moves.as_ref());
                let is_moved =
                    |t: &&Task| moves.is_some() && t.plan.as_ref() == moves && t.status == TaskStatus::Pending && t.gone_at.is_none();
                let open: Vec<&Task> = tasks.get(&instance.id).into_iter().flatten().filter(|t| !is_moved(t)).collect();
                let other =
                    plans.get(&instance.id).filter(|p| Some(*p) != own.map(|plan| &plan.id)).map(|plan| OtherPlan { plan: plan.clone() });
                let ineligible: Option<Ineligible> = check_instance(&instance, &open, other.as_ref()).err();
                let missing = missing(&instance, &catalogue);
                FleetRow { instance, ineligible, missing }
            })
            .collect())
    }
}

/// The page that exists nearest to the one asked for.
pub(crate) fn nearest_page(page: i64, total: i64) -> i64 {
    page.clamp(1, Page { rows: Vec::<()>::new(), total, page: 1 }.pages())
}

fn missing(instance: &Instance, catalogue: &[PatchVersion]) -> usize {
    catalogue.iter().filter(|p| Some(p.engine()) == instance.engine && !instance.patches.contains(p)).count()
}
