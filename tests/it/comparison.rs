//! `cargo xtask bench faults`: the same instances pushed through the same faults by the official Python SDK with its retries, by an
//! outbox as it is usually written, and by Patchboard. Measured in one run on one machine; printed, never asserted.

#![expect(clippy::disallowed_methods, clippy::print_stdout, reason = "`cargo xtask bench` says how much, and shows the table")]

use crate::{
    process::{Browser, Server, hash_in},
    support::{pickable, simulator},
};
use chrono::{DateTime, Utc};
use patchboard_backend::clock::{Clock, SystemClock};
use patchboard_simulator::{ACCESS_KEY, Act, Fault, PROJECT, SECRET_KEY, Simulator, TaskState};
use serde_json::json;
use sqlx::{ConnectOptions, any::AnyConnectOptions};
use std::{
    collections::BTreeSet,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

/// Instances of one call.
const BATCH: usize = 30;
/// Every so manieth create call fares badly.
const BAD_CALL: u32 = 5;
/// After so many create calls, in parts of a hundred of the batches, whoever sends is killed and started again.
const KILLED_AT: [usize; 3] = [20, 45, 70];
/// Longest wait for a contender.
const PATIENCE: Duration = Duration::from_secs(30 * 60);

/// What came of it.
struct Outcome {
    name: &'static str,
    /// Instances that the contender says are scheduled.
    done: BTreeSet<String>,
    /// When it began to send.
    began: DateTime<Utc>,
    kills: usize,
}

/// A cloud of `n` instances that can all be patched.
async fn world(n: usize) -> (Simulator, Vec<String>) {
    let simulator = simulator(Arc::new(SystemClock), n * 3).await;
    let ids = pickable(&simulator, n);
    simulator.world(|w| {
        w.tasks.clear();
        w.keep(|i| ids.contains(&i.id));
    });
    assert_eq!(ids.len(), n, "the seeded world has enough instances");
    (simulator, ids)
}

/// Every fifth call fares badly, each time in another way, for as long as any contender sends.
fn faults(calls: usize) -> Vec<Fault> {
    let acts = [
        Act::DoThenDrop,
        Act::Drop,
        Act::DoThenFail,
        Act::Refuse { status: 503, code: "APIGW.0201".to_owned(), message: "Backend unavailable.".to_owned(), retry_after: None },
        Act::DoThenGarbage,
        Act::Refuse { status: 429, code: "APIGW.0308".to_owned(), message: "Too many requests.".to_owned(), retry_after: Some(1) },
        Act::DoThenTruncate,
        Act::Partial,
        Act::DropThenDo { seconds: 5 },
        Act::DoAllNamePartly,
    ];
    let strike = |act: &Act| Fault { skip: BAD_CALL - 1, ..Fault::on_create(1, act.clone()) };
    acts.iter().map(strike).cycle().take(calls).collect()
}

/// Start times far ahead: no task begins while it is counted.
const START: &str = "2099-01-01T02:00:00+0800";

/// Runs a Python peer to its end, through its kills.
async fn peer(name: &'static str, script: &str, simulator: &Simulator, ids: &[String], bad: bool) -> Outcome {
    let dir = tempfile::tempdir().unwrap();
    let work = dir.path().join("work.json");
    let batches: Vec<&[String]> = ids.chunks(BATCH).collect();
    let settings = json!({
        "endpoint": simulator.url(), "access_key": ACCESS_KEY, "secret_key": SECRET_KEY, "project_id": PROJECT,
        "start_time": START, "version": "3.208.0.7", "batches": batches,
    });
    std::fs::write(&work, settings.to_string()).unwrap();
    let run = || {
        let python = std::env::var("PATCHBOARD_BENCH_PYTHON").unwrap();
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("bench").join(script);
        Command::new(python).arg(script).arg(&work).arg(dir.path()).stdout(Stdio::piped()).spawn().unwrap()
    };
    let began = SystemClock.now();
    let mut kills = 0;
    let mut process = run();
    let mut said = listen(&mut process);
    loop {
        if let Some(status) = process.try_wait().unwrap() {
            assert!(status.success(), "{name} ended badly");
            break;
        }
        if bad && due(simulator, batches.len(), kills) {
            process.kill().unwrap();
            process.wait().unwrap();
            kills += 1;
            process = run();
            said = listen(&mut process);
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    said.join().unwrap();
    let done = if script == "sdk.py" {
        let text = std::fs::read_to_string(dir.path().join("done")).unwrap();
        text.lines().map(str::to_owned).collect()
    } else {
        // It ends when everything was answered.
        ids.iter().cloned().collect()
    };
    Outcome { name, done, began, kills }
}

fn listen(process: &mut Child) -> std::thread::JoinHandle<()> {
    let out = BufReader::new(process.stdout.take().unwrap());
    std::thread::spawn(move || out.lines().map_while(Result::ok).filter(|l| l.starts_with("unresolved")).for_each(drop))
}

fn due(simulator: &Simulator, batches: usize, kills: usize) -> bool {
    KILLED_AT.get(kills).is_some_and(|part| calls(simulator) >= batches * part / 100)
}

fn calls(simulator: &Simulator) -> usize {
    simulator.requests("db-upgrade/schedule-task")
}

/// Patchboard as it is delivered, by its forms.
async fn patchboard(name: &'static str, simulator: &Simulator, ids: &[String], bad: bool) -> Outcome {
    let dir = tempfile::tempdir().unwrap();
    // As delivered, but for the pace it begins with: this cloud has no limit, and the peers keep to none.
    let settings = [
        ("PATCHBOARD__POLICY__SETTLE_SECONDS", "120"),
        ("PATCHBOARD__SYNC__EVERY_SECONDS", "60"),
        ("PATCHBOARD__CLOUD__CALLS_PER_MINUTE", "30000"),
    ];
    let start = || Server::start(simulator, dir.path(), &settings);
    let mut server = start();
    let mut browser = Browser::new();
    browser.sign_in(&server).await;
    until(&browser, &format!("{}/instances", server.url), |page| page.contains(&format!("{} match", ids.len()))).await;
    let fields = [("plan_cloud", "ap-southeast-1"), ("pasted", &ids.join("\n")), ("go", "paste")];
    let to = browser.post(&format!("{}/api/plans/pick", server.url), &fields).await;
    let plan = to.split('/').nth(2).unwrap().to_owned();
    browser.schedule(&server, &plan).await;
    let path = format!("/plans/{plan}");
    let page = until(&browser, &format!("{}{path}", server.url), |page| page.contains("name=\"hash\"")).await;
    let hash = hash_in(&page);
    let began = SystemClock.now();
    let fields = [("plan", plan.as_str()), ("hash", &hash), ("count", &ids.len().to_string())];
    assert_eq!(browser.post(&format!("{}/api/plans/confirm", server.url), &fields).await, path);
    let (mut kills, deadline) = (0, Instant::now() + PATIENCE);
    let batches = ids.len().div_ceil(BATCH);
    let database = format!("sqlite:{}", dir.path().join("crash.db").display());
    loop {
        assert!(Instant::now() < deadline, "it did not end: {:?}", states(&database).await);
        if bad && due(simulator, batches, kills) {
            server.kill();
            kills += 1;
            server = start();
        }
        if calls(simulator) >= batches
            && states(&database).await.iter().all(|(state, _)| !["planned", "sending", "unknown"].contains(&&**state))
        {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    drop(server);
    let mut db = database.parse::<AnyConnectOptions>().unwrap().connect().await.unwrap();
    let done: Vec<String> = sqlx::query_scalar("SELECT instance FROM items WHERE state = 'accepted'").fetch_all(&mut db).await.unwrap();
    Outcome { name, done: done.into_iter().collect(), began, kills }
}

async fn states(database: &str) -> Vec<(String, i64)> {
    sqlx::any::install_default_drivers();
    let mut db = database.parse::<AnyConnectOptions>().unwrap().connect().await.unwrap();
    sqlx::query_as("SELECT state, COUNT(*) FROM items GROUP BY state").fetch_all(&mut db).await.unwrap()
}

async fn until(browser: &Browser, url: &str, holds: impl Fn(&str) -> bool) -> String {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let page = browser.get(url).await;
        if holds(&page) {
            return page;
        }
        assert!(Instant::now() < deadline, "{url}");
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

/// Holds what the contender says against what the cloud really has.
fn report(simulator: &Simulator, ids: &[String], outcome: &Outcome) -> f64 {
    let (mut extra, mut lost, mut unresolved) = (0, 0, 0);
    let mut last = outcome.began;
    simulator.world(|w| {
        for id in ids {
            let live: Vec<_> = w.tasks_of(id).into_iter().filter(|t| t.state != TaskState::Canceled).collect();
            extra += live.len().saturating_sub(1);
            lost += usize::from(live.is_empty() && outcome.done.contains(id));
            unresolved += usize::from(!outcome.done.contains(id));
            last = live.iter().map(|t| t.created).max().unwrap_or(last).max(last);
        }
    });
    let seconds = (last - outcome.began).as_seconds_f64();
    let Outcome { name, kills, .. } = outcome;
    println!("| {name} | {} | {kills} | {extra} | {lost} | {unresolved} | {seconds:.1} |", calls(simulator));
    seconds
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a benchmark: cargo xtask bench faults"]
async fn pushed_through_the_same_faults() {
    let n: usize = std::env::var("PATCHBOARD_BENCH_ITEMS").unwrap().parse().unwrap();
    let only = std::env::var("PATCHBOARD_BENCH_ONLY").unwrap_or_default();
    println!("{n} instances, {BATCH} in a call; every {BAD_CALL}th call fares badly; each contender is killed {} times", KILLED_AT.len());
    println!("| who | create calls | kills | tasks too many | lost | unresolved | seconds to the last task |");
    println!("|---|---|---|---|---|---|---|");
    for bad in [false, true] {
        for who in ["sdk", "outbox", "patchboard"] {
            if !only.is_empty() && only != who {
                continue;
            }
            let (simulator, ids) = world(n).await;
            if bad {
                simulator.set_faults(faults(n));
            }
            let outcome = match (who, bad) {
                ("sdk", false) => peer("official SDK, no faults", "sdk.py", &simulator, &ids, bad).await,
                ("sdk", true) => peer("official SDK with its retries", "sdk.py", &simulator, &ids, bad).await,
                ("outbox", false) => peer("outbox, no faults", "outbox.py", &simulator, &ids, bad).await,
                ("outbox", true) => peer("outbox", "outbox.py", &simulator, &ids, bad).await,
                (_, false) => patchboard("Patchboard, no faults", &simulator, &ids, bad).await,
                (_, true) => patchboard("Patchboard", &simulator, &ids, bad).await,
            };
            report(&simulator, &ids, &outcome);
        }
    }
}
