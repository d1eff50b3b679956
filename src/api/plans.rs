//! Plans.

use super::ApiError;
use leptos::prelude::*;
use patchboard_domain::{
    filter::FleetFilter,
    fleet::{DraftView, Page, PickerView, PlanRow, PlanView},
};

#[cfg(feature = "ssr")]
use crate::paths;
#[cfg(feature = "ssr")]
use patchboard_backend::SentPages;
#[cfg(feature = "ssr")]
use patchboard_domain::{
    account::Actor,
    authority::Stage,
    id::{CloudName, InstanceId, PlanId},
};

/// A page of the list of plans.
#[server(endpoint = "plans/list")]
pub async fn load_plans(page: i64) -> Result<Page<PlanRow>, ApiError> {
    let (services, actor) = super::who()?;
    services.plan_rows(&actor, page).await.map_err(super::failed)
}

/// The first step of a plan.
#[server(endpoint = "plans/picker")]
pub async fn load_picker(plan: Option<String>, filter: FleetFilter, page: i64, selected_only: bool) -> Result<PickerView, ApiError> {
    let (services, actor) = super::who()?;
    let id = plan.map(PlanId::new);
    // A plan is of one cloud: before the first tick it is the one asked for, or the first.
    let mut filter = filter;
    if id.is_none() && filter.cloud.is_empty() {
        filter.cloud = services.clouds().first().map(|c| c.name().to_string()).unwrap_or_default();
    }
    let view = services.picker(&actor, id.as_ref(), &filter, page, selected_only).await.map_err(super::failed);
    super::sent_meanwhile(view, id.as_ref())
}

/// The second step of a plan.
#[server(endpoint = "plans/draft")]
pub async fn load_draft(plan: String) -> Result<DraftView, ApiError> {
    let id = PlanId::new(plan);
    let (services, actor) = super::who()?;
    let view = services.draft_view(&actor, &id).await.map_err(super::failed);
    super::sent_meanwhile(view, Some(&id))
}

/// A plan, draft or sent. `whole`: everything of a sent one, without pages.
#[server(endpoint = "plans/show")]
pub async fn load_plan(
    plan: String,
    items: i64,
    attempts: i64,
    requests: i64,
    #[server(default)] whole: bool,
) -> Result<PlanView, ApiError> {
    let (services, actor) = super::who()?;
    let id = PlanId::new(plan);
    let found = services.plan(&id).await.map_err(super::failed)?;
    match found.stage() {
        Stage::Draft => services.draft_view(&actor, &id).await.map(|v| PlanView::Draft(Box::new(v))).map_err(super::failed),
        Stage::InReview => services.review_view(&actor, &id).await.map(|v| PlanView::InReview(Box::new(v))).map_err(super::failed),
        Stage::Submitted => services
            .sent_view(&actor, &id, SentPages { items, attempts, requests, whole })
            .await
            .map(|v| PlanView::Sent(Box::new(v)))
            .map_err(super::failed),
    }
}

/// Everything the picker's form does. `go` names the button: `save`, `filter`, `page:N`, `tick_page`, `all`, `clear`,
/// `paste`, `selected`, `everything`, `continue`. Ticks are kept whichever was pressed.
#[server(endpoint = "plans/pick")]
pub async fn pick_instances(
    #[server(default)] plan: String,
    #[server(default)] plan_cloud: String,
    #[server(default)] shown: String,
    #[server(default)] was: String,
    #[server(default)] ticked: Vec<String>,
    #[server(default)] pasted: String,
    #[server(default)] go: String,
    #[server(default)] page: i64,
    #[server(default)] selected_only: bool,
    #[server(default)] q: String,
    #[server(default)] status: String,
    #[server(default)] engine: String,
    #[server(default)] missing: String,
    #[server(default)] tag: String,
    #[server(default)] project: String,
    #[server(default)] form: String,
    #[server(default)] cloud: String,
    #[server(default)] applied: String,
) -> Result<(), ApiError> {
    let (services, actor) = super::who()?;
    let viewer = crate::viewer::Viewer::current();
    let filter = FleetFilter { q, status, engine, missing, tag, project, form, cloud };
    let ids = |text: &str| -> Vec<InstanceId> { text.split(',').filter(|t| !t.is_empty()).map(InstanceId::new).collect() };
    let was = ids(&was);
    let ticked = if go == "tick_page" { ids(&shown) } else { ticked.iter().map(InstanceId::new).collect() };
    // "All matching" means what the page showed, not what was chosen since without applying it.
    let applied = serde_json::from_str(&applied).unwrap_or_else(|_| filter.clone());
    let back = if plan.is_empty() { paths::pick(None, &filter, page, false) } else { paths::plan(&PlanId::new(&plan)) };
    let pick = Pick { actor, plan, cloud: plan_cloud, zone: viewer.zone, was, ticked, pasted, go, page, selected_only, filter, applied };
    super::answer(pick.run(&services).await, &back);
    Ok(())
}

