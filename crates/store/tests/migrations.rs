//! A database of every version there was is brought up to date with what is in it, on either engine; nothing is lost on the way.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, and the environment tells it which engines there are"
)]

use patchboard_domain::{
    id::{CloudName, PlanId},
    send::ItemState,
};
use patchboard_store::{Error, Store};
use sqlx::{AnyConnection, AssertSqlSafe, ConnectOptions, any::AnyConnectOptions, migrate::Migrator};
use std::path::{Path, PathBuf};

async fn connect(url: &str) -> AnyConnection {
    sqlx::any::install_default_drivers();
    url.parse::<AnyConnectOptions>().unwrap().connect().await.unwrap()
}

fn directory(engine: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations").join(engine)
}

fn files(engine: &str) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(directory(engine)).unwrap().map(|f| f.unwrap().path()).collect();
    files.sort();
    files
}

/// A database as version `n` left it.
async fn of_version(n: usize, engine: &str, dir: &Path) -> String {
    let old = dir.join(format!("{engine}-{n}"));
    std::fs::create_dir(&old).unwrap();
    for file in &files(engine)[..n] {
        std::fs::copy(file, old.join(file.file_name().unwrap())).unwrap();
    }
    let url = if engine == "sqlite" {
        let file = dir.join(format!("v{n}.db"));
        std::fs::write(&file, "").unwrap();
        format!("sqlite:{}", file.display())
    } else {
        let server = std::env::var("PATCHBOARD_TEST_POSTGRES").unwrap();
        static NEXT: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
        let name = format!("m{}x{}", std::process::id(), NEXT.fetch_add(1, std::sync::atomic::Ordering::SeqCst));
        let create = format!("CREATE DATABASE {name}");
        sqlx::raw_sql(AssertSqlSafe(create)).execute(&mut connect(&format!("{server}/postgres")).await).await.unwrap();
        format!("{server}/{name}")
    };
    let mut connection = connect(&url).await;
    Migrator::new(old).await.unwrap().run_direct(None, &mut connection, false).await.unwrap();
    let request = r#"{"engine":"3.208.0","patches":["3.208.0.7"],"instances":["b","a"],"body":"{}","hash":"h"}"#;
    let draft = r#"{"title":"old","reason":"","ticket":"","instances":["b","a"],"pasted":"","patches":[],"start_local":"","zone":"UTC","fold":null}"#;
    let rows = format!(
        "INSERT INTO plans (id, cloud, draft, revision, created_at, updated_at, submitted_at, start_at) VALUES ('p', 'c', '{draft}', 1, 1, 1, 1, 99);
         INSERT INTO requests (plan, position, doc) VALUES ('p', 0, '{request}');
         INSERT INTO items (plan, position, cloud, instance, state, doc) VALUES ('p', 0, 'c', 'b', 'planned', '{{\"is\":\"planned\"}}');
         INSERT INTO items (plan, position, cloud, instance, state, doc) VALUES ('p', 0, 'c', 'a', 'sending', '{{\"is\":\"sending\"}}');
         INSERT INTO attempts (plan, position, number, instances, body, began_at) VALUES ('p', 0, 1, '[\"a\"]', '{{}}', 5)"
    );
    sqlx::raw_sql(AssertSqlSafe(rows)).execute(&mut connection).await.unwrap();
    url
}

fn engines() -> Vec<&'static str> {
    if std::env::var("PATCHBOARD_TEST_POSTGRES").is_ok() { vec!["sqlite", "postgres"] } else { vec!["sqlite"] }
}

#[tokio::test]
async fn every_version_there_was_is_brought_up_to_date_with_what_is_in_it() {
    let dir = tempfile::tempdir().unwrap();
    for engine in engines() {
        for n in 1..=files(engine).len() {
            let url = of_version(n, engine, dir.path()).await;
            let store = Store::open(&url).await.unwrap();
            let plan = store.plan(&PlanId::new("p")).await.unwrap().unwrap();
            assert_eq!(plan.draft.title, "old", "{engine} {n}");
            let items = store.items(&plan.id).await.unwrap();
            assert!(items.iter().any(|i| i.state == ItemState::Sending) && items.len() == 2, "{engine} {n}");
            if engine == "sqlite" {
                assert_eq!(items[0].instance.as_str(), "b", "{n}: in the order of the body");
            }
            let open = store.open_entries(&CloudName::new("c")).await.unwrap();
            assert_eq!(open.len(), 1, "{engine} {n}: what was being sent is found");
            store.close().await;
            // Once more changes nothing.
            Store::open(&url).await.unwrap().close().await;
        }
    }
}

