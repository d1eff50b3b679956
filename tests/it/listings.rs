//! The list of tasks is the only witness: it lags, moves, fails, or never shows what was accepted.

use crate::{faults::settle, support::TestApp};
use patchboard_simulator::{Act, Fault};

#[tokio::test]
async fn a_list_that_moves_while_it_is_paged_is_no_evidence() {
    let app = TestApp::unread(400).await;
    let (now, others) = (app.services.now(), app.pickable(140));
    app.simulator.world(|w| others[10..].iter().for_each(|i| w.schedule_elsewhere(i, "3.208.0.7", now + chrono::Duration::days(2), now)));
    app.sync().await;
    let id = app.draft(&others[..1], 120).await;
    app.confirm(&id).await;
    app.simulator.set_faults(vec![
        Fault::on_create(1, Act::DoThenDrop),
        // The second page of each look: rows have shifted, and ours may have been skipped.
        Fault { method: "GET".to_owned(), skip: 1, ..Fault::on("schedule-tasks", Act::Interleave) },
    ]);
    app.send().await;
    settle(&app, 4, 130).await;
    assert_eq!((app.words(&id).await, app.creates()), (vec!["unknown"], 1), "nothing is concluded from it");
    assert!(app.get("/instances").await.body.contains("list changed while it was read"), "and the page says so");
    app.simulator.set_faults(Vec::new());
    settle(&app, 1, 130).await;
    assert_eq!((app.words(&id).await, app.creates(), app.tasks(&others[..1])), (vec!["accepted"], 1, vec![1]));
}

#[tokio::test]
async fn a_list_that_lags_does_not_make_a_second_task() {
    let app = TestApp::start().await;
    let (id, instances) = app.confirmed(2).await;
    app.simulator.world(|w| w.switches.list_lag_seconds = 100);
    app.simulator.set_faults(vec![Fault::on_create(1, Act::DoThenDrop)]);
    app.send().await;
    app.advance(1);
    settle(&app, 12, 25).await;
    assert_eq!((app.words(&id).await, app.creates(), app.tasks(&instances)), (vec!["accepted"; 2], 1, vec![1; 2]));
}

#[tokio::test]
async fn a_lag_beyond_the_setting_is_learned_shown_and_waited_for() {
    let app = TestApp::start().await;
    app.simulator.world(|w| w.switches.list_lag_seconds = 200);
    app.confirmed(1).await;
    app.send().await;
    assert!(!app.get("/tasks").await.body.contains("missing from the cloud"));
    app.advance(1);
    settle(&app, 9, 25).await;
    let tasks = app.get("/tasks").await.body;
    assert!(tasks.contains("A new task was missing from the cloud's list for up to 211 s"), "{tasks}");

    // Two absences lie 120 s apart long before the list shows it.
    let (id, instances) = app.confirmed(2).await;
    app.simulator.set_faults(vec![Fault::on_create(1, Act::DoThenDrop)]);
    app.send().await;
    app.advance(1);
    settle(&app, 2, 25).await;
    let doubt = app.get("/doubt").await.body;
    assert!(doubt.contains("missing from the cloud's list for up to 211 s"), "{doubt}");
    settle(&app, 8, 25).await;
    assert_eq!((app.words(&id).await, app.tasks(&instances)), (vec!["accepted"; 2], vec![1; 2]));

    // A week without any, and it is forgotten.
    app.simulator.world(|w| w.switches.list_lag_seconds = 0);
    app.advance(6 * 24 * 3600);
    app.sync().await;
    assert!(app.get("/tasks").await.body.contains("missing from the cloud"));
    app.advance(2 * 24 * 3600);
    app.sync().await;
    assert!(!app.get("/tasks").await.body.contains("missing from the cloud"));
}

#[tokio::test]
async fn an_accepted_task_that_no_list_ever_shows_is_said_and_frees_its_instance() {
    let app = TestApp::start().await;
    app.simulator.world(|w| w.switches.list_lag_seconds = 1_000_000);
    let (id, instances) = app.confirmed(1).await;
    app.send().await;
    app.sync().await;
    assert!(app.get(&format!("/plans/{id}")).await.body.contains("accepted, not yet seen in the list"));
    let picker = format!("/plans/new?q={}", instances[0]);
    assert!(app.get(&picker).await.body.contains("Another plan is about to schedule it"), "it may still come");
    app.advance(2 * 3600 + 60);
    app.sync().await;
    assert_eq!(app.sent(&id).await.state, patchboard_domain::plan::PlanState::Scheduled, "a listing may lag");
    // The patch went in behind the cloud's back; the instance is active again.
    app.advance(3600);
    app.sync().await;
    assert_eq!(app.sent(&id).await.state, patchboard_domain::plan::PlanState::InDoubt);
    assert!(app.get(&format!("/plans/{id}")).await.body.contains("its list never showed the task"));
    assert!(!app.get(&picker).await.body.contains("Another plan is about to schedule it"));
}

#[tokio::test]
async fn a_listing_that_fails_is_no_evidence() {
    let app = TestApp::start().await;
    let (id, instances) = app.confirmed(1).await;
    for broken in [Act::DoThenTruncate, Act::DoThenEmpty, Act::DoThenGarbage, Act::DoThenFail] {
        app.simulator.set_faults(vec![
            Fault::on_create(1, Act::DoThenDrop),
            Fault { method: "GET".to_owned(), ..Fault::on("schedule-tasks", broken.clone()) },
        ]);
        app.send().await;
        settle(&app, 3, 200).await;
        assert_eq!((app.words(&id).await, app.creates()), (vec!["unknown"], 1), "{broken:?}");
    }
    app.simulator.set_faults(Vec::new());
    app.sync().await;
    assert_eq!((app.words(&id).await, app.tasks(&instances)), (vec!["accepted"], vec![1]));
}

#[tokio::test]
async fn an_older_region_is_read_by_an_older_list() {
    let app = TestApp::unread(60).await;
    app.simulator.world(|w| w.switches.missing_list_versions = vec!["v3.3".to_owned(), "v3.2".to_owned()]);
    app.sync().await;
    assert!(app.get("/instances?engine=3.208.0").await.body.contains("3.208.0."), "installed patches come in the older spelling");
}

#[tokio::test]
async fn a_call_that_acts_long_after_its_answer_was_given_up_is_found_and_not_repeated() {
    let app = TestApp::start().await;
    let (id, instances) = app.confirmed(1).await;
    app.simulator.set_faults(vec![Fault::on_create(1, Act::DropThenDo { seconds: 90 })]);
    app.send().await;
    settle(&app, 12, 20).await;
    assert_eq!((app.words(&id).await, app.creates(), app.tasks(&instances)), (vec!["accepted"], 1, vec![1]));
}

#[tokio::test]
async fn a_call_that_acts_late_and_a_list_that_lags_add_up() {
    let app = TestApp::start().await;
    app.simulator.world(|w| w.switches.list_lag_seconds = 200);
    app.confirmed(1).await;
    app.send().await;
    app.advance(1);
    settle(&app, 9, 25).await;
    let (id, instances) = app.confirmed(2).await;
    app.simulator.set_faults(vec![Fault::on_create(1, Act::DropThenDo { seconds: 100 })]);
    app.send().await;
    app.advance(1);
    settle(&app, 14, 25).await;
    assert_eq!((app.words(&id).await, app.creates(), app.tasks(&instances)), (vec!["accepted"; 2], 2, vec![1; 2]));
}
