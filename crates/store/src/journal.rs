//! The journal of sending: what was intended is on disk before a byte leaves, what came of it after.

use crate::{
    Error, Store,
    error::{doc, json, one_row},
    failpoint::failpoint,
    ledger::append,
    moves::{Moves, begin_moves},
    time::{instant, ms},
    tx::Tx,
};
use chrono::{DateTime, Utc};
use patchboard_domain::{
    compile::Request,
    id::{CloudName, InstanceId, PlanId},
    ledger::Deed,
    send::{Item, ItemState, LostSight},
    task::TaskStatus,
};

/// A confirmed plan.
#[derive(Clone, Debug)]
pub struct Submission {
    /// The plan.
    pub plan: PlanId,
    /// The revision that was confirmed.
    pub revision: i64,
    /// Its cloud.
    pub cloud: CloudName,
    /// The confirmed start.
    pub start_at: DateTime<Utc>,
    /// The compiled requests, in order.
    pub requests: Vec<Request>,
    /// Hash of the requests in their order: what may be sent, and nothing else.
    pub hash: String,
    /// Approvals that must stand when it is sent.
    pub approvals_needed: usize,
    /// The tasks whose place it takes.
    pub moves: Option<Moves>,
    /// Now.
    pub now: DateTime<Utc>,
}

/// Turns a draft of this revision into a plan to be sent: plan, requests and items.
///
/// # Errors
/// [`Error::Changed`] when it moved on, was submitted before or is in another review than `review`; [`Error::Conflict`].
pub(crate) async fn submit_in(tx: &mut Tx, s: &Submission, review: Option<i64>) -> Result<(), Error> {
    let done = sqlx::query(
        "UPDATE plans SET submitted_at = $1, updated_at = $1, start_at = $2, revision = revision + 1, approved_hash = $5,
         approvals_needed = $6 WHERE id = $3 AND revision = $4 AND submitted_at IS NULL AND COALESCE(review, 0) = $7",
    )
    .bind(ms(s.now))
    .bind(ms(s.start_at))
    .bind(s.plan.as_str())
    .bind(s.revision)
    .bind(&s.hash)
    .bind(i64::try_from(s.approvals_needed).unwrap_or(i64::MAX))
    .bind(review.unwrap_or_default())
    .execute(&mut **tx)
    .await?;
    one_row(&done)?;
    for (position, request) in (0_i64..).zip(&s.requests) {
        sqlx::query("INSERT INTO requests (plan, position, doc) VALUES ($1, $2, $3)")
            .bind(s.plan.as_str())
            .bind(position)
            .bind(json(request))
            .execute(&mut **tx)
            .await?;
        for (ordinal, instance) in (0_i64..).zip(&request.instances) {
            let moved = s.moves.iter().flat_map(|m| &m.tasks).find(|(i, _)| i == instance);
            let state = moved.map_or(ItemState::Planned, |(_, task)| ItemState::Moving { task: task.clone() });
            sqlx::query("INSERT INTO items (plan, position, cloud, instance, state, doc, ordinal) VALUES ($1, $2, $3, $4, $5, $6, $7)")
                .bind(s.plan.as_str())
                .bind(position)
                .bind(s.cloud.as_str())
                .bind(instance.as_str())
                .bind(state.word())
                .bind(json(&state))
                .bind(ordinal)
                .execute(&mut **tx)
                .await?;
        }
    }
    match &s.moves {
        Some(moves) => begin_moves(tx, s, moves).await,
        None => Ok(()),
    }
}

impl Store {
    /// Submits a draft of this revision that needs no decision.
    ///
    /// # Errors
    /// [`Error::Changed`] when the draft moved on, is in review or was submitted before, [`Error::Conflict`] when another plan is
    /// about to schedule one of the instances, [`Error::Database`].
    pub async fn submit(&self, s: &Submission, deed: &Deed) -> Result<(), Error> {
        let mut tx = self.begin().await?;
        submit_in(&mut tx, s, None).await?;
        append(&mut tx, deed).await?;
        failpoint("submit.before_commit");
        tx.commit().await?;
        Ok(())
    }

    /// When the next request of a cloud that is waiting may be tried.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn not_before(&self, plan: &PlanId) -> Result<Option<DateTime<Utc>>, Error> {
        let at: Option<i64> = sqlx::query_scalar(
            "SELECT MIN(r.not_before) FROM requests r WHERE r.plan = $1 AND r.not_before > 0
             AND EXISTS (SELECT 1 FROM items i WHERE i.plan = r.plan AND i.position = r.position AND i.state = 'planned')",
        )
        .bind(plan.as_str())
        .fetch_one(self.reader().await)
        .await?;
        Ok(at.map(instant))
    }

    /// The items of a plan with what the listing last said of their tasks, in request order.
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::Inconsistent`].
    pub async fn items(&self, plan: &PlanId) -> Result<Vec<Item>, Error> {
        let rows: Vec<(i64, String, String, Option<String>, Option<i64>, i64)> = sqlx::query_as(
            "SELECT i.position, i.instance, i.doc, t.status, t.gone_at, (SELECT COUNT(*) FROM moves m JOIN items n ON n.plan = m.plan AND n.instance = m.instance
               WHERE m.from_plan = i.plan AND m.instance = i.instance AND m.task_key = i.task_key AND m.put_back_at IS NULL
               AND n.state IN ('moving', 'planned', 'sending', 'unknown', 'accepted')) FROM items i
             LEFT JOIN tasks t ON t.cloud = i.cloud AND t.task_key = i.task_key AND t.instance = i.instance
             WHERE i.plan = $1 ORDER BY i.position, i.ordinal",
        )
        .bind(plan.as_str())
        .fetch_all(self.reader().await)
        .await?;
        rows.into_iter()
            .map(|(request, instance, text, status, gone_at, moves)| {
                let task_status = status.as_deref().map(TaskStatus::from_wire);
                Ok(Item {
                    request,
                    state: doc(&text, "items", plan.as_str())?,
                    instance: InstanceId::new(instance),
                    lost_sight: (gone_at.is_some() && task_status.as_ref().is_some_and(TaskStatus::is_open)).then_some(LostSight::Gone),
                    task_status,
                    moved: moves > 0,
                })
            })
            .collect()
    }

    /// The requests of a plan, as confirmed.
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::Inconsistent`].
    pub async fn requests(&self, plan: &PlanId) -> Result<Vec<Request>, Error> {
        let rows: Vec<(String,)> = sqlx::query_as("SELECT doc FROM requests WHERE plan = $1 ORDER BY position")
            .bind(plan.as_str())
            .fetch_all(self.reader().await)
            .await?;
        rows.into_iter().map(|(text,)| doc(&text, "requests", plan.as_str())).collect()
    }
}
