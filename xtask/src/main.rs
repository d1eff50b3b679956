//! The one tool of the project. Every command installs what it needs and says what it is doing; each can be interrupted and
//! run again, and is quick the second time.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a tool for a terminal")]
#![expect(clippy::disallowed_methods, reason = "a tool reads its environment")]

mod audit;
mod browser;
mod figures;
mod postgres;
mod run;
mod sdk;
mod site;
mod tools;
mod watch;

use clap::{Parser, Subcommand};
use run::{Result, cargo, step};
use std::process::ExitCode;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Builds, runs, tests and photographs Patchboard")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Build what is needed and run the demo: simulated cloud, throw-away database, nothing leaves this machine
    Demo {
        /// Arguments for `patchboard demo`, for example `-- --instances 10000`
        #[arg(last = true)]
        args: Vec<String>,
    },
    /// Run the demo and build it again whenever a source changes
    Dev {
        /// Arguments for `patchboard demo`
        #[arg(last = true)]
        args: Vec<String>,
    },
    /// Build the site and the binary
    Build {
        /// One binary with the site inside, optimised
        #[arg(long)]
        release: bool,
    },
    /// Set up and run all tests: Rust, the official Python SDK, the browser
    Test {
        /// Rust tests only
        #[arg(long)]
        fast: bool,
    },
    /// Formatting, clippy for host and browser, documentation links
    Lint,
    /// What CI runs: lint, licences and sources, tests
    Ci,
    /// Licences, sources, and known holes of everything we build from
    Audit {
        /// Without the known holes, whose database comes from elsewhere
        #[arg(long)]
        offline: bool,
    },
    /// Write the bill of materials (CycloneDX) to target/patchboard.cdx.json
    Sbom,
    /// Screenshots of every page into target/shots
    Shots,
    /// Lives through bad worlds, one seed after the other, and holds the cloud's true history against the journal
    Torture {
        /// The first seed
        #[arg(long, default_value_t = 1)]
        seed: u64,
        /// For how long
        #[arg(long, default_value_t = 10)]
        minutes: u64,
        /// On PostgreSQL, with two replicas
        #[arg(long)]
        postgres: bool,
    },
    /// Explore the protocol further than the tests do
    Model,
    /// Compare with others on this machine, in one run
    #[command(subcommand)]
    Bench(Bench),
    /// Bytes of the first page by kind, compressed
    Size,
    /// Start-up, memory and CPU for each request of the release build
    Figures,
}

#[derive(Subcommand)]
enum Bench {
    /// The same instances through the same faults: the official SDK with its retries, a naive outbox, Patchboard
    Faults {
        /// How many instances
        #[arg(long, default_value_t = 10_000)]
        items: usize,
        /// Only one of `sdk`, `outbox`, `patchboard`
        #[arg(long, default_value = "")]
        only: String,
    },
    /// Two replicas on PostgreSQL, twenty slow requests, and a kill, a freeze or a database that is away in the middle of them
    Replicas {
        /// How many runs, in turn of each kind
        #[arg(long, default_value_t = 20)]
        runs: usize,
    },
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Demo { args } => demo(&args),
        Command::Dev { args } => watch::dev(&args),
        Command::Build { release } => build(release),
        Command::Test { fast } => test(fast),
        Command::Lint => lint(),
        Command::Ci => lint().and_then(|()| audit::offline()).and_then(|()| test(false)),
        Command::Audit { offline: true } => audit::offline(),
        Command::Audit { offline: false } => audit::audit(),
        Command::Sbom => audit::sbom(),
        Command::Shots => shots(),
        Command::Torture { seed, minutes, postgres } => torture(seed, minutes, postgres),
        Command::Model => cargo(&["test", "--release", "-p", "patchboard-domain", "at_length", "--", "--ignored", "--nocapture"]),
        Command::Bench(Bench::Faults { items, only }) => bench_faults(items, &only),
        Command::Bench(Bench::Replicas { runs }) => bench_replicas(runs),
        Command::Size => site::size(),
        Command::Figures => figures::figures(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nxtask: {error}");
            ExitCode::FAILURE
        }
    }
}

