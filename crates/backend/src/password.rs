//! Passwords: argon2id with the parameters that OWASP recommends (19 MiB, 2 passes, 1 lane), on two threads that keep their memory.

use crate::secret;
use argon2::{
    Algorithm, Argon2, Block, Params, Version,
    password_hash::phc::{Output, ParamsString, PasswordHash, Salt},
};
use patchboard_domain::account::{AccountRefusal, PASSWORD_MAX, PASSWORD_MIN};
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex, OnceLock, PoisonError,
        mpsc::{Receiver, Sender, channel},
    },
    thread,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

/// Memory in KiB and passes: OWASP password storage cheat sheet.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;

/// Hashes computed at once: each takes a core and 19 MiB.
const THREADS: usize = 2;

/// Attempts that wait for a thread. One more is told to come again, before it costs anything.
const QUEUE: usize = 16;

/// Places that strangers leave free for who is known: a person who is signed in, a browser that somebody signed in from before.
const KEPT_FREE: u32 = 4;

/// Most memory that a kept hash may ask for, in blocks of one KiB.
const MOST_BLOCKS: usize = 1 << 20;

/// Weakest score that is taken, of 0 to 4: "somewhat guessable" and below is refused.
const WEAKEST: zxcvbn::Score = zxcvbn::Score::Three;

/// What a thread does, with the memory that it keeps.
type Job = Box<dyn FnOnce(&mut Vec<Block>) + Send>;

/// The threads that hash passwords, and the queue before them. Memory of that size is not asked for again and again: an allocator keeps
/// what threads that come and go have used.
pub(crate) struct Hashing {
    places: Arc<Semaphore>,
    /// Started when the first password comes.
    jobs: OnceLock<Sender<Job>>,
}

impl Default for Hashing {
    fn default() -> Self {
        Self { places: Arc::new(Semaphore::new(THREADS + QUEUE)), jobs: OnceLock::new() }
    }
}

impl Hashing {
    /// A place in the queue.
    ///
    /// # Errors
    /// [`AccountRefusal::Busy`] when there is none.
    pub(crate) fn turn(&self, is_known: bool) -> Result<Turn, AccountRefusal> {
        let looked_for = if is_known { 1 } else { 1 + KEPT_FREE };
        let mut places = self.places.clone().try_acquire_many_owned(looked_for).map_err(|_| AccountRefusal::Busy)?;
        // One is taken; that the others are free was enough.
        let place = places.split(1).ok_or(AccountRefusal::Busy)?;
        Ok(Turn { place, jobs: self.jobs.get_or_init(start).clone() })
    }
}

fn start() -> Sender<Job> {
    let (jobs, waiting) = channel();
    let waiting = Arc::new(Mutex::new(waiting));
    for n in 0..THREADS {
        let waiting = waiting.clone();
        if let Err(error) = thread::Builder::new().name(format!("password-{n}")).spawn(move || work(&waiting)) {
            tracing::error!(error = ?error, "a thread that hashes passwords cannot be started");
        }
    }
    jobs
}

/// Works until nobody can give it anything any more.
fn work(waiting: &Mutex<Receiver<Job>>) {
    let mut memory: Vec<Block> = Vec::new();
    loop {
        let next = waiting.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = next else { return };
        if catch_unwind(AssertUnwindSafe(|| job(&mut memory))).is_err() {
            tracing::error!("hashing a password has panicked");
        }
        // A hash with other parameters than today's took more than is kept.
        if memory.len() > argon2().params().block_count() {
            memory = Vec::new();
        }
    }
}

/// A place in the queue, for one hash.
pub(crate) struct Turn {
    place: OwnedSemaphorePermit,
    jobs: Sender<Job>,
}

impl Turn {
    /// The PHC string of a password.
    ///
    /// # Errors
    /// [`AccountRefusal::Busy`] when no thread could do it.
    pub(crate) async fn hash(self, password: String) -> Result<String, AccountRefusal> {
        self.run(move |memory| hashed(memory, password.as_bytes())).await?.ok_or(AccountRefusal::Busy)
    }

    /// Compares. Where there is nothing to compare with, the same work is done, so that time does not tell names apart.
    ///
    /// # Errors
    /// [`AccountRefusal::Busy`] when no thread could do it.
    pub(crate) async fn verify(self, password: String, kept: Option<String>) -> Result<Verified, AccountRefusal> {
        self.run(move |memory| verified(memory, password.as_bytes(), kept.as_deref())).await
    }

    async fn run<T: Send + 'static>(self, work: impl FnOnce(&mut Vec<Block>) -> T + Send + 'static) -> Result<T, AccountRefusal> {
        let Self { place, jobs } = self;
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move |memory: &mut Vec<Block>| {
            let done = work(memory);
            drop(place);
            // Whoever asked may have gone away meanwhile.
            let _ = answer.send(done);
        });
        jobs.send(job).map_err(|_| AccountRefusal::Busy)?;
        answered.await.map_err(|_| AccountRefusal::Busy)
    }
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

/// What came of a comparison.
pub(crate) struct Verified {
    /// It is the password.
    pub(crate) right: bool,
    /// It was hashed with other parameters than today's.
    pub(crate) outdated: bool,
}

fn argon2() -> Argon2<'static> {
    let params = Params::new(MEMORY_KIB, PASSES, 1, None).unwrap_or_default();
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

