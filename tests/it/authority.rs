//! Who may do what, to what, when: every door for every role, and everything that can be done to a plan for every role and stage.

use crate::support::TestApp;
use axum::{
    body::Body,
    http::{Method, Request, StatusCode, header},
};
use patchboard_domain::{account::Role, authority::Stage, id::PlanId, review::ReviewPolicy};

const ALL: &[Role] = &Role::ALL;
const OPERATOR: &[Role] = &[Role::Operator];
const APPROVER: &[Role] = &[Role::Approver];
const BOTH: &[Role] = &[Role::Operator, Role::Approver];
const ADMINISTRATOR: &[Role] = &[Role::Administrator];

/// Whom a door lets through, written a second time. What is not here is not there.
const DOORS: &[(&str, &[Role])] = &[
    ("/", ALL),
    ("/account", ALL),
    ("/confirm", ALL),
    ("/doubt", ALL),
    ("/instances", ALL),
    ("/instances/test/x", ALL),
    ("/ledger", &[Role::Operator, Role::Approver, Role::Administrator]),
    ("/people", ADMINISTRATOR),
    ("/plans", ALL),
    ("/plans/new", OPERATOR),
    ("/plans/x", ALL),
    ("/plans/x/instances", OPERATOR),
    ("/plans/x/record", ALL),
    ("/plans/x/schedule", OPERATOR),
    ("/sign-in", ALL),
    ("/tasks", ALL),
    ("/tasks/test/x", ALL),
    ("/welcome", ALL),
    ("/api/account/end_session", ALL),
    ("/api/account/show", ALL),
    ("/api/clouds/resume", &[Role::Operator, Role::Administrator]),
    ("/api/doubt/hold", &[Role::Operator, Role::Approver, Role::Administrator]),
    ("/api/doubt/list", ALL),
    ("/api/doubt/resolve", BOTH),
    ("/api/inbox", ALL),
    ("/api/instances/list", ALL),
    ("/api/instances/show", ALL),
    ("/api/ledger/list", &[Role::Operator, Role::Approver, Role::Administrator]),
    ("/api/people/change", ADMINISTRATOR),
    ("/api/people/list", ADMINISTRATOR),
    ("/api/plans/ask_review", OPERATOR),
    // Asked again, with the plan in hand, by each thing that can be done by it.
    ("/api/plans/change", ALL),
    ("/api/plans/check", BOTH),
    ("/api/plans/comment", BOTH),
    ("/api/plans/confirm", OPERATOR),
    ("/api/plans/decide", APPROVER),
    ("/api/plans/draft", OPERATOR),
    ("/api/plans/list", ALL),
    ("/api/plans/pick", OPERATOR),
    ("/api/plans/picker", OPERATOR),
    ("/api/plans/reopen", OPERATOR),
    ("/api/plans/schedule", OPERATOR),
    ("/api/plans/show", ALL),
    ("/api/plans/start", OPERATOR),
    ("/api/refresh", ALL),
    ("/api/tasks/list", ALL),
    ("/api/tasks/order", BOTH),
    ("/api/tasks/show", ALL),
];

#[tokio::test]
async fn every_door_for_every_role() {
    let app = TestApp::start().await;
    let pages = leptos_axum::generate_route_list(patchboard::app::App).into_iter();
    let mut doors: Vec<(Method, String)> = pages.map(|r| (Method::GET, r.path().replace("{cloud}", "test").replace("{id}", "x"))).collect();
    doors.extend(leptos::server_fn::axum::server_fn_paths().map(|(path, method)| (method, path.to_owned())));
    let listed: Vec<&str> = DOORS.iter().map(|(path, _)| *path).collect();
    for (_, path) in &doors {
        assert!(listed.contains(&path.as_str()), "{path} is new: say who may come through it, here and in server::doors");
    }
    assert_eq!(doors.len(), DOORS.len(), "and what is gone is taken out");
    for role in Role::ALL {
        for (method, path) in &doors {
            // A session for each: one of the doors ends all of them.
            let person = app.person(role.word(), &[role]).await;
            let request = Request::builder()
                .method(method)
                .uri(path)
                .header(header::HOST, "localhost")
                .header(header::ORIGIN, "http://localhost")
                .header(header::COOKIE, &person.cookie);
            let status = app.bare(request.body(Body::empty()).unwrap()).await.status;
            let may = DOORS.iter().any(|(p, roles)| p == path && roles.contains(&role));
            assert_eq!(status != StatusCode::FORBIDDEN, may, "{role:?} {method} {path}: {status}");
        }
    }
}

/// Something that can be done to a plan: its form, and at which stages which role may.
struct Deed {
    path: &'static str,
    fields: &'static [(&'static str, &'static str)],
    roles: &'static [Role],
    stages: &'static [Stage],
}

