//! Drafts: picking instances, versions and a time. What is typed is kept as typed; what is wrong with it is said by the view.

use crate::{Error, Services, fleet::nearest_page, zones};
use chrono::Duration;
use patchboard_domain::{
    account::Actor,
    authority::{Action, Stage},
    compile::{Input, compile, plan_hash},
    eligibility::{Candidates, Chosen, NotInstallable, check_plan, patch_choices, warnings},
    filter::{FleetFilter, PAGE_SIZE},
    fleet::{DraftView, FleetRow, Page, Pasted, PickerView},
    id::{InstanceId, PlanId},
    instance::Instance,
    ledger::Deed,
    plan::{Draft, Plan},
    schedule::{TimeRefusal, check_instant, read_start},
    version::PatchVersion,
};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

/// A change of the selection. Each is a merge, so that two tabs do not overwrite each other.
#[derive(Clone, Debug)]
pub enum Selection {
    /// Boxes of a page were ticked or unticked. What is neither stays as somebody else may have left it meanwhile.
    Page {
        /// Those that were ticked when the page was shown.
        was: Vec<InstanceId>,
        /// Those that are.
        ticked: Vec<InstanceId>,
    },
    /// Everything eligible that matches.
    AllMatching(FleetFilter),
    /// Ids or names, one a line; of a line of CSV the first field.
    Paste(String),
    /// These are taken out.
    Remove(Vec<InstanceId>),
    /// Everything is taken out.
    Clear,
}

/// What a plan is called in the ledger.
pub(crate) fn plan_subject(id: &PlanId) -> String {
    format!("plan/{id}")
}

/// How often a merge is tried again when another tab was faster.
const MERGE_TRIES: u32 = 5;

impl Services {
    /// Changes the selection. Returns how many instances were asked for but cannot be patched.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Changed`] when it is no draft any more, [`Error::Denied`], [`Error::Store`].
    pub async fn select(&self, actor: &Actor, id: &PlanId, change: Selection) -> Result<usize, Error> {
        for _ in 0..MERGE_TRIES {
            let plan = self.draft(id).await?;
            self.allow_plan(actor, Action::EditPlan, &plan)?;
            let mut draft = plan.draft.clone();
            let refused = self.merge(&plan, &mut draft, &change).await?;
            if draft == plan.draft {
                // Looking through is no change: it must not make somebody the last editor.
                self.ask_candidates(&plan.cloud, draft.instances);
                return Ok(refused);
            }
            let deed = self.edit_deed(actor, id, &plan.draft, &draft, &[]);
            match self.store().put_draft(id, plan.revision, &draft, actor.user.as_ref(), self.now(), &deed).await {
                Ok(()) => {
                    self.ask_candidates(&plan.cloud, draft.instances);
                    return Ok(refused);
                }
                Err(patchboard_store::Error::Changed) => {}
                Err(other) => return Err(other.into()),
            }
        }
        Err(Error::Changed)
    }

    async fn merge(&self, plan: &Plan, draft: &mut Draft, change: &Selection) -> Result<usize, Error> {
        let mut wanted: Vec<FleetRow> = Vec::new();
        match change {
            Selection::Clear => draft.instances.clear(),
            Selection::Remove(ids) => draft.instances.retain(|i| !ids.contains(i)),
            Selection::Page { was, ticked } => {
                draft.instances.retain(|i| !was.contains(i) || ticked.contains(i));
                let fresh = |i: &&InstanceId| !was.contains(i) && !draft.instances.contains(i);
                let new: Vec<_> = ticked.iter().filter(fresh).cloned().collect();
                let instances = self.store().instances_by_id(&plan.cloud, &new).await?;
                wanted = self.rows(instances, Some(plan)).await?;
                wanted.sort_by_key(|r| new.iter().position(|i| *i == r.instance.id));
            }
            Selection::AllMatching(filter) => {
                let filter = FleetFilter { cloud: plan.cloud.to_string(), ..filter.clone() };
                wanted = self.rows(self.store().all_instances(&filter).await?, Some(plan)).await?;
            }
            Selection::Paste(text) => {
                draft.pasted.clone_from(text);
                for (_, found) in self.find_lines(plan, text).await? {
                    if let [one] = found.as_slice() {
                        wanted.push(one.clone());
                    }
                }
            }
        }
        let chosen: BTreeSet<InstanceId> = draft.instances.iter().cloned().collect();
        let mut refused = BTreeSet::new();
        let mut added = BTreeSet::new();
        for row in wanted {
            if row.ineligible.is_some() {
                refused.insert(row.instance.id);
            } else if !chosen.contains(&row.instance.id) && added.insert(row.instance.id.clone()) {
                draft.instances.push(row.instance.id);
            }
        }
        Ok(refused.len())
    }

