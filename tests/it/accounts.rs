//! Accounts, sessions, doors: who gets in, and to what.

use crate::{
    process::Server,
    somebody::{PASSWORD, cookies, with_password},
    support::{Answer, TestApp, simulator},
};
use axum::{
    body::Body,
    http::{Method, Request, StatusCode, header},
};
use patchboard::paths;
use patchboard_backend::clock::SystemClock;
use patchboard_domain::{account::Role, review::ReviewPolicy};

async fn sign_in(app: &TestApp, name: &str, password: &str, with: &str) -> Answer {
    app.post_as(with, paths::SESSION_BEGIN, &[("name", name), ("password", password), ("next", "/tasks?page=2")]).await
}

#[tokio::test]
async fn nobody_sees_anything_before_signing_in() {
    let app = TestApp::start().await;
    for path in ["/", "/instances", "/plans", "/plans/new", "/tasks", "/ledger", "/people", "/account", "/ledger.csv"] {
        let answer = app.get_as("", path).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{path}");
        assert!(answer.location.starts_with(paths::SIGN_IN), "{path} leads to {}", answer.location);
        assert!(answer.body.is_empty(), "{path}");
    }
    assert_eq!(app.get_as("", "/tasks?page=2").await.location, "/sign-in?next=%2Ftasks%3Fpage%3D2");
    let program = Request::post("/api/refresh").header(header::HOST, "localhost").header(header::ORIGIN, "http://localhost");
    let program = program.body(Body::empty()).unwrap();
    assert_eq!(app.bare(program).await.status, StatusCode::UNAUTHORIZED);
    let form = Request::post("/api/plans/decide")
        .header(header::HOST, "localhost")
        .header(header::ORIGIN, "http://localhost")
        .header(header::ACCEPT, "text/html")
        .header(header::REFERER, "http://localhost/plans/x?page=2");
    let answer = app.bare(form.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.location, "/sign-in?error=signed_out&next=%2Fplans%2Fx%3Fpage%3D2", "back to where the form was");
    assert_eq!(app.get_as("patchboard=0000", "/instances").await.status, StatusCode::SEE_OTHER, "a made-up token opens nothing");
}

#[tokio::test]
async fn every_refused_sign_in_says_the_same() {
    let app = TestApp::start().await;
    with_password(&app, "li.na", Role::Operator).await;
    with_password(&app, "gone", Role::Operator).await;
    let gone = app.services.user_named("gone").await.unwrap().id;
    let admin = app.person("boss", &[Role::Administrator]).await;
    admin.post("/api/people/change", &[("user", gone.as_str()), ("go", "disable")]).await;
    let answers = [
        sign_in(&app, "li.na", "not-the-password-at-all", "").await,
        sign_in(&app, "nobody", PASSWORD, "").await,
        sign_in(&app, "gone", PASSWORD, "").await,
    ];
    for answer in &answers {
        assert!(answer.location.contains("error=refused"), "{}", answer.location);
        assert!(answer.location.contains("next=%2Ftasks"), "where one wanted to go is kept");
        assert!(!answer.location.contains(PASSWORD), "a password is never in an address");
        assert!(answer.headers.get(header::SET_COOKIE).is_none());
    }
}

#[tokio::test]
async fn a_session_is_new_at_each_sign_in_and_ends_when_it_should() {
    let app = TestApp::under(ReviewPolicy::none()).await;
    with_password(&app, "li.na", Role::Operator).await;
    let first = sign_in(&app, "LI.NA", PASSWORD, "patchboard=fixed-by-somebody-else").await;
    assert_eq!(first.location, "/tasks?page=2");
    let (one, two) = (cookies(&first), cookies(&sign_in(&app, "li.na", PASSWORD, "").await));
    assert_ne!(one, two);
    let set = first.headers[header::SET_COOKIE].to_str().unwrap();
    assert!(set.contains("HttpOnly") && set.contains("SameSite=Lax") && set.contains("Path=/"), "{set}");
    let inside = async |cookie: &str| app.get_as(cookie, "/instances").await.status == StatusCode::OK;
    assert!(inside(&one).await && inside(&two).await);

    // Signing out ends this one and no other.
    assert!(app.post_as(&one, paths::SESSION_END, &[]).await.location.starts_with(paths::SIGN_IN));
    assert!(!inside(&one).await && inside(&two).await);

    // A page that looks by itself does not keep it alive; a person does.
    let looks = async |cookie: &str| {
        let request = Request::get("/instances").header(header::HOST, "localhost").header(header::COOKIE, cookie);
        app.bare(request.header("x-patchboard-by-itself", "1").body(Body::empty()).unwrap()).await.status == StatusCode::OK
    };
    app.advance(20 * 60);
    assert!(looks(&two).await);
    app.advance(9 * 60);
    assert!(inside(&two).await, "used within half an hour");
    app.advance(20 * 60);
    assert!(looks(&two).await);
    app.advance(11 * 60);
    assert!(!looks(&two).await && !inside(&two).await, "idle for half an hour, whatever the page did");

    // However busy, it ends after twelve hours.
    let three = cookies(&sign_in(&app, "li.na", PASSWORD, "").await);
    for _ in 0..35 {
        app.advance(20 * 60);
        assert!(inside(&three).await);
    }
    app.advance(21 * 60);
    assert!(!inside(&three).await);
}

