//! People: signing in and out, passwords, one-time codes, accounts of others.

use crate::{Error, Services, password, secret, throttle::Key};
use chrono::{DateTime, Duration, Utc};
use patchboard_domain::{
    account::{AccountRefusal, Actor, Role, Session, User, check_name},
    authority::Action,
    id::UserId,
};
use patchboard_store::UserChange;
use serde_json::json;

/// How long a one-time code is good, in minutes.
const CODE_MINUTES: i64 = 60;

/// Longest name that is looked up: no account has a longer one.
const NAME_MAX: usize = 64;

/// Longest text of a browser that is kept.
const AGENT_MAX: usize = 200;

/// A session is noted as used at most so often, in seconds: a page view need not write.
const TOUCH_EVERY: i64 = 60;

/// Who tries to sign in, from where.
#[derive(Clone, Debug, Default)]
pub struct Attempt {
    /// As typed.
    pub name: String,
    /// As typed.
    pub password: String,
    /// Address of the browser.
    pub address: String,
    /// What the browser calls itself.
    pub agent: String,
    /// The token of a browser that somebody signed in from before.
    pub device: Option<String>,
    /// The token of the session that the browser has now: it ends.
    pub session: Option<String>,
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
}

/// Why somebody is not signed in.
#[derive(Debug)]
pub enum SignInError {
    /// Name and password do not go together, or the account may not be used: one answer for all of it.
    Refused,
    /// Too many attempts; in so many seconds another one.
    Wait(i64),
    /// A password or a name that cannot be taken, or a code that is not good.
    Account(AccountRefusal),
    /// The store failed.
    Failed(Error),
}

impl From<Error> for SignInError {
    fn from(error: Error) -> Self {
        Self::Failed(error)
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
}

impl Services {
    fn session_bounds(&self) -> (DateTime<Utc>, DateTime<Utc>) {
        let (now, policy) = (self.now(), self.policy());
        (now - Duration::minutes(policy.session_idle_minutes), now - Duration::minutes(policy.session_minutes))
    }

    /// Signs in.
    ///
    /// # Errors
    /// [`SignInError`].
    pub async fn sign_in(&self, mut attempt: Attempt) -> Result<SignedIn, SignInError> {
        attempt.name = attempt.name.trim().chars().take(NAME_MAX).collect();
        let found = self.store().user_by_name(&attempt.name).await?;
        let device = attempt.device.as_deref().map(secret::hash);
        let known = match (&found, &device) {
            (Some((user, _)), Some(device)) => self.store().knows_device(device, &user.id).await?,
            _ => false,
        };
        // Attempts from a browser that is known have their own share: a stranger cannot use it up.
        let (own, keys) = match device.filter(|_| known) {
            Some(device) => (Key::few(format!("device {device}")), Vec::new()),
            // The account's own share is wide: one address alone cannot use it up.
            None => (Key::many(format!("account {}", attempt.name.to_lowercase())), vec![Key::few(format!("address {}", attempt.address))]),
        };
        self.try_again_later(&[vec![own.clone()], keys].concat())?;
        let (user, kept) = found.map_or((None, None), |(user, kept)| (Some(user), kept));
        let verified = password::verify(attempt.password.clone(), kept.clone()).await;
        let user = user.filter(|u| verified.right && u.disabled_at.is_none());
        let Some(user) = user else {
            tracing::warn!(address = %attempt.address, "a sign-in was refused");
            return Err(SignInError::Refused);
        };
        // Not the address: whoever has one account could otherwise guess at all others.
        self.throttle().forgive(&own);
        if let (true, Some(old)) = (verified.outdated, kept) {
            let new = password::hash(attempt.password.clone()).await;
            self.store().rehash_password(&user.id, &old, &new).await?;
        }
        Ok(self.begin_session(user, &attempt.address, &attempt.agent, attempt.session.as_deref(), "password").await?)
    }

