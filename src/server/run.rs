//! Starting and stopping.

use crate::server::{
    ConnectionLimits, Front, key, router, sample, serve,
    terminal::{Failure, chain, say},
};
use axum::Router;
use chrono::SecondsFormat;
use patchboard_backend::{
    Cloud, CloudSettings, FirstCode, Policy, Provider, ProviderSettings, Secrets, Services, SingleSignOn, Store, Ways, Workers,
    clock::{DemoClock, SharedClock},
};
use patchboard_domain::{account::Role, review::ReviewPolicy};
use patchboard_simulator::{
    Simulator,
    idp::{self, IdentityProvider},
};
use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};
use tokio::{
    net::TcpListener,
    sync::{mpsc, oneshot},
    time::timeout,
};

/// Longest time for closing the database.
const CLOSE_MAX: Duration = Duration::from_secs(3);

/// While there is no account at all: how the first one is made. The code stands here alone, not in an address.
async fn welcome(services: &Services, front: &Front, address: SocketAddr) -> Result<(), Failure> {
    let code = services.first_code().await.map_err(|e| Failure::Failed(chain(&e)))?;
    if let FirstCode::MadeElsewhere(until) = code {
        say(&format!(
            "No account exists yet. Another replica has printed the one-time code of the first administrator, good until {}: look at its output, or make one with `patchboard user add NAME --role administrator`.",
            until.to_rfc3339_opts(SecondsFormat::Secs, true)
        ));
    } else if let FirstCode::Made(code) = code {
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
    pub(super) limits: ConnectionLimits,
}

/// Serves until somebody asks it to end. With a clock it is a demo, which begins with people and a past.
pub(super) async fn server(parts: Parts<'_>, demo: Option<&DemoClock>) -> Result<(), Failure> {
    let Parts { listener, store_url, key_file, clouds, policy, sso, clock, front, limits } = parts;
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
    let signals = signals()?;
    say(&format!("Patchboard at http://{address}{}", if front.demo { " (demo: nothing leaves this machine)" } else { "" }));
    // Under development pages hold a line open that would outlast every graceful end.
    let limits = if front.reload { ConnectionLimits { stop: Duration::ZERO, ..limits } } else { limits };
    let app = router(services.clone(), front);
    let served = run(listener, app, limits, workers, signals).await;
    // A connection that is still in use is closed with the process.
    let _ = timeout(CLOSE_MAX, services.close()).await;
    served.map_err(|e| Failure::Failed(e.to_string()))
}

/// Serves until the first signal; then everything ends within the time of a stop. The second signal is impatience.
async fn run(
    listener: TcpListener,
    app: Router,
    limits: ConnectionLimits,
    workers: Workers,
    mut signals: mpsc::Receiver<()>,
) -> std::io::Result<()> {
    let (stopping, stopped) = oneshot::channel::<()>();
    // The sender is dropped by an error only, and then it is over as well.
    let mut serving = tokio::spawn(serve(listener, app, limits, async { drop(stopped.await) }));
    tokio::select! {
        served = &mut serving => return served.unwrap_or_else(|panic| Err(std::io::Error::other(panic))),
        _ = signals.recv() => {}
    }
    tracing::info!("stopping: a request on its way is seen through to its answer");
    // Nobody listening means that serving has ended by itself.
    let _ = stopping.send(());
    let ending = async {
        let (served, stopped) = tokio::join!(&mut serving, timeout(limits.stop, workers.stop()));
        if stopped.is_err() {
            tracing::warn!("what is on its way to the cloud takes longer than a stop may; it is looked for at the next start");
        }
        served.unwrap_or_else(|panic| Err(std::io::Error::other(panic)))
    };
    tokio::select! {
        served = ending => served,
        _ = signals.recv() => {
            tracing::warn!("stopped at once; what was on its way is looked for at the next start");
            Ok(())
        }
    }
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
    let parts = Parts {
        listener,
        store_url,
        key_file: None,
        clouds: vec![settings],
        policy,
        sso,
        clock: clock.clone(),
        front,
        limits: ConnectionLimits::default(),
    };
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

/// Each time somebody asks the process to end. Listens from the call on: a signal that comes as soon as the address is said must not
/// end the process the hard way.
///
/// # Errors
/// [`Failure::Failed`] when the signals cannot be listened for.
pub(super) fn signals() -> Result<mpsc::Receiver<()>, Failure> {
    let failed = |e: std::io::Error| Failure::Failed(format!("cannot listen for signals: {e}"));
    let (heard, signals) = mpsc::channel(2);
    #[cfg(unix)]
    let mut wait = {
        use tokio::signal::unix::{SignalKind, signal};
        (signal(SignalKind::interrupt()).map_err(failed)?, signal(SignalKind::terminate()).map_err(failed)?)
    };
    #[cfg(not(unix))]
    let mut wait = tokio::signal::windows::ctrl_c().map_err(failed)?;
    tokio::spawn(async move {
        loop {
            #[cfg(unix)]
            tokio::select! {
                _ = wait.0.recv() => {}
                _ = wait.1.recv() => {}
            }
            #[cfg(not(unix))]
            wait.recv().await;
            if heard.send(()).await.is_err() {
                break;
            }
        }
    });
    Ok(signals)
}
