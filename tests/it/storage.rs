//! What happens to databases: torn, damaged, locked, away, full. Nothing is sent on the word of one that cannot be relied on.

use crate::{
    database::Database,
    process::{Browser, Server},
    support::{TestApp, simulator},
};
use axum::http::StatusCode;
use patchboard_backend::{Policy, Store, Workers, clock::SystemClock};
use patchboard_domain::{account::Role, id::PlanId, review::ReviewPolicy, send::ItemState};
use patchboard_simulator::{
    Act, Fault,
    proxy::{Proxy, Toxic, Way},
};
use sqlx::{AnyConnection, AssertSqlSafe};
use std::{process::Command, sync::Arc};

/// Bytes of the header of a write-ahead log, and of each frame before its page. <https://www.sqlite.org/fileformat2.html#walformat>
const WAL_HEADER: usize = 32;
const FRAME_HEADER: usize = 24;

#[tokio::test]
async fn a_log_torn_anywhere_is_a_database_of_an_earlier_moment() {
    let app = TestApp::start().await;
    if !app.database.is_file() {
        return;
    }
    let (id, instances) = app.confirmed(2).await;
    let (db, wal) = (app.database.path("test.db"), app.database.path("test.db-wal"));
    let before = std::fs::metadata(&wal).unwrap().len() as usize;
    app.send().await;
    let (file, log) = (std::fs::read(&db).unwrap(), std::fs::read(&wal).unwrap());
    assert!(log.len() > before, "the log was not folded in meanwhile");
    let page = usize::from(u16::from_be_bytes([file[16], file[17]]));
    let frame = FRAME_HEADER + page;
    let first = (before - WAL_HEADER) / frame;
    let mut seen = std::collections::BTreeSet::new();
    for end in (first..=(log.len() - WAL_HEADER) / frame).flat_map(|n| [n * frame, n * frame + frame / 2]) {
        let end = (WAL_HEADER + end).min(log.len());
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("torn.db");
        std::fs::write(&path, &file).unwrap();
        std::fs::write(dir.path().join("torn.db-wal"), &log[..end]).unwrap();
        let url = format!("sqlite:{}", path.display());
        Store::check_file(&url).await.unwrap();
        let store = Store::open(&url).await.unwrap();
        let words: Vec<_> = store.items(&id).await.unwrap().into_iter().map(|i| i.state.word()).collect();
        let (intents, sending) = (store.attempts(&id).await.unwrap().len(), words.contains(&"sending") || words.contains(&"accepted"));
        assert_eq!(intents == 1, sending, "{end}: an intent and its state, or neither");
        seen.insert(words.join(" "));
        store.close().await;
    }
    let expected = ["accepted accepted", "planned planned", "sending sending"];
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), expected, "each moment, and none in between; {instances:?}");
}

