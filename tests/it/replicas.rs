//! Several replicas on one database server. Where the tests run on a file there are none.

use crate::{
    crash::confirmed,
    database::Database,
    process::{Browser, Server},
    support::{TestApp, simulator},
};
use chrono::{DateTime, Duration, Utc};
use patchboard_backend::{
    Cloud, FirstCode, Policy, Services, Store, StoreError, Ways, Workers,
    clock::{Clock, SystemClock},
};
use patchboard_domain::account::Role;
use patchboard_simulator::{Act, Simulator};
use std::sync::Arc;

/// `patchboard serve` on a database that others share. A replica that says nothing for two seconds is taken for gone.
fn replica(simulator: &Simulator, database: &Database) -> Server {
    let key = database.path("shared.key").display().to_string();
    let more = [
        ("PATCHBOARD__STORE__URL", database.url()),
        ("PATCHBOARD__STORE__LEASE_SECONDS", "2"),
        ("PATCHBOARD__SERVER__KEY_FILE", key.as_str()),
        ("PATCHBOARD__LOG__LEVEL", "warn"),
    ];
    Server::start(simulator, &database.path(""), &more)
}

/// A first replica on a database that others can share, and somebody signed in at it; nothing where the tests run on a file.
async fn first_of_several() -> Option<(Database, Simulator, Server, Browser)> {
    let database = Database::new().await;
    if database.is_file() {
        return None;
    }
    let simulator = simulator(Arc::new(SystemClock), 60).await;
    let first = replica(&simulator, &database);
    let mut browser = Browser::new();
    browser.sign_in(&first).await;
    Some((database, simulator, first, browser))
}

#[tokio::test]
async fn replicas_make_the_code_of_the_first_administrator_once() {
    let app = TestApp::start().await;
    if app.database.is_file() {
        return;
    }
    let other = app.replica().await;
    let (one, two) = tokio::join!(app.services.first_code(), other.first_code());
    let made = |code: &FirstCode| matches!(code, FirstCode::Made(_));
    let (one, two) = (one.unwrap(), two.unwrap());
    assert!(made(&one) != made(&two), "{one:?} {two:?}");
    // Nobody has used it, and its time is over.
    app.advance(3601);
    assert!(made(&other.first_code().await.unwrap()));
}

/// A pooler in front of the tests' server. Ends with the value.
struct Pooler {
    process: std::process::Child,
    address: std::net::SocketAddr,
    _dir: tempfile::TempDir,
}

