//! How plans end: what went wrong is seen first, the record is whole, and every end leads on.

use crate::support::TestApp;
use patchboard_domain::{account::Role, id::PlanId, plan::PlanState};

/// A plan of 55 instances that has ended: the last one chosen has failed in the cloud, the others are patched.
async fn one_of_many_failed() -> (TestApp, PlanId, Vec<String>) {
    let app = TestApp::unread(400).await;
    app.sync().await;
    let (id, instances) = app.confirmed(55).await;
    app.simulator.world(|w| w.instances.get_mut(&instances[54]).unwrap().name.push_str("-fails-hotpatch"));
    app.send().await;
    app.advance(4 * 3600);
    app.sync().await;
    (app, id, instances)
}

/// The rows of the table of instances.
fn rows(page: &str) -> &str {
    let table = page.split("<tbody>").nth(1).expect("a table");
    table.split("</tbody>").next().unwrap_or_default()
}

#[tokio::test]
async fn the_record_is_whole_and_what_failed_comes_first() {
    let (app, id, instances) = one_of_many_failed().await;
    let page = app.get(&format!("/plans/{id}/record")).await.body;
    let rows = rows(&page);
    assert!(instances.iter().all(|i| rows.contains(i.as_str())), "every instance has its row");
    assert_eq!(rows.matches("<tr>").count(), 55);
    let first = rows.split("</tr>").next().unwrap();
    assert!(first.contains(&instances[54]) && first.contains("Failed"), "{first}");
    assert!(page.contains("Hot patches for 55 instances with engine version 3.208.0: 3.208.0.7"), "in a sentence");
    assert_eq!(page.matches("Hot patches: 3.208.0.7").count(), 2, "and for each request");
    assert!(page.contains("Request 2 of 2") && !page.contains("<details class=\"request\""), "no body is folded");
}

#[tokio::test]
async fn what_failed_is_on_the_first_page_of_a_sent_plan() {
    let (app, id, instances) = one_of_many_failed().await;
    let page = app.get(&format!("/plans/{id}")).await.body;
    let first = rows(&page).split("</tr>").next().unwrap();
    assert!(first.contains(&instances[54]), "{first}");
    assert!(page.contains("Hot patches for 55 instances with engine version 3.208.0: 3.208.0.7"), "and it says what was installed");
    let second = app.get(&format!("/plans/{id}?page=2")).await.body;
    let shown = |page: &str| instances.iter().filter(|i| rows(page).contains(i.as_str())).count();
    assert_eq!((shown(&page), shown(&second)), (50, 5), "nothing is shown twice or left out");
}

#[tokio::test]
async fn while_requests_leave_the_page_says_how_many_have_left() {
    let app = TestApp::unread(400).await;
    app.sync().await;
    let (id, _) = app.confirmed(65).await;
    assert!(app.get(&format!("/plans/{id}")).await.body.contains("0 of 3 requests sent"));
    app.send().await;
    assert_eq!(app.sent(&id).await.requests_sent, 3);
    assert!(!app.get(&format!("/plans/{id}")).await.body.contains("requests sent"), "it is over");
}

#[tokio::test]
async fn what_failed_leads_to_a_new_plan_of_exactly_that() {
    let (app, id, instances) = one_of_many_failed().await;
    app.sql("UPDATE plans SET draft = replace(draft, '\"title\":\"\"', '\"title\":\"Night 1\"')").await;
    let page = app.get(&format!("/plans/{id}")).await.body;
    assert!(page.contains("Failed in the cloud: 1 instance.") && page.contains("The schedule API gives no cause."), "where to look");
    assert!(page.contains("New plan from the 1 that failed"));
    let fields = [("plan", id.as_str()), ("of", "failed"), ("go", "again")];
    let answer = app.post("/api/plans/change", &fields).await;
    let new = answer.location.strip_prefix("/plans/").and_then(|l| l.strip_suffix("/schedule")).expect("to its second step");
    let draft = app.services.plan(&PlanId::new(new)).await.unwrap().draft;
    assert_eq!(draft.instances.iter().map(ToString::to_string).collect::<Vec<_>>(), instances[54..]);
    assert_eq!(draft.patches.iter().map(ToString::to_string).collect::<Vec<_>>(), ["3.208.0.7"]);
    assert_eq!((draft.title.as_str(), draft.start_local.as_str(), draft.zone.as_str()), ("Retry: Night 1", "", "UTC"));
    let viewer = app.person("sam", &[Role::Viewer]).await;
    assert!(viewer.post("/api/plans/change", &fields).await.location.contains("error=denied"));
    assert!(!viewer.get(&format!("/plans/{id}")).await.body.contains("New plan from"), "who may not is not offered it");
}

