//! The command line as a person uses it.

use crate::support::simulator;
use patchboard_backend::clock::SystemClock;
use patchboard_simulator::{ACCESS_KEY, SECRET_KEY};
use std::{
    process::{Command, Output, Stdio},
    sync::Arc,
};

fn patchboard(args: &[&str], env: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_patchboard"));
    command.args(args).envs(env.iter().copied()).output().unwrap()
}

fn said(output: &Output) -> (Option<i32>, String, String) {
    (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn another_address_than_loopback_is_refused_with_the_reason() {
    for args in [&["demo", "--listen", "0.0.0.0:0"][..], &["simulator", "--listen", "0.0.0.0:0"]] {
        let (code, _, error) = said(&patchboard(args, &[]));
        assert_eq!(code, Some(2), "{error}");
        assert!(error.contains("loopback"), "{error}");
    }
    let (code, _, error) = said(&patchboard(&["serve"], &[("PATCHBOARD__SERVER__LISTEN", "[::]:3000")]));
    assert!(code == Some(2) && error.contains("SSH tunnel"), "{error}");
}

#[test]
fn help_and_defaults_are_the_manual() {
    let (code, help, _) = said(&patchboard(&["--help"], &[]));
    assert_eq!(code, Some(0));
    for word in ["serve", "demo", "simulator", "check", "config", "Exit codes"] {
        assert!(help.contains(word), "{word}");
    }
    let (_, defaults, _) = said(&patchboard(&["config"], &[]));
    assert!(defaults.contains("lead_minutes = 30") && defaults.parse::<toml::Table>().is_ok());
    let (code, _, error) = said(&patchboard(&["serve"], &[]));
    assert!(code == Some(2) && error.contains("PATCHBOARD__CLOUD__REGION"), "{error}");
}

#[test]
fn a_database_of_something_else_is_left_alone_and_named() {
    let dir = tempfile::tempdir().unwrap();
    let refused = |name: &str| {
        let url = format!("sqlite:{}", dir.path().join(name).display());
        let (code, _, error) = said(&patchboard(&["check"], &[("PATCHBOARD__STORE__URL", &url)]));
        assert_eq!(code, Some(1), "{error}");
        assert!(error.contains(name), "{error}");
        error
    };
    std::fs::write(dir.path().join("noise.db"), vec![7; 4096]).unwrap();
    assert!(refused("noise.db").contains("is it a file of Patchboard"));
    std::fs::create_dir(dir.path().join("folder.db")).unwrap();
    refused("folder.db");
    for (url, hint) in
        [("mysql://user:canary-password@host/db", "sqlite:PATH"), ("postgres://user:canary-password@127.0.0.1:1/db", "127.0.0.1:1/db")]
    {
        let (code, _, error) = said(&patchboard(&["check"], &[("PATCHBOARD__STORE__URL", url)]));
        assert!(code == Some(1) && error.contains(hint) && !error.contains("canary-password"), "{error}");
    }
}

#[test]
fn a_file_that_is_no_database_is_said_at_once_by_every_command() {
    let dir = tempfile::tempdir().unwrap();
    let (noise, copy) = (dir.path().join("noise.db"), dir.path().join("copy.db"));
    std::fs::write(&noise, vec![7; 4096]).unwrap();
    let url = format!("sqlite:{}", noise.display());
    let env = [
        ("PATCHBOARD__STORE__URL", url.as_str()),
        ("PATCHBOARD__SERVER__LISTEN", "127.0.0.1:0"),
        ("PATCHBOARD__CLOUD__REGION", "ap-southeast-1"),
        ("PATCHBOARD__CLOUD__ENDPOINT", "http://127.0.0.1:9"),
        ("HUAWEICLOUD_SDK_AK", ACCESS_KEY),
        ("HUAWEICLOUD_SDK_SK", SECRET_KEY),
    ];
    let backup = ["backup", copy.to_str().unwrap()];
    for args in [&["serve"][..], &["check"], &["migrate"], &["user", "list"], &["ledger", "verify"], &backup] {
        let begun = std::time::Instant::now();
        let (code, _, error) = said(&patchboard(args, &env));
        assert!(code == Some(1) && error.contains("file is not a database") && error.contains("is it a file of"), "{args:?}: {error}");
        assert!(begun.elapsed() < std::time::Duration::from_secs(5), "{args:?} took {:?}", begun.elapsed());
    }
    assert_eq!(std::fs::read(&noise).unwrap(), vec![7; 4096]);
}

#[test]
fn commands_that_need_no_cloud_ask_for_no_keys() {
    let dir = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", dir.path().join("patchboard.db").display());
    let copy = dir.path().join("copy.db");
    let mut env = vec![
        ("PATCHBOARD__STORE__URL", url.as_str()),
        ("PATCHBOARD__CLOUD__REGION", "ap-southeast-1"),
        ("PATCHBOARD__OIDC__ISSUER", "https://login.example.com"),
        ("PATCHBOARD__SERVER__KEY_FILE", "/nowhere/key"),
    ];
    let backup = ["backup", copy.to_str().unwrap()];
    let commands = [&["migrate"][..], &["user", "add", "li.na", "--role", "operator"], &["user", "list"], &["ledger", "verify"], &backup];
    for args in commands {
        let (code, out, error) = said(&patchboard(args, &env));
        assert_eq!(code, Some(0), "{args:?}: {out}{error}");
    }
    let (code, _, error) = said(&patchboard(&["check"], &env));
    assert!(code == Some(2) && error.contains("oidc.client_id"), "who needs them all is told: {error}");
    env.push(("PATCHBOARD__CLOUD__REGIN", "x"));
    for args in commands {
        let (code, _, error) = said(&patchboard(args, &env));
        assert!(code == Some(2) && error.contains("PATCHBOARD__CLOUD__REGIN: ") && error.contains("\"region\""), "{args:?}: {error}");
    }
}

#[cfg(unix)]
#[test]
fn the_lock_is_its_owners_alone_whatever_the_umask() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", dir.path().join("patchboard.db").display());
    let lock = dir.path().join("patchboard.db.lock");
    let mode_after = |umask: &str| {
        let mut command = Command::new("sh");
        command.arg("-c").arg(format!("umask {umask}; exec \"$0\" user list")).arg(env!("CARGO_BIN_EXE_patchboard"));
        let (code, _, error) = said(&command.env("PATCHBOARD__STORE__URL", &url).output().unwrap());
        assert_eq!(code, Some(0), "{error}");
        std::fs::metadata(&lock).unwrap().permissions().mode() & 0o777
    };
    assert_eq!(mode_after("000"), 0o600);
    // As an earlier version left it.
    std::fs::set_permissions(&lock, std::fs::Permissions::from_mode(0o666)).unwrap();
    assert_eq!(mode_after("022"), 0o600);
}

#[tokio::test]
async fn tables_of_another_program_are_not_touched() {
    use sqlx::{ConnectOptions, Connection};
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("other.db");
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&path).create_if_missing(true);
    let mut other = options.connect().await.unwrap();
    sqlx::raw_sql("CREATE TABLE plans (x)").execute(&mut other).await.unwrap();
    let (code, _, error) = said(&patchboard(&["check"], &[("PATCHBOARD__STORE__URL", &format!("sqlite:{}", path.display()))]));
    assert!(code == Some(1) && error.contains("another program"), "{error}");
    let tables: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM sqlite_master").fetch_one(&mut other).await.unwrap();
    assert_eq!(tables, 1);
    other.close().await.unwrap();
}

