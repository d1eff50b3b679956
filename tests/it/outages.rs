//! Two replicas, twenty slow requests on their way, and one of three misfortunes in the middle of them: figures, by
//! `cargo xtask bench replicas`.

#![expect(clippy::disallowed_methods, reason = "`cargo xtask bench` says how many runs, and shows the table")]

use crate::{
    database::Database,
    process::{Browser, Server, hash_in},
    support::{pickable, simulator},
};
use patchboard_backend::clock::SystemClock;
use patchboard_simulator::{Act, Fault, Simulator};
use sqlx::Connection;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

const REQUESTS: usize = 20;

/// What befalls the second replica, or the database of both.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Misfortune {
    Killed,
    /// Stopped by a signal for 25 s.
    Frozen,
    /// All connections ended and none taken for 3 s, as in a restart.
    DatabaseAway,
}

/// What one run came to.
#[derive(Debug)]
struct Run {
    too_many: usize,
    /// Without a task, and not said to be in doubt.
    lost: usize,
    /// Shown as in doubt when the run ended: a call of a replica that was killed before it left can only be proved absent once a gateway
    /// would refuse its signature, after 15 minutes.
    in_doubt: usize,
    /// From the misfortune to the next create call.
    next_call: Duration,
    /// Longest answer to a change at the replica that was spared.
    longest_write: Duration,
}

fn replica(simulator: &Simulator, database: &Database) -> Server {
    let key = database.path("shared.key").display().to_string();
    let more = [
        ("PATCHBOARD__STORE__URL", database.url()),
        ("PATCHBOARD__SERVER__KEY_FILE", key.as_str()),
        ("PATCHBOARD__POLICY__MAX_INSTANCES_PER_REQUEST", "1"),
        ("PATCHBOARD__POLICY__SETTLE_SECONDS", "5"),
        ("PATCHBOARD__LOG__LEVEL", "off"),
    ];
    Server::start(simulator, &database.path(""), &more)
}

/// A plan for these instances that can be confirmed, and its hash.
async fn ready(server: &Server, browser: &Browser, instances: &[String]) -> (String, String) {
    let mut fields = vec![("plan_cloud", "ap-southeast-1"), ("go", "continue")];
    fields.extend(instances.iter().map(|i| ("ticked[]", i.as_str())));
    let to = browser.post(&format!("{}/api/plans/pick", server.url), &fields).await;
    let plan = to.split('/').nth(2).unwrap().to_owned();
    browser.until(&format!("{}{to}", server.url), "3.208.0.7").await;
    browser.schedule(server, &plan).await;
    let page = browser.until(&format!("{}/plans/{plan}", server.url), "name=\"hash\"").await;
    let hash = hash_in(&page);
    (plan, hash)
}

/// The number in `3 In doubt` among the counts of a plan's page.
fn in_doubt(page: &str) -> usize {
    page.split(" In doubt").next().filter(|before| before.len() < page.len()).map_or(0, |before| {
        let digits: String = before.chars().rev().take_while(char::is_ascii_digit).collect();
        digits.chars().rev().collect::<String>().parse().unwrap_or_default()
    })
}

fn creates(simulator: &Simulator) -> usize {
    simulator.requests("db-upgrade/schedule-task")
}

