//! The first faults: no duplicate, no loss, each visible to the person.

use crate::support::{TestApp, now, simulator};
use patchboard_backend::{Secrets, clock::TestClock};
use patchboard_domain::{send::ItemState, task::TaskStatus};
use patchboard_simulator::{Act, DOMAIN, Fault, PASSWORD, SECURITY_TOKEN, TEMPORARY_KEY, USER};
use std::{sync::Arc, time::Duration};

/// Everything that could go on goes on: the sender must not touch what is in doubt.
pub(crate) async fn settle(app: &TestApp, passes: usize, seconds_between: i64) {
    for _ in 0..passes {
        app.sync().await;
        app.send().await;
        app.advance(seconds_between);
    }
}

/// The cloud acted and the answer was lost: doubt, adoption, one task.
async fn acted_and_lost(act: Act) {
    let app = TestApp::start().await;
    let (id, instances) = app.confirmed(3).await;
    app.simulator.set_faults(vec![Fault::on_create(1, act.clone())]);
    app.send().await;
    assert_eq!(app.words(&id).await, ["unknown"; 3], "{act:?}");
    let page = app.get(&format!("/plans/{id}")).await.body;
    assert!(page.contains("In doubt") && page.contains("not sent again"), "{act:?}: the person sees it");
    app.send().await;
    assert_eq!(app.creates(), 1, "{act:?}: nothing in doubt is sent");
    app.advance(1);
    settle(&app, 4, 130).await;
    assert_eq!(app.words(&id).await, ["accepted"; 3], "{act:?}");
    assert_eq!((app.creates(), app.tasks(&instances)), (1, vec![1; 3]), "{act:?}: no duplicate, no loss");
    assert!(matches!(app.state(&id, &instances[0]).await, ItemState::Accepted { adopted: true, .. }), "{act:?}");
}

/// The cloud did not act and nobody knows: doubt, two absences apart, one more try, one task.
async fn not_acted_and_lost(act: Act) {
    let app = TestApp::start().await;
    let (id, instances) = app.confirmed(3).await;
    app.simulator.set_faults(vec![Fault::on_create(1, act.clone())]);
    app.send().await;
    assert_eq!(app.words(&id).await, ["unknown"; 3], "{act:?}");
    app.advance(1);
    settle(&app, 1, 117).await;
    assert!(app.get(&format!("/plans/{id}")).await.body.contains("Absent since"), "{act:?}: what is waited for is said");
    settle(&app, 1, 1).await;
    assert_eq!((app.words(&id).await, app.creates()), (vec!["unknown"; 3], 1), "{act:?}: one absence and an early second prove nothing");
    settle(&app, 2, 10).await;
    assert_eq!(app.words(&id).await, ["accepted"; 3], "{act:?}");
    assert_eq!((app.creates(), app.tasks(&instances)), (2, vec![1; 3]), "{act:?}: no duplicate, no loss");
    let view = app.sent(&id).await;
    assert_eq!(view.attempts.rows[0].body, view.requests.rows[0].body, "{act:?}: the resent body is the confirmed one");
}

#[tokio::test]
async fn an_answer_lost_after_the_cloud_acted() {
    for act in [Act::DoThenDrop, Act::DoThenFail, Act::DoThenGarbage, Act::DoThenTruncate, Act::DoThenEndless] {
        acted_and_lost(act).await;
    }
}

#[tokio::test]
async fn an_answer_lost_before_the_cloud_acted() {
    let server_error =
        Act::Refuse { status: 503, code: "APIGW.0201".to_owned(), message: "Backend unavailable.".to_owned(), retry_after: None };
    for act in [Act::Drop, Act::Redirect, server_error] {
        not_acted_and_lost(act).await;
    }
}

#[tokio::test]
async fn an_answer_that_names_only_some_leaves_the_others_in_doubt() {
    let app = TestApp::start().await;
    let (id, instances) = app.confirmed(3).await;
    app.simulator.set_faults(vec![Fault::on_create(1, Act::DoAllNamePartly)]);
    app.send().await;
    assert_eq!(app.words(&id).await, ["accepted", "accepted", "unknown"]);
    assert!(app.get(&format!("/plans/{id}")).await.body.contains("did not name this instance"));
    app.advance(1);
    settle(&app, 3, 130).await;
    assert_eq!((app.words(&id).await, app.creates(), app.tasks(&instances)), (vec!["accepted"; 3], 1, vec![1; 3]));
}

