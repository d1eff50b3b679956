//! The page of everything in doubt: nothing is overlooked, a person may know better, and everything can be held.

use crate::{somebody::Person, support::TestApp};
use axum::http::StatusCode;
use patchboard_domain::{
    account::Role,
    id::PlanId,
    send::{ItemState, Stop},
};
use patchboard_simulator::{Act, Fault, TaskState};

async fn in_doubt(act: Act) -> (TestApp, PlanId, String) {
    let app = TestApp::start().await;
    let (id, instances) = app.confirmed(1).await;
    app.simulator.set_faults(vec![Fault::on_create(1, act)]);
    app.send().await;
    let instance = instances[0].clone();
    (app, id, instance)
}

async fn resolve(who: &Person<'_>, plan: &PlanId, instance: &str, task: &str, reason: &str) -> String {
    let fields = [("plan", plan.as_str()), ("request", "0"), ("instance", instance), ("task", task), ("reason", reason)];
    who.post("/api/doubt/resolve", &fields).await.location
}

#[tokio::test]
async fn what_is_in_doubt_is_on_the_first_page_with_its_clock() {
    let (app, id, _) = in_doubt(Act::Drop).await;
    let first = app.get("/").await.body;
    assert!(first.contains("1 instance in doubt: nobody knows yet") && first.contains("href=\"/doubt\""));
    let page = app.get("/doubt").await.body;
    assert!(
        page.contains("The next complete listing is awaited")
            && page.contains("Will not be sent again before it is proved absent, at the earliest at")
    );
    assert!(page.contains(&format!("/plans/{id}")));
    app.sync().await;
    let page = app.get("/doubt").await.body;
    for text in [
        "Looked at 2026-11-23 18:00:0",
        "Looks again at 2026-11-23 18:00:1",
        "Absent since",
        "will not be sent again before a listing begun after",
    ] {
        assert!(page.contains(text), "{text}");
    }
    // In a plan that is the two hundredth since, it is on the first page all the same.
    app.sql("UPDATE plans SET updated_at = 0").await;
    assert!(app.get("/").await.body.contains("in doubt: nobody knows yet"));
    app.advance(130);
    app.sync().await;
    app.send().await;
    assert!(app.get("/doubt").await.body.contains("Nothing is in doubt") && !app.get("/").await.body.contains("nobody knows yet"));
}

#[tokio::test]
async fn a_person_who_has_looked_settles_it_with_a_reason_and_nothing_is_sent() {
    let (app, id, instance) = in_doubt(Act::Drop).await;
    let dba = app.person("li.na", &[Role::Operator]).await;
    assert!(resolve(&dba, &id, &instance, "", " ").await.contains("error=needs_comment"));
    assert!(resolve(&dba, &id, &instance, "0123", "made up").await.contains("error=not_found"), "a task that the cloud does not list");
    assert!(resolve(&dba, &id, &instance, "", "no task yet").await.contains("error=too_early"), "it may still come");
    assert_eq!(app.words(&id).await, ["unknown"]);
    app.sync().await;
    assert!(resolve(&dba, &id, &instance, "", "listed too soon").await.contains("error=too_early"), "its call may still act");
    // A colleague's task keeps the list from proving an absence; a person can tell.
    let now = app.services.now();
    app.simulator.world(|w| w.schedule_elsewhere(&instance, "3.208.0.7", now + chrono::Duration::hours(3), now));
    app.advance(130);
    app.sync().await;
    assert_eq!(resolve(&dba, &id, &instance, "", "console 02:10: no task").await, "/doubt");
    assert_eq!(app.state(&id, &instance).await, ItemState::Stopped { why: Stop::ByHand });
    assert!(resolve(&dba, &id, &instance, "", "again").await.contains("error=changed"), "it is not in doubt any more");
    for _ in 0..3 {
        app.advance(130);
        app.sync().await;
        app.send().await;
    }
    assert_eq!(app.creates(), 1);
    let page = app.get(&format!("/plans/{id}")).await.body;
    assert!(page.contains("Somebody looked in the cloud"));
    let ledger = app.get("/ledger?what=request.resolved").await.body;
    assert!(ledger.contains("li.na") && ledger.contains("console 02:10: no task"));
    // What was not scheduled can be planned anew.
    let again = app.post("/api/plans/change", &[("plan", id.as_str()), ("go", "again")]).await;
    assert!(again.location.ends_with("/schedule"));
}

