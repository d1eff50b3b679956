//! The command line.

use crate::server::{
    config,
    config::ConfigArgs,
    key, logging,
    people::{self, LedgerArgs, UserArgs},
    run,
    terminal::{Failure, chain, complain, say},
};
use clap::{Args, Parser, Subcommand};
use patchboard_backend::{
    Store,
    clock::{DemoClock, SharedClock, SystemClock},
};
use patchboard_simulator::{
    Simulator, Switches,
    idp::{Account, IdentityProvider},
};
use std::{net::SocketAddr, path::PathBuf, process::ExitCode, sync::Arc};
use tokio::net::TcpListener;

/// Schedules, reviews and proves GaussDB hot patches.
///
/// Exit codes: 0 done; 1 it failed while running; 2 the command line or a setting is wrong.
#[derive(Parser)]
#[command(version, about, long_about)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve the dashboard for a real cloud
    Serve(ConfigArgs),
    /// Simulated cloud, throw-away database and server in one process: nothing leaves this machine
    Demo(DemoArgs),
    /// Only the simulated cloud, for the official SDK or another client
    Simulator(SimulatorArgs),
    /// Check the settings, the database, and make one signed reading call to each cloud
    Check(ConfigArgs),
    /// Bring the schema of the database up to date, and end: what `serve` does when it starts
    Migrate(ConfigArgs),
    /// Copy the database file into another file, while the server runs
    Backup(BackupArgs),
    /// Print all settings with their defaults and meaning
    Config,
    /// Make and change accounts
    User(UserArgs),
    /// Read the ledger as a proof
    Ledger(LedgerArgs),
}

#[derive(Args)]
struct WorldArgs {
    /// Number of instances
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    instances: u16,
    /// Same seed, same world
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How much faster than real time the world runs
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=3600))]
    speed: u16,
}

#[derive(Args)]
struct DemoArgs {
    /// Address of the dashboard, on this machine's loopback; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:3000", value_parser = config::address)]
    listen: SocketAddr,
    /// Keep the database in this directory instead of throwing it away
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
    /// A team that works without review: plans are sent by whoever makes them
    #[arg(long)]
    without_review: bool,
    /// Pages come again when the server was built again; `cargo xtask dev` sets it
    #[arg(long, hide = true)]
    reload: bool,
    #[command(flatten)]
    world: WorldArgs,
}

#[derive(Args)]
struct BackupArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// The copy; it must not exist yet
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

#[derive(Args)]
struct SimulatorArgs {
    /// Address, on this machine's loopback; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:8080", value_parser = config::address)]
    listen: SocketAddr,
    #[command(flatten)]
    world: WorldArgs,
}

/// Runs the command.
pub async fn main(cli: Cli) -> ExitCode {
    let result = match cli.command {
        Command::Serve(args) => serve(args).await,
        Command::Demo(args) => demo(args).await,
        Command::Simulator(args) => simulator(args).await,
        Command::Check(args) => check(args).await,
        Command::Migrate(args) => migrate(args).await,
        Command::Backup(args) => backup(args).await,
        Command::User(args) => people::user(args).await,
        Command::Ledger(args) => people::ledger(args).await,
        Command::Config => {
            say(config::DEFAULTS);
            Ok(())
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Wrong(text)) => {
            complain(&text);
            ExitCode::from(2)
        }
        Err(Failure::Failed(text)) => {
            complain(&text);
            ExitCode::FAILURE
        }
    }
}

fn loopback(listen: SocketAddr) -> Result<(), Failure> {
    if listen.ip().is_loopback() {
        return Ok(());
    }
    Err(Failure::Wrong(format!(
        "{listen} can be reached from other machines, and this is for looking at alone: listen on the loopback, 127.0.0.1"
    )))
}

async fn bind(listen: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(listen).await.map_err(|e| {
        Failure::Failed(format!(
            "cannot listen on {listen}: {e}. Is another one running? Choose another address with --listen or PATCHBOARD__SERVER__LISTEN"
        ))
    })
}

async fn serve(args: ConfigArgs) -> Result<(), Failure> {
    let config = config::load(args.config.as_deref(), &config::environment())?;
    logging::start(config.log_format, &config.log_level);
    if config.clouds.is_empty() {
        return Err(Failure::Wrong("no cloud: set PATCHBOARD__CLOUD__REGION and the SDK's variables, or try `patchboard demo`".to_owned()));
    }
    let listener = bind(config.listen).await?;
    let parts = run::Parts {
        listener,
        store_url: &config.store_url,
        key_file: config.key_file,
        clouds: config.clouds,
        policy: config.policy,
        sso: config.sso,
        clock: Arc::new(SystemClock),
        front: config.front,
        limits: config.limits,
    };
    run::server(parts, None).await
}

async fn demo(args: DemoArgs) -> Result<(), Failure> {
    loopback(args.listen)?;
    logging::start(config::LogFormat::Text, "warn,patchboard=info");
    let clock = Arc::new(DemoClock::new(args.world.speed));
    let listener = bind(args.listen).await?;
    let simulator = start_simulator(&args.world, SocketAddr::from(([127, 0, 0, 1], 0)), clock.clone()).await?;
    let provider = start_provider(clock.clone()).await?;
    let throw_away = tempfile::tempdir().map_err(|e| Failure::Failed(format!("no temporary directory: {e}")))?;
    let dir = args.keep.unwrap_or_else(|| throw_away.path().to_owned());
    let url = format!("sqlite:{}", dir.join("patchboard.db").display());
    run::demo(listener, &url, &simulator, &provider, clock, args.world.speed, args.reload, args.without_review).await
}