#[test]
fn two_processes_never_serve_from_one_database() {
    let dir = tempfile::tempdir().unwrap();
    let keep = dir.path().to_str().unwrap();
    assert_eq!(said(&patchboard(&["user", "list"], &[("PATCHBOARD__STORE__URL", &format!("sqlite:{keep}/patchboard.db"))])).0, Some(0));
    let claimed = patchboard_backend::Store::claim(&format!("sqlite:{keep}/patchboard.db")).unwrap();
    let (code, _, error) = said(&patchboard(&["demo", "--listen", "127.0.0.1:0", "--keep", keep], &[]));
    assert!(code == Some(1) && error.contains("another Patchboard is running on"), "{error}");
    // Accounts and the ledger are another matter: they change nothing that is on its way.
    let store = format!("sqlite:{keep}/patchboard.db");
    let run = |args: &[&str]| said(&patchboard(args, &[("PATCHBOARD__STORE__URL", &store)]));
    let (code, out, error) = run(&["user", "add", "li.na", "--role", "operator", "--role", "approver"]);
    assert!(code == Some(0) && out.contains("one-time code"), "{out}{error}");
    let (code, _, error) = run(&["user", "add", "LI.NA", "--role", "viewer"]);
    assert!(code == Some(2) && error.contains("that name already"), "{error}");
    assert!(run(&["user", "add", "x y", "--role", "viewer"]).2.contains("letters"));
    assert!(run(&["user", "add", "x", "--role", "king"]).2.contains("administrator"));
    let (_, out, _) = run(&["user", "list"]);
    assert!(out.contains("operator,approver") && out.contains("no password yet"), "{out}");
    let (code, out, error) = run(&["ledger", "verify"]);
    assert!(code == Some(0) && out.contains("the ledger is whole: 2 entries"), "{out}{error}");
    let head = out.split("the last is ").nth(1).unwrap().trim().to_owned();
    assert_eq!(run(&["ledger", "verify", "--expect", &head]).0, Some(0));
    let (code, _, error) = run(&["ledger", "verify", "--expect", "2:0000"]);
    assert!(code == Some(1) && error.contains("entry 2 is not the one that stood there"), "{error}");
    // By another name it is the same database.
    #[cfg(unix)]
    {
        let link = dir.path().join("link.db");
        std::os::unix::fs::symlink(dir.path().join("patchboard.db"), &link).unwrap();
        let claim = patchboard_backend::Store::claim(&format!("sqlite:{}", link.display()));
        assert!(matches!(claim, Err(patchboard_backend::StoreError::InUse(_))), "{claim:?}");
        assert!(patchboard_backend::Store::claim(&format!("{store}?mode=rwc")).is_err());
    }
    drop(claimed);
    assert!(patchboard_backend::Store::claim(&store).is_ok(), "what ended has let go");
}