    /// The instances that each pasted line names.
    async fn find_lines(&self, plan: &Plan, text: &str) -> Result<Vec<(String, Vec<FleetRow>)>, Error> {
        let lines: Vec<String> = text
            .lines()
            .map(|l| l.split([',', ';', '\t']).next().unwrap_or_default().trim().trim_matches('"').to_owned())
            .filter(|l| !l.is_empty())
            .collect();
        if lines.is_empty() {
            return Ok(Vec::new());
        }
        let filter = FleetFilter { cloud: plan.cloud.to_string(), ..FleetFilter::default() };
        let all = self.rows(self.store().all_instances(&filter).await?, Some(plan)).await?;
        let mut names: BTreeMap<&str, Vec<&FleetRow>> = BTreeMap::new();
        for row in &all {
            names.entry(row.instance.id.as_str()).or_default().push(row);
            if row.instance.name != row.instance.id.as_str() {
                names.entry(row.instance.name.as_str()).or_default().push(row);
            }
        }
        Ok(lines
            .into_iter()
            .map(|line| {
                let found = names.get(line.as_str()).or_else(|| names.get(line.to_lowercase().as_str()));
                let rows = found.map(|rows| rows.iter().map(|r| (*r).clone()).collect()).unwrap_or_default();
                (line, rows)
            })
            .collect())
    }

    /// Keeps what was typed in the second step, right or wrong. `was` is what the form showed when it was loaded: a field that was
    /// not touched keeps what another tab made of it meanwhile.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Changed`], [`Error::Store`].
    pub async fn set_schedule(&self, actor: &Actor, id: &PlanId, was: &Draft, typed: &Draft) -> Result<(), Error> {
        for _ in 0..MERGE_TRIES {
            let plan = self.draft(id).await?;
            self.allow_plan(actor, Action::EditPlan, &plan)?;
            let now = &plan.draft;
            let mut draft = Draft {
                title: touched(&was.title, &typed.title, &now.title),
                reason: touched(&was.reason, &typed.reason, &now.reason),
                ticket: touched(&was.ticket, &typed.ticket, &now.ticket),
                patches: touched(&was.patches, &typed.patches, &now.patches),
                start_local: touched(&was.start_local, &typed.start_local, &now.start_local),
                zone: touched(&was.zone, &typed.zone, &now.zone),
                fold: touched(&was.fold, &typed.fold, &now.fold),
                ..now.clone()
            };
            draft.patches.sort_unstable();
            draft.patches.dedup();
            // "First or second" is an answer about one reading: another time asks again.
            let unasked = Draft { fold: None, ..draft.clone() };
            let twice = matches!(read_start(&unasked, zones::find(&draft.zone).as_ref()), Err(TimeRefusal::Twice { .. }));
            let same_reading = draft.start_local == now.start_local && draft.zone == now.zone;
            if !twice || (!same_reading && draft.fold == now.fold) {
                draft.fold = None;
            }
            if draft == *now {
                return Ok(());
            }
            let collisions = [
                ("title", collide(&was.title, &typed.title, &now.title)),
                ("reason", collide(&was.reason, &typed.reason, &now.reason)),
                ("ticket", collide(&was.ticket, &typed.ticket, &now.ticket)),
                ("patches", collide(&was.patches, &typed.patches, &now.patches)),
                ("start_local", collide(&was.start_local, &typed.start_local, &now.start_local)),
                ("zone", collide(&was.zone, &typed.zone, &now.zone)),
            ];
            let over: Vec<&str> = collisions.into_iter().filter(|(_, yes)| *yes).map(|(field, _)| field).collect();
            let deed = self.edit_deed(actor, id, now, &draft, &over);
            match self.store().put_draft(id, plan.revision, &draft, actor.user.as_ref(), self.now(), &deed).await {
                Err(patchboard_store::Error::Changed) => {}
                result => return Ok(result?),
            }
        }
        Err(Error::Changed)
    }