#[tokio::test]
async fn an_answer_with_strangers_and_repeats_counts_for_those_who_were_asked_for() {
    let app = TestApp::start().await;
    let (id, instances) = app.confirmed(2).await;
    app.simulator.set_faults(vec![Fault::on_create(1, Act::DoAllNameMore)]);
    app.send().await;
    settle(&app, 3, 130).await;
    assert_eq!((app.words(&id).await, app.creates(), app.tasks(&instances)), (vec!["accepted"; 2], 1, vec![1; 2]));
    assert!(!app.get(&format!("/plans/{id}")).await.body.contains("stranger"));
}

#[tokio::test]
async fn only_what_is_proved_absent_is_sent_again() {
    let app = TestApp::start().await;
    let (id, instances) = app.confirmed(3).await;
    app.simulator.set_faults(vec![Fault::on_create(1, Act::Partial)]);
    app.send().await;
    app.advance(1);
    settle(&app, 4, 130).await;
    assert_eq!((app.words(&id).await, app.creates(), app.tasks(&instances)), (vec!["accepted"; 3], 2, vec![1; 3]));
    let view = app.sent(&id).await;
    assert_eq!(view.attempts.rows[0].instances.len(), 1);
    let (confirmed, resent): (serde_json::Value, serde_json::Value) =
        (serde_json::from_str(&view.requests.rows[0].body).unwrap(), serde_json::from_str(&view.attempts.rows[0].body).unwrap());
    for field in ["start_time", "target_version", "upgrade_type", "upgrade_action"] {
        assert_eq!(confirmed[field], resent[field], "only instances were taken out");
    }
}

#[tokio::test]
async fn what_somebody_else_scheduled_meanwhile_is_not_scheduled_again() {
    let app = TestApp::start().await;
    let (id, instances) = app.confirmed(2).await;
    app.post("/api/plans/change", &[("plan", id.as_str()), ("go", "hold")]).await;
    let now = app.services.now();
    app.simulator.world(|w| w.schedule_elsewhere(&instances[0], "3.208.0.7", now + chrono::Duration::hours(5), now));
    app.sync().await;
    app.post("/api/plans/change", &[("plan", id.as_str()), ("go", "unhold")]).await;
    app.send().await;
    assert_eq!(app.tasks(&instances), [1, 1], "no duplicate, and the other instance has its task");
    assert!(app.get(&format!("/plans/{id}")).await.body.contains("already shows an open task"));
}

#[tokio::test]
async fn a_colleagues_task_at_the_same_time_is_not_taken_for_ours_nor_for_absence() {
    let app = TestApp::start().await;
    let (id, instances) = app.confirmed(1).await;
    app.simulator.set_faults(vec![Fault::on_create(1, Act::Drop)]);
    app.send().await;
    let (now, start) = (app.services.now(), app.sent(&id).await.plan.start_at.unwrap());
    let other = app.simulator.world(|w| {
        w.schedule_elsewhere(&instances[0], "3.208.0.6", start, now);
        w.tasks_of(&instances[0])[0].id.clone()
    });
    settle(&app, 5, 130).await;
    assert_eq!((app.words(&id).await, app.creates()), (vec!["unknown"], 1), "{other} was neither adopted nor overlooked");
}

#[tokio::test]
async fn a_plan_withdrawn_in_doubt_is_not_sent_again() {
    let app = TestApp::start().await;
    let (id, _) = app.confirmed(1).await;
    app.simulator.set_faults(vec![Fault::on_create(1, Act::Drop)]);
    app.send().await;
    assert!(app.get(&format!("/plans/{id}")).await.body.contains("Withdraw what is not yet sent"));
    app.post("/api/plans/change", &[("plan", id.as_str()), ("go", "withdraw")]).await;
    settle(&app, 4, 130).await;
    assert_eq!((app.words(&id).await, app.creates()), (vec!["withdrawn"], 1));
}

#[tokio::test]
async fn after_two_attempts_that_made_nothing_a_person_decides() {
    let app = TestApp::start().await;
    let (id, _) = app.confirmed(1).await;
    app.simulator.set_faults(vec![Fault::on_create(9, Act::Drop)]);
    app.send().await;
    settle(&app, 12, 130).await;
    assert_eq!((app.words(&id).await, app.creates()), (vec!["stopped"], 2));
    assert!(app.get(&format!("/plans/{id}")).await.body.contains("Sent twice"));
}

