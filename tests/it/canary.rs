//! Secrets that are looked for wherever they must not be, and requests that are no requests: at the binary itself.

use crate::{
    process::{Browser, Server},
    somebody::PASSWORD,
    support::simulator,
};
use patchboard_backend::clock::SystemClock;
use patchboard_simulator::{Act, Fault, SECRET_KEY};
use std::{
    io::{Read, Write},
    net::TcpStream,
    path::Path,
    sync::Arc,
    time::Duration,
};

/// The secret of the client at a provider that is not there.
const CLIENT_CANARY: &str = "canary-of-the-oidc-client-7c1f";

/// Everything below a directory.
fn files(dir: &Path, out: &mut Vec<(String, Vec<u8>)>) {
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            files(&path, out);
        } else {
            out.push((path.display().to_string(), std::fs::read(&path).unwrap_or_default()));
        }
    }
}

fn holds(hay: &[u8], needle: &str) -> bool {
    hay.windows(needle.len()).any(|w| w == needle.as_bytes())
}

#[tokio::test]
async fn no_secret_is_found_where_it_must_not_be() {
    let simulator = simulator(Arc::new(SystemClock), 60).await;
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("settings.toml");
    std::fs::write(&config, "[oidc]\nissuer = \"http://127.0.0.1:9\"\nclient_id = \"patchboard\"\noperators = [\"dba\"]\n").unwrap();
    // As much is said in the log as can be said.
    let more = [("PATCHBOARD__LOG__LEVEL", "trace"), ("PATCHBOARD_OIDC_CLIENT_SECRET", CLIENT_CANARY)];
    let server = Server::start_with(&simulator, dir.path(), &more, &["--config", config.to_str().unwrap()]);
    let code = server.code.clone().unwrap();
    let mut browser = Browser::new();
    browser.sign_in(&server).await;
    let session = browser.1.split("; ").find_map(|c| c.strip_prefix("patchboard=")).unwrap().to_owned();
    let device = browser.1.split("; ").find_map(|c| c.strip_prefix("patchboard-device=")).unwrap().to_owned();
    browser.until(&format!("{}/instances", server.url), "60 match").await;

    // Whatever can go wrong goes wrong: the cloud refuses, cuts, answers nonsense; people mistype; the provider is not there.
    for act in [Act::Drop, Act::DoThenFail, Act::DoThenGarbage, Act::Redirect] {
        simulator.add_fault(Fault { times: 1, ..Fault::on("instances", act) });
        browser.post(&format!("{}/api/refresh", server.url), &[]).await;
    }
    let at = |path: &str| format!("{}{path}", server.url);
    browser.post(&at("/session/begin"), &[("name", "root"), ("password", &format!("{PASSWORD}!"))]).await;
    browser.post(&at("/session/password"), &[("old", PASSWORD), ("new", "short")]).await;
    let confirmed = browser.send(&at("/session/confirm"), &[("password", PASSWORD), ("next", "/people")]).await;
    browser.keep_cookies(&confirmed);
    let confirmed = browser.1.trim_start_matches("patchboard=").to_owned();
    assert!(confirmed.len() == 64 && confirmed != session, "it has another token now");
    browser.post(&at("/session/redeem"), &[("code", &code), ("password", PASSWORD)]).await;
    let shown = browser.send(&at("/account/factor"), &[]).await.text().await.unwrap();
    let factor = shown.split("<p><code>").nth(1).and_then(|r| r.split('<').next()).unwrap().replace(' ', "");
    let mut pages = Vec::new();
    let paths = [
        "/",
        "/instances",
        "/plans",
        "/plans/new",
        "/tasks",
        "/ledger",
        "/ledger.csv",
        "/ledger.jsonl",
        "/account",
        "/people",
        "/sign-in",
        "/welcome",
        "/confirm",
        "/session/sso",
        "/no-such-page",
    ];
    for path in paths {
        pages.push((path.to_owned(), browser.get(&at(path)).await.into_bytes()));
    }
    browser.until(&at("/instances"), "60 match").await;
    let log = server.log();
    assert!(log.contains("TRACE") && log.contains("DEBUG"), "everything is logged");
    server.kill();

    let mut places = pages;
    places.push(("the log".to_owned(), log.into_bytes()));
    files(dir.path(), &mut places);
    let key = std::fs::read_to_string(dir.path().join("crash.db.key")).unwrap();
    places.retain(|(name, _)| !name.ends_with(".key"));
    files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("target/site"), &mut places);
    assert!(places.iter().any(|(name, bytes)| name.ends_with("crash.db") && holds(bytes, "SQLite format")), "the database is among them");
    assert!(places.len() > 18);
    let secrets = [
        ("the cloud's secret key", SECRET_KEY),
        ("the client's secret", CLIENT_CANARY),
        ("a password", PASSWORD),
        ("a one-time code", &code),
        ("a session", &session),
        ("a session that was shown again", &confirmed),
        ("a known browser", &device),
        ("a second factor", &factor),
        ("the key of the seal", key.trim()),
    ];
    for (name, bytes) in &places {
        for (what, secret) in secrets {
            assert!(!holds(bytes, secret), "{what} stands in {name}");
        }
    }
}