#[tokio::test]
async fn a_command_beside_a_server_changes_no_schema_and_a_proof_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("patchboard.db");
    let store = format!("sqlite:{}", file.display());
    let run = |args: &[&str]| said(&patchboard(args, &[("PATCHBOARD__STORE__URL", &store)]));
    let (code, _, error) = run(&["ledger", "verify"]);
    assert!(code == Some(1) && error.contains("cannot be opened") && !file.exists(), "nothing is made to be proved: {error}");
    assert_eq!(run(&["user", "add", "li.na", "--role", "operator"]).0, Some(0));
    let before = std::fs::read(&file).unwrap();
    assert_eq!(run(&["ledger", "verify"]).0, Some(0));
    assert_eq!(std::fs::read(&file).unwrap(), before);

    // As if the server that holds it were of the version before, and of one after.
    let edit = async |sql: &'static str| {
        use sqlx::ConnectOptions;
        let mut connection = sqlx::sqlite::SqliteConnectOptions::new().filename(&file).connect().await.unwrap();
        sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
    };
    let held = patchboard_backend::Store::claim(&store).unwrap();
    for (version, said) in [(0, "older version of Patchboard (schema"), (99, "newer version of Patchboard (schema 99)")] {
        edit(if version == 0 {
            "UPDATE _sqlx_migrations SET version = 0 WHERE version = (SELECT MAX(version) FROM _sqlx_migrations)"
        } else {
            "UPDATE _sqlx_migrations SET version = 99 WHERE version = 0"
        })
        .await;
        for args in [&["user", "list"][..], &["ledger", "verify"]] {
            let (code, _, error) = run(args);
            assert!(code == Some(1) && error.contains(said), "{error}");
        }
    }
    drop(held);
}