#[tokio::test]
async fn a_person_points_at_the_task_that_it_is() {
    let (app, id, instance) = in_doubt(Act::Drop).await;
    // A colleague's, an hour off: the list alone cannot tell.
    let now = app.services.now();
    app.simulator.world(|w| w.schedule_elsewhere(&instance, "3.208.0.7", now + chrono::Duration::hours(3), now));
    app.sync().await;
    let task = app.simulator.world(|w| w.tasks_of(&instance)[0].id.clone());
    let lead = app.person("wang.wei", &[Role::Approver]).await;
    let form = format!("/doubt?plan={id}&request=0&instance={instance}&page=1");
    assert!(lead.get("/doubt").await.body.contains(&form.replace('&', "&amp;")), "from the list to the form");
    assert!(lead.get(&form).await.body.contains("It is this task"));
    assert_eq!(resolve(&lead, &id, &instance, &task, "made it by hand for this plan").await, "/doubt");
    assert!(matches!(app.state(&id, &instance).await, ItemState::Accepted { adopted: true, .. }));
    assert!(lead.get(&form).await.body.contains("not in doubt any more"));
    let viewer = app.person("sam", &[Role::Viewer]).await;
    let page = viewer.get(&form).await;
    assert!(page.status == StatusCode::OK && !page.body.contains("Settle it so"));
}

#[tokio::test]
async fn a_cloud_or_everything_is_held_until_somebody_lets_it_go_on() {
    for scope in ["everything", "cloud/test"] {
        let app = TestApp::start().await;
        let hold = |go: &'static str, reason: &'static str| {
            let app = &app;
            async move { app.post("/api/doubt/hold", &[("scope", scope), ("go", go), ("reason", reason)]).await.location }
        };
        assert!(hold("hold", "").await.contains("error=needs_comment"));
        assert_eq!(hold("hold", "incident 4711").await, "/doubt");
        let (id, instances) = app.confirmed(1).await;
        app.send().await;
        assert_eq!((app.words(&id).await, app.creates()), (vec!["planned"], 0), "{scope}");
        assert!(app.get("/").await.body.contains("Sending is on hold"), "{scope}");
        let page = app.get("/doubt").await.body;
        assert!(page.contains("incident 4711") && page.contains("Go on sending"), "{scope}");
        assert_eq!(hold("unhold", "").await, "/doubt");
        app.send().await;
        assert_eq!((app.words(&id).await, app.tasks(&instances)), (vec!["accepted"], vec![1]), "{scope}");
        assert!(app.get("/ledger?what=send.").await.body.contains("incident 4711"));
    }
    let app = TestApp::start().await;
    let answer = app.post("/api/doubt/hold", &[("scope", "cloud/none"), ("go", "hold"), ("reason", "x")]).await;
    assert!(answer.location.contains("error=not_found"));
}

#[tokio::test]
async fn several_open_tasks_on_one_instance_are_shown_with_whose_they_are() {
    let app = TestApp::start().await;
    let (id, instances) = app.confirmed(1).await;
    app.send().await;
    let now = app.services.now();
    app.simulator.world(|w| w.schedule_elsewhere(&instances[0], "3.208.0.7", now + chrono::Duration::hours(5), now));
    app.sync().await;
    assert!(app.get("/").await.body.contains("several open tasks in the cloud: 1"));
    let page = app.get("/doubt").await.body;
    assert!(page.contains("Several open tasks on one instance") && page.contains("Foreign") && page.contains("Patchboard"));
    assert_eq!(app.words(&id).await, ["accepted"]);
}

/// Sent, lost, proved absent, sent again and accepted.
async fn sent_twice() -> (TestApp, PlanId, String) {
    let (app, id, instance) = in_doubt(Act::Drop).await;
    for _ in 0..2 {
        app.sync().await;
        app.advance(130);
    }
    app.send().await;
    assert_eq!((app.words(&id).await, app.creates()), (vec!["accepted"], 2));
    app.sync().await;
    (app, id, instance)
}

/// A task such as the plan's, made by somebody or something now.
fn same_task(app: &TestApp, instance: &str) {
    let now = app.services.now();
    let start = app.simulator.world(|w| w.tasks_of(instance)[0].start);
    app.simulator.world(|w| w.schedule_elsewhere(instance, "3.208.0.7", start, now));
}

