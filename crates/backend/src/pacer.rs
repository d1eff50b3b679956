//! How fast a cloud is called: asked by every call of every replica, and answered by what they know together.

use crate::{clock::SharedClock, heard::Heard};
use chrono::{DateTime, Utc};
use patchboard_domain::{
    id::CloudName,
    pace::{Errand, Failure},
};
use patchboard_gaussdb as gaussdb;
use patchboard_store::Store;
use std::{pin::Pin, sync::OnceLock, time::Duration};

/// Longest sleep until it is asked again: somebody may have resumed meanwhile, and a clock may have jumped.
const ASK_AGAIN: Duration = Duration::from_secs(1);

/// The pace of one cloud.
pub(crate) struct SharedPace {
    cloud: CloudName,
    first: Option<f64>,
    clock: SharedClock,
    store: OnceLock<Store>,
    /// When a call that reads lists last had an answer, or was told to wait.
    looked: Heard,
}

impl SharedPace {
    pub(crate) fn new(cloud: CloudName, first: Option<f64>, clock: SharedClock) -> Self {
        Self { cloud, first, clock, store: OnceLock::new(), looked: Heard::begin() }
    }

    pub(crate) fn keep_in(&self, store: Store) {
        // A connection belongs to one set of services; a second store would be a second opinion.
        let _ = self.store.set(store);
    }

    /// When a call that reads lists last had an answer, or was told to wait.
    pub(crate) fn looked(&self) -> &Heard {
        &self.looked
    }

    /// Asks once.
    ///
    /// # Errors
    /// The store's.
    pub(crate) async fn ask(&self, errand: Errand) -> Result<Result<(), DateTime<Utc>>, patchboard_store::Error> {
        let Some(store) = self.store.get() else { return Ok(Ok(())) };
        let first = self.first;
        store.on_cloud(&self.cloud, move |state, now| state.admit(errand, now, first)).await
    }

    fn note(&self, of: gaussdb::Errand) {
        if of == gaussdb::Errand::Look {
            self.looked.note();
        }
    }

    /// Keeps what came of a call.
    async fn keep(&self, errand: Errand, failure: Option<Failure>) {
        let Some(store) = self.store.get() else { return };
        let kept = match failure {
            // Mostly all is well, and there is nothing to write down.
            None => match store.cloud_state(&self.cloud).await {
                Ok(state) if state.is_well() => Ok(()),
                Ok(_) => store.on_cloud(&self.cloud, move |state, now| state.went_through(errand, now)).await,
                Err(error) => Err(error),
            },
            Some(failure) => {
                let spread = fastrand::f64();
                store.on_cloud(&self.cloud, move |state, now| state.failed(failure, now, spread)).await.map(|_| ())
            }
        };
        if let Err(error) = kept {
            tracing::error!(cloud = %self.cloud, error = ?error, "what came of a call could not be kept");
        }
    }
}

fn errand(errand: gaussdb::Errand) -> Errand {
    match errand {
        gaussdb::Errand::Change | gaussdb::Errand::TakeBack => Errand::Change,
        gaussdb::Errand::Look => Errand::Look,
        gaussdb::Errand::Prepare => Errand::Prepare,
    }
}

/// What a failed call says about the pace. That a list could not be read is the matter of whoever reads it, and that a task could not be
/// taken back that of its order: nothing else waits for it.
fn failure(errand: gaussdb::Errand, error: &gaussdb::Error) -> Option<Option<Failure>> {
    use gaussdb::Error as E;
    match error {
        E::Throttled { retry_after, .. } => {
            Some(Some(Failure::Throttled(retry_after.map(|d| i64::try_from(d.as_secs()).unwrap_or(i64::MAX)))))
        }
        E::Unauthorized(_) => Some(Some(Failure::Credentials)),
        E::NotSent(_) if errand == gaussdb::Errand::Change => Some(Some(Failure::NotSent)),
        E::Server(_) | E::Lost(_) | E::Unreadable { .. } if errand == gaussdb::Errand::Change => Some(Some(Failure::Lost)),
        // The cloud has read it and said no.
        E::Rejected(_) => Some(None),
        E::Invalid(_) | E::NotSent(_) | E::Server(_) | E::Lost(_) | E::Unreadable { .. } => None,
    }
}

impl gaussdb::Pacer for SharedPace {
    fn admit(&self, of: gaussdb::Errand) -> Pin<Box<dyn Future<Output = Result<(), gaussdb::Error>> + Send + '_>> {
        Box::pin(async move {
            loop {
                match self.ask(errand(of)).await {
                    Ok(Ok(())) => return Ok(()),
                    Ok(Err(until)) if until == DateTime::<Utc>::MAX_UTC => {
                        return Err(gaussdb::Error::NotSent(
                            "the credentials were refused; nothing is called until somebody resumes it".to_owned(),
                        ));
                    }
                    Ok(Err(until)) => {
                        self.note(of);
                        let now = match self.store.get() {
                            Some(store) => store.now().await.unwrap_or(until),
                            None => until,
                        };
                        self.clock.pass((until - now).to_std().unwrap_or_default().min(ASK_AGAIN)).await;
                    }
                    // Without the store nothing is known, and nothing is called.
                    Err(error) => return Err(gaussdb::Error::NotSent(format!("the database does not answer: {error}"))),
                }
            }
        })
    }

    fn heard<'a>(&'a self, of: gaussdb::Errand, error: Option<&'a gaussdb::Error>) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>> {
        Box::pin(async move {
            self.note(of);
            match error.map(|e| failure(of, e)) {
                None | Some(Some(None)) => self.keep(errand(of), None).await,
                Some(Some(failed)) => self.keep(errand(of), failed).await,
                Some(None) => {}
            }
        })
    }
}
