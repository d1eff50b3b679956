//! Which instances may be patched, which hot patches fit all of them, and what a person should know before saying yes.

use crate::{
    id::{InstanceId, PlanId, TaskId},
    instance::Instance,
    patch::{Offer, PatchKind},
    task::Task,
    version::{EngineVersion, PatchVersion},
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Why an instance cannot be part of a plan now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ineligible {
    /// The last complete listing did not contain it.
    Gone,
    /// Any status but `ACTIVE`.
    Status(String),
    /// Some of its nodes are not normal.
    Nodes(Vec<String>),
    /// Its engine version could not be read, so no hot patch can be matched to it.
    NoEngineVersion,
    /// The cloud already has an open task for it.
    TaskOpen {
        /// That task.
        task: TaskId,
        /// Its start.
        start_at: Option<DateTime<Utc>>,
        /// Whether a plan of ours made it.
        foreign: bool,
    },
    /// Another plan of ours is about to schedule it.
    Planned {
        /// That plan.
        plan: PlanId,
    },
}

/// What another plan of ours does with an instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OtherPlan {
    /// That plan.
    pub plan: PlanId,
}

/// Whether an instance may be picked, from what the store knows.
///
/// # Errors
/// The first reason that stands against it.
pub fn check_instance(instance: &Instance, open_tasks: &[&Task], other: Option<&OtherPlan>) -> Result<(), Ineligible> {
    if instance.gone_at.is_some() {
        return Err(Ineligible::Gone);
    }
    if !instance.status.is_active() {
        return Err(Ineligible::Status(instance.status.0.clone()));
    }
    let abnormal = instance.abnormal_nodes();
    if !abnormal.is_empty() {
        return Err(Ineligible::Nodes(abnormal.into_iter().map(str::to_owned).collect()));
    }
    if let Some(task) = open_tasks.iter().find(|t| t.instance == instance.id && may_still_run(t)) {
        return Err(Ineligible::TaskOpen { task: task.id.clone(), start_at: task.start_at, foreign: task.plan.is_none() });
    }
    if let Some(other) = other {
        return Err(Ineligible::Planned { plan: other.plan.clone() });
    }
    if instance.engine.is_none() {
        return Err(Ineligible::NoEngineVersion);
    }
    Ok(())
}

/// An open task counts while it is listed, and when it vanished from the list before its start: the cloud lists a month only.
fn may_still_run(task: &Task) -> bool {
    task.status.is_open() && task.gone_at.is_none_or(|gone| task.start_at.is_none_or(|start| start > gone))
}

/// What is known of the candidates of one instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Candidates {
    /// Not asked yet, or being asked.
    Awaited,
    /// The cloud did not answer with a list; the sentence is the cloud's or ours.
    Failed(String),
    /// The list.
    Read(Offer),
}

/// Why a hot patch cannot be installed on one instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum NotInstallable {
    /// The candidate call has not answered.
    Awaited,
    /// The candidate call failed.
    Failed(String),
    /// The cloud does not offer hot patches with automatic commit for it now.
    Disabled,
    /// It is installed already.
    Installed,
    /// The cloud does not offer this one for it.
    NotOffered,
}

/// One row of the version picker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PatchChoice {
    /// The hot patch.
    pub version: PatchVersion,
    /// General or custom, if any instance's answer said so.
    pub kind: PatchKind,
    /// Backups may be stopped while it is installed.
    pub backup_sensitive: bool,
    /// The cloud's words.
    pub description: String,
    /// Instances of its engine version in the plan.
    pub of: usize,
    /// Those on which it cannot be installed, with the reason. Empty: it can be chosen.
    pub missing: Vec<(InstanceId, NotInstallable)>,
}

impl PatchChoice {
    /// Installable on every instance of its engine version.
    pub fn fits_all(&self) -> bool {
        self.missing.is_empty()
    }
}

/// An instance of a plan with what is needed to judge it.
#[derive(Clone, Debug)]
pub struct Chosen {
    /// The instance.
    pub instance: Instance,
    /// What stands against it, if anything.
    pub ineligible: Option<Ineligible>,
    /// Its candidates.
    pub candidates: Candidates,
}

