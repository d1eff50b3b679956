//! What every answer has in common, whoever asks and however: methods, kinds, headers, cookies, sizes.

use crate::{
    somebody::{PASSWORD, cookies, with_password},
    support::{Answer, TestApp},
};
use axum::{
    body::Body,
    http::{Method, Request, StatusCode, header},
};
use patchboard::{paths, server::Front};
use patchboard_domain::account::Role;
use std::collections::BTreeSet;
use tower::ServiceExt;

/// Every path of a page, with something that exists in it.
async fn pages(app: &TestApp) -> Vec<String> {
    let (id, _) = app.confirmed(1).await;
    app.send().await;
    let instance = app.pickable(1).remove(0);
    let draft = app.draft(&app.pickable(1), 120).await;
    let mut all: Vec<String> =
        ["/", "/instances", "/plans", "/plans/new", "/tasks", "/ledger", "/ledger.csv", "/ledger.jsonl"].map(str::to_owned).to_vec();
    all.extend(["/account", "/people", "/sign-in", "/welcome", "/confirm", "/healthz", "/readyz", "/no-such-page"].map(str::to_owned));
    all.extend([format!("/plans/{id}"), format!("/plans/{id}/record"), format!("/instances/test/{instance}")]);
    all.extend([format!("/plans/{draft}"), format!("/plans/{draft}/schedule"), format!("/plans/{draft}/instances")]);
    all
}

#[tokio::test]
async fn looking_changes_nothing() {
    let app = TestApp::start().await;
    let pages = pages(&app).await;
    // Candidate lists are asked for by whoever looks: let them all be there before.
    for path in &pages {
        app.get(path).await;
    }
    app.until(async || app.services.people(&app.actor).await.is_ok()).await;
    let before = app.database.contents().await;
    for path in &pages {
        for method in [Method::GET, Method::HEAD] {
            let request = Request::builder().method(method).uri(path).header(header::HOST, "localhost").header(header::ACCEPT, "text/html");
            app.request(request.body(Body::empty()).unwrap()).await;
        }
    }
    let after = app.database.contents().await;
    for (table, rows) in &before {
        assert_eq!(&after[table], rows, "{table} was changed by looking");
    }
}

#[tokio::test]
async fn only_the_methods_that_mean_something_are_answered() {
    let app = TestApp::start().await;
    let ask = async |method: &str, path: &str| {
        let request =
            Request::builder().method(method).uri(path).header(header::HOST, "localhost").header(header::ORIGIN, "http://localhost");
        app.request(request.body(Body::empty()).unwrap()).await.status
    };
    for path in ["/instances", "/", "/healthz", "/ledger.csv"] {
        for method in ["POST", "PUT", "DELETE", "PATCH", "TRACE", "CONNECT", "PROPFIND"] {
            let status = ask(method, path).await;
            assert!(matches!(status, StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_FOUND), "{method} {path}: {status}");
        }
    }
    for path in ["/api/refresh", "/api/plans/decide", paths::SESSION_BEGIN, paths::SESSION_END, paths::PREFERENCES, paths::PEOPLE_CODE] {
        for method in ["GET", "PUT", "DELETE", "TRACE"] {
            let status = ask(method, path).await;
            assert!(status == StatusCode::METHOD_NOT_ALLOWED, "{method} {path}: {status}");
        }
    }
}

#[tokio::test]
async fn every_answer_says_what_it_is_and_nothing_about_us() {
    let app = TestApp::start().await;
    for path in pages(&app).await {
        let request = Request::get(&path)
            .header(header::HOST, "localhost")
            .header(header::ORIGIN, "https://evil.example")
            .header(header::ACCEPT, "text/html");
        let answer = app.request(request.body(Body::empty()).unwrap()).await;
        assert!(!answer.body.is_empty(), "{path}");
        let kind = answer.headers[header::CONTENT_TYPE].to_str().unwrap();
        assert!(kind.contains("charset=utf-8") || kind == "application/json", "{path}: {kind}");
        assert_eq!(answer.headers["x-content-type-options"], "nosniff", "{path}");
        for name in answer.headers.keys().map(|n| n.as_str()) {
            assert!(!name.starts_with("access-control-"), "{path} lets others in by {name}");
            assert!(!matches!(name, "server" | "x-powered-by" | "via"), "{path} says {name}");
        }
        assert_eq!(answer.headers[header::CACHE_CONTROL], "no-store", "{path}");
    }
}

#[tokio::test]
async fn a_thousand_answers_have_a_thousand_nonces() {
    let app = TestApp::unread(1).await;
    let mut seen = BTreeSet::new();
    for _ in 0..1_000 {
        let answer = app.get("/healthz").await;
        let policy = answer.headers["content-security-policy"].to_str().unwrap();
        let nonce = policy.split("'nonce-").nth(1).and_then(|r| r.split('\'').next()).unwrap().to_owned();
        // 128 bits in base 64.
        assert!(nonce.len() >= 22, "{nonce}");
        assert!(seen.insert(nonce));
    }
}

/// A server behind TLS, which our router is told about by its settings.
async fn behind_tls(app: &TestApp, request: Request<Body>) -> Answer {
    let front = Front { secure: true, hosts: vec!["patch.example.com".to_owned()], ..Front::default() };
    let response = patchboard::server::router(app.services.clone(), front).oneshot(request).await.unwrap();
    Answer::read(response).await
}

fn form(path: &str, body: &str) -> Request<Body> {
    Request::post(path)
        .header(header::HOST, "patch.example.com")
        .header(header::ORIGIN, "https://patch.example.com")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Body::from(body.to_owned()))
        .unwrap()
}

