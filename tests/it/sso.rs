//! Single sign-on, at an honest provider and at one that lies.

use crate::{
    somebody::{PASSWORD, cookies},
    support::{Answer, TestApp, now},
};
use axum::http::{StatusCode, header};
use patchboard::paths;
use patchboard_backend::{
    FirstCode, Policy, Provider, ProviderSettings, SingleSignOn,
    clock::{Clock, TestClock},
};
use patchboard_domain::{account::Role, review::ReviewPolicy};
use patchboard_simulator::idp::{Account, CLIENT_ID, CLIENT_SECRET, IdentityProvider, Lie};
use std::sync::Arc;
use tokio::net::TcpListener;

fn account(sub: &str, name: &str, groups: &[&str]) -> Account {
    let groups = groups.iter().map(|g| (*g).to_owned()).collect();
    Account { sub: sub.to_owned(), name: name.to_owned(), full_name: "陈静".to_owned(), groups }
}

async fn provider(clock: Arc<TestClock>) -> IdentityProvider {
    let people = vec![
        account("s-1", "chen.jing", &["dba", "dba-leads"]),
        account("s-2", "chen.jing", &["auditors"]),
        account("s-3", "guest", &["sales"]),
        account("s-4", "<b>o'neill</b>", &["admins"]),
    ];
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    IdentityProvider::start(people, Arc::new(move || clock.now()), listener).unwrap()
}

fn settings(issuer: String) -> ProviderSettings {
    ProviderSettings {
        issuer,
        client_id: CLIENT_ID.to_owned(),
        client_secret: Some(CLIENT_SECRET.into()),
        scopes: vec!["profile".to_owned()],
        groups_claim: "groups".to_owned(),
        contexts: Vec::new(),
    }
}

fn sign_on(settings: ProviderSettings) -> SingleSignOn {
    let groups = [("dba", Role::Operator), ("dba-leads", Role::Approver), ("auditors", Role::Viewer), ("admins", Role::Administrator)];
    let groups = groups.map(|(group, role)| (group.to_owned(), role)).to_vec();
    SingleSignOn { provider: Provider::new(settings).unwrap(), label: "the company".to_owned(), groups }
}

async fn app_with(change: impl FnOnce(&mut ProviderSettings), policy: Policy) -> (TestApp, IdentityProvider) {
    let clock = Arc::new(TestClock::at(now()));
    let provider = provider(clock.clone()).await;
    let mut settings = settings(provider.issuer());
    change(&mut settings);
    (TestApp::with_provider(policy, sign_on(settings), clock).await, provider)
}

async fn app() -> (TestApp, IdentityProvider) {
    app_with(|_| (), Policy { review: ReviewPolicy::none(), confirm_minutes: 0, ..Policy::default() }).await
}

/// A sign-in that has come to the provider: the browser's cookie, and the query it arrived with.
async fn away(app: &TestApp, path: &str) -> (String, String) {
    let answer = app.get_as("", path).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    let query = answer.location.split_once("/authorize?").map(|(_, q)| q.to_owned()).unwrap_or_else(|| panic!("{}", answer.location));
    (cookies(&answer), query)
}

/// Somebody chooses an account at the provider: the path that the browser comes back with.
async fn chosen(provider: &IdentityProvider, sub: &str, query: &str) -> String {
    let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy().build().unwrap();
    let way = if sub.is_empty() { "no".to_owned() } else { format!("as/{sub}") };
    let answer = client.get(format!("{}/authorize/{way}?{query}", provider.issuer())).send().await.unwrap();
    let location = answer.headers()[header::LOCATION].to_str().unwrap().to_owned();
    location.strip_prefix("http://localhost").unwrap_or_else(|| panic!("back to us: {location}")).to_owned()
}

async fn sign_in(app: &TestApp, provider: &IdentityProvider, sub: &str) -> Answer {
    let (cookie, query) = away(app, &paths::with(paths::SSO_BEGIN, "next", "/tasks?page=2")).await;
    let back = chosen(provider, sub, &query).await;
    app.get_as(&cookie, &back).await
}

