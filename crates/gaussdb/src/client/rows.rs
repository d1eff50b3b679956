//! How the lists of the API are read page by page.

use crate::wire;

/// A page of a list.
pub(crate) trait Rows<T> {
    /// Name of the field that holds the rows. An answer without it is no list, however well it reads otherwise.
    const FIELD: &'static str;
    /// Rows and the total, if the cloud gave one.
    fn rows(self) -> (Vec<T>, Option<i64>);
    /// What a row is counted by.
    fn key(row: &T) -> String;
}

impl Rows<wire::Instance> for wire::InstanceList {
    const FIELD: &'static str = "instances";

    fn rows(self) -> (Vec<wire::Instance>, Option<i64>) {
        (self.instances, self.total_count)
    }

    fn key(row: &wire::Instance) -> String {
        row.id.clone().unwrap_or_default()
    }
}

impl Rows<wire::ScheduleTask> for wire::ScheduleTaskList {
    const FIELD: &'static str = "tasks";

    fn rows(self) -> (Vec<wire::ScheduleTask>, Option<i64>) {
        (self.tasks, self.total_count)
    }

    fn key(row: &wire::ScheduleTask) -> String {
        format!("{} {}", row.task_id.as_deref().unwrap_or_default(), row.instance_id.as_deref().unwrap_or_default())
    }
}

impl Rows<wire::DatabaseVersion> for wire::DatastoreVersions {
    const FIELD: &'static str = "database_versions";

    fn rows(self) -> (Vec<wire::DatabaseVersion>, Option<i64>) {
        (self.database_versions, self.total)
    }

    fn key(row: &wire::DatabaseVersion) -> String {
        row.software_version.clone().unwrap_or_default()
    }
}

impl Rows<wire::EnterpriseProject> for wire::EnterpriseProjectList {
    const FIELD: &'static str = "enterprise_projects";

    fn rows(self) -> (Vec<wire::EnterpriseProject>, Option<i64>) {
        (self.enterprise_projects, self.total_count)
    }

    fn key(row: &wire::EnterpriseProject) -> String {
        row.id.clone().unwrap_or_default()
    }
}

impl Rows<wire::Job> for wire::JobList {
    const FIELD: &'static str = "tasks";

    fn rows(self) -> (Vec<wire::Job>, Option<i64>) {
        (self.tasks, self.total_count)
    }

    fn key(row: &wire::Job) -> String {
        row.job_id.clone().unwrap_or_default()
    }
}