/// Sends bytes as they are, and reads what comes back until the connection ends or nothing more comes; whether it has ended.
fn raw(address: &str, request: &str) -> (String, bool) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_millis(700))).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    let mut piece = [0; 4096];
    let ended = loop {
        match stream.read(&mut piece) {
            Ok(0) => break true,
            Ok(n) => answer.extend_from_slice(&piece[..n]),
            // Nothing more for a while: the server waits for another request.
            Err(_) => break false,
        }
    };
    (String::from_utf8_lossy(&answer).into_owned(), ended)
}

/// Where two machines could disagree about where a request ends, the second half of it must never be taken for one of its own.
#[tokio::test]
async fn no_request_is_smuggled_inside_of_another() {
    let simulator = simulator(Arc::new(SystemClock), 1).await;
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(&simulator, dir.path(), &[]);
    let host = server.url.trim_start_matches("http://").to_owned();
    // Its answer would be told from any other by this.
    let inner = format!("GET /readyz HTTP/1.1\r\nHost: {host}\r\n\r\n");
    let whole = format!(
        "POST /preferences HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    );
    let chunked = "0\r\n\r\n";
    let length = chunked.len() + inner.len();
    let corpus = [
        ("both lengths", format!("{whole}Content-Length: {length}\r\nTransfer-Encoding: chunked\r\n\r\n{chunked}{inner}")),
        (
            "both lengths, the other way round",
            format!("{whole}Transfer-Encoding: chunked\r\nContent-Length: {length}\r\n\r\n{chunked}{inner}"),
        ),
        ("two lengths", format!("{whole}Content-Length: 0\r\nContent-Length: {}\r\n\r\n{inner}", inner.len())),
        ("a list of lengths", format!("{whole}Content-Length: 0, {}\r\n\r\n{inner}", inner.len())),
        ("a signed length", format!("{whole}Content-Length: +0\r\n\r\n{inner}")),
        ("a negative length", format!("{whole}Content-Length: -1\r\n\r\n{inner}")),
        ("a length with words", format!("{whole}Content-Length: 0 x\r\n\r\n{inner}")),
        ("a hexadecimal length", format!("{whole}Content-Length: 0x0\r\n\r\n{inner}")),
        ("a coding nobody knows", format!("{whole}Transfer-Encoding: xchunked\r\n\r\n{chunked}{inner}")),
        ("chunked is not the last", format!("{whole}Transfer-Encoding: chunked, identity\r\n\r\n{chunked}{inner}")),
        ("two codings", format!("{whole}Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n{chunked}{inner}")),
        ("a space before the colon", format!("{whole}Transfer-Encoding : chunked\r\n\r\n{chunked}{inner}")),
        ("a folded line", format!("{whole}X-A: b\r\n Transfer-Encoding: chunked\r\n\r\n{chunked}{inner}")),
        ("a line without a name", format!("{whole}: chunked\r\n\r\n{inner}")),
        ("a null in a name", format!("{whole}Transfer-Encoding\0: chunked\r\n\r\n{chunked}{inner}")),
        ("a chunk without a size", format!("{whole}Transfer-Encoding: chunked\r\n\r\n\r\n{inner}")),
        ("a chunk of a size beyond all", format!("{whole}Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n{inner}")),
        (
            "chunked for an old version",
            format!("{}Transfer-Encoding: chunked\r\n\r\n{chunked}{inner}", whole.replace("HTTP/1.1", "HTTP/1.0")),
        ),
        ("two hosts", format!("{whole}Host: evil.example\r\nContent-Length: 0\r\n\r\n")),
        ("no host", "GET /healthz HTTP/1.1\r\n\r\n".to_owned()),
        ("a version of the future", format!("GET /healthz HTTP/9.9\r\nHost: {host}\r\n\r\n")),
    ];
    for (name, request) in corpus {
        let (answer, ended) = raw(&host, &request);
        let answers = answer.matches("HTTP/1.").count();
        let first = answer.lines().next().unwrap_or_default().to_owned();
        let refused = answers == 0 || ["400", "421", "505"].iter().any(|status| first.contains(status));
        // RFC 9112, 6.1: of two lengths the chunks may be believed, if nothing that follows is.
        let closed = name.starts_with("both lengths") && ended;
        assert!((refused || closed) && answers <= 1, "{name}: {answers} answers, first {first:?}\n{answer}");
        assert!(!answer.contains("\"store\""), "{name}: the inner one was answered\n{answer}");
    }
    // That one is well.
    assert!(raw(&host, &inner).0.starts_with("HTTP/1.1 200"));
}
