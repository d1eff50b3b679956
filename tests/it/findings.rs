//! What a page says about a plan before it is sent is all that was found, and no more.

use crate::support::TestApp;
use patchboard_backend::Policy;
use patchboard_domain::{account::Role, id::PlanId, review::ReviewPolicy};
use patchboard_simulator::{Act, Fault};

const SENDABLE: &str = "It can be sent as it stands now.";

async fn page(app: &TestApp, id: &PlanId) -> String {
    app.get(&format!("/plans/{id}")).await.body
}

/// Which steps are said to be unfinished, of the three.
fn unfinished(page: &str) -> usize {
    page.matches("not finished").count()
}

#[tokio::test]
async fn the_summary_of_a_draft_counts_everything_that_was_found() {
    let app = TestApp::start().await;
    let instances = app.pickable(2);
    // Some hour of the day is outside their maintenance windows.
    let mut id = app.draft(&instances, 120).await;
    for hours in [8, 14, 20] {
        if app.draft_view(&id).await.warnings.is_empty() {
            id = app.draft(&instances, hours * 60).await;
        }
    }
    let body = page(&app, &id).await;
    let warnings = app.draft_view(&id).await.warnings.len();
    assert!(warnings > 0 && body.contains(&format!("{SENDABLE} Warnings: {warnings}.")), "{body}");
    assert!(!body.contains("No warnings") && unfinished(&body) == 0);

    // Without a start it cannot be sent, and what was chosen is still said.
    let fields = [("plan", id.as_str()), ("patches[]", "3.208.0.7"), ("start_local", ""), ("zone", "UTC"), ("go", "save")];
    app.post("/api/plans/schedule", &fields).await;
    let body = page(&app, &id).await;
    assert!(!body.contains(SENDABLE) && body.contains("Problems to solve: 1."), "{body}");
    assert!(body.contains("What is planned so far") && body.contains("2 instances will get 3.208.0.7"));
    assert!(!body.contains("What will happen") && unfinished(&body) == 1, "{body}");
}

#[tokio::test]
async fn a_draft_whose_lists_are_not_read_says_that_it_waits() {
    let app = TestApp::start().await;
    let id = app.draft(&app.pickable(2), 240).await;
    app.advance(11 * 60);
    app.simulator.set_faults(vec![Fault::on("candidate-versions", Act::Hang { ms: 60_000 })]);
    let body = page(&app, &id).await;
    assert!(body.contains("Waiting for answers of the cloud: 1.") && body.contains("Not answered yet"), "{body}");
    assert!(!body.contains(SENDABLE) && !body.contains("Schedule hot patches on"));
    let schedule = app.get(&format!("/plans/{id}/schedule")).await.body;
    assert!(!schedule.contains("Not installable on"), "what is not known is no no: {schedule}");
}

#[tokio::test]
async fn only_a_no_of_the_cloud_is_shown_as_one() {
    let app = TestApp::start().await;
    let instances = app.pickable(2);
    let unknown = Act::Refuse { status: 404, code: "DBS.200022".to_owned(), message: "not found".to_owned(), retry_after: None };
    app.simulator.set_faults(vec![Fault::on(&format!("{}/db-upgrade/candidate-versions", instances[0]), unknown)]);
    let fields = [("plan_cloud", "test"), ("go", "continue"), ("ticked[]", &instances[0]), ("ticked[]", &instances[1])];
    let to = app.post("/api/plans/pick", &fields).await.location;
    let ids: Vec<_> = instances.iter().map(|i| patchboard_domain::id::InstanceId::new(i.clone())).collect();
    app.services.read_candidates(app.cloud().name(), &ids).await.unwrap();
    let body = app.get(&to).await.body;
    assert!(body.contains("Not known yet for 1 of 2") && !body.contains("Not installable on 2"), "{body}");
    let unknown = body.split("Not known yet for 1 of 2").nth(1).unwrap().split("</details>").next().unwrap();
    assert!(unknown.contains("could not be asked"), "{unknown}");
}