#[cfg(feature = "ssr")]
struct Pick {
    actor: Actor,
    plan: String,
    cloud: String,
    zone: String,
    was: Vec<InstanceId>,
    ticked: Vec<InstanceId>,
    pasted: String,
    go: String,
    page: i64,
    selected_only: bool,
    filter: FleetFilter,
    applied: FleetFilter,
}

#[cfg(feature = "ssr")]
impl Pick {
    /// Returns where to go.
    async fn run(self, services: &patchboard_backend::Services) -> Result<String, patchboard_backend::Error> {
        use patchboard_backend::Selection;
        let nothing = self.ticked.is_empty() && self.pasted.trim().is_empty() && !matches!(self.go.as_str(), "all" | "continue");
        if self.plan.is_empty() && nothing {
            // Looking around makes no draft.
            return Ok(paths::pick(None, &self.filter, self.target_page(), false));
        }
        let id = if self.plan.is_empty() {
            services.create_draft(&self.actor, &CloudName::new(&self.cloud), &self.zone).await?
        } else {
            PlanId::new(&self.plan)
        };
        let mut refused = services.select(&self.actor, &id, Selection::Page { was: self.was.clone(), ticked: self.ticked.clone() }).await?;
        let selected_only = match self.go.as_str() {
            "selected" => true,
            "everything" | "filter" => false,
            _ => self.selected_only,
        };
        match self.go.as_str() {
            "all" => refused = services.select(&self.actor, &id, Selection::AllMatching(self.applied.clone())).await?,
            "clear" => refused = services.select(&self.actor, &id, Selection::Clear).await?,
            // A list that was typed is added whichever button was pressed; before going on, its report is shown.
            _ if self.go == "paste" || self.pasted != services.plan(&id).await?.draft.pasted => {
                refused = services.select(&self.actor, &id, Selection::Paste(self.pasted.clone())).await?;
            }
            "continue" if refused == 0 => return Ok(paths::schedule(&id)),
            _ => {}
        }
        let to = paths::pick(Some(&id), &self.filter, self.target_page(), selected_only);
        Ok(if refused > 0 { paths::with(&to, "refused", &refused.to_string()) } else { to })
    }

    fn target_page(&self) -> i64 {
        match self.go.split_once(':') {
            Some(("page", n)) => n.parse().unwrap_or(1),
            _ if matches!(self.go.as_str(), "filter" | "selected" | "everything") => 1,
            _ => self.page,
        }
    }
}

/// A draft with one instance, from its page or from the fleet.
#[server(endpoint = "plans/start")]
pub async fn start_plan(cloud: String, instance: String) -> Result<(), ApiError> {
    let (services, actor) = super::who()?;
    let zone = crate::viewer::Viewer::current().zone;
    let (cloud, instance) = (CloudName::new(&cloud), InstanceId::new(instance));
    let result = services.start_draft(&actor, &cloud, &instance, &zone).await;
    super::answer(result.map(|id| paths::schedule(&id)), &paths::instance(&cloud, &instance));
    Ok(())
}