#[tokio::test]
async fn a_duplicate_that_a_late_call_of_ours_made_is_taken_back_before_it_starts() {
    let (app, id, instance) = sent_twice().await;
    // The first call acts after all, long after the cloud should have forgotten it.
    same_task(&app, &instance);
    app.sync().await;
    assert!(app.get("/doubt").await.body.contains("Several open tasks on one instance"));
    app.sync().await;
    app.sync().await;
    let states = app.simulator.world(|w| w.tasks_of(&instance).iter().map(|t| t.state).collect::<Vec<_>>());
    assert_eq!((states.len(), states.iter().filter(|s| **s == TaskState::Pending).count()), (2, 1), "one is left: {states:?}");
    assert!(app.get("/doubt").await.body.contains("Nothing is in doubt") && !app.get("/doubt").await.body.contains("Several open tasks"));
    assert_eq!(app.words(&id).await, ["accepted"]);
    assert!(app.get("/ledger?what=task.order").await.body.contains("Patchboard"), "it says who did it");
}

#[tokio::test]
async fn a_duplicate_whose_cancel_fares_badly_is_shown_until_it_is_gone() {
    let refusal = Act::Refuse { status: 500, code: "DBS.108000".to_owned(), message: "Server failure.".to_owned(), retry_after: None };
    for act in [Act::Drop, Act::DoThenDrop, refusal, Act::DoThenGarbage] {
        let (app, _, instance) = sent_twice().await;
        same_task(&app, &instance);
        app.sync().await;
        app.simulator.set_faults(vec![Fault { times: 2, ..Fault::on("/cancel", act.clone()) }]);
        app.sync().await;
        if matches!(act, Act::Drop) {
            assert!(app.get("/").await.body.contains("several open tasks"), "{act:?}: it is on the first page");
        }
        for _ in 0..4 {
            app.advance(60);
            app.sync().await;
        }
        let pending = app.simulator.world(|w| w.tasks_of(&instance).iter().filter(|t| t.state == TaskState::Pending).count());
        assert_eq!(pending, 1, "{act:?}: before its start");
        assert!(!app.get("/doubt").await.body.contains("Several open tasks"), "{act:?}");
    }
}

#[tokio::test]
async fn more_of_the_same_than_we_asked_for_are_somebody_elses_and_none_is_touched() {
    let (app, _, instance) = sent_twice().await;
    same_task(&app, &instance);
    same_task(&app, &instance);
    for _ in 0..3 {
        app.sync().await;
    }
    assert_eq!(app.tasks(&[instance]), [3], "nobody can tell which are ours");
    assert_eq!(app.simulator.requests("/cancel"), 0);
    // Sent once and answered: the same task again is a colleague's.
    let app = TestApp::start().await;
    let (_, instances) = app.confirmed(1).await;
    app.send().await;
    app.sync().await;
    same_task(&app, &instances[0]);
    app.sync().await;
    app.sync().await;
    assert_eq!((app.tasks(&instances), app.simulator.requests("/cancel")), (vec![2], 0));
}

#[tokio::test]
async fn what_is_in_doubt_at_a_cloud_that_is_not_connected_any_more_is_settled_by_a_person() {
    let (app, id, instance) = in_doubt(Act::Drop).await;
    // Its process has ended before the answer was written down.
    app.sql("UPDATE attempts SET ended_at = NULL, outcome = NULL; UPDATE items SET state = 'sending', doc = '{\"is\":\"sending\"}'").await;
    let app = app.reopened(|settings| "renamed".clone_into(&mut settings.name)).await;
    let page = app.get("/doubt").await.body;
    assert!(page.contains("No connection to this cloud is configured any more: nothing looks for it"), "{page}");
    assert_eq!(app.words(&id).await, ["unknown"]);
    let dba = app.person("li.na", &[Role::Operator]).await;
    assert!(resolve(&dba, &id, &instance, "", "console: no task").await.contains("error=too_early"));
    app.advance(1_400);
    assert_eq!(resolve(&dba, &id, &instance, "", "console: no task").await, "/doubt");
}

#[tokio::test]
async fn a_hold_that_cannot_be_understood_holds_everything() {
    let app = TestApp::start().await;
    let (id, _) = app.confirmed(1).await;
    app.post("/api/doubt/hold", &[("scope", "everything"), ("go", "hold"), ("reason", "wait for the vendor")]).await;
    app.sql("UPDATE holds SET scope = 'garbage'").await;
    app.send().await;
    assert_eq!(app.words(&id).await, ["planned"]);
    assert!(app.get("/doubt").await.body.contains("wait for the vendor"));
    app.post("/api/doubt/hold", &[("scope", "everything"), ("go", "unhold")]).await;
    app.send().await;
    assert_eq!(app.words(&id).await, ["accepted"]);
}