    /// What the ledger keeps of a change of a draft: the fields that differ, before and after, and which of them hid what somebody
    /// else had written meanwhile.
    pub(crate) fn edit_deed(&self, actor: &Actor, id: &PlanId, before: &Draft, after: &Draft, over: &[&str]) -> Deed {
        let mut detail = serde_json::Map::new();
        let mut differs = |name: &str, old: serde_json::Value, new: serde_json::Value| {
            if old != new {
                detail.insert(name.to_owned(), json!({ "before": old, "after": new }));
            }
        };
        differs("title", json!(before.title), json!(after.title));
        differs("reason", json!(before.reason), json!(after.reason));
        differs("ticket", json!(before.ticket), json!(after.ticket));
        differs("patches", json!(before.patches), json!(after.patches));
        differs("start_local", json!(before.start_local), json!(after.start_local));
        differs("zone", json!(before.zone), json!(after.zone));
        differs("fold", json!(before.fold), json!(after.fold));
        let (old, new): (BTreeSet<_>, BTreeSet<_>) = (before.instances.iter().collect(), after.instances.iter().collect());
        let added: Vec<_> = new.difference(&old).collect();
        let removed: Vec<_> = old.difference(&new).collect();
        if !added.is_empty() || !removed.is_empty() {
            detail.insert("instances".to_owned(), json!({ "added": added, "removed": removed, "count": new.len() }));
        }
        if !over.is_empty() {
            detail.insert("over".to_owned(), json!(over));
        }
        self.deed(actor, "plan.edit", plan_subject(id), detail.into())
    }

    /// Takes those instances out on which a patch cannot be installed. What is not known yet stays.
    ///
    /// # Errors
    /// As [`Services::select`].
    pub async fn drop_misfits(&self, actor: &Actor, id: &PlanId, patch: PatchVersion) -> Result<(), Error> {
        let view = self.draft_view(actor, id).await?;
        let missing = view.choices.into_iter().filter(|c| c.version == patch).flat_map(|c| c.missing);
        let ids = missing.filter(|(_, why)| *why != NotInstallable::Awaited).map(|(id, _)| id).collect();
        self.select(actor, id, Selection::Remove(ids)).await.map(drop)
    }

    /// Deletes a draft.
    ///
    /// # Errors
    /// [`Error::Changed`] when it is no draft, [`Error::Store`].
    pub async fn discard(&self, actor: &Actor, id: &PlanId) -> Result<(), Error> {
        let plan = self.draft(id).await?;
        self.allow_plan(actor, Action::DiscardPlan, &plan)?;
        let detail = json!({ "title": plan.draft.title, "instances": plan.draft.instances });
        Ok(self.store().delete_draft(id, &self.deed(actor, "plan.discard", plan_subject(id), detail)).await?)
    }

