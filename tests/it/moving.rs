//! Moving what is scheduled: cancel and create as one journey, and the old time again where the new one comes to nothing.

use crate::{
    somebody::Person,
    support::{TestApp, now},
};
use chrono::{DateTime, Duration, Utc};
use patchboard_domain::{account::Role, id::PlanId, plan::PlanState, review::ReviewPolicy, send::ItemState};
use patchboard_simulator::{Act, Fault, world::TaskState};

/// Times of the tasks that an instance waits for in the cloud.
fn pending(app: &TestApp, instance: &str) -> Vec<DateTime<Utc>> {
    app.simulator.world(|w| w.tasks_of(instance).into_iter().filter(|t| t.state == TaskState::Pending).map(|t| t.start).collect())
}

/// A plan for `n` instances in two hours, scheduled and listed; and the times it has and is to get.
async fn scheduled(app: &TestApp, n: usize) -> (PlanId, Vec<String>, DateTime<Utc>, DateTime<Utc>) {
    let (id, instances) = app.confirmed(n).await;
    app.send().await;
    app.advance(60);
    app.sync().await;
    let old = app.sent(&id).await.plan.start_at.unwrap();
    (id, instances, old, old + Duration::hours(1))
}

/// The draft that moves a plan to `start`, through the forms.
async fn draft_of_move(app: &TestApp, id: &PlanId, start: DateTime<Utc>) -> PlanId {
    let answer = app.post("/api/plans/change", &[("plan", id.as_str()), ("go", "move")]).await;
    let new = answer.location.strip_prefix("/plans/").and_then(|l| l.strip_suffix("/schedule")).expect("to the time").to_owned();
    let start = start.format("%Y-%m-%dT%H:%M").to_string();
    let fields = [("plan", new.as_str()), ("patches[]", "3.208.0.7"), ("start_local", &start), ("zone", "UTC"), ("go", "continue")];
    app.post("/api/plans/schedule", &fields).await;
    PlanId::new(new)
}

/// Strikes cancels `times` times; 0 is always.
fn on_cancel(times: u32, act: Act) -> Fault {
    Fault { times, ..Fault::on("/cancel", act) }
}

async fn go_on(app: &TestApp) {
    for _ in 0..4 {
        app.sync().await;
        app.send().await;
        app.advance(130);
    }
    app.sync().await;
}

#[tokio::test]
async fn what_is_moved_is_cancelled_first_and_created_when_the_list_says_so() {
    let app = TestApp::start().await;
    let (id, instances, old, new) = scheduled(&app, 3).await;
    let to = draft_of_move(&app, &id, new).await;
    let page = app.get(&format!("/plans/{to}")).await.body;
    assert!(page.contains("Move to another time") && page.contains("Scheduled for"), "both times are on the page");
    assert!(app.get(&format!("/plans/{id}")).await.body.contains("A move to another time is being prepared"));
    go_on(&app).await;
    assert!(instances.iter().all(|i| pending(&app, i) == [old]), "a draft cancels nothing");

    assert_eq!(app.confirm(&to).await.location, format!("/plans/{to}"));
    app.send().await;
    assert_eq!((app.creates(), app.words(&to).await), (1, vec!["moving"; 3]), "nothing is created while the old ones stand");
    assert!(app.get(&format!("/plans/{to}")).await.body.contains("Waits until the cloud"));
    app.sync().await;
    assert!(instances.iter().all(|i| pending(&app, i).is_empty()), "cancelled");
    app.send().await;
    app.advance(60);
    app.sync().await;
    assert!(instances.iter().all(|i| pending(&app, i) == [new]), "and created anew");
    assert_eq!((app.sent(&id).await.state, app.sent(&to).await.state), (PlanState::Moved, PlanState::Scheduled));
    let page = app.get(&format!("/plans/{id}")).await.body;
    assert!(page.contains("A move to") && page.contains(to.as_str()), "the old plan leads to the new one");
    go_on(&app).await;
    assert!(instances.iter().all(|i| pending(&app, i) == [new]), "and so it stays");
    assert_eq!(app.get("/tasks?origin=foreign").await.body.matches(instances[0].as_str()).count(), 0, "the old task is still ours");
}

