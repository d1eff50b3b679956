//! Decisions: nothing reaches the cloud that the right person has not seen exactly as it is sent.

use crate::{somebody::Person, support::TestApp};
use patchboard_domain::{
    account::Role,
    id::PlanId,
    plan::PlanState,
    review::ReviewPolicy,
    send::{ItemState, Stop},
};

struct Team<'a> {
    dba: Person<'a>,
    lead: Person<'a>,
    second: Person<'a>,
}

async fn team(app: &TestApp) -> Team<'_> {
    Team {
        dba: app.person("li.na", &[Role::Operator, Role::Approver, Role::Administrator]).await,
        lead: app.person("wang.wei", &[Role::Approver]).await,
        second: app.person("chen.jie", &[Role::Approver]).await,
    }
}

async fn decide(who: &Person<'_>, id: &PlanId, hash: &str, verdict: &str) -> String {
    who.post("/api/plans/decide", &[("plan", id.as_str()), ("hash", hash), ("verdict", verdict), ("comment", "because")]).await.location
}

async fn state(app: &TestApp, id: &PlanId) -> PlanState {
    let rows = app.services.plan_rows(&app.actor, 1).await.unwrap().rows;
    rows.into_iter().find(|r| r.plan.id == *id).unwrap().state
}

#[tokio::test]
async fn what_somebody_else_approved_is_sent_and_nothing_before() {
    let app = TestApp::under(ReviewPolicy::default()).await;
    let team = team(&app).await;
    let (id, hash) = team.dba.asked(2).await;
    assert_eq!(state(&app, &id).await, PlanState::InReview);
    app.send().await;
    assert_eq!(app.creates(), 0);
    // The one who wrote it has every role and may not decide.
    assert!(decide(&team.dba, &id, &hash, "approve").await.contains("error=own_plan"));
    assert!(
        team.dba.post("/api/plans/confirm", &[("plan", id.as_str()), ("hash", &hash), ("count", "2")]).await.location.contains("error=")
    );
    let page = team.lead.get(&format!("/plans/{id}")).await.body;
    for text in [
        "What it reaches",
        "app=",
        "of ",
        "Approve exactly these requests",
        &hash_of_body(&app, &id).await,
        "It can be sent as it stands now",
    ] {
        assert!(page.contains(text), "{text}");
    }
    assert!(!team.dba.get(&format!("/plans/{id}")).await.body.contains("Approve exactly these requests"));
    assert!(team.lead.get("/").await.body.contains("Waiting for your decision"));
    assert_eq!(decide(&team.lead, &id, &hash, "approve").await, format!("/plans/{id}"));
    app.send().await;
    let view = app.sent(&id).await;
    assert_eq!((app.creates(), app.words(&id).await), (1, vec!["accepted"; 2]));
    assert_eq!(view.attempts.rows[0].body, view.requests.rows[0].body, "byte for byte");
    let page = team.dba.get(&format!("/plans/{id}/record")).await.body;
    assert!(page.contains("wang.wei") && page.contains(&hash), "the record names who approved what");
}

async fn hash_of_body(app: &TestApp, id: &PlanId) -> String {
    app.services.review_view(&app.actor, id).await.unwrap().review.asked.requests[0].hash.clone()
}

