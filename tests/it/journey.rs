//! The main job through the forms.

use crate::support::TestApp;
use chrono::Duration;
use patchboard_backend::clock::Clock;
use patchboard_domain::plan::PlanState;

#[tokio::test]
async fn what_was_confirmed_is_what_the_cloud_gets() {
    let app = TestApp::start().await;
    let (id, instances) = app.confirmed(3).await;
    assert_eq!(app.creates(), 0, "nothing is sent before the sender runs");
    app.send().await;
    assert_eq!(app.words(&id).await, ["accepted"; 3]);
    assert_eq!(app.tasks(&instances), [1, 1, 1]);
    let view = app.sent(&id).await;
    assert_eq!(view.attempts.rows[0].body, view.requests.rows[0].body, "byte for byte");
    assert_eq!(view.state, PlanState::Scheduled);

    app.advance(60);
    app.sync().await;
    assert!(app.get(&format!("/plans/{id}")).await.body.contains("Pending"));
    let tasks = app.get("/tasks?origin=ours").await.body;
    assert!(instances.iter().all(|i| tasks.contains(i.as_str())));

    app.advance(120 * 60);
    app.sync().await;
    assert_eq!(app.sent(&id).await.state, PlanState::Running);
    app.advance(3600);
    app.sync().await;
    assert_eq!(app.sent(&id).await.state, PlanState::Completed);
}

#[tokio::test]
async fn confirming_twice_sends_once() {
    let app = TestApp::start().await;
    let instances = app.pickable(2);
    let id = app.draft(&instances, 120).await;
    let view = app.draft_view(&id).await;
    let fields = [("plan", id.as_str()), ("hash", view.hash.as_str()), ("count", "2")];
    let (a, b) = tokio::join!(app.post("/api/plans/confirm", &fields), app.post("/api/plans/confirm", &fields));
    for answer in [a, b, app.post("/api/plans/confirm", &fields).await] {
        assert_eq!(answer.location, format!("/plans/{id}"), "a second click is led to what it asked for");
    }
    app.send().await;
    app.send().await;
    assert_eq!((app.creates(), app.tasks(&instances)), (1, vec![1, 1]));
}

#[tokio::test]
async fn a_page_that_shows_other_requests_cannot_confirm() {
    let app = TestApp::start().await;
    let instances = app.pickable(3);
    let id = app.draft(&instances, 120).await;
    let seen = app.draft_view(&id).await;
    // Another tab takes one instance out.
    app.post("/api/plans/pick", &[("plan", id.as_str()), ("was", &instances[0]), ("go", "save")]).await;
    let answer = app.post("/api/plans/confirm", &[("plan", id.as_str()), ("hash", &seen.hash), ("count", "3")]).await;
    assert!(answer.location.contains("error=changed"), "{}", answer.location);
    app.send().await;
    assert_eq!(app.creates(), 0);
}

#[tokio::test]
async fn two_plans_cannot_take_the_same_instance() {
    let app = TestApp::start().await;
    let instances = app.pickable(2);
    let first = app.draft(&instances, 120).await;
    let second = app.draft(&instances[1..], 180).await;
    app.draft_view(&second).await;
    app.confirm(&first).await;
    let answer = app.confirm(&second).await;
    assert!(answer.location.contains("error=not_ready"), "{}", answer.location);
    assert!(app.get(&format!("/plans/{second}")).await.body.contains("Another plan is about to schedule it"));
}

#[tokio::test]
async fn more_than_thirty_instances_become_several_requests() {
    let app = TestApp::unread(400).await;
    app.sync().await;
    let (id, instances) = app.confirmed(65).await;
    app.send().await;
    let view = app.sent(&id).await;
    assert_eq!(view.requests.rows.iter().map(|r| r.instances.len()).collect::<Vec<_>>(), [30, 30, 5]);
    assert_eq!((app.creates(), app.tasks(&instances)), (3, vec![1; 65]));
    let third = "SELECT COUNT(*) FROM ledger WHERE body LIKE '%\"request.send\"%' AND body LIKE '%\"request\":2%'";
    assert_eq!(app.count(third).await, 1, "the ledger names the request that an intent is about");
}