#[tokio::test]
async fn a_lost_key_is_said_and_not_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("patchboard.db");
    let store = format!("sqlite:{}", file.display());
    let run = |args: &[&str]| said(&patchboard(args, &[("PATCHBOARD__STORE__URL", &store)]));
    assert_eq!(run(&["user", "add", "li.na", "--role", "operator"]).0, Some(0));
    {
        use sqlx::ConnectOptions;
        let mut connection = sqlx::sqlite::SqliteConnectOptions::new().filename(&file).connect().await.unwrap();
        sqlx::raw_sql("UPDATE users SET factor = 'x1:00'").execute(&mut connection).await.unwrap();
    }
    let key = dir.path().join("patchboard.db.key");
    let serve = |url: &str| {
        let more = [
            ("PATCHBOARD__STORE__URL", store.as_str()),
            ("PATCHBOARD__SERVER__LISTEN", "127.0.0.1:0"),
            ("PATCHBOARD__CLOUD__REGION", "ap-southeast-1"),
            ("PATCHBOARD__CLOUD__ENDPOINT", url),
            ("HUAWEICLOUD_SDK_AK", ACCESS_KEY),
            ("HUAWEICLOUD_SDK_SK", SECRET_KEY),
        ];
        said(&patchboard(&["serve"], &more))
    };
    for (code, _, error) in [run(&["check"]), serve("http://127.0.0.1:9")] {
        assert!(code != Some(0) && error.contains("is missing") && error.contains("drop-factor"), "{error}");
    }
    assert!(!key.exists(), "no other key is made in its place");
    std::fs::write(&key, "00".repeat(32)).unwrap();
    #[cfg(unix)]
    std::fs::set_permissions(&key, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    for (code, _, error) in [run(&["check"]), serve("http://127.0.0.1:9")] {
        assert!(code != Some(0) && error.contains("does not open what is kept"), "{error}");
    }
    std::fs::write(&key, "no key").unwrap();
    assert!(run(&["check"]).2.contains("64 hexadecimal digits"));
    assert_eq!(run(&["user", "drop-factor", "li.na"]).0, Some(0));
    let (code, out, error) = run(&["check"]);
    assert!(code == Some(0) && out.contains("database   ok"), "{out}{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn check_says_what_works_and_what_does_not() {
    let simulator = simulator(Arc::new(SystemClock), 60).await;
    let dir = tempfile::tempdir().unwrap();
    let store = format!("sqlite:{}", dir.path().join("c.db").display());
    let url = simulator.url();
    let env = |secret: &'static str| {
        [
            ("PATCHBOARD__STORE__URL", store.clone()),
            ("PATCHBOARD__CLOUD__REGION", "ap-southeast-1".to_owned()),
            ("PATCHBOARD__CLOUD__ENDPOINT", url.clone()),
            ("HUAWEICLOUD_SDK_AK", ACCESS_KEY.to_owned()),
            ("HUAWEICLOUD_SDK_SK", secret.to_owned()),
        ]
    };
    let run = |secret| {
        let env = env(secret);
        let env: Vec<_> = env.iter().map(|(k, v)| (*k, v.as_str())).collect();
        said(&patchboard(&["check"], &env))
    };
    let (code, out, error) = run(SECRET_KEY);
    assert!(code == Some(0) && out.contains("cloud      ok") && out.contains(patchboard_simulator::PROJECT), "{out}{error}");
    let (code, out, error) = run("canary-secret");
    assert!(code == Some(1) && error.contains("APIGW.0301"), "{error}");
    assert!(!format!("{out}{error}").contains("canary-secret"), "a secret is never printed");
}

#[cfg(unix)]
#[test]
fn a_signal_ends_it_gracefully() {
    use std::io::{BufRead, BufReader};
    let mut child =
        Command::new(env!("CARGO_BIN_EXE_patchboard")).args(["demo", "--listen", "127.0.0.1:0"]).stdout(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.map_while(Result::ok).any(|l| l.contains("Patchboard at http://127.0.0.1:")));
    Command::new("kill").arg(child.id().to_string()).status().unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
}