fn build(release: bool) -> Result {
    site::build(release)?;
    step("building the server");
    cargo(if release { &["build", "--release", "--bin", "patchboard"] } else { &["build", "--bin", "patchboard"] })?;
    println!("built target/{}/patchboard", if release { "release" } else { "debug" });
    Ok(())
}

fn demo(args: &[String]) -> Result {
    build(false)?;
    run::run(run::binary().as_os_str(), ["demo"].into_iter().map(str::to_owned).chain(args.iter().cloned()))
}

fn test(fast: bool) -> Result {
    build(false)?;
    step("Rust tests");
    cargo(&["test", "--workspace", "--exclude", "patchboard-client"])?;
    {
        let cluster = postgres::Cluster::start()?;
        step("the tests of the whole program again, on PostgreSQL");
        let tests = ["test", "--workspace", "--exclude", "patchboard-client", "--test", "it", "--test", "migrations"];
        run::cargo_with(&tests, &[("PATCHBOARD_TEST_POSTGRES", &cluster.url())])?;
        cluster.check_transactions()?;
    }
    if fast {
        return Ok(());
    }
    sdk::test()?;
    browser::test()
}

fn torture(seed: u64, minutes: u64, postgres: bool) -> Result {
    let cluster = if postgres { Some(postgres::Cluster::start()?) } else { None };
    let (seed, minutes) = (seed.to_string(), minutes.to_string());
    let mut env = vec![("PATCHBOARD_TORTURE_SEED", seed.as_str()), ("PATCHBOARD_TORTURE_MINUTES", minutes.as_str()), ("RUST_LOG", "off")];
    let url = cluster.as_ref().map(postgres::Cluster::url);
    if let Some(url) = &url {
        env.push(("PATCHBOARD_TEST_POSTGRES", url));
    }
    run::cargo_with(&["test", "--test", "it", "torture", "--", "--nocapture"], &env)?;
    cluster.as_ref().map_or(Ok(()), postgres::Cluster::check_transactions)
}

fn bench_faults(items: usize, only: &str) -> Result {
    let python = sdk::python()?.display().to_string();
    site::build(true)?;
    step("the same faults for everybody (about ten minutes; Patchboard waits until an absence is proved)");
    let items = items.to_string();
    let env = [("PATCHBOARD_BENCH_PYTHON", python.as_str()), ("PATCHBOARD_BENCH_ITEMS", &items), ("PATCHBOARD_BENCH_ONLY", only)];
    let arguments = ["test", "--release", "--test", "it", "comparison", "--", "--ignored", "--nocapture", "--test-threads=1"];
    run::cargo_with(&arguments, &env)
}

fn bench_replicas(runs: usize) -> Result {
    site::build(false)?;
    let cluster = postgres::Cluster::start()?;
    let (runs, url) = (runs.to_string(), cluster.url());
    let env = [("PATCHBOARD_TEST_POSTGRES", url.as_str()), ("PATCHBOARD_BENCH_RUNS", runs.as_str())];
    run::cargo_with(&["test", "--test", "it", "outages", "--", "--ignored", "--nocapture", "--test-threads=1"], &env)
}

fn lint() -> Result {
    tools::wasm_target()?;
    step("formatting");
    cargo(&["fmt", "--all", "--check"])?;
    step("clippy, host");
    cargo(&["clippy", "--workspace", "--exclude", "patchboard-client", "--all-targets", "--", "-D", "warnings"])?;
    step("clippy, browser");
    tools::client_cargo(&[
        "clippy",
        "-p",
        "patchboard-client",
        "-p",
        "patchboard-domain",
        "--target",
        "wasm32-unknown-unknown",
        "--",
        "-D",
        "warnings",
    ])?;
    step("documentation");
    run::cargo_with(
        &["doc", "--workspace", "--exclude", "patchboard-client", "--no-deps", "--document-private-items"],
        &[("RUSTDOCFLAGS", "-D warnings")],
    )
}

fn shots() -> Result {
    build(false)?;
    browser::shots()
}
