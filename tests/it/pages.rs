//! Every route answers, whole, in both languages, and lets nobody in who should not be.

use crate::support::TestApp;
use axum::{
    body::Body,
    http::{Request, StatusCode, header},
};
use patchboard::paths;
use patchboard_domain::id::{CloudName, InstanceId};
use std::time::Duration;

/// Every kind of page, with what exists in this app.
async fn routes(app: &TestApp) -> Vec<String> {
    let (plan, instances) = app.confirmed(2).await;
    app.send().await;
    app.sync().await;
    let draft = app.draft(&app.pickable(8)[5..], 120).await;
    let asked = app.draft(&app.pickable(4)[2..], 120).await;
    let hash = app.draft_view(&asked).await.hash;
    app.post("/api/plans/ask_review", &[("plan", asked.as_str()), ("hash", &hash)]).await;
    let task = app.simulator.world(|w| w.tasks_of(&instances[0])[0].id.replace('-', ""));
    vec![
        paths::INBOX.to_owned(),
        paths::DOUBT.to_owned(),
        paths::LEDGER.to_owned(),
        paths::ACCOUNT.to_owned(),
        paths::PEOPLE.to_owned(),
        paths::SIGN_IN.to_owned(),
        paths::WELCOME.to_owned(),
        paths::plan(&asked),
        paths::record(&plan),
        paths::INSTANCES.to_owned(),
        format!("{}?status=ACTIVE&page=2", paths::INSTANCES),
        paths::instance(&CloudName::new("test"), &InstanceId::new(&instances[0])),
        paths::PLANS.to_owned(),
        paths::NEW_PLAN.to_owned(),
        paths::plan(&plan),
        paths::plan(&draft),
        paths::schedule(&draft),
        format!("/plans/{draft}/instances?show=selected"),
        paths::TASKS.to_owned(),
        format!("/tasks/test/{task}"),
    ]
}

#[tokio::test]
async fn an_answered_nothing_says_what_was_asked_with() {
    let app = TestApp::unread(0).await;
    for path in ["/instances", "/plans/new"] {
        let page = app.get(path).await.body;
        assert!(page.contains("No instance was ever listed") && !page.contains("answered with no instances"), "{path}");
    }
    app.sync().await;
    for path in ["/instances", "/plans/new"] {
        let page = app.get(path).await.body;
        for text in ["The cloud answered with no instances", "region ap-southeast-1", "project ", "access key ending in", "2026-11-23"] {
            assert!(page.contains(text), "{path}: {text}\n{page}");
        }
        assert!(!page.contains(patchboard_simulator::ACCESS_KEY), "{path}");
    }
}

#[tokio::test]
async fn every_route_answers_whole_under_fifty_at_once() {
    let app = std::sync::Arc::new(TestApp::start().await);
    for path in routes(&app).await {
        let mut asked = tokio::task::JoinSet::new();
        for _ in 0..50 {
            let (app, path) = (app.clone(), path.clone());
            asked.spawn(async move { app.get(&path).await });
        }
        let all = tokio::time::timeout(Duration::from_secs(60), asked.join_all()).await.unwrap_or_else(|_| panic!("{path} did not end"));
        for answer in all {
            assert_eq!(answer.status, StatusCode::OK, "{path}");
            assert!(answer.body.contains("<h1>") && answer.body.contains("</html>"), "{path} is whole");
        }
    }
}

#[tokio::test]
async fn every_route_speaks_chinese() {
    let app = TestApp::start().await;
    for path in routes(&app).await {
        let request =
            Request::get(&path).header(header::HOST, "localhost").header(header::COOKIE, "lang=zh-CN").body(Body::empty()).unwrap();
        let answer = app.request(request).await;
        assert!(answer.body.contains("<html lang=\"zh-CN\"") && answer.body.contains("升级计划"), "{path}");
        for english in ["Instances<", "Refresh<", "Apply<", ">Status<"] {
            assert!(!answer.body.contains(english), "{path} still says {english}");
        }
    }
}

#[tokio::test]
async fn what_does_not_exist_is_a_404_that_leads_on() {
    let app = TestApp::start().await;
    for path in [
        "/nothing",
        "/plans/no-such-plan",
        "/plans/no-such-plan/schedule",
        "/instances/test/none",
        "/instances/other/none",
        "/tasks/test/none",
    ] {
        let answer = app.get(path).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
        assert!(answer.body.contains("There is no such page"), "{path}");
    }
}

