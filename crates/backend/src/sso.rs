//! Single sign-on: an OpenID Connect provider says who somebody is, and its groups say what they may.

use crate::{
    Error, Services, secret,
    sign_in::{Beginning, Origin, SignInError, SignedIn},
    throttle::Key,
};
use chrono::{DateTime, Duration};
use patchboard_domain::account::{AccountRefusal, Actor, Role, User, check_name, is_plain};
use patchboard_oidc::{Answer, Error as OidcError, Flow, Person, Provider};
use patchboard_store::Identity;
use serde_json::json;

/// Longest full name that is kept, in characters.
const FULL_NAME_MAX: usize = 80;

/// What the token of a sign-in that is on its way is sealed for.
const PURPOSE: &str = "single sign-on";

/// How long somebody may be away.
const AWAY: Duration = Duration::minutes(10);

/// A clock that is set back a little while somebody is away does no harm.
const SKEW: Duration = Duration::minutes(1);

/// Names that are tried beside the one that somebody has at the provider.
const NAMES_TRIED: usize = 50;

/// A provider, and what its groups mean here.
#[derive(Clone, Debug)]
pub struct SingleSignOn {
    /// The provider.
    pub provider: Provider,
    /// What it is called on the button.
    pub label: String,
    /// Groups and the roles that they give. Whoever is in none of them does not come in.
    pub groups: Vec<(String, Role)>,
}

impl SingleSignOn {
    /// What somebody in these groups may be asked to do, ascending.
    fn roles(&self, groups: &[String]) -> Vec<Role> {
        let mut roles: Vec<Role> = self.groups.iter().filter(|(group, _)| groups.contains(group)).map(|(_, role)| *role).collect();
        roles.sort_unstable();
        roles.dedup();
        roles
    }
}

/// A sign-in that begins at the provider.
pub struct SentAway {
    /// For a cookie: what binds the answer to this browser.
    pub token: String,
    /// Where the browser goes.
    pub address: String,
}

/// What a browser brings back.
#[derive(Clone, Debug, Default)]
pub struct BroughtBack {
    /// From its cookie.
    pub token: Option<String>,
    /// From the address.
    pub state: String,
    /// From the address: the code, or nothing.
    pub code: Option<String>,
    /// From the address: who says so.
    pub issuer: Option<String>,
    /// From the address: why there is no code, as a word of the protocol.
    pub error: Option<String>,
    /// The address itself, without its query: as it was given at the beginning.
    pub redirect: String,
    /// The browser.
    pub origin: Origin,
}

fn refused(refusal: AccountRefusal) -> SignInError {
    SignInError::Account(refusal)
}

/// A reader is told which of two things it was; the details are in the log.
fn told(error: &OidcError) -> SignInError {
    tracing::warn!(error = %error, "single sign-on did not come about");
    refused(match error {
        OidcError::Untrusted(_) => AccountRefusal::SignOnUntrusted,
        OidcError::Unreachable(_) | OidcError::Settings(_) => AccountRefusal::SignOnUnreachable,
    })
}

impl Services {
    /// What the provider is called, where there is one.
    pub fn sso_label(&self) -> Option<&str> {
        self.ways().sso.as_ref().map(|sso| sso.label.as_str())
    }

    fn sso(&self) -> Result<&SingleSignOn, SignInError> {
        self.ways().sso.as_ref().ok_or(SignInError::Failed(Error::NotFound))
    }

    /// Sends a browser to the provider. `again`: the provider is asked to make sure that it is them now.
    ///
    /// # Errors
    /// [`SignInError`].
    pub async fn begin_sso(&self, redirect: &str, again: bool, address: &str) -> Result<SentAway, SignInError> {
        let sso = self.sso()?;
        self.try_again_later(&[Key::many(format!("sign-on {address}"))])?;
        let token = self.seal()?.close(PURPOSE, self.now().timestamp_millis().to_string().as_bytes())?;
        let address = sso.provider.begin(&Flow::of(&token), redirect, again, self.now()).await.map_err(|e| told(&e))?;
        Ok(SentAway { token, address })
    }

    /// Believes what the browser brings back, or says why not.
    ///
    /// # Errors
    /// [`SignInError`].
    pub async fn finish_sso(&self, brought: &BroughtBack) -> Result<SignedIn, SignInError> {
        let sso = self.sso()?;
        let origin = &brought.origin;
        // Each answer that is ours costs a call of the provider.
        self.try_again_later(&[Key::many(format!("sign-on answer {}", origin.address))])?;
        let ours = brought.token.as_deref().filter(|token| self.is_under_way(token)).map(|token| (token, Flow::of(token)));
        // Hashes are compared: how long it takes tells nothing of the state itself.
        let ours = ours.filter(|(_, flow)| secret::hash(&flow.state) == secret::hash(&brought.state));
        let Some((token, flow)) = ours else { return Err(refused(AccountRefusal::SignOnNotOurs)) };
        match self.store().use_answer(&secret::hash(token), self.now()).await {
            Err(patchboard_store::Error::Conflict) => return Err(refused(AccountRefusal::SignOnNotOurs)),
            other => other?,
        }
        let Some(code) = brought.code.clone() else {
            let error: String =
                brought.error.iter().flat_map(|e| e.chars()).filter(|c| c.is_ascii_alphanumeric() || *c == '_').take(60).collect();
            tracing::warn!(%error, "the provider did not sign somebody in");
            return Err(refused(AccountRefusal::SignOnDeclined));
        };
        let answer = Answer { code, issuer: brought.issuer.clone() };
        let person = sso.provider.finish(&flow, &answer, &brought.redirect, self.now()).await.map_err(|e| told(&e))?;
        self.admit(sso, &person, origin).await
    }