    /// The first step: a page of the fleet of the plan's cloud with its selection.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Changed`] when it is no draft, [`Error::Store`].
    pub async fn picker(
        &self,
        actor: &Actor,
        id: Option<&PlanId>,
        filter: &FleetFilter,
        page: i64,
        selected_only: bool,
    ) -> Result<PickerView, Error> {
        let plan = match id {
            Some(id) => Some(self.draft(id).await?),
            None => None,
        };
        match &plan {
            Some(plan) => self.allow_plan(actor, Action::EditPlan, plan)?,
            None => self.allow(actor, Action::CreatePlan)?,
        }
        let cloud = plan.as_ref().map(|p| p.cloud.to_string()).unwrap_or_else(|| filter.cloud.clone());
        let filter = FleetFilter { cloud, ..filter.clone() };
        let chosen = plan.as_ref().map(|p| p.draft.instances.clone()).unwrap_or_default();
        let (instances, total) = match &plan {
            Some(plan) if selected_only => {
                let mut all = self.store().instances_by_id(&plan.cloud, &chosen).await?;
                all.sort_by(|a, b| a.name.cmp(&b.name).then_with(|| a.id.cmp(&b.id)));
                let total = i64::try_from(all.len()).unwrap_or(i64::MAX);
                (page_of(all, page), total)
            }
            _ => {
                let (rows, total) = self.store().instances(&filter, page).await?;
                let near = nearest_page(page, total);
                if near == page { (rows, total) } else { self.store().instances(&filter, near).await? }
            }
        };
        let page = nearest_page(page, total);
        let rows = self.rows(instances, plan.as_ref()).await?;
        let shown = rows.iter().filter(|r| chosen.contains(&r.instance.id)).count();
        let pasted = match &plan {
            Some(plan) => self.paste_report(plan).await?,
            None => Vec::new(),
        };
        Ok(PickerView {
            hidden: chosen.len() - shown,
            page: Page { rows, total, page },
            facets: (*self.facets().await?).clone(),
            sync: self.sync_statuses().await?,
            pasted,
            edited: match &plan {
                Some(plan) => self.edited(actor, plan, &self.names().await?).await?,
                None => None,
            },
            plan,
        })
    }

    async fn paste_report(&self, plan: &Plan) -> Result<Vec<(String, Pasted)>, Error> {
        let lines = self.find_lines(plan, &plan.draft.pasted).await?;
        Ok(lines
            .into_iter()
            .map(|(line, rows)| {
                let verdict = match rows.as_slice() {
                    [] => Pasted::Unknown,
                    [one] => match &one.ineligible {
                        Some(reason) => Pasted::Ineligible(reason.clone()),
                        None if plan.draft.instances.contains(&one.instance.id) => Pasted::Selected,
                        None => Pasted::Removed,
                    },
                    several => Pasted::Ambiguous(several.len()),
                };
                (line, verdict)
            })
            .collect())
    }

    /// The draft with everything that stands against it.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Changed`] when it is no draft, [`Error::Denied`], [`Error::Store`].
    pub async fn draft_view(&self, actor: &Actor, id: &PlanId) -> Result<DraftView, Error> {
        self.allow(actor, Action::Read)?;
        let mut view = self.judge(actor, self.draft(id).await?).await?;
        view.edited = self.edited(actor, &view.plan, &view.names).await?;
        Ok(view)
    }

