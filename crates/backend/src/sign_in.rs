//! Signing in and out, sessions, one's own password.

use crate::{Error, Services, password, secret, throttle::Key};
use chrono::{DateTime, Duration, Utc};
use patchboard_domain::{
    account::{AccountRefusal, Actor, OwnAccount, Session, User},
    authority::Action,
};
use patchboard_store::NewSession;
use serde_json::json;

/// Longest name that is looked up: no account has a longer one.
const NAME_MAX: usize = 64;

/// Longest text of a browser that is kept.
const AGENT_MAX: usize = 200;

/// A session is noted as used at most so often, in seconds: a page view need not write.
const TOUCH_EVERY: i64 = 60;

/// Where an attempt to sign in comes from.
#[derive(Clone, Debug, Default)]
pub struct Origin {
    /// Address of the browser.
    pub address: String,
    /// What the browser calls itself.
    pub agent: String,
    /// The token of a browser that somebody signed in from before.
    pub device: Option<String>,
    /// The token of the session that the browser has now: it ends.
    pub session: Option<String>,
}

/// What somebody shows to sign in.
#[derive(Clone, Default)]
pub struct Attempt {
    /// As typed.
    pub name: String,
    /// As typed.
    pub password: String,
    /// Code of the second factor, as typed; whoever has none leaves it empty.
    pub factor: String,
    /// From where.
    pub origin: Origin,
}

/// Somebody is signed in.
#[derive(Clone)]
pub struct SignedIn {
    /// Who.
    pub user: User,
    /// For the session cookie.
    pub token: String,
    /// For the cookie by which the browser is known again.
    pub device: String,
    /// They showed who they are just now.
    pub proved: bool,
}

/// Why somebody is not signed in.
#[derive(Debug)]
pub enum SignInError {
    /// Name, password and second factor do not go together, or the account may not be used: one answer for all of it.
    Refused,
    /// Too many attempts; in so many seconds another one.
    Wait(i64),
    /// What can be said: a password that cannot be taken, a code that is not good, a provider that says no.
    Account(AccountRefusal),
    /// The store failed.
    Failed(Error),
}

impl From<Error> for SignInError {
    fn from(error: Error) -> Self {
        match error {
            Error::Account(refusal) => Self::Account(refusal),
            other => Self::Failed(other),
        }
    }
}

impl From<patchboard_store::Error> for SignInError {
    fn from(error: patchboard_store::Error) -> Self {
        Self::Failed(error.into())
    }
}

/// A person whose session is open.
#[derive(Clone, Debug)]
pub struct Known {
    /// Who asks, and from where.
    pub actor: Actor,
    /// The session.
    pub session: Session,
    /// One of the roles asks for a second factor, and there is none yet.
    pub lacks_factor: bool,
}

/// How a session comes about, and what of it is not the browser's.
pub(crate) struct Beginning<'a> {
    pub(crate) user: User,
    /// The word in the ledger.
    pub(crate) how: &'static str,
    /// When they showed who they are.
    pub(crate) proved_at: DateTime<Utc>,
    pub(crate) origin: &'a Origin,
}

/// A session that begins, with its secrets.
pub(crate) struct Fresh {
    pub(crate) signed_in: SignedIn,
    hash: String,
    device_hash: String,
    replaces: Option<String>,
    agent: String,
    at: DateTime<Utc>,
    proved_at: DateTime<Utc>,
}

impl Fresh {
    pub(crate) fn row<'a>(&'a self, origin: &'a Origin) -> NewSession<'a> {
        NewSession {
            hash: &self.hash,
            user: &self.signed_in.user.id,
            at: self.at,
            proved_at: self.proved_at,
            address: &origin.address,
            agent: &self.agent,
            device: &self.device_hash,
            replaces: self.replaces.as_deref(),
        }
    }
}

impl Services {
    fn session_bounds(&self) -> (DateTime<Utc>, DateTime<Utc>) {
        let (now, policy) = (self.now(), self.policy());
        (now - Duration::minutes(policy.session_idle_minutes), now - Duration::minutes(policy.session_minutes))
    }

