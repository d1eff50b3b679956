//! Everything in doubt, of all plans.

use crate::{
    EntryKey, Error, Store,
    error::{doc, or_log},
    sql::Sql,
    time::{instant, ms},
};
use chrono::{DateTime, Utc};
use patchboard_domain::{
    filter::PAGE_SIZE,
    id::{CloudName, InstanceId, PlanId},
    plan::Draft,
    send::{Item, LostSight},
    task::TaskStatus,
};
use sqlx::FromRow;
use std::collections::BTreeMap;

/// An instance in doubt.
#[derive(Clone, Debug)]
pub struct Doubt {
    /// The plan.
    pub plan: PlanId,
    /// Its title.
    pub title: String,
    /// Its cloud.
    pub cloud: CloudName,
    /// Name of the instance, as last listed.
    pub name: String,
    /// The instance, and what is known.
    pub item: Item,
    /// The start that was asked for.
    pub start_at: DateTime<Utc>,
}

#[derive(FromRow)]
struct Row {
    plan: String,
    position: i64,
    cloud: String,
    instance: String,
    doc: String,
    draft: String,
    start_at: i64,
    name: String,
    status: Option<String>,
    gone_at: Option<i64>,
}

/// Which instances are in doubt: what nobody knows of, or can know.
#[derive(Clone, Debug)]
pub struct Due {
    /// Now, by the clock of leases.
    pub now: DateTime<Utc>,
    /// A task with an earlier start must have been listed by the last look at its cloud.
    pub starts: BTreeMap<CloudName, DateTime<Utc>>,
    /// The same for clouds that are not connected any more.
    pub start: DateTime<Utc>,
}

impl Due {
    /// By which start the task of a cloud must have been listed.
    pub fn start_of(&self, cloud: &CloudName) -> DateTime<Utc> {
        self.starts.get(cloud).copied().unwrap_or(self.start)
    }

    /// Unknown; given up without proof; being sent by nobody, because its request cannot be read; accepted and listed no longer, or never
    /// although the start has passed.
    fn push_where(&self, q: &mut Sql) {
        q.push(
            " FROM items i JOIN plans p ON p.id = i.plan
             LEFT JOIN requests r ON r.plan = i.plan AND r.position = i.position
             LEFT JOIN instances n ON n.cloud = i.cloud AND n.id = i.instance
             LEFT JOIN tasks t ON t.cloud = i.cloud AND t.task_key = i.task_key AND t.instance = i.instance
             WHERE (i.state = 'unknown' OR (i.state = 'stopped' AND i.doc LIKE '%\"no_proof\"%')
             OR (i.state = 'sending' AND COALESCE(r.claimed_until, 0) <= ",
        );
        q.push_bind(ms(self.now) - LEFT_MS).push(
            ") OR (i.state = 'accepted' AND (
             (t.gone_at IS NOT NULL AND t.status NOT IN ('Completed', 'Failed', 'Canceled'))
             OR (t.task_key IS NULL AND p.start_at <= CASE i.cloud",
        );
        for (cloud, start) in &self.starts {
            q.push(" WHEN ").push_bind(cloud.as_str()).push(" THEN ").push_bind(ms(*start));
        }
        // A CASE without a WHEN is none.
        q.push(" WHEN '' THEN 0 ELSE ").push_bind(ms(self.start)).push(" END))))");
    }
}

/// Nobody is at work on a request whose claim ended so long ago, in milliseconds: whoever looks for such has put it in doubt, if it could.
const LEFT_MS: i64 = 60_000;

const OPEN: &str = " FROM tasks t WHERE t.gone_at IS NULL AND t.status NOT IN ('Completed', 'Failed', 'Canceled')
    GROUP BY t.cloud, t.instance HAVING COUNT(*) > 1";

impl Store {
    /// A page of what is in doubt, the nearest start first, and the number of all. One that cannot be read is counted, left out and logged.
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::Inconsistent`].
    pub async fn doubts(&self, due: &Due, page: i64) -> Result<(Vec<Doubt>, i64), Error> {
        let total = self.doubt_count(due).await?;
        let mut q = Sql::new(
            "SELECT i.plan, i.position, i.cloud, i.instance, i.doc, p.draft, p.start_at, COALESCE(n.name, '') AS name, t.status, t.gone_at",
        );
        due.push_where(&mut q);
        q.push(" ORDER BY p.start_at, i.plan, i.position, i.ordinal LIMIT ").push_bind(PAGE_SIZE);
        q.push(" OFFSET ").push_bind((page.max(1) - 1).saturating_mul(PAGE_SIZE));
        let rows: Vec<Row> = q.rows(self.reader().await).await?;
        let read = |row: Row| {
            let task_status = row.status.as_deref().map(TaskStatus::from_wire);
            let state = doc(&row.doc, "items", &row.plan)?;
            let accepted = matches!(state, patchboard_domain::send::ItemState::Accepted { .. });
            let lost = if row.gone_at.is_some() { LostSight::Gone } else { LostSight::NeverListed };
            Ok(Doubt {
                title: doc::<Draft>(&row.draft, "plans", &row.plan)?.title,
                plan: PlanId::new(row.plan),
                cloud: CloudName::new(row.cloud),
                name: row.name,
                item: Item {
                    request: row.position,
                    instance: InstanceId::new(row.instance),
                    state,
                    task_status,
                    lost_sight: accepted.then_some(lost),
                    moved: false,
                },
                start_at: instant(row.start_at),
            })
        };
        Ok((rows.into_iter().filter_map(|row| or_log(read(row))).collect(), total))
    }

    /// How many instances are in doubt.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn doubt_count(&self, due: &Due) -> Result<i64, Error> {
        let mut q = Sql::new("SELECT COUNT(*)");
        due.push_where(&mut q);
        q.number(self.reader().await).await
    }

    /// Requests that account for a task of an instance.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn accepted_entries(&self, cloud: &CloudName, instance: &InstanceId) -> Result<Vec<EntryKey>, Error> {
        let rows: Vec<(String, i64)> =
            sqlx::query_as("SELECT plan, position FROM items WHERE cloud = $1 AND instance = $2 AND state = 'accepted' ORDER BY plan")
                .bind(cloud.as_str())
                .bind(instance.as_str())
                .fetch_all(self.reader().await)
                .await?;
        Ok(rows.into_iter().map(EntryKey::from).collect())
    }

    /// Instances with several open tasks in the cloud.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn collisions(&self) -> Result<Vec<(CloudName, InstanceId)>, Error> {
        let mut q = Sql::new("SELECT t.cloud, t.instance");
        q.push(OPEN).push(" ORDER BY t.cloud, t.instance LIMIT 200");
        let rows: Vec<(String, String)> = q.rows(self.reader().await).await?;
        Ok(rows.into_iter().map(|(cloud, instance)| (CloudName::new(cloud), InstanceId::new(instance))).collect())
    }
}
