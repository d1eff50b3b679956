//! Requests in the journal: loaded, judged by the domain and written back in one transaction.

use crate::{
    Error, Store,
    error::{doc, json},
    failpoint::failpoint,
    ledger::append,
    time::{instant, ms},
    tx::Tx,
};
use chrono::{DateTime, Utc};
use patchboard_domain::{
    compile::Request,
    id::{CloudName, InstanceId, PlanId},
    ledger::Deed,
    protocol::{Attempt, Claim, Entry, Grant, Rules},
    send::{CloudError, ItemState},
    task::Task,
};
use sqlx::{FromRow, any::AnyRow};

/// Where an entry stands.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct EntryKey {
    /// The plan.
    pub plan: PlanId,
    /// Position of the request in it, from 0.
    pub position: i64,
}

impl From<(String, i64)> for EntryKey {
    fn from((plan, position): (String, i64)) -> Self {
        Self { plan: PlanId::new(plan), position }
    }
}

/// What a transition is told beside the entry itself.
#[derive(Debug)]
pub struct Around {
    /// Now, by the clock of the store.
    pub now: DateTime<Utc>,
    /// Tasks of the instances of the request that no item accounts for, as last listed.
    pub tasks: Vec<Task>,
    /// Planned instances of the request for which another item of ours has an open task.
    pub occupied: Vec<InstanceId>,
    /// When the last complete listing of the tasks of the cloud began.
    pub listed_at: Option<DateTime<Utc>>,
}

/// A claimed request.
#[derive(Clone, Debug)]
pub struct ClaimedEntry {
    /// Where it stands.
    pub key: EntryKey,
    /// The right to it.
    pub grant: Grant,
    /// As it stands.
    pub entry: Entry,
}

#[derive(FromRow)]
struct Row {
    doc: String,
    not_before: i64,
    fence: i64,
    claimed_by: Option<String>,
    claimed_until: Option<i64>,
    cloud: String,
    start_at: i64,
    submitted_at: i64,
    held_at: Option<i64>,
    withdrawn_at: Option<i64>,
    holds: i64,
}

const ENTRY: &str =
    "SELECT r.doc, r.not_before, r.fence, r.claimed_by, r.claimed_until, p.cloud, p.start_at, p.submitted_at, p.held_at, p.withdrawn_at,
    (SELECT COUNT(*) FROM holds h WHERE h.scope NOT LIKE 'cloud/%' OR h.scope = 'cloud/' || p.cloud) AS holds
    FROM requests r JOIN plans p ON p.id = r.plan WHERE r.plan = $1 AND r.position = $2 AND p.submitted_at IS NOT NULL";

#[derive(FromRow)]
struct AttemptRow {
    position: i64,
    number: i64,
    fence: i64,
    instances: String,
    body: String,
    known: String,
    began_at: i64,
    ended_at: Option<i64>,
    outcome: Option<String>,
    error: Option<String>,
}

impl AttemptRow {
    fn read(self, plan: &str) -> Result<Attempt, Error> {
        Ok(Attempt {
            request: self.position,
            number: self.number,
            fence: self.fence,
            instances: doc(&self.instances, "attempts", plan)?,
            known: doc(&self.known, "attempts", plan)?,
            body: self.body,
            began_at: instant(self.began_at),
            ended_at: self.ended_at.map(instant),
            outcome: self.outcome,
            error: self.error.map(|e| doc::<CloudError>(&e, "attempts", plan)).transpose()?,
        })
    }
}

/// The attempt of a row; nothing when it cannot be read.
pub(crate) fn attempt(row: &AnyRow, plan: &str) -> Option<Attempt> {
    AttemptRow::from_row(row).ok()?.read(plan).ok()
}

const ATTEMPTS: &str = "SELECT position, number, fence, instances, body, known, began_at, ended_at, outcome, error FROM attempts";

