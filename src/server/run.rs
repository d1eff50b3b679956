//! Starting and stopping.

use crate::server::{
    router,
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
    demo: bool,
) -> Result<(), Failure> {
    let store = Store::open(store_url).await.map_err(|e| Failure::Failed(chain(&e)))?;
    let mut connections = Vec::new();
    for settings in clouds {
        connections.push(Cloud::new(settings, clock.clone()).map_err(|e| Failure::Wrong(e.to_string()))?);
    }
    let services = Services::new(store, clock, connections, policy).await.map_err(|e| Failure::Failed(chain(&e)))?;
    let workers = Workers::start(&services);
    let address = listener.local_addr().map_err(|e| Failure::Failed(e.to_string()))?;
    say(&format!("Patchboard at http://{address}{}", if demo { " (demo: nothing leaves this machine)" } else { "" }));
    let served = serve(listener, router(services.clone(), demo), interrupted()).await;
    tracing::info!("stopping: a request on its way is seen through to its answer");
    tokio::select! {
        () = workers.stop() => {}
        () = interrupted() => tracing::warn!("stopped at once; what was on its way is looked for at the next start"),
    }
    services.close().await;
    served.map_err(|e| Failure::Failed(e.to_string()))
}

/// A server for the simulator.
pub(super) async fn demo(listener: TcpListener, store_url: &str, simulator: &Simulator, clock: SharedClock) -> Result<(), Failure> {
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
    // A demo is watched: it looks often, and doubts are settled while somebody still looks.
    let policy = Policy { sync_seconds: 5, settle_seconds: 15, ..Policy::default() };
    say(&format!("Simulated cloud at {}", simulator.url()));
    server(listener, store_url, vec![settings], policy, clock, true).await
}

/// Returns when somebody asks the process to end.
pub(super) async fn interrupted() {
    let ctrl_c = async {
        // Without a handler the process ends by itself at the signal.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    #[cfg(unix)]
    {
        match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
            Ok(mut terminate) => tokio::select! {
                () = ctrl_c => {}
                _ = terminate.recv() => {}
            },
            Err(_) => ctrl_c.await,
        }
    }
    #[cfg(not(unix))]
    ctrl_c.await;
}
