//! The second factor, and showing again who one is.

use crate::{
    somebody::{PASSWORD, cookies, with_password},
    support::{Answer, TestApp},
};
use axum::http::StatusCode;
use patchboard::paths;
use patchboard_backend::{Policy, clock::Clock};
use patchboard_domain::{account::Role, review::ReviewPolicy};

/// The code that a device shows now.
fn device(app: &TestApp, secret: &str) -> String {
    let secret = totp_rs::Secret::try_from_base32(secret).unwrap();
    let totp = totp_rs::Builder::new().with_secret(secret).with_account_name("a").build().unwrap();
    let now = u64::try_from(app.clock.now().timestamp()).unwrap();
    totp.generate(now).to_string()
}

async fn sign_in(app: &TestApp, name: &str, factor: &str, cookie: &str) -> Answer {
    app.post_as(cookie, paths::SESSION_BEGIN, &[("name", name), ("password", PASSWORD), ("factor", factor)]).await
}

fn secret_in(page: &str) -> String {
    let shown = page.split("<p><code>").nth(1).and_then(|r| r.split('<').next()).unwrap_or_else(|| panic!("{page}"));
    shown.replace(' ', "")
}

/// Sets up a second factor; returns its secret.
async fn set_up(app: &TestApp, cookie: &str) -> String {
    let page = app.post_as(cookie, paths::FACTOR_SHOW, &[]).await;
    assert!(page.body.contains("<svg") && !page.body.contains("<?xml"), "a picture to scan");
    let secret = secret_in(&page.body);
    assert_eq!(page.headers["cache-control"], "no-store");
    let wrong = app.post_as(cookie, paths::FACTOR_CONFIRM, &[("code", "000000")]).await;
    assert!(wrong.body.contains("That is not the code of now"));
    assert_eq!(secret_in(&wrong.body), secret, "a mistyped code is no reason to scan again");
    let done = app.post_as(cookie, paths::FACTOR_CONFIRM, &[("code", &device(app, &secret))]).await;
    assert!(done.location.contains("factor_on"), "{}", done.location);
    secret
}

#[tokio::test]
async fn a_second_factor_is_asked_for_and_no_code_works_twice() {
    let app = TestApp::start().await;
    with_password(&app, "li.na", Role::Operator).await;
    let cookie = cookies(&sign_in(&app, "li.na", "", "").await);
    assert!(app.get_as(&cookie, paths::ACCOUNT).await.body.contains("Set one up"));
    let secret = set_up(&app, &cookie).await;
    assert!(app.get_as(&cookie, paths::ACCOUNT).await.body.contains("It is set up"));

    let refused = async |factor: &str| {
        app.advance(60);
        sign_in(&app, "li.na", factor, "").await.location.contains("error=refused")
    };
    assert!(refused("").await && refused("123456").await, "the password alone is not enough");
    app.advance(60);
    let code = device(&app, &secret);
    let (a, b) = code.split_at(3);
    assert_eq!(sign_in(&app, "li.na", &format!(" {a} {b} "), "").await.location, "/", "however it is spaced");
    assert!(sign_in(&app, "li.na", &code, "").await.location.contains("error=refused"), "a code works once");
    app.advance(30);
    let before = device(&app, &secret);
    app.advance(30);
    assert_eq!(sign_in(&app, "li.na", &before, "").await.location, "/", "a device may be half a minute behind");
    app.advance(90);
    assert!(sign_in(&app, "li.na", &before, "").await.location.contains("error=refused"), "but no more");

    // A forgotten password is no way around it.
    let id = app.services.user_named("li.na").await.unwrap().id;
    let page = app.post(paths::PEOPLE_CODE, &[("user", id.as_str())]).await.body;
    let code = page.split("<p class=\"big\"><code>").nth(1).and_then(|rest| rest.split('<').next()).unwrap().to_owned();
    app.advance(60);
    let redeem = async |factor: &str| {
        app.post_as("", paths::SESSION_REDEEM, &[("code", &code), ("password", PASSWORD), ("factor", factor)]).await.location
    };
    assert!(redeem("").await.contains("error=factor_code"));
    assert_eq!(redeem(&device(&app, &secret)).await, "/");

    // The secret is not in the database as it is, and the ledger says that it was set up and not what it is.
    let mut everything = vec![app.database.contents().await.into_values().flatten().collect::<String>().into_bytes()];
    if app.database.is_file() {
        everything.extend(["test.db", "test.db-wal"].map(|name| std::fs::read(app.database.path(name)).unwrap_or_default()));
    }
    let raw = totp_rs::Secret::try_from_base32(&secret).unwrap();
    for kept in everything {
        for needle in [secret.as_bytes(), raw.as_bytes(), hex::encode(raw.as_bytes()).as_bytes()] {
            assert!(!kept.windows(needle.len()).any(|w| w == needle));
        }
    }
    assert!(app.get("/ledger?what=user.factor").await.body.contains("changed a second factor"));

    // A lost device: an administrator takes it away, and every session ends.
    let inside = cookies(
        &sign_in(
            &app,
            "li.na",
            &{
                app.advance(60);
                device(&app, &secret)
            },
            "",
        )
        .await,
    );
    app.post("/api/people/change", &[("user", id.as_str()), ("go", "drop_factor")]).await;
    assert_eq!(app.get_as(&inside, "/instances").await.status, StatusCode::SEE_OTHER);
    assert_eq!(sign_in(&app, "li.na", "", "").await.location, "/");
}