pub(crate) async fn load(tx: &mut Tx, key: &EntryKey) -> Result<Option<(Entry, CloudName)>, Error> {
    let (plan, position) = (key.plan.as_str(), key.position);
    let row: Option<Row> = sqlx::query_as(ENTRY).bind(plan).bind(position).fetch_optional(&mut **tx).await?;
    let Some(row) = row else { return Ok(None) };
    let request: Request = doc(&row.doc, "requests", plan)?;
    let items: Vec<(String, String)> = sqlx::query_as("SELECT instance, doc FROM items WHERE plan = $1 AND position = $2 ORDER BY ordinal")
        .bind(plan)
        .bind(position)
        .fetch_all(&mut **tx)
        .await?;
    let attempts: Vec<AttemptRow> =
        sqlx::query_as(sqlx::AssertSqlSafe(format!("{ATTEMPTS} WHERE plan = $1 AND position = $2 ORDER BY number")))
            .bind(plan)
            .bind(position)
            .fetch_all(&mut **tx)
            .await?;
    let items = items.into_iter().map(|(i, text)| Ok((InstanceId::new(i), doc::<ItemState>(&text, "items", plan)?)));
    let entry = Entry {
        position,
        request,
        confirmed_at: instant(row.submitted_at),
        start_at: instant(row.start_at),
        held: row.held_at.is_some() || row.holds > 0,
        withdrawn: row.withdrawn_at.is_some(),
        not_before: (row.not_before > 0).then(|| instant(row.not_before)),
        items: items.collect::<Result<_, Error>>()?,
        attempts: attempts.into_iter().map(|a| a.read(plan)).collect::<Result<_, _>>()?,
        fence: row.fence,
        claim: row.claimed_by.zip(row.claimed_until).map(|(holder, until)| Claim { holder, until: instant(until) }),
    };
    Ok(Some((entry, CloudName::new(row.cloud))))
}

/// Writes the state of one instance, with the columns that rows are found by.
///
/// # Errors
/// [`Error::Inconsistent`] when it has no row of that name: then nothing may follow from the state.
pub(crate) async fn put_item(tx: &mut Tx, plan: &PlanId, instance: &InstanceId, state: &ItemState) -> Result<(), Error> {
    let done = sqlx::query("UPDATE items SET state = $1, task_key = $2, doc = $3 WHERE plan = $4 AND instance = $5")
        .bind(state.word())
        .bind(state.task_key())
        .bind(json(state))
        .bind(plan.as_str())
        .bind(instance.as_str())
        .execute(&mut **tx)
        .await?;
    if done.rows_affected() == 1 { Ok(()) } else { Err(Error::no_row("items", "instance", format!("{plan} {instance}"))) }
}

/// Writes what has changed, and nothing else.
pub(crate) async fn save(tx: &mut Tx, key: &EntryKey, before: &Entry, after: &Entry) -> Result<(), Error> {
    let (plan, position) = (key.plan.as_str(), key.position);
    for (instance, state) in &after.items {
        if before.items.iter().any(|(i, s)| i == instance && s == state) {
            continue;
        }
        put_item(tx, &key.plan, instance, state).await?;
    }
    for attempt in &after.attempts {
        match before.attempts.iter().find(|a| a.number == attempt.number) {
            Some(same) if same == attempt => {}
            Some(_) => {
                sqlx::query(
                    "UPDATE attempts SET ended_at = $1, outcome = $2, error = $3 WHERE plan = $4 AND position = $5 AND number = $6",
                )
                .bind(attempt.ended_at.map(ms))
                .bind(&attempt.outcome)
                .bind(attempt.error.as_ref().map(json))
                .bind(plan)
                .bind(position)
                .bind(attempt.number)
                .execute(&mut **tx)
                .await?;
            }
            None => {
                sqlx::query(
                    "INSERT INTO attempts (plan, position, number, fence, instances, body, known, began_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
                )
                .bind(plan)
                .bind(position)
                .bind(attempt.number)
                .bind(attempt.fence)
                .bind(json(&attempt.instances))
                .bind(&attempt.body)
                .bind(json(&attempt.known))
                .bind(ms(attempt.began_at))
                .execute(&mut **tx)
                .await?;
            }
        }
    }
    let control = |e: &Entry| (e.fence, e.claim.clone(), e.not_before);
    if control(before) != control(after) {
        sqlx::query(
            "UPDATE requests SET fence = $1, claimed_by = $2, claimed_until = $3, not_before = $4 WHERE plan = $5 AND position = $6",
        )
        .bind(after.fence)
        .bind(after.claim.as_ref().map(|c| c.holder.clone()))
        .bind(after.claim.as_ref().map(|c| ms(c.until)))
        .bind(after.not_before.map_or(0, ms))
        .bind(plan)
        .bind(position)
        .execute(&mut **tx)
        .await?;
    }
    Ok(())
}

