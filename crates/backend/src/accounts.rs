//! People: accounts, one-time codes, roles.

use crate::{
    Error, Services, password, secret,
    sign_in::{Attempt, Beginning, SignInError, SignedIn},
    sync::TURN,
    throttle::Key,
};
use chrono::{DateTime, Duration, Utc};
use patchboard_domain::{
    account::{AccountRefusal, Actor, Role, User, check_name, is_plain},
    authority::Action,
    id::UserId,
};
use patchboard_store::UserChange;
use serde_json::json;

/// How long a one-time code is good, in minutes.
const CODE_MINUTES: i64 = 60;

/// The lease of whoever makes the code of the first administrator.
const FIRST_CODE: &str = "first code";

/// The code that makes the first administrator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FirstCode {
    /// There is an administrator who can come in.
    NotNeeded,
    /// Made just now; it can be shown once.
    Made(String),
    /// Another replica has made one and shown it. It is good until then.
    MadeElsewhere(DateTime<Utc>),
}

impl Services {
    /// The code that makes the first administrator, as long as there is none who can come in. Replicas that share a database make it
    /// once; where only one process can be, an older one is void.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn first_code(&self) -> Result<FirstCode, Error> {
        if self.store().has_administrator().await? {
            return Ok(FirstCode::NotNeeded);
        }
        // Writers take turns, so one of the replicas is the first.
        while !self.keep_lease(FIRST_CODE).await? {
            tokio::time::sleep(TURN).await;
        }
        let standing = if self.store().is_exclusive() { None } else { self.store().first_code_until(self.now()).await? };
        let code = match standing {
            Some(until) => Ok(FirstCode::MadeElsewhere(until)),
            None => self.new_code(None, &Actor::system()).await.map(FirstCode::Made),
        };
        self.store().give_lease(FIRST_CODE, self.replica()).await?;
        code
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
        let tries = Key::few(format!("code {}", attempt.origin.address));
        self.try_again_later(std::slice::from_ref(&tries))?;
        let (hash, now) = (secret::code_hash(code), self.now());
        let refused = || SignInError::Account(AccountRefusal::Code);
        let owner = self.store().code(&hash, now).await?.ok_or_else(refused)?;
        let is_first = owner.is_none();
        let user = match owner {
            Some(id) => self.store().user(&id).await?.filter(|u| u.disabled_at.is_none()).ok_or_else(refused)?,
            None => self.first_user(&attempt.name).await?,
        };
        let password = std::mem::take(&mut attempt.password);
        password::check(&password, &[&user.name, &user.full_name]).map_err(SignInError::Account)?;
        // Before the code of the second factor is used up.
        let turn = self.passwords().turn(true).map_err(SignInError::Account)?;
        // A new password is no way around the second factor; its code is used up last.
        if !is_first {
            self.show_factor(&user, &attempt.factor).await?;
        }
        // The slow part comes first: whoever goes away meanwhile has used nothing up.
        let kept = turn.hash(password).await.map_err(SignInError::Account)?;
        let (who, subject) = (Actor::person(&user, &attempt.origin.address), format!("user/{}", user.id));
        let mut deeds = Vec::new();
        if is_first {
            let detail = json!({ "name": user.name, "roles": Role::words(&user.roles), "first": true });
            deeds.push(self.deed(&who, "user.add", subject.clone(), detail));
        }
        deeds.push(self.deed(&who, "user.password", subject, json!({ "by": "code" })));
        match self.store().redeem(&hash, &user, is_first, &kept, now, &deeds).await {
            Err(patchboard_store::Error::Changed) => return Err(refused()),
            Err(patchboard_store::Error::Conflict) => return Err(SignInError::Account(AccountRefusal::NameTaken)),
            other => other?,
        }
        self.throttle().forgive(&tries);
        Ok(self.begin_session(Beginning { user, how: "code", proved_at: self.now(), origin: &attempt.origin }).await?)
    }

    /// The account of the first administrator, which is not kept yet.
    async fn first_user(&self, name: &str) -> Result<User, SignInError> {
        let name = check_name(name).map_err(SignInError::Account)?;
        // Somebody else may have been first meanwhile.
        if self.store().has_administrator().await? {
            return Err(SignInError::Account(AccountRefusal::Code));
        }
        Ok(self.new_user(name, String::new(), Role::ALL.to_vec()))
    }

    pub(crate) fn new_user(&self, name: String, full_name: String, roles: Vec<Role>) -> User {
        User {
            id: UserId::new(uuid::Uuid::now_v7().to_string()),
            name,
            full_name,
            roles,
            has_password: false,
            created_at: self.now(),
            disabled_at: None,
            signed_in_at: None,
            has_factor: false,
            external: false,
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
        let full_name: String = full_name.trim().chars().filter(|c| is_plain(*c)).take(80).collect();
        let user = self.new_user(name, full_name, roles);
        let detail = json!({ "name": user.name, "roles": Role::words(&user.roles) });
        let deed = self.deed(actor, "user.add", format!("user/{}", user.id), detail);
        match self.store().add_user(&user, &deed).await {
            Err(patchboard_store::Error::Conflict) => return Err(Error::Account(AccountRefusal::NameTaken)),
            other => other?,
        }
        let code = self.new_code(Some(&user.id), actor).await?;
        Ok((user.id, code))
    }

    /// A code with which somebody chooses a new password, with their name. The present one works until then.
    ///
    /// # Errors
    /// [`Error::Denied`], [`Error::NotFound`], [`Error::Store`].
    pub async fn reset_user(&self, actor: &Actor, id: &UserId) -> Result<(String, String), Error> {
        self.allow(actor, Action::ManagePeople)?;
        let user = self.store().user(id).await?.filter(|u| u.disabled_at.is_none()).ok_or(Error::NotFound)?;
        // It would be a second way in, past the provider.
        if user.external {
            return Err(Error::Account(AccountRefusal::External));
        }
        Ok((user.name, self.new_code(Some(id), actor).await?))
    }

    /// Other roles, or none of the account at all. Sessions of a disabled account end at once.
    ///
    /// # Errors
    /// [`Error::Account`] when no administrator would be left, [`Error::Denied`], [`Error::NotFound`], [`Error::Store`].
    pub async fn change_user(&self, actor: &Actor, id: &UserId, change: UserChange) -> Result<(), Error> {
        self.allow(actor, Action::ManagePeople)?;
        let before = self.store().user(id).await?.ok_or(Error::NotFound)?;
        if before.external && matches!(change, UserChange::Roles(_)) {
            return Err(Error::Account(AccountRefusal::External));
        }
        let change = match change {
            UserChange::Roles(roles) => UserChange::Roles(sorted(&roles)?),
            UserChange::Disable(_) => UserChange::Disable(self.now()),
            UserChange::Enable => UserChange::Enable,
        };
        let (what, detail) = match &change {
            UserChange::Roles(roles) => ("user.roles", json!({ "before": Role::words(&before.roles), "after": Role::words(roles) })),
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

fn sorted(roles: &[Role]) -> Result<Vec<Role>, Error> {
    let mut roles = roles.to_vec();
    roles.sort_unstable();
    roles.dedup();
    if roles.is_empty() { Err(Error::Account(AccountRefusal::NoRole)) } else { Ok(roles) }
}