    fn try_again_later(&self, keys: &[Key]) -> Result<(), SignInError> {
        let now = self.now();
        let mut throttle = self.throttle();
        if let Some(seconds) = throttle.wait(keys, now) {
            return Err(SignInError::Wait(seconds));
        }
        throttle.take(keys, now);
        Ok(())
    }

    /// Begins a session for somebody who has shown who they are. Always with a new token.
    async fn begin_session(&self, user: User, address: &str, agent: &str, replaces: Option<&str>, how: &str) -> Result<SignedIn, Error> {
        let (token, device) = (secret::token(), secret::token());
        let now = self.now();
        let (idle, absolute) = self.session_bounds();
        self.store().sweep_sessions(idle, absolute, now).await?;
        let agent: String = agent.chars().filter(|c| !c.is_control()).take(AGENT_MAX).collect();
        let deed = self.deed(&Actor::person(&user, address), "session.begin", format!("user/{}", user.id), json!({ "by": how }));
        self.store()
            .add_session(
                &secret::hash(&token),
                &user.id,
                now,
                address,
                &agent,
                Some(&secret::hash(&device)),
                replaces.map(secret::hash).as_deref(),
                &deed,
            )
            .await?;
        Ok(SignedIn { user, token, device })
    }

    /// One of the sample people of a demo, without a password. The router of a demo alone calls it.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Store`].
    pub async fn sign_in_as_sample(&self, name: &str, address: &str, agent: &str, replaces: Option<&str>) -> Result<SignedIn, Error> {
        let (user, _) = self.store().user_by_name(name).await?.filter(|(u, _)| u.disabled_at.is_none()).ok_or(Error::NotFound)?;
        self.begin_session(user, address, agent, replaces, "demo").await
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
        Ok(Some(Known { actor: Actor::person(&open.user, address), session: open.session }))
    }

    /// Ends the session of a token.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn sign_out(&self, actor: &Actor, token: &str) -> Result<(), Error> {
        let deed = self.deed(actor, "session.end", self_subject(actor), json!({}));
        Ok(self.store().end_session(&secret::hash(token), &deed).await?)
    }

    /// Where somebody is signed in.
    ///
    /// # Errors
    /// [`Error::Denied`], [`Error::Store`].
    pub async fn own_sessions(&self, actor: &Actor) -> Result<Vec<Session>, Error> {
        self.allow(actor, Action::OwnAccount)?;
        let Some(user) = &actor.user else { return Ok(Vec::new()) };
        let (idle, absolute) = self.session_bounds();
        Ok(self.store().sessions(user, idle, absolute).await?)
    }

    /// Ends one of one's own sessions, or all of them.
    ///
    /// # Errors
    /// [`Error::Denied`], [`Error::Store`].
    pub async fn end_own_sessions(&self, actor: &Actor, named: Option<&str>) -> Result<(), Error> {
        self.allow(actor, Action::OwnAccount)?;
        let Some(user) = &actor.user else { return Ok(()) };
        if named.is_some_and(|name| !self.is_session_name(name)) {
            return Err(Error::NotFound);
        }
        let deed = self.deed(actor, "session.end", self_subject(actor), json!({ "session": named.unwrap_or("all") }));
        Ok(self.store().end_sessions_of(user, named, &deed).await?)
    }

    /// What the name of a session looks like; anything else is none.
    fn is_session_name(&self, name: &str) -> bool {
        name.len() == 16 && name.bytes().all(|b| b.is_ascii_hexdigit())
    }