#[tokio::test]
async fn disabling_somebody_and_new_roles_count_at_once() {
    let app = TestApp::start().await;
    let admin = app.person("boss", &[Role::Administrator]).await;
    let dba = app.person("li.na", &[Role::Operator]).await;
    let id = app.services.user_named("li.na").await.unwrap().id;
    assert_eq!(dba.get(paths::NEW_PLAN).await.status, StatusCode::OK);
    admin.post("/api/people/change", &[("user", id.as_str()), ("go", "roles"), ("roles[]", "viewer")]).await;
    let refused = dba.get(paths::NEW_PLAN).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert!(refused.body.contains("It takes the role Operator"), "{}", refused.body);
    assert_eq!(dba.get("/instances").await.status, StatusCode::OK);
    admin.post("/api/people/change", &[("user", id.as_str()), ("go", "disable")]).await;
    assert_eq!(dba.get("/instances").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn the_last_administrator_stays() {
    let app = TestApp::start().await;
    let everybody = app.services.user_named("everybody").await.unwrap().id;
    for fields in [vec![("go", "disable")], vec![("go", "roles"), ("roles[]", "viewer")]] {
        let mut all = vec![("user", everybody.as_str())];
        all.extend(fields);
        let answer = app.post("/api/people/change", &all).await;
        assert!(answer.location.contains("error=last_administrator"), "{}", answer.location);
    }
}

#[tokio::test]
async fn a_stranger_cannot_lock_the_owner_out() {
    let app = TestApp::start().await;
    with_password(&app, "li.na", Role::Operator).await;
    let known = cookies(&sign_in(&app, "li.na", PASSWORD, "").await);
    let device = known.split("; ").find(|c| c.starts_with("patchboard-device=")).unwrap();
    for n in 0..10 {
        let answer = sign_in(&app, "li.na", "guessing-and-guessing", "").await;
        assert_eq!(answer.location.contains("wait="), n >= 2, "{n}: {}", answer.location);
    }
    assert!(sign_in(&app, "li.na", PASSWORD, "").await.location.contains("wait="), "strangers wait, whatever they know");
    assert_eq!(sign_in(&app, "li.na", PASSWORD, device).await.location, "/tasks?page=2", "a browser that is known does not");
    app.advance(60);
    assert_eq!(sign_in(&app, "li.na", PASSWORD, "").await.location, "/tasks?page=2");
}

/// A wrong sign-in of somebody nobody knows, from an address of its own.
async fn strangers_attempt(app: &TestApp, n: u16) -> Answer {
    let body = format!("name=stranger{n}&password=guessing-and-guessing");
    let mut request = Request::post(paths::SESSION_BEGIN)
        .header(header::HOST, "localhost")
        .header(header::ACCEPT, "text/html")
        .header(header::CONTENT_LENGTH, body.len())
        .header(header::ORIGIN, "http://localhost")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Body::from(body))
        .unwrap();
    let address = std::net::SocketAddr::from(([10, 0, (n / 250) as u8, (n % 250) as u8], 4000));
    request.extensions_mut().insert(axum::extract::ConnectInfo(address));
    app.bare(request).await
}

#[tokio::test]
async fn of_many_sign_ins_at_once_each_has_an_answer() {
    let app = TestApp::start().await;
    with_password(&app, "li.na", Role::Operator).await;
    let known = cookies(&sign_in(&app, "li.na", PASSWORD, "").await);
    let device = known.split("; ").find(|c| c.starts_with("patchboard-device=")).unwrap();
    let strangers = futures_util::future::join_all((0..160).map(|n| strangers_attempt(&app, n)));
    // Whoever is known finds a place beside them.
    let (answers, own) = tokio::join!(strangers, sign_in(&app, "li.na", PASSWORD, device));
    assert_eq!(own.location, "/tasks?page=2");
    assert!(answers.iter().all(|a| a.status == StatusCode::SEE_OTHER));
    let with = |code: &str| answers.iter().filter(|a| a.location.contains(&format!("error={code}"))).count();
    let (refused, busy) = (with("refused"), with("busy"));
    assert_eq!(refused + busy, 160, "{:?}", answers.iter().map(|a| &a.location).collect::<Vec<_>>());
    assert!(refused >= 13 && busy > 0, "{refused} {busy}");
    let told = answers.iter().find(|a| a.location.contains("error=busy")).unwrap();
    assert!(app.get_as("", &told.location).await.body.contains("Try again in a moment"));
    assert!(app.get_as("lang=zh-CN", &told.location).await.body.contains("请稍后重试"));
    // It is over with them, and no attempt was used up by being told to come again.
    let again = futures_util::future::join_all((0..3).map(|n| strangers_attempt(&app, 1_000 + n))).await;
    assert!(again.iter().all(|a| a.location.contains("error=refused")));
}

#[cfg(target_os = "linux")]
#[expect(clippy::print_stdout, reason = "the figure, with --nocapture")]
fn show(figure: &str) {
    println!("{figure}");
}

/// Strangers' attempts cost work, and no memory that grows with their number.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn wrong_sign_ins_do_not_make_the_process_grow() {
    let simulator = simulator(std::sync::Arc::new(SystemClock), 5).await;
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(&simulator, dir.path(), &[("PATCHBOARD__SERVER__PROXIES", "127.0.0.1")]);
    let _tls = rustls::crypto::ring::default_provider().install_default();
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy().build().unwrap();
    let round = async |round: usize| {
        let attempts = (0..160).map(|n| {
            client
                .post(format!("{}{}", server.url, paths::SESSION_BEGIN))
                .header("x-forwarded-for", format!("10.{round}.0.{n}"))
                .header("origin", &server.url)
                .header("accept", "text/html")
                .header("content-type", "application/x-www-form-urlencoded")
                .body(format!("name=stranger{round}x{n}&password=guessing-and-guessing"))
                .send()
        });
        for answer in futures_util::future::join_all(attempts).await {
            let answer = answer.unwrap();
            assert_eq!(answer.status(), StatusCode::SEE_OTHER);
        }
    };
    let before = server.peak_mib();
    for n in 0..4 {
        round(n).await;
    }
    let grown = server.peak_mib() - before;
    show(&format!("{} attempts to sign in: {grown} MiB more at the highest, {before} MiB before", 4 * 160));
    assert!(grown < 64, "{grown} MiB more at its highest");
}