#[tokio::test]
async fn behind_tls_cookies_are_for_tls_and_this_host_alone() {
    let app = TestApp::start().await;
    with_password(&app, "li.na", Role::Operator).await;
    let answers = [
        behind_tls(&app, form(paths::SESSION_BEGIN, &format!("name=li.na&password={PASSWORD}"))).await,
        behind_tls(&app, form(paths::PREFERENCES, "lang=zh-CN&zone=UTC&theme=dark")).await,
    ];
    let mut count = 0;
    for answer in &answers {
        assert_eq!(answer.status, StatusCode::SEE_OTHER);
        assert_eq!(answer.headers["strict-transport-security"], "max-age=31536000; includeSubDomains");
        for cookie in answer.headers.get_all(header::SET_COOKIE).iter().map(|c| c.to_str().unwrap()) {
            assert!(cookie.starts_with("__Host-") && cookie.contains("; Secure") && cookie.contains("; HttpOnly"), "{cookie}");
            assert!(cookie.contains("; Path=/;") && cookie.contains("SameSite=Lax") && !cookie.contains("Domain"), "{cookie}");
            count += 1;
        }
    }
    assert_eq!(count, 5, "session, browser, language, zone, theme");
    // One that plain HTTP could have set opens nothing.
    let session = cookies(&answers[0]).split("; ").find(|c| c.starts_with("__Host-patchboard=")).unwrap().to_owned();
    let inside = async |cookie: &str| {
        let request = Request::get("/instances").header(header::HOST, "patch.example.com").header(header::COOKIE, cookie);
        behind_tls(&app, request.body(Body::empty()).unwrap()).await.status
    };
    assert_eq!(inside(&session).await, StatusCode::OK);
    assert_eq!(inside(session.trim_start_matches("__Host-")).await, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn signing_out_tells_the_browser_to_forget() {
    let app = TestApp::start().await;
    let person = app.person("li.na", &[Role::Operator]).await;
    let answer = person.post(paths::SESSION_END, &[]).await;
    assert_eq!(answer.headers["clear-site-data"], "\"cache\", \"storage\"");
}

#[tokio::test]
async fn forms_have_a_size_and_lists_have_theirs() {
    let app = TestApp::start().await;
    let big = "x".repeat(70_000);
    for (path, field) in
        [("/api/plans/comment", "text"), (paths::PREFERENCES, "lang"), (paths::SESSION_BEGIN, "password"), ("/api/plans/schedule", "title")]
    {
        let answer = app.post(path, &[(field, &big)]).await;
        assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE, "{path}");
    }
    let list = app.post(paths::PICK, &[("plan_cloud", "test"), ("pasted", &big), ("go", "paste")]).await;
    assert!(list.location.contains("/instances"), "{} {}", list.status, list.location);
    // A body that does not say how long it is ends where it has become too long.
    let pieces = futures_util::stream::iter((0..100).map(|_| Ok::<_, std::io::Error>("lang=zh-CN&".repeat(200))));
    let request = Request::post(paths::PREFERENCES)
        .header(header::HOST, "localhost")
        .header(header::ORIGIN, "http://localhost")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    let answer = app.request(request.body(Body::from_stream(pieces)).unwrap()).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn reports_of_browsers_are_taken_and_not_without_end() {
    let app = TestApp::start().await;
    let policy = app.get("/sign-in").await.headers["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.contains("report-uri /reports"), "{policy}");
    let send = async |kind: &str, body: &str| {
        let request = Request::post(paths::REPORTS).header(header::HOST, "localhost").header(header::CONTENT_TYPE, kind);
        app.bare(request.body(Body::from(body.to_owned())).unwrap()).await.status
    };
    assert_eq!(
        send("application/csp-report", r#"{"csp-report":{"effective-directive":"script-src","blocked-uri":"inline"}}"#).await,
        StatusCode::NO_CONTENT
    );
    assert_eq!(
        send("application/reports+json", r#"[{"type":"csp-violation","body":{"effectiveDirective":"img-src"}}]"#).await,
        StatusCode::NO_CONTENT
    );
    assert_eq!(send("application/reports+json", "[[[[").await, StatusCode::BAD_REQUEST);
    let mut refused = 0;
    for _ in 0..100 {
        refused += usize::from(send("application/reports+json", "[]").await == StatusCode::TOO_MANY_REQUESTS);
    }
    assert!(refused > 30, "{refused}");
}

/// Whoever is asked by another site's page: by every kind of form that a browser sends without asking first.
#[tokio::test]
async fn no_page_of_another_site_changes_anything() {
    let app = TestApp::start().await;
    let id = app.draft(&app.pickable(1), 120).await;
    let before = app.database.contents().await;
    let kinds = ["application/x-www-form-urlencoded", "text/plain", "multipart/form-data; boundary=x", "application/json", ""];
    let sites = [
        ("cross-site", "https://evil.example"),
        ("same-site", "https://other.example.com"),
        ("none", ""),
        ("", "https://evil.example"),
        ("", "null"),
        ("", ""),
    ];
    for path in
        ["/api/plans/change", "/api/refresh", "/api/account/end_session", paths::PREFERENCES, paths::SESSION_END, paths::PEOPLE_CODE]
    {
        for kind in kinds {
            for (site, origin) in sites {
                let mut request = Request::post(path).header(header::HOST, "localhost");
                for (name, value) in [("sec-fetch-site", site), ("origin", origin), ("content-type", kind)] {
                    if !value.is_empty() {
                        request = request.header(name, value);
                    }
                }
                let answer = app.request(request.body(Body::from(format!("plan={id}&go=discard"))).unwrap()).await;
                assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path} {kind:?} {site:?} {origin:?}");
            }
        }
    }
    assert_eq!(app.database.contents().await, before);
}