#[tokio::test]
async fn the_provider_says_who_and_its_groups_say_what() {
    let (app, provider) = app().await;
    let page = app.get_as("", "/sign-in?next=%2Ftasks").await.body;
    assert!(page.contains("Sign in with the company") && page.contains("/session/sso?next=%2Ftasks"), "{page}");
    let (_, query) = away(&app, paths::SSO_BEGIN).await;
    for part in [
        "response_type=code",
        "scope=openid+profile",
        "code_challenge_method=S256",
        "code_challenge=",
        "state=",
        "nonce=",
        "redirect_uri=http%3A%2F%2Flocalhost%2Fsession%2Fsso%2Fback",
    ] {
        assert!(query.contains(part), "{part} in {query}");
    }
    assert!(!query.contains(CLIENT_SECRET));

    let done = sign_in(&app, &provider, "s-1").await;
    assert_eq!(done.location, "/tasks?page=2");
    let cookie = cookies(&done);
    assert!(cookie.contains("patchboard=") && !cookie.contains("patchboard-away="), "{cookie}");
    assert_eq!(app.get_as(&cookie, paths::NEW_PLAN).await.status, StatusCode::OK, "a DBA by group");
    let user = app.services.user_named("chen.jing").await.unwrap();
    assert_eq!(user.roles, [Role::Operator, Role::Approver]);
    assert_eq!(user.full_name, "陈静");
    assert!(user.external && !user.has_password);

    // The same person again is the same account; another subject with the same name and address is another one.
    sign_in(&app, &provider, "s-1").await;
    sign_in(&app, &provider, "s-2").await;
    let other = app.services.user_named("chen.jing-2").await.unwrap();
    assert_ne!(other.id, user.id);
    assert_eq!(other.roles, [Role::Viewer]);
    assert_eq!(app.services.people(&app.actor).await.unwrap().iter().filter(|u| u.external).count(), 2);

    // What a name may not hold is not in it.
    sign_in(&app, &provider, "s-4").await;
    assert!(app.services.user_named("-b-o-neill--b-").await.is_ok());
}

#[tokio::test]
async fn the_same_subject_at_another_provider_is_somebody_else() {
    let (app, one) = app().await;
    sign_in(&app, &one, "s-1").await;
    let first = app.services.user_named("chen.jing").await.unwrap();
    let two = provider(app.clock.clone()).await;
    let app = app.reopened_with(sign_on(settings(two.issuer()))).await;
    sign_in(&app, &two, "s-1").await;
    let second = app.services.user_named("chen.jing-2").await.unwrap();
    assert_ne!(first.id, second.id);
}

#[tokio::test]
async fn roles_follow_the_groups_and_whoever_has_none_is_out() {
    let (app, provider) = app().await;
    let refused = sign_in(&app, &provider, "s-3").await;
    assert!(refused.location.contains("error=sso_no_role"), "{}", refused.location);
    assert!(app.get_as("", &refused.location).await.body.contains("none of your groups may use this Patchboard"));
    assert!(app.services.user_named("guest").await.is_err(), "no account is made for nobody");

    let cookie = cookies(&sign_in(&app, &provider, "s-1").await);
    provider.change("s-1", |a| a.groups = vec!["auditors".to_owned()]);
    sign_in(&app, &provider, "s-1").await;
    assert_eq!(app.services.user_named("chen.jing").await.unwrap().roles, [Role::Viewer]);
    assert_eq!(app.get_as(&cookie, paths::NEW_PLAN).await.status, StatusCode::FORBIDDEN, "in every session at once");

    provider.change("s-1", |a| a.groups = vec!["dba-leads".to_owned()]);
    let cookie = cookies(&sign_in(&app, &provider, "s-1").await);
    provider.change("s-1", |a| a.groups.clear());
    assert!(sign_in(&app, &provider, "s-1").await.location.contains("error=sso_no_role"));
    assert_eq!(app.get_as(&cookie, "/instances").await.status, StatusCode::SEE_OTHER, "every session has ended");
    assert!(!app.services.user_named("chen.jing").await.unwrap().roles.contains(&Role::Approver), "and approvals do not count any more");

    // Somebody who had no more than reading is signed out as well.
    let reader = cookies(&sign_in(&app, &provider, "s-2").await);
    provider.change("s-2", |a| a.groups.clear());
    assert!(sign_in(&app, &provider, "s-2").await.location.contains("error=sso_no_role"));
    assert_eq!(app.get_as(&reader, "/instances").await.status, StatusCode::SEE_OTHER);

    // Disabled here is disabled, whatever the provider says.
    provider.change("s-1", |a| a.groups = vec!["dba".to_owned()]);
    let id = app.services.user_named("chen.jing").await.unwrap().id;
    app.post("/api/people/change", &[("user", id.as_str()), ("go", "disable")]).await;
    assert!(sign_in(&app, &provider, "s-1").await.location.contains("error=refused"));

    let ledger = app.get("/ledger?what=user.").await.body;
    assert!(ledger.contains("changed roles") && ledger.contains("made an account"));
}