#[tokio::test]
async fn a_start_that_came_too_near_is_missed_and_never_sent() {
    let app = TestApp::start().await;
    let (id, _) = app.confirmed(1).await;
    app.advance(91 * 60);
    app.send().await;
    assert_eq!((app.words(&id).await, app.creates()), (vec!["missed"], 0));
    // The instance is free again, and a new draft has the old values.
    let answer = app.post("/api/plans/change", &[("plan", id.as_str()), ("go", "again")]).await;
    assert!(answer.location.ends_with("/schedule"));
}

#[tokio::test]
async fn what_is_held_or_withdrawn_is_not_sent() {
    let app = TestApp::start().await;
    let (id, _) = app.confirmed(1).await;
    app.post("/api/plans/change", &[("plan", id.as_str()), ("go", "hold")]).await;
    app.send().await;
    assert_eq!((app.sent(&id).await.state, app.creates()), (PlanState::OnHold, 0));
    app.post("/api/plans/change", &[("plan", id.as_str()), ("go", "withdraw")]).await;
    app.post("/api/plans/change", &[("plan", id.as_str()), ("go", "unhold")]).await;
    app.send().await;
    assert_eq!((app.words(&id).await, app.creates()), (vec!["withdrawn"], 0));
}

#[tokio::test]
async fn an_instance_that_changed_since_it_was_picked_blocks_the_plan() {
    let app = TestApp::start().await;
    let instances = app.pickable(1);
    let id = app.draft(&instances, 120).await;
    app.simulator.world(|w| "FROZEN".clone_into(&mut w.instances.get_mut(&instances[0]).unwrap().status));
    app.sync().await;
    assert!(app.confirm(&id).await.location.contains("error=not_ready"));
    assert!(app.get(&format!("/plans/{id}")).await.body.contains("Status is Frozen"));
}

#[tokio::test]
async fn selections_survive_pages_filters_and_pasting() {
    let app = TestApp::start().await;
    let ids = app.pickable(4);
    let first = app.post("/api/plans/pick", &[("plan_cloud", "test"), ("ticked[]", &ids[0]), ("go", "page:2")]).await;
    assert!(first.location.contains("page=2"), "{}", first.location);
    let id = first.location.split('/').nth(2).unwrap().to_owned();
    app.post("/api/plans/pick", &[("plan", &id), ("ticked[]", &ids[1]), ("go", "filter"), ("q", "x")]).await;
    let pasted = format!("{}\nno-such-name\n{},more,columns", ids[2], ids[3].to_uppercase().replace("IN14", "in14").to_lowercase());
    app.post("/api/plans/pick", &[("plan", &id), ("pasted", &pasted), ("go", "paste")]).await;
    let page = app.get(&format!("/plans/{id}/instances")).await.body;
    assert!(page.contains("4 selected"), "all four are selected");
    assert!(page.contains("no such id or name"));
    let all = app.post("/api/plans/pick", &[("plan", &id), ("go", "all")]).await;
    assert!(all.location.contains("refused="), "ineligible ones are counted, not taken: {}", all.location);
}

#[tokio::test]
async fn a_task_is_cancelled_only_when_the_list_says_so() {
    let app = TestApp::start().await;
    let (id, instances) = app.confirmed(2).await;
    app.send().await;
    app.sync().await;
    let task = app.simulator.world(|w| w.tasks_of(&instances[0])[0].id.clone());
    let path = format!("/tasks/test/{}", task.replace('-', ""));
    let page = app.get(&path).await.body;
    assert!(instances.iter().all(|i| page.contains(i.as_str())), "both share the id and both are named");
    app.post("/api/tasks/order", &[("cloud", "test"), ("task", &task), ("what", "cancel")]).await;
    assert!(app.get(&path).await.body.contains("asked, no answer yet"));
    app.sync().await;
    assert!(app.get(&path).await.body.contains("confirmed by the list"));
    assert_eq!(app.sent(&id).await.state, PlanState::Cancelled);
    app.post("/api/tasks/order", &[("cloud", "test"), ("task", &task), ("what", "delete")]).await;
    app.sync().await;
    let page = app.get(&path).await.body;
    assert!(page.contains("no longer listed by the cloud"), "our history stays");
    let again = app.post("/api/tasks/order", &[("cloud", "test"), ("task", &task), ("what", "cancel")]).await;
    assert!(again.location.contains("error=refused"));
}

