//! Passwords: argon2id with the parameters that OWASP recommends (19 MiB, 2 passes, 1 lane), a few at a time.

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use patchboard_domain::account::{AccountRefusal, PASSWORD_MAX, PASSWORD_MIN};
use tokio::sync::Semaphore;

/// Memory in KiB and passes: OWASP password storage cheat sheet.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;

/// Hashes computed at once: each takes a core and 19 MiB.
static AT_ONCE: Semaphore = Semaphore::const_new(2);

/// Weakest score that is taken, of 0 to 4: "somewhat guessable" and below is refused.
const WEAKEST: zxcvbn::Score = zxcvbn::Score::Three;

fn argon2() -> Argon2<'static> {
    let params = Params::new(MEMORY_KIB, PASSES, 1, None).unwrap_or_default();
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

/// Whether a password may be chosen.
///
/// # Errors
/// [`AccountRefusal::PasswordLength`], [`AccountRefusal::PasswordWeak`].
pub(crate) fn check(password: &str, names: &[&str]) -> Result<(), AccountRefusal> {
    let length = password.chars().count();
    if !(PASSWORD_MIN..=PASSWORD_MAX).contains(&length) {
        return Err(AccountRefusal::PasswordLength);
    }
    let mut own = vec!["patchboard", "gaussdb", "huawei"];
    own.extend(names);
    if zxcvbn::zxcvbn(password, &own).score() < WEAKEST { Err(AccountRefusal::PasswordWeak) } else { Ok(()) }
}

/// The PHC string of a password.
pub(crate) async fn hash(password: String) -> String {
    run(move || argon2().hash_password(password.as_bytes()).map(|h| h.to_string()).unwrap_or_default()).await
}

/// What came of a comparison.
pub(crate) struct Verified {
    /// It is the password.
    pub(crate) right: bool,
    /// It was hashed with other parameters than today's.
    pub(crate) outdated: bool,
}

/// Compares. Where there is nothing to compare with, the same work is done, so that time does not tell names apart.
pub(crate) async fn verify(password: String, kept: Option<String>) -> Verified {
    run(move || {
        let Some(hash) = kept.as_deref().and_then(|k| PasswordHash::new(k).ok()) else {
            // The result is not used; the work is what counts.
            let _ = argon2().hash_password(password.as_bytes());
            return Verified { right: false, outdated: false };
        };
        let right = argon2().verify_password(password.as_bytes(), &hash).is_ok();
        let today = Params::try_from(&hash).is_ok_and(|p| p.m_cost() == MEMORY_KIB && p.t_cost() == PASSES && p.p_cost() == 1);
        Verified { right, outdated: !today }
    })
    .await
}

async fn run<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    // The semaphore is never closed.
    let _permit = AT_ONCE.acquire().await;
    match tokio::task::spawn_blocking(work).await {
        Ok(value) => value,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_password_is_the_password() {
        let kept = hash("correct horse battery".to_owned()).await;
        assert!(kept.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{kept}");
        let verified = verify("correct horse battery".to_owned(), Some(kept.clone())).await;
        assert!(verified.right && !verified.outdated);
        assert!(!verify("correct horse batterY".to_owned(), Some(kept)).await.right);
        assert!(!verify(String::new(), Some(String::new())).await.right, "an empty hash opens nothing");
        assert!(!verify(String::new(), None).await.right);
    }

    #[tokio::test]
    async fn older_parameters_are_noticed() {
        let old = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(8 * 1024, 1, 1, None).unwrap());
        let kept = old.hash_password(b"correct horse battery").unwrap().to_string();
        let verified = verify("correct horse battery".to_owned(), Some(kept)).await;
        assert!(verified.right && verified.outdated);
    }

    #[test]
    fn short_and_common_passwords_are_refused() {
        assert_eq!(check("Tr0ub4dor&3", &[]), Err(AccountRefusal::PasswordLength));
        for weak in ["123456789012", "passwordpassword", "qwertyuiop12", "patchboard123", "li.na.li.na.1"] {
            assert_eq!(check(weak, &["li.na"]), Err(AccountRefusal::PasswordWeak), "{weak}");
        }
        for good in ["wellen-brechen-am-kai", "月亮代表我的心很久很久以前", "correct horse battery staple"] {
            assert_eq!(check(good, &[]), Ok(()), "{good}");
        }
    }
}