    /// Signs in by name and password, and the second factor of whoever has one.
    ///
    /// # Errors
    /// [`SignInError`].
    pub async fn sign_in(&self, mut attempt: Attempt) -> Result<SignedIn, SignInError> {
        attempt.name = attempt.name.trim().chars().take(NAME_MAX).collect();
        let found = self.store().user_by_name(&attempt.name).await?;
        let origin = &attempt.origin;
        let device = origin.device.as_deref().map(secret::hash);
        let known = match (&found, &device) {
            (Some((user, _)), Some(device)) => self.store().knows_device(device, &user.id).await?,
            _ => false,
        };
        // Attempts from a browser that is known have their own share: a stranger cannot use it up.
        let (own, keys) = match device.filter(|_| known) {
            Some(device) => (Key::few(format!("device {device}")), Vec::new()),
            // The account's own share is wide: one address alone cannot use it up.
            None => (Key::many(format!("account {}", attempt.name.to_lowercase())), vec![Key::network(&origin.address)]),
        };
        // A place first: who finds none has used up no attempt.
        let turn = self.passwords().turn(known).map_err(SignInError::Account)?;
        self.try_again_later(&[vec![own.clone()], keys].concat())?;
        let (user, kept) = found.map_or((None, None), |(user, kept)| (Some(user), kept));
        let verified = turn.verify(attempt.password.clone(), kept.clone()).await.map_err(SignInError::Account)?;
        let user = user.filter(|u| verified.right && u.disabled_at.is_none() && !u.external);
        let second = match &user {
            // Why not is for the log: who asks is told the same as for a wrong password.
            Some(user) => self.show_factor(user, &attempt.factor).await.map_err(|e| tracing::warn!(error = ?e, "no second factor")).is_ok(),
            None => false,
        };
        let Some(user) = user.filter(|_| second) else {
            tracing::warn!(address = %origin.address, "a sign-in was refused");
            return Err(SignInError::Refused);
        };
        // Not the address: whoever has one account could otherwise guess at all others.
        self.throttle().forgive(&own);
        if let (true, Some(old)) = (verified.outdated, kept) {
            self.rehash(&user, &old, attempt.password.clone()).await?;
        }
        let how = if user.has_factor { "password and second factor" } else { "password" };
        Ok(self.begin_session(Beginning { user, how, proved_at: self.now(), origin }).await?)
    }

    /// Keeps a password that was right with today's parameters. Where no place is free, the next time is early enough.
    async fn rehash(&self, user: &User, old: &str, password: String) -> Result<(), SignInError> {
        if let Ok(turn) = self.passwords().turn(true)
            && let Ok(new) = turn.hash(password).await
        {
            self.store().rehash_password(&user.id, old, &new).await?;
        }
        Ok(())
    }

    /// Whether somebody at this address may tell us something that is logged: not so often that the log is full of it.
    pub fn may_report(&self, address: &str) -> bool {
        self.take_attempt(&[Key::many(format!("report {address}"))]).is_ok()
    }

    pub(crate) fn try_again_later(&self, keys: &[Key]) -> Result<(), SignInError> {
        self.take_attempt(keys).map_err(SignInError::Wait)
    }

    /// The secrets of a session that begins. Always with a new token.
    pub(crate) fn fresh(&self, beginning: &Beginning<'_>) -> Fresh {
        let (token, device) = (secret::token(), secret::token());
        let agent: String = beginning.origin.agent.chars().filter(|c| !c.is_control()).take(AGENT_MAX).collect();
        Fresh {
            hash: secret::hash(&token),
            device_hash: secret::hash(&device),
            replaces: beginning.origin.session.as_deref().map(secret::hash),
            agent,
            at: self.now(),
            proved_at: beginning.proved_at,
            signed_in: SignedIn { user: beginning.user.clone(), token, device, proved: self.is_fresh(beginning.proved_at) },
        }
    }

