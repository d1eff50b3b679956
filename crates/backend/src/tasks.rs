//! The task list: ours and foreign, with history beyond the cloud's month.

use crate::{Error, Services, fleet::nearest_page, zones};
use chrono::{DateTime, Datelike, Duration, NaiveDate, Utc};
use patchboard_domain::{
    account::Actor,
    authority::Action,
    filter::TaskFilter,
    fleet::{Page, TaskRow, TasksView},
};

impl Services {
    /// A page of the task list. Days of the filter are days in `zone`.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn tasks(&self, actor: &Actor, filter: &TaskFilter, zone: &str, page: i64) -> Result<TasksView, Error> {
        self.allow(actor, Action::Read)?;
        let bounds = bounds(filter, zone);
        let (mut tasks, total) = self.store().tasks(filter, bounds, self.now(), page).await?;
        let page = nearest_page(page, total);
        if tasks.is_empty() && total > 0 {
            tasks = self.store().tasks(filter, bounds, self.now(), page).await?.0;
        }
        let mut rows = Vec::new();
        for task in tasks {
            let key = task.id.key();
            let shared_with = self.store().task_sharing(&task.cloud, &key).await? - 1;
            let order = self.store().last_order_of(&task.cloud, &key).await?.map(|o| (o.what, o.state));
            rows.push(TaskRow { task, shared_with, order });
        }
        Ok(TasksView {
            page: Page { rows, total, page },
            counts: self.store().task_counts(filter, bounds).await?,
            sync: self.sync_statuses().await?,
            bad_days: [&filter.from, &filter.to].into_iter().filter(|d| !d.trim().is_empty() && day(d).is_none()).cloned().collect(),
        })
    }
}

fn day(text: &str) -> Option<NaiveDate> {
    text.trim().parse::<NaiveDate>().ok().filter(|d| (2000..2200).contains(&d.year()))
}

fn bounds(filter: &TaskFilter, zone: &str) -> (Option<DateTime<Utc>>, Option<DateTime<Utc>>) {
    let from = day(&filter.from).and_then(|d| zones::start_of_day(zone, d));
    let to = day(&filter.to).and_then(|d| zones::start_of_day(zone, d + Duration::days(1)));
    (from, to)
}
