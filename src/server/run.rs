//! Starting and stopping.

use crate::server::{
    Kind, router,
    terminal::{Failure, chain, say},
};
use axum::Router;
use patchboard_backend::{Cloud, CloudSettings, Policy, Secrets, Services, Store, Workers, clock::SharedClock};
use patchboard_simulator::Simulator;
use std::{future::Future, time::Duration};
use tokio::net::TcpListener;

/// Serves until `shutdown`, then lets running requests end.
///
/// # Errors
/// When the listener fails.
pub async fn serve(listener: TcpListener, app: Router, shutdown: impl Future<Output = ()> + Send + 'static) -> std::io::Result<()> {
    axum::serve(listener, app).with_graceful_shutdown(shutdown).await
}

/// A server for these clouds.
pub(super) async fn server(
    listener: TcpListener,
    store_url: &str,
    clouds: Vec<CloudSettings>,
    policy: Policy,
    clock: SharedClock,
    kind: Kind,
) -> Result<(), Failure> {
    let store = Store::open(store_url).await.map_err(|e| Failure::Failed(chain(&e)))?;
    let mut connections = Vec::new();
    for settings in clouds {
        connections.push(Cloud::new(settings, clock.clone()).map_err(|e| Failure::Wrong(e.to_string()))?);
    }
    let services = Services::new(store, clock, connections, policy).await.map_err(|e| Failure::Failed(chain(&e)))?;
    let workers = Workers::start(&services);
    let interrupted = interruption()?;
    let address = listener.local_addr().map_err(|e| Failure::Failed(e.to_string()))?;
    say(&format!("Patchboard at http://{address}{}", if kind.demo { " (demo: nothing leaves this machine)" } else { "" }));
    let app = router(services.clone(), kind);
    let served = if kind.reload {
        // Under development pages hold a line open that would outlast every graceful end.
        tokio::select! {
            served = serve(listener, app, std::future::pending()) => served,
            () = interrupted => Ok(()),
        }
    } else {
        serve(listener, app, interrupted).await
    };
    tracing::info!("stopping: a request on its way is seen through to its answer");
    tokio::select! {
        () = workers.stop() => {}
        // Listened for only now: the second one is impatience.
        () = interruption()? => tracing::warn!("stopped at once; what was on its way is looked for at the next start"),
    }
    services.close().await;
    served.map_err(|e| Failure::Failed(e.to_string()))
}

/// A server for the simulator.
pub(super) async fn demo(
    listener: TcpListener,
    store_url: &str,
    simulator: &Simulator,
    clock: SharedClock,
    speed: u16,
    reload: bool,
) -> Result<(), Failure> {
    let settings = CloudSettings {
        name: "demo".to_owned(),
        region: "ap-southeast-1".to_owned(),
        endpoint: Some(simulator.url()),
        iam_endpoint: None,
        project_id: None,
        secrets: Secrets::Key {
            access: patchboard_simulator::ACCESS_KEY.to_owned(),
            secret: patchboard_simulator::SECRET_KEY.to_owned(),
            security_token: None,
        },
        language: "en-us".to_owned(),
        deadline: Duration::from_secs(20),
        pauses: vec![Duration::from_millis(300), Duration::from_secs(1)],
    };
    // A demo is watched: it looks often, candidate lists last ten real minutes, and doubts are settled while somebody still looks.
    let policy = Policy { sync_seconds: 5, settle_seconds: 15, candidates_minutes: 10 * i64::from(speed), ..Policy::default() };
    say(&format!("Simulated cloud at {}", simulator.url()));
    server(listener, store_url, vec![settings], policy, clock, Kind { demo: true, reload }).await
}

/// Ends when somebody asks the process to end. Listens from the call on, not from the first poll: a signal that comes as soon
/// as the address is said must not end the process the hard way.
///
/// # Errors
/// [`Failure::Failed`] when the signals cannot be listened for.
pub(super) fn interruption() -> Result<impl Future<Output = ()> + Send + 'static, Failure> {
    let failed = |e: std::io::Error| Failure::Failed(format!("cannot listen for signals: {e}"));
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
        let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
        Ok(async move {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        })
    }
    #[cfg(not(unix))]
    {
        let mut ctrl_c = tokio::signal::windows::ctrl_c().map_err(failed)?;
        Ok(async move {
            ctrl_c.recv().await;
        })
    }
}
