//! One configured connection to a cloud. What was learned of it is in the store, where every replica finds it.

use crate::{clock::SharedClock, pacer::SharedPace};
use patchboard_domain::{
    id::CloudName,
    sync::{Account, Connection},
};
use patchboard_gaussdb::{Client, Credentials, Error, Options};
use patchboard_store::Store;
use secrecy::SecretString;
use std::{sync::Arc, time::Duration};
use tokio::sync::{Notify, watch};

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
    pub deadline: Duration,
    /// Pauses between tries of a reading call.
    pub pauses: Vec<Duration>,
    /// Calls a minute to begin with; nothing: the usual. What goes through is learned afterwards.
    pub calls_per_minute: Option<f64>,
}

/// A connection. Cheap to clone.
#[derive(Clone)]
pub struct Cloud {
    inner: Arc<Inner>,
}

fn account(secrets: &Secrets) -> Account {
    match secrets {
        Secrets::Key { access, .. } => {
            let last: Vec<char> = access.chars().rev().take(2).collect();
            Account::KeyEnding(last.into_iter().rev().collect())
        }
        Secrets::Password { user, .. } => Account::User(user.clone()),
    }
}

struct Inner {
    name: CloudName,
    region: String,
    account: Account,
    deadline: Duration,
    client: Client,
    pace: Arc<SharedPace>,
    /// Wakes the senders.
    sender: watch::Sender<u64>,
    /// Wakes the sync.
    sync: Notify,
}

impl Cloud {
    /// Makes the connection; nothing is called yet.
    ///
    /// # Errors
    /// [`Error::Invalid`] with a sentence about the setting that is wrong.
    pub fn new(settings: CloudSettings, clock: SharedClock) -> Result<Self, Error> {
        let (region, account) = (settings.region.clone(), account(&settings.secrets));
        let credentials = match settings.secrets {
            Secrets::Key { access, secret, security_token } => {
                Credentials::Key { access, secret: SecretString::from(secret), security_token: security_token.map(SecretString::from) }
            }
            Secrets::Password { domain, user, password } => Credentials::Password { domain, user, password: SecretString::from(password) },
        };
        let dates = clock.clone();
        let mut options = Options::new(settings.region, credentials, Arc::new(move || dates.now()));
        options.endpoint = settings.endpoint;
        options.iam_endpoint = settings.iam_endpoint;
        options.project_id = settings.project_id;
        options.language = settings.language;
        let deadline = settings.deadline;
        options.deadline = deadline;
        options.pauses = settings.pauses;
        let name = CloudName::new(settings.name);
        let pace = Arc::new(SharedPace::new(name.clone(), settings.calls_per_minute, clock));
        options.pacer = Some(pace.clone());
        let inner = Inner {
            name,
            region,
            account,
            deadline,
            client: Client::new(options)?,
            pace,
            sender: watch::Sender::new(0),
            sync: Notify::new(),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Its name.
    pub fn name(&self) -> &CloudName {
        &self.inner.name
    }

    /// What it is asked with.
    pub(crate) fn connection(&self) -> Connection {
        let project = self.inner.client.known_project().map(str::to_owned);
        Connection { region: self.inner.region.clone(), project, account: self.inner.account.clone() }
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

    /// Longest time of a call.
    pub(crate) fn deadline(&self) -> Duration {
        self.inner.deadline
    }

    pub(crate) fn client(&self) -> &Client {
        &self.inner.client
    }

    /// From now on what is learned of the cloud is kept in this store.
    pub(crate) fn learn_into(&self, store: &Store) {
        self.inner.pace.keep_in(store.clone());
    }

    pub(crate) fn pace(&self) -> &SharedPace {
        &self.inner.pace
    }

    /// There may be something to send.
    pub(crate) fn wake_senders(&self) {
        self.inner.sender.send_modify(|n| *n += 1);
    }

    /// Changes whenever there may be something to send.
    pub(crate) fn to_send(&self) -> watch::Receiver<u64> {
        self.inner.sender.subscribe()
    }

    pub(crate) fn sync(&self) -> &Notify {
        &self.inner.sync
    }
}
