//! People who use a Patchboard: signed in at once, or as people do it.

use crate::support::{Answer, TestApp};
use axum::http::{StatusCode, header};
use chrono::Duration;
use patchboard::paths;
use patchboard_backend::{Origin, Services, clock::Clock};
use patchboard_domain::{
    account::{Actor, Role},
    id::PlanId,
};

/// A password that may be chosen.
pub(crate) const PASSWORD: &str = "wellen-brechen-am-kai";

/// Somebody else who uses the same Patchboard.
pub(crate) struct Person<'a> {
    app: &'a TestApp,
    pub(crate) cookie: String,
}

impl<'a> Person<'a> {
    pub(crate) fn new(app: &'a TestApp, cookie: String) -> Self {
        Self { app, cookie }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.app.get_as(&self.cookie, path).await
    }

    pub(crate) async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        self.app.post_as(&self.cookie, path, fields).await
    }

    /// A draft of theirs for which a decision is asked, and the hash of its requests.
    pub(crate) async fn asked(&self, n: usize) -> (PlanId, String) {
        self.asked_about(&self.app.pickable(n)).await
    }

    /// The same for these instances.
    pub(crate) async fn asked_about(&self, instances: &[String]) -> (PlanId, String) {
        let (id, hash) = self.draft_of(instances).await;
        let answer = self.post("/api/plans/ask_review", &[("plan", id.as_str()), ("hash", &hash)]).await;
        assert_eq!(answer.location, format!("/plans/{id}"));
        (id, hash)
    }

    /// A draft of theirs of `n` instances, three hours ahead, that can be asked about, and the hash of its requests.
    pub(crate) async fn drafted(&self, n: usize) -> (PlanId, String) {
        self.draft_of(&self.app.pickable(n)).await
    }

    async fn draft_of(&self, instances: &[String]) -> (PlanId, String) {
        let mut fields = vec![("plan_cloud", "test"), ("go", "continue")];
        fields.extend(instances.iter().map(|i| ("ticked[]", i.as_str())));
        let answer = self.post("/api/plans/pick", &fields).await;
        let id = PlanId::new(answer.location.trim_start_matches("/plans/").trim_end_matches("/schedule"));
        let start = (self.app.clock.now() + Duration::hours(3)).format("%Y-%m-%dT%H:%M").to_string();
        let fields = [("plan", id.as_str()), ("patches[]", "3.208.0.7"), ("start_local", &start), ("zone", "UTC"), ("go", "continue")];
        self.post("/api/plans/schedule", &fields).await;
        let hash = self.app.draft_view(&id).await.hash;
        (id, hash)
    }
}

/// An account with these roles, signed in: its cookie. What exists already is only signed in.
pub(crate) async fn person(services: &Services, name: &str, roles: &[Role]) -> (Actor, String) {
    if services.user_named(name).await.is_err() {
        services.add_user(&Actor::command_line(), name, "", roles).await.unwrap();
    }
    let user = services.user_named(name).await.unwrap();
    let token = services
        .sign_in_as_sample(name, &Origin { address: "test".to_owned(), agent: "test".to_owned(), ..Origin::default() })
        .await
        .unwrap()
        .token;
    (Actor::person(&user, "test"), format!("patchboard={token}"))
}

/// An account with a password of its own, made as people make it: by an administrator's code.
pub(crate) async fn with_password(app: &TestApp, name: &str, role: Role) {
    let admin = app.person("boss", &[Role::Administrator]).await;
    let page = admin.post(paths::PEOPLE_CODE, &[("name", name), ("role", role.word())]).await;
    assert_eq!(page.status, StatusCode::OK);
    let code = page.body.split("<p class=\"big\"><code>").nth(1).and_then(|rest| rest.split('<').next()).expect("the code is shown once");
    let answer = app.post_as("", paths::SESSION_REDEEM, &[("code", code), ("password", PASSWORD)]).await;
    assert_eq!(answer.location, "/", "{}", answer.location);
    let again = app.post_as("", paths::SESSION_REDEEM, &[("code", code), ("password", PASSWORD)]).await;
    assert!(again.location.contains("error=code"), "a code works once: {}", again.location);
}

/// The cookies that an answer sets, as the browser sends them back.
pub(crate) fn cookies(answer: &Answer) -> String {
    let cookies = answer.headers.get_all(header::SET_COOKIE).iter().filter_map(|c| c.to_str().ok());
    cookies.filter(|c| !c.contains("Max-Age=0")).filter_map(|c| c.split(';').next()).collect::<Vec<_>>().join("; ")
}