#[tokio::test]
async fn an_account_of_the_provider_has_no_second_way_in() {
    let (app, provider) = app().await;
    let cookie = cookies(&sign_in(&app, &provider, "s-1").await);
    let id = app.services.user_named("chen.jing").await.unwrap().id;
    let code = app.post(paths::PEOPLE_CODE, &[("user", id.as_str())]).await;
    assert!(code.location.contains("error=external"), "{}", code.location);
    let roles = app.post("/api/people/change", &[("user", id.as_str()), ("go", "roles"), ("roles[]", "administrator")]).await;
    assert!(roles.location.contains("error=external"), "{}", roles.location);
    let people = app.get(paths::PEOPLE).await.body;
    assert!(people.contains("from groups, at every sign-in"));
    let own = app.get_as(&cookie, paths::ACCOUNT).await.body;
    assert!(own.contains("You sign in at a provider") && !own.contains("Present password"));
    let guess = app.post_as("", paths::SESSION_BEGIN, &[("name", "chen.jing"), ("password", "")]).await;
    assert!(guess.location.contains("error=refused"), "{}", guess.location);
}

/// Whatever the provider, or somebody in its place, answers: nobody gets in by it.
#[tokio::test]
async fn no_lie_signs_anybody_in() {
    for lie in Lie::ALL {
        let (app, provider) = app().await;
        // What lies about itself from the beginning is not even gone to.
        provider.lie(lie);
        let begun = app.get_as("", paths::SSO_BEGIN).await;
        let Some((_, query)) = begun.location.split_once("/authorize?") else {
            assert!(begun.location.contains("error=sso_unreachable"), "{lie:?}: {}", begun.location);
            assert!(
                matches!(lie, Lie::OtherIssuerInMetadata | Lie::EndpointWithoutTls | Lie::KeysAreNoJson | Lie::NoMetadata),
                "{lie:?} is about a token and must be met by one"
            );
            continue;
        };
        let back = chosen(&provider, "s-1", query).await;
        let answer = app.get_as(&cookies(&begun), &back).await;
        let told = ["error=sso_untrusted", "error=sso_unreachable"].iter().any(|t| answer.location.contains(t));
        assert!(told, "{lie:?}: {}", answer.location);
        assert!(!cookies(&answer).contains("patchboard="), "{lie:?} gives no session");
        assert!(app.services.user_named("chen.jing").await.is_err(), "{lie:?} makes no account");
        assert!(app.services.user_named("root").await.is_err(), "{lie:?}");
        for secret in ["access-code", "eyJ", CLIENT_SECRET] {
            assert!(!answer.location.contains(secret) && !answer.body.contains(secret), "{lie:?} shows {secret}");
        }
    }
}

