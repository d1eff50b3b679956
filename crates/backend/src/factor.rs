//! The second factor: codes that change with time (RFC 6238), from a secret that only the person's device and we know.

use crate::{Error, Services, secret, sign_in::SignInError, throttle::Key as Limit};
use chacha20poly1305::{
    Key, XChaCha20Poly1305, XNonce,
    aead::{Aead, KeyInit, Payload},
};
use patchboard_domain::{
    account::{AccountRefusal, Actor, User},
    authority::Action,
    id::UserId,
};
use serde_json::json;
use totp_rs::{Builder, Totp};

/// Seals what must be read again with a key that is not in the database: a copy of the database alone opens nothing.
#[derive(Clone)]
pub struct Seal(XChaCha20Poly1305);

/// What a sealed text begins with, so that another algorithm can come after this one.
const ALGORITHM: &str = "x1:";

impl Seal {
    /// A seal by a key of 32 bytes.
    pub fn new(key: &[u8; 32]) -> Self {
        Self(XChaCha20Poly1305::new(&Key::from(*key)))
    }

    /// A new key, from the operating system.
    pub fn new_key() -> [u8; 32] {
        secret::random()
    }

    /// Sealed for one purpose: moved to another row it does not open.
    pub(crate) fn close(&self, purpose: &str, plain: &[u8]) -> Result<String, Error> {
        let nonce = secret::random::<24>();
        let payload = Payload { msg: plain, aad: purpose.as_bytes() };
        let closed = self.0.encrypt(&XNonce::from(nonce), payload).map_err(|_| Error::Sealed)?;
        Ok(format!("{ALGORITHM}{}{}", hex::encode(nonce), hex::encode(closed)))
    }

    pub(crate) fn open(&self, purpose: &str, sealed: &str) -> Result<Vec<u8>, Error> {
        let bytes = sealed.strip_prefix(ALGORITHM).and_then(|text| hex::decode(text).ok()).ok_or(Error::Sealed)?;
        let (nonce, closed) = bytes.split_at_checked(24).ok_or(Error::Sealed)?;
        let nonce: [u8; 24] = nonce.try_into().map_err(|_| Error::Sealed)?;
        self.0.decrypt(&XNonce::from(nonce), Payload { msg: closed, aad: purpose.as_bytes() }).map_err(|_| Error::Sealed)
    }
}

/// A second factor that waits for its first code: for the person's device, shown once.
pub struct Proposed {
    /// For a device that reads a picture.
    pub address: String,
    /// For one that does not: in base 32.
    pub secret: String,
}

fn purpose(id: &UserId) -> String {
    format!("second factor of {id}")
}

/// Six digits, thirty seconds, one step either way, SHA-1: what every authenticator speaks.
fn totp(secret: Vec<u8>, name: &str) -> Result<Totp, Error> {
    // The format forbids a colon in both.
    let name = name.replace(':', "-");
    Builder::new().with_secret(secret).with_account_name(name).with_issuer(Some("Patchboard")).build().map_err(|_| Error::Sealed)
}

fn proposed(secret: Vec<u8>, user: &User) -> Result<Proposed, Error> {
    let address = totp(secret.clone(), &user.name)?.to_url().map_err(|_| Error::Sealed)?;
    Ok(Proposed { address, secret: totp_rs::Secret::from(secret).to_base32() })
}

impl Services {
    pub(crate) fn seal(&self) -> Result<&Seal, Error> {
        self.ways().seal.as_ref().ok_or(Error::Sealed)
    }

    /// Takes a code of their second factor, now, for the first time. Whoever has none needs none. Called when the password was
    /// right: whoever gets so far and then guesses has few tries, and only they can use them up.
    ///
    /// # Errors
    /// [`AccountRefusal::FactorCode`], [`SignInError::Wait`], [`Error::Sealed`], [`Error::Store`].
    pub(crate) async fn show_factor(&self, user: &User, code: &str) -> Result<(), SignInError> {
        let wrong = SignInError::Account(AccountRefusal::FactorCode);
        let factor = self.store().factor(&user.id).await?;
        let Some(sealed) = factor.secret else { return Ok(()) };
        let tries = Limit::guesses(&format!("second factor {}", user.id));
        self.try_again_later(std::slice::from_ref(&tries))?;
        let Some(step) = self.step_of(user, &sealed, code)? else {
            tracing::warn!(who = %user.name, "a password was right, and the second factor was not");
            return Err(wrong);
        };
        match self.store().use_factor_step(&user.id, step).await {
            Err(patchboard_store::Error::Changed) => return Err(wrong),
            other => other?,
        }
        self.throttle().forgive(&tries);
        Ok(())
    }

    /// Whether the seal opens every second factor that is kept: with another key nobody who has one could come in.
    ///
    /// # Errors
    /// [`Error::Sealed`], [`Error::Store`].
    pub async fn check_seal(&self) -> Result<(), Error> {
        for (id, sealed) in self.store().sealed_factors().await? {
            self.seal()?.open(&purpose(&id), &sealed)?;
        }
        Ok(())
    }

