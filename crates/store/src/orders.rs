//! Cancels and deletions asked of the cloud.

use crate::{
    Error, Store,
    error::{doc, json, one_row, or_log},
    ledger::append,
    sql::Sql,
    time::{instant, ms},
    tx::Tx,
};
use chrono::{DateTime, Utc};
use patchboard_domain::{
    cancel::{OrderState, TaskOrder},
    id::{CloudName, TaskId},
    ledger::Deed,
};

/// One order.
#[derive(Clone, Debug)]
pub struct OrderRow {
    /// Its id.
    pub id: String,
    /// The task, as the cloud wrote it.
    pub task: TaskId,
    /// What was asked.
    pub what: TaskOrder,
    /// When.
    pub asked_at: DateTime<Utc>,
    /// How far it has come.
    pub state: OrderState,
}

type Row = (String, String, String, i64, String);

const ABOUT: &str = "SELECT id, task_id, what, asked_at, doc FROM orders WHERE cloud = $1 AND task_key = $2 ORDER BY asked_at, id";

fn read((id, task, what, asked_at, text): Row) -> Result<OrderRow, Error> {
    let state = doc(&text, "orders", &id)?;
    let what = if what == TaskOrder::Delete.as_str() { TaskOrder::Delete } else { TaskOrder::Cancel };
    Ok(OrderRow { id, task: TaskId::new(task), what, asked_at: instant(asked_at), state })
}

/// Writes an order down.
pub(crate) async fn add_order_in(tx: &mut Tx, cloud: &CloudName, order: &OrderRow) -> Result<(), Error> {
    sqlx::query("INSERT INTO orders (id, cloud, task_key, task_id, what, asked_at, is_open, doc) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)")
        .bind(&order.id)
        .bind(cloud.as_str())
        .bind(order.task.key())
        .bind(order.task.as_str())
        .bind(order.what.as_str())
        .bind(ms(order.asked_at))
        .bind(i64::from(order.state.is_open()))
        .bind(json(&order.state))
        .execute(&mut **tx)
        .await?;
    Ok(())
}

impl Store {
    /// Journals an order.
    ///
    /// # Errors
    /// [`Error::Conflict`] when one about the same task is open, [`Error::Database`].
    pub async fn add_order(&self, cloud: &CloudName, order: &OrderRow, deed: &Deed) -> Result<(), Error> {
        let mut tx = self.begin().await?;
        add_order_in(&mut tx, cloud, order).await?;
        append(&mut tx, deed).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Keeps how far an order has come from where it was: a replica that slept meanwhile changes nothing.
    ///
    /// # Errors
    /// [`Error::Changed`] when it is not there any more, [`Error::Database`].
    pub async fn put_order(&self, id: &str, from: &OrderState, state: &OrderState, deed: Option<&Deed>) -> Result<(), Error> {
        let mut tx = self.begin().await?;
        let done = sqlx::query("UPDATE orders SET doc = $1, is_open = $2 WHERE id = $3 AND doc = $4")
            .bind(json(state))
            .bind(i64::from(state.is_open()))
            .bind(id)
            .bind(json(from))
            .execute(&mut *tx)
            .await?;
        one_row(&done)?;
        if let Some(deed) = deed {
            append(&mut tx, deed).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// Open orders of a cloud, oldest first. One that cannot be read is left out and logged: nothing is given on its word.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn open_orders(&self, cloud: &CloudName) -> Result<Vec<OrderRow>, Error> {
        let rows: Vec<Row> =
            sqlx::query_as("SELECT id, task_id, what, asked_at, doc FROM orders WHERE cloud = $1 AND is_open = 1 ORDER BY asked_at, id")
                .bind(cloud.as_str())
                .fetch_all(self.reader().await)
                .await?;
        Ok(rows.into_iter().filter_map(|row| or_log(read(row))).collect())
    }

    /// The newest order about a task id that can be read.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn last_order_of(&self, cloud: &CloudName, task_key: &str) -> Result<Option<OrderRow>, Error> {
        let mut q = Sql::new("SELECT id, task_id, what, asked_at, doc FROM orders WHERE cloud = ");
        q.push_bind(cloud.as_str()).push(" AND task_key = ").push_bind(task_key).push(" ORDER BY asked_at DESC, id DESC");
        let rows: Vec<Row> = q.readable_rows(self.reader().await).await?;
        Ok(rows.into_iter().find_map(|row| or_log(read(row))))
    }

    /// All orders about a task id, oldest first.
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::Inconsistent`].
    pub async fn orders_of(&self, cloud: &CloudName, task_key: &str) -> Result<Vec<OrderRow>, Error> {
        let rows: Vec<Row> = sqlx::query_as(ABOUT).bind(cloud.as_str()).bind(task_key).fetch_all(self.reader().await).await?;
        rows.into_iter().map(read).collect()
    }
}