/// Dropped inside `BEGIN` or `COMMIT`, a connection must not be used again: the next one's work would belong to it. On PostgreSQL
/// `cargo xtask test` looks through the log of the server for transactions that were not what we believed.
#[tokio::test]
async fn a_writer_that_is_dropped_anywhere_harms_no_other() {
    let app = TestApp::start().await;
    let store = Store::open(app.database.url()).await.unwrap();
    for polls in 0..120 {
        let cloud = app.cloud();
        let lease = format!("dropped {polls}");
        let mut write = Box::pin(store.take_lease(&lease, "one", 60));
        for _ in 0..polls {
            if futures_util::poll!(&mut write).is_ready() {
                break;
            }
            // The server answers in its own time.
            tokio::task::yield_now().await;
        }
        drop(write);
        assert!(store.take_lease(&format!("after {polls}"), "two", 60).await.unwrap());
        store.on_cloud(cloud.name(), |_, _| ()).await.unwrap();
    }
    let kept = "SELECT COUNT(*) FROM leases WHERE name LIKE 'after %'";
    assert_eq!(app.database.count(kept).await, 120, "each was kept, whatever became of the one before it");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_page_is_said_at_the_start_and_a_changed_entry_puts_everything_on_hold() {
    let simulator = simulator(Arc::new(SystemClock), 60).await;
    let dir = tempfile::tempdir().unwrap();
    let mut browser = Browser::new();
    let server = Server::start(&simulator, dir.path(), &[]);
    browser.sign_in(&server).await;
    browser.until(&format!("{}/instances", server.url), "60 match").await;
    server.signal("TERM");
    server.ended();

    let path = dir.path().join("crash.db");
    let whole = std::fs::read(&path).unwrap();
    let url = format!("sqlite:{}", path.display());
    let database = Database::at(&url);
    database.unguard_ledger().await;
    database.edit("UPDATE ledger SET body = body || ' ' WHERE seq = 2").await.unwrap();
    let server = Server::start(&simulator, dir.path(), &[]);
    let page = browser.get(&format!("{}/doubt", server.url)).await;
    assert!(page.contains("the ledger is broken") && page.contains("entry 2 was changed"), "who opens it sees why nothing is sent");
    server.signal("TERM");
    server.ended();

    let mut damaged = whole;
    let middle = damaged.len() / 2 / 4096 * 4096;
    damaged[middle..middle + 4096].fill(0xa5);
    std::fs::write(&path, &damaged).unwrap();
    let run = Command::new(env!("CARGO_BIN_EXE_patchboard"))
        .arg("serve")
        .env("PATCHBOARD__STORE__URL", &url)
        .env("PATCHBOARD__SERVER__LISTEN", "127.0.0.1:0")
        .env("PATCHBOARD__CLOUD__REGION", "ap-southeast-1")
        .env("HUAWEICLOUD_SDK_AK", "x")
        .env("HUAWEICLOUD_SDK_SK", "y")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&run.stderr).into_owned();
    assert!(!run.status.success() && said.contains("is damaged") && said.contains("restore a copy"), "{said}");
    assert_eq!(std::fs::read(&path).unwrap(), damaged, "nothing was written into it");
}

#[tokio::test]
async fn a_long_reader_and_another_writer_delay_and_lose_nothing() {
    let app = TestApp::start().await;
    if !app.database.is_file() {
        return;
    }
    let instances = app.pickable(1);
    let id = app.draft(&instances, 120).await;
    app.draft_view(&id).await;
    let mut reader = app.database.connection().await;
    sqlx::raw_sql("BEGIN; SELECT COUNT(*) FROM ledger").execute(&mut reader).await.unwrap();
    let mut writer = app.database.connection().await;
    sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut writer).await.unwrap();
    let release = async {
        // Ours waits in line by now, or comes too late to: either way it must get through.
        tokio::task::yield_now().await;
        sqlx::raw_sql("COMMIT").execute(&mut writer).await.unwrap();
    };
    let (answer, ()) = tokio::join!(app.confirm(&id), release);
    assert_eq!(answer.location, format!("/plans/{id}"));
    for _ in 0..30 {
        app.sync().await;
    }
    app.send().await;
    let grown = std::fs::metadata(app.database.path("test.db-wal")).unwrap().len();
    sqlx::raw_sql("COMMIT").execute(&mut reader).await.unwrap();
    for _ in 0..30 {
        app.sync().await;
    }
    let after = std::fs::metadata(app.database.path("test.db-wal")).unwrap().len();
    assert_eq!((app.words(&id).await, app.tasks(&instances)), (vec!["accepted"], vec![1]));
    assert!(after <= grown.max(8 * 1024 * 1024), "the log is used again once nobody reads it: {grown} then {after} bytes");
}

#[tokio::test]
async fn a_copy_is_made_while_it_runs_and_never_over_another() {
    let app = TestApp::start().await;
    let (id, _) = app.confirmed(1).await;
    let copy = app.database.path("copy.db");
    let backup = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_patchboard"));
        command.arg("backup").arg(&copy).env("PATCHBOARD__STORE__URL", app.database.url()).output().unwrap()
    };
    let run = backup();
    if !app.database.is_file() {
        assert!(!run.status.success() && String::from_utf8_lossy(&run.stderr).contains("pg_dump"));
        return;
    }
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let again = backup();
    assert!(!again.status.success() && String::from_utf8_lossy(&again.stderr).contains("exists already"));
    let app = app.restored(format!("sqlite:{}", copy.display())).await;
    assert_eq!(app.words(&id).await, ["planned"]);
    app.sync().await;
    app.send().await;
    assert_eq!(app.words(&id).await, ["accepted"], "it is a whole Patchboard");
}