impl Store {
    /// One transition of one request, and what the ledger keeps of it: both or neither. What `judge` returns without a change of the
    /// entry costs no write.
    ///
    /// # Errors
    /// [`Error::Changed`] when there is no such request, [`Error::Database`], [`Error::Inconsistent`].
    pub async fn on_entry<T: Send>(
        &self,
        key: &EntryKey,
        judge: impl FnOnce(&mut Entry, &Around) -> (T, Vec<Deed>) + Send,
    ) -> Result<T, Error> {
        let mut tx = self.begin().await?;
        let now = self.now_in(&mut tx).await?;
        let Some((before, cloud)) = load(&mut tx, key).await? else { return Err(Error::Changed) };
        let tasks = crate::tasks::unaccounted(&mut tx, &cloud, &before.request.instances).await?;
        // Asked about what may be sent, and about nothing else: most transitions are not about that.
        let planned = before.items.iter().filter(|(_, state)| matches!(state, ItemState::Planned));
        let planned: Vec<InstanceId> = planned.map(|(instance, _)| instance.clone()).collect();
        let occupied = crate::tasks::occupied(&mut tx, &cloud, &key.plan, &planned, now).await?;
        let listed_at = crate::sync::tasks_at(&mut tx, &cloud).await?;
        let mut after = before.clone();
        let (result, deeds) = judge(&mut after, &Around { now, tasks, occupied, listed_at });
        if after == before && deeds.is_empty() {
            return Ok(result);
        }
        save(&mut tx, key, &before, &after).await?;
        if after.items != before.items {
            sqlx::query("UPDATE plans SET updated_at = $1 WHERE id = $2").bind(ms(now)).bind(key.plan.as_str()).execute(&mut *tx).await?;
        }
        if !deeds.is_empty() {
            failpoint("entry.before_ledger");
        }
        for deed in &deeds {
            append(&mut tx, deed).await?;
        }
        tx.commit().await?;
        Ok(result)
    }

    /// Takes the most urgent request of a cloud that may be sent now, unless `most` are being worked on already.
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::Inconsistent`].
    pub async fn claim_next(&self, cloud: &CloudName, holder: &str, most: usize, rules: &Rules) -> Result<Option<ClaimedEntry>, Error> {
        let mut tx = self.begin().await?;
        let now = self.now_in(&mut tx).await?;
        // Our own new tasks would move the list while it is read as evidence.
        let listing: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM leases WHERE name = $1 AND until > $2 AND until <= $2 + 300000")
            .bind(listing_lease(cloud))
            .bind(ms(now))
            .fetch_one(&mut *tx)
            .await?;
        if listing > 0 {
            return Ok(None);
        }
        let busy: i64 = sqlx::query_scalar(BUSY).bind(cloud.as_str()).bind(ms(now)).fetch_one(&mut *tx).await?;
        if usize::try_from(busy).is_ok_and(|n| n >= most) {
            return Ok(None);
        }
        let rows: Vec<(String, i64)> = sqlx::query_as(SENDABLE).bind(cloud.as_str()).bind(ms(now)).fetch_all(&mut *tx).await?;
        for (plan, position) in rows {
            let key = EntryKey::from((plan, position));
            let Some((before, _)) = load(&mut tx, &key).await? else { continue };
            let mut entry = before.clone();
            if let Some(grant) = entry.claim(holder, now, rules) {
                save(&mut tx, &key, &before, &entry).await?;
                tx.commit().await?;
                return Ok(Some(ClaimedEntry { key, grant, entry }));
            }
        }
        Ok(None)
    }

    /// Whether there is something to send, without regard to time and to who is at work on it.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn has_sendable(&self, cloud: &CloudName) -> Result<bool, Error> {
        let row: Option<(String, i64)> =
            sqlx::query_as(SENDABLE).bind(cloud.as_str()).bind(i64::MAX / 2).fetch_optional(self.reader().await).await?;
        Ok(row.is_some())
    }

    /// Requests of a cloud with an attempt whose outcome was not recorded.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn open_entries(&self, cloud: &CloudName) -> Result<Vec<EntryKey>, Error> {
        self.keys(
            "SELECT DISTINCT a.plan, a.position FROM attempts a JOIN plans p ON p.id = a.plan WHERE a.ended_at IS NULL AND p.cloud = $1",
            cloud,
        )
        .await
    }

    /// Clouds with an attempt whose outcome was not recorded.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn clouds_with_open_entries(&self) -> Result<Vec<CloudName>, Error> {
        let sql = "SELECT DISTINCT p.cloud FROM attempts a JOIN plans p ON p.id = a.plan WHERE a.ended_at IS NULL ORDER BY p.cloud";
        let rows: Vec<(String,)> = sqlx::query_as(sql).fetch_all(self.reader().await).await?;
        Ok(rows.into_iter().map(|(cloud,)| CloudName::new(cloud)).collect())
    }

    /// Requests of a cloud with instances in doubt.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn doubtful_entries(&self, cloud: &CloudName) -> Result<Vec<EntryKey>, Error> {
        self.keys("SELECT DISTINCT plan, position FROM items WHERE cloud = $1 AND state = 'unknown'", cloud).await
    }

    /// Requests of a cloud with instances that wait for an old task to be cancelled.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn moving_entries(&self, cloud: &CloudName) -> Result<Vec<EntryKey>, Error> {
        self.keys("SELECT DISTINCT plan, position FROM items WHERE cloud = $1 AND state = 'moving'", cloud).await
    }

    /// Requests of withdrawn plans of a cloud with something still planned.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn withdrawn_entries(&self, cloud: &CloudName) -> Result<Vec<EntryKey>, Error> {
        let sql = "SELECT DISTINCT i.plan, i.position FROM items i JOIN plans p ON p.id = i.plan
                   WHERE i.cloud = $1 AND i.state = 'planned' AND p.withdrawn_at IS NOT NULL";
        self.keys(sql, cloud).await
    }

    async fn keys(&self, sql: &'static str, cloud: &CloudName) -> Result<Vec<EntryKey>, Error> {
        let rows: Vec<(String, i64)> = sqlx::query_as(sql).bind(cloud.as_str()).fetch_all(self.reader().await).await?;
        let mut keys: Vec<_> = rows.into_iter().map(EntryKey::from).collect();
        keys.sort_unstable();
        Ok(keys)
    }

    /// Everything that was tried for a plan, oldest first.
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::Inconsistent`].
    pub async fn attempts(&self, plan: &PlanId) -> Result<Vec<Attempt>, Error> {
        let sql = format!("{ATTEMPTS} WHERE plan = $1 ORDER BY began_at, position, number");
        let rows: Vec<AttemptRow> = sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(plan.as_str()).fetch_all(self.reader().await).await?;
        rows.into_iter().map(|a| a.read(plan.as_str())).collect()
    }

    /// Now, by the clock that leases and evidence are measured with: the database's where several replicas share it, ours elsewhere.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn now(&self) -> Result<DateTime<Utc>, Error> {
        match &self.clock {
            Some(clock) => Ok(clock.0()),
            None => Ok(instant(sqlx::query_scalar(self.engine.now()).fetch_one(&self.read).await?)),
        }
    }

    pub(crate) async fn now_in(&self, tx: &mut Tx) -> Result<DateTime<Utc>, Error> {
        match &self.clock {
            Some(clock) => Ok(clock.0()),
            None => Ok(instant(sqlx::query_scalar(self.engine.now()).fetch_one(&mut **tx).await?)),
        }
    }
}

