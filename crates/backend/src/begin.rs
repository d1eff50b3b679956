//! How a draft begins: empty, with one instance, or like another plan.

use crate::{
    Error, Services,
    drafts::{Selection, plan_subject},
    throttle::Key,
    zones,
};
use patchboard_domain::{
    account::Actor,
    authority::Action,
    id::{CloudName, InstanceId, PlanId},
    plan::{Draft, Plan},
    send::Item,
    version::PatchVersion,
};
use serde_json::json;

/// Longest title, in characters.
const TITLE_MAX: usize = 200;

impl Services {
    /// A new draft, with its first change of the selection.
    ///
    /// # Errors
    /// [`Error::NotFound`] when no cloud is configured by that name, [`Error::Denied`], [`Error::Store`].
    pub async fn create_draft(&self, actor: &Actor, cloud: &CloudName, zone: &str) -> Result<PlanId, Error> {
        self.begin_draft(actor, cloud, zone, None).await
    }

    async fn begin_draft(&self, actor: &Actor, cloud: &CloudName, zone: &str, moves: Option<&PlanId>) -> Result<PlanId, Error> {
        self.allow(actor, Action::CreatePlan)?;
        self.not_too_often(actor, Key::many_an_hour("plan"))?;
        self.cloud(cloud)?;
        let now = self.now();
        let zone = if zones::find(zone).is_some() { zone } else { &self.policy().default_zone };
        let plan = Plan {
            id: PlanId::new(uuid::Uuid::now_v7().to_string()),
            cloud: cloud.clone(),
            draft: Draft { zone: zone.to_owned(), ..Draft::default() },
            revision: 0,
            created_at: now,
            updated_at: now,
            submitted_at: None,
            start_at: None,
            held_at: None,
            author: actor.user.clone(),
            edited_by: actor.user.clone(),
            editors: actor.user.iter().cloned().collect(),
            review: None,
            approved_hash: None,
            approvals_needed: 0,
            moves: moves.cloned(),
            acknowledged_at: None,
            acknowledged_by: None,
        };
        let deed = self.deed(actor, "plan.create", plan_subject(&plan.id), json!({ "cloud": cloud, "moves": moves }));
        self.store().add_plan(&plan, &deed).await?;
        Ok(plan.id)
    }

    /// A draft of one instance that can be patched now.
    ///
    /// # Errors
    /// [`Error::NotReady`] when it cannot; its page says why. [`Error::NotFound`], [`Error::Denied`], [`Error::Store`].
    pub async fn start_draft(&self, actor: &Actor, cloud: &CloudName, instance: &InstanceId, zone: &str) -> Result<PlanId, Error> {
        if self.instance(actor, cloud, instance).await?.0.ineligible.is_some() {
            return Err(Error::NotReady);
        }
        let id = self.create_draft(actor, cloud, zone).await?;
        let ids = vec![instance.clone()];
        self.select(actor, &id, Selection::Page { was: Vec::new(), ticked: ids }).await?;
        Ok(id)
    }

    /// A new draft from the instances of a plan that were refused or missed, with the old values.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::NotReady`] when there are none, [`Error::Store`].
    pub async fn draft_from_failed(&self, actor: &Actor, id: &PlanId) -> Result<PlanId, Error> {
        let plan = self.plan(id).await?;
        let instances: Vec<InstanceId> =
            self.store().items(id).await?.into_iter().filter(|i| i.state.came_to_nothing()).map(|i| i.instance).collect();
        if instances.is_empty() {
            return Err(Error::NotReady);
        }
        self.draft_like(actor, plan, instances, None).await
    }

    /// A new draft from exactly the instances of a plan that failed in the cloud, were refused, missed or not sent: with the hot
    /// patches that they were to get, and without a start. `prefix` stands before its title.
    ///
    /// # Errors
    /// [`Error::Denied`], [`Error::NotFound`], [`Error::NotReady`] when there are none, [`Error::Store`].
    pub async fn draft_of_failed(&self, actor: &Actor, id: &PlanId, prefix: &str) -> Result<PlanId, Error> {
        self.allow(actor, Action::CreatePlan)?;
        let mut plan = self.plan(id).await?;
        let failed: Vec<Item> = self.store().items(id).await?.into_iter().filter(Item::failed).collect();
        if failed.is_empty() {
            return Err(Error::NotReady);
        }
        // Only theirs: a patch of another engine version would stand against the new plan.
        let requests = (0_i64..).zip(self.store().requests(id).await?).filter(|(n, _)| failed.iter().any(|i| i.request == *n));
        let mut patches: Vec<PatchVersion> = requests.flat_map(|(_, r)| r.patches).collect();
        patches.sort_unstable();
        patches.dedup();
        let title = match plan.draft.title.as_str() {
            title if title.is_empty() || title.starts_with(prefix) => title.to_owned(),
            title => format!("{prefix}{title}").chars().take(TITLE_MAX).collect(),
        };
        plan.draft = Draft { title, patches, start_local: String::new(), fold: None, ..plan.draft };
        let instances = failed.into_iter().map(|i| i.instance).collect();
        self.draft_like(actor, plan, instances, None).await
    }

    /// A draft with the values of another plan and these of its instances.
    pub(crate) async fn draft_like(
        &self,
        actor: &Actor,
        plan: Plan,
        instances: Vec<InstanceId>,
        moves: Option<&PlanId>,
    ) -> Result<PlanId, Error> {
        let new = self.begin_draft(actor, &plan.cloud, &plan.draft.zone, moves).await?;
        let draft = Draft { instances, pasted: String::new(), ..plan.draft };
        let deed = self.edit_deed(actor, &new, &Draft::default(), &draft, &[]);
        self.store().put_draft(&new, 0, &draft, actor.user.as_ref(), self.now(), &deed).await?;
        self.ask_candidates(&plan.cloud, draft.instances);
        Ok(new)
    }
}
