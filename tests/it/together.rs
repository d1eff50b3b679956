//! Several people at one plan: what the other did is seen, and what a decision rests on can be looked at again.

use crate::{somebody::Person, support::TestApp};
use axum::http::StatusCode;
use patchboard_domain::{
    account::Role,
    id::PlanId,
    review::{ApprovalRule, ReviewPolicy},
};
use patchboard_simulator::{Act, Fault};

async fn reviewed() -> TestApp {
    TestApp::under(ReviewPolicy::default()).await
}

fn names(app: &TestApp, ids: &[String]) -> Vec<String> {
    app.simulator.world(|w| ids.iter().map(|id| w.instances[id].name.clone()).collect())
}

/// Somebody leaves these ticked of those that were.
async fn pick(who: &Person<'_>, id: &PlanId, was: &[String], ticked: &[String]) {
    let was = was.join(",");
    let mut fields = vec![("plan", id.as_str()), ("plan_cloud", "test"), ("was", &was), ("go", "save")];
    fields.extend(ticked.iter().map(|i| ("ticked[]", i.as_str())));
    assert_eq!(who.post("/api/plans/pick", &fields).await.status, StatusCode::FOUND);
}

#[tokio::test]
async fn a_review_names_what_is_different_from_the_one_before() {
    let app = reviewed().await;
    let dba = app.person("li.na", &[Role::Operator]).await;
    let (id, hash) = dba.asked(3).await;
    let lead = app.person("wang.wei", &[Role::Approver]).await;
    let no = [("plan", id.as_str()), ("hash", &hash), ("verdict", "changes"), ("comment", "one less")];
    lead.post("/api/plans/decide", &no).await;
    let all = app.pickable(4);
    let mut kept = all.clone();
    let out = kept.remove(1);
    pick(&dba, &id, &all[..3], &kept).await;
    let hash = app.draft_view(&id).await.hash;
    let asked = dba.post("/api/plans/ask_review", &[("plan", id.as_str()), ("hash", &hash)]).await;
    assert_eq!(asked.location, format!("/plans/{id}"));
    let page = lead.get(&asked.location).await.body;
    let [gone, new] = [names(&app, &[out])[0].clone(), names(&app, &all[3..])[0].clone()];
    assert!(page.contains(&format!("Instances taken out: 1 ({gone})")), "{page}");
    assert!(page.contains(&format!("Instances added: 1 ({new})")));
}

#[tokio::test]
async fn a_long_difference_is_counted_and_can_be_opened() {
    let app = reviewed().await;
    let dba = app.person("li.na", &[Role::Operator]).await;
    let (id, hash) = dba.asked(1).await;
    let lead = app.person("wang.wei", &[Role::Approver]).await;
    let no = [("plan", id.as_str()), ("hash", &hash), ("verdict", "changes"), ("comment", "more")];
    lead.post("/api/plans/decide", &no).await;
    let all = app.pickable(8);
    pick(&dba, &id, &all[..1], &all).await;
    let hash = app.draft_view(&id).await.hash;
    dba.post("/api/plans/ask_review", &[("plan", id.as_str()), ("hash", &hash)]).await;
    let page = lead.get(&format!("/plans/{id}")).await.body;
    assert!(page.contains("Instances added: 7"));
    let opened = page.split("Show their names").nth(1).unwrap().split("</details>").next().unwrap();
    for name in names(&app, &all[1..]) {
        assert!(opened.contains(&name), "{name}");
    }
}

#[tokio::test]
async fn the_other_editor_is_named_with_what_they_did() {
    let app = reviewed().await;
    let one = app.person("li.na", &[Role::Operator]).await;
    let two = app.person("chen.jie", &[Role::Operator]).await;
    let ids = app.pickable(2);
    let (id, _) = one.drafted(2).await;
    pick(&one, &id, &ids, &ids[..1]).await;
    for path in [format!("/plans/{id}/schedule"), format!("/plans/{id}/instances")] {
        assert!(!one.get(&path).await.body.contains("changed this draft"), "one's own change is no news");
        let page = two.get(&path).await.body;
        assert!(page.contains("li.na changed this draft, last at") && page.contains("→ 1 (+0, −1)"), "{path}: {page}");
    }
}

