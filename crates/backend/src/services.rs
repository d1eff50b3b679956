//! What every use case needs, in one handle.

use crate::{
    Error, Seal, SingleSignOn,
    clock::SharedClock,
    cloud::Cloud,
    password::Hashing,
    throttle::{Key, Throttle},
};
use chrono::{DateTime, SubsecRound, Utc};
use patchboard_domain::{
    account::{Actor, Role},
    authority::Action,
    fleet::Facets,
    id::{CloudName, InstanceId},
    protocol::Rules,
    review::ReviewPolicy,
    schedule::Freeze,
    sync::SyncStatus,
};
use patchboard_store::{EntryKey, Store};
use serde_json::json;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::sync::Notify;

/// What the people who run this have decided.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Shortest time between now and a start, in minutes.
    pub lead_minutes: i64,
    /// Shortest time between two listings that prove an absence, in seconds.
    pub settle_seconds: i64,
    /// Most instances in one request.
    pub max_instances_per_request: usize,
    /// Zone that times are shown in until a viewer chooses another.
    pub default_zone: String,
    /// Periods in which nothing may start.
    pub freezes: Vec<Freeze>,
    /// Seconds between sync passes.
    pub sync_seconds: u64,
    /// Candidate lists older than this are read again, in minutes.
    pub candidates_minutes: i64,
    /// Candidate calls at once.
    pub candidate_calls: usize,
    /// Requests on their way to one cloud at once, of all replicas together.
    pub sends_at_once: usize,
    /// A replica that says nothing for so many seconds is taken for gone.
    pub lease_seconds: i64,
    /// A step in which nothing is heard of the database for so many seconds, beside the time that the cloud may take, is given up.
    pub silent_seconds: u64,
    /// Who decides about plans, and when that is enough.
    pub review: ReviewPolicy,
    /// Tags that mark production, each `key=value`.
    pub production: Vec<String>,
    /// A session that nobody used for so many minutes ends.
    pub session_idle_minutes: i64,
    /// A session ends after so many minutes, used or not.
    pub session_minutes: i64,
    /// To decide, or to manage people, somebody must have shown who they are within so many minutes; 0: whenever.
    pub confirm_minutes: i64,
    /// Whoever has one of these roles and an account of ours needs a second factor.
    pub factor_roles: Vec<Role>,
}

/// How people sign in, beside name and password.
#[derive(Clone, Default)]
pub struct Ways {
    /// A provider that vouches for them.
    pub sso: Option<SingleSignOn>,
    /// Seals the secrets of second factors; without it nobody can have one.
    pub seal: Option<Seal>,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            lead_minutes: 30,
            settle_seconds: 120,
            max_instances_per_request: 30,
            default_zone: "Asia/Shanghai".to_owned(),
            freezes: Vec::new(),
            sync_seconds: 60,
            candidates_minutes: 10,
            candidate_calls: 4,
            sends_at_once: 4,
            lease_seconds: 8,
            silent_seconds: 120,
            review: ReviewPolicy::default(),
            production: vec!["env=prod".to_owned(), "env=production".to_owned()],
            session_idle_minutes: 30,
            session_minutes: 12 * 60,
            confirm_minutes: 5,
            factor_roles: Vec::new(),
        }
    }
}

/// The use cases. Cheap to clone.
#[derive(Clone)]
pub struct Services {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    clock: SharedClock,
    clouds: Vec<Cloud>,
    policy: Policy,
    ways: Ways,
    facets: Mutex<Option<Counted>>,
    asking: Mutex<BTreeSet<(CloudName, InstanceId)>>,
    answered: Notify,
    throttle: Mutex<Throttle>,
    passwords: Hashing,
    deciding: tokio::sync::Mutex<()>,
    /// This process, among those that share the database.
    replica: String,
    /// What the last look at each cloud was when it began.
    opened_with: BTreeMap<CloudName, DateTime<Utc>>,
    /// Requests that it is sending.
    in_flight: Mutex<BTreeSet<(EntryKey, i64)>>,
    steady: Mutex<Option<Steady>>,
}

/// The numbers of a fleet, and when each cloud was listed that they were counted from.
type Counted = (Vec<Option<DateTime<Utc>>>, Arc<Facets>);

/// What is known of how evenly the clock of the store runs.
#[derive(Clone, Copy)]
struct Steady {
    since: DateTime<Utc>,
    last: DateTime<Utc>,
    elapsed: Duration,
}

/// A clock that is off by more after a while has jumped.
const JUMP_SECONDS: i64 = 5;

