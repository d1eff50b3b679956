//! Plans that take the place of another one's tasks.

use crate::{
    EntryKey, Error, OrderRow, Store, Submission,
    entries::{load, save},
    error::{doc, one_row, or_log},
    ledger::append,
    orders::add_order_in,
    sql::Sql,
    time::{instant, ms},
    tx::Tx,
};
use patchboard_domain::{
    authority::Stage,
    id::{CloudName, InstanceId, PlanId, TaskId},
    ledger::Deed,
    moving::MovedTo,
    send::ItemState,
};

/// What a submission takes the place of.
#[derive(Clone, Debug)]
pub struct Moves {
    /// The plan that made the tasks.
    pub from: PlanId,
    /// The task of each instance that is moved.
    pub tasks: Vec<(InstanceId, TaskId)>,
    /// Their cancels, each with what the ledger keeps of it.
    pub orders: Vec<(OrderRow, Deed)>,
}

/// One instance that takes the place of a task.
#[derive(Clone, Debug)]
pub struct MoveRow {
    /// The plan that takes it.
    pub plan: PlanId,
    /// The instance.
    pub instance: InstanceId,
    /// Key of the task.
    pub task_key: String,
    /// The plan that made it.
    pub from: PlanId,
    /// What became of the instance at its new time.
    pub state: ItemState,
}

/// What keeps the cancel of a move back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MoveOrder {
    /// It is on hold.
    Held,
    /// It was withdrawn.
    Withdrawn,
}

/// The saga begins with the submission: either stands, or neither.
pub(crate) async fn begin_moves(tx: &mut Tx, s: &Submission, moves: &Moves) -> Result<(), Error> {
    for (instance, task) in &moves.tasks {
        sqlx::query("INSERT INTO moves (plan, instance, cloud, task_key, from_plan) VALUES ($1, $2, $3, $4, $5)")
            .bind(s.plan.as_str())
            .bind(instance.as_str())
            .bind(s.cloud.as_str())
            .bind(task.key())
            .bind(moves.from.as_str())
            .execute(&mut **tx)
            .await?;
    }
    for (order, deed) in &moves.orders {
        let open: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM orders WHERE cloud = $1 AND task_key = $2 AND is_open = 1")
            .bind(s.cloud.as_str())
            .bind(order.task.key())
            .fetch_one(&mut **tx)
            .await?;
        // Somebody has asked for it already: it is one order, and theirs.
        if open == 0 {
            add_order_in(tx, &s.cloud, order).await?;
            append(tx, deed).await?;
            sqlx::query("UPDATE moves SET order_id = $1 WHERE plan = $2 AND task_key = $3")
                .bind(&order.id)
                .bind(s.plan.as_str())
                .bind(order.task.key())
                .execute(&mut **tx)
                .await?;
        }
    }
    Ok(())
}