/// Between Patchboard and its database server.
async fn behind_a_proxy() -> Option<(TestApp, Proxy)> {
    let database = Database::new().await;
    let address = database.address()?;
    let proxy = Proxy::start(address).await.unwrap();
    let app = TestApp::on(database.reached_at(proxy.address())).await;
    Some((app, proxy))
}

#[tokio::test]
async fn a_database_that_is_away_stops_all_sending_and_is_said_until_it_is_back() {
    let Some((app, proxy)) = behind_a_proxy().await else { return };
    let (id, instances) = app.confirmed(1).await;
    proxy.set(vec![Toxic::Refuse]).await.unwrap();
    assert!(app.services.send_pass(&app.cloud()).await.is_err());
    assert_eq!(app.creates(), 0, "what cannot be written down does not leave");
    assert_eq!(app.get("/readyz").await.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(app.get("/healthz").await.status, StatusCode::OK, "the process itself is alive");
    proxy.set(Vec::new()).await.unwrap();
    app.until(async || app.get("/readyz").await.status == StatusCode::OK).await;
    app.sync().await;
    app.send().await;
    assert_eq!((app.words(&id).await, app.creates(), app.tasks(&instances)), (vec!["accepted"], 1, vec![1]));
}

/// Waits until so many sessions of the database, beside this one, are so.
async fn sessions(direct: &mut AnyConnection, condition: &str, holds: fn(i64) -> bool) {
    let count = format!(
        "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND backend_type = 'client backend'
         AND pid <> pg_backend_pid() AND {condition}"
    );
    loop {
        // What is seen of other sessions stays the same within a transaction.
        sqlx::query("SELECT pg_stat_clear_snapshot()::TEXT").execute(&mut *direct).await.unwrap();
        if holds(sqlx::query_scalar(AssertSqlSafe(count.clone())).fetch_one(&mut *direct).await.unwrap()) {
            return;
        }
        tokio::task::yield_now().await;
    }
}

/// Locks something, waits until our Patchboard waits for it, and goes silent. What it waits for it gets, and never hears of it; the server
/// ends its session, and it does not hear of that either.
async fn go_silent(direct: &mut AnyConnection, proxy: &Proxy, lock: &'static str, work: impl Future<Output = ()>) {
    sqlx::raw_sql(AssertSqlSafe(format!("BEGIN; {lock}"))).execute(&mut *direct).await.unwrap();
    let silence = async {
        sessions(direct, "wait_event_type = 'Lock'", |waiting| waiting > 0).await;
        proxy.set(vec![Toxic::Timeout(Way::Down)]).await.unwrap();
        sqlx::raw_sql("ROLLBACK; SELECT pg_advisory_unlock_all()::TEXT").execute(&mut *direct).await.unwrap();
        sessions(direct, "state <> 'idle'", |working| working == 0).await;
        proxy.set(Vec::new()).await.unwrap();
    };
    let both = async { tokio::join!(work, silence) };
    tokio::time::timeout(std::time::Duration::from_secs(90), both).await.expect("it gives up");
}

/// A Patchboard that gives up on its database after two seconds, with one confirmed plan.
async fn impatient() -> Option<(TestApp, Proxy, AnyConnection, PlanId)> {
    let database = Database::new().await;
    let address = database.address()?;
    let direct = database.connection().await;
    let proxy = Proxy::start(address).await.unwrap();
    let policy = Policy {
        review: ReviewPolicy::none(),
        production: Vec::new(),
        confirm_minutes: 0,
        sends_at_once: 1,
        sync_seconds: 1,
        silent_seconds: 2,
        ..Policy::default()
    };
    let app = TestApp::fork(database.reached_at(proxy.address()), policy).await;
    app.sync().await;
    let (id, _) = app.confirmed(1).await;
    app.advance(60);
    Some((app, proxy, direct, id))
}

#[tokio::test]
async fn a_database_that_goes_silent_keeps_no_loop_for_ever() {
    let Some((app, proxy, mut direct, id)) = impatient().await else { return };
    let looked = async || app.services.sync_status(&app.cloud()).await.unwrap().tasks_at;
    let before = looked().await;
    let mut workers = None;
    // Whoever writes first waits for this lock.
    go_silent(&mut direct, &proxy, "SELECT pg_advisory_lock(7282627301)::TEXT", async {
        workers = Some(Workers::start(&app.services));
    })
    .await;
    app.until(async || looked().await > before).await;
    app.until(async || app.words(&id).await == ["accepted"]).await;
    workers.unwrap().stop().await;
    assert_eq!(app.creates(), 1);
}

#[tokio::test]
async fn a_look_and_a_sender_that_hear_nothing_give_up_and_begin_anew() {
    let Some((app, proxy, mut direct, id)) = impatient().await else { return };
    go_silent(&mut direct, &proxy, "LOCK TABLE tasks IN EXCLUSIVE MODE", async {
        assert!(app.services.sync_pass(&app.cloud()).await.is_err());
    })
    .await;
    let page = app.get("/instances").await.body;
    assert!(page.contains("Neither the cloud nor the database answered for too long"), "{page}");
    assert!(!page.contains("Reading the cloud"), "nothing is under way any more");
    app.sync().await;
    assert!(!app.get("/instances").await.body.contains("Neither the cloud nor the database"));
    // The intent stands or does not: nobody has heard it, and nothing has left.
    go_silent(&mut direct, &proxy, "LOCK TABLE attempts IN EXCLUSIVE MODE", async {
        assert!(app.services.send_pass(&app.cloud()).await.is_err());
    })
    .await;
    assert_eq!(app.creates(), 0);
    for _ in 0..3 {
        app.advance(130);
        app.sync().await;
        app.send().await;
    }
    assert_eq!((app.words(&id).await, app.creates()), (vec!["accepted"], 1));
}

#[tokio::test]
async fn a_request_that_cannot_be_read_holds_up_nothing_else() {
    let app = TestApp::start().await;
    let (lost, _) = app.confirmed(1).await;
    app.simulator.set_faults(vec![Fault::on_create(1, Act::DoThenDrop)]);
    app.send().await;
    app.sql(&format!("UPDATE attempts SET ended_at = NULL, known = 'x' WHERE plan = '{lost}'")).await;
    let looked = async || app.services.sync_status(&app.cloud()).await.unwrap().tasks_at;
    let before = looked().await;
    let (id, instances) = app.confirmed(1).await;
    app.advance(60);
    app.sync().await;
    app.send().await;
    assert_eq!((app.words(&id).await, app.tasks(&instances)), (vec!["accepted"], vec![1]));
    assert!(looked().await > before);
    // Nobody is at work on it any more, and nobody can say what became of it: a person sees it.
    app.sql(&format!("UPDATE items SET state = 'sending', doc = '{{\"is\":\"sending\"}}' WHERE plan = '{lost}'")).await;
    app.sql(&format!("UPDATE requests SET claimed_by = NULL, claimed_until = NULL WHERE plan = '{lost}'")).await;
    app.send().await;
    assert!(app.get("/").await.body.contains("1 instance in doubt"));
    assert!(app.get("/doubt").await.body.contains("Sending ended without a record of the answer"));
    // Its state cannot be read either: it is not said that nothing was sent.
    app.sql(&format!("UPDATE items SET doc = 'x' WHERE plan = '{lost}'")).await;
    assert_eq!(app.get("/doubt").await.status, StatusCode::OK);
    app.sync().await;
    assert_eq!(app.count("SELECT COUNT(*) FROM items WHERE state = 'stopped' AND doc LIKE '%no_proof%'").await, 1);
}

#[tokio::test]
async fn a_row_that_cannot_be_read_takes_no_page_from_the_others() {
    let app = TestApp::start().await;
    let (id, _) = app.confirmed(2).await;
    app.send().await;
    let (other, instances) = app.confirmed(1).await;
    app.send().await;
    app.sync().await;
    let task = app.simulator.world(|w| w.tasks_of(&instances[0])[0].id.replace('-', ""));
    app.person("sam", &[Role::Viewer]).await;
    app.post("/api/tasks/order", &[("cloud", "test"), ("task", &task), ("what", "cancel")]).await;
    let mut edits = vec![
        format!("UPDATE items SET doc = 'x' WHERE plan = '{id}'"),
        format!("UPDATE plans SET draft = 'x' WHERE id = '{id}'"),
        "UPDATE orders SET doc = 'x'".to_owned(),
    ];
    if app.database.is_file() {
        edits.extend([
            "UPDATE users SET full_name = x'fffe00' WHERE name = 'sam'".to_owned(),
            "UPDATE catalogue SET patch = CAST(patch AS BLOB)".to_owned(),
            format!("UPDATE plans SET updated_at = 'x' WHERE id = '{id}'"),
            "UPDATE tasks SET start_at = 'x'".to_owned(),
        ]);
    }
    for edit in edits {
        app.sql(&edit).await;
        for page in ["/", "/plans", "/doubt", "/tasks", "/instances", "/people"] {
            let page_of_task = edit.contains("UPDATE tasks") && page == "/instances";
            assert!(app.get(page).await.status == StatusCode::OK || page_of_task, "{page} after {edit}");
        }
        assert_eq!(app.get(&format!("/plans/{other}")).await.status, StatusCode::OK, "{edit}");
    }
    // A number beyond all others is shown, and nothing is counted past it.
    let app = TestApp::start().await;
    let (id, _) = app.confirmed(1).await;
    app.send().await;
    for table in ["items", "requests", "attempts"] {
        app.sql(&format!("UPDATE {table} SET position = 9223372036854775807")).await;
    }
    for page in [format!("/plans/{id}"), format!("/plans/{id}/record")] {
        assert_eq!(app.get(&page).await.status, StatusCode::OK, "{page}");
    }
}

#[tokio::test]
async fn connections_that_went_silent_are_given_up() {
    let database = Database::new().await;
    let Some(address) = database.address() else { return };
    let mut direct = database.connection().await;
    let proxy = Proxy::start(address).await.unwrap();
    let app = TestApp::on(database.reached_at(proxy.address())).await;
    sqlx::raw_sql("BEGIN; LOCK TABLE plans IN ACCESS EXCLUSIVE MODE").execute(&mut direct).await.unwrap();
    let silent = async {
        // As many as there are connections.
        sessions(&mut direct, "wait_event_type = 'Lock'", |waiting| waiting == 12).await;
        proxy.set(vec![Toxic::Timeout(Way::Down)]).await.unwrap();
        sqlx::raw_sql("ROLLBACK").execute(&mut direct).await.unwrap();
        sessions(&mut direct, "state <> 'idle'", |working| working == 0).await;
    };
    // One that has waited too long for the lock is asked for again.
    let asking = (0..12).map(|_| async {
        loop {
            app.get("/plans").await;
        }
    });
    tokio::select! {
        _ = futures_util::future::join_all(asking) => {}
        () = silent => {}
    }
    proxy.set(Vec::new()).await.unwrap();
    app.until(async || app.get("/plans").await.status == StatusCode::OK).await;
}

#[tokio::test]
async fn a_database_whose_answer_is_lost_in_the_middle_has_no_effect_twice() {
    // The connection ends after so many bytes of its answers: in each of the statements around the call, commits among them.
    for bytes in [40, 400, 900, 1_500, 2_500, 4_000, 6_000] {
        let Some((app, proxy)) = behind_a_proxy().await else { return };
        let (id, instances) = app.confirmed(1).await;
        proxy.set(vec![Toxic::LimitData(Way::Down, bytes)]).await.unwrap();
        // It may get through, if it needs less.
        let _ = app.services.send_pass(&app.cloud()).await;
        proxy.set(Vec::new()).await.unwrap();
        for _ in 0..12 {
            // A connection that broke may be found broken only now.
            app.advance(130);
            let _ = app.services.sync_pass(&app.cloud()).await;
            let _ = app.services.send_pass(&app.cloud()).await;
        }
        assert!(matches!(app.state(&id, &instances[0]).await, ItemState::Accepted { .. }), "{bytes}: {:?}", app.words(&id).await);
        assert_eq!(app.tasks(&instances), [1], "{bytes}");
    }
}