#[tokio::test]
async fn a_file_is_copied_before_its_schema_changes_and_no_copy_is_written_over() {
    let dir = tempfile::tempdir().unwrap();
    let url = of_version(2, "sqlite", dir.path()).await;
    let file = dir.path().join("v2.db");
    let original = dir.path().join("original");
    std::fs::copy(&file, &original).unwrap();
    Store::open(&url).await.unwrap().close().await;
    let copy = dir.path().join("v2.db.schema-2");
    let count = "SELECT COUNT(*) FROM items";
    let kept: i64 = sqlx::query_scalar(count).fetch_one(&mut connect(&format!("sqlite:{}", copy.display())).await).await.unwrap();
    assert_eq!(kept, 2);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(&copy).unwrap().permissions().mode() & 0o777, 0o600, "it holds what the file holds");
    }
    // The copy of before comes back, and is brought up to date once more.
    std::fs::copy(&original, &file).unwrap();
    Store::open(&url).await.unwrap().close().await;
    assert!(dir.path().join("v2.db.schema-2.2").exists());
    assert!(!dir.path().join("v2.db.schema-2.part").exists() && !dir.path().join("v2.db.schema-4").exists());
}

#[tokio::test]
async fn a_migration_that_fails_leaves_what_was_there() {
    let dir = tempfile::tempdir().unwrap();
    for engine in engines() {
        let url = of_version(3, engine, dir.path()).await;
        // Something in the way of the last statement of the next one: whatever it did before is undone.
        let mut connection = connect(&url).await;
        sqlx::raw_sql("CREATE TABLE holds (x TEXT)").execute(&mut connection).await.unwrap();
        assert!(matches!(Store::open(&url).await, Err(Error::Migration(_))), "{engine}");
        let version: i64 = sqlx::query_scalar("SELECT MAX(version) FROM _sqlx_migrations").fetch_one(&mut connection).await.unwrap();
        assert_eq!(version, 3, "{engine}");
        assert!(sqlx::query("SELECT ordinal FROM items").fetch_optional(&mut connection).await.is_err(), "{engine}: none of it");
        sqlx::raw_sql("DROP TABLE holds").execute(&mut connection).await.unwrap();
        Store::open(&url).await.unwrap().close().await;
    }
}

#[tokio::test]
async fn who_began_and_who_last_changed_an_older_plan_are_its_editors() {
    let dir = tempfile::tempdir().unwrap();
    for engine in engines() {
        let url = of_version(5, engine, dir.path()).await;
        sqlx::raw_sql("UPDATE plans SET author = 'a', edited_by = 'b'").execute(&mut connect(&url).await).await.unwrap();
        Store::open(&url).await.unwrap().close().await;
        let count = "SELECT COUNT(*) FROM plan_editors WHERE plan = 'p' AND user_id IN ('a', 'b')";
        let found: i64 = sqlx::query_scalar(count).fetch_one(&mut connect(&url).await).await.unwrap();
        assert_eq!(found, 2, "{engine}");
    }
}

#[test]
fn both_engines_have_the_same_migrations() {
    let names = |engine| files(engine).iter().map(|f| f.file_name().unwrap().to_owned()).collect::<Vec<_>>();
    assert_eq!(names("sqlite"), names("postgres"));
}

#[tokio::test]
async fn writers_that_queue_share_a_flush_and_each_is_told_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(&format!("sqlite:{}", dir.path().join("g.db").display())).await.unwrap();
    let mut writers = tokio::task::JoinSet::new();
    for n in 0..100 {
        let store = store.clone();
        writers.spawn(async move {
            let hash = format!("answer-{}", n % 60);
            (n, store.use_answer(&hash, chrono::DateTime::UNIX_EPOCH).await)
        });
    }
    let results = writers.join_all().await;
    let used = results.iter().filter(|(_, r)| r.is_ok()).count();
    assert_eq!(used, 60, "each answer once, whoever came in the same flush");
    assert!(results.iter().all(|(_, r)| matches!(r, Ok(()) | Err(Error::Conflict))));
    assert!(store.flushes() < 60, "{} flushes for 60 writes", store.flushes());
    store.close().await;
    let again = Store::open(&format!("sqlite:{}", dir.path().join("g.db").display())).await.unwrap();
    assert!(matches!(again.use_answer("answer-7", chrono::DateTime::UNIX_EPOCH).await, Err(Error::Conflict)), "it was on disk");
}
