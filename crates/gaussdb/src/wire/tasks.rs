//! Sections 2 to 5 of the contract: scheduled tasks.

use super::{Extra, lenient};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// `POST /v3/{project_id}/instances/db-upgrade/schedule-task`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CreateScheduleTask {
    /// Instances.
    #[serde(deserialize_with = "lenient::list")]
    pub instance_ids: Vec<String>,
    /// `2023-06-06T01:47:20+0800`.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub start_time: Option<String>,
    /// Only `hotfix`.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub upgrade_type: Option<String>,
    /// Only `upgradeAutoCommit`.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub upgrade_action: Option<String>,
    /// `3.208.0.6,3.208.0.7`.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub target_version: Option<String>,
    /// Fields that this version does not know.
    #[serde(flatten)]
    pub extra: Extra,
}

/// Its answer. There is no field for failures: compare with what was asked for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CreatedTasks {
    /// One element for each instance that has a task.
    #[serde(deserialize_with = "lenient::list")]
    pub instance_tasks: Vec<InstanceTask>,
    /// Fields that this version does not know.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A task of one instance.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct InstanceTask {
    /// May be the same for several instances.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub task_id: Option<String>,
    /// `HOTFIX_VERSION_UPGRADE`.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub task_name: Option<String>,
    /// Instance.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub instance_id: Option<String>,
    /// Fields that this version does not know.
    #[serde(flatten)]
    pub extra: Extra,
}

/// `GET /v3/{project_id}/instances/schedule-tasks`: the last month at most.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ScheduleTaskList {
    /// Rows of this page.
    #[serde(deserialize_with = "lenient::list")]
    pub tasks: Vec<ScheduleTask>,
    /// Rows of all pages.
    #[serde(deserialize_with = "lenient::number", skip_serializing_if = "Option::is_none")]
    pub total_count: Option<i64>,
    /// Fields that this version does not know.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A scheduled task.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ScheduleTask {
    /// With or without dashes.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub task_id: Option<String>,
    /// May be a localised title: never match on it.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub task_name: Option<String>,
    /// `Running`, `Completed`, `Failed`, `Pending`, `Canceled`.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// When it was made.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub create_time: Option<String>,
    /// Planned start.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub start_time: Option<String>,
    /// Instance.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub instance_id: Option<String>,
    /// Its name.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub instance_name: Option<String>,
    /// Text, object or absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_content: Option<Value>,
    /// Target version; in an example of the contract, in no schema.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub target_config: Option<String>,
    /// Fields that this version does not know.
    #[serde(flatten)]
    pub extra: Extra,
}