#[tokio::test]
async fn odd_addresses_are_answered() {
    let app = TestApp::start().await;
    for page in ["-1", "0", "999999", "9223372036854775807", "x"] {
        for path in ["/instances", "/plans", "/plans/new", "/tasks"] {
            let answer = app.get(&format!("{path}?page={page}")).await;
            assert_eq!(answer.status, StatusCode::OK, "{path} {page}");
            assert!(!answer.body.contains("999999 of"), "{path} {page}: the nearest page is shown");
        }
    }
    let slash = app.get("/instances/?q=a").await;
    assert_eq!((slash.status, slash.location.as_str()), (StatusCode::PERMANENT_REDIRECT, "/instances?q=a"));
    for path in ["/tasks?from=%2B262142-12-31&to=x", "/instances?tag=%01&missing=zzz", "/instances?refused=-5&error=nothing"] {
        assert_eq!(app.get(path).await.status, StatusCode::OK, "{path}");
    }
    for path in ["/instances?tag=%00", "/plans/%00", "/ledger?q=a%00b"] {
        assert_eq!(app.get(path).await.status, StatusCode::BAD_REQUEST, "{path}");
    }
    assert!(app.get("/instances?__err=x").await.body.contains("The server failed"));
}

#[tokio::test]
async fn the_editing_pages_of_a_sent_plan_lead_to_it() {
    let app = TestApp::start().await;
    let (id, _) = app.confirmed(1).await;
    for step in ["schedule", "instances"] {
        assert_eq!(app.get(&format!("/plans/{id}/{step}")).await.location, format!("/plans/{id}"), "{step}");
    }
}

#[tokio::test]
async fn an_unread_cloud_says_so_instead_of_looking_empty() {
    let app = TestApp::unread(60).await;
    let page = app.get("/instances").await.body;
    assert!(page.contains("has not been read yet") && page.contains("No instance was ever listed"));
    assert_eq!(app.get("/readyz").await.status, StatusCode::OK, "readiness does not wait for the cloud");
    assert_eq!(app.get("/healthz").await.status, StatusCode::OK);
}

#[tokio::test]
async fn other_sites_and_other_names_are_refused() {
    let app = TestApp::start().await;
    let rebound = Request::get("/instances").header(header::HOST, "evil.example:3000").body(Body::empty()).unwrap();
    assert_eq!(app.request(rebound).await.status, StatusCode::MISDIRECTED_REQUEST);
    for (name, value) in [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("sec-fetch-site", "none"),
        ("origin", "http://evil.example"),
        ("origin", "https://localhost"),
        ("x-nothing", "said"),
    ] {
        let forged = Request::post("/api/refresh").header(header::HOST, "localhost").header(name, value).body(Body::empty()).unwrap();
        assert_eq!(app.request(forged).await.status, StatusCode::FORBIDDEN, "{name}");
    }
    let page = app.get("/instances").await;
    assert_eq!(page.headers[header::REFERRER_POLICY], "same-origin");
    assert_eq!(page.headers["x-frame-options"], "DENY");
    assert!(page.headers.contains_key("x-request-id"));
}

#[tokio::test]
async fn text_from_the_cloud_and_from_forms_is_escaped() {
    let app = TestApp::start().await;
    let ids = app.pickable(1);
    app.simulator.world(|w| "<script>alert(1)</script>".clone_into(&mut w.instances.get_mut(&ids[0]).unwrap().name));
    app.sync().await;
    let picked = app
        .post(
            "/api/plans/pick",
            &[("plan_cloud", "test"), ("ticked[]", &ids[0]), ("pasted", "</textarea><script>alert(2)</script>"), ("go", "paste")],
        )
        .await;
    for path in ["/instances", picked.location.as_str()] {
        let page = app.get(path).await.body;
        assert!(!page.contains("<script>alert"), "{path}");
        assert!(page.contains("&lt;script&gt;alert"), "{path}");
    }
}