#[tokio::test]
async fn a_change_voids_what_was_approved() {
    let policy = ReviewPolicy { approvals: 2, ..ReviewPolicy::default() };
    let app = TestApp::under(policy).await;
    let team = team(&app).await;
    let (id, hash) = team.dba.asked(2).await;
    assert_eq!(decide(&team.lead, &id, &hash, "approve").await, format!("/plans/{id}"));
    assert!(decide(&team.lead, &id, &hash, "approve").await == format!("/plans/{id}"), "the same person counts once");
    assert_eq!(state(&app, &id).await, PlanState::InReview);
    // Editing is refused while it is in review, and possible once it is taken out.
    let frozen = team.dba.post("/api/plans/schedule", &[("plan", id.as_str()), ("title", "x"), ("go", "save")]).await;
    assert!(frozen.location.contains("error=changed"), "{}", frozen.location);
    team.dba.post("/api/plans/reopen", &[("plan", id.as_str())]).await;
    assert!(team.dba.get(&format!("/plans/{id}")).await.body.contains("It was taken out of review; what was approved is void."));
    let start = (patchboard_backend::clock::Clock::now(&*app.clock) + chrono::Duration::hours(5)).format("%Y-%m-%dT%H:%M").to_string();
    let fields = [("plan", id.as_str()), ("patches[]", "3.208.0.7"), ("start_local", &start), ("zone", "UTC"), ("go", "continue")];
    team.dba.post("/api/plans/schedule", &fields).await;
    let new = app.draft_view(&id).await.hash;
    assert_ne!(new, hash);
    team.dba.post("/api/plans/ask_review", &[("plan", id.as_str()), ("hash", &new)]).await;
    let page = team.lead.get(&format!("/plans/{id}")).await.body;
    assert!(page.contains("Start moved from") && page.contains("0 of 2 approvals"), "the difference is shown, and nothing is approved");
    assert!(
        decide(&team.lead, &id, &hash, "approve").await.contains("error=changed"),
        "a page that shows the old requests approves nothing"
    );
    decide(&team.lead, &id, &new, "approve").await;
    decide(&team.second, &id, &new, "approve").await;
    app.send().await;
    assert_eq!(app.creates(), 1);
}

#[tokio::test]
async fn changes_and_no_need_words_and_lead_back_to_a_draft() {
    let app = TestApp::under(ReviewPolicy::default()).await;
    let team = team(&app).await;
    for (verdict, expected) in [("changes", PlanState::ChangesAsked), ("reject", PlanState::Rejected)] {
        let (id, hash) = team.dba.asked(1).await;
        let fields = [("plan", id.as_str()), ("hash", &hash), ("verdict", verdict), ("comment", "  ")];
        assert!(team.lead.post("/api/plans/decide", &fields).await.location.contains("error=needs_comment"));
        decide(&team.lead, &id, &hash, verdict).await;
        assert_eq!(state(&app, &id).await, expected);
        assert!(decide(&team.second, &id, &hash, "approve").await.contains("error=changed"), "that review is over");
        assert!(team.dba.get(&format!("/plans/{id}")).await.body.contains("because"));
    }
    app.send().await;
    assert_eq!(app.creates(), 0);
}

#[tokio::test]
async fn a_decision_that_comes_too_late_sends_nothing() {
    let app = TestApp::under(ReviewPolicy::default()).await;
    let team = team(&app).await;
    let (id, hash) = team.dba.asked(1).await;
    // Sessions end meanwhile: people sign in again.
    app.advance(2 * 3600 + 31 * 60);
    let lead = app.person("wang.wei", &[Role::Approver]).await;
    assert_eq!(state(&app, &id).await, PlanState::Expired);
    assert!(lead.get(&format!("/plans/{id}")).await.body.contains("Too late to decide"));
    assert!(decide(&lead, &id, &hash, "approve").await.contains("error=not_ready"));
    app.send().await;
    assert_eq!(app.creates(), 0);
}

#[tokio::test]
async fn an_urgent_plan_needs_a_second_approver() {
    let policy = ReviewPolicy { urgent_minutes: 240, ..ReviewPolicy::default() };
    let app = TestApp::under(policy).await;
    let team = team(&app).await;
    let (id, hash) = team.dba.asked(1).await;
    assert!(team.lead.get(&format!("/plans/{id}")).await.body.contains("it starts within 240 minutes"));
    decide(&team.lead, &id, &hash, "approve").await;
    app.send().await;
    assert_eq!(app.creates(), 0);
    decide(&team.second, &id, &hash, "approve").await;
    app.send().await;
    assert_eq!(app.creates(), 1);
}