/// Every hot patch that at least one chosen instance is offered, or that was chosen before (so that a choice is never dropped
/// silently), with the instances that stand against it. Ascending.
pub fn patch_choices(chosen: &[Chosen], picked: &[PatchVersion]) -> Vec<PatchChoice> {
    let mut versions: BTreeSet<PatchVersion> = picked.iter().copied().collect();
    for c in chosen {
        if let (Candidates::Read(offer), Some(engine)) = (&c.candidates, c.instance.engine) {
            versions.extend(offer.patches.iter().map(|p| p.version).filter(|v| v.engine() == engine));
        }
    }
    versions.into_iter().map(|version| patch_choice(chosen, version)).collect()
}

fn patch_choice(chosen: &[Chosen], version: PatchVersion) -> PatchChoice {
    let same_engine: Vec<_> = chosen.iter().filter(|c| c.instance.engine == Some(version.engine())).collect();
    let mut choice = PatchChoice {
        version,
        kind: PatchKind::Unstated,
        backup_sensitive: false,
        description: String::new(),
        of: same_engine.len(),
        missing: Vec::new(),
    };
    for c in same_engine {
        match installable(c, version) {
            Ok(patch) => {
                if choice.kind != PatchKind::Custom {
                    choice.kind = patch.kind.clone();
                }
                choice.backup_sensitive |= patch.backup_sensitive;
                if choice.description.is_empty() {
                    choice.description.clone_from(&patch.description);
                }
            }
            Err(reason) => choice.missing.push((c.instance.id.clone(), reason)),
        }
    }
    choice
}

fn installable(c: &Chosen, version: PatchVersion) -> Result<&crate::patch::OfferedPatch, NotInstallable> {
    match &c.candidates {
        Candidates::Awaited => Err(NotInstallable::Awaited),
        Candidates::Failed(why) => Err(NotInstallable::Failed(why.clone())),
        Candidates::Read(_) if c.instance.patches.contains(&version) => Err(NotInstallable::Installed),
        Candidates::Read(offer) if !offer.hot_patch_enabled => Err(NotInstallable::Disabled),
        Candidates::Read(offer) => offer.patch(version).ok_or(NotInstallable::NotOffered),
    }
}

/// Why a plan cannot be sent as it is, apart from its start time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PlanRefusal {
    /// Nothing is chosen.
    NoInstances,
    /// A chosen instance cannot be patched now.
    Instance(InstanceId, Ineligible),
    /// The task that is to be cancelled for it is the task of others too: cancelling it would take theirs away.
    SharesTask {
        /// The task.
        task: TaskId,
        /// Those that are not chosen.
        others: Vec<InstanceId>,
    },
    /// It moves to the time and the patches that it has.
    SameTime {
        /// That time.
        start_at: DateTime<Utc>,
    },
    /// A chosen instance is not in the store.
    UnknownInstance(InstanceId),
    /// No hot patch was chosen for these instances' engine version.
    NoPatch {
        /// The engine version.
        engine: EngineVersion,
        /// How many chosen instances run it.
        instances: usize,
    },
    /// A chosen patch belongs to an engine version that no chosen instance runs.
    StrayPatch(PatchVersion),
    /// It is not known yet whether a chosen patch can be installed on so many instances.
    Awaited {
        /// The patch.
        version: PatchVersion,
        /// Instances that have not answered.
        instances: usize,
    },
    /// A chosen patch cannot be installed on all.
    Patch {
        /// The patch.
        version: PatchVersion,
        /// Who stands against it, and why.
        missing: Vec<(InstanceId, NotInstallable)>,
    },
}