impl Pooler {
    fn start(database: &Database, settings: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let server = database.address().unwrap();
        let file = dir.path().join("pgbouncer.ini");
        let text = format!(
            "[databases]\n* = host={} port={} user=patchboard\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nauth_type = any\nunix_socket_dir =\n{settings}\n",
            server.ip(),
            server.port()
        );
        std::fs::write(&file, text).unwrap();
        // It refuses to run as root: then it runs as the user whom the server's package brings.
        let is_root = std::process::Command::new("id").arg("-u").output().unwrap().stdout.starts_with(b"0\n");
        let mut command = std::process::Command::new(if is_root { "runuser" } else { "pgbouncer" });
        if is_root {
            std::process::Command::new("chmod").args(["-R", "a+rX"]).arg(dir.path()).status().unwrap();
            command.args(["-u", "postgres", "--", "/usr/sbin/pgbouncer"]);
        }
        let process = command.arg("-q").arg(&file).stderr(std::process::Stdio::null()).spawn().unwrap();
        Self { process, address: std::net::SocketAddr::from(([127, 0, 0, 1], port)), _dir: dir }
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        // By a signal that `runuser` hands on; it may have ended by itself.
        let _ = std::process::Command::new("kill").arg(self.process.id().to_string()).status();
        let _ = self.process.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pooler_that_keeps_no_sessions_is_refused_with_what_to_set() {
    let database = Database::new().await;
    if database.is_file() {
        return;
    }
    for (settings, works) in [
        ("pool_mode = transaction", false),
        ("pool_mode = transaction\nignore_startup_parameters = extra_float_digits", false),
        ("pool_mode = session\nignore_startup_parameters = extra_float_digits", true),
    ] {
        let pooler = Pooler::start(&database, settings);
        let url = format!("postgres://patchboard@{}/{}", pooler.address, database.url().rsplit('/').next().unwrap());
        let opened = loop {
            match Store::open(&url).await {
                // It has not begun to listen yet.
                Err(StoreError::Reach { .. }) => tokio::task::yield_now().await,
                other => break other,
            }
        };
        match opened {
            Ok(store) => {
                assert!(works, "{settings}");
                store.close().await;
            }
            Err(error) => assert!(!works && error.to_string().contains("pool_mode = session"), "{settings}: {error}"),
        }
    }
}

#[tokio::test]
async fn many_requests_and_two_replicas_are_each_sent_once() {
    let app = TestApp::unread(400).await;
    app.sync().await;
    if app.database.is_file() {
        return;
    }
    let other = app.replica().await;
    let mut plans = Vec::new();
    for n in 0..6 {
        let instances = app.pickable(60)[n * 10..(n + 1) * 10].to_vec();
        let id = app.draft(&instances, 120).await;
        app.confirm(&id).await;
        plans.push((id, instances));
    }
    let (cloud, others) = (app.cloud(), other.clouds()[0].clone());
    // The other one has not looked since it began; what one has seen counts for both.
    other.sync_pass(&others).await.unwrap();
    let (mine, theirs) = tokio::join!(app.services.send_pass(&cloud), other.send_pass(&others));
    assert!(mine.is_ok() && theirs.is_ok());
    app.send().await;
    for (id, instances) in &plans {
        assert_eq!(app.tasks(instances), [1; 10]);
        assert_eq!(app.words(id).await, ["accepted"; 10]);
    }
    assert_eq!(app.creates(), 6);
}

#[tokio::test]
async fn what_one_replica_learns_of_a_cloud_all_know() {
    let app = TestApp::start().await;
    if app.database.is_file() {
        return;
    }
    let other = app.replica().await;
    let (id, _) = app.confirmed(1).await;
    let refused = Act::Refuse { status: 401, code: "APIGW.0301".to_owned(), message: "verify fail".to_owned(), retry_after: None };
    app.simulator.set_faults(vec![patchboard_simulator::Fault::on("", refused)]);
    app.send().await;
    let before = app.simulator.requests("");
    other.sync_pass(&other.clouds()[0]).await.unwrap();
    other.send_pass(&other.clouds()[0]).await.unwrap();
    assert_eq!(app.simulator.requests(""), before, "six refusals would lock the key, whoever makes them");
    assert!(other.sync_statuses().await.unwrap()[0].stopped);
    assert_eq!(app.words(&id).await, ["planned"]);
    // Somebody who signed in at one is signed in at the other.
    let person = app.person("li.na", &[Role::Operator]).await;
    let router = patchboard::server::router(other, patchboard::server::Front::default());
    let request = axum::http::Request::get("/plans").header("host", "localhost").header("cookie", &person.cookie);
    let answer = tower::ServiceExt::oneshot(router, request.body(axum::body::Body::empty()).unwrap()).await.unwrap();
    assert_eq!(answer.status(), axum::http::StatusCode::OK);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_work_of_a_replica_that_was_killed_is_taken_over_and_nothing_is_sent_twice() {
    let Some((database, simulator, first, browser)) = first_of_several().await else { return };
    let (plan, instance) = confirmed(&simulator, &first, &browser, Act::DoThenDelay { ms: 60_000 }).await;
    let second = replica(&simulator, &database);
    let page = format!("{}/plans/{plan}", second.url);
    assert!(browser.get(&page).await.contains("Sending"), "the session and the state are the other one's too");
    first.kill();
    browser.until(&page, "found in the list").await;
    assert_eq!(simulator.requests("db-upgrade/schedule-task"), 1);
    assert_eq!(simulator.world(|w| w.tasks_of(&instance).len()), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_was_stopped_and_wakes_up_sends_nothing_more() {
    let Some((database, simulator, first, browser)) = first_of_several().await else { return };
    let (plan, instance) = confirmed(&simulator, &first, &browser, Act::Hang { ms: 60_000 }).await;
    first.signal("STOP");
    let second = replica(&simulator, &database);
    let page = format!("{}/plans/{plan}", second.url);
    let doubt = browser.until(&page, "ended before the answer was recorded").await;
    assert!(doubt.contains("Will not be sent again before it is proved absent, at the earliest at"), "its call may still arrive");
    first.signal("CONT");
    // The one that woke up looks again like any other: both go on, and neither sends.
    browser.until(&format!("{}/doubt", first.url), "Looked at").await;
    browser.until(&format!("{}/doubt", second.url), "Looked at").await;
    assert_eq!(simulator.requests("db-upgrade/schedule-task"), 1);
    assert_eq!(simulator.world(|w| w.tasks_of(&instance).len()), 0, "the cloud did nothing, and nobody says it did");
}

#[tokio::test]
async fn two_approvals_on_two_replicas_are_two() {
    let policy = patchboard_domain::review::ReviewPolicy { approvals: 2, ..patchboard_domain::review::ReviewPolicy::default() };
    let app = TestApp::under(policy).await;
    if app.database.is_file() {
        return;
    }
    let other = app.replica().await;
    let dba = app.person("li.na", &[Role::Operator]).await;
    let (id, hash) = dba.asked(1).await;
    let mut leads = Vec::new();
    for name in ["wang.wei", "zhao.min"] {
        app.person(name, &[Role::Approver]).await;
        leads.push(patchboard_domain::account::Actor::person(&app.services.user_named(name).await.unwrap(), "127.0.0.1"));
    }
    let ruling = || patchboard_backend::Ruling {
        hash: &hash,
        verdict: patchboard_domain::review::Verdict::Approve,
        comment: "",
        count: "",
        shown: None,
    };
    let (a, b) = tokio::join!(app.services.decide(&leads[0], &id, ruling()), other.decide(&leads[1], &id, ruling()));
    assert!(a.is_ok() && b.is_ok(), "{a:?} {b:?}");
    assert_eq!(app.words(&id).await, ["planned"], "neither missed the other");
}

#[tokio::test]
async fn three_replicas_share_one_pace_at_a_cloud_that_throttles() {
    let app = TestApp::start().await;
    if app.database.is_file() {
        return;
    }
    let app = app.reopened(|settings| settings.calls_per_minute = None).await;
    app.sync().await;
    let mut plans = Vec::new();
    for instance in app.pickable(15) {
        let id = app.draft(std::slice::from_ref(&instance), 180).await;
        app.confirm(&id).await;
        plans.push((id, instance));
    }
    let others = [app.replica_as(|s| s.calls_per_minute = None).await, app.replica_as(|s| s.calls_per_minute = None).await];
    app.simulator.world(|w| w.switches.requests_per_minute = 10);
    for _ in 0..60 {
        let [a, b] = &others;
        let (cloud, of_a, of_b) = (app.cloud(), a.clouds()[0].clone(), b.clouds()[0].clone());
        let (one, two, three) = tokio::join!(app.services.send_pass(&cloud), a.send_pass(&of_a), b.send_pass(&of_b));
        assert!(one.is_ok() && two.is_ok() && three.is_ok());
        app.advance(10);
        app.sync().await;
    }
    for (id, instance) in &plans {
        assert_eq!((app.words(id).await, app.tasks(std::slice::from_ref(instance))), (vec!["accepted"], vec![1]));
    }
    let refused = app.count("SELECT COUNT(*) FROM attempts WHERE outcome = 'not_sent'").await;
    assert!(refused <= 6, "what one of them was refused, all of them heed: {refused} refusals for 15 calls");
}

/// A machine whose clock is off.
struct Off(Duration);

impl Clock for Off {
    fn now(&self) -> DateTime<Utc> {
        SystemClock.now() + self.0
    }

    fn is_the_machines(&self) -> bool {
        true
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_whose_clock_is_off_takes_nothing_from_those_at_work() {
    let Some((database, simulator, first, browser)) = first_of_several().await else { return };
    // Longer than its lease, which is renewed meanwhile.
    let (plan, instance) = confirmed(&simulator, &first, &browser, Act::DoThenDelay { ms: 5_000 }).await;
    let clock: Arc<dyn Clock> = Arc::new(Off(Duration::minutes(10)));
    let mut settings = crate::support::settings(simulator.url());
    "ap-southeast-1".clone_into(&mut settings.name);
    let cloud = Cloud::new(settings, clock.clone()).unwrap();
    let policy = Policy { lease_seconds: 2, settle_seconds: 1, sync_seconds: 1, ..Policy::default() };
    let store = Store::open(database.url()).await.unwrap();
    let ahead = Services::new(store, clock, vec![cloud], policy, Ways { seal: None, sso: None }).await.unwrap();
    let workers = Workers::start(&ahead);
    let page = browser.until(&format!("{}/plans/{plan}", first.url), "Pending").await;
    assert!(!page.contains("ended before the answer was recorded"), "by the database's clock it was at work all the time");
    assert_eq!(simulator.requests("db-upgrade/schedule-task"), 1);
    assert_eq!(simulator.world(|w| w.tasks_of(&instance).len()), 1);
    workers.stop().await;
}

/// What a proxy in front does: asks one after the other until one takes the connection; a refused one was asked nothing.
async fn asked(client: &reqwest::Client, urls: &[String], from: usize, path: &str, cookie: &str) -> Result<u16, String> {
    let mut last = String::new();
    for n in 0..urls.len() {
        let url = format!("{}{path}", urls[(from + n) % urls.len()]);
        match client.get(url).header("accept", "text/html").header("cookie", cookie).send().await {
            Ok(answer) => return Ok(answer.status().as_u16()),
            Err(error) if error.is_connect() => last = error.to_string(),
            Err(error) => return Err(error.to_string()),
        }
    }
    Err(last)
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_that_are_exchanged_one_after_the_other_fail_no_request_and_send_once() {
    let Some((database, simulator, first, browser)) = first_of_several().await else { return };
    let plan = crate::crash::ready(&simulator, &first, &browser).await;
    let second = replica(&simulator, &database);
    let urls = Arc::new(std::sync::Mutex::new(vec![first.url.clone(), second.url.clone()]));
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let load = {
        let (urls, cookie) = (urls.clone(), browser.1.clone());
        tokio::spawn(async move {
            let client = reqwest::Client::builder().no_proxy().pool_max_idle_per_host(0).build().unwrap();
            let (mut good, mut bad) = (0, Vec::new());
            for n in 0.. {
                if *stopped.borrow() {
                    break;
                }
                let now = urls.lock().unwrap().clone();
                let path = ["/", "/instances", "/plans", "/tasks", "/readyz"][n % 5];
                match asked(&client, &now, n, path, &cookie).await {
                    Ok(200) => good += 1,
                    other => bad.push(format!("{path}: {other:?}")),
                }
            }
            (good, bad)
        })
    };
    browser.post(&format!("{}/api/plans/confirm", second.url), &plan.fields()).await;
    let mut now = vec![first, second];
    for _ in 0..2 {
        let old = now.remove(0);
        let fresh = replica(&simulator, &database);
        urls.lock().unwrap().push(fresh.url.clone());
        now.push(fresh);
        old.signal("TERM");
        let gone = old.url.clone();
        assert!(old.ended().success());
        urls.lock().unwrap().retain(|url| *url != gone);
    }
    browser.until(&format!("{}/plans/{}", now[0].url, plan.plan), "Pending").await;
    stop.send(true).unwrap();
    let (good, bad) = load.await.unwrap();
    assert!(bad.is_empty() && good > 0, "{good} good, {bad:?}");
    assert_eq!(simulator.requests("db-upgrade/schedule-task"), 1);
    assert_eq!(simulator.world(|w| w.tasks_of(&plan.instance).len()), 1);
}
