//! The seeded world: instances, hot patches, tasks, and how time moves them.

use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Readings of what the contract leaves open. The default is the reading that is hardest on a client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Switches {
    /// One task id for all instances of a create call, or one each.
    pub one_task_id_per_call: bool,
    /// A bad instance is left out of the answer, or fails the whole call.
    pub bad_instance_is_left_out: bool,
    /// A second pending task of the same instance is refused, or made.
    pub duplicates_refused: bool,
    /// The list writes ids with dashes, or without.
    pub list_ids_with_dashes: bool,
    /// The batch candidate call gives the union, or the intersection.
    pub batch_candidates_are_union: bool,
    /// Most instances of a create call; 0 is any number.
    pub max_instances: usize,
    /// Variants of the instance list that this region does not have.
    pub missing_list_versions: Vec<String>,
    /// Seconds that a new task needs to appear in the list.
    pub list_lag_seconds: i64,
    /// Requests a minute before 429; 0 is any number.
    pub requests_per_minute: u32,
}

impl Default for Switches {
    fn default() -> Self {
        Self {
            one_task_id_per_call: true,
            bad_instance_is_left_out: true,
            duplicates_refused: false,
            list_ids_with_dashes: false,
            batch_candidates_are_union: true,
            max_instances: 30,
            missing_list_versions: Vec::new(),
            list_lag_seconds: 0,
            requests_per_minute: 0,
        }
    }
}

/// A hot patch of the catalogue.
#[derive(Clone, Debug)]
pub struct Hotfix {
    pub(crate) version: String,
    pub(crate) custom: bool,
    pub(crate) backup_sensitive: bool,
    pub(crate) description: [&'static str; 2],
    pub(crate) created_ms: i64,
}

/// An instance.
#[derive(Clone, Debug)]
pub struct Instance {
    /// Id.
    pub id: String,
    /// Name.
    pub name: String,
    /// Status word.
    pub status: String,
    pub(crate) distributed: bool,
    pub(crate) engine: String,
    /// Installed hot patches with the time they were installed.
    pub installed: Vec<(String, DateTime<Utc>)>,
    pub(crate) withheld: Vec<String>,
    pub tags: Vec<(String, String)>,
    pub(crate) enterprise_project: String,
    pub(crate) maintenance: String,
    pub(crate) backup: String,
    pub(crate) nodes: Vec<(String, String, String, bool)>,
    pub(crate) disk_usage: String,
    pub(crate) created: DateTime<Utc>,
    pub(crate) prepaid: bool,
}

impl Instance {
    /// Three-part engine version.
    pub fn engine_version(&self) -> &str {
        &self.engine
    }

    /// Every node is `ACTIVE`.
    pub fn has_normal_nodes(&self) -> bool {
        self.nodes.iter().all(|(_, _, status, _)| status == "ACTIVE")
    }
}

/// Where a task is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum TaskState {
    /// Waiting.
    Pending,
    /// Installing.
    Running,
    /// Done.
    Completed,
    /// Not done.
    Failed,
    /// Cancelled.
    Canceled,
}

/// A scheduled task of one instance.
#[derive(Clone, Debug, Serialize)]
pub struct Task {
    /// Id, with dashes.
    pub id: String,
    /// Instance.
    pub instance_id: String,
    /// Target versions, ascending.
    pub versions: Vec<String>,
    /// Made.
    pub created: DateTime<Utc>,
    /// Planned start.
    pub start: DateTime<Utc>,
    /// End, known from the beginning.
    pub end: DateTime<Utc>,
    /// State at the time last looked at.
    pub state: TaskState,
    /// Its record was deleted.
    pub deleted: bool,
}