#[tokio::test]
async fn a_plan_cannot_be_sent_past_its_review() {
    let app = TestApp::under(ReviewPolicy::default()).await;
    let team = team(&app).await;
    let (id, hash) = team.dba.asked(1).await;
    team.dba.post("/api/plans/reopen", &[("plan", id.as_str())]).await;
    let answer = team.dba.post("/api/plans/confirm", &[("plan", id.as_str()), ("hash", &hash), ("count", "1")]).await;
    assert!(answer.location.contains("error=needs_review"), "{}", answer.location);
    app.send().await;
    assert_eq!(app.creates(), 0);
}

/// Approved, and then somebody with the database edits it by hand.
async fn tampered(sql: &str) {
    let app = TestApp::under(ReviewPolicy::default()).await;
    let team = team(&app).await;
    let (id, hash) = team.dba.asked(2).await;
    decide(&team.lead, &id, &hash, "approve").await;
    app.database.unguard_ledger().await;
    app.sql(sql).await;
    app.send().await;
    assert_eq!(app.creates(), 0, "{sql}");
    assert_eq!(app.words(&id).await, ["stopped"; 2], "{sql}");
    let page = team.dba.get(&format!("/plans/{id}")).await.body;
    assert!(page.contains("is not what was approved") && page.contains("Not sent"), "{sql}");
}

#[tokio::test]
async fn a_row_that_was_edited_by_hand_is_not_sent() {
    for sql in [
        "UPDATE requests SET doc = replace(doc, '3.208.0.7', '3.208.0.6')",
        "UPDATE plans SET approved_hash = 'another'",
        "UPDATE reviews SET hash = 'another'",
        "UPDATE decisions SET hash = 'another'",
        "UPDATE decisions SET verdict = 'changes'",
        "DELETE FROM decisions",
        "UPDATE plans SET approvals_needed = 2",
        "UPDATE plans SET approved_hash = NULL",
        "UPDATE plans SET start_at = start_at + 3600000",
        "UPDATE requests SET doc = replace(doc, 'in14\"],\"body', 'in14\",\"00000000000000000000000000000000in14\"],\"body')",
        // Everything forged to fit, but the ledger: that somebody submitted it stands nowhere.
        "UPDATE ledger SET body = replace(body, 'submitted', 'whatever')",
        "UPDATE plans SET approvals_needed = 0; DELETE FROM decisions; DELETE FROM reviews",
    ] {
        tampered(sql).await;
    }
}

#[tokio::test]
async fn the_approval_of_somebody_who_may_not_any_more_does_not_count() {
    let app = TestApp::under(ReviewPolicy::default()).await;
    let team = team(&app).await;
    let (id, hash) = team.dba.asked(1).await;
    decide(&team.lead, &id, &hash, "approve").await;
    let lead = app.services.user_named("wang.wei").await.unwrap().id;
    team.dba.post("/api/people/change", &[("user", lead.as_str()), ("go", "disable")]).await;
    app.send().await;
    assert_eq!((app.creates(), app.words(&id).await), (0, vec!["stopped"]));
    assert_eq!(app.sent(&id).await.items.rows[0].0.state, ItemState::Stopped { why: Stop::NotApproved });
}

#[tokio::test]
async fn two_approvals_at_once_are_two() {
    let app = TestApp::under(ReviewPolicy { approvals: 2, ..ReviewPolicy::default() }).await;
    let team = team(&app).await;
    for _ in 0..3 {
        let (id, hash) = team.dba.asked(1).await;
        let (a, b) = tokio::join!(decide(&team.lead, &id, &hash, "approve"), decide(&team.second, &id, &hash, "approve"));
        assert_eq!((a, b), (format!("/plans/{id}"), format!("/plans/{id}")));
        assert_eq!(state(&app, &id).await, PlanState::Scheduling);
        app.send().await;
        app.sync().await;
    }
}