#[tokio::test]
async fn what_has_begun_meanwhile_stays_at_its_time() {
    let app = TestApp::start().await;
    let (id, instances, old, _) = scheduled(&app, 2).await;
    let to = draft_of_move(&app, &id, old + Duration::hours(3)).await;
    assert_eq!(app.confirm(&to).await.location, format!("/plans/{to}"));
    app.simulator.set_faults(vec![on_cancel(0, Act::Drop)]);
    app.advance(118 * 60);
    go_on(&app).await;
    assert_eq!((app.creates(), app.words(&to).await), (1, vec!["stopped"; 2]), "it runs: nothing is created beside it");
    assert!(app.get(&format!("/plans/{to}")).await.body.contains("its old task had begun or was not cancelled"));
    assert_eq!(app.tasks(&instances), [1, 1]);
}

#[tokio::test]
async fn when_the_new_time_is_refused_the_old_one_stands_again() {
    let app = TestApp::start().await;
    let (id, instances, old, new) = scheduled(&app, 2).await;
    let to = draft_of_move(&app, &id, new).await;
    assert_eq!(app.confirm(&to).await.location, format!("/plans/{to}"));
    let refusal = Act::Refuse { status: 400, code: "DBS.1".to_owned(), message: "not at this time".to_owned(), retry_after: None };
    app.simulator.set_faults(vec![Fault::on_create(1, refusal)]);
    go_on(&app).await;
    assert_eq!(app.words(&to).await, ["rejected"; 2]);
    assert!(instances.iter().all(|i| pending(&app, i) == [old]), "scheduled as it was approved");
    assert_eq!((app.sent(&id).await.state, app.words(&id).await), (PlanState::Scheduled, vec!["accepted"; 2]));
    assert_eq!(app.tasks(&instances), [2, 2], "the cancelled one and the one that stands again");
    assert_eq!(app.count("SELECT COUNT(*) FROM ledger WHERE body LIKE '%request.put_back%'").await, 2);
    go_on(&app).await;
    assert_eq!(app.tasks(&instances), [2, 2], "once");
}

#[tokio::test]
async fn an_answer_lost_on_the_way_moves_once() {
    for (cancel, create) in [(Act::DoThenDrop, Act::DoThenDrop), (Act::DoThenFail, Act::Drop), (Act::Drop, Act::DoThenGarbage)] {
        let app = TestApp::start().await;
        let (id, instances, _, new) = scheduled(&app, 2).await;
        let to = draft_of_move(&app, &id, new).await;
        assert_eq!(app.confirm(&to).await.location, format!("/plans/{to}"));
        app.simulator.set_faults(vec![on_cancel(1, cancel.clone()), Fault::on_create(1, create.clone())]);
        go_on(&app).await;
        go_on(&app).await;
        assert!(instances.iter().all(|i| pending(&app, i) == [new]), "{cancel:?} {create:?}: one at the new time, none at the old");
        assert_eq!(app.words(&to).await, ["accepted"; 2], "{cancel:?} {create:?}");
    }
}

#[tokio::test]
async fn a_move_that_is_stopped_half_way_makes_no_second_task() {
    let app = TestApp::start().await;
    let (id, instances, old, new) = scheduled(&app, 2).await;
    let to = draft_of_move(&app, &id, new).await;
    assert_eq!(app.confirm(&to).await.location, format!("/plans/{to}"));
    // The cloud never hears the cancel, and the plan is no longer what was approved.
    app.simulator.set_faults(vec![on_cancel(0, Act::Drop)]);
    app.sync().await;
    assert_eq!(app.words(&to).await, ["moving"; 2]);
    app.sql(&format!("UPDATE plans SET approved_hash = 'edited' WHERE id = '{to}'")).await;
    go_on(&app).await;
    assert!(instances.iter().all(|i| pending(&app, i) == [old]), "beside the old time there is none");
    assert_eq!(app.creates(), 1);
    app.simulator.set_faults(Vec::new());
    go_on(&app).await;
    assert!(instances.iter().all(|i| pending(&app, i) == [old]), "once its cancel was heard it is made again, once");
}