#[tokio::test]
async fn a_refused_cancel_and_a_cancel_without_effect_end() {
    let app = TestApp::start().await;
    let (_, instances) = app.confirmed(1).await;
    app.send().await;
    app.sync().await;
    let task = app.simulator.world(|w| w.tasks_of(&instances[0])[0].id.clone());
    let path = format!("/tasks/test/{}", task.replace('-', ""));
    let fields = [("cloud", "test"), ("task", task.as_str()), ("what", "cancel")];
    let refused = Act::Refuse { status: 403, code: "DBS.200044".to_owned(), message: "permission denied".to_owned(), retry_after: None };
    app.simulator
        .set_faults(vec![Fault { times: 1, ..Fault::on("/cancel", Act::Drop) }, Fault { times: 1, ..Fault::on("/cancel", refused) }]);
    app.post("/api/tasks/order", &fields).await;
    app.sync().await;
    assert!(app.get(&path).await.body.contains("asked again"));
    app.advance(70);
    app.sync().await;
    assert!(!app.get(&path).await.body.contains("refused: permission denied"), "the first try may act for a while yet");
    app.advance(130);
    app.sync().await;
    assert!(app.get(&path).await.body.contains("refused: permission denied"), "the list shows that the first try had not worked");
    app.post("/api/tasks/order", &fields).await;
    app.sync().await;
    assert!(app.get(&path).await.body.contains("confirmed by the list"), "and it can be asked again");
}

#[tokio::test]
async fn what_was_done_by_a_connection_that_is_gone_stays() {
    let app = TestApp::start().await;
    let (id, instances) = app.confirmed(1).await;
    app.send().await;
    app.sync().await;
    let task = app.simulator.world(|w| w.tasks_of(&instances[0])[0].id.replace('-', ""));
    let renamed = app.reopened(|settings| "renamed".clone_into(&mut settings.name)).await;
    for path in [format!("/plans/{id}"), format!("/tasks/test/{task}")] {
        let page = renamed.get(&path).await;
        assert!(page.status.is_success() && page.body.contains("No connection to this cloud is configured any more"), "{path}");
    }
    let refused = renamed.post("/api/tasks/order", &[("cloud", "test"), ("task", &task), ("what", "cancel")]).await;
    assert!(refused.location.contains("error=refused"), "{}", refused.location);
}

#[tokio::test]
async fn after_a_restart_nothing_is_sent_before_the_cloud_was_looked_at() {
    let app = TestApp::start().await;
    let (id, _) = app.confirmed(1).await;
    let app = app.reopened(|_| ()).await;
    app.send().await;
    assert_eq!((app.words(&id).await, app.creates()), (vec!["planned"], 0));
    app.sync().await;
    app.send().await;
    assert_eq!((app.words(&id).await, app.creates()), (vec!["accepted"], 1));
}

#[tokio::test]
async fn a_copy_that_was_restored_sends_nothing_that_was_sent_before() {
    let app = TestApp::start().await;
    let (id, instances) = app.confirmed(2).await;
    let copy = app.database.copy().await;
    app.send().await;
    app.sync().await;
    assert_eq!((app.words(&id).await, app.creates()), (vec!["accepted"; 2], 1));
    let app = app.restored(copy).await;
    assert_eq!(app.words(&id).await, ["planned"; 2], "it knows nothing of it");
    app.send().await;
    app.sync().await;
    app.send().await;
    assert_eq!((app.words(&id).await, app.creates(), app.tasks(&instances)), (vec!["accepted"; 2], 1, vec![1; 2]));
    assert!(app.get(&format!("/plans/{id}")).await.body.contains("found in the list"));
}

#[tokio::test]
async fn refused_credentials_stop_everything_until_a_person_acts() {
    let app = TestApp::start().await;
    let (first, _) = app.confirmed(1).await;
    let refused =
        Act::Refuse { status: 401, code: "APIGW.0301".to_owned(), message: "verify aksk signature fail".to_owned(), retry_after: None };
    app.simulator.set_faults(vec![Fault::on("", refused)]);
    app.send().await;
    assert_eq!(app.words(&first).await, ["planned"], "nothing is wrong with the plan: it keeps its approval and waits");
    let before = app.simulator.requests("");
    app.send().await;
    app.sync().await;
    app.advance(3600);
    app.sync().await;
    assert_eq!(app.simulator.requests(""), before, "six refusals would lock the key");
    let page = app.get("/instances").await.body;
    assert!(page.contains("refused the credentials"));
    app.simulator.set_faults(Vec::new());
    app.post("/api/clouds/resume", &[("cloud", "test"), ("back", "/instances")]).await;
    app.sync().await;
    assert!(!app.get("/instances").await.body.contains("refused the credentials"));
    app.send().await;
    assert_eq!(app.words(&first).await, ["accepted"], "and it goes on");
}