/// The world.
#[derive(Debug)]
pub struct World {
    /// Instances by id.
    pub instances: BTreeMap<String, Instance>,
    pub(crate) order: Vec<String>,
    pub(crate) hotfixes: Vec<Hotfix>,
    /// Every task ever made, oldest first.
    pub tasks: Vec<Task>,
    /// Readings of the contract.
    pub switches: Switches,
    pub(crate) enterprise_projects: Vec<(String, String)>,
    pub(crate) rng: fastrand::Rng,
    pub(crate) window: (i64, u32),
}

impl World {
    /// Leaves only these instances in the world, and their tasks.
    pub fn keep(&mut self, wanted: impl Fn(&Instance) -> bool) {
        self.instances.retain(|_, instance| wanted(instance));
        self.order.retain(|id| self.instances.contains_key(id));
        self.tasks.retain(|task| self.instances.contains_key(&task.instance_id));
    }

    /// Moves tasks to where they are at `now`.
    pub fn advance(&mut self, now: DateTime<Utc>) {
        for task in &mut self.tasks {
            let Some(instance) = self.instances.get_mut(&task.instance_id) else { continue };
            if task.state == TaskState::Pending && task.start <= now {
                // Whether the cloud waits for a busy instance or fails is not documented; here it fails.
                task.state = if instance.status == "ACTIVE" { TaskState::Running } else { TaskState::Failed };
                if task.state == TaskState::Running {
                    "UPGRADING".clone_into(&mut instance.status);
                }
            }
            if task.state == TaskState::Running && task.end <= now {
                let fails = instance.name.contains("fails-hotpatch");
                task.state = if fails { TaskState::Failed } else { TaskState::Completed };
                "ACTIVE".clone_into(&mut instance.status);
                if !fails {
                    for version in &task.versions {
                        if !instance.installed.iter().any(|(v, _)| v == version) {
                            instance.installed.push((version.clone(), task.end));
                        }
                    }
                }
            }
        }
    }

    /// Hot patches that an instance can install: newer than all it has, and not withheld from it.
    pub(crate) fn offered(&self, instance: &Instance) -> Vec<&Hotfix> {
        let number = |v: &str| v.rsplit('.').next().and_then(|n| n.parse::<u32>().ok()).unwrap_or_default();
        let newest = instance.installed.iter().map(|(v, _)| number(v)).max().unwrap_or_default();
        self.hotfixes
            .iter()
            .filter(|h| h.version.strip_prefix(&instance.engine).is_some_and(|rest| rest.starts_with('.')))
            .filter(|h| number(&h.version) > newest && !instance.withheld.contains(&h.version))
            .collect()
    }

    /// Makes tasks; the caller has checked that every instance may have one.
    pub(crate) fn create(&mut self, instances: &[String], versions: &[String], start: DateTime<Utc>, now: DateTime<Utc>) -> Vec<Task> {
        let shared = self.uuid();
        let mut made = Vec::new();
        for instance_id in instances {
            let id = if self.switches.one_task_id_per_call { shared.clone() } else { self.uuid() };
            let minutes = self.rng.i64(4..=12);
            made.push(Task {
                id,
                instance_id: instance_id.clone(),
                versions: versions.to_vec(),
                created: now,
                start,
                end: start + Duration::minutes(minutes),
                state: TaskState::Pending,
                deleted: false,
            });
        }
        self.tasks.extend(made.clone());
        made
    }

    /// Somebody schedules an instance in the console.
    pub fn schedule_elsewhere(&mut self, instance_id: &str, version: &str, start: DateTime<Utc>, now: DateTime<Utc>) {
        self.create(&[instance_id.to_owned()], &[version.to_owned()], start, now);
    }

    pub(crate) fn uuid(&mut self) -> String {
        let hex = format!("{:032x}", self.rng.u128(..));
        [&hex[0..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..32]].join("-")
    }

    /// Tasks of an instance that are not deleted, for tests.
    pub fn tasks_of(&self, instance_id: &str) -> Vec<&Task> {
        self.tasks.iter().filter(|t| t.instance_id == instance_id && !t.deleted).collect()
    }
}