impl Store {
    /// What a plan takes the place of.
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::Inconsistent`].
    pub async fn moves_of(&self, plan: &PlanId) -> Result<Vec<MoveRow>, Error> {
        let mut q = Sql::new(MOVES);
        q.push(" WHERE m.plan = ").push_bind(plan.as_str()).push(" ORDER BY m.instance");
        self.move_rows(q).await
    }

    /// Instances of one request that wait for the task whose place they take to be cancelled.
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::Inconsistent`].
    pub async fn waiting_moves(&self, key: &EntryKey) -> Result<Vec<MoveRow>, Error> {
        let mut q = Sql::new(MOVES);
        q.push(" WHERE i.state = 'moving' AND m.plan = ").push_bind(key.plan.as_str());
        q.push(" AND i.position = ").push_bind(key.position).push(" ORDER BY m.task_key, m.instance");
        self.move_rows(q).await
    }

    /// Moved instances of a cloud that ended without a task at their new time, and whose old time does not stand again. One that cannot
    /// be read is left out and logged.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn failed_moves(&self, cloud: &CloudName) -> Result<Vec<MoveRow>, Error> {
        let mut q = Sql::new(MOVES);
        q.push(" WHERE m.cloud = ").push_bind(cloud.as_str());
        q.push(" AND m.put_back_at IS NULL AND i.state IN ('rejected', 'stopped', 'missed', 'withdrawn') ORDER BY m.plan, m.instance");
        let rows: Vec<Row> = q.rows(self.reader().await).await?;
        Ok(rows.into_iter().filter_map(|row| or_log(read(row))).collect())
    }

    /// Whether a cancel belongs to a move that is on hold or was withdrawn; nothing for any other.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn move_of_order(&self, order: &str) -> Result<Option<MoveOrder>, Error> {
        let row: Option<(Option<i64>, Option<i64>, i64)> = sqlx::query_as(
            "SELECT p.withdrawn_at, p.held_at, (SELECT COUNT(*) FROM holds h WHERE h.scope NOT LIKE 'cloud/%' OR h.scope = 'cloud/' || p.cloud)
             FROM moves m JOIN plans p ON p.id = m.plan WHERE m.order_id = $1 LIMIT 1",
        )
        .bind(order)
        .fetch_optional(self.reader().await)
        .await?;
        Ok(row.and_then(|(withdrawn, held, holds)| match (withdrawn, held.is_some() || holds > 0) {
            (Some(_), _) => Some(MoveOrder::Withdrawn),
            (None, true) => Some(MoveOrder::Held),
            (None, false) => None,
        }))
    }

    async fn move_rows(&self, q: Sql) -> Result<Vec<MoveRow>, Error> {
        let rows: Vec<Row> = q.rows(self.reader().await).await?;
        rows.into_iter().map(read).collect()
    }

    /// Lets the old time of a moved instance stand again, once. Nothing happens when something else became of it meanwhile.
    ///
    /// # Errors
    /// [`Error::Changed`] when it stands again already, [`Error::Conflict`] while another plan is about to schedule the instance, [`Error::Database`], [`Error::Inconsistent`].
    pub async fn put_back(&self, row: &MoveRow, deed: &Deed) -> Result<bool, Error> {
        let mut tx = self.begin().await?;
        let now = self.now_in(&mut tx).await?;
        let done = sqlx::query("UPDATE moves SET put_back_at = $1 WHERE plan = $2 AND instance = $3 AND put_back_at IS NULL")
            .bind(ms(now))
            .bind(row.plan.as_str())
            .bind(row.instance.as_str())
            .execute(&mut *tx)
            .await?;
        one_row(&done)?;
        let position: Option<i64> = sqlx::query_scalar("SELECT position FROM items WHERE plan = $1 AND instance = $2")
            .bind(row.from.as_str())
            .bind(row.instance.as_str())
            .fetch_optional(&mut *tx)
            .await?;
        // Withdrawn was what had not been sent; this had been. Nothing else of that plan comes to life by it.
        sqlx::query(
            "UPDATE plans SET withdrawn_at = NULL WHERE id = $1
             AND NOT EXISTS (SELECT 1 FROM items i WHERE i.plan = $1 AND i.state IN ('moving', 'planned', 'sending', 'unknown'))",
        )
        .bind(row.from.as_str())
        .execute(&mut *tx)
        .await?;
        let key = EntryKey { plan: row.from.clone(), position: position.unwrap_or_default() };
        let mut stands = false;
        if let Some((before, _)) = load(&mut tx, &key).await? {
            let mut after = before.clone();
            stands = after.put_back(&row.instance, &row.task_key);
            if stands {
                save(&mut tx, &key, &before, &after).await?;
                append(&mut tx, deed).await?;
            }
        }
        tx.commit().await?;
        Ok(stands)
    }

    /// Plans that take the place of tasks of this one, the oldest first.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn moved_to(&self, plan: &PlanId) -> Result<Vec<MovedTo>, Error> {
        let rows: Vec<(String, Option<i64>, Option<i64>, Option<i64>)> =
            sqlx::query_as("SELECT id, submitted_at, review, start_at FROM plans WHERE moves = $1 ORDER BY created_at, id")
                .bind(plan.as_str())
                .fetch_all(self.reader().await)
                .await?;
        let read = |(id, submitted, review, start_at): (String, Option<i64>, Option<i64>, Option<i64>)| MovedTo {
            plan: PlanId::new(id),
            stage: Stage::of(submitted.is_some(), review.is_some()),
            start_at: start_at.map(instant),
        };
        Ok(rows.into_iter().map(read).collect())
    }
}

/// Plan, instance, key of the task, plan that made it, and what became of the instance.
type Row = (String, String, String, String, String);

fn read((plan, instance, task_key, from, text): Row) -> Result<MoveRow, Error> {
    let state = doc(&text, "items", &plan)?;
    Ok(MoveRow { plan: PlanId::new(plan), instance: InstanceId::new(instance), task_key, from: PlanId::new(from), state })
}

const MOVES: &str =
    "SELECT m.plan, m.instance, m.task_key, m.from_plan, i.doc FROM moves m JOIN items i ON i.plan = m.plan AND i.instance = m.instance";
