//! Scheduled tasks as last listed, and history beyond the cloud's month.

use crate::{
    Error, Store,
    sql::{Sql, like, plain},
    time::{instant, ms},
    tx::Tx,
};
use chrono::{DateTime, Utc};
use patchboard_domain::{
    filter::{PAGE_SIZE, TaskFilter},
    id::{CloudName, InstanceId, PlanId, TaskId},
    task::{Task, TaskStatus},
};
use sqlx::FromRow;
use std::collections::BTreeSet;

/// Joined with the item that accounts for a task, or did before it was moved: its plan is what makes it ours.
const SELECT: &str =
    "SELECT t.cloud, t.id, t.instance, COALESCE(NULLIF(t.instance_name, ''), i.name, '') AS instance_name, t.status, t.start_at,
    t.created_at, t.target, t.first_seen_at, t.seen_at, t.gone_at,
    COALESCE(o.plan, (SELECT MIN(m.from_plan) FROM moves m WHERE m.cloud = t.cloud AND m.task_key = t.task_key AND m.instance = t.instance)) AS plan
    FROM tasks t LEFT JOIN items o ON o.cloud = t.cloud AND o.task_key = t.task_key AND o.instance = t.instance
    LEFT JOIN instances i ON i.cloud = t.cloud AND i.id = t.instance";

#[derive(FromRow)]
struct Row {
    cloud: String,
    id: String,
    instance: String,
    instance_name: String,
    status: String,
    start_at: Option<i64>,
    created_at: Option<i64>,
    target: Option<String>,
    first_seen_at: i64,
    seen_at: i64,
    gone_at: Option<i64>,
    plan: Option<String>,
}

impl From<Row> for Task {
    fn from(row: Row) -> Self {
        Self {
            cloud: CloudName::new(row.cloud),
            id: TaskId::new(row.id),
            instance: InstanceId::new(row.instance),
            instance_name: row.instance_name,
            status: TaskStatus::from_wire(&row.status),
            start_at: row.start_at.map(instant),
            created_at: row.created_at.map(instant),
            target: row.target,
            plan: row.plan.map(PlanId::new),
            first_seen_at: instant(row.first_seen_at),
            seen_at: instant(row.seen_at),
            gone_at: row.gone_at.map(instant),
        }
    }
}

/// No item of ours stands for it, nor did before it was moved.
const UNACCOUNTED: &str = " (o.plan IS NULL AND NOT EXISTS
    (SELECT 1 FROM moves m WHERE m.cloud = t.cloud AND m.task_key = t.task_key AND m.instance = t.instance))";

/// Bounds of the start in milliseconds; `to` is exclusive.
fn push_filter(q: &mut Sql, filter: &TaskFilter, from: Option<DateTime<Utc>>, to: Option<DateTime<Utc>>, status: bool) {
    q.push(" WHERE 1 = 1");
    if status && !filter.status.is_empty() {
        q.push(" AND t.status = ").push_bind(filter.status.clone());
    }
    if !filter.cloud.is_empty() {
        q.push(" AND t.cloud = ").push_bind(filter.cloud.clone());
    }
    match filter.origin.as_str() {
        "ours" => drop(q.push(" AND NOT").push(UNACCOUNTED)),
        "foreign" => drop(q.push(" AND").push(UNACCOUNTED)),
        _ => {}
    }
    let words = filter.q.trim().to_lowercase();
    if !words.is_empty() {
        let escaped = like(&words);
        let key = escaped.replace('-', "");
        q.push(" AND (lower(t.instance_name) LIKE ").push_bind(format!("%{escaped}%")).push(" ESCAPE '\\' OR i.search LIKE ");
        q.push_bind(format!("%{escaped}%")).push(" ESCAPE '\\' OR lower(t.instance) LIKE ").push_bind(format!("%{escaped}%"));
        q.push(" ESCAPE '\\' OR t.task_key LIKE ").push_bind(format!("%{key}%")).push(" ESCAPE '\\')");
    }
    if let Some(from) = from {
        q.push(" AND t.start_at >= ").push_bind(ms(from));
    }
    if let Some(to) = to {
        q.push(" AND t.start_at < ").push_bind(ms(to));
    }
}

/// Tasks of these instances that no item accounts for, as last listed.
pub(crate) async fn unaccounted(tx: &mut Tx, cloud: &CloudName, ids: &[InstanceId]) -> Result<Vec<Task>, Error> {
    let mut out = Vec::new();
    for chunk in ids.chunks(500) {
        let mut q = Sql::new(SELECT);
        q.push(" WHERE").push(UNACCOUNTED).push(" AND t.cloud = ").push_bind(cloud.as_str()).push(" AND t.instance IN (");
        q.push_list(chunk.iter().map(InstanceId::as_str)).push(")");
        let rows: Vec<Row> = q.rows(&mut **tx).await?;
        out.extend(rows.into_iter().map(Task::from));
    }
    Ok(out)
}