    /// What stands against a plan that is not submitted yet, now. Who else wrote in it is for those who write: [`Self::draft_view`].
    pub(crate) async fn judge(&self, actor: &Actor, plan: Plan) -> Result<DraftView, Error> {
        let now = self.now();
        let policy = self.policy();
        let (chosen, unknown) = self.chosen(&plan).await?;
        let picked = &plan.draft.patches;
        let start = read_start(&plan.draft, zones::find(&plan.draft.zone).as_ref())
            .and_then(|s| check_instant(s.at, now, policy.lead_minutes, &policy.freezes).map(|()| s));
        let mut refusals = check_plan(&chosen, &unknown, picked);
        let (moves, against_it) = self.judge_move(&plan, start.as_ref().ok().map(|s| s.at)).await?;
        refusals.extend(against_it);
        let requests = match &start {
            Ok(start) if refusals.is_empty() => {
                let instances: Vec<_> = chosen.iter().filter_map(|c| Some((c.instance.id.clone(), c.instance.engine?))).collect();
                compile(&Input {
                    instances: &instances,
                    patches: picked,
                    start: start.at,
                    offset: start.offset(),
                    max_instances: policy.max_instances_per_request,
                })
            }
            _ => Vec::new(),
        };
        let missing: Vec<_> =
            chosen.iter().filter(|c| matches!(c.candidates, Candidates::Awaited)).map(|c| c.instance.id.clone()).collect();
        if !missing.is_empty() {
            self.ask_candidates(&plan.cloud, missing);
        }
        let offers = |c: &Chosen| match &c.candidates {
            Candidates::Read(offer) => Some(offer.read_at),
            _ => None,
        };
        let need = self.need(&chosen, picked, start.as_ref().ok().map(|s| s.at));
        let reviews = self.store().reviews(&plan.id).await?;
        Ok(DraftView {
            edited: None,
            moves,
            max_instances: policy.max_instances_per_request,
            need,
            production: self.in_production(chosen.iter().map(|c| &c.instance)),
            may: self.may_all(actor, &plan),
            last_review: reviews.into_iter().last(),
            names: self.names().await?,
            thread: self.thread(&plan.id).await?,
            candidates_read: chosen.iter().filter(|c| !matches!(c.candidates, Candidates::Awaited)).count(),
            candidates_failed: chosen
                .iter()
                .filter_map(|c| match &c.candidates {
                    Candidates::Failed(why) => Some((c.instance.id.clone(), why.clone())),
                    _ => None,
                })
                .collect(),
            candidates_at: chosen.iter().filter_map(offers).min(),
            choices: patch_choices(&chosen, picked),
            warnings: warnings(&chosen, picked, start.as_ref().ok().map(|s| s.at)),
            hash: if requests.is_empty() { String::new() } else { plan_hash(&requests) },
            earliest: now + Duration::minutes(policy.lead_minutes),
            lead_minutes: policy.lead_minutes,
            chosen: chosen.into_iter().map(|c| FleetRow { instance: c.instance, ineligible: c.ineligible, missing: 0 }).collect(),
            plan,
            unknown,
            start,
            refusals,
            requests,
        })
    }

    /// The chosen instances in the order of choice, and the ids that the store does not know.
    pub(crate) async fn chosen(&self, plan: &Plan) -> Result<(Vec<Chosen>, Vec<InstanceId>), Error> {
        let ids = &plan.draft.instances;
        let instances: Vec<Instance> = self.store().instances_by_id(&plan.cloud, ids).await?;
        let since = self.now() - Duration::minutes(self.policy().candidates_minutes);
        let mut offers: BTreeMap<InstanceId, Candidates> = BTreeMap::new();
        for (id, _, result) in self.store().offers(&plan.cloud, ids, since).await? {
            offers.insert(id, result.map_or_else(Candidates::Failed, Candidates::Read));
        }
        let mut rows: BTreeMap<InstanceId, FleetRow> =
            self.rows(instances, Some(plan)).await?.into_iter().map(|r| (r.instance.id.clone(), r)).collect();
        let mut unknown = Vec::new();
        let mut chosen = Vec::new();
        for id in ids {
            match rows.remove(id) {
                Some(row) => chosen.push(Chosen {
                    candidates: offers.remove(id).unwrap_or(Candidates::Awaited),
                    ineligible: row.ineligible,
                    instance: row.instance,
                }),
                None => unknown.push(id.clone()),
            }
        }
        Ok((chosen, unknown))
    }

    /// The plan, when it still is a draft.
    pub(crate) async fn draft(&self, id: &PlanId) -> Result<Plan, Error> {
        let plan = self.store().plan(id).await?.ok_or(Error::NotFound)?;
        if plan.stage() == Stage::Draft { Ok(plan) } else { Err(Error::Changed) }
    }
}

/// What was typed where it differs from what was shown, and otherwise what stands now.
fn touched<T: PartialEq + Clone>(was: &T, typed: &T, now: &T) -> T {
    if typed == was { now.clone() } else { typed.clone() }
}

/// Whether something was typed where somebody else has written something else meanwhile.
fn collide<T: PartialEq>(was: &T, typed: &T, now: &T) -> bool {
    was != now && typed != was && typed != now
}

fn page_of<T>(all: Vec<T>, page: i64) -> Vec<T> {
    let skip = usize::try_from((page.max(1) - 1).saturating_mul(PAGE_SIZE)).unwrap_or(usize::MAX);
    all.into_iter().skip(skip).take(usize::try_from(PAGE_SIZE).unwrap_or_default()).collect()
}
