//! Submitted plans row by row, as they stand: also what cannot be read, and what nothing belongs to.

use crate::{Error, Store, entries::attempt, error::json, ledger::append, plans, sql::Sql, time::ms, tx::Tx};
use chrono::{DateTime, Utc};
use patchboard_domain::{
    approval::{StoredItem, StoredPlan, missing_rows},
    id::{CloudName, InstanceId, PlanId},
    ledger::Deed,
    plan::Plan,
    send::{ItemState, Stop},
};
use sqlx::{Any, AnyConnection, Row as _, any::AnyRow};

/// Plans that may still send something, and rows that belong to no plan or lack their kin.
const TO_CHECK: &str = "SELECT id FROM plans WHERE start_at > $1
    UNION SELECT plan FROM items WHERE state IN ('moving', 'planned')
    UNION SELECT id FROM plans WHERE approved_hash IS NOT NULL AND (submitted_at IS NULL OR start_at IS NULL)
    UNION SELECT id FROM plans p WHERE approved_hash IS NOT NULL AND NOT EXISTS (SELECT 1 FROM items i WHERE i.plan = p.id)
    UNION SELECT plan FROM requests WHERE plan NOT IN (SELECT id FROM plans)";

/// A column whose value has the type that it should have.
fn value<'r, T: sqlx::Decode<'r, Any> + sqlx::Type<Any>>(row: &'r AnyRow, column: &str) -> Option<T> {
    row.try_get(column).ok()
}

async fn read(connection: &mut AnyConnection, id: &PlanId) -> Result<StoredPlan, Error> {
    let plan = {
        let mut q = Sql::new(plans::SELECT);
        q.push(" WHERE id = ").push_bind(id.as_str());
        match q.row::<plans::Row>(&mut *connection).await {
            Ok(row) => row.and_then(|row| row.read().ok()),
            Err(error) if error.is_inconsistent() => None,
            Err(other) => return Err(other),
        }
    };
    // A name with a blank more reads the same and is found by no statement of ours.
    let names = rows(connection, "SELECT cloud FROM plans WHERE id = $1", id).await?;
    let plan = plan.filter(|p: &Plan| names.iter().all(|row| value::<String>(row, "cloud").is_some_and(|text| text == p.cloud.as_str())));
    let requests = rows(connection, "SELECT position, doc FROM requests WHERE plan = $1 ORDER BY position", id).await?;
    let items = rows(
        connection,
        "SELECT position, cloud, instance, state, task_key, doc FROM items WHERE plan = $1 ORDER BY position, ordinal",
        id,
    )
    .await?;
    let attempts = rows(
        connection,
        "SELECT position, number, fence, instances, body, known, began_at, ended_at, outcome, error FROM attempts WHERE plan = $1 ORDER BY position, number",
        id,
    )
    .await?;
    Ok(StoredPlan {
        plan,
        requests: requests.iter().map(|row| (value(row, "position").unwrap_or(-1), parsed(row, "doc"))).collect(),
        items: items.iter().map(item).collect(),
        attempts: attempts.iter().map(|row| attempt(row, id.as_str()).map(|a| (a.request, a.number))).collect(),
    })
}

async fn rows(connection: &mut AnyConnection, sql: &'static str, id: &PlanId) -> Result<Vec<AnyRow>, Error> {
    Ok(sqlx::query(sql).bind(id.as_str()).fetch_all(connection).await?)
}

fn parsed<T: serde::de::DeserializeOwned>(row: &AnyRow, column: &str) -> Option<T> {
    serde_json::from_str(&value::<String>(row, column)?).ok()
}

fn item(row: &AnyRow) -> StoredItem {
    let (cloud, instance): (Option<String>, Option<String>) = (value(row, "cloud"), value(row, "instance"));
    let exact = |text: &Option<String>| text.as_ref().is_some_and(|text| text.trim() == text);
    StoredItem {
        position: value(row, "position").unwrap_or(-1),
        is_exact: exact(&cloud) && exact(&instance),
        cloud: CloudName::new(cloud.unwrap_or_default()),
        instance: InstanceId::new(instance.unwrap_or_default()),
        state_word: value(row, "state").unwrap_or_default(),
        task_key: value::<Option<String>>(row, "task_key").unwrap_or_default(),
        state: parsed(row, "doc"),
    }
}