/// The demo's identity provider, with people whom only it knows.
async fn start_provider(clock: SharedClock) -> Result<IdentityProvider, Failure> {
    let listener = bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
    let account = |sub: &str, name: &str, full_name: &str, groups: &[&str]| Account {
        sub: sub.to_owned(),
        name: name.to_owned(),
        full_name: full_name.to_owned(),
        groups: groups.iter().map(|g| (*g).to_owned()).collect(),
    };
    let people = vec![
        account("7f3a", "chen.jing", "陈静 (DBA)", &["dba"]),
        account("91bc", "zhao.lei", "赵磊 (team lead)", &["dba-leads"]),
        account("c2d4", "guest", "Guest of another department", &["sales"]),
    ];
    IdentityProvider::start(people, Arc::new(move || clock.now()), listener)
        .map_err(|e| Failure::Failed(format!("the simulated identity provider did not start: {e}")))
}

async fn start_simulator(world: &WorldArgs, listen: SocketAddr, clock: SharedClock) -> Result<Simulator, Failure> {
    let listener = bind(listen).await?;
    let options = patchboard_simulator::Options {
        seed: world.seed,
        instances: usize::from(world.instances),
        switches: Switches::default(),
        clock: Arc::new(move || clock.now()),
    };
    Simulator::start(options, listener).map_err(|e| Failure::Failed(format!("the simulator did not start: {e}")))
}

async fn simulator(args: SimulatorArgs) -> Result<(), Failure> {
    loopback(args.listen)?;
    logging::start(config::LogFormat::Text, "info,patchboard_simulator=debug");
    let clock: SharedClock = Arc::new(DemoClock::new(args.world.speed));
    let simulator = start_simulator(&args.world, args.listen, clock).await?;
    let mut stop = run::signals()?;
    say(&format!(
        "Simulated GaussDB cloud at {}\n  region      ap-southeast-1\n  project id  {}\n  access key  {}\n  secret key  {}\nThese keys open nothing else. Stop with Ctrl-C.",
        simulator.url(),
        patchboard_simulator::PROJECT,
        patchboard_simulator::ACCESS_KEY,
        patchboard_simulator::SECRET_KEY,
    ));
    stop.recv().await;
    Ok(())
}

async fn migrate(args: ConfigArgs) -> Result<(), Failure> {
    let settings = config::read(args.config.as_deref(), &config::environment())?;
    let url = settings.store_url()?;
    let name = Store::name(url);
    // Of a file: nobody serves from it meanwhile.
    let _claimed = Store::claim(url).map_err(|e| Failure::Failed(chain(&e)))?;
    run::check_file(url).await?;
    Store::open(url).await.map_err(|e| Failure::Failed(chain(&e)))?.close().await;
    say(&format!("{name} is up to date"));
    Ok(())
}

async fn backup(args: BackupArgs) -> Result<(), Failure> {
    let settings = config::read(args.config.config.as_deref(), &config::environment())?;
    Store::backup(settings.store_url()?, &args.file).await.map_err(|e| Failure::Failed(chain(&e)))?;
    say(&format!(
        "copied to {}. Keep the key file apart from it; before the copy is used nothing is sent that the cloud has.",
        args.file.display()
    ));
    Ok(())
}

async fn check(args: ConfigArgs) -> Result<(), Failure> {
    let config = config::load(args.config.as_deref(), &config::environment())?;
    // What can be told without touching anything comes first: a wrong setting must not leave an empty database behind.
    let mut clouds = Vec::new();
    for mut settings in config.clouds {
        settings.pauses = Vec::new();
        clouds.push(patchboard_backend::Cloud::new(settings, Arc::new(SystemClock)).map_err(|e| Failure::Wrong(e.to_string()))?);
    }
    say("settings   ok");
    run::check_file(&config.store_url).await?;
    let (store, claimed) = Store::open_beside(&config.store_url).await.map_err(|e| Failure::Failed(chain(&e)))?;
    say(&format!("database   ok, {}", Store::name(&config.store_url)));
    if !store.sealed_factors().await.map_err(|e| Failure::Failed(chain(&e)))?.is_empty() {
        let file = config.key_file.clone().map_or_else(|| key::beside(&config.store_url), Ok)?;
        let ways = patchboard_backend::Ways { seal: Some(key::seal(&file, false)?), sso: None };
        let policy = config.policy.clone();
        let services = patchboard_backend::Services::new(store.clone(), Arc::new(SystemClock), Vec::new(), policy, ways).await;
        let services = services.map_err(|e| Failure::Failed(chain(&e)))?;
        services.check_seal().await.map_err(|e| Failure::Failed(format!("{}: {}", file.display(), chain(&e))))?;
        say(&format!("key        ok, {}", file.display()));
    }
    store.close().await;
    drop(claimed);
    if clouds.is_empty() {
        say("cloud      none configured");
    }
    let mut failed = Vec::new();
    for cloud in clouds {
        let (name, host) = (cloud.name(), cloud.host());
        say(&format!("cloud      calling {name} at {host} …"));
        match cloud.check().await {
            Ok((project, engines)) => {
                say(&format!("cloud      ok, {name} at {host}, project {project}, {engines} engine versions in the catalogue"));
            }
            Err(error) => failed.push(format!("cloud {name} at {host}: {error}")),
        }
    }
    if failed.is_empty() { Ok(()) } else { Err(Failure::Failed(failed.join("\n"))) }
}