    pub(crate) fn session_deed(&self, user: &User, how: &str, address: &str) -> patchboard_domain::ledger::Deed {
        self.deed(&Actor::person(user, address), "session.begin", format!("user/{}", user.id), json!({ "by": how }))
    }

    /// Deletes what is too old to be used.
    pub(crate) async fn sweep(&self) -> Result<(), Error> {
        let (idle, absolute) = self.session_bounds();
        Ok(self.store().sweep_sessions(idle, absolute, self.now()).await?)
    }

    /// Begins a session for somebody who has shown who they are.
    pub(crate) async fn begin_session(&self, beginning: Beginning<'_>) -> Result<SignedIn, Error> {
        self.sweep().await?;
        let fresh = self.fresh(&beginning);
        let deed = self.session_deed(&beginning.user, beginning.how, &beginning.origin.address);
        match self.store().add_session(&fresh.row(beginning.origin), &deed).await {
            Err(patchboard_store::Error::Changed) => Err(Error::NotFound),
            other => Ok(other.map(|()| fresh.signed_in)?),
        }
    }

    /// One of the sample people of a demo, without a password. The router of a demo alone calls it.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Store`].
    pub async fn sign_in_as_sample(&self, name: &str, origin: &Origin) -> Result<SignedIn, Error> {
        let (user, _) = self.store().user_by_name(name).await?.filter(|(u, _)| u.disabled_at.is_none()).ok_or(Error::NotFound)?;
        self.begin_session(Beginning { user, how: "demo", proved_at: self.now(), origin }).await
    }