#[tokio::test]
async fn a_task_of_somebody_else_is_cancelled_with_a_reason_and_its_name_alone() {
    let app = TestApp::start().await;
    let instance = app.pickable(1).remove(0);
    let (start, now) = (app.clock.now() + Duration::hours(5), app.clock.now());
    app.simulator.world(|w| w.schedule_elsewhere(&instance, "3.208.0.7", start, now));
    app.sync().await;
    let (task, name) = app.simulator.world(|w| (w.tasks_of(&instance)[0].id.clone(), w.instances[&instance].name.clone()));
    let path = format!("/tasks/test/{}", task.replace('-', ""));
    let page = app.get(&path).await.body;
    assert!(page.contains("made outside Patchboard") && page.contains(&format!("Type {name} to confirm")), "{page}");
    let cancel = async |reason: &str, typed: &str| {
        let fields = [("cloud", "test"), ("task", task.as_str()), ("what", "cancel"), ("reason", reason), ("typed", typed)];
        app.post("/api/tasks/order", &fields).await.location
    };
    assert!(cancel("", &name).await.contains("error=needs_comment"));
    let back = cancel("agreed with 王伟", "something else").await;
    assert!(back.contains("error=confirm"), "{back}");
    assert!(app.get(&back).await.body.contains("value=\"agreed with 王伟\""), "what was typed is still there");
    app.sync().await;
    assert_eq!(app.simulator.requests("/cancel"), 0, "nothing was asked of the cloud");
    assert_eq!(cancel("agreed with 王伟", &name).await, path);
    app.sync().await;
    assert!(app.get(&path).await.body.contains("confirmed by the list"));
    assert!(app.get("/ledger.jsonl").await.body.contains("agreed with 王伟"), "the audit log keeps the reason");
}

#[tokio::test]
async fn history_outlives_the_clouds_month() {
    let app = TestApp::start().await;
    let (id, instances) = app.confirmed(1).await;
    app.send().await;
    app.advance(4 * 3600);
    app.sync().await;
    assert_eq!(app.sent(&id).await.state, PlanState::Completed);
    app.advance(40 * 86_400);
    app.sync().await;
    assert_eq!(app.sent(&id).await.state, PlanState::Completed, "what was confirmed stays confirmed");
    assert!(app.get(&format!("/tasks?q={}", instances[0])).await.body.contains("no longer listed by the cloud"));
}

#[tokio::test]
async fn the_number_of_instances_is_asked_for_by_the_server() {
    let app = TestApp::start().await;
    let id = app.draft(&app.pickable(2), 120).await;
    let hash = app.draft_view(&id).await.hash;
    for count in ["", "3", "two"] {
        let answer = app.post("/api/plans/confirm", &[("plan", id.as_str()), ("hash", &hash), ("count", count)]).await;
        assert!(answer.location.contains("error=confirm"), "{count:?}: {}", answer.location);
    }
    app.send().await;
    assert_eq!(app.creates(), 0);
}

#[tokio::test]
async fn two_tabs_add_up() {
    let app = TestApp::start().await;
    let id = app.draft(&app.pickable(1), 120).await;
    let form = |fields: &[(&'static str, &'static str)]| -> Vec<(&str, String)> {
        let mut all = vec![("plan", id.to_string())];
        all.extend(fields.iter().map(|(k, v)| (*k, (*v).to_owned())));
        all
    };
    let was = serde_json::to_string(&app.services.plan(&id).await.unwrap().draft).unwrap();
    let post = async |fields: Vec<(&str, String)>| {
        let mut fields = fields;
        fields.push(("was", was.clone()));
        let fields: Vec<_> = fields.iter().map(|(k, v)| (*k, v.as_str())).collect();
        app.post("/api/plans/schedule", &fields).await
    };
    let draft = app.services.plan(&id).await.unwrap().draft;
    let (start, zone): (&'static str, &'static str) = (draft.start_local.leak(), draft.zone.leak());
    // Tab A gives a title; tab B, loaded before, takes the patch away.
    post(form(&[("title", "From A"), ("patches[]", "3.208.0.7"), ("start_local", start), ("zone", zone)])).await;
    post(form(&[("title", ""), ("start_local", start), ("zone", zone)])).await;
    let draft = app.services.plan(&id).await.unwrap().draft;
    assert_eq!((draft.title.as_str(), draft.patches.len(), draft.start_local.as_str()), ("From A", 0, start));
}

