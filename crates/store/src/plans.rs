//! Plans and drafts.

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
    id::{CloudName, InstanceId, PlanId, UserId},
    ledger::Deed,
    plan::{Draft, Plan},
};
use sqlx::FromRow;
use std::collections::BTreeMap;

pub(crate) const SELECT: &str = "SELECT id, cloud, draft, revision, created_at, updated_at, submitted_at, start_at, held_at,
    author, edited_by, review, approved_hash, approvals_needed, moves, acknowledged_at, acknowledged_by FROM plans";

#[derive(FromRow)]
pub(crate) struct Row {
    id: String,
    cloud: String,
    draft: String,
    revision: i64,
    created_at: i64,
    updated_at: i64,
    submitted_at: Option<i64>,
    start_at: Option<i64>,
    held_at: Option<i64>,
    author: Option<String>,
    edited_by: Option<String>,
    review: Option<i64>,
    approved_hash: Option<String>,
    approvals_needed: i64,
    moves: Option<String>,
    acknowledged_at: Option<i64>,
    acknowledged_by: Option<String>,
}

impl Row {
    /// Its editors are read apart, of many plans at once.
    pub(crate) fn read(self) -> Result<Plan, Error> {
        Ok(Plan {
            draft: doc(&self.draft, "plans", &self.id)?,
            id: PlanId::new(self.id),
            cloud: CloudName::new(self.cloud),
            revision: self.revision,
            created_at: instant(self.created_at),
            updated_at: instant(self.updated_at),
            submitted_at: self.submitted_at.map(instant),
            start_at: self.start_at.map(instant),
            held_at: self.held_at.map(instant),
            author: self.author.map(UserId::new),
            edited_by: self.edited_by.map(UserId::new),
            editors: Vec::new(),
            review: self.review,
            approved_hash: self.approved_hash,
            approvals_needed: self.approvals_needed,
            moves: self.moves.map(PlanId::new),
            acknowledged_at: self.acknowledged_at.map(instant),
            acknowledged_by: self.acknowledged_by.map(UserId::new),
        })
    }
}

/// Notes that somebody has changed a plan.
async fn note_editor(tx: &mut Tx, plan: &PlanId, user: Option<&UserId>) -> Result<(), Error> {
    let Some(user) = user else { return Ok(()) };
    sqlx::query("INSERT INTO plan_editors (plan, user_id) VALUES ($1, $2) ON CONFLICT (plan, user_id) DO NOTHING")
        .bind(plan.as_str())
        .bind(user.as_str())
        .execute(&mut **tx)
        .await?;
    Ok(())
}

impl Store {
    /// The plans of rows, with their editors.
    async fn with_editors(&self, rows: Vec<Row>) -> Result<Vec<Plan>, Error> {
        self.with_their_editors(rows.into_iter().map(Row::read).collect::<Result<_, _>>()?).await
    }

    async fn with_their_editors(&self, mut plans: Vec<Plan>) -> Result<Vec<Plan>, Error> {
        let mut editors: BTreeMap<String, Vec<UserId>> = BTreeMap::new();
        for chunk in plans.chunks(500) {
            let mut q = Sql::new("SELECT plan, user_id FROM plan_editors WHERE plan IN (");
            q.push_list(chunk.iter().map(|p| p.id.as_str())).push(") ORDER BY plan, user_id");
            let rows: Vec<(String, String)> = q.rows(self.reader().await).await?;
            for (plan, user) in rows {
                editors.entry(plan).or_default().push(UserId::new(user));
            }
        }
        for plan in &mut plans {
            plan.editors = editors.remove(plan.id.as_str()).unwrap_or_default();
            // Whoever stands in the plan itself counts, whatever became of the list.
            for user in [plan.author.clone(), plan.edited_by.clone()].into_iter().flatten() {
                if !plan.editors.contains(&user) {
                    plan.editors.push(user);
                }
            }
        }
        Ok(plans)
    }