/// Every way to a session that is fresh, or to another factor, by somebody who has the password and an open browser.
#[tokio::test]
async fn the_password_alone_leads_nowhere() {
    let app = TestApp::ruled_by(Policy { confirm_minutes: 5, review: ReviewPolicy::none(), ..Policy::default() }).await;
    with_password(&app, "root", Role::Administrator).await;
    let owner = cookies(&sign_in(&app, "root", "", "").await);
    let secret = set_up(&app, &owner).await;
    app.advance(6 * 60);
    let change = async |factor: &str| {
        let fields = [("old", PASSWORD), ("new", "some other good words"), ("factor", factor)];
        app.post_as(&owner, paths::SESSION_PASSWORD, &fields).await
    };
    for wrong in ["", "000000"] {
        assert!(change(wrong).await.location.contains("error=factor_code"));
        let confirm = app.post_as(&owner, paths::SESSION_CONFIRM, &[("password", PASSWORD), ("factor", wrong)]).await;
        assert!(confirm.location.contains("error=factor_code"));
    }
    assert!(app.get_as(&owner, paths::PEOPLE).await.location.starts_with("/confirm"));
    // A handful of guesses, and then an hour for ten, for whoever has the password; nobody else can use them up.
    assert!(sign_in(&app, "root", "000000", "").await.location.contains("error=refused"));
    assert!(sign_in(&app, "root", &device(&app, &secret), "").await.location.contains("error=refused"), "even a right one");
    app.advance(360);
    assert_eq!(sign_in(&app, "root", &device(&app, &secret), "").await.location, "/");
    app.advance(60);
    assert!(change(&device(&app, &secret)).await.location.contains("password_changed"));
}