#[tokio::test]
async fn a_process_that_ends_in_the_middle_finishes_the_move_when_it_is_back() {
    let app = TestApp::start().await;
    let (id, instances, _, new) = scheduled(&app, 2).await;
    let to = draft_of_move(&app, &id, new).await;
    assert_eq!(app.confirm(&to).await.location, format!("/plans/{to}"));
    let app = app.reopened(|_| ()).await;
    app.sync().await;
    assert!(instances.iter().all(|i| pending(&app, i).is_empty()));
    let app = app.reopened(|_| ()).await;
    go_on(&app).await;
    assert!(instances.iter().all(|i| pending(&app, i) == [new]));
}

#[tokio::test]
async fn a_move_says_what_stands_against_it() {
    let app = TestApp::start().await;
    let (id, instances, old, new) = scheduled(&app, 2).await;
    let to = draft_of_move(&app, &id, old).await;
    assert!(app.confirm(&to).await.location.contains("error=not_ready"));
    assert!(app.get(&format!("/plans/{to}")).await.body.contains("Choose another time"), "it has that time");

    let to = draft_of_move(&app, &id, new).await;
    app.post("/api/plans/pick", &[("plan", to.as_str()), ("was", &instances[0]), ("go", "save")]).await;
    assert!(app.confirm(&to).await.location.contains("error=not_ready"));
    let page = app.get(&format!("/plans/{to}")).await.body;
    assert!(page.contains("is shared with 1 instance not in this plan"), "half of a task cannot be cancelled");

    let to = draft_of_move(&app, &id, new).await;
    let rival = draft_of_move(&app, &id, new + Duration::hours(1)).await;
    app.confirm(&to).await;
    assert!(app.confirm(&rival).await.location.contains("error="), "only one moves it");
    let (unsent, _) = app.confirmed(1).await;
    let answer = app.post("/api/plans/change", &[("plan", unsent.as_str()), ("go", "move")]).await;
    assert!(answer.location.contains("error=not_ready"), "nothing of it waits in the cloud: {}", answer.location);
}

#[tokio::test]
async fn a_move_taken_back_leaves_the_old_time() {
    let app = TestApp::start().await;
    let (id, instances, old, new) = scheduled(&app, 2).await;
    let to = draft_of_move(&app, &id, new).await;
    app.confirm(&to).await;
    app.post("/api/plans/change", &[("plan", to.as_str()), ("go", "withdraw")]).await;
    go_on(&app).await;
    assert_eq!((app.simulator.requests("/cancel"), app.tasks(&instances)), (0, vec![1, 1]), "what was not cancelled yet is not cancelled");
    assert!(instances.iter().all(|i| pending(&app, i) == [old]));
    assert_eq!((app.words(&to).await, app.words(&id).await), (vec!["stopped"; 2], vec!["accepted"; 2]));

    let to = draft_of_move(&app, &id, new).await;
    app.confirm(&to).await;
    app.sync().await;
    assert!(instances.iter().all(|i| pending(&app, i).is_empty()), "cancelled, and not sent yet");
    app.post("/api/plans/change", &[("plan", to.as_str()), ("go", "withdraw")]).await;
    go_on(&app).await;
    assert!(instances.iter().all(|i| pending(&app, i) == [old]), "scheduled again as it was");
    assert_eq!((app.words(&to).await, app.words(&id).await), (vec!["withdrawn"; 2], vec!["accepted"; 2]));
}

#[tokio::test]
async fn a_newer_plan_counts_more_than_the_old_time() {
    let app = TestApp::start().await;
    let (id, instances, _, new) = scheduled(&app, 1).await;
    let to = draft_of_move(&app, &id, new).await;
    app.confirm(&to).await;
    let refusal = Act::Refuse { status: 400, code: "DBS.1".to_owned(), message: "not at this time".to_owned(), retry_after: None };
    app.simulator.set_faults(vec![Fault::on_create(1, refusal)]);
    app.sync().await;
    app.send().await;
    assert_eq!(app.words(&to).await, ["rejected"]);
    // Before anybody looks again, somebody plans it anew.
    let third = app.draft(&instances, 300).await;
    assert_eq!(app.confirm(&third).await.location, format!("/plans/{third}"));
    let at = app.sent(&third).await.plan.start_at.unwrap();
    app.post("/api/plans/change", &[("plan", third.as_str()), ("go", "hold")]).await;
    app.sync().await;
    assert!(app.services.sync_status(&app.cloud()).await.unwrap().error.is_none(), "a look goes on whatever a plan waits for");
    app.post("/api/plans/change", &[("plan", third.as_str()), ("go", "unhold")]).await;
    app.send().await;
    go_on(&app).await;
    assert_eq!(pending(&app, &instances[0]), [at], "one task, at the time that was asked for last");
}