#[tokio::test]
async fn first_or_second_is_asked_for_each_reading() {
    let app = TestApp::start().await;
    let id = app.draft(&app.pickable(1), 120).await;
    let set = async |start: &str, fold: &str| {
        app.post("/api/plans/schedule", &[("plan", id.as_str()), ("start_local", start), ("zone", "America/New_York"), ("fold", fold)])
            .await;
        app.services.plan(&id).await.unwrap().draft.fold
    };
    assert_eq!(set("2027-11-07T01:30", "").await, None);
    assert!(set("2027-11-07T01:30", "second").await.is_some());
    assert_eq!(set("2028-11-05T01:30", "second").await, None, "another reading asks again");
    assert_eq!(set("2027-12-07T01:30", "second").await, None, "an ordinary time has no fold");
}

#[tokio::test]
async fn a_list_that_was_pasted_is_taken_whichever_button_was_pressed() {
    let app = TestApp::start().await;
    let ids = app.pickable(1);
    let answer = app.post("/api/plans/pick", &[("plan_cloud", "test"), ("pasted", &ids[0]), ("go", "continue")]).await;
    assert!(answer.location.contains("/instances"), "its report is shown first: {}", answer.location);
    assert!(app.get(&answer.location).await.body.contains("1 selected"));
    // Pasting a name a thousand times asks for one instance.
    let frozen = app.simulator.world(|w| w.instances.values().find(|i| i.status == "FROZEN").map(|i| i.id.clone()).unwrap());
    let answer =
        app.post("/api/plans/pick", &[("plan_cloud", "test"), ("pasted", &format!("{frozen}\n").repeat(1000)), ("go", "paste")]).await;
    assert!(answer.location.ends_with("refused=1"), "{}", answer.location);
    // Nor is it left out without a word when one goes on.
    let answer = app.post("/api/plans/pick", &[("plan_cloud", "test"), ("ticked[]", &frozen), ("go", "continue")]).await;
    assert!(answer.location.ends_with("refused=1"), "{}", answer.location);
}

#[tokio::test]
async fn lists_that_grew_old_while_one_read_are_read_again() {
    let app = TestApp::start().await;
    let id = app.draft(&app.pickable(2), 120).await;
    let hash = app.draft_view(&id).await.hash;
    app.advance(20 * 60);
    let answer = app.post("/api/plans/confirm", &[("plan", id.as_str()), ("hash", &hash), ("count", "2")]).await;
    assert_eq!(answer.location, format!("/plans/{id}"));
}

#[tokio::test]
async fn when_the_rules_of_a_zone_change_the_instant_that_was_confirmed_stands() {
    let app = TestApp::start().await;
    let (id, instances) = app.confirmed(1).await;
    let start = app.sent(&id).await.plan.start_at.unwrap();
    assert!(!app.get(&format!("/plans/{id}")).await.body.contains("rules of the time zone have changed"));
    // What a new release of the time-zone data would do: the same wall reads as another instant.
    app.sql("UPDATE plans SET draft = replace(draft, '\"zone\":\"UTC\"', '\"zone\":\"Europe/Berlin\"')").await;
    app.send().await;
    assert_eq!(app.simulator.world(|w| w.tasks_of(&instances[0])[0].start), start, "what was approved is what was sent");
    assert!(app.get(&format!("/plans/{id}")).await.body.contains("The rules of the time zone have changed"), "and the person is told");
}