/// Keeps the second step as it was typed. `go` is `save`, `continue`, `retry`, or `drop:PATCH`: those on which it cannot be installed.
#[server(endpoint = "plans/schedule")]
pub async fn set_schedule(
    plan: String,
    #[server(default)] title: String,
    #[server(default)] reason: String,
    #[server(default)] ticket: String,
    #[server(default)] patches: Vec<String>,
    #[server(default)] start_local: String,
    #[server(default)] zone: String,
    #[server(default)] fold: String,
    #[server(default)] was: String,
    #[server(default)] go: String,
) -> Result<(), ApiError> {
    use patchboard_domain::plan::{Draft, Fold};
    let (services, actor) = super::who()?;
    let id = PlanId::new(plan);
    let fold = match fold.as_str() {
        "first" => Some(Fold::First),
        "second" => Some(Fold::Second),
        _ => None,
    };
    let patches = patches.iter().filter_map(|p| p.parse().ok()).collect();
    let short = |text: &str, most: usize| text.trim().chars().take(most).collect::<String>();
    let typed = Draft {
        title: short(&title, 200),
        reason: short(&reason, 2_000),
        ticket: short(&ticket, 300),
        patches,
        start_local: short(&start_local, 40),
        zone: short(&zone, 64),
        fold,
        ..Draft::default()
    };
    // What the form showed when it was loaded; a form without it was written by hand, and all of it counts.
    let was: Draft = serde_json::from_str(&was).unwrap_or_else(|_| Draft {
        title: "\0".to_owned(),
        reason: "\0".to_owned(),
        ticket: "\0".to_owned(),
        start_local: "\0".to_owned(),
        zone: "\0".to_owned(),
        ..Draft::default()
    });
    let result = async {
        services.set_schedule(&actor, &id, &was, &typed).await?;
        match go.split_once(':') {
            Some(("drop", patch)) => {
                if let Ok(patch) = patch.parse() {
                    services.drop_misfits(&actor, &id, patch).await?;
                }
            }
            _ if go == "continue" => return Ok(paths::plan(&id)),
            _ if go == "retry" => {
                let draft = services.plan(&id).await?;
                services.retry_candidates(&actor, &draft.cloud, &draft.draft.instances).await?;
            }
            _ => {}
        }
        Ok(paths::schedule(&id))
    }
    .await;
    super::answer(result, &paths::plan(&id));
    Ok(())
}

/// Sends a draft whose requests have the hash that was shown. More than one instance asks for their number.
#[server(endpoint = "plans/confirm")]
pub async fn confirm_plan(plan: String, hash: String, #[server(default)] count: String) -> Result<(), ApiError> {
    let (services, actor) = super::who()?;
    let id = PlanId::new(plan);
    let here = paths::plan(&id);
    super::answer(services.submit(&actor, &id, &hash, &count).await.map(|()| here.clone()), &here);
    Ok(())
}

/// Changes a plan as a whole. `go` is `hold`, `unhold`, `withdraw`, `move` (a new draft that takes the place of what waits),
/// `again` (a new draft from what was not scheduled; with `of` = `failed` from what failed, without a start), `acknowledge` or
/// `discard`.
#[server(endpoint = "plans/change")]
pub async fn change_plan(plan: String, go: String, #[server(default)] of: String) -> Result<(), ApiError> {
    let (services, actor) = super::who()?;
    let id = PlanId::new(plan);
    let here = paths::plan(&id);
    let result = match go.as_str() {
        "hold" => services.hold(&actor, &id, true).await.map(|()| here.clone()),
        "unhold" => services.hold(&actor, &id, false).await.map(|()| here.clone()),
        "withdraw" => services.withdraw(&actor, &id).await.map(|_| here.clone()),
        "move" => services.move_plan(&actor, &id).await.map(|new| paths::schedule(&new)),
        "again" if of == "failed" => {
            let prefix = crate::viewer::Viewer::current().lang.retry_prefix();
            services.draft_of_failed(&actor, &id, prefix).await.map(|new| paths::schedule(&new))
        }
        "acknowledge" => services.acknowledge(&actor, &id).await.map(|()| here.clone()),
        "again" => services.draft_from_failed(&actor, &id).await.map(|new| paths::schedule(&new)),
        "discard" => services.discard(&actor, &id).await.map(|()| paths::PLANS.to_owned()),
        _ => Err(patchboard_backend::Error::NotFound),
    };
    super::answer(result, &here);
    Ok(())
}