#[tokio::test]
async fn looking_through_the_picker_makes_nobody_the_last_editor() {
    let app = TestApp::under(ReviewPolicy::default()).await;
    let team = team(&app).await;
    let other = app.person("both", &[Role::Operator, Role::Approver]).await;
    let (id, _) = team.dba.asked(1).await;
    team.dba.post("/api/plans/reopen", &[("plan", id.as_str())]).await;
    other.post("/api/plans/schedule", &[("plan", id.as_str()), ("title", "changed by both"), ("go", "save"), ("was", "{}")]).await;
    let edited = app.services.plan(&id).await.unwrap().edited_by;
    team.dba.post("/api/plans/pick", &[("plan", id.as_str()), ("go", "continue")]).await;
    assert_eq!(app.services.plan(&id).await.unwrap().edited_by, edited);
}

#[tokio::test]
async fn whoever_changed_a_plan_in_between_does_not_decide_about_it() {
    let app = TestApp::under(ReviewPolicy::default()).await;
    let team = team(&app).await;
    let between = app.person("between", &[Role::Operator, Role::Approver]).await;
    let (id, _) = team.dba.asked(1).await;
    team.dba.post("/api/plans/reopen", &[("plan", id.as_str())]).await;
    let start = (patchboard_backend::clock::Clock::now(&*app.clock) + chrono::Duration::hours(5)).format("%Y-%m-%dT%H:%M").to_string();
    for (who, title) in [(&between, "changed in between"), (&team.dba, "and once more")] {
        let fields = [
            ("plan", id.as_str()),
            ("title", title),
            ("patches[]", "3.208.0.7"),
            ("start_local", start.as_str()),
            ("zone", "UTC"),
            ("go", "continue"),
        ];
        assert_eq!(who.post("/api/plans/schedule", &fields).await.location, format!("/plans/{id}"));
    }
    let plan = app.services.plan(&id).await.unwrap();
    assert_eq!((plan.author == plan.edited_by, plan.editors.len()), (true, 2), "neither its author nor its last editor");
    let listed = app.services.plan_rows(&app.actor, 1).await.unwrap().rows;
    assert_eq!(listed.iter().find(|r| r.plan.id == id).unwrap().plan.editors, plan.editors);
    let hash = app.draft_view(&id).await.hash;
    team.dba.post("/api/plans/ask_review", &[("plan", id.as_str()), ("hash", &hash)]).await;
    assert!(!between.get(&format!("/plans/{id}")).await.body.contains("Approve exactly these requests"));
    assert!(decide(&between, &id, &hash, "approve").await.contains("error=own_plan"));
    app.send().await;
    assert_eq!(app.creates(), 0);
    assert_eq!(decide(&team.lead, &id, &hash, "approve").await, format!("/plans/{id}"));
    app.send().await;
    assert_eq!(app.creates(), 1);
}

#[tokio::test]
async fn a_title_cannot_leave_its_element() {
    let app = TestApp::start().await;
    let id = app.draft(&app.pickable(1), 120).await;
    let title = "</title><meta http-equiv=refresh content=0><script>alert(1)</script>";
    app.post("/api/plans/schedule", &[("plan", id.as_str()), ("title", title), ("go", "save")]).await;
    for path in [format!("/plans/{id}"), "/plans".to_owned(), "/".to_owned(), format!("/ledger?subject=plan/{id}")] {
        let page = app.get(&path).await.body;
        assert!(!page.contains("<meta http-equiv=refresh") && !page.contains("<script>alert"), "{path}");
        assert!(page.contains("&lt;/title&gt;") || path.contains("/ledger"), "{path}");
    }
}

#[tokio::test]
async fn a_team_without_review_says_so_on_every_page() {
    let app = TestApp::under(ReviewPolicy::none()).await;
    let with = TestApp::under(ReviewPolicy::default()).await;
    for path in ["/", "/instances", "/plans", "/tasks", "/ledger"] {
        assert!(app.get(path).await.body.contains("This team works without review"), "{path}");
        assert!(!with.get(path).await.body.contains("This team works without review"), "{path}");
    }
}