#[tokio::test]
async fn an_answer_is_good_once_and_only_in_the_browser_that_asked() {
    let (app, provider) = app().await;
    // Codes can be used again at this provider: what refuses them must be us.
    provider.forget_what_was_exchanged();
    let (cookie, query) = away(&app, paths::SSO_BEGIN).await;
    let back = chosen(&provider, "s-1", &query).await;
    let not_ours = async |cookie: &str, path: &str| {
        let before = provider.exchanged();
        let answer = app.get_as(cookie, path).await;
        assert!(answer.location.contains("error=sso_not_ours"), "{}", answer.location);
        assert!(!cookies(&answer).contains("patchboard="));
        assert_eq!(provider.exchanged(), before, "the provider is not even asked");
    };
    let (other, other_query) = away(&app, paths::SSO_BEGIN).await;
    not_ours("", &back).await;
    not_ours("patchboard-away=", &back).await;
    not_ours("patchboard-away=guessed.%2F", &back).await;
    not_ours(&other, &back).await;
    // Another browser's state with this one's code.
    let state = |query: &str| query.split('&').find(|p| p.starts_with("state=")).unwrap().to_owned();
    not_ours(&cookie, &back.replace(&state(&query), &state(&other_query))).await;
    not_ours(&cookie, &back.replace(&state(&query), "state=")).await;
    assert!(app.get_as(&cookie, &back).await.location == "/");
    not_ours(&cookie, &back).await;
    // Even with a code that is fresh.
    let again = chosen(&provider, "s-2", &query).await;
    not_ours(&cookie, &again).await;
}

#[tokio::test]
async fn a_code_of_another_browser_is_useless_here() {
    let (app, provider) = app().await;
    let (mine, my_query) = away(&app, paths::SSO_BEGIN).await;
    let (_, their_query) = away(&app, paths::SSO_BEGIN).await;
    let theirs = chosen(&provider, "s-1", &their_query).await;
    let my_back = chosen(&provider, "s-2", &my_query).await;
    let code = |path: &str| path.split(['?', '&']).find(|p| p.starts_with("code=")).unwrap().to_owned();
    // A stolen code, put into an answer with the thief's own state: PKCE and the nonce do not fit.
    let answer = app.get_as(&mine, &my_back.replace(&code(&my_back), &code(&theirs))).await;
    assert!(answer.location.contains("error=sso_untrusted"), "{}", answer.location);
}

#[tokio::test]
async fn saying_no_and_being_down_are_told_apart() {
    let (app, provider) = app().await;
    let (cookie, query) = away(&app, &paths::with(paths::SSO_BEGIN, "next", "/plans")).await;
    let no = app.get_as(&cookie, &chosen(&provider, "", &query).await).await;
    assert!(no.location.contains("error=sso_declined") && no.location.contains("next=%2Fplans"), "{}", no.location);
    let page = app.get_as("", &no.location).await.body;
    assert!(page.contains("The provider did not sign you in."));
    let down = app_with(|s| s.issuer = "http://127.0.0.1:9".to_owned(), Policy::default()).await.0;
    let answer = down.get_as("", paths::SSO_BEGIN).await;
    assert!(answer.location.contains("error=sso_unreachable"), "{}", answer.location);
    for next in ["https://evil.example", "//evil.example", "/\\evil.example"] {
        let (cookie, query) = away(&app, &paths::with(paths::SSO_BEGIN, "next", next)).await;
        assert_eq!(app.get_as(&cookie, &chosen(&provider, "s-1", &query).await).await.location, "/", "{next}");
    }
}

#[tokio::test]
async fn new_keys_of_the_provider_are_found() {
    let (app, provider) = app().await;
    assert_eq!(sign_in(&app, &provider, "s-1").await.location, "/tasks?page=2");
    provider.rotate().unwrap();
    app.advance(60);
    assert_eq!(sign_in(&app, &provider, "s-1").await.location, "/tasks?page=2");
    // Not by everybody who sends nonsense: keys are asked for again at most twice a minute.
    provider.rotate().unwrap();
    assert!(sign_in(&app, &provider, "s-1").await.location.contains("error=sso_untrusted"));
}

