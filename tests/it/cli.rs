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
        assert!(error.contains("no accounts"), "{error}");
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