/// Those of these instances that have an open task which another item accounts for, or which no list has shown yet although its start is
/// to come.
pub(crate) async fn occupied(
    tx: &mut Tx,
    cloud: &CloudName,
    plan: &PlanId,
    ids: &[InstanceId],
    now: DateTime<Utc>,
) -> Result<Vec<InstanceId>, Error> {
    let mut out = Vec::new();
    for chunk in ids.chunks(500) {
        let mut q = Sql::new(
            "SELECT DISTINCT o.instance FROM items o JOIN plans p ON p.id = o.plan
             LEFT JOIN tasks t ON t.cloud = o.cloud AND t.task_key = o.task_key AND t.instance = o.instance
             WHERE o.state = 'accepted' AND ((t.gone_at IS NULL AND t.status NOT IN ('Completed', 'Failed', 'Canceled'))
               OR (t.task_key IS NULL AND p.start_at > ",
        );
        q.push_bind(ms(now)).push(")) AND o.cloud = ").push_bind(cloud.as_str()).push(" AND o.plan <> ").push_bind(plan.as_str());
        q.push(" AND o.instance IN (").push_list(chunk.iter().map(InstanceId::as_str)).push(")");
        let rows: Vec<(String,)> = q.rows(&mut **tx).await?;
        out.extend(rows.into_iter().map(|(id,)| InstanceId::new(id)));
    }
    Ok(out)
}

impl Store {
    /// Takes a complete listing begun at `began_at` and ended at `ended_at`: new tasks are added (first seen at its end, because
    /// an attempt made meanwhile may have made them), the rest is brought up to date, and what is not in it
    /// is marked as gone. One transaction. `holder` is the replica that looks.
    ///
    /// # Errors
    /// [`Error::Changed`] when it does not look for all any more, [`Error::Database`].
    pub async fn put_tasks(
        &self,
        cloud: &CloudName,
        holder: &str,
        began_at: DateTime<Utc>,
        ended_at: DateTime<Utc>,
        listed: &[Task],
    ) -> Result<(), Error> {
        let at = ms(began_at);
        let mut tx = self.begin().await?;
        // Whoever slept over its lease has seen less than the one who looks now.
        let looks: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM leases WHERE name = $1 AND holder = $2")
            .bind(crate::sync_lease(cloud))
            .bind(holder)
            .fetch_one(&mut *tx)
            .await?;
        if looks == 0 {
            return Err(Error::Changed);
        }
        let mut keys = BTreeSet::new();
        for task in listed {
            if !keys.insert((task.id.key(), task.instance.clone())) {
                continue;
            }
            sqlx::query(
                "INSERT INTO tasks (cloud, task_key, instance, id, instance_name, status, start_at, created_at, target, first_seen_at, seen_at)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $11, $10)
                 ON CONFLICT (cloud, task_key, instance) DO UPDATE SET status = excluded.status, start_at = excluded.start_at,
                 created_at = excluded.created_at, target = COALESCE(excluded.target, tasks.target),
                 instance_name = excluded.instance_name, seen_at = excluded.seen_at, gone_at = NULL",
            )
            .bind(cloud.as_str())
            .bind(task.id.key())
            .bind(task.instance.as_str())
            .bind(task.id.as_str())
            .bind(plain(&task.instance_name))
            .bind(task.status.as_str())
            .bind(task.start_at.map(ms))
            .bind(task.created_at.map(ms))
            .bind(task.target.as_deref().map(plain))
            .bind(at)
            .bind(ms(ended_at))
            .execute(&mut *tx)
            .await?;
        }
        sqlx::query("UPDATE tasks SET gone_at = $1 WHERE cloud = $2 AND seen_at <> $1 AND gone_at IS NULL")
            .bind(at)
            .bind(cloud.as_str())
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(())
    }

    /// When the oldest task was made that a listing which ended at `first_seen_at` was the first to show, of those made in this time; by
    /// the clock of the cloud.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn oldest_new_task(
        &self,
        cloud: &CloudName,
        first_seen_at: DateTime<Utc>,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
    ) -> Result<Option<DateTime<Utc>>, Error> {
        let oldest: Option<i64> = sqlx::query_scalar(
            "SELECT MIN(created_at) FROM tasks WHERE cloud = $1 AND first_seen_at = $2 AND created_at >= $3 AND created_at <= $4",
        )
        .bind(cloud.as_str())
        .bind(ms(first_seen_at))
        .bind(ms(from))
        .bind(ms(to))
        .fetch_one(self.reader().await)
        .await?;
        Ok(oldest.map(instant))
    }

    /// A page of tasks, next start first among those to come, then the past from the newest; and the number of all. One that cannot be
    /// read is counted, left out and logged.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn tasks(
        &self,
        filter: &TaskFilter,
        bounds: (Option<DateTime<Utc>>, Option<DateTime<Utc>>),
        now: DateTime<Utc>,
        page: i64,
    ) -> Result<(Vec<Task>, i64), Error> {
        let mut count = Sql::new(
            "SELECT COUNT(*) FROM tasks t LEFT JOIN items o ON o.cloud = t.cloud AND o.task_key = t.task_key AND o.instance = t.instance
             LEFT JOIN instances i ON i.cloud = t.cloud AND i.id = t.instance",
        );
        push_filter(&mut count, filter, bounds.0, bounds.1, true);
        let total: i64 = count.number(self.reader().await).await?;
        let mut q = Sql::new(SELECT);
        push_filter(&mut q, filter, bounds.0, bounds.1, true);
        q.push(" ORDER BY CASE WHEN t.status IN ('Pending', 'Running') AND t.gone_at IS NULL THEN 0 ELSE 1 END, ABS(COALESCE(t.start_at, 0) - ");
        q.push_bind(ms(now)).push("), t.task_key, t.instance LIMIT ").push_bind(PAGE_SIZE);
        q.push(" OFFSET ").push_bind((page.max(1) - 1).saturating_mul(PAGE_SIZE));
        let rows: Vec<Row> = q.readable_rows(self.reader().await).await?;
        Ok((rows.into_iter().map(Task::from).collect(), total))
    }

    /// Numbers by status under the same filter without its status.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn task_counts(
        &self,
        filter: &TaskFilter,
        bounds: (Option<DateTime<Utc>>, Option<DateTime<Utc>>),
    ) -> Result<Vec<(String, i64)>, Error> {
        let mut q = Sql::new(
            "SELECT t.status, COUNT(*) FROM tasks t LEFT JOIN items o ON o.cloud = t.cloud AND o.task_key = t.task_key AND o.instance = t.instance
             LEFT JOIN instances i ON i.cloud = t.cloud AND i.id = t.instance",
        );
        push_filter(&mut q, filter, bounds.0, bounds.1, false);
        q.push(" GROUP BY t.status ORDER BY t.status");
        q.rows(self.reader().await).await
    }

    /// Tasks of these instances, newest first.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn tasks_of(&self, cloud: &CloudName, ids: &[InstanceId]) -> Result<Vec<Task>, Error> {
        let mut out = Vec::new();
        for chunk in ids.chunks(500) {
            let mut q = Sql::new(SELECT);
            q.push(" WHERE t.cloud = ").push_bind(cloud.as_str()).push(" AND t.instance IN (");
            q.push_list(chunk.iter().map(InstanceId::as_str)).push(") ORDER BY COALESCE(t.created_at, 0) DESC, t.task_key");
            let rows: Vec<Row> = q.rows(self.reader().await).await?;
            out.extend(rows.into_iter().map(Task::from));
        }
        Ok(out)
    }

    /// Every record that shares a task id.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn tasks_with_id(&self, cloud: &CloudName, task_key: &str) -> Result<Vec<Task>, Error> {
        let mut q = Sql::new(SELECT);
        q.push(" WHERE t.cloud = ")
            .push_bind(cloud.as_str())
            .push(" AND t.task_key = ")
            .push_bind(task_key)
            .push(" ORDER BY 4, t.instance");
        let rows: Vec<Row> = q.rows(self.reader().await).await?;
        Ok(rows.into_iter().map(Task::from).collect())
    }

    /// The record of one instance under a task id.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn task_of(&self, cloud: &CloudName, task_key: &str, instance: &InstanceId) -> Result<Option<Task>, Error> {
        let mut q = Sql::new(SELECT);
        q.push(" WHERE t.cloud = ").push_bind(cloud.as_str()).push(" AND t.task_key = ").push_bind(task_key);
        q.push(" AND t.instance = ").push_bind(instance.as_str());
        let row: Option<Row> = q.row(self.reader().await).await?;
        Ok(row.map(Task::from))
    }

    /// How many records share each of these ids.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn task_sharing(&self, cloud: &CloudName, task_key: &str) -> Result<i64, Error> {
        Ok(sqlx::query_scalar("SELECT COUNT(*) FROM tasks WHERE cloud = $1 AND task_key = $2")
            .bind(cloud.as_str())
            .bind(task_key)
            .fetch_one(self.reader().await)
            .await?)
    }
}