const DEEDS: &[Deed] = &[
    Deed { path: "/api/plans/pick", fields: &[("go", "clear")], roles: OPERATOR, stages: &[Stage::Draft] },
    Deed { path: "/api/plans/schedule", fields: &[("title", "another"), ("go", "save")], roles: OPERATOR, stages: &[Stage::Draft] },
    Deed { path: "/api/plans/change", fields: &[("go", "discard")], roles: OPERATOR, stages: &[Stage::Draft] },
    Deed { path: "/api/plans/ask_review", fields: &[], roles: OPERATOR, stages: &[Stage::Draft] },
    // Where a decision is needed nobody sends a draft, whatever their role.
    Deed { path: "/api/plans/confirm", fields: &[("count", "1")], roles: &[], stages: &[] },
    Deed { path: "/api/plans/decide", fields: &[("verdict", "approve")], roles: APPROVER, stages: &[Stage::InReview] },
    Deed { path: "/api/plans/decide", fields: &[("verdict", "reject"), ("comment", "no")], roles: APPROVER, stages: &[Stage::InReview] },
    Deed { path: "/api/plans/reopen", fields: &[], roles: OPERATOR, stages: &[Stage::InReview] },
    Deed { path: "/api/plans/comment", fields: &[("text", "hm")], roles: BOTH, stages: &[Stage::Draft, Stage::InReview, Stage::Submitted] },
    Deed { path: "/api/plans/change", fields: &[("go", "hold")], roles: BOTH, stages: &[Stage::Submitted] },
    Deed { path: "/api/plans/change", fields: &[("go", "withdraw")], roles: BOTH, stages: &[Stage::Submitted] },
    // Nothing has ended badly at any of these stages; who may where something has is asked in `ends`.
    Deed { path: "/api/plans/change", fields: &[("go", "acknowledge")], roles: &[], stages: &[] },
];

/// A plan of somebody else at a stage, and the hash of its requests.
async fn at(stage: Stage) -> (TestApp, PlanId, String) {
    let app = TestApp::under(ReviewPolicy::default()).await;
    let author = app.person("author", &[Role::Operator]).await;
    let (id, hash) = if stage == Stage::Draft { author.drafted(1).await } else { author.asked(1).await };
    if stage == Stage::Submitted {
        let lead = app.person("lead", &[Role::Approver]).await;
        lead.post("/api/plans/decide", &[("plan", id.as_str()), ("hash", &hash), ("verdict", "approve")]).await;
    }
    assert_eq!(app.services.plan(&id).await.unwrap().stage(), stage);
    (app, id, hash)
}

#[tokio::test]
async fn every_deed_for_every_role_at_every_stage() {
    for stage in Stage::ALL {
        let (app, id, hash) = at(stage).await;
        for role in Role::ALL {
            let person = app.person(role.word(), &[role]).await;
            let allowed = |deed: &&Deed| deed.roles.contains(&role) && deed.stages.contains(&stage);
            for deed in DEEDS {
                let mut fields = vec![("plan", id.as_str()), ("hash", hash.as_str())];
                fields.extend(deed.fields);
                if allowed(&deed) {
                    // A plan of its own: what is done to it must not stand in the way of what comes after.
                    let (app, id, hash) = at(stage).await;
                    let person = app.person(role.word(), &[role]).await;
                    let before = app.database.contents().await;
                    fields[..2].copy_from_slice(&[("plan", id.as_str()), ("hash", hash.as_str())]);
                    let answer = person.post(deed.path, &fields).await;
                    assert!(!answer.location.contains("error="), "{role:?} {stage:?} {} {:?}: {}", deed.path, deed.fields, answer.location);
                    assert_ne!(app.database.contents().await, before, "{role:?} {stage:?} {} {:?} is done", deed.path, deed.fields);
                } else {
                    let before = app.database.contents().await;
                    let answer = person.post(deed.path, &fields).await;
                    let refused = answer.status == StatusCode::FORBIDDEN || answer.location.contains("error=");
                    // Asking twice for the same is a second click.
                    let done = [("/api/plans/ask_review", Stage::InReview), ("/api/plans/confirm", Stage::Submitted)];
                    let twice = role == Role::Operator && done.contains(&(deed.path, stage));
                    assert!(refused || twice, "{role:?} {stage:?} {} {:?}: {} {}", deed.path, deed.fields, answer.status, answer.location);
                    assert_eq!(
                        app.database.contents().await,
                        before,
                        "{role:?} {stage:?} {} {:?} has done nothing",
                        deed.path,
                        deed.fields
                    );
                }
            }
        }
    }
}