#[tokio::test]
async fn nothing_failed_and_nothing_is_tried_again() {
    let app = TestApp::start().await;
    let (id, _) = app.confirmed(1).await;
    app.post("/api/plans/change", &[("plan", id.as_str()), ("go", "withdraw")]).await;
    let answer = app.post("/api/plans/change", &[("plan", id.as_str()), ("of", "failed"), ("go", "again")]).await;
    assert!(answer.location.contains("error=not_ready"), "withdrawn is not failed: {}", answer.location);
    let page = app.get(&format!("/plans/{id}")).await.body;
    assert!(page.contains("New plan from the 1 not scheduled") && !page.contains("that failed"));
}

#[tokio::test]
async fn an_end_that_somebody_took_note_of_needs_no_attention() {
    let app = TestApp::start().await;
    let (id, _) = app.confirmed(1).await;
    let path = format!("/plans/{id}");
    let acknowledge = [("plan", id.as_str()), ("go", "acknowledge")];
    let early = app.post("/api/plans/change", &acknowledge).await;
    assert!(early.location.contains("error=changed"), "it has not ended: {}", early.location);
    // Too near its start to be sent.
    app.advance(91 * 60);
    app.send().await;
    assert_eq!(app.sent(&id).await.state, PlanState::Failed);
    assert!(app.get("/").await.body.contains(&path), "it needs attention");
    assert!(app.get(&path).await.body.contains("value=\"acknowledge\""));
    for role in [Role::Viewer, Role::Administrator] {
        let person = app.person(role.word(), &[role]).await;
        let answer = person.post("/api/plans/change", &acknowledge).await;
        assert!(answer.location.contains("error=denied"), "{role:?}: {}", answer.location);
        assert!(!person.get(&path).await.body.contains("value=\"acknowledge\""), "{role:?}");
    }
    assert_eq!(app.services.plan(&id).await.unwrap().acknowledged_at, None);
    let lead = app.person("wang.wei", &[Role::Approver]).await;
    assert_eq!(lead.post("/api/plans/change", &acknowledge).await.location, path);
    let noted = app.services.plan(&id).await.unwrap();
    assert!(!app.get("/").await.body.contains(&path), "it needs none any more");
    let page = app.get(&path).await.body;
    assert!(page.contains("Acknowledged by wang.wei, ") && !page.contains("value=\"acknowledge\""));
    assert!(app.get(&format!("{path}/record")).await.body.contains("Acknowledged by wang.wei, "));
    // A second click, of somebody else too, changes nothing.
    assert_eq!(app.post("/api/plans/change", &acknowledge).await.location, path);
    assert_eq!(app.services.plan(&id).await.unwrap(), noted);
    let ledger = "SELECT COUNT(*) FROM ledger WHERE body LIKE '%\"plan.acknowledge\"%'";
    assert_eq!(app.count(ledger).await, 1);
    assert!(app.get("/ledger?what=plan.acknowledge").await.body.contains("acknowledged how it ended"));
}

#[tokio::test]
async fn operators_acknowledge_too_and_what_went_well_cannot_be() {
    let app = TestApp::start().await;
    let dba = app.person("li.na", &[Role::Operator]).await;
    let (missed, _) = app.confirmed(1).await;
    app.advance(91 * 60);
    app.send().await;
    app.sync().await;
    let (good, _) = app.confirmed(1).await;
    app.send().await;
    app.advance(4 * 3600);
    app.sync().await;
    assert_eq!(app.sent(&good).await.state, PlanState::Completed);
    let acknowledge = async |id: &PlanId| dba.post("/api/plans/change", &[("plan", id.as_str()), ("go", "acknowledge")]).await.location;
    assert!(acknowledge(&good).await.contains("error=changed"));
    assert_eq!(acknowledge(&missed).await, format!("/plans/{missed}"));
    assert!(app.services.plan(&missed).await.unwrap().acknowledged_at.is_some());
}