    /// Whether we have sent somebody away with this, not long ago. Nobody can make one: an answer that is none costs nothing.
    fn is_under_way(&self, token: &str) -> bool {
        let opened = self.seal().and_then(|seal| seal.open(PURPOSE, token)).ok();
        let begun = opened.and_then(|ms| DateTime::from_timestamp_millis(String::from_utf8(ms).ok()?.parse().ok()?));
        begun.is_some_and(|begun| (-SKEW..=AWAY).contains(&(self.now() - begun)))
    }

    /// Somebody whom the provider vouches for.
    async fn admit(&self, sso: &SingleSignOn, person: &Person, origin: &Origin) -> Result<SignedIn, SignInError> {
        let identity = Identity { issuer: &person.issuer, subject: &person.subject };
        let present = self.store().user_of(identity).await?;
        if present.as_ref().is_some_and(|u| u.disabled_at.is_some()) {
            tracing::warn!(address = %origin.address, "a sign-in was refused: the account is disabled");
            return Err(SignInError::Refused);
        }
        let roles = sso.roles(&person.groups);
        if roles.is_empty() {
            tracing::warn!(address = %origin.address, "a sign-in was refused: no group gives a role");
            if let Some(user) = present {
                self.shut_out(user, &origin.address).await?;
            }
            return Err(refused(AccountRefusal::SignOnNoRole));
        }
        let full_name: String = person.full_name.trim().chars().filter(|c| is_plain(*c)).take(FULL_NAME_MAX).collect();
        let (user, is_new, before) = match present {
            Some(old) => {
                let user = User { full_name, roles, ..old.clone() };
                let roles = (old.roles != user.roles).then(|| self.roles_deed(&old, &user.roles, &origin.address));
                let name = (old.full_name != user.full_name).then(|| {
                    let detail = json!({ "before": old.full_name, "after": user.full_name, "by": "single sign-on" });
                    self.deed(&Actor::person(&user, &origin.address), "user.name", format!("user/{}", user.id), detail)
                });
                (user, false, roles.into_iter().chain(name).collect::<Vec<_>>())
            }
            None => {
                let name = self.free_name(&person.name, &person.subject).await?;
                let user = User { external: true, ..self.new_user(name, full_name, roles) };
                let detail =
                    json!({ "name": user.name, "roles": Role::words(&user.roles), "issuer": person.issuer, "subject": person.subject });
                let deed = self.deed(&Actor::person(&user, &origin.address), "user.add", format!("user/{}", user.id), detail);
                (user, true, vec![deed])
            }
        };
        self.sweep().await?;
        // A provider that does not say when has not shown that it was now.
        let proved_at = person.authenticated_at.unwrap_or(DateTime::UNIX_EPOCH).min(self.now());
        let beginning = Beginning { user, how: "single sign-on", proved_at, origin };
        let fresh = self.fresh(&beginning);
        let deed = self.session_deed(&beginning.user, beginning.how, &origin.address);
        match self.store().add_external_session(identity, &beginning.user, is_new, &fresh.row(origin), &before, &deed).await {
            // The same person in two tabs, or somebody with the same name: the next try finds it.
            Err(patchboard_store::Error::Conflict) => Err(refused(AccountRefusal::SignOnNotOurs)),
            Err(patchboard_store::Error::Changed) => Err(SignInError::Refused),
            Err(other) => Err(other.into()),
            Ok(()) => Ok(fresh.signed_in),
        }
    }

    fn roles_deed(&self, user: &User, after: &[Role], address: &str) -> patchboard_domain::ledger::Deed {
        let detail = json!({ "before": Role::words(&user.roles), "after": Role::words(after), "by": "single sign-on" });
        self.deed(&Actor::person(user, address), "user.roles", format!("user/{}", user.id), detail)
    }

    /// Nobody vouches for them any more: what they approved does not count, and where they are signed in they are no longer.
    async fn shut_out(&self, user: User, address: &str) -> Result<(), Error> {
        let left = vec![Role::Viewer];
        // Somebody who had no more is signed out all the same; the ledger is told once.
        let deed = (user.roles != left).then(|| self.roles_deed(&user, &left, address));
        Ok(self.store().shut_external(&User { roles: left, ..user }, deed.as_ref()).await?)
    }

    /// The name that somebody has at the provider, or the nearest that is free: two people never share one in the ledger. The name
    /// of an account of ours that may be used is not taken: its owner would be two people here, and four eyes one.
    async fn free_name(&self, wanted: &str, subject: &str) -> Result<String, SignInError> {
        let mut base: String =
            wanted.trim().chars().map(|c| if check_name(&format!("{c}{c}")).is_ok() { c } else { '-' }).take(56).collect();
        if check_name(&base).is_err() {
            base = format!("sso-{}", &secret::hash(subject)[..8]);
        }
        for n in 1..=NAMES_TRIED {
            let name = if n == 1 { base.clone() } else { format!("{base}-{n}") };
            match self.store().user_by_name(&name).await? {
                None => return Ok(name),
                Some((taken, _)) if n == 1 && !taken.external && taken.disabled_at.is_none() => {
                    tracing::warn!(%name, "a sign-in was refused: an account of ours has that name; disable it first");
                    return Err(refused(AccountRefusal::SignOnNameTaken));
                }
                Some(_) => {}
            }
        }
        Ok(format!("sso-{}", &secret::hash(subject)[..32]))
    }
}