    /// The time step that a code belongs to, if it is near enough.
    fn step_of(&self, user: &User, sealed: &str, code: &str) -> Result<Option<i64>, Error> {
        let secret = self.seal()?.open(&purpose(&user.id), sealed)?;
        let now = u64::try_from(self.now().timestamp()).unwrap_or_default();
        let digits: String = code.chars().filter(|c| !c.is_whitespace()).collect();
        Ok(totp(secret, &user.name)?.check(&digits, now).and_then(|step| i64::try_from(step).ok()))
    }

    async fn own(&self, actor: &Actor) -> Result<User, Error> {
        self.allow(actor, Action::OwnFactor)?;
        let id = actor.user.as_ref().ok_or(Error::NotFound)?;
        let user = self.store().user(id).await?.ok_or(Error::NotFound)?;
        if user.external { Err(Error::Account(AccountRefusal::External)) } else { Ok(user) }
    }

    /// Makes a secret, to be shown once. It counts when its first code has come back.
    ///
    /// # Errors
    /// [`Error::Denied`], [`Error::Account`], [`Error::Sealed`], [`Error::Store`].
    pub async fn propose_factor(&self, actor: &Actor) -> Result<Proposed, Error> {
        let user = self.own(actor).await?;
        let secret = secret::random::<20>().to_vec();
        let sealed = self.seal()?.close(&purpose(&user.id), &secret)?;
        self.store().propose_factor(&user.id, &sealed).await?;
        proposed(secret, &user)
    }

    /// The secret that was shown last and is not confirmed yet: a mistyped code is no reason to begin again.
    ///
    /// # Errors
    /// [`Error::Denied`], [`Error::NotFound`], [`Error::Sealed`], [`Error::Store`].
    pub async fn proposed_factor(&self, actor: &Actor) -> Result<Proposed, Error> {
        let user = self.own(actor).await?;
        let sealed = self.store().factor(&user.id).await?.pending.ok_or(Error::NotFound)?;
        proposed(self.seal()?.open(&purpose(&user.id), &sealed)?, &user)
    }

    /// The first code of a secret that was shown: from now on it is asked for, and every session but this one ends.
    ///
    /// # Errors
    /// [`SignInError`]; [`AccountRefusal::FactorCode`].
    pub async fn confirm_factor(&self, actor: &Actor, code: &str, token: &str) -> Result<(), SignInError> {
        let user = self.own(actor).await?;
        self.try_again_later(&[Limit::few(format!("factor {}", user.id))])?;
        let pending = self.store().factor(&user.id).await?.pending.ok_or(SignInError::Account(AccountRefusal::FactorCode))?;
        let step = self.step_of(&user, &pending, code)?.ok_or(SignInError::Account(AccountRefusal::FactorCode))?;
        let deed = self.deed(actor, "user.factor", format!("user/{}", user.id), json!({ "is": "on" }));
        match self.store().confirm_factor(&user.id, &pending, step, &secret::hash(token), &deed).await {
            Err(patchboard_store::Error::Changed) => Err(SignInError::Account(AccountRefusal::FactorCode)),
            other => Ok(other?),
        }
    }

    /// Takes somebody's second factor away, because their device is lost: an administrator, or the command line.
    ///
    /// # Errors
    /// [`Error::Denied`], [`Error::NotFound`], [`Error::Store`].
    pub async fn drop_factor(&self, actor: &Actor, id: &UserId) -> Result<(), Error> {
        self.allow(actor, Action::ManagePeople)?;
        let user = self.store().user(id).await?.ok_or(Error::NotFound)?;
        let deed = self.deed(actor, "user.factor", format!("user/{}", user.id), json!({ "is": "off" }));
        Ok(self.store().drop_factor(id, &deed).await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn what_is_sealed_opens_for_its_purpose_and_key_alone() {
        let seal = Seal::new(&[7; 32]);
        let closed = seal.close("a", b"secret").unwrap();
        assert!(!closed.contains(&hex::encode("secret")));
        assert_eq!(seal.open("a", &closed).unwrap(), b"secret");
        assert!(seal.open("b", &closed).is_err(), "moved to another row");
        assert!(Seal::new(&[8; 32]).open("a", &closed).is_err());
        let mut edited = closed.clone();
        edited.replace_range(closed.len() - 1.., if closed.ends_with('0') { "1" } else { "0" });
        for bad in [edited.as_str(), "", "x1:", "x1:00", "x2:00", &closed[1..]] {
            assert!(seal.open("a", bad).is_err(), "{bad}");
        }
        let nonces: BTreeSet<String> = (0..10_000).map(|_| seal.close("a", b"s").unwrap()[3..51].to_owned()).collect();
        assert_eq!(nonces.len(), 10_000);
    }

    #[test]
    fn codes_are_those_of_the_standard() {
        // RFC 6238, appendix B, of which six digits are the last six.
        let totp = totp(b"12345678901234567890".to_vec(), "a:b").unwrap();
        for (time, code) in [(59, "287082"), (1_111_111_109, "081804"), (1_234_567_890, "005924"), (20_000_000_000, "353130")] {
            assert_eq!(totp.check(code, time), Some(time / 30), "{time}");
        }
        assert!(totp.to_url().unwrap().starts_with("otpauth://totp/Patchboard:a-b?secret=GEZDGNBV"));
    }
}