#[tokio::test]
async fn a_review_that_is_stopped_still_says_what_was_asked_about() {
    let app = TestApp::under(ReviewPolicy { urgent_minutes: 0, ..ReviewPolicy::default() }).await;
    let (dba, lead) = (app.person("li.na", &[Role::Operator]).await, app.person("wang.wei", &[Role::Approver]).await);
    let (id, _) = dba.asked(2).await;
    let busy = app.pickable(1).remove(0);
    app.simulator.world(|w| w.instances.get_mut(&busy).unwrap().status = "BACKING UP".to_owned());
    app.sync().await;
    let body = lead.get(&format!("/plans/{id}")).await.body;
    assert!(body.contains("Problems to solve: 1.") && !body.contains(SENDABLE), "{body}");
    assert!(body.contains("2 instances will get 3.208.0.7"), "{body}");
}

/// A Patchboard with review as given, and the pickable instances that are production.
async fn with_production(review: ReviewPolicy) -> (TestApp, Vec<String>) {
    let app = TestApp::ruled_by(Policy { review, confirm_minutes: 0, ..Policy::default() }).await;
    let all = app.pickable(60);
    let of_env = |env: &str| {
        let tagged = |i: &String| app.simulator.world(|w| w.instances[i].tags.iter().any(|(k, v)| k == "env" && v == env));
        all.iter().filter(|i| tagged(i)).cloned().collect::<Vec<_>>()
    };
    let production = of_env("prod");
    assert!(!production.is_empty());
    (app, production)
}

#[tokio::test]
async fn production_is_approved_with_the_number_of_instances_typed() {
    let (app, production) = with_production(ReviewPolicy { urgent_minutes: 0, ..ReviewPolicy::default() }).await;
    let (dba, lead) = (app.person("li.na", &[Role::Operator]).await, app.person("wang.wei", &[Role::Approver]).await);
    let (id, hash) = dba.asked_about(&production[..1]).await;
    let plan = format!("/plans/{id}");
    let body = lead.get(&plan).await.body;
    assert!(body.contains("Production instances in this plan: 1 of 1.") && body.contains("type the number of instances: 1"), "{body}");
    let decide = async |verdict: &str, count: &str| {
        let fields = [("plan", id.as_str()), ("hash", hash.as_str()), ("verdict", verdict), ("comment", "读过了"), ("count", count)];
        lead.post("/api/plans/decide", &fields).await.location
    };
    for count in ["", "2", "one"] {
        assert!(decide("approve", count).await.contains("error=confirm"), "{count}");
    }
    app.send().await;
    assert_eq!(app.creates(), 0);
    assert!(lead.get(&plan).await.body.contains("读过了"), "the comment is kept");
    assert_eq!(decide("approve", " 1 ").await, plan);
    app.send().await;
    assert_eq!(app.creates(), 1);
}

#[tokio::test]
async fn a_task_on_production_is_cancelled_with_a_reason_and_its_name() {
    let (app, production) = with_production(ReviewPolicy::none()).await;
    let id = app.draft(&production[..1], 240).await;
    let hash = app.draft_view(&id).await.hash;
    let send =
        async |count: &str| app.post("/api/plans/confirm", &[("plan", id.as_str()), ("hash", &hash), ("count", count)]).await.location;
    assert!(send("").await.contains("error=confirm"), "one instance of production needs its number too");
    assert_eq!(send("1").await, format!("/plans/{id}"));
    app.send().await;
    app.advance(60);
    app.sync().await;
    let (task, name) = app.simulator.world(|w| (w.tasks_of(&production[0])[0].id.clone(), w.instances[&production[0]].name.clone()));
    let order = async |reason: &str, typed: &str| {
        let fields = [("cloud", "test"), ("task", task.as_str()), ("what", "cancel"), ("reason", reason), ("typed", typed)];
        app.post("/api/tasks/order", &fields).await.location
    };
    assert!(order("", "").await.contains("error=needs_comment"));
    assert!(order("wrong night", "1").await.contains("error=confirm"));
    app.sync().await;
    assert_eq!(app.simulator.requests("/cancel"), 0);
    assert!(!order("wrong night", &name).await.contains("error"));
    app.sync().await;
    assert_eq!(app.simulator.requests("/cancel"), 1);
}