impl Services {
    /// Takes its parts. What a former process left between journal and answer is put in doubt before anything else happens.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn new(store: Store, clock: SharedClock, clouds: Vec<Cloud>, policy: Policy, ways: Ways) -> Result<Self, Error> {
        // Replicas share a database, and with it its clock; a clock that somebody drives stands for that one too.
        let store = if store.is_exclusive() || !clock.is_the_machines() {
            let clock = clock.clone();
            store.with_clock(Arc::new(move || clock.now().trunc_subsecs(3)))
        } else {
            store
        };
        let mut opened_with = BTreeMap::new();
        for cloud in &clouds {
            cloud.learn_into(&store);
            if let Some(at) = store.sync_status(cloud.name()).await?.and_then(|s| s.tasks_at) {
                opened_with.insert(cloud.name().clone(), at);
            }
        }
        // A command beside a server has no connections, and touches nothing of its.
        if store.is_exclusive() && !clouds.is_empty() {
            store.forget_leases().await?;
        }
        let inner = Inner {
            store,
            clock,
            clouds,
            policy,
            ways,
            facets: Mutex::default(),
            asking: Mutex::default(),
            answered: Notify::new(),
            throttle: Mutex::default(),
            passwords: Hashing::default(),
            deciding: tokio::sync::Mutex::default(),
            replica: uuid::Uuid::now_v7().to_string(),
            opened_with,
            in_flight: Mutex::default(),
            steady: Mutex::default(),
        };
        let services = Self { inner: Arc::new(inner) };
        // Of clouds that are not connected any more as well: nobody else would.
        for cloud in services.store().clouds_with_open_entries().await? {
            services.recover(&cloud).await?;
        }
        Ok(services)
    }

    /// Now, as finely as the store keeps it: an instant that went through the store still equals itself.
    pub fn now(&self) -> DateTime<Utc> {
        self.inner.clock.now().trunc_subsecs(3)
    }

    /// What was decided.
    pub fn policy(&self) -> &Policy {
        &self.inner.policy
    }

    /// The times of the protocol.
    pub(crate) fn rules(&self) -> Rules {
        let policy = self.policy();
        Rules {
            settle_seconds: policy.settle_seconds,
            lead_minutes: policy.lead_minutes,
            freezes: policy.freezes.clone(),
            lease_seconds: policy.lease_seconds,
            ..Rules::default()
        }
    }

    /// This process, among those that share the database.
    pub(crate) fn replica(&self) -> &str {
        &self.inner.replica
    }

    /// Whether a look at a cloud was made since this process began. What was seen before may be the view of before a copy of the
    /// database was restored: nothing is sent on its word.
    pub(crate) fn is_seen_since_opened(&self, cloud: &CloudName, at: DateTime<Utc>) -> bool {
        self.inner.opened_with.get(cloud) != Some(&at)
    }

    /// Requests that are being sent here, with the numbers of their grants.
    pub(crate) fn in_flight(&self) -> MutexGuard<'_, BTreeSet<(EntryKey, i64)>> {
        self.inner.in_flight.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.inner.clock.elapsed()
    }

    /// Since when the clock of the store has run evenly, when it is `now` there.
    /// `elapsed` was asked together with it.
    pub(crate) fn steady_since(&self, now: DateTime<Utc>, elapsed: Duration) -> DateTime<Utc> {
        let mut slot = self.inner.steady.lock().unwrap_or_else(PoisonError::into_inner);
        let before = slot.unwrap_or(Steady { since: now, last: now, elapsed });
        let ms = |duration: Duration| i64::try_from(duration.as_millis()).unwrap_or(i64::MAX);
        let passed = ms(elapsed) - ms(before.elapsed);
        let off = (now - before.last).num_milliseconds() - passed;
        let jumped = off.abs() > JUMP_SECONDS * 1000;
        if jumped {
            tracing::warn!(seconds = off / 1000, "the clock has jumped: what was absent before is looked at again from here on");
        }
        let since = if jumped { now } else { before.since };
        *slot = Some(Steady { since, last: now, elapsed });
        since
    }

    /// Cloud clock minus that of the store in seconds, as measured; 0 when it is not known.
    pub(crate) async fn skew_seconds(&self, cloud: &Cloud) -> Result<i64, Error> {
        let ours = (self.now() - self.store().now().await?).num_seconds();
        Ok(cloud.client().skew_seconds().map_or(0, |skew| skew + ours))
    }

    pub(crate) fn ways(&self) -> &Ways {
        &self.inner.ways
    }

    /// All connections.
    pub fn clouds(&self) -> &[Cloud] {
        &self.inner.clouds
    }

    /// The connection of that name.
    ///
    /// # Errors
    /// [`Error::NotFound`].
    pub fn cloud(&self, name: &CloudName) -> Result<&Cloud, Error> {
        self.inner.clouds.iter().find(|c| c.name() == name).ok_or(Error::NotFound)
    }

    pub(crate) fn store(&self) -> &Store {
        &self.inner.store
    }

    /// Whether the store answers.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn ready(&self) -> Result<(), Error> {
        Ok(self.store().ping().await?)
    }

    /// Closes the store.
    pub async fn close(&self) {
        self.store().close().await;
    }

    /// What the last sync passes of a cloud found.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn sync_status(&self, cloud: &Cloud) -> Result<SyncStatus, Error> {
        let kept = self.store().sync_status(cloud.name()).await?;
        let mut status = kept.unwrap_or_else(|| SyncStatus {
            cloud: cloud.name().clone(),
            running_since: None,
            progress: 0,
            instances_at: None,
            tasks_at: None,
            ended_at: None,
            error: None,
            stopped: false,
            paused_until: None,
            skew_seconds: None,
            next_at: None,
            lags: Vec::new(),
            settle_seconds: 0,
            connection: None,
        });
        status.settle_seconds = status.settles_after(self.policy().settle_seconds);
        status.connection = Some(cloud.connection());
        let state = self.store().cloud_state(cloud.name()).await?;
        status.stopped = state.is_stopped();
        status.paused_until = state.throttled_until(self.store().now().await?);
        Ok(status)
    }

    /// How long it must be absent from the listings of a cloud before it is believed that a call made no task, in seconds.
    pub(crate) async fn settle_seconds(&self, cloud: &CloudName) -> Result<i64, Error> {
        let set = self.policy().settle_seconds;
        Ok(self.store().sync_status(cloud).await?.map_or(set, |status| status.settles_after(set)))
    }

    /// The sync status of every cloud.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn sync_statuses(&self) -> Result<Vec<SyncStatus>, Error> {
        let mut all = Vec::new();
        for cloud in self.clouds() {
            all.push(self.sync_status(cloud).await?);
        }
        Ok(all)
    }

    /// Takes one of the attempts that a person has for something.
    ///
    /// # Errors
    /// [`Error::TooMany`].
    pub(crate) fn not_too_often(&self, actor: &Actor, limit: Key) -> Result<(), Error> {
        let Some(user) = &actor.user else { return Ok(()) };
        self.take_attempt(&[limit.of(user.as_str())]).map_err(Error::TooMany)
    }

    /// Takes an attempt from each of these, or says in how many seconds there is one.
    pub(crate) fn take_attempt(&self, keys: &[Key]) -> Result<(), i64> {
        let now = self.now();
        let mut throttle = self.throttle();
        match throttle.wait(keys, now) {
            Some(seconds) => Err(seconds),
            None => {
                throttle.take(keys, now);
                Ok(())
            }
        }
    }

    /// A person asks to look at the cloud now.
    ///
    /// # Errors
    /// [`Error::Denied`], [`Error::TooMany`].
    pub fn refresh(&self, actor: &Actor) -> Result<(), Error> {
        self.allow(actor, Action::Refresh)?;
        // Each look costs the cloud many calls, of a budget that everybody shares.
        self.not_too_often(actor, Key::many_a_minute("refresh"))?;
        for cloud in self.clouds() {
            cloud.sync().notify_one();
        }
        Ok(())
    }

    /// A person says that the credentials of a cloud are right again.
    ///
    /// # Errors
    /// [`Error::Denied`], [`Error::NotFound`], [`Error::Store`].
    pub async fn resume_cloud(&self, actor: &Actor, name: &CloudName) -> Result<(), Error> {
        self.allow(actor, Action::ResumeCloud)?;
        let cloud = self.cloud(name)?;
        self.store().note(&self.deed(actor, "cloud.resume", format!("cloud/{name}"), json!({}))).await?;
        self.store().on_cloud(name, |state, _| state.resume()).await?;
        cloud.wake_senders();
        cloud.sync().notify_one();
        Ok(())
    }

    /// Values to filter the fleet by; counted once for each listing, whichever replica made it.
    pub(crate) async fn facets(&self) -> Result<Arc<Facets>, Error> {
        let listed: Vec<_> = self.sync_statuses().await?.into_iter().map(|s| s.instances_at).collect();
        if let Some((of, facets)) = self.facets_slot().clone()
            && of == listed
        {
            return Ok(facets);
        }
        let facets = Arc::new(self.store().facets().await?);
        *self.facets_slot() = Some((listed, facets.clone()));
        Ok(facets)
    }

    fn facets_slot(&self) -> MutexGuard<'_, Option<Counted>> {
        self.inner.facets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How often somebody may try to sign in.
    pub(crate) fn throttle(&self) -> MutexGuard<'_, Throttle> {
        self.inner.throttle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What hashes passwords.
    pub(crate) fn passwords(&self) -> &Hashing {
        &self.inner.passwords
    }

    /// Decisions are taken one at a time.
    pub(crate) async fn deciding(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.inner.deciding.lock().await
    }

    /// Wakes whoever waits for a candidate list that somebody else asks for.
    pub(crate) fn answered(&self) -> &Notify {
        &self.inner.answered
    }

    /// Instances whose candidates are being asked for.
    pub(crate) fn asking(&self) -> MutexGuard<'_, BTreeSet<(CloudName, InstanceId)>> {
        self.inner.asking.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