/// Two people in one field: the last one's words stand, and both are told.
#[tokio::test]
async fn words_that_were_written_over_are_shown_to_both() {
    let app = reviewed().await;
    let one = app.person("li.na", &[Role::Operator]).await;
    let two = app.person("chen.jie", &[Role::Operator]).await;
    let id = app.draft(&app.pickable(1), 120).await;
    let path = format!("/plans/{id}/schedule");
    let draft = app.services.draft_view(&app.actor, &id).await.unwrap().plan.draft;
    let was =
        serde_json::to_string(&patchboard_domain::plan::Draft { instances: Vec::new(), pasted: String::new(), ..draft.clone() }).unwrap();
    // Both have the form as it was, and each writes a sentence of their own.
    for (who, reason) in [(&one, "security fixes"), (&two, "asked for by the bank")] {
        let fields = [
            ("plan", id.as_str()),
            ("was", &was),
            ("reason", reason),
            ("patches[]", "3.208.0.7"),
            ("start_local", &draft.start_local),
            ("zone", &draft.zone),
            ("go", "save"),
        ];
        who.post("/api/plans/schedule", &fields).await;
    }
    let mine = two.get(&path).await.body;
    assert!(mine.contains("You wrote over what li.na had written meanwhile") && mine.contains("security fixes"), "{mine}");
    let theirs = one.get(&path).await.body;
    assert!(theirs.contains("chen.jie changed this draft") && theirs.contains("security fixes → asked for by the bank"), "{theirs}");
    for page in [&mine, &theirs] {
        assert!(page.contains("value=\"asked for by the bank\""));
    }
}

#[tokio::test]
async fn nobody_ticks_again_what_somebody_else_has_taken_out() {
    let app = reviewed().await;
    let one = app.person("li.na", &[Role::Operator]).await;
    let two = app.person("chen.jie", &[Role::Operator]).await;
    let ids = app.pickable(4);
    let id = app.draft(&ids[..2], 120).await;
    // Both saw the same two ticked. One takes the first out and adds the third; the other adds the fourth, their first still ticked.
    pick(&one, &id, &ids[..2], &[ids[1].clone(), ids[2].clone()]).await;
    pick(&two, &id, &ids[..2], &[ids[0].clone(), ids[1].clone(), ids[3].clone()]).await;
    let chosen = app.services.draft_view(&app.actor, &id).await.unwrap().plan.draft.instances;
    assert_eq!(chosen.iter().map(|i| i.as_str().to_owned()).collect::<Vec<_>>(), ids[1..]);
}