#[tokio::test]
async fn a_missing_right_pauses_what_was_approved_and_ends_nothing() {
    let app = TestApp::start().await;
    let (id, instances) = app.confirmed(2).await;
    let refused = Act::Refuse { status: 403, code: "DBS.200044".to_owned(), message: "permission denied".to_owned(), retry_after: None };
    app.simulator.set_faults(vec![Fault::on_create(1, refused)]);
    app.send().await;
    app.send().await;
    assert_eq!((app.words(&id).await, app.creates()), (vec!["planned"; 2], 1), "asked once, and not again before a person acts");
    let page = app.get(&format!("/plans/{id}")).await.body;
    assert!(page.contains("permission denied") && page.contains("refused the credentials"), "{page}");
    app.post("/api/clouds/resume", &[("cloud", "test"), ("back", "/instances")]).await;
    app.sync().await;
    app.send().await;
    assert_eq!((app.words(&id).await, app.creates(), app.tasks(&instances)), (vec!["accepted"; 2], 2, vec![1; 2]));
}

#[tokio::test]
async fn one_instance_that_is_refused_does_not_keep_the_others_from_being_scheduled() {
    for (status, code) in [(409, "DBS.200011"), (404, "DBS.200002")] {
        let app = TestApp::start().await;
        let (id, instances) = app.confirmed(4).await;
        let message = "Another operation is being performed on the DB instance.".to_owned();
        let refused = Act::Refuse { status, code: code.to_owned(), message, retry_after: None };
        app.simulator.set_faults(vec![Fault { body: instances[2].clone(), ..Fault::on_create(99, refused) }]);
        app.send().await;
        assert_eq!(app.creates(), 1, "sent one by one only after the list was read again");
        for _ in 0..3 {
            app.sync().await;
            app.send().await;
        }
        assert_eq!(app.words(&id).await, ["accepted", "accepted", "rejected", "accepted"]);
        assert_eq!((app.creates(), app.tasks(&instances)), (5, vec![1, 1, 0, 1]));
        let page = app.get(&format!("/plans/{id}")).await.body;
        assert!(page.contains(code), "{page}");
    }
}

#[tokio::test]
async fn a_refusal_that_names_an_instance_ends_that_one_alone() {
    let app = TestApp::start().await;
    let (id, instances) = app.confirmed(3).await;
    let message = format!("Another operation is being performed on the DB instance {}.", instances[1]);
    let refused = Act::Refuse { status: 409, code: "DBS.200011".to_owned(), message, retry_after: None };
    app.simulator.set_faults(vec![Fault { body: instances[1].clone(), ..Fault::on_create(99, refused) }]);
    for _ in 0..3 {
        app.send().await;
        app.sync().await;
    }
    assert_eq!(app.words(&id).await, ["accepted", "rejected", "accepted"]);
    assert_eq!((app.creates(), app.tasks(&instances)), (3, vec![1, 0, 1]));
}

#[tokio::test]
async fn one_instance_over_which_the_server_fails_leaves_the_others_scheduled() {
    let app = TestApp::start().await;
    let (id, instances) = app.confirmed(3).await;
    let failed = Act::Refuse { status: 500, code: "DBS.108000".to_owned(), message: "Server failure.".to_owned(), retry_after: None };
    app.simulator.set_faults(vec![Fault { body: instances[0].clone(), ..Fault::on_create(99, failed) }]);
    app.send().await;
    settle(&app, 12, 130).await;
    assert_eq!(app.words(&id).await, ["stopped", "accepted", "accepted"], "looked for first, then sent one by one");
    assert_eq!(app.tasks(&instances), [0, 1, 1]);
}

#[tokio::test]
async fn a_refusal_is_shown_in_full_and_not_tried_again() {
    let app = TestApp::start().await;
    let (id, _) = app.confirmed(1).await;
    let message = "Another operation is being performed on the DB instance or the DB instance is faulty.";
    let refused = Act::Refuse { status: 409, code: "DBS.200011".to_owned(), message: message.to_owned(), retry_after: None };
    app.simulator.set_faults(vec![Fault::on_create(1, refused)]);
    app.send().await;
    settle(&app, 3, 300).await;
    assert_eq!((app.words(&id).await, app.creates()), (vec!["rejected"], 1));
    let page = app.get(&format!("/plans/{id}")).await.body;
    assert!(page.contains("DBS.200011") && page.contains(message) && page.contains("HTTP 409"));
}

#[tokio::test]
async fn a_lost_answer_to_a_cancel_is_settled_by_the_list() {
    let app = TestApp::start().await;
    let (_, instances) = app.confirmed(1).await;
    app.send().await;
    app.sync().await;
    let task = app.simulator.world(|w| w.tasks_of(&instances[0])[0].id.clone());
    app.simulator.set_faults(vec![Fault { times: 1, ..Fault::on("/cancel", Act::DoThenDrop) }]);
    app.post("/api/tasks/order", &[("cloud", "test"), ("task", &task), ("what", "cancel")]).await;
    app.advance(1);
    app.sync().await;
    let page = app.get(&format!("/tasks/test/{}", task.replace('-', ""))).await.body;
    assert!(page.contains("confirmed by the list"));
}

