//! Requests that no browser and no library sends: targets that two layers could read differently, bytes that are no request, bodies
//! that are too long or never end.

use crate::{
    process::{Browser, Server},
    support::{TestApp, simulator},
};
use futures_util::{StreamExt, stream};
use patchboard::server::ConnectionLimits;
use patchboard_backend::{Policy, clock::SystemClock};
use patchboard_domain::account::Role;
use std::{collections::BTreeSet, net::SocketAddr, sync::Arc};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// Pages with the roles that see them. What is not spelled just so is no page.
const PAGES: [(&str, &[Role]); 8] = [
    ("/", &Role::ALL),
    ("/instances", &Role::ALL),
    ("/plans", &Role::ALL),
    ("/tasks", &Role::ALL),
    ("/account", &Role::ALL),
    ("/plans/new", &[Role::Operator]),
    ("/ledger", &[Role::Operator, Role::Approver, Role::Administrator]),
    ("/people", &[Role::Administrator]),
];

/// What is put into a path to have it read differently by somebody.
const PIECES: [&str; 44] = [
    "/.",
    "/..",
    "/./",
    "/../",
    "/%2e",
    "/%2e/",
    "/%2E%2E/",
    "/.%2e/",
    "/%2e%2e",
    "%2f",
    "%2F",
    "%5c",
    "\\",
    "\\..\\",
    "/..\\",
    ";",
    ";x=1",
    ";/",
    "//",
    "///",
    "%252e",
    "%252f",
    "%25",
    "%00",
    "%0a",
    "%0d%0a",
    "%09",
    "%c0%ae",
    "%c0%af",
    "%e0%80%af",
    "%ef%bc%8f",
    "%ff",
    "%",
    "%2",
    "%zz",
    "..;/",
    "%3b",
    "%3f",
    "%23",
    "*",
    "~",
    "%u002e",
    "%f0%80%80%ae",
    "%20",
];

/// Answers to one request of raw bytes: status and body. Nothing when the connection ended without an answer.
pub(crate) async fn ask(address: SocketAddr, bytes: &[u8]) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect(address).await.unwrap();
    // It may be refused before all of it was sent.
    let _ = stream.write_all(bytes).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    let text = String::from_utf8_lossy(&answer).into_owned();
    let status = text.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()?;
    Some((status, text))
}

pub(crate) fn get(target: &str, cookie: &str) -> Vec<u8> {
    format!("GET {target} HTTP/1.1\r\nHost: localhost\r\nAccept: text/html\r\nCookie: {cookie}\r\nConnection: close\r\n\r\n").into_bytes()
}

/// The page of one plan, instance or task, which there may not be.
fn is_of_something(target: &str) -> bool {
    let segments: Vec<&str> = target.split('/').skip(1).collect();
    matches!(segments[..], ["plans", _] | ["plans", _, "instances" | "schedule" | "record"] | ["instances" | "tasks", _, _])
}

