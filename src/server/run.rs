//! Starting and stopping.

use crate::server::{
    Front, key, router, sample,
    terminal::{Failure, chain, say},
};
use axum::Router;
use patchboard_backend::{
    Cloud, CloudSettings, Policy, Provider, ProviderSettings, Secrets, Services, SingleSignOn, Store, Ways, Workers,
    clock::{DemoClock, SharedClock},
};
use patchboard_domain::{account::Role, review::ReviewPolicy};
use patchboard_simulator::{
    Simulator,
    idp::{self, IdentityProvider},
};
use std::{future::Future, net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};
use tokio::net::TcpListener;

/// Serves until `shutdown`, then lets running requests end.
///
/// # Errors
/// When the listener fails.
pub async fn serve(listener: TcpListener, app: Router, shutdown: impl Future<Output = ()> + Send + 'static) -> std::io::Result<()> {
    let app = app.into_make_service_with_connect_info::<SocketAddr>();
    axum::serve(listener, app).with_graceful_shutdown(shutdown).await
}

/// While there is no account at all: how the first one is made. The code stands here alone, not in an address.
async fn welcome(services: &Services, front: &Front, address: SocketAddr) -> Result<(), Failure> {
    if let Some(code) = services.first_code().await.map_err(|e| Failure::Failed(chain(&e)))? {
        let base = match front.hosts.first() {
            Some(host) => format!("https://{host}"),
            None => format!("http://{address}"),
        };
        say(&format!(
            "No account exists yet. Open {base}{} and make the first administrator with this one-time code, good for an hour:\n  {code}",
            crate::paths::WELCOME
        ));
    }
    Ok(())
}

/// Looks through the file of a database before any command opens it: opened at once, a file that is no database would be tried again
/// until the pool gives up.
pub(super) async fn check_file(store_url: &str) -> Result<(), Failure> {
    Store::check_file(store_url).await.map_err(|e| Failure::Failed(chain(&e)))
}

/// What a server is made of.
pub(super) struct Parts<'a> {
    pub(super) listener: TcpListener,
    pub(super) store_url: &'a str,
    /// Where the key is that seals what is in the store.
    pub(super) key_file: Option<PathBuf>,
    pub(super) clouds: Vec<CloudSettings>,
    pub(super) policy: Policy,
    pub(super) sso: Option<SingleSignOn>,
    pub(super) clock: SharedClock,
    pub(super) front: Front,
}

/// Serves until somebody asks it to end. With a clock it is a demo, which begins with people and a past.
pub(super) async fn server(parts: Parts<'_>, demo: Option<&DemoClock>) -> Result<(), Failure> {
    let Parts { listener, store_url, key_file, clouds, policy, sso, clock, front } = parts;
    // Held until the end: a second process would take what this one is sending for interrupted, and send it again.
    let _claimed = Store::claim(store_url).map_err(|e| Failure::Failed(chain(&e)))?;
    check_file(store_url).await?;
    let store = Store::open(store_url).await.map_err(|e| Failure::Failed(chain(&e)))?;
    if front.secure && front.proxies.is_empty() {
        tracing::warn!(
            "server.public_url is set and server.proxies is not: everybody seems to come from one address, and shares its attempts to sign in"
        );
    }
    let mut connections = Vec::new();
    for settings in clouds {
        connections.push(Cloud::new(settings, clock.clone()).map_err(|e| Failure::Wrong(e.to_string()))?);
    }
    let file = key_file.map_or_else(|| key::beside(store_url), Ok)?;
    let seal = key::seal(&file, store.sealed_factors().await.map_err(|e| Failure::Failed(chain(&e)))?.is_empty())?;
    let ways = Ways { sso, seal: Some(seal) };
    let services = Services::new(store, clock, connections, policy, ways).await.map_err(|e| Failure::Failed(chain(&e)))?;
    services.check_seal().await.map_err(|e| Failure::Failed(format!("{}: {}", file.display(), chain(&e))))?;
    services.hold_if_broken().await.map_err(|e| Failure::Failed(chain(&e)))?;
    let address = listener.local_addr().map_err(|e| Failure::Failed(e.to_string()))?;
    match demo {
        Some(clock) => sample::furnish(&services, clock).await.map_err(|e| Failure::Failed(chain(&e)))?,
        None => welcome(&services, &front, address).await?,
    }
    let workers = Workers::start(&services);
    let interrupted = interruption()?;
    say(&format!("Patchboard at http://{address}{}", if front.demo { " (demo: nothing leaves this machine)" } else { "" }));
    let reload = front.reload;
    let app = router(services.clone(), front);
    let served = if reload {
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
    provider: &IdentityProvider,
    clock: Arc<DemoClock>,
    speed: u16,
    reload: bool,
    without_review: bool,
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
        calls_per_minute: None,
    };
    // A demo is watched: it looks often, candidate lists last ten real minutes, and doubts are settled while somebody still looks.
    let review = if without_review { ReviewPolicy::none() } else { ReviewPolicy::default() };
    // Sample people have no password to show again.
    let policy = Policy {
        review,
        confirm_minutes: 0,
        sync_seconds: 5,
        settle_seconds: 15,
        candidates_minutes: 10 * i64::from(speed),
        ..Policy::default()
    };
    say(&format!("Simulated cloud at {}", simulator.url()));
    let front = Front { demo: true, reload, ..Front::default() };
    let sso = Some(simulated_sign_on(&provider.issuer())?);
    say(&format!("Simulated identity provider at {}", provider.issuer()));
    let parts = Parts { listener, store_url, key_file: None, clouds: vec![settings], policy, sso, clock: clock.clone(), front };
    server(parts, Some(&clock)).await
}

/// Single sign-on at the demo's provider.
fn simulated_sign_on(issuer: &str) -> Result<SingleSignOn, Failure> {
    let settings = ProviderSettings {
        issuer: issuer.to_owned(),
        client_id: idp::CLIENT_ID.to_owned(),
        client_secret: Some(idp::CLIENT_SECRET.into()),
        scopes: vec!["profile".to_owned()],
        groups_claim: "groups".to_owned(),
        contexts: Vec::new(),
    };
    let provider = Provider::new(settings).map_err(|e| Failure::Failed(e.to_string()))?;
    let groups = [("dba", Role::Operator), ("dba-leads", Role::Approver), ("auditors", Role::Viewer)];
    let groups = groups.map(|(group, role)| (group.to_owned(), role)).to_vec();
    Ok(SingleSignOn { provider, label: "simulated single sign-on".to_owned(), groups })
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