#[tokio::test]
async fn tokens_and_temporary_keys_work_and_a_stale_token_is_renewed_once() {
    for temporary in [false, true] {
        let clock = Arc::new(TestClock::at(now()));
        let simulator = simulator(clock.clone(), 60).await;
        let app = TestApp::with(simulator, clock, |settings| {
            settings.secrets = if temporary {
                Secrets::Key {
                    access: TEMPORARY_KEY.to_owned(),
                    secret: patchboard_simulator::SECRET_KEY.to_owned(),
                    security_token: Some(SECURITY_TOKEN.to_owned()),
                }
            } else {
                Secrets::Password { domain: DOMAIN.to_owned(), user: USER.to_owned(), password: PASSWORD.to_owned() }
            };
        })
        .await;
        app.sync().await;
        assert!(app.get("/instances").await.body.contains("60 match"));
        if !temporary {
            assert_eq!(app.simulator.requests("POST /v3/auth/tokens"), 1, "the token is cached");
            app.simulator.revoke_tokens();
            app.sync().await;
            app.advance(24 * 3600 - 60);
            app.sync().await;
            assert_eq!(app.simulator.requests("POST /v3/auth/tokens"), 3, "renewed when refused, and before it expires");
            assert!(!app.services.sync_status(&app.cloud()).await.unwrap().stopped);
        }
    }
}

#[tokio::test]
async fn a_cancel_without_an_answer_keeps_neither_the_others_nor_the_list_back() {
    let app = TestApp::start().await.reopened(|settings| settings.deadline = Duration::from_millis(500)).await;
    app.sync().await;
    let (mut tasks, mut plans) = (Vec::new(), Vec::new());
    for _ in 0..3 {
        let (id, instances) = app.confirmed(1).await;
        app.send().await;
        // As the list writes them.
        tasks.push(app.simulator.world(|w| w.tasks_of(&instances[0])[0].id.replace('-', "")));
        plans.push((id, instances[0].clone()));
    }
    app.sync().await;
    app.simulator.set_faults(tasks[..2].iter().map(|task| Fault::on(&format!("{task}/cancel"), Act::Hang { ms: 5_000 })).collect());
    for task in &tasks {
        let asked = app.post("/api/tasks/order", &[("cloud", "test"), ("task", task), ("what", "cancel")]).await;
        assert!(!asked.location.contains("error"), "{}", asked.location);
        app.advance(1);
    }
    let looked = async || app.services.sync_status(&app.cloud()).await.unwrap().tasks_at;
    for (pass, calls) in [[1, 0, 0], [1, 1, 0], [2, 1, 1]].into_iter().enumerate() {
        let before = looked().await;
        app.advance(70);
        app.sync().await;
        let asked: Vec<usize> = tasks.iter().map(|task| app.simulator.requests(&format!("{task}/cancel"))).collect();
        assert_eq!(asked, calls, "pass {pass}: first what was never given, then what was given longest ago");
        assert!(looked().await > before, "the list is read in each pass");
    }
    assert_eq!(app.item(&plans[2].0, &plans[2].1).await.task_status, Some(TaskStatus::Canceled));
}

#[tokio::test]
async fn a_cancel_that_keeps_failing_keeps_nothing_from_being_sent() {
    let app = TestApp::start().await;
    let (_, instances) = app.confirmed(1).await;
    app.send().await;
    app.sync().await;
    let task = app.simulator.world(|w| w.tasks_of(&instances[0])[0].id.replace('-', ""));
    let refused = Act::Refuse { status: 500, code: "X".to_owned(), message: "no".to_owned(), retry_after: None };
    app.simulator.set_faults(vec![Fault::on("/cancel", refused)]);
    app.post("/api/tasks/order", &[("cloud", "test"), ("task", &task), ("what", "cancel")]).await;
    for _ in 0..12 {
        app.advance(20);
        app.sync().await;
    }
    assert_eq!(app.simulator.requests("/cancel"), 4, "once a minute");
    let told = app.count("SELECT COUNT(*) FROM ledger WHERE body LIKE '%\"task.answer\"%'").await;
    assert_eq!(told, 1, "the same answer is told once");
    let (id, _) = app.confirmed(1).await;
    app.send().await;
    assert_eq!(app.words(&id).await, ["accepted"]);
}
