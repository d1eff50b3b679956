//! Whatever somebody with the database edits between approval and sending: nothing but the approved bytes leaves, and nothing waits
//! for ever without a word.

use crate::{database::Database, support::TestApp};
use futures_util::{StreamExt, stream};
use patchboard_backend::Policy;
use patchboard_domain::account::Role;

/// Tables that no body, start, cloud, eligibility or approval comes from, and what they hold.
const ELSEWHERE: [(&str, &str); 11] = [
    ("codes", "one-time codes"),
    ("comments", "what was said about plans"),
    ("devices", "browsers that are known"),
    ("identities", "who somebody is at a provider"),
    ("instance_patches", "what filters find instances by"),
    ("instance_tags", "what filters find instances by"),
    ("plan_editors", "who changed a draft; asked before the approval"),
    ("projects", "names of enterprise projects"),
    ("sessions", "who is signed in"),
    ("unsent_words", "comments that were not sent"),
    ("used_answers", "answers of a provider"),
];

/// Cases that run side by side.
const AT_ONCE: usize = 4;

fn policy() -> Policy {
    Policy { confirm_minutes: 0, production: Vec::new(), ..Policy::default() }
}

/// Two plans, approved while everything is on hold: the database, and the bodies that may leave.
async fn approved() -> (Database, Vec<String>, Vec<String>) {
    let app = TestApp::ruled_by(policy()).await;
    let dba = app.person("li.na", &[Role::Operator]).await;
    let lead = app.person("wang.wei", &[Role::Approver]).await;
    let hold = [("scope", "everything"), ("go", "hold"), ("reason", "before the night")];
    assert!(!app.post("/api/doubt/hold", &hold).await.location.contains("error"));
    let mut bodies = Vec::new();
    for n in [3, 1] {
        let (id, hash) = dba.asked(n).await;
        let fields = [("plan", id.as_str()), ("hash", &hash), ("verdict", "approve"), ("comment", "")];
        assert_eq!(lead.post("/api/plans/decide", &fields).await.location, format!("/plans/{id}"));
        bodies.extend(app.sent(&id).await.requests.rows.iter().map(|r| r.body.clone()));
        // The next one names other instances.
        app.simulator.world(|w| {
            let taken: Vec<String> = w.instances.keys().filter(|i| bodies.iter().any(|b| b.contains(*i))).cloned().collect();
            taken.iter().for_each(|i| w.instances.get_mut(i).unwrap().status = "BACKING UP".to_owned());
        });
    }
    let others = app.pickable(2);
    app.database.unguard_ledger().await;
    app.services.close().await;
    let TestApp { database, .. } = app;
    (database, bodies, others)
}

/// What somebody with the database may do to one column of a table that has rows.
fn edits(table: &str, column: &str, is_text: bool, bodies: &[String], others: &[String]) -> Vec<String> {
    let approved = bodies[0].split('"').find(|part| part.ends_with("in14")).unwrap();
    let other = &others[0];
    let set = |value: &str| format!("UPDATE {table} SET {column} = {value} WHERE {column} IS NOT NULL");
    let replace =
        |from: &str, to: &str| format!("UPDATE {table} SET {column} = replace({column}, '{from}', '{to}') WHERE {column} LIKE '%{from}%'");
    let one = |value: &str| format!("UPDATE {table} SET {column} = {value} WHERE {column} = (SELECT MIN({column}) FROM {table})");
    let copy = |value: &str| format!("COPY {table} {column} {value}");
    if is_text {
        let other = format!("'{other}'");
        vec![
            one(&other),
            set("'edited'"),
            replace(approved, &others[1]),
            replace("3.208.0.7", "3.208.0.6"),
            replace("planned", "accepted"),
            set("NULL"),
            // Reads the same once it is trimmed, and is found by no statement.
            set(&format!("{column} || ' '")),
            // SQLite keeps any type in any column; the other engine refuses it.
            set(&format!("CAST({column} AS BLOB)")),
            copy(&other),
        ]
    } else {
        let (later, more) = (format!("{column} + 3600000"), format!("{column} + 7"));
        vec![set(&later), set("0"), set("1"), set("NULL"), set(&i64::MAX.to_string()), copy(&more)]
    }
}