#[tokio::test]
async fn a_second_factor_ends_what_was_open_before_it() {
    let app = TestApp::start().await;
    with_password(&app, "li.na", Role::Operator).await;
    let stolen = cookies(&sign_in(&app, "li.na", "", "").await);
    let cookie = cookies(&sign_in(&app, "li.na", "", "").await);
    set_up(&app, &cookie).await;
    assert_eq!(app.get_as(&stolen, "/instances").await.status, StatusCode::SEE_OTHER);
    assert_eq!(app.get_as(&cookie, "/instances").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_clock_that_is_set_back_proves_nothing_and_locks_nobody_out() {
    let app = TestApp::ruled_by(Policy { confirm_minutes: 5, review: ReviewPolicy::none(), ..Policy::default() }).await;
    with_password(&app, "root", Role::Administrator).await;
    let cookie = cookies(&sign_in(&app, "root", "", "").await);
    let secret = set_up(&app, &cookie).await;
    app.advance(86_400);
    let ahead = cookies(&sign_in(&app, "root", &device(&app, &secret), "").await);
    assert_eq!(app.get_as(&ahead, paths::PEOPLE).await.status, StatusCode::OK);
    app.advance(-86_000);
    assert!(app.get_as(&ahead, paths::PEOPLE).await.location.starts_with("/confirm"), "shown tomorrow is not shown now");
    assert_eq!(sign_in(&app, "root", &device(&app, &secret), "").await.location, "/", "nor is a code of now one of the past");
}

#[tokio::test]
async fn a_sealed_secret_opens_for_its_owner_alone() {
    let app = TestApp::start().await;
    with_password(&app, "li.na", Role::Operator).await;
    with_password(&app, "thief", Role::Operator).await;
    let cookie = cookies(&sign_in(&app, "thief", "", "").await);
    let secret = set_up(&app, &cookie).await;
    app.sql("UPDATE users SET factor = (SELECT factor FROM users WHERE name = 'thief') WHERE name = 'li.na'").await;
    app.advance(60);
    let answer = sign_in(&app, "li.na", &device(&app, &secret), "").await;
    assert!(answer.location.contains("error=refused"), "moved to another row it opens nothing: {}", answer.location);
}

#[tokio::test]
async fn a_role_can_ask_for_a_second_factor() {
    let policy = Policy { factor_roles: vec![Role::Approver], review: ReviewPolicy::none(), ..Policy::default() };
    let app = TestApp::ruled_by(policy).await;
    with_password(&app, "wang.wei", Role::Approver).await;
    let cookie = cookies(&sign_in(&app, "wang.wei", "", "").await);
    for path in ["/", "/instances", "/plans", "/ledger"] {
        assert_eq!(app.get_as(&cookie, path).await.location, "/account?error=factor_needed", "{path}");
    }
    assert!(app.get_as(&cookie, "/account?error=factor_needed").await.body.contains("One of your roles asks for a second factor"));
    set_up(&app, &cookie).await;
    assert_eq!(app.get_as(&cookie, "/instances").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_browser_left_open_decides_nothing() {
    let policy = Policy { confirm_minutes: 5, production: Vec::new(), ..Policy::default() };
    let app = TestApp::ruled_by(policy).await;
    with_password(&app, "wang.wei", Role::Approver).await;
    let dba = app.person("li.na", &[Role::Operator]).await;
    let (id, hash) = dba.asked(2).await;
    let plan = format!("/plans/{id}");
    let cookie = cookies(&sign_in(&app, "wang.wei", "", "").await);
    assert!(app.get_as(&cookie, &plan).await.body.contains("Approve exactly these requests"));

    app.advance(6 * 60);
    let page = app.get_as(&cookie, &plan).await.body;
    assert!(!page.contains("Approve exactly these requests") && page.contains("show first that it is you"), "{page}");
    let decide = async |comment: &str| {
        let fields = [("plan", id.as_str()), ("hash", &hash), ("verdict", "approve"), ("comment", comment)];
        app.post_as(&cookie, "/api/plans/decide", &fields).await.location
    };
    let inbox = app.get_as(&cookie, "/").await.body;
    let waiting = inbox.split("Waiting for your decision").nth(1).and_then(|r| r.split("</h2>").next()).unwrap();
    assert!(waiting.contains(">1<"), "that something waits is known before: {waiting}");
    // A page that was open since before: refused, and what was typed is not lost.
    let words = "好的。".repeat(1_300);
    let to = decide(&words).await;
    assert!(to.starts_with("/confirm?next="), "{to}");
    let confirm = app.get_as(&cookie, &to).await.body;
    let next = confirm.split("name=\"next\" value=\"").nth(1).and_then(|r| r.split('"').next()).unwrap().replace("&amp;", "&");
    let wrong = app.post_as(&cookie, paths::SESSION_CONFIRM, &[("password", "not it at all"), ("next", &next)]).await;
    assert!(wrong.location.starts_with("/confirm?error=password_wrong"), "{}", wrong.location);
    let right = app.post_as(&cookie, paths::SESSION_CONFIRM, &[("password", PASSWORD), ("next", &next)]).await;
    assert_eq!(right.location, plan);
    assert_eq!(app.get_as(&cookie, "/instances").await.status, StatusCode::SEE_OTHER, "a copy of the token has shown nothing");
    let cookie = cookies(&right);
    let page = app.get_as(&cookie, &plan).await.body;
    assert!(page.contains(&words), "all of it");
    let other = app.person("chen.jie", &[Role::Approver]).await;
    assert!(!other.get(&plan).await.body.contains(&words), "and nobody else's");
    let fields = [("plan", id.as_str()), ("hash", &hash), ("verdict", "approve"), ("comment", "go")];
    assert_eq!(app.post_as(&cookie, "/api/plans/decide", &fields).await.location, plan);
    assert!(app.get("/ledger?what=session.confirm").await.body.contains("showed again who they are"));

    // So do people, and the second factor itself.
    let admin_cookie = {
        with_password(&app, "root", Role::Administrator).await;
        app.advance(60);
        cookies(&sign_in(&app, "root", "", "").await)
    };
    assert_eq!(app.get_as(&admin_cookie, paths::PEOPLE).await.status, StatusCode::OK);
    app.advance(6 * 60);
    assert_eq!(app.get_as(&admin_cookie, paths::PEOPLE).await.location, "/confirm?next=%2Fpeople");
    for (path, fields) in [(paths::PEOPLE_CODE, vec![("name", "mallory"), ("role", "approver")]), (paths::FACTOR_SHOW, vec![])] {
        let answer = app.post_as(&admin_cookie, path, &fields).await;
        assert!(answer.location.starts_with("/confirm?next="), "{path}: {}", answer.location);
    }
    assert!(app.services.user_named("mallory").await.is_err());
}