#[tokio::test]
async fn a_way_of_signing_in_there_can_be_demanded() {
    let (app, provider) = app_with(|s| s.contexts = vec!["urn:two-factors".to_owned()], Policy::default()).await;
    let (_, query) = away(&app, paths::SSO_BEGIN).await;
    assert!(query.contains("acr_values=urn%3Atwo-factors"), "{query}");
    for weak in [None, Some("urn:password")] {
        provider.context(weak);
        assert!(sign_in(&app, &provider, "s-1").await.location.contains("error=sso_untrusted"), "{weak:?}");
    }
    provider.context(Some("urn:two-factors"));
    assert_eq!(sign_in(&app, &provider, "s-1").await.location, "/tasks?page=2");
}

#[tokio::test]
async fn what_the_provider_remembers_does_not_prove_that_it_is_them_now() {
    let policy = Policy { confirm_minutes: 5, review: ReviewPolicy::none(), ..Policy::default() };
    let (app, provider) = app_with(|_| (), policy).await;
    let cookie = cookies(&sign_in(&app, &provider, "s-4").await);
    let people = app.get_as(&cookie, paths::PEOPLE).await;
    assert_eq!(people.location, "/confirm?next=%2Fpeople", "they signed in there this morning");
    let page = app.get_as(&cookie, &people.location).await.body;
    assert!(page.contains("Show it at the company") && !page.contains("type=\"password\""), "{page}");
    let again = page.split("href=\"").find(|h| h.starts_with("/session/sso")).unwrap().split('"').next().unwrap().replace("&amp;", "&");
    let (away_cookie, query) = away(&app, &again).await;
    assert!(query.contains("prompt=login") && query.contains("max_age=0"), "{query}");
    let done = app.get_as(&format!("{cookie}; {away_cookie}"), &chosen(&provider, "s-4", &query).await).await;
    assert_eq!(done.location, "/people");
    assert_eq!(app.get_as(&cookies(&done), paths::PEOPLE).await.status, StatusCode::OK);
    assert_eq!(app.get_as(&cookie, paths::PEOPLE).await.status, StatusCode::SEE_OTHER, "the session before has ended");
}

#[tokio::test]
async fn a_provider_that_does_not_say_when_ends_in_words_and_not_in_a_circle() {
    let policy = Policy { confirm_minutes: 5, review: ReviewPolicy::none(), ..Policy::default() };
    let (app, provider) = app_with(|_| (), policy).await;
    provider.remember_only(true);
    let (cookie, query) = away(&app, "/session/sso?next=%2Fpeople&again=1").await;
    let done = app.get_as(&cookie, &chosen(&provider, "s-4", &query).await).await;
    assert_eq!(done.location, "/account?error=sso_not_now");
    assert!(app.get_as(&cookies(&done), &done.location).await.body.contains("does not say that it asked you just now"));
}

#[tokio::test]
async fn nobody_is_two_people_by_one_name() {
    let (app, provider) = app().await;
    let local = app.person("chen.jing", &[Role::Operator]).await;
    let refused = sign_in(&app, &provider, "s-1").await;
    assert!(refused.location.contains("error=sso_name_taken"), "{}", refused.location);
    assert!(app.get_as("", &refused.location).await.body.contains("An account here has the name that you have at the provider"));
    assert_eq!(local.get("/instances").await.status, StatusCode::OK);
    let id = app.services.user_named("chen.jing").await.unwrap().id;
    app.post("/api/people/change", &[("user", id.as_str()), ("go", "disable")]).await;
    sign_in(&app, &provider, "s-1").await;
    assert!(app.services.user_named("chen.jing-2").await.unwrap().external);
}