/// The statement of a copy names every column of its table.
fn statement(edit: &str, columns: &[(String, String, bool)]) -> String {
    let Some(rest) = edit.strip_prefix("COPY ") else { return edit.to_owned() };
    let (table, rest) = rest.split_once(' ').unwrap();
    let (column, value) = rest.split_once(' ').unwrap();
    let of: Vec<&str> = columns.iter().filter(|(t, ..)| t == table).map(|(_, c, _)| c.as_str()).collect();
    let values: Vec<&str> = of.iter().map(|c| if *c == column { value } else { c }).collect();
    format!("INSERT INTO {table} ({}) SELECT {} FROM {table} LIMIT 1", of.join(", "), values.join(", "))
}

/// What went wrong in one case, if anything did.
async fn case(template: &Database, edit: String, bodies: &[String]) -> Option<String> {
    let app = TestApp::fork(template.fork().await, policy()).await;
    app.sync().await;
    // What the database itself refuses did not happen.
    app.try_sql(&edit).await.ok()?;
    let cloud = app.cloud();
    app.post("/api/doubt/hold", &[("scope", "everything"), ("go", "unhold")]).await;
    for seconds in [1, 130] {
        // That something cannot be read or written is said in the log; what is asked here is what leaves.
        let _ = app.services.send_pass(&cloud).await;
        app.advance(seconds);
        let _ = app.services.sync_pass(&cloud).await;
    }
    let sent = app.simulator.create_bodies();
    if let Some(body) = sent.iter().find(|body| !bodies.contains(body)) {
        return Some(format!("{edit}: sent {body}"));
    }
    if let Some(twice) = bodies.iter().find(|body| sent.iter().filter(|s| s == body).count() > 1) {
        return Some(format!("{edit}: sent twice {twice}"));
    }
    let waiting = "SELECT COUNT(*) FROM items WHERE state IN ('planned', 'moving', 'sending') OR doc LIKE '%planned%'";
    let paused = "SELECT (SELECT COUNT(*) FROM holds) + (SELECT COUNT(*) FROM plans WHERE held_at IS NOT NULL)";
    let waits = app.database.count(waiting).await > 0 && app.database.count(paused).await == 0;
    let said = app.get("/instances").await.body.contains("refused the credentials");
    (waits && !said).then(|| format!("{edit}: waits for ever without a word; {} sent", sent.len()))
}

async fn try_all(edits: Vec<String>, template: &Database, bodies: &[String]) {
    let total = edits.len();
    let cases = stream::iter(edits).map(|edit| case(template, edit, bodies)).buffer_unordered(AT_ONCE);
    let wrong: Vec<String> = cases.filter_map(std::future::ready).collect().await;
    assert!(wrong.is_empty(), "{} of {total}:\n{}", wrong.len(), wrong.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_edit_both_plans_are_sent_as_approved() {
    let (template, bodies, _) = approved().await;
    let app = TestApp::fork(template.fork().await, policy()).await;
    app.sync().await;
    app.post("/api/doubt/hold", &[("scope", "everything"), ("go", "unhold")]).await;
    app.send().await;
    app.sync().await;
    app.send().await;
    let mut sent = app.simulator.create_bodies();
    let mut wanted = bodies.clone();
    sent.sort();
    wanted.sort();
    assert_eq!(sent, wanted);
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_column_is_edited_nothing_else_leaves() {
    let (template, bodies, others) = approved().await;
    let columns = template.columns().await;
    assert!(columns.len() > 100, "{} columns", columns.len());
    let of_interest = columns.iter().filter(|(table, ..)| !ELSEWHERE.iter().any(|(t, _)| t == table));
    let edits = of_interest.flat_map(|(table, column, is_text)| edits(table, column, *is_text, &bodies, &others));
    let statements = edits.map(|edit| statement(&edit, &columns));
    let changes_something = stream::iter(statements).filter(|statement| template.would_change(statement.clone()));
    try_all(changes_something.collect().await, &template, &bodies).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_rows_are_deleted_nothing_else_leaves() {
    let (template, bodies, _) = approved().await;
    let columns = template.columns().await;
    let mut tables: Vec<&str> = columns.iter().map(|(table, ..)| table.as_str()).collect();
    tables.dedup();
    let first = |table: &str| columns.iter().find(|(t, ..)| t == table).map(|(_, c, _)| c.clone()).unwrap();
    let mut edits: Vec<String> = tables.iter().map(|table| format!("DELETE FROM {table}")).collect();
    edits.extend(tables.iter().map(|t| format!("DELETE FROM {t} WHERE {0} = (SELECT MIN({0}) FROM {t})", first(t))));
    edits.push("DELETE FROM items WHERE instance = (SELECT MIN(instance) FROM items)".to_owned());
    let changes_something = stream::iter(edits).filter(|statement| template.would_change(statement.clone()));
    try_all(changes_something.collect().await, &template, &bodies).await;
}