#[tokio::test]
async fn checks_can_be_made_again_now() {
    let app = reviewed().await;
    let dba = app.person("li.na", &[Role::Operator]).await;
    let (id, hash) = dba.asked(2).await;
    let lead = app.person("wang.wei", &[Role::Approver]).await;
    let plan = format!("/plans/{id}");
    assert!(lead.get(&plan).await.body.contains("Check again now"));
    app.advance(120);
    let before = app.services.review_view(&app.actor, &id).await.unwrap().now.candidates_at.unwrap();
    let asked = app.simulator.requests("candidate-versions");
    assert_eq!(lead.post("/api/plans/check", &[("plan", id.as_str())]).await.location, plan);
    // What is known stands until the answers are there.
    let view = app.services.review_view(&app.actor, &id).await.unwrap();
    assert_eq!(view.now.candidates_read, 2);
    app.until(async || app.services.review_view(&app.actor, &id).await.unwrap().now.candidates_at.unwrap() > before).await;
    assert!(app.simulator.requests("candidate-versions") > asked || asked == 0);

    // A cloud that does not answer takes nothing away that is known, and neither does one that wants to be left alone.
    let busy = Act::Refuse { status: 429, code: "APIGW.0308".to_owned(), message: "busy".to_owned(), retry_after: Some(60) };
    for act in [Act::DoThenFail, busy] {
        app.advance(67);
        app.simulator.set_faults(vec![Fault::on("candidate-versions", act.clone())]);
        let asked = app.simulator.requests("candidate-versions");
        assert_eq!(lead.post("/api/plans/check", &[("plan", id.as_str())]).await.location, plan);
        app.until(async || app.simulator.requests("candidate-versions") > asked).await;
        // Returns when whoever asks has been answered.
        app.services.read_candidates(app.cloud().name(), &view.now.plan.draft.instances).await.unwrap();
        app.simulator.set_faults(Vec::new());
        assert!(lead.get(&plan).await.body.contains("It can be sent as it stands now."), "{act:?}");
    }
    // What is being written for the decision is kept, with whatever is in it.
    let words = "</textarea><b>\n looked at again";
    lead.post("/api/plans/check", &[("plan", id.as_str()), ("hash", &hash), ("comment", words)]).await;
    assert!(lead.get(&plan).await.body.contains("&lt;/textarea&gt;&lt;b&gt;\n looked at again</textarea>"));
    // Taken out is taken out, and a check without that field says nothing about it.
    lead.post("/api/plans/check", &[("plan", id.as_str())]).await;
    assert!(lead.get(&plan).await.body.contains("looked at again"));
    lead.post("/api/plans/check", &[("plan", id.as_str()), ("hash", &hash), ("comment", "")]).await;
    assert!(!lead.get(&plan).await.body.contains("looked at again"));
    let viewer = app.person("sam", &[Role::Viewer]).await;
    assert_eq!(viewer.post("/api/plans/check", &[("plan", id.as_str())]).await.status, StatusCode::FORBIDDEN);
    assert!(!viewer.get(&plan).await.body.contains("Check again now"));
    app.advance(67);

    // A finger that stays on the button costs the cloud no more than a minute allows.
    let asked = app.simulator.requests("candidate-versions");
    for _ in 0..30 {
        assert_eq!(lead.post("/api/plans/check", &[("plan", id.as_str())]).await.location, plan);
        app.services.read_candidates(app.cloud().name(), &view.now.plan.draft.instances).await.unwrap();
    }
    let cost = app.simulator.requests("candidate-versions") - asked;
    assert!((2..=22).contains(&cost), "{cost}");
    assert_eq!(dba.post("/api/plans/check", &[("plan", id.as_str())]).await.location, plan, "others are not held up by it");
}

#[tokio::test]
async fn a_decision_in_no_time_is_noted() {
    let app = reviewed().await;
    let dba = app.person("li.na", &[Role::Operator]).await;
    let lead = app.person("wang.wei", &[Role::Approver]).await;
    for (waits, noted) in [(0, true), (2, false)] {
        let (id, hash) = dba.asked(1).await;
        let page = lead.get(&format!("/plans/{id}")).await.body;
        let shown = page.split("name=\"shown\" value=\"").nth(1).and_then(|r| r.split('"').next()).unwrap().to_owned();
        app.advance(waits);
        let fields = [("plan", id.as_str()), ("hash", &hash), ("verdict", "reject"), ("comment", "no"), ("shown", &shown)];
        lead.post("/api/plans/decide", &fields).await;
        let ledger = app.get(&format!("/ledger.jsonl?subject=plan/{id}")).await.body;
        let entry = ledger.lines().find(|l| l.contains(id.as_str()) && l.contains("plan.reject")).unwrap();
        assert_eq!(entry.contains("milliseconds_after_it_was_shown"), noted, "{entry}");
    }
}

#[tokio::test]
async fn nobody_makes_plans_without_end() {
    let app = reviewed().await;
    let dba = app.person("li.na", &[Role::Operator]).await;
    let ids = app.pickable(1);
    let fields = [("plan_cloud", "test"), ("go", "continue"), ("ticked[]", ids[0].as_str())];
    let mut made = 0;
    while !dba.post("/api/plans/pick", &fields).await.location.contains("error=too_many") {
        made += 1;
        assert!(made < 100);
    }
    assert_eq!(made, 60);
    app.advance(60);
    assert!(!dba.post("/api/plans/pick", &fields).await.location.contains("error="), "an hour allows 240");
}

#[tokio::test]
async fn a_rule_may_ask_for_more_where_the_start_is_near() {
    let rule = ApprovalRule { within_minutes: 24 * 60, approvals: 2, ..ApprovalRule::default() };
    let app = TestApp::under(ReviewPolicy { rules: vec![rule], urgent_minutes: 0, ..ReviewPolicy::default() }).await;
    let dba = app.person("li.na", &[Role::Operator]).await;
    let (id, _) = dba.asked(1).await;
    let page = dba.get(&format!("/plans/{id}")).await.body;
    assert!(page.contains("0 of 2 approvals") && page.contains("it starts within 1440 minutes"), "{page}");
}