/// Everything that stands against the chosen instances and patches.
pub fn check_plan(chosen: &[Chosen], unknown: &[InstanceId], picked: &[PatchVersion]) -> Vec<PlanRefusal> {
    let mut refusals = Vec::new();
    if chosen.is_empty() && unknown.is_empty() {
        refusals.push(PlanRefusal::NoInstances);
    }
    refusals.extend(unknown.iter().cloned().map(PlanRefusal::UnknownInstance));
    for c in chosen {
        if let Some(reason) = &c.ineligible {
            refusals.push(PlanRefusal::Instance(c.instance.id.clone(), reason.clone()));
        }
    }
    let mut engines: BTreeMap<EngineVersion, usize> = BTreeMap::new();
    for engine in chosen.iter().filter_map(|c| c.instance.engine) {
        *engines.entry(engine).or_default() += 1;
    }
    for (engine, instances) in &engines {
        if !picked.iter().any(|p| p.engine() == *engine) {
            refusals.push(PlanRefusal::NoPatch { engine: *engine, instances: *instances });
        }
    }
    for version in picked {
        if !engines.contains_key(&version.engine()) {
            refusals.push(PlanRefusal::StrayPatch(*version));
            continue;
        }
        let choice = patch_choice(chosen, *version);
        if choice.missing.iter().any(|(_, why)| *why != NotInstallable::Awaited) {
            refusals.push(PlanRefusal::Patch { version: *version, missing: choice.missing });
        } else if !choice.fits_all() {
            refusals.push(PlanRefusal::Awaited { version: *version, instances: choice.missing.len() });
        }
    }
    refusals
}

/// What does not stand against a plan but should be known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Warning {
    /// A custom patch.
    Custom(PatchVersion),
    /// Backups may be stopped during the installation.
    BackupSensitive(PatchVersion),
    /// A lower patch is offered and was not chosen; whether the cloud allows that is not documented.
    Skips {
        /// Chosen.
        version: PatchVersion,
        /// Offered, lower, not chosen.
        skipped: Vec<PatchVersion>,
    },
    /// The start is outside the maintenance window of these instances.
    OutsideWindow(Vec<InstanceId>),
    /// The start is inside the backup window of these instances.
    InsideBackup(Vec<InstanceId>),
    /// Both sides of a disaster-recovery pair start at the same time.
    BothOfPair {
        /// The value of the pair's tag.
        pair: String,
        /// Its members in the plan.
        instances: Vec<InstanceId>,
    },
}

/// Tag key by which instances of one disaster-recovery pair name their pair.
pub const PAIR_TAG: &str = "dr-pair";

/// All warnings for a plan that would start at `start`.
pub fn warnings(chosen: &[Chosen], picked: &[PatchVersion], start: Option<DateTime<Utc>>) -> Vec<Warning> {
    let mut out = Vec::new();
    let choices = patch_choices(chosen, picked);
    for choice in choices.iter().filter(|c| picked.contains(&c.version)) {
        if choice.kind == PatchKind::Custom {
            out.push(Warning::Custom(choice.version));
        }
        if choice.backup_sensitive {
            out.push(Warning::BackupSensitive(choice.version));
        }
        let skipped: Vec<_> = choices
            .iter()
            .filter(|c| c.version.engine() == choice.version.engine() && c.version < choice.version && c.missing.len() < c.of)
            .map(|c| c.version)
            .filter(|v| !picked.contains(v))
            .collect();
        if !skipped.is_empty() {
            out.push(Warning::Skips { version: choice.version, skipped });
        }
    }
    if let Some(start) = start {
        let ids = |wanted: &dyn Fn(&Instance) -> bool| -> Vec<InstanceId> {
            chosen.iter().filter(|c| wanted(&c.instance)).map(|c| c.instance.id.clone()).collect()
        };
        let outside = ids(&|i| i.maintenance.is_some_and(|w| !w.contains(start)));
        if !outside.is_empty() {
            out.push(Warning::OutsideWindow(outside));
        }
        let backup = ids(&|i| i.backup.is_some_and(|w| w.contains(start)));
        if !backup.is_empty() {
            out.push(Warning::InsideBackup(backup));
        }
    }
    let mut pairs: BTreeMap<&str, Vec<InstanceId>> = BTreeMap::new();
    for c in chosen {
        if let Some(pair) = c.instance.tag(PAIR_TAG) {
            pairs.entry(pair).or_default().push(c.instance.id.clone());
        }
    }
    out.extend(
        pairs
            .into_iter()
            .filter(|(_, members)| members.len() > 1)
            .map(|(pair, instances)| Warning::BothOfPair { pair: pair.to_owned(), instances }),
    );
    out
}

#[cfg(test)]
mod tests;