    /// Who the token of a session belongs to. `by_itself`: the page asked, not the person, so the session is not kept alive by it.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn known(&self, token: &str, address: &str, by_itself: bool) -> Result<Option<Known>, Error> {
        let (idle, absolute) = self.session_bounds();
        let hash = secret::hash(token);
        let Some(open) = self.store().session(&hash, idle, absolute).await? else { return Ok(None) };
        let now = self.now();
        if !by_itself && now - open.session.seen_at >= Duration::seconds(TOUCH_EVERY) {
            self.store().touch_session(&hash, now).await?;
        }
        let policy = self.policy();
        let proved = self.is_fresh(open.session.proved_at);
        let user = open.user;
        let lacks_factor = !user.external && !user.has_factor && user.roles.iter().any(|r| policy.factor_roles.contains(r));
        let actor = Actor { proved, ..Actor::person(&user, address) };
        Ok(Some(Known { actor, session: open.session, lacks_factor }))
    }

    /// Whether what was shown then is enough now.
    fn is_fresh(&self, proved_at: DateTime<Utc>) -> bool {
        let minutes = self.policy().confirm_minutes;
        let age = self.now() - proved_at;
        // What lies ahead was shown before the clock was set back.
        minutes == 0 || (age >= -Duration::minutes(1) && age <= Duration::minutes(minutes))
    }

    /// Somebody who is signed in shows again who they are. Returns the token that their session has from then on.
    ///
    /// # Errors
    /// [`SignInError`]; [`AccountRefusal::PasswordWrong`], [`AccountRefusal::FactorCode`].
    pub async fn confirm_identity(&self, actor: &Actor, password: String, factor: &str, token: &str) -> Result<String, SignInError> {
        self.allow(actor, Action::OwnAccount)?;
        let user = self.own_user(actor, password, "confirm").await?;
        self.show_factor(&user, factor).await?;
        let deed = self.deed(actor, "session.confirm", self_subject(actor), json!({}));
        let new = secret::token();
        match self.store().prove_session(&secret::hash(token), &secret::hash(&new), self.now(), &deed).await {
            Err(patchboard_store::Error::Changed) => Err(SignInError::Refused),
            other => Ok(other.map(|()| new)?),
        }
    }

    /// The account of somebody who is signed in, after they have typed its password.
    async fn own_user(&self, actor: &Actor, password: String, what: &str) -> Result<User, SignInError> {
        let id = actor.user.as_ref().ok_or(SignInError::Refused)?;
        let turn = self.passwords().turn(true).map_err(SignInError::Account)?;
        self.try_again_later(&[Key::few(format!("{what} {id}"))])?;
        let (user, kept) = self.store().user_by_name(&actor.name).await?.ok_or(SignInError::Refused)?;
        if !turn.verify(password, kept).await.map_err(SignInError::Account)?.right {
            return Err(SignInError::Account(AccountRefusal::PasswordWrong));
        }
        Ok(user)
    }

    /// Ends the session of a token.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn sign_out(&self, actor: &Actor, token: &str) -> Result<(), Error> {
        let deed = self.deed(actor, "session.end", self_subject(actor), json!({}));
        Ok(self.store().end_session(&secret::hash(token), &deed).await?)
    }

    /// One's own account.
    ///
    /// # Errors
    /// [`Error::Denied`], [`Error::NotFound`], [`Error::Store`].
    pub async fn own_account(&self, actor: &Actor) -> Result<OwnAccount, Error> {
        self.allow(actor, Action::OwnAccount)?;
        let id = actor.user.as_ref().ok_or(Error::NotFound)?;
        let user = self.store().user(id).await?.ok_or(Error::NotFound)?;
        let (idle, absolute) = self.session_bounds();
        let sessions = self.store().sessions(id, idle, absolute).await?;
        Ok(OwnAccount { sessions, has_factor: user.has_factor, external: user.external })
    }

    /// Ends one of one's own sessions, or all of them.
    ///
    /// # Errors
    /// [`Error::Denied`], [`Error::Store`].
    pub async fn end_own_sessions(&self, actor: &Actor, named: Option<&str>) -> Result<(), Error> {
        self.allow(actor, Action::OwnAccount)?;
        let Some(user) = &actor.user else { return Ok(()) };
        if named.is_some_and(|name| !is_session_name(name)) {
            return Err(Error::NotFound);
        }
        let deed = self.deed(actor, "session.end", self_subject(actor), json!({ "session": named.unwrap_or("all") }));
        Ok(self.store().end_sessions_of(user, named, &deed).await?)
    }

    /// Changes one's own password. Every session ends, this one too, and a new one begins.
    ///
    /// # Errors
    /// [`SignInError`]; [`AccountRefusal::PasswordWrong`] when `old` is not the present one, [`AccountRefusal::FactorCode`].
    pub async fn change_password(
        &self,
        actor: &Actor,
        old: String,
        new: String,
        factor: &str,
        agent: &str,
    ) -> Result<SignedIn, SignInError> {
        self.allow(actor, Action::OwnAccount)?;
        let user = self.own_user(actor, old, "password").await?;
        password::check(&new, &[&user.name, &user.full_name]).map_err(SignInError::Account)?;
        // Before the code of the second factor is used up.
        let turn = self.passwords().turn(true).map_err(SignInError::Account)?;
        // A new session begins with it, as fresh as any: the password alone must not be enough for that.
        self.show_factor(&user, factor).await?;
        let hash = turn.hash(new).await.map_err(SignInError::Account)?;
        let deed = self.deed(actor, "user.password", format!("user/{}", user.id), json!({}));
        self.store().put_password(&user.id, &hash, &deed).await?;
        let origin = Origin { address: actor.address.clone(), agent: agent.to_owned(), ..Origin::default() };
        Ok(self.begin_session(Beginning { user, how: "password", proved_at: self.now(), origin: &origin }).await?)
    }
}

/// What the name of a session looks like; anything else is none.
fn is_session_name(name: &str) -> bool {
    name.len() == 16 && name.bytes().all(|b| b.is_ascii_hexdigit())
}

pub(crate) fn self_subject(actor: &Actor) -> String {
    actor.user.as_ref().map_or_else(String::new, |u| format!("user/{u}"))
}