/// Writes the hash into `out`; nothing where the parameters ask for too much.
fn digest(memory: &mut Vec<Block>, argon2: &Argon2<'_>, password: &[u8], salt: &[u8], out: &mut [u8]) -> Option<()> {
    let blocks = argon2.params().block_count();
    if blocks > MOST_BLOCKS {
        return None;
    }
    if memory.len() < blocks {
        memory.try_reserve_exact(blocks - memory.len()).ok()?;
        memory.resize(blocks, Block::new());
    }
    argon2.hash_password_into_with_memory(password, salt, out, memory.as_mut_slice()).ok()
}

fn hashed(memory: &mut Vec<Block>, password: &[u8]) -> Option<String> {
    let (argon2, salt) = (argon2(), secret::random::<16>());
    let mut out = [0; Params::DEFAULT_OUTPUT_LEN];
    digest(memory, &argon2, password, &salt, &mut out)?;
    let hash = PasswordHash {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(argon2.params()).ok()?,
        salt: Some(Salt::new(&salt).ok()?),
        hash: Some(Output::new(&out).ok()?),
    };
    Some(hash.to_string())
}

fn verified(memory: &mut Vec<Block>, password: &[u8], kept: Option<&str>) -> Verified {
    let kept = kept.and_then(|text| PasswordHash::new(text).ok());
    let compared = kept.and_then(|kept| Some((recomputed(memory, password, &kept)?, kept)));
    let Some((computed, kept)) = compared else {
        // The result is not used; the work is what counts.
        let _ = digest(memory, &argon2(), password, &[0; 16], &mut [0; Params::DEFAULT_OUTPUT_LEN]);
        return Verified { right: false, outdated: false };
    };
    let today = Params::try_from(&kept).is_ok_and(|p| p.m_cost() == MEMORY_KIB && p.t_cost() == PASSES && p.p_cost() == 1);
    // The comparison of two outputs takes the same time wherever they differ.
    Verified { right: kept.hash.as_ref() == Some(&computed), outdated: !today }
}

/// The hash of a password with the parameters and the salt of a kept one.
fn recomputed(memory: &mut Vec<Block>, password: &[u8], kept: &PasswordHash) -> Option<Output> {
    let salt = kept.salt.as_ref()?;
    let algorithm = Algorithm::try_from(kept.algorithm.as_str()).ok()?;
    let version = kept.version.map_or(Ok(Version::default()), Version::try_from).ok()?;
    let argon2 = Argon2::new(algorithm, version, Params::try_from(kept).ok()?);
    let mut out = vec![0; kept.hash.as_ref()?.len()];
    digest(memory, &argon2, password, salt, &mut out)?;
    Output::new(&out).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use argon2::{PasswordHasher, PasswordVerifier};

    async fn hash(hashing: &Hashing, password: &str) -> String {
        hashing.turn(true).unwrap_or_else(|e| panic!("{e:?}")).hash(password.to_owned()).await.unwrap()
    }

    async fn verify(hashing: &Hashing, password: &str, kept: Option<&str>) -> Verified {
        let turn = hashing.turn(true).unwrap_or_else(|e| panic!("{e:?}"));
        turn.verify(password.to_owned(), kept.map(str::to_owned)).await.unwrap_or_else(|e| panic!("{e:?}"))
    }

    #[tokio::test]
    async fn only_the_password_is_the_password() {
        let hashing = Hashing::default();
        let kept = hash(&hashing, "correct horse battery").await;
        assert!(kept.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{kept}");
        assert_ne!(kept, hash(&hashing, "correct horse battery").await, "each has a salt of its own");
        let right = verify(&hashing, "correct horse battery", Some(&kept)).await;
        assert!(right.right && !right.outdated);
        assert!(!verify(&hashing, "correct horse batterY", Some(&kept)).await.right);
        assert!(!verify(&hashing, "", Some("")).await.right, "an empty hash opens nothing");
        assert!(!verify(&hashing, "", None).await.right);
    }

    #[tokio::test]
    async fn what_the_library_makes_is_understood_and_the_other_way_round() {
        let hashing = Hashing::default();
        let theirs = argon2().hash_password(b"correct horse battery").unwrap().to_string();
        assert!(verify(&hashing, "correct horse battery", Some(&theirs)).await.right);
        let ours = hash(&hashing, "correct horse battery").await;
        let parsed = PasswordHash::new(&ours).unwrap();
        assert!(argon2().verify_password(b"correct horse battery", &parsed).is_ok());
        assert!(argon2().verify_password(b"correct horse batterY", &parsed).is_err());
    }

    #[tokio::test]
    async fn older_parameters_are_noticed() {
        let old = Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::new(8 * 1024, 1, 1, None).unwrap());
        let kept = old.hash_password(b"correct horse battery").unwrap().to_string();
        let verified = verify(&Hashing::default(), "correct horse battery", Some(&kept)).await;
        assert!(verified.right && verified.outdated);
        let too_much = kept.replace("m=8192", "m=4294967295");
        assert!(!verify(&Hashing::default(), "correct horse battery", Some(&too_much)).await.right);
    }

    #[tokio::test]
    async fn who_finds_no_place_is_told_so_and_the_known_find_one_longer() {
        let hashing = Hashing::default();
        let mut turns: Vec<Turn> = std::iter::from_fn(|| hashing.turn(false).ok()).collect();
        assert_eq!(turns.len(), THREADS + QUEUE - 4);
        turns.extend(std::iter::from_fn(|| hashing.turn(true).ok()));
        assert_eq!(turns.len(), THREADS + QUEUE);
        assert_eq!(hashing.turn(true).err(), Some(AccountRefusal::Busy));
        // Who goes away before the answer gives the place back all the same.
        for turn in turns {
            drop(turn.verify("x".to_owned(), None));
        }
        assert!(!verify(&hashing, "x", None).await.right);
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
