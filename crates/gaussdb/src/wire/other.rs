//! Sections 8, 11 and 12 of the contract: jobs, IAM, enterprise projects, tags.

use super::{Extra, lenient};
use serde::{Deserialize, Serialize};

/// `GET /v3/{project_id}/tasks`, the task center: the last month only.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct JobList {
    /// Rows of this page.
    #[serde(deserialize_with = "lenient::list")]
    pub tasks: Vec<Job>,
    /// Rows of all pages.
    #[serde(deserialize_with = "lenient::number", skip_serializing_if = "Option::is_none")]
    pub total_count: Option<i64>,
    /// Fields that this version does not know.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A job of the task center.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Job {
    /// Its instance.
    #[serde(deserialize_with = "lenient::object", skip_serializing_if = "Option::is_none")]
    pub instance_info: Option<JobInstance>,
    /// Job id.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub job_id: Option<String>,
    /// Kind; none is documented for hot patches.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// `Running`, `Completed`, `Failed`.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// Per cent; empty when not running.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub process: Option<String>,
    /// Any of the time formats.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub created_at: Option<String>,
    /// Any of the time formats.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<String>,
    /// Text, number or null.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub fail_reason: Option<String>,
    /// Fields that this version does not know.
    #[serde(flatten)]
    pub extra: Extra,
}

/// Instance of a job.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct JobInstance {
    /// Instance id.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub instance_id: Option<String>,
    /// Name.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub instance_name: Option<String>,
    /// Another vocabulary than the instance list.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub instance_status: Option<String>,
    /// Fields that this version does not know.
    #[serde(flatten)]
    pub extra: Extra,
}

/// `GET /v3/{project_id}/jobs?id=`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct JobDetailAnswer {
    /// The job.
    #[serde(deserialize_with = "lenient::object", skip_serializing_if = "Option::is_none")]
    pub job: Option<JobDetail>,
    /// Fields that this version does not know.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A job in detail. `progress` here is `process` there.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct JobDetail {
    /// Job id.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Kind.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// `Running`, `Completed`, `Failed`.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// Begun.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
    /// Ended.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub ended: Option<String>,
    /// Per cent.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub progress: Option<String>,
    /// Why it failed.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub fail_reason: Option<String>,
    /// Fields that this version does not know.
    #[serde(flatten)]
    pub extra: Extra,
}

/// Body of `POST /v3/auth/tokens`; the token itself is in the header `X-Subject-Token`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TokenAnswer {
    /// What the token is for.
    #[serde(deserialize_with = "lenient::object", skip_serializing_if = "Option::is_none")]
    pub token: Option<Token>,
    /// Fields that this version does not know.
    #[serde(flatten)]
    pub extra: Extra,
}

/// What a token is for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Token {
    /// `2020-01-04T09:05:22.701000Z`.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<String>,
    /// Its project.
    #[serde(deserialize_with = "lenient::object", skip_serializing_if = "Option::is_none")]
    pub project: Option<Project>,
    /// Fields that this version does not know.
    #[serde(flatten)]
    pub extra: Extra,
}

/// `GET /v3/projects`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ProjectList {
    /// Projects.
    #[serde(deserialize_with = "lenient::list")]
    pub projects: Vec<Project>,
    /// Fields that this version does not know.
    #[serde(flatten)]
    pub extra: Extra,
}

/// An IAM project.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Project {
    /// Project id.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// For a built-in project the region id.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// In use.
    #[serde(deserialize_with = "lenient::boolean", skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// Fields that this version does not know.
    #[serde(flatten)]
    pub extra: Extra,
}

/// `GET /v3/{project_id}/enterprise-projects`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct EnterpriseProjectList {
    /// Rows of this page.
    #[serde(deserialize_with = "lenient::list")]
    pub enterprise_projects: Vec<EnterpriseProject>,
    /// Rows of all pages.
    #[serde(deserialize_with = "lenient::number", skip_serializing_if = "Option::is_none")]
    pub total_count: Option<i64>,
    /// Fields that this version does not know.
    #[serde(flatten)]
    pub extra: Extra,
}

/// An enterprise project.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct EnterpriseProject {
    /// `0` is the default project.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Name.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// `1` on, `2` off.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// Fields that this version does not know.
    #[serde(flatten)]
    pub extra: Extra,
}

/// `GET /v3/{project_id}/tags`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TagList {
    /// Keys with their values.
    #[serde(deserialize_with = "lenient::list")]
    pub tags: Vec<ProjectTag>,
    /// Fields that this version does not know.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A tag key of the project with all its values.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ProjectTag {
    /// Key.
    #[serde(deserialize_with = "lenient::text", skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Called `value` on the wire although it is a list.
    #[serde(rename = "value", deserialize_with = "lenient::list")]
    pub values: Vec<String>,
    /// Fields that this version does not know.
    #[serde(flatten)]
    pub extra: Extra,
}