fn targets() -> Vec<String> {
    let mut all: Vec<String> = PAGES.iter().map(|(path, _)| (*path).to_owned()).collect();
    for (path, _) in PAGES {
        for piece in PIECES {
            let cuts = [0, 1, path.rfind('/').unwrap_or(0), path.len()];
            all.extend(cuts.map(|at| format!("{}{piece}{}", &path[..at], &path[at..])));
            all.push(format!("/x{piece}{path}"));
            all.push(format!("/x{piece}..{path}"));
        }
        let upper = path.to_uppercase();
        let encoded: String = path.bytes().map(|b| if b == b'/' { "/".to_owned() } else { format!("%{b:02x}") }).collect();
        all.extend([upper, encoded, format!("{path}/"), path.trim_start_matches('/').to_owned()]);
        all.extend(
            ["http://localhost", "https://localhost", "http://evil.example", "//localhost", "localhost:80"].map(|o| format!("{o}{path}")),
        );
    }
    all.extend(
        ["*", "localhost:80", "?q=1", "#", "", "/favicon.svg/../instances", "/api/../people", "/api/plans/show/../list"].map(str::to_owned),
    );
    all.extend([format!("/{}", "a".repeat(9_000)), format!("/instances?q={}", "a".repeat(9_000))]);
    all.sort();
    all.dedup();
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_the_target_only_the_table_decides_who_sees_a_page() {
    // An approver must have a second factor here, and has none yet.
    let policy = Policy { confirm_minutes: 0, factor_roles: vec![Role::Approver], ..Policy::default() };
    let app = TestApp::ruled_by(policy).await;
    let address = app.listen(ConnectionLimits::default()).await;
    let mut people = vec![(None, String::new())];
    for role in Role::ALL {
        people.push((Some(role), app.person(role.word(), &[role]).await.cookie));
    }
    let targets = targets();
    assert!(targets.len() > 1_500, "{}", targets.len());
    for (role, cookie) in &people {
        let may = |target: &str| {
            PAGES.iter().any(|(path, roles)| {
                let lacks_factor = *role == Some(Role::Approver) && *path != "/account";
                *path == target && role.is_some_and(|role| roles.contains(&role)) && !lacks_factor
            })
        };
        let asked = stream::iter(&targets).map(|target| async move { (target, ask(address, &get(target, cookie)).await) });
        let answers: Vec<_> = asked.buffer_unordered(16).collect().await;
        for (target, answer) in answers {
            let Some((status, text)) = answer else { panic!("{role:?} {target}: no answer") };
            assert_eq!(status == 200, may(target), "{role:?} {target}: {status}");
            assert!(status < 500, "{role:?} {target}: {status}");
            let shows_a_page = text.contains("<nav") || text.contains("data-live");
            let may_look_for_it = is_of_something(target) && role.is_some_and(|role| role != Role::Approver);
            assert!(may(target) || may_look_for_it || !shows_a_page, "{role:?} {target}: {status} shows a page");
        }
    }
}

/// Heads, methods, targets, headers and bodies drawn by a seed. Most are no request.
fn odd_request(seed: u64) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(seed);
    let pick = |random: &mut fastrand::Rng, from: &[&str]| (*random.choice(from).unwrap()).to_owned();
    let method =
        pick(&mut random, &["GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "CONNECT", "TRACE", "PATCH", "get", "", "G\0T", "BREW"]);
    let mut target = pick(
        &mut random,
        &[
            "people",
            "*",
            "/",
            "//",
            "127.0.0.1:80",
            "/api/plans/show",
            "/api/plans/decide",
            "/instances?q=%ff",
            "/plans/%00",
            "/ledger?page=-1",
            "/plans?page=99999999999999999999",
            "/session/begin",
            "/people/code",
            "/preferences",
            "/reports",
            "/healthz",
            "?",
            "\u{ff}",
            "/tasks/x/y",
        ],
    );
    if random.bool() {
        target.push_str(&pick(&mut random, &PIECES));
    }
    let version = pick(&mut random, &["HTTP/1.1", "HTTP/1.1", "HTTP/1.1", "HTTP/1.0", "HTTP/2", "HTTP/9.9", ""]);
    let mut request = format!("{method} {target} {version}\r\n").into_bytes();
    for _ in 0..random.usize(0..5) {
        let line = pick(
            &mut random,
            &[
                "Host: localhost",
                "Host: ",
                "Host: localhost:7301@evil.example",
                "Host: 127.0.0.1:x",
                "Origin: http://localhost",
                "Accept: text/html",
                "Cookie: patchboard=\u{fe}\u{ff}",
                "Content-Type: application/json",
                "Content-Type: application/x-www-form-urlencoded",
                "Content-Length: 3",
                "Content-Length: -1",
                "Content-Length: 99999999999999999999",
                "Transfer-Encoding: chunked",
                "Expect: 100-continue",
                "Referer: http://evil/",
                "X-Request-Id: \u{1f4a3}",
                ": empty",
                "No colon",
                "Upgrade: h2c",
                "Accept-Language: \u{ff}\u{fe}",
            ],
        );
        request.extend_from_slice(line.as_bytes());
        request.extend_from_slice(b"\r\n");
    }
    request.extend_from_slice(b"Connection: close\r\n\r\n");
    let mut body = vec![0; random.usize(0..40)];
    random.fill(&mut body);
    request.extend_from_slice(&body);
    request
}

#[tokio::test(flavor = "multi_thread")]
async fn no_bytes_make_a_server_error_or_a_line_in_the_log() {
    let simulator = simulator(Arc::new(SystemClock), 20).await;
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(&simulator, dir.path(), &[]);
    let address: SocketAddr = server.url.trim_start_matches("http://").parse().unwrap();
    let asked = stream::iter(0..3_000).map(|seed| async move {
        let request = odd_request(seed);
        let mut stream = TcpStream::connect(address).await.unwrap();
        let _ = stream.write_all(&request).await;
        let _ = stream.shutdown().await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        (request, answer)
    });
    let answers: Vec<_> = asked.buffer_unordered(16).collect().await;
    for (request, answer) in answers {
        assert!(!answer.starts_with(b"HTTP/1.1 5"), "{}\n{}", String::from_utf8_lossy(&request), String::from_utf8_lossy(&answer));
    }
    assert_eq!(server.log(), "", "nothing that strangers send is an error of ours");
}

#[tokio::test]
async fn no_field_of_any_function_makes_a_server_error() {
    let app = TestApp::start().await;
    let values = ["", "x", "-1", "99999999999999999999", "\u{0}", "%", "null", "[]", "{}", "\u{202e}", "0190", "true", "2026-13-45T99:99"];
    let names =
        ["plan", "cloud", "task", "id", "page", "hash", "count", "what", "go", "scope", "request", "instance", "user", "ticked[]", "was"];
    for (path, method) in leptos::server_fn::axum::server_fn_paths() {
        // A session for each: one of them ends all of them.
        let person = app.person("somebody", &Role::ALL).await;
        let mut random = fastrand::Rng::with_seed(path.len() as u64);
        for round in 0..25 {
            let mut fields: Vec<(&str, &str)> = names.iter().map(|n| (*n, *random.choice(&values).unwrap())).collect();
            random.shuffle(&mut fields);
            fields.truncate(if round == 0 { 0 } else { random.usize(0..fields.len()) });
            let answer = if method == axum::http::Method::GET {
                let query = reqwest::Url::parse_with_params("http://x/", &fields).unwrap().query().unwrap_or_default().to_owned();
                person.get(&format!("{path}?{query}")).await
            } else {
                person.post(path, &fields).await
            };
            assert!(!answer.status.is_server_error(), "{method} {path} {fields:?}: {} {}", answer.status, answer.body);
            assert!(!answer.location.contains("__err"), "{path} {fields:?}: {}", answer.location);
        }
    }
    let unread = app.person("reader", &Role::ALL).await.post("/api/plans/decide", &[("nothing", "of it")]).await;
    assert_eq!(unread.status.as_u16(), 422, "{} {}", unread.location, unread.body);
    assert!(unread.body.contains("The form cannot be read"), "{}", unread.body);
}

#[tokio::test]
async fn a_form_leads_back_to_pages_of_ours_only_and_comes_as_a_form() {
    let app = TestApp::start().await;
    let send = async |kind: &str, referer: &str| {
        let request = axum::http::Request::post("/api/plans/decide")
            .header("host", "localhost")
            .header("origin", "http://localhost")
            .header("accept", "text/html")
            .header("referer", referer)
            .header("content-type", kind);
        app.request(request.body(axum::body::Body::from("plan=x")).unwrap()).await
    };
    for kind in ["application/json", "text/plain", "multipart/form-data"] {
        assert_eq!(send(kind, "http://localhost/").await.status.as_u16(), 415, "{kind}");
    }
    let answer = send("application/x-www-form-urlencoded", "http://evil.example/plans").await;
    assert!(!answer.location.contains("evil"), "{}", answer.location);
}

#[tokio::test]
async fn a_body_that_is_too_long_is_answered_and_not_cut() {
    let app = TestApp::start().await;
    let address = app.listen(ConnectionLimits::default()).await;
    let somebody = app.person("li.na", &[Role::Operator]).await;
    let long = "x".repeat(4 * 1024 * 1024);
    for (path, cookie, expected) in [
        ("/api/plans/pick", somebody.cookie.as_str(), (413, "A form may carry 64 KiB")),
        ("/api/plans/schedule", somebody.cookie.as_str(), (413, "A form may carry 64 KiB")),
        // Whoever is not signed in is told so, however long it is.
        ("/api/plans/pick", "", (303, "location: /sign-in")),
    ] {
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nOrigin: http://localhost\r\nAccept: text/html\r\nCookie: {cookie}\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n",
            long.len()
        );
        let (status, text) = ask(address, format!("{head}{long}").as_bytes()).await.unwrap();
        assert!(status == expected.0 && text.contains(expected.1), "{path}: {text}");
    }
}

/// What is sent is kept within bounds, before it is known who asks and afterwards.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn long_forms_do_not_make_the_process_grow() {
    const LENGTH: usize = 1_000_000;
    let simulator = simulator(Arc::new(SystemClock), 5).await;
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(&simulator, dir.path(), &[]);
    let address: SocketAddr = server.url.trim_start_matches("http://").parse().unwrap();
    let mut browser = Browser::new();
    browser.sign_in(&server).await;
    let before = server.peak_mib();
    // A stranger is told to sign in; somebody who is signed in has chosen nothing.
    for (cookie, expected) in [("", 401), (browser.cookies(), 200)] {
        let form = format!(
            "POST /api/plans/pick HTTP/1.1\r\nHost: {address}\r\nOrigin: http://{address}\r\nCookie: {cookie}\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nConnection: close\r\nContent-Length: {LENGTH}\r\n\r\n{}",
            "x".repeat(LENGTH)
        );
        let answers = (0..200).map(|_| ask(address, form.as_bytes()));
        let answers = futures_util::future::join_all(answers).await;
        let statuses: BTreeSet<_> = answers.iter().map(|a| a.as_ref().map(|(status, _)| *status)).collect();
        assert_eq!(statuses, BTreeSet::from([Some(expected)]));
        let grown = server.peak_mib() - before;
        // 200 MiB would be kept of them all.
        assert!(grown < 100, "{grown} MiB more at its highest, {expected}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_who_never_end_a_long_form_hold_up_nobody() {
    let simulator = simulator(Arc::new(SystemClock), 5).await;
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(&simulator, dir.path(), &[]);
    let address: SocketAddr = server.url.trim_start_matches("http://").parse().unwrap();
    let begun = format!(
        "POST /api/plans/pick HTTP/1.1\r\nHost: {address}\r\nOrigin: http://{address}\r\nContent-Type: application/x-www-form-urlencoded\r\n\
         Content-Length: 900000\r\n\r\n{}",
        "x".repeat(100_000)
    );
    let mut strangers = Vec::new();
    for _ in 0..20 {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(begun.as_bytes()).await.unwrap();
        strangers.push(stream);
    }
    let mut browser = Browser::new();
    browser.sign_in(&server).await;
    let list = format!("no-such-instance {}", "x".repeat(90_000));
    let fields = [("plan_cloud", "ap-southeast-1"), ("pasted", &list), ("go", "paste")];
    let to = browser.post(&format!("{}/api/plans/pick", server.url), &fields).await;
    assert!(to.starts_with("/plans/"), "{to}");
    // Not one of them was given up first.
    assert!(strangers.iter().all(|stream| stream.try_read(&mut [0]).is_err()));
}