#[tokio::test]
async fn an_account_of_ones_own_buys_no_guesses_at_others() {
    let app = TestApp::start().await;
    with_password(&app, "li.na", Role::Operator).await;
    let mut waited = false;
    for n in 0..6 {
        waited |= sign_in(&app, &format!("victim{n}"), "guessing-and-guessing", "").await.location.contains("wait=");
        sign_in(&app, "li.na", PASSWORD, "").await;
    }
    assert!(waited);
}

#[tokio::test]
async fn passwords_are_changed_by_who_knows_them() {
    let app = TestApp::start().await;
    with_password(&app, "li.na", Role::Operator).await;
    let (here, elsewhere) = (cookies(&sign_in(&app, "li.na", PASSWORD, "").await), cookies(&sign_in(&app, "li.na", PASSWORD, "").await));
    let change = async |old: &str, new: &str| app.post_as(&here, paths::SESSION_PASSWORD, &[("old", old), ("new", new)]).await;
    assert!(change("wrong-wrong-wrong", "some other good words").await.location.contains("error=password_wrong"));
    assert!(change(PASSWORD, "short").await.location.contains("error=password_length"));
    app.advance(60);
    assert!(change(PASSWORD, "passwordpassword").await.location.contains("error=password_weak"));
    let changed = change(PASSWORD, "some other good words").await;
    assert!(changed.location.contains("password_changed"), "{}", changed.location);
    assert_eq!(app.get_as(&elsewhere, "/instances").await.status, StatusCode::SEE_OTHER, "every other session has ended");
    assert_eq!(app.get_as(&here, "/instances").await.status, StatusCode::SEE_OTHER, "and the old token of this one");
    assert_eq!(app.get_as(&cookies(&changed), "/account").await.status, StatusCode::OK);
    assert!(sign_in(&app, "li.na", PASSWORD, "").await.location.contains("error=refused"));
}