async fn until(what: &str, seconds: u64, holds: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(seconds);
    while !holds() {
        assert!(Instant::now() < deadline, "{what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn database_away(database: &Database) {
    let (server, name) = database.url().rsplit_once('/').unwrap();
    let mut admin = sqlx::AnyConnection::connect(&format!("{server}/postgres")).await.unwrap();
    let away = format!(
        "ALTER DATABASE {name} ALLOW_CONNECTIONS false; SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
    );
    sqlx::raw_sql(sqlx::AssertSqlSafe(away)).execute(&mut admin).await.unwrap();
    tokio::time::sleep(Duration::from_secs(3)).await;
    let back = format!("ALTER DATABASE {name} ALLOW_CONNECTIONS true");
    sqlx::raw_sql(sqlx::AssertSqlSafe(back)).execute(&mut admin).await.unwrap();
}

/// Changes something again and again until told to stop; returns the longest time that took.
async fn writes(url: String, plan: String, cookie: String, stop: tokio::sync::watch::Receiver<bool>) -> Duration {
    let mut browser = Browser::new();
    browser.1 = cookie;
    let mut longest = Duration::ZERO;
    while !*stop.borrow() {
        let began = Instant::now();
        let fields = [("plan", plan.as_str()), ("text", "still here")];
        if browser.try_send(&format!("{url}/api/plans/comment"), &fields).await.is_ok() {
            longest = longest.max(began.elapsed());
        }
        tokio::time::sleep(Duration::from_millis(250)).await;
    }
    longest
}

async fn run(misfortune: Misfortune) -> Run {
    let database = Database::new().await;
    let simulator = simulator(Arc::new(SystemClock), 300).await;
    let first = replica(&simulator, &database);
    let mut browser = Browser::new();
    browser.sign_in(&first).await;
    let second = replica(&simulator, &database);
    browser.until(&format!("{}/instances", first.url), "300 match").await;
    let instances = pickable(&simulator, REQUESTS);
    assert_eq!(instances.len(), REQUESTS);
    let (plan, hash) = ready(&first, &browser, &instances).await;
    simulator.set_faults(vec![Fault::on_create(0, Act::DoThenDelay { ms: 1_500 })]);
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let writing = tokio::spawn(writes(first.url.clone(), plan.clone(), browser.1.clone(), stopped));
    let count = REQUESTS.to_string();
    browser.post(&format!("{}/api/plans/confirm", first.url), &[("plan", &plan), ("hash", &hash), ("count", &count)]).await;
    until("a third of the requests never left", 60, || creates(&simulator) >= REQUESTS / 3).await;

    let (began, before) = (Instant::now(), creates(&simulator));
    let mut second = Some(second);
    match misfortune {
        Misfortune::Killed => second.take().unwrap().kill(),
        Misfortune::Frozen => second.as_ref().unwrap().signal("STOP"),
        Misfortune::DatabaseAway => database_away(&database).await,
    }
    until("no request left after it", 60, || creates(&simulator) > before).await;
    let next_call = began.elapsed();
    if misfortune == Misfortune::Frozen {
        tokio::time::sleep(Duration::from_secs(25).saturating_sub(began.elapsed())).await;
        second.as_ref().unwrap().signal("CONT");
    }
    let each = |n: usize| simulator.world(|w| instances.iter().filter(|i| w.tasks_of(i).len() == n).count());
    let page = format!("{}/plans/{plan}", first.url);
    let deadline = Instant::now() + Duration::from_secs(180);
    while !browser.get(&page).await.contains("20 Pending") && Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    stop.send(true).unwrap();
    let longest_write = writing.await.unwrap();
    let in_doubt = in_doubt(&browser.get(&page).await);
    Run { too_many: REQUESTS - each(0) - each(1), lost: each(0).saturating_sub(in_doubt), in_doubt, next_call, longest_write }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a benchmark: cargo xtask bench replicas"]
async fn twenty_requests_are_sent_once_whatever_befalls_one_of_two_replicas() {
    if Database::new().await.is_file() {
        println!("two replicas need PostgreSQL: cargo xtask bench replicas starts one");
        return;
    }
    let runs: usize = std::env::var("PATCHBOARD_BENCH_RUNS").ok().and_then(|text| text.parse().ok()).unwrap_or(20);
    println!(
        "| run | misfortune | tasks too many | lost | in doubt | next call after, s | longest write at the other, s |\n|---|---|---|---|---|---|---|---|"
    );
    let mut all = Vec::new();
    for n in 0..runs {
        let misfortune = [Misfortune::Killed, Misfortune::Frozen, Misfortune::DatabaseAway][n % 3];
        let run = run(misfortune).await;
        let (next, write) = (run.next_call.as_secs_f64(), run.longest_write.as_secs_f64());
        println!("| {} | {misfortune:?} | {} | {} | {} | {next:.1} | {write:.2} |", n + 1, run.too_many, run.lost, run.in_doubt);
        all.push(run);
    }
    assert!(all.iter().all(|run| run.too_many == 0 && run.lost == 0), "{all:?}");
}