/// The name of the lease of whoever looks at a cloud: what it has seen is kept, and nothing that somebody saw before it.
pub fn sync_lease(cloud: &CloudName) -> String {
    format!("sync/{cloud}")
}

/// The name of the lease of whoever reads the list of tasks of a cloud: nothing of it is sent meanwhile.
pub fn listing_lease(cloud: &CloudName) -> String {
    format!("listing/{cloud}")
}

/// How many requests of a cloud are being worked on: by a claim that lies no further ahead than any lease can (300 s).
pub(crate) const BUSY: &str = "SELECT COUNT(*) FROM requests r JOIN plans p ON p.id = r.plan
    WHERE p.cloud = $1 AND r.claimed_by IS NOT NULL AND r.claimed_until > $2 AND r.claimed_until <= $2 + 300000";

/// The most urgent ones with something to send. What lies further ahead than any lease (300 s) or pause (1000 s) is of before the clock
/// was set back, and holds nobody up. Here: not held, not before their time, nothing of them on its way, nobody at work on them.
const SENDABLE: &str = "SELECT r.plan, r.position FROM requests r JOIN plans p ON p.id = r.plan
    WHERE r.plan IN (SELECT plan FROM items WHERE state = 'planned') AND p.cloud = $1 AND p.held_at IS NULL AND p.withdrawn_at IS NULL
    AND (r.not_before <= $2 OR r.not_before > $2 + 1000000)
    AND (r.claimed_by IS NULL OR r.claimed_until <= $2 OR r.claimed_until > $2 + 300000)
    AND NOT EXISTS (SELECT 1 FROM holds h WHERE h.scope NOT LIKE 'cloud/%' OR h.scope = 'cloud/' || p.cloud)
    AND EXISTS (SELECT 1 FROM items i WHERE i.plan = r.plan AND i.position = r.position AND i.state = 'planned')
    AND NOT EXISTS (SELECT 1 FROM items i WHERE i.plan = r.plan AND i.position = r.position AND i.state = 'sending')
    ORDER BY p.start_at, p.submitted_at, r.plan, r.position LIMIT 1";