    /// Changes one's own password. Every session ends, this one too, and a new one begins.
    ///
    /// # Errors
    /// [`SignInError`]; [`AccountRefusal::PasswordWrong`] when `old` is not the present one.
    pub async fn change_password(&self, actor: &Actor, old: String, new: String, agent: &str) -> Result<SignedIn, SignInError> {
        self.allow(actor, Action::OwnAccount)?;
        let id = actor.user.as_ref().ok_or(SignInError::Refused)?;
        self.try_again_later(&[Key::few(format!("password {id}"))])?;
        let (user, kept) = self.store().user_by_name(&actor.name).await?.ok_or(SignInError::Refused)?;
        if !password::verify(old, kept).await.right {
            return Err(SignInError::Account(AccountRefusal::PasswordWrong));
        }
        password::check(&new, &[&user.name, &user.full_name]).map_err(SignInError::Account)?;
        let hash = password::hash(new).await;
        let deed = self.deed(actor, "user.password", format!("user/{}", user.id), json!({}));
        self.store().put_password(&user.id, &hash, "", &deed).await?;
        Ok(self.begin_session(user, &actor.address, agent, None, "password").await?)
    }

    /// The code that makes the first administrator, as long as there is no account at all. An older one is void.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn first_code(&self) -> Result<Option<String>, Error> {
        if !self.store().users().await?.is_empty() {
            return Ok(None);
        }
        Ok(Some(self.new_code(None, &Actor::system()).await?))
    }

    async fn new_code(&self, user: Option<&UserId>, by: &Actor) -> Result<String, Error> {
        let (code, now) = (secret::code(), self.now());
        let subject = user.map_or_else(|| "user/first".to_owned(), |u| format!("user/{u}"));
        let deed = self.deed(by, "user.code", subject, json!({}));
        let expires_at = now + Duration::minutes(CODE_MINUTES);
        self.store().put_code(&secret::code_hash(&code), user, now, expires_at, &deed).await?;
        Ok(code)
    }

    /// Uses a one-time code: chooses a password, and signs in. The code of the first administrator also makes the account.
    ///
    /// # Errors
    /// [`SignInError`].
    pub async fn redeem(&self, code: &str, mut attempt: Attempt) -> Result<SignedIn, SignInError> {
        let tries = Key::few(format!("code {}", attempt.address));
        self.try_again_later(std::slice::from_ref(&tries))?;
        let (hash, now) = (secret::code_hash(code), self.now());
        let refused = || SignInError::Account(AccountRefusal::Code);
        let owner = self.store().code(&hash, now).await?.ok_or_else(refused)?;
        let is_first = owner.is_none();
        let user = match owner {
            Some(id) => self.store().user(&id).await?.filter(|u| u.disabled_at.is_none()).ok_or_else(refused)?,
            None => {
                let name = check_name(&attempt.name).map_err(SignInError::Account)?;
                // Somebody else may have been first meanwhile.
                if !self.store().users().await?.is_empty() {
                    return Err(refused());
                }
                self.new_user(name, String::new(), Role::ALL.to_vec())
            }
        };
        let password = std::mem::take(&mut attempt.password);
        password::check(&password, &[&user.name, &user.full_name]).map_err(SignInError::Account)?;
        // The slow part comes first: whoever goes away meanwhile has used nothing up.
        let kept = password::hash(password).await;
        let (who, subject) = (Actor::person(&user, &attempt.address), format!("user/{}", user.id));
        let mut deeds = Vec::new();
        if is_first {
            let detail = json!({ "name": user.name, "roles": words(&user.roles), "first": true });
            deeds.push(self.deed(&who, "user.add", subject.clone(), detail));
        }
        deeds.push(self.deed(&who, "user.password", subject, json!({ "by": "code" })));
        match self.store().redeem(&hash, &user, is_first, &kept, now, &deeds).await {
            Err(patchboard_store::Error::Changed) => return Err(refused()),
            other => other?,
        }
        self.throttle().forgive(&tries);
        Ok(self.begin_session(user, &attempt.address, &attempt.agent, attempt.session.as_deref(), "code").await?)
    }

    fn new_user(&self, name: String, full_name: String, roles: Vec<Role>) -> User {
        User {
            id: UserId::new(uuid::Uuid::now_v7().to_string()),
            name,
            full_name,
            roles,
            has_password: false,
            created_at: self.now(),
            disabled_at: None,
            signed_in_at: None,
        }
    }

    /// Every account.
    ///
    /// # Errors
    /// [`Error::Denied`], [`Error::Store`].
    pub async fn people(&self, actor: &Actor) -> Result<Vec<User>, Error> {
        self.allow(actor, Action::ManagePeople)?;
        Ok(self.store().users().await?)
    }

    /// A new account. Returns the code with which its owner chooses a password.
    ///
    /// # Errors
    /// [`Error::Account`], [`Error::Denied`], [`Error::Store`].
    pub async fn add_user(&self, actor: &Actor, name: &str, full_name: &str, roles: &[Role]) -> Result<(UserId, String), Error> {
        self.allow(actor, Action::ManagePeople)?;
        let name = check_name(name).map_err(Error::Account)?;
        let roles = sorted(roles)?;
        let full_name: String = full_name.trim().chars().filter(|c| !c.is_control()).take(80).collect();
        let user = self.new_user(name, full_name, roles);
        let detail = json!({ "name": user.name, "roles": words(&user.roles) });
        let deed = self.deed(actor, "user.add", format!("user/{}", user.id), detail);
        match self.store().add_user(&user, &deed).await {
            Err(patchboard_store::Error::Conflict) => return Err(Error::Account(AccountRefusal::NameTaken)),
            other => other?,
        }
        let code = self.new_code(Some(&user.id), actor).await?;
        Ok((user.id, code))
    }

    /// A code with which somebody chooses a new password. The present one works until then.
    ///
    /// # Errors
    /// [`Error::Denied`], [`Error::NotFound`], [`Error::Store`].
    pub async fn reset_user(&self, actor: &Actor, id: &UserId) -> Result<String, Error> {
        self.allow(actor, Action::ManagePeople)?;
        self.store().user(id).await?.filter(|u| u.disabled_at.is_none()).ok_or(Error::NotFound)?;
        self.new_code(Some(id), actor).await
    }

    /// Other roles, or none of the account at all. Sessions of a disabled account end at once.
    ///
    /// # Errors
    /// [`Error::Account`] when no administrator would be left, [`Error::Denied`], [`Error::NotFound`], [`Error::Store`].
    pub async fn change_user(&self, actor: &Actor, id: &UserId, change: UserChange) -> Result<(), Error> {
        self.allow(actor, Action::ManagePeople)?;
        let before = self.store().user(id).await?.ok_or(Error::NotFound)?;
        let change = match change {
            UserChange::Roles(roles) => UserChange::Roles(sorted(&roles)?),
            UserChange::Disable(_) => UserChange::Disable(self.now()),
            UserChange::Enable => UserChange::Enable,
        };
        let (what, detail) = match &change {
            UserChange::Roles(roles) => ("user.roles", json!({ "before": words(&before.roles), "after": words(roles) })),
            UserChange::Disable(_) => ("user.disable", json!({})),
            UserChange::Enable => ("user.enable", json!({})),
        };
        let deed = self.deed(actor, what, format!("user/{id}"), detail);
        match self.store().change_user(id, &change, &deed).await {
            Err(patchboard_store::Error::Conflict) => Err(Error::Account(AccountRefusal::LastAdministrator)),
            other => Ok(other?),
        }
    }

    /// The account of a name, for the command line.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Store`].
    pub async fn user_named(&self, name: &str) -> Result<User, Error> {
        self.store().user_by_name(name).await?.map(|(user, _)| user).ok_or(Error::NotFound)
    }
}

fn self_subject(actor: &Actor) -> String {
    actor.user.as_ref().map_or_else(String::new, |u| format!("user/{u}"))
}

fn words(roles: &[Role]) -> Vec<&'static str> {
    roles.iter().map(|r| r.word()).collect()
}

fn sorted(roles: &[Role]) -> Result<Vec<Role>, Error> {
    let mut roles = roles.to_vec();
    roles.sort_unstable();
    roles.dedup();
    if roles.is_empty() { Err(Error::Account(AccountRefusal::NoRole)) } else { Ok(roles) }
}