    /// Keeps a new draft.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn add_plan(&self, plan: &Plan, deed: &Deed) -> Result<(), Error> {
        let mut tx = self.begin().await?;
        sqlx::query(
            "INSERT INTO plans (id, cloud, draft, revision, created_at, updated_at, author, edited_by, moves) VALUES ($1, $2, $3, $4, $5, $5, $6, $6, $7)",
        )
            .bind(plan.id.as_str())
            .bind(plan.cloud.as_str())
            .bind(json(&plan.draft))
            .bind(plan.revision)
            .bind(ms(plan.created_at))
            .bind(plan.author.as_ref().map(UserId::as_str))
            .bind(plan.moves.as_ref().map(PlanId::as_str))
            .execute(&mut *tx)
            .await?;
        note_editor(&mut tx, &plan.id, plan.author.as_ref()).await?;
        append(&mut tx, deed).await?;
        tx.commit().await?;
        Ok(())
    }

    /// One plan.
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::Inconsistent`].
    pub async fn plan(&self, id: &PlanId) -> Result<Option<Plan>, Error> {
        let mut q = Sql::new(SELECT);
        q.push(" WHERE id = ").push_bind(id.as_str());
        let rows: Vec<Row> = q.rows(self.reader().await).await?;
        Ok(self.with_editors(rows).await?.pop())
    }

    /// Plans, last changed first. One that cannot be read is counted, left out and logged.
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::Inconsistent`].
    pub async fn plans(&self, limit: i64, offset: i64) -> Result<(Vec<Plan>, i64), Error> {
        let total = sqlx::query_scalar("SELECT COUNT(*) FROM plans").fetch_one(self.reader().await).await?;
        let mut q = Sql::new(SELECT);
        q.push(" ORDER BY updated_at DESC, id LIMIT ").push_bind(limit).push(" OFFSET ").push_bind(offset);
        let rows: Vec<Row> = q.readable_rows(self.reader().await).await?;
        let plans = rows.into_iter().filter_map(|row| or_log(row.read())).collect();
        Ok((self.with_their_editors(plans).await?, total))
    }

    /// Replaces the draft of a plan that still has this revision and is neither in review nor submitted.
    ///
    /// # Errors
    /// [`Error::Changed`] when it has moved on, [`Error::Database`].
    pub async fn put_draft(
        &self,
        id: &PlanId,
        revision: i64,
        draft: &Draft,
        by: Option<&UserId>,
        now: DateTime<Utc>,
        deed: &Deed,
    ) -> Result<(), Error> {
        let mut tx = self.begin().await?;
        let done = sqlx::query(
            "UPDATE plans SET draft = $1, revision = revision + 1, updated_at = $2, edited_by = $5
             WHERE id = $3 AND revision = $4 AND submitted_at IS NULL AND review IS NULL",
        )
        .bind(json(draft))
        .bind(ms(now))
        .bind(id.as_str())
        .bind(revision)
        .bind(by.map(UserId::as_str))
        .execute(&mut *tx)
        .await?;
        one_row(&done)?;
        note_editor(&mut tx, id, by).await?;
        append(&mut tx, deed).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Holds what is not yet sent, or lets it go on.
    ///
    /// # Errors
    /// [`Error::Changed`] when it is no submitted plan, [`Error::Database`].
    pub async fn hold_plan(&self, id: &PlanId, held_at: Option<DateTime<Utc>>, now: DateTime<Utc>, deed: &Deed) -> Result<(), Error> {
        let mut tx = self.begin().await?;
        let done = sqlx::query("UPDATE plans SET held_at = $1, updated_at = $2 WHERE id = $3 AND submitted_at IS NOT NULL")
            .bind(held_at.map(ms))
            .bind(ms(now))
            .bind(id.as_str())
            .execute(&mut *tx)
            .await?;
        one_row(&done)?;
        append(&mut tx, deed).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Takes a plan back: nothing more of it is sent, whatever turns out not to have been sent either. One that
    /// was withdrawn before, or never submitted, stays as it is.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn withdraw_plan(&self, id: &PlanId, now: DateTime<Utc>, deed: &Deed) -> Result<(), Error> {
        let mut tx = self.begin().await?;
        let done = sqlx::query(
            "UPDATE plans SET withdrawn_at = $1, updated_at = $1
             WHERE id = $2 AND submitted_at IS NOT NULL AND withdrawn_at IS NULL",
        )
        .bind(ms(now))
        .bind(id.as_str())
        .execute(&mut *tx)
        .await?;
        // Withdrawn before: there is nothing to do and nothing to write down.
        if done.rows_affected() == 1 {
            append(&mut tx, deed).await?;
            tx.commit().await?;
        }
        Ok(())
    }

    /// Notes that somebody took note of how a plan ended. One that was acknowledged before, or never submitted, stays as it is.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn acknowledge_plan(&self, id: &PlanId, by: Option<&UserId>, now: DateTime<Utc>, deed: &Deed) -> Result<(), Error> {
        let mut tx = self.begin().await?;
        let done = sqlx::query(
            "UPDATE plans SET acknowledged_at = $1, acknowledged_by = $2, updated_at = $1
             WHERE id = $3 AND submitted_at IS NOT NULL AND acknowledged_at IS NULL",
        )
        .bind(ms(now))
        .bind(by.map(UserId::as_str))
        .bind(id.as_str())
        .execute(&mut *tx)
        .await?;
        // A second click: there is nothing to do and nothing to write down.
        if done.rows_affected() == 1 {
            append(&mut tx, deed).await?;
            tx.commit().await?;
        }
        Ok(())
    }

    /// Deletes a draft that nobody was ever asked about; anything else stays for ever.
    ///
    /// # Errors
    /// [`Error::Changed`] when it is no draft, [`Error::Database`].
    pub async fn delete_draft(&self, id: &PlanId, deed: &Deed) -> Result<(), Error> {
        let mut tx = self.begin().await?;
        sqlx::query("DELETE FROM comments WHERE plan = $1 AND NOT EXISTS (SELECT 1 FROM reviews WHERE plan = $1)")
            .bind(id.as_str())
            .execute(&mut *tx)
            .await?;
        let done =
            sqlx::query("DELETE FROM plans WHERE id = $1 AND submitted_at IS NULL AND NOT EXISTS (SELECT 1 FROM reviews WHERE plan = $1)")
                .bind(id.as_str())
                .execute(&mut *tx)
                .await?;
        one_row(&done)?;
        append(&mut tx, deed).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Plans that are about to schedule these instances, or whose accepted task no listing has shown yet although it may: one
    /// whose start was before `since` would have been listed.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn plans_touching(
        &self,
        cloud: &CloudName,
        ids: &[InstanceId],
        since: DateTime<Utc>,
    ) -> Result<Vec<(InstanceId, PlanId)>, Error> {
        let mut out = Vec::new();
        for chunk in ids.chunks(500) {
            let mut q = Sql::new("SELECT o.instance, o.plan FROM items o JOIN plans p ON p.id = o.plan WHERE o.cloud = ");
            q.push_bind(cloud.as_str());
            q.push(" AND (o.state IN ('moving', 'planned', 'sending', 'unknown') OR (o.state = 'accepted' AND p.start_at >= ")
                .push_bind(ms(since));
            q.push(
                " AND NOT EXISTS (SELECT 1 FROM tasks t
                   WHERE t.cloud = o.cloud AND t.task_key = o.task_key AND t.instance = o.instance))) AND o.instance IN (",
            );
            q.push_list(chunk.iter().map(InstanceId::as_str)).push(")");
            let rows: Vec<(String, String)> = q.rows(self.reader().await).await?;
            out.extend(rows.into_iter().map(|(i, p)| (InstanceId::new(i), PlanId::new(p))));
        }
        Ok(out)
    }
}
