//! The journal of sending: what was intended is on disk before a byte leaves, what came of it after.

use crate::{
    Error, Store,
    error::{doc, json, one_row},
    ledger::append,
    time::{instant, ms},
    tx::Tx,
};
use chrono::{DateTime, Utc};
use patchboard_domain::{
    compile::Request,
    fleet::Attempt,
    id::{CloudName, InstanceId, PlanId},
    ledger::Deed,
    send::{CloudError, Item, ItemState, LostSight},
    task::TaskStatus,
};
use std::collections::BTreeMap;

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
    /// Now.
    pub now: DateTime<Utc>,
}

/// A request with instances to be sent.
#[derive(Clone, Debug)]
pub struct Claim {
    /// The plan.
    pub plan: PlanId,
    /// Position of the request.
    pub position: i64,
    /// As confirmed.
    pub request: Request,
    /// The instances that are still planned, in body order.
    pub instances: Vec<InstanceId>,
    /// The start.
    pub start_at: DateTime<Utc>,
}

/// What became of the wish to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Begun {
    /// It is on disk under this number.
    Journalled(i64),
    /// Nothing was written: the cloud's list shows an open task for these.
    Occupied(Vec<InstanceId>),
}

/// An item in doubt.
#[derive(Clone, Debug)]
pub struct UnknownItem {
    /// The plan.
    pub plan: PlanId,
    /// The instance.
    pub instance: InstanceId,
    /// Its state, always [`ItemState::Unknown`].
    pub state: ItemState,
    /// When the attempt that left it in doubt began.
    pub attempted_at: DateTime<Utc>,
    /// The start that was asked for.
    pub start_at: DateTime<Utc>,
    /// The request that it belongs to.
    pub request: Request,
    /// Attempts that named it.
    pub attempts: usize,
}