impl Store {
    /// Plans whose rows decide what may still be sent.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn plans_to_check(&self, now: DateTime<Utc>) -> Result<Vec<PlanId>, Error> {
        let rows: Vec<(String,)> = sqlx::query_as(TO_CHECK).bind(ms(now)).fetch_all(self.reader().await).await?;
        Ok(rows.into_iter().map(|(id,)| PlanId::new(id)).collect())
    }

    /// One plan as it stands, read in one transaction.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn stored_plan(&self, id: &PlanId) -> Result<StoredPlan, Error> {
        let mut connection = self.reader().await.acquire().await?;
        read(&mut connection, id).await
    }

    /// Ends what is unsent of a plan that is not what was approved: every row that is to be sent, or cannot be read, and one for each
    /// approved instance whose row is gone. Columns that say something else than the row's own state follow it. What `judge` finds
    /// right is left as it is. Returns how many instances were ended.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn stop_plan(&self, id: &PlanId, judge: impl FnOnce(&StoredPlan) -> Option<Deed> + Send) -> Result<usize, Error> {
        let mut tx = self.begin().await?;
        let stored = read(&mut tx, id).await?;
        let Some(deed) = judge(&stored) else { return Ok(0) };
        let mut ended = 0;
        let mut changed = 0;
        for (item, text) in stored.items.iter().zip(instance_texts(&mut tx, id).await?) {
            let state = match &item.state {
                _ if item.is_unsent() => stopped(),
                Some(state) => state.clone(),
                // It had left already, and nobody can read what came of it: a person has to look.
                None => ItemState::Stopped { why: Stop::NoProof },
            };
            ended += usize::from(item.is_unsent());
            if item.state.as_ref() != Some(&state) || item.state_word != state.word() || item.task_key != state.task_key() {
                put_by_text(&mut tx, id, &text, &state).await?;
                changed += 1;
            }
        }
        let cloud = stored.plan.as_ref().map(|p| p.cloud.clone()).or_else(|| stored.items.first().map(|i| i.cloud.clone()));
        if let (Some(cloud), Some(_)) = (cloud, &stored.plan) {
            for (position, instance) in missing_rows(&stored) {
                add(&mut tx, id, position, &cloud, &instance).await?;
                ended += 1;
                changed += 1;
            }
        }
        if changed == 0 {
            return Ok(0);
        }
        append(&mut tx, &deed).await?;
        tx.commit().await?;
        Ok(ended)
    }
}

/// The instances of a plan's rows as they stand, in the order of [`read`].
async fn instance_texts(tx: &mut Tx, id: &PlanId) -> Result<Vec<String>, Error> {
    let texts = "SELECT CAST(instance AS TEXT) FROM items WHERE plan = $1 ORDER BY position, ordinal";
    Ok(sqlx::query_scalar(texts).bind(id.as_str()).fetch_all(&mut **tx).await?)
}

/// Writes the state of a row whose instance may be written in a way in which nothing else finds it.
async fn put_by_text(tx: &mut Tx, id: &PlanId, instance: &str, state: &ItemState) -> Result<(), Error> {
    sqlx::query("UPDATE items SET state = $1, task_key = $2, doc = $3 WHERE plan = $4 AND CAST(instance AS TEXT) = $5")
        .bind(state.word())
        .bind(state.task_key())
        .bind(json(state))
        .bind(id.as_str())
        .bind(instance)
        .execute(&mut **tx)
        .await?;
    Ok(())
}

fn stopped() -> ItemState {
    ItemState::Stopped { why: Stop::NotApproved }
}

async fn add(tx: &mut Tx, id: &PlanId, position: i64, cloud: &CloudName, instance: &InstanceId) -> Result<(), Error> {
    sqlx::query("INSERT INTO items (plan, position, cloud, instance, state, doc, ordinal) VALUES ($1, $2, $3, $4, $5, $6, 0)")
        .bind(id.as_str())
        .bind(position)
        .bind(cloud.as_str())
        .bind(instance.as_str())
        .bind(stopped().word())
        .bind(json(&stopped()))
        .execute(&mut **tx)
        .await?;
    Ok(())
}
