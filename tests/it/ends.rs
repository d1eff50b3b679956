//! How plans end: what went wrong is seen first, the record is whole, and every end leads on.

use crate::support::TestApp;
use patchboard_domain::id::PlanId;

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