async fn put_item(tx: &mut Tx, plan: &PlanId, instance: &InstanceId, state: &ItemState, from: &str) -> Result<(), Error> {
    let task_key = match state {
        ItemState::Accepted { task, .. } => Some(task.key()),
        _ => None,
    };
    let done = sqlx::query("UPDATE items SET state = $1, task_key = $2, doc = $3 WHERE plan = $4 AND instance = $5 AND state = $6")
        .bind(state.word())
        .bind(task_key)
        .bind(json(state))
        .bind(plan.as_str())
        .bind(instance.as_str())
        .bind(from)
        .execute(&mut **tx)
        .await?;
    if done.rows_affected() == 1 { Ok(()) } else { Err(Error::Changed) }
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
            sqlx::query("INSERT INTO items (plan, position, cloud, instance, state, doc, ordinal) VALUES ($1, $2, $3, $4, $5, $6, $7)")
                .bind(s.plan.as_str())
                .bind(position)
                .bind(s.cloud.as_str())
                .bind(instance.as_str())
                .bind(ItemState::Planned.word())
                .bind(json(&ItemState::Planned))
                .bind(ordinal)
                .execute(&mut **tx)
                .await?;
        }
    }
    Ok(())
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
        tx.commit().await?;
        Ok(())
    }

    /// The most urgent request of a cloud with something to send now: not held, not before its time, nothing of it in doubt.
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::Inconsistent`].
    pub async fn next_request(&self, cloud: &CloudName, now: DateTime<Utc>) -> Result<Option<Claim>, Error> {
        let mut tx = self.begin().await?;
        let row: Option<(String, i64, String, i64)> = sqlx::query_as(
            "SELECT r.plan, r.position, r.doc, p.start_at FROM requests r JOIN plans p ON p.id = r.plan
             WHERE r.plan IN (SELECT DISTINCT plan FROM items WHERE state = 'planned') AND p.cloud = $1 AND p.held_at IS NULL AND p.withdrawn_at IS NULL AND r.not_before <= $2
             AND EXISTS (SELECT 1 FROM items i WHERE i.plan = r.plan AND i.position = r.position AND i.state = 'planned')
             AND NOT EXISTS (SELECT 1 FROM items i WHERE i.plan = r.plan AND i.position = r.position AND i.state IN ('sending', 'unknown'))
             ORDER BY p.start_at, p.submitted_at, r.plan, r.position LIMIT 1",
        )
        .bind(cloud.as_str())
        .bind(ms(now))
        .fetch_optional(&mut *tx)
        .await?;
        let Some((plan, position, text, start_at)) = row else { return Ok(None) };
        let request: Request = doc(&text, "requests", &plan)?;
        let planned: Vec<(String,)> = sqlx::query_as("SELECT instance FROM items WHERE plan = $1 AND position = $2 AND state = 'planned'")
            .bind(&plan)
            .bind(position)
            .fetch_all(&mut *tx)
            .await?;
        let instances = request.instances.iter().filter(|i| planned.iter().any(|(p,)| p == i.as_str())).cloned().collect();
        Ok(Some(Claim { plan: PlanId::new(plan), position, request, instances, start_at: instant(start_at) }))
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

    /// Journals an attempt: from here on the instances count as possibly sent.
    ///
    /// # Errors
    /// [`Error::Changed`] when one of them is no longer planned, or the plan was held or withdrawn; then nothing is written.
    /// [`Error::Database`].
    pub async fn begin_attempt(
        &self,
        claim: &Claim,
        body: &str,
        now: DateTime<Utc>,
        deed: impl FnOnce(i64) -> Deed,
    ) -> Result<Begun, Error> {
        if claim.instances.is_empty() {
            return Err(Error::Changed);
        }
        let mut tx = self.begin().await?;
        let mut occupied = Vec::new();
        for instance in &claim.instances {
            let open: i64 = sqlx::query_scalar(
                "SELECT COUNT(*) FROM tasks t JOIN plans p ON p.id = $1 AND p.cloud = t.cloud
                 WHERE t.instance = $2 AND t.gone_at IS NULL AND t.status NOT IN ('Completed', 'Failed', 'Canceled')",
            )
            .bind(claim.plan.as_str())
            .bind(instance.as_str())
            .fetch_one(&mut *tx)
            .await?;
            if open > 0 {
                occupied.push(instance.clone());
            }
        }
        if !occupied.is_empty() {
            return Ok(Begun::Occupied(occupied));
        }
        for instance in &claim.instances {
            put_item(&mut tx, &claim.plan, instance, &ItemState::Sending, "planned").await?;
        }
        let held: i64 =
            sqlx::query_scalar("SELECT COUNT(*) FROM plans WHERE id = $1 AND (held_at IS NOT NULL OR withdrawn_at IS NOT NULL)")
                .bind(claim.plan.as_str())
                .fetch_one(&mut *tx)
                .await?;
        if held > 0 {
            return Err(Error::Changed);
        }
        let number: i64 = sqlx::query_scalar("SELECT COUNT(*) + 1 FROM attempts WHERE plan = $1 AND position = $2")
            .bind(claim.plan.as_str())
            .bind(claim.position)
            .fetch_one(&mut *tx)
            .await?;
        sqlx::query("INSERT INTO attempts (plan, position, number, instances, body, began_at) VALUES ($1, $2, $3, $4, $5, $6)")
            .bind(claim.plan.as_str())
            .bind(claim.position)
            .bind(number)
            .bind(json(&claim.instances))
            .bind(body)
            .bind(ms(now))
            .execute(&mut *tx)
            .await?;
        append(&mut tx, &deed(number)).await?;
        tx.commit().await?;
        Ok(Begun::Journalled(number))
    }

    /// Records what came of an attempt, for every instance it named.
    ///
    /// # Errors
    /// [`Error::Changed`], [`Error::Database`].
    pub async fn end_attempt(
        &self,
        plan: &PlanId,
        attempt: &Attempt,
        items: &[(InstanceId, ItemState)],
        not_before: Option<DateTime<Utc>>,
        now: DateTime<Utc>,
        deed: &Deed,
    ) -> Result<(), Error> {
        let mut tx = self.begin().await?;
        let done = sqlx::query(
            "UPDATE attempts SET ended_at = $1, outcome = $2, error = $3 WHERE plan = $4 AND position = $5 AND number = $6 AND ended_at IS NULL",
        )
        .bind(ms(now))
        .bind(&attempt.outcome)
        .bind(attempt.error.as_ref().map(json))
        .bind(plan.as_str())
        .bind(attempt.request)
        .bind(attempt.number)
        .execute(&mut *tx)
        .await?;
        one_row(&done)?;
        for (instance, state) in items {
            put_item(&mut tx, plan, instance, state, "sending").await?;
        }
        sqlx::query("UPDATE requests SET not_before = $1 WHERE plan = $2 AND position = $3")
            .bind(not_before.map_or(0, ms))
            .bind(plan.as_str())
            .bind(attempt.request)
            .execute(&mut *tx)
            .await?;
        sqlx::query("UPDATE plans SET updated_at = $1 WHERE id = $2").bind(ms(now)).bind(plan.as_str()).execute(&mut *tx).await?;
        append(&mut tx, deed).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Attempts of a cloud whose outcome was not recorded.
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::Inconsistent`].
    pub async fn open_attempts(&self, cloud: &CloudName) -> Result<Vec<(PlanId, Attempt)>, Error> {
        let plans: Vec<(String,)> = sqlx::query_as(
            "SELECT DISTINCT a.plan FROM attempts a JOIN plans p ON p.id = a.plan WHERE a.ended_at IS NULL AND p.cloud = $1",
        )
        .bind(cloud.as_str())
        .fetch_all(self.reader().await)
        .await?;
        let mut out = Vec::new();
        for (plan,) in plans {
            let plan = PlanId::new(plan);
            for attempt in self.attempts(&plan).await? {
                if attempt.ended_at.is_none() {
                    out.push((plan.clone(), attempt));
                }
            }
        }
        Ok(out)
    }

    /// Moves items out of one state into others: missed, withdrawn, settled.
    ///
    /// # Errors
    /// [`Error::Changed`] when one is in another state meanwhile; then nothing is written. [`Error::Database`].
    pub async fn move_items(
        &self,
        plan: &PlanId,
        from: &str,
        items: &[(InstanceId, ItemState)],
        now: DateTime<Utc>,
        deed: Option<&Deed>,
    ) -> Result<(), Error> {
        let mut tx = self.begin().await?;
        for (instance, state) in items {
            put_item(&mut tx, plan, instance, state, from).await?;
        }
        sqlx::query("UPDATE plans SET updated_at = $1 WHERE id = $2").bind(ms(now)).bind(plan.as_str()).execute(&mut *tx).await?;
        if let Some(deed) = deed {
            append(&mut tx, deed).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// Takes back what is planned of withdrawn plans: what was being sent when they were withdrawn and turned out not to be.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn sweep_withdrawn(&self, cloud: &CloudName, deed: impl Fn(&PlanId, &[InstanceId]) -> Deed) -> Result<(), Error> {
        let mut tx = self.begin().await?;
        let rows: Vec<(String, String)> = sqlx::query_as(
            "SELECT plan, instance FROM items WHERE cloud = $1 AND state = 'planned'
             AND plan IN (SELECT id FROM plans WHERE withdrawn_at IS NOT NULL) ORDER BY plan, position, instance",
        )
        .bind(cloud.as_str())
        .fetch_all(&mut *tx)
        .await?;
        let mut by_plan: BTreeMap<PlanId, Vec<InstanceId>> = BTreeMap::new();
        for (plan, instance) in rows {
            by_plan.entry(PlanId::new(plan)).or_default().push(InstanceId::new(instance));
        }
        for (plan, instances) in &by_plan {
            for instance in instances {
                put_item(&mut tx, plan, instance, &ItemState::Withdrawn, "planned").await?;
            }
            append(&mut tx, &deed(plan, instances)).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// Everything in doubt on a cloud.
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::Inconsistent`].
    pub async fn unknown_items(&self, cloud: &CloudName) -> Result<Vec<UnknownItem>, Error> {
        let rows: Vec<(String, String, String, i64, String, i64)> = sqlx::query_as(
            "SELECT i.plan, i.instance, i.doc, p.start_at, r.doc, i.position
             FROM items i JOIN plans p ON p.id = i.plan JOIN requests r ON r.plan = i.plan AND r.position = i.position WHERE i.cloud = $1 AND i.state = 'unknown' ORDER BY p.start_at, i.plan, i.instance",
        )
        .bind(cloud.as_str())
        .fetch_all(self.reader().await)
        .await?;
        let mut out = Vec::new();
        let mut of_plan: Option<(String, Vec<Attempt>)> = None;
        for (plan, instance, text, start_at, request, position) in rows {
            let instance = InstanceId::new(instance);
            // Rows come plan by plan.
            let attempts = match of_plan.take() {
                Some((known, attempts)) if known == plan => attempts,
                _ => self.attempts(&PlanId::new(&plan)).await?,
            };
            let mine: Vec<_> = attempts.iter().filter(|a| a.request == position && a.instances.contains(&instance)).collect();
            out.push(UnknownItem {
                state: doc(&text, "items", &plan)?,
                request: doc(&request, "requests", &plan)?,
                attempted_at: mine.iter().map(|a| a.began_at).max().unwrap_or_default(),
                attempts: mine.len(),
                plan: PlanId::new(&plan),
                instance,
                start_at: instant(start_at),
            });
            of_plan = Some((plan, attempts));
        }
        Ok(out)
    }

    /// The items of a plan with what the listing last said of their tasks, in request order.
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::Inconsistent`].
    pub async fn items(&self, plan: &PlanId) -> Result<Vec<Item>, Error> {
        let rows: Vec<(i64, String, String, Option<String>, Option<i64>)> = sqlx::query_as(
            "SELECT i.position, i.instance, i.doc, t.status, t.gone_at FROM items i
             LEFT JOIN tasks t ON t.cloud = i.cloud AND t.task_key = i.task_key AND t.instance = i.instance
             WHERE i.plan = $1 ORDER BY i.position, i.ordinal",
        )
        .bind(plan.as_str())
        .fetch_all(self.reader().await)
        .await?;
        rows.into_iter()
            .map(|(request, instance, text, status, gone_at)| {
                let task_status = status.as_deref().map(TaskStatus::from_wire);
                Ok(Item {
                    request,
                    state: doc(&text, "items", plan.as_str())?,
                    instance: InstanceId::new(instance),
                    lost_sight: (gone_at.is_some() && task_status.as_ref().is_some_and(TaskStatus::is_open)).then_some(LostSight::Gone),
                    task_status,
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

    /// Everything that was tried for a plan, oldest first.
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::Inconsistent`].
    pub async fn attempts(&self, plan: &PlanId) -> Result<Vec<Attempt>, Error> {
        type Row = (i64, i64, String, String, i64, Option<i64>, Option<String>, Option<String>);
        let rows: Vec<Row> = sqlx::query_as(
            "SELECT position, number, instances, body, began_at, ended_at, outcome, error FROM attempts WHERE plan = $1 ORDER BY began_at, position, number",
        )
        .bind(plan.as_str())
        .fetch_all(self.reader().await)
        .await?;
        rows.into_iter()
            .map(|(request, number, instances, body, began_at, ended_at, outcome, error)| {
                Ok(Attempt {
                    request,
                    number,
                    instances: doc(&instances, "attempts", plan.as_str())?,
                    body,
                    began_at: instant(began_at),
                    ended_at: ended_at.map(instant),
                    outcome,
                    error: error.map(|e| doc::<CloudError>(&e, "attempts", plan.as_str())).transpose()?,
                })
            })
            .collect()
    }
}
