//! The loops that run the passes: by timer, and when somebody asks.

use crate::{Cloud, Services, heard::within, sender::Rest};
use std::time::Duration;
use tokio::{sync::watch, task::JoinSet};

/// Longest sleep of the sender: a clock that jumps or a missed wake-up costs no more than this.
const SENDER_SLEEP: Duration = Duration::from_secs(5);

/// While something is in doubt, the cloud is looked at this often.
const DOUBT_SLEEP: Duration = Duration::from_secs(10);

/// Running loops.
pub struct Workers {
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
}

impl Workers {
    /// Starts senders and a sync for each cloud; the first sync begins at once.
    pub fn start(services: &Services) -> Self {
        let (stop, stopped) = watch::channel(false);
        let mut tasks = JoinSet::new();
        for cloud in services.clouds() {
            for _ in 0..services.policy().sends_at_once.max(1) {
                tasks.spawn(send(services.clone(), cloud.clone(), stopped.clone()));
            }
            tasks.spawn(sync(services.clone(), cloud.clone(), stopped.clone()));
        }
        Self { stop, tasks }
    }

    /// Asks them to stop and waits: a request on its way is seen through to its answer or its deadline.
    pub async fn stop(mut self) {
        // Nobody listening means that all have ended.
        let _ = self.stop.send(true);
        while self.tasks.join_next().await.is_some() {}
    }
}

async fn send(services: Services, cloud: Cloud, mut stopped: watch::Receiver<bool>) {
    let mut woken = cloud.to_send();
    while !*stopped.borrow() {
        woken.mark_unchanged();
        // Its own task: a bug that panics ends this request and not the sender, and what it left open is put in doubt.
        let (step, with) = (services.clone(), cloud.clone());
        match tokio::spawn(async move { step.send_next(&with).await }).await {
            Ok(Ok(None)) => continue,
            Ok(Ok(Some(Rest::Idle | Rest::Busy | Rest::Until(_) | Rest::Stopped))) => {}
            Ok(Err(error)) => tracing::error!(cloud = %cloud.name(), error = ?error, "the sender could not go on"),
            Err(panic) => tracing::error!(cloud = %cloud.name(), error = ?panic, "the sender failed and goes on"),
        }
        tokio::select! {
            _ = woken.changed() => {}
            () = tokio::time::sleep(SENDER_SLEEP) => {}
            _ = stopped.changed() => {}
        }
    }
}

async fn sync(services: Services, cloud: Cloud, mut stopped: watch::Receiver<bool>) {
    while !*stopped.borrow() {
        let (step, with) = (services.clone(), cloud.clone());
        let mut pass = tokio::spawn(async move { step.sync_pass(&with).await });
        tokio::select! {
            result = &mut pass => match result {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::error!(cloud = %cloud.name(), error = ?error, "the sync could not go on"),
                Err(panic) => tracing::error!(cloud = %cloud.name(), error = ?panic, "the sync failed and goes on"),
            },
            // Dropped half-way a pass loses nothing: the next one looks again, and orders are journalled before they leave.
            _ = stopped.changed() => {
                pass.abort();
                break;
            }
        }
        tokio::select! {
            () = cloud.sync().notified() => {}
            () = async { tokio::time::sleep(services.pause_between_looks(&cloud).await).await } => {}
            _ = stopped.changed() => {}
        }
    }
}

impl Services {
    /// How long it is waited before a cloud is looked at again. Less while something waits for evidence.
    pub(crate) async fn pause_between_looks(&self, cloud: &Cloud) -> Duration {
        let every = Duration::from_secs(self.policy().sync_seconds.max(1));
        let waits = async {
            let unknown = !self.store().doubtful_entries(cloud.name()).await?.is_empty();
            Ok(unknown || !self.store().open_orders(cloud.name()).await?.is_empty())
        };
        if within(DOUBT_SLEEP, waits).await.unwrap_or(false) { every.min(DOUBT_SLEEP) } else { every }
    }
}
