//! One configured connection to a cloud, with what it learned while running.

use crate::clock::SharedClock;
use chrono::{DateTime, Duration, Utc};
use patchboard_domain::id::CloudName;
use patchboard_gaussdb::{Client, Credentials, Error, Options};
use secrecy::SecretString;
use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, Ordering},
};
use tokio::sync::Notify;

/// Who is asking. Secrets come from the environment or from files, never from the configuration itself.
#[derive(Clone)]
pub enum Secrets {
    /// Access key, with a security token when it is temporary.
    Key {
        /// Access key.
        access: String,
        /// Secret key.
        secret: String,
        /// Security token.
        security_token: Option<String>,
    },
    /// IAM user.
    Password {
        /// Account (domain) name.
        domain: String,
        /// User name.
        user: String,
        /// Password.
        password: String,
    },
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Key { access, .. } => write!(f, "Key({access}, [redacted])"),
            Self::Password { domain, user, .. } => write!(f, "Password({domain}/{user}, [redacted])"),
        }
    }
}

/// Settings of one connection.
#[derive(Clone, Debug)]
pub struct CloudSettings {
    /// Its name.
    pub name: String,
    /// Region id.
    pub region: String,
    /// Another endpoint than the region's.
    pub endpoint: Option<String>,
    /// Another IAM endpoint than the region's.
    pub iam_endpoint: Option<String>,
    /// Project id; nothing looks it up.
    pub project_id: Option<String>,
    /// Who is asking.
    pub secrets: Secrets,
    /// Language the cloud answers in: `en-us` or `zh-cn`.
    pub language: String,
    /// Longest time of a call.
    pub deadline: std::time::Duration,
    /// Pauses between tries of a reading call.
    pub pauses: Vec<std::time::Duration>,
}

/// A connection. Cheap to clone.
#[derive(Clone)]
pub struct Cloud {
    inner: Arc<Inner>,
}

struct Inner {
    name: CloudName,
    client: Client,
    /// The credentials were refused; nothing is called until a person acts.
    stopped: AtomicBool,
    back_off: Mutex<BackOff>,
    /// Sending and listing tasks take turns, in the order in which they asked.
    turn: tokio::sync::Mutex<()>,
    /// Wakes the sender.
    pub(crate) sender: Notify,
    /// Wakes the sync.
    pub(crate) sync: Notify,
}

#[derive(Default)]
struct BackOff {
    failures: u32,
    until: Option<DateTime<Utc>>,
    /// The cloud itself asked to wait: then nobody calls, readers neither.
    throttled: bool,
}

/// Longest `Retry-After` that is honoured, in seconds: a longer one would silently let starts pass.
const LONGEST_ASKED: i64 = 900;

/// Longest pause of the sender after failures in a row, in seconds.
const LONGEST_BACK_OFF: i64 = 300;

impl Cloud {
    /// Makes the connection; nothing is called yet.
    ///
    /// # Errors
    /// [`Error::Invalid`] with a sentence about the setting that is wrong.
    pub fn new(settings: CloudSettings, clock: SharedClock) -> Result<Self, Error> {
        let credentials = match settings.secrets {
            Secrets::Key { access, secret, security_token } => {
                Credentials::Key { access, secret: SecretString::from(secret), security_token: security_token.map(SecretString::from) }
            }
            Secrets::Password { domain, user, password } => Credentials::Password { domain, user, password: SecretString::from(password) },
        };
        let mut options = Options::new(settings.region, credentials, Arc::new(move || clock.now()));
        options.endpoint = settings.endpoint;
        options.iam_endpoint = settings.iam_endpoint;
        options.project_id = settings.project_id;
        options.language = settings.language;
        options.deadline = settings.deadline;
        options.pauses = settings.pauses;
        let inner = Inner {
            name: CloudName::new(settings.name),
            client: Client::new(options)?,
            stopped: AtomicBool::new(false),
            back_off: Mutex::default(),
            turn: tokio::sync::Mutex::default(),
            sender: Notify::new(),
            sync: Notify::new(),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Its name.
    pub fn name(&self) -> &CloudName {
        &self.inner.name
    }

    /// The host it calls.
    pub fn host(&self) -> String {
        self.inner.client.host()
    }

    /// One signed reading call, for `patchboard check`: the project id and the number of catalogue rows.
    ///
    /// # Errors
    /// What the cloud or the network said.
    pub async fn check(&self) -> Result<(String, usize), Error> {
        let project = self.inner.client.project_id().await?.to_owned();
        Ok((project, self.inner.client.datastore_versions().await?.len()))
    }

    pub(crate) fn client(&self) -> &Client {
        &self.inner.client
    }

    /// Waits for the turn to send, or to list tasks.
    pub(crate) async fn turn(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.inner.turn.lock().await
    }

    pub(crate) fn sender(&self) -> &Notify {
        &self.inner.sender
    }

    pub(crate) fn sync(&self) -> &Notify {
        &self.inner.sync
    }

    /// Whether the credentials were refused.
    pub fn is_stopped(&self) -> bool {
        self.inner.stopped.load(Ordering::SeqCst)
    }

    /// A person says that the credentials are right again.
    pub(crate) fn resume(&self) {
        self.inner.stopped.store(false, Ordering::SeqCst);
        *self.back_off() = BackOff::default();
        self.inner.sender.notify_one();
        self.inner.sync.notify_one();
    }

    /// Takes note of a failed reading call or order: refused credentials stop the connection, a throttled call slows all of it.
    pub(crate) fn note(&self, error: &Error, now: DateTime<Utc>) {
        self.note_credentials(error);
        if matches!(error, Error::Throttled { .. }) {
            self.pause(error, now);
        }
    }

    /// Takes note of refused credentials.
    pub(crate) fn note_credentials(&self, error: &Error) {
        if matches!(error, Error::Unauthorized(_)) {
            self.inner.stopped.store(true, Ordering::SeqCst);
        }
    }

    /// The cloud asked everybody to wait until then.
    pub(crate) fn throttled_until(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let back_off = self.back_off();
        back_off.until.filter(|until| back_off.throttled && *until > now)
    }

    /// The sender pauses until then.
    pub(crate) fn paused_until(&self, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.back_off().until.filter(|until| *until > now)
    }

    /// A call that was not sent or throttled: wait, longer each time. Returns until when.
    pub(crate) fn pause(&self, error: &Error, now: DateTime<Utc>) -> DateTime<Utc> {
        let mut back_off = self.back_off();
        back_off.failures = back_off.failures.saturating_add(1);
        let doubled = 2_i64.saturating_pow(back_off.failures.min(10)).min(LONGEST_BACK_OFF);
        let seconds = match error {
            Error::Throttled { retry_after: Some(asked), .. } => {
                i64::try_from(asked.as_secs()).unwrap_or(LONGEST_ASKED).clamp(1, LONGEST_ASKED)
            }
            _ => doubled,
        };
        let throttled = matches!(error, Error::Throttled { .. });
        // Several calls may be throttled at once: the longest wait holds.
        let standing = back_off.until.filter(|until| back_off.throttled && *until > now);
        let until = (now + Duration::seconds(seconds)).max(standing.unwrap_or(now));
        back_off.until = Some(until);
        back_off.throttled = throttled || standing.is_some();
        until
    }

    /// A call went through. A pause that another call was asked for meanwhile stands.
    pub(crate) fn went_through(&self, now: DateTime<Utc>) {
        let mut back_off = self.back_off();
        if back_off.until.is_none_or(|until| until <= now) {
            *back_off = BackOff::default();
        }
    }

    fn back_off(&self) -> MutexGuard<'_, BackOff> {
        self.inner.back_off.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