/// Every route the router knows, with and without being somebody: nothing is open by oversight.
#[tokio::test]
async fn every_route_is_closed_to_who_may_not() {
    let app = TestApp::start().await;
    let mut routes: Vec<(Method, String)> = leptos_axum::generate_route_list(patchboard::app::App)
        .into_iter()
        .map(|r| (Method::GET, r.path().replace("{cloud}", "test").replace("{id}", "x")))
        .collect();
    routes.extend(leptos::server_fn::axum::server_fn_paths().map(|(path, method)| (method, path.to_owned())));
    assert!(routes.len() > 35, "{}", routes.len());
    let open = [paths::SIGN_IN, paths::WELCOME];
    let ask = async |cookie: &str, method: &Method, path: &str| {
        let request = Request::builder().method(method).uri(path).header(header::HOST, "localhost").header(header::COOKIE, cookie);
        let request = request.header(header::ORIGIN, "http://localhost");
        app.bare(request.body(Body::empty()).unwrap()).await.status
    };
    for (method, path) in &routes {
        let status = ask("", method, path).await;
        assert_eq!(status == StatusCode::UNAUTHORIZED, !open.contains(&path.as_str()), "{method} {path}: {status}");
    }
    // A viewer comes through no door that changes anything.
    let viewer = app.person("sam", &[Role::Viewer]).await;
    // Ending all of one's own sessions is allowed, and would end the test.
    for (method, path) in routes.iter().filter(|(m, p)| *m == Method::POST && p != "/api/account/end_session") {
        let reading = ["list", "show", "sessions", "inbox"].iter().any(|w| path.ends_with(w)) && !path.starts_with("/api/ledger");
        let own = ["/api/refresh", "/api/plans/change"].contains(&path.as_str());
        let status = ask(&viewer.cookie, method, path).await;
        let people = path.starts_with("/api/people");
        assert_eq!(status == StatusCode::FORBIDDEN, people || !(reading || own), "{path}: {status}");
    }
}

#[tokio::test]
async fn a_viewer_cannot_act_by_the_back_door_either() {
    let app = TestApp::start().await;
    let (id, _) = app.confirmed(1).await;
    let viewer = app.person("sam", &[Role::Viewer]).await;
    for go in ["hold", "withdraw", "again", "discard"] {
        let answer = viewer.post("/api/plans/change", &[("plan", id.as_str()), ("go", go)]).await;
        assert!(answer.location.contains("error="), "{go}: {}", answer.location);
    }
    app.send().await;
    assert_eq!(app.words(&id).await, ["accepted"], "nothing of it had an effect");
    let page = viewer.get(&format!("/plans/{id}")).await.body;
    assert!(!page.contains("Hold what is not yet sent") && !page.contains("New plan<"));
}

#[tokio::test]
async fn answers_carry_the_headers_that_keep_browsers_honest() {
    let app = TestApp::start().await;
    let (a, b) = (app.get("/instances").await, app.get("/instances").await);
    let policy = |answer: &Answer| answer.headers["content-security-policy"].to_str().unwrap().to_owned();
    assert_ne!(policy(&a), policy(&b), "each answer has a nonce of its own");
    for part in
        ["default-src 'none'", "'strict-dynamic' 'wasm-unsafe-eval'", "frame-ancestors 'none'", "base-uri 'none'", "style-src 'self'"]
    {
        assert!(policy(&a).contains(part), "{part}");
    }
    assert!(!policy(&a).contains("unsafe-inline") && !policy(&a).contains("'unsafe-eval'"));
    let nonce = policy(&a).split("'nonce-").nth(1).and_then(|r| r.split('\'').next()).unwrap().to_owned();
    let scripts: Vec<&str> = a.body.split("<script").skip(1).map(|s| s.split('>').next().unwrap()).collect();
    assert!(!scripts.is_empty() && scripts.iter().all(|s| s.contains(&nonce)), "{scripts:?}");
    assert!(!a.body.contains(" style=\""));
    for (name, value) in
        [("x-content-type-options", "nosniff"), ("cache-control", "no-store"), ("cross-origin-opener-policy", "same-origin")]
    {
        for path in ["/instances", "/no-such-page", "/healthz", "/./people", "/x/../people"] {
            assert_eq!(app.get(path).await.headers[name], value, "{path} {name}");
        }
    }
    let odd = Request::get("/healthz").header(header::HOST, "localhost").header("x-request-id", "a b<script>");
    let answer = app.bare(odd.body(Body::empty()).unwrap()).await;
    assert!(!answer.headers["x-request-id"].to_str().unwrap().contains('<'), "somebody else's id is not repeated");
}

#[tokio::test]
async fn the_sample_people_exist_in_a_demo_alone() {
    let shown: Vec<_> = patchboard::components::DEMO_PEOPLE.iter().map(|(name, _)| *name).collect();
    assert_eq!(shown, patchboard::server::SAMPLE_PEOPLE.map(|(name, _, _)| name));
    let app = TestApp::start().await;
    let real = patchboard::server::router(app.services.clone(), patchboard::server::Front::default());
    let request = Request::post(paths::DEMO_SWITCH)
        .header(header::HOST, "localhost")
        .header(header::ORIGIN, "http://localhost")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Body::from("name=everybody"))
        .unwrap();
    let answer = tower::ServiceExt::oneshot(real, request).await.unwrap();
    assert!(answer.headers().get(header::SET_COOKIE).is_none());
    assert_eq!(answer.status(), StatusCode::METHOD_NOT_ALLOWED.min(StatusCode::NOT_FOUND));
}