#[tokio::test]
async fn preferences_go_back_only_to_us() {
    let app = TestApp::start().await;
    let kept =
        app.post(paths::PREFERENCES, &[("lang", "zh-CN"), ("zone", "europe/london"), ("theme", "dark"), ("back", "/tasks?page=2")]).await;
    assert_eq!((kept.status, kept.location.as_str()), (StatusCode::SEE_OTHER, "/tasks?page=2"));
    let cookies: Vec<_> = kept.headers.get_all(header::SET_COOKIE).iter().filter_map(|v| v.to_str().ok()).collect();
    assert!(cookies.iter().any(|c| c.starts_with("zone=Europe/London")), "{cookies:?}");
    assert_eq!(app.post(paths::PREFERENCES, &[("back", "//evil.example")]).await.location, paths::INBOX);
}

#[tokio::test]
async fn a_form_that_is_too_large_is_refused_in_words_and_changes_nothing() {
    let app = TestApp::start().await;
    let id = app.draft(&app.pickable(1), 120).await;
    let answer = app.post("/api/plans/pick", &[("plan", id.as_str()), ("pasted", &"x\n".repeat(600_000)), ("go", "paste")]).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert!(answer.body.contains("Nothing was changed") && answer.body.contains("</html>"), "{}", answer.body);
    let program = Request::post("/api/plans/pick")
        .header(header::HOST, "localhost")
        .header(header::ORIGIN, "http://localhost")
        .header(header::CONTENT_LENGTH, 2_000_000);
    let program = program.body(Body::from("x".repeat(2_000_000))).unwrap();
    assert!(!app.request(program).await.body.contains("<html"), "a program is not sent a page");
    assert_eq!(app.services.plan(&id).await.unwrap().draft.pasted, "");
}

#[tokio::test]
async fn a_link_to_a_cloud_that_is_not_there_says_so() {
    let app = TestApp::start().await;
    let page = app.get("/plans/new?cloud=%E6%97%A7%E4%BA%91").await.body;
    assert!(page.contains("No cloud connection is called 旧云"), "{page}");
}

/// The site is embedded in a release build and read from disk in this one; the code that serves it is the same.
#[tokio::test]
async fn the_site_is_compressed_and_kept_for_ever() {
    let app = TestApp::start().await;
    let page = app.get("/instances").await.body;
    let href = page.split("rel=\"stylesheet\" href=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
    let package = href.strip_suffix("/patchboard.css").unwrap();
    assert!(package.starts_with("/pkg/") && package != "/pkg/none", "build the site first: cargo xtask build");
    for (file, kind) in [("patchboard.css", "text/css"), ("patchboard.js", "text/javascript"), ("patchboard_bg.wasm", "application/wasm")] {
        let get = async |encoding: &str, etag: &str| {
            let request = Request::get(format!("{package}/{file}")).header(header::HOST, "localhost");
            let request = request.header(header::ACCEPT_ENCODING, encoding).header(header::IF_NONE_MATCH, etag);
            app.request(request.body(Body::empty()).unwrap()).await
        };
        let plain = get("identity", "").await;
        assert!(plain.headers[header::CONTENT_TYPE].to_str().unwrap().starts_with(kind), "{file}");
        let mut etags = vec![plain.headers[header::ETAG].clone()];
        for coding in ["br", "gzip"] {
            let packed = get(&format!("deflate, {coding}"), "").await;
            assert_eq!(packed.headers[header::CONTENT_ENCODING], coding, "{file}");
            assert_eq!(packed.headers[header::CACHE_CONTROL], "public, max-age=31536000, immutable", "{file}");
            assert_eq!(packed.headers[header::VARY], "accept-encoding", "{file}");
            assert!(packed.body.len() < plain.body.len(), "{file}");
            etags.push(packed.headers[header::ETAG].clone());
        }
        etags.dedup();
        assert_eq!(etags.len(), 3, "{file}: each coding has its own tag");
        let again = get("br", etags[1].to_str().unwrap()).await;
        assert_eq!((again.status, again.body.len()), (StatusCode::NOT_MODIFIED, 0), "{file}");
        assert_eq!(get("br;q=0", "").await.headers.get(header::CONTENT_ENCODING), None, "{file}: refused is not sent");
    }
}

#[tokio::test]
async fn server_functions_are_all_registered() {
    TestApp::start().await;
    let written: usize = std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/src/api"))
        .unwrap()
        .map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap().matches("#[server(endpoint").count())
        .sum();
    // The registry is a map by path: a doubled endpoint would vanish silently.
    assert_eq!(leptos::server_fn::axum::server_fn_paths().count(), written);
}