#[tokio::test]
async fn a_move_on_hold_cancels_nothing() {
    let app = TestApp::start().await;
    let (id, instances, old, new) = scheduled(&app, 2).await;
    let to = draft_of_move(&app, &id, new).await;
    app.confirm(&to).await;
    app.post("/api/plans/change", &[("plan", to.as_str()), ("go", "hold")]).await;
    go_on(&app).await;
    assert!(instances.iter().all(|i| pending(&app, i) == [old]), "or the instances would be left with nothing");
    app.post("/api/plans/change", &[("plan", to.as_str()), ("go", "unhold")]).await;
    go_on(&app).await;
    assert!(instances.iter().all(|i| pending(&app, i) == [new]));
}

#[tokio::test]
async fn a_move_needs_a_decision_of_its_own() {
    let app = TestApp::under(ReviewPolicy { urgent_minutes: 0, ..ReviewPolicy::default() }).await;
    let (dba, lead) = (app.person("dba", &[Role::Operator]).await, app.person("lead", &[Role::Approver]).await);
    let instances = app.pickable(2);
    let start = now() + Duration::hours(4);
    let approve = async |dba: &Person<'_>, id: &PlanId| {
        let view = app.draft_view(id).await;
        dba.post("/api/plans/ask_review", &[("plan", id.as_str()), ("hash", &view.hash)]).await;
        view.hash
    };
    let id = app.draft(&instances, 240).await;
    let hash = approve(&dba, &id).await;
    lead.post("/api/plans/decide", &[("plan", id.as_str()), ("hash", &hash), ("verdict", "approve")]).await;
    app.send().await;
    app.advance(60);
    app.sync().await;
    assert!(instances.iter().all(|i| pending(&app, i) == [start]));

    let new = start + Duration::hours(1);
    let to = draft_of_move(&app, &id, new).await;
    let hash = approve(&dba, &to).await;
    go_on(&app).await;
    assert!(instances.iter().all(|i| pending(&app, i) == [start]), "what was approved stands until the move is");
    let page = lead.get(&format!("/plans/{to}")).await.body;
    assert!(page.contains("Scheduled for") && page.contains("To be moved to"), "who decides sees both times");
    lead.post("/api/plans/decide", &[("plan", to.as_str()), ("hash", &hash), ("verdict", "approve")]).await;
    go_on(&app).await;
    assert!(instances.iter().all(|i| pending(&app, i) == [new]));
    assert!(matches!(app.state(&to, &instances[0]).await, ItemState::Accepted { .. }));
}

#[tokio::test]
async fn a_move_that_cannot_be_read_holds_up_no_other() {
    for edit in [
        "UPDATE items SET doc = 'x' WHERE plan = ",
        "UPDATE orders SET doc = 'x' WHERE (SELECT plan FROM moves WHERE order_id = orders.id) = ",
    ] {
        let app = TestApp::start().await;
        // Both are scheduled before one is moved: a look would give its cancel.
        let plans = [scheduled(&app, 1).await, scheduled(&app, 1).await];
        let mut moved = Vec::new();
        for (id, instances, _, new) in plans {
            let to = draft_of_move(&app, &id, new).await;
            app.confirm(&to).await;
            moved.push((to, instances, new));
        }
        app.sql(&format!("{edit}'{}'", moved[0].0)).await;
        go_on(&app).await;
        assert_eq!(pending(&app, &moved[1].1[0]), [moved[1].2], "{edit}");
        assert!(pending(&app, &moved[0].1[0]).len() <= 1, "{edit}");
    }
}