#[tokio::test]
async fn a_name_that_was_chosen_elsewhere_is_shown_with_the_one_that_is_ours() {
    let (app, provider) = app().await;
    provider.change("s-1", |a| a.full_name = "\u{202e}王伟\u{200b} (team lead)".to_owned());
    let cookie = cookies(&sign_in(&app, &provider, "s-1").await);
    let page = app.get_as(&cookie, paths::ACCOUNT).await.body;
    assert!(page.contains("王伟 (team lead) (chen.jing)"), "{page}");
    provider.change("s-1", |a| a.full_name = "李娜".to_owned());
    sign_in(&app, &provider, "s-1").await;
    assert!(app.get("/ledger?what=user.name").await.body.contains("changed a full name"));
}

#[tokio::test]
async fn nobody_who_is_only_at_the_provider_takes_the_place_of_the_first_administrator() {
    let (app, provider) = app().await;
    sign_in(&app, &provider, "s-1").await;
    sign_in(&app, &provider, "s-4").await;
    app.sql("DELETE FROM sessions WHERE user_id IN (SELECT id FROM users WHERE name = 'everybody'); DELETE FROM codes; UPDATE users SET roles = '[\"viewer\"]' WHERE name = 'everybody'").await;
    let code = match app.services.first_code().await.unwrap() {
        FirstCode::Made(code) => code,
        other => panic!("nobody here can manage people whatever becomes of the provider: {other:?}"),
    };
    let taken = app.post_as("", paths::SESSION_REDEEM, &[("code", &code), ("name", "chen.jing"), ("password", PASSWORD)]).await;
    assert!(taken.location.contains("error=name_taken"), "{}", taken.location);
    app.advance(60);
    let made = app.post_as("", paths::SESSION_REDEEM, &[("code", &code), ("name", "root"), ("password", PASSWORD)]).await;
    assert_eq!(made.location, "/");
    assert_eq!(app.services.first_code().await.unwrap(), FirstCode::NotNeeded);
    // The last of them stays, although somebody at the provider could manage people too.
    let id = app.services.user_named("root").await.unwrap().id;
    let fields = [("user", id.as_str()), ("go", "disable")];
    let kept = app.post_as(&cookies(&made), "/api/people/change", &fields).await;
    assert!(kept.location.contains("error=last_administrator"), "{}", kept.location);
}

#[tokio::test]
async fn an_answer_that_nobody_was_sent_for_costs_nothing() {
    let (app, provider) = app().await;
    let before = app.database.contents().await;
    let token = "x1:".to_owned() + &"ab".repeat(60);
    let state = patchboard_oidc::Flow::of(&token).state;
    let answer = app.get_as(&format!("patchboard-away={token}..%2F"), &format!("/session/sso/back?code=x&state={state}")).await;
    assert!(answer.location.contains("error=sso_not_ours"), "{}", answer.location);
    assert_eq!(provider.exchanged(), 0);
    assert_eq!(app.database.contents().await, before);
    // One that was, but too long ago.
    let (cookie, query) = away(&app, paths::SSO_BEGIN).await;
    let back = chosen(&provider, "s-1", &query).await;
    app.advance(11 * 60);
    assert!(app.get_as(&cookie, &back).await.location.contains("error=sso_not_ours"));
}

#[tokio::test]
async fn a_long_way_back_does_not_burst_the_cookie() {
    let (app, provider) = app().await;
    let next = format!("/instances?q={}", "%E5%A5%BD".repeat(500));
    let (cookie, query) = away(&app, &paths::with(paths::SSO_BEGIN, "next", &next)).await;
    assert!(cookie.len() < 4_000, "{}", cookie.len());
    assert_eq!(app.get_as(&cookie, &chosen(&provider, "s-1", &query).await).await.location, "/instances");
}

#[tokio::test]
async fn settings_that_cannot_work_are_refused_at_the_start() {
    for (bad, why) in [("http://accounts.example.com", "https://"), ("accounts", "no address"), ("ftp://127.0.0.1", "https://")] {
        let error = Provider::new(settings(bad.to_owned())).unwrap_err().to_string();
        assert!(error.contains(why), "{bad}: {error}");
    }
}
