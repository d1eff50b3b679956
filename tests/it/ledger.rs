//! The ledger: every deed, in one chain, and no deed without it.

use crate::support::TestApp;
use axum::http::StatusCode;
use patchboard_domain::ledger::{Broken, Entry};

#[tokio::test]
async fn a_plans_whole_life_stands_in_it() {
    let app = TestApp::start().await;
    let (id, _) = app.confirmed(2).await;
    app.send().await;
    app.post("/api/plans/comment", &[("plan", id.as_str()), ("text", "=SUM(A1:A9)")]).await;
    let page = app.get(&format!("/ledger?subject=plan/{id}")).await.body;
    for deed in ["began a plan", "sent a plan", "is about to send a request", "recorded what came back", "said something"] {
        assert!(page.contains(deed), "{deed}");
    }
    let lines = app.get("/ledger.jsonl").await;
    assert_eq!(lines.headers["content-type"], "application/jsonl; charset=utf-8");
    let entries: Vec<Entry> = lines.body.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    let whats: Vec<String> = entries.iter().map(|e| e.read().unwrap().what).collect();
    for what in ["user.add", "session.begin", "plan.create", "plan.send", "request.send", "request.outcome", "plan.comment"] {
        assert!(whats.iter().any(|w| w == what), "{what} is missing in {whats:?}");
    }
    let sent = entries.iter().find(|e| e.body.contains("\"plan.send\"")).unwrap();
    let view = app.sent(&id).await;
    assert!(sent.body.contains(&view.requests.rows[0].hash) && sent.body.contains("everybody"), "who, and the exact requests");
    let csv = app.get("/ledger.csv").await.body;
    assert!(csv.starts_with('\u{feff}'), "a spreadsheet reads it as UTF-8");
    assert!(app.services.verify_ledger().await.unwrap().2.is_empty());
}

#[tokio::test]
async fn it_is_append_only_and_a_break_is_named() {
    let app = TestApp::start().await;
    app.confirmed(1).await;
    for sql in ["UPDATE ledger SET body = 'x' WHERE seq = 2", "DELETE FROM ledger WHERE seq = 2"] {
        assert!(app.try_sql(sql).await.is_err(), "{sql}");
    }
    let (last, _, broken) = app.services.verify_ledger().await.unwrap();
    assert_eq!(broken, []);
    app.database.unguard_ledger().await;
    let broken = async || {
        let mut broken = app.services.verify_ledger().await.unwrap().2;
        assert_eq!(broken.pop(), Some(Broken::Unguarded), "that nothing refuses changes any more is said as well");
        broken
    };
    assert_eq!(broken().await, []);
    let insert = |seq: i64| format!("INSERT INTO ledger SELECT {seq}, body, previous, hash, subject FROM ledger WHERE seq = 1");
    assert!(app.try_sql(&insert(-1)).await.is_err());
    app.sql(&insert(last + 1)).await;
    assert!(broken().await.contains(&Broken::Stray { seq: last + 1 }), "written by hand past the last");
    app.sql(&format!("DELETE FROM ledger WHERE seq = {}", last + 1)).await;
    app.sql("UPDATE ledger SET body = replace(body, 'everybody', 'somebody') WHERE seq = 3").await;
    assert_eq!(broken().await, [Broken::Altered { seq: 3 }]);
    app.sql("DELETE FROM ledger WHERE seq = 3").await;
    assert_eq!(broken().await, [Broken::Missing { from: 3, to: 3 }]);
    app.sql(&format!("DELETE FROM ledger WHERE seq = {last}")).await;
    assert!(broken().await.contains(&Broken::Missing { from: last, to: last }), "at its end too");
    app.sql("DELETE FROM ledger_head").await;
    assert!(broken().await.contains(&Broken::NoHead));
}

/// Every column that a page or an export shows or finds entries by is held against the text that is hashed.
#[tokio::test]
async fn every_column_that_is_edited_is_named() {
    let app = TestApp::start().await;
    app.confirmed(1).await;
    let last = app.services.verify_ledger().await.unwrap().0;
    app.database.unguard_ledger().await;
    app.sql("CREATE TABLE kept AS SELECT * FROM ledger; CREATE TABLE kept_head AS SELECT * FROM ledger_head").await;
    let mut edited = 0;
    let columns = app.database.columns().await;
    for (table, column, _) in columns.into_iter().filter(|(table, ..)| table.starts_with("ledger")) {
        let rows = if table == "ledger" { " WHERE seq = 3" } else { "" };
        let number = ["seq", "one"].contains(&column.as_str());
        let mut edits = vec![if number { format!("{column} + 100000") } else { format!("{column} || 'x'") }];
        if app.database.is_file() && !number {
            edits.extend([format!("CAST({column} AS BLOB)"), "x'ff'".to_owned(), "CAST(x'ff' AS TEXT)".to_owned()]);
        }
        for edit in edits {
            let edit = format!("UPDATE {table} SET {column} = {edit}{rows}");
            // Refused by the database itself: it holds one head.
            if app.try_sql(&edit).await.is_err() {
                assert_eq!(column, "one", "{edit}");
                continue;
            }
            edited += 1;
            let broken = app.services.verify_ledger().await.unwrap().2;
            let named = broken.iter().any(|b| match b {
                Broken::Altered { seq } | Broken::Subject { seq } => *seq == if table == "ledger" { 3 } else { last },
                Broken::Missing { from, to } => (*from == 3 && *to == 3) || (table == "ledger_head" && *from == last + 1),
                _ => false,
            });
            assert!(named, "{edit}: {broken:?}");
            let page = app.get("/ledger").await;
            assert_eq!(page.status, StatusCode::OK, "{edit}");
            let is_marked = page.body.contains("its hash, its number or its subject is not that of its text");
            assert_eq!(is_marked, table == "ledger", "{edit}");
            let marked = app.get("/ledger.csv").await.body.lines().filter(|line| line.ends_with("\"altered\"")).count();
            assert_eq!(marked, usize::from(table == "ledger"), "{edit}");
            assert!(!page.body.contains("100003"), "the number is that of the text: {edit}");
            for (table, kept) in [("ledger", "kept"), ("ledger_head", "kept_head")] {
                app.sql(&format!("DELETE FROM {table}; INSERT INTO {table} SELECT * FROM {kept}")).await;
            }
            assert_eq!(app.services.verify_ledger().await.unwrap().2, [Broken::Unguarded], "as it was");
        }
    }
    assert!(edited >= 7, "{edited} edits");
}

#[tokio::test]
async fn an_entry_is_never_shown_as_that_of_another_subject() {
    let app = TestApp::start().await;
    let (id, _) = app.confirmed(1).await;
    let of = format!("plan/{id}");
    let page = async |subject: &str| app.get(&format!("/ledger?subject={subject}")).await.body;
    assert!(page(&of).await.contains("sent a plan"));
    app.database.unguard_ledger().await;
    app.sql(&format!("UPDATE ledger SET subject = 'plan/other' WHERE subject = '{of}' AND body LIKE '%\"plan.send\"%'")).await;
    assert!(!page("plan/other").await.contains("sent a plan"));
    let broken = app.services.verify_ledger().await.unwrap().2;
    assert!(broken.iter().any(|b| matches!(b, Broken::Subject { .. })), "{broken:?}");
    app.send().await;
    assert_eq!(app.creates(), 0, "an entry that was moved proves nothing");
}

#[tokio::test]
async fn what_cannot_be_written_down_does_not_happen() {
    let app = TestApp::start().await;
    let id = app.draft(&app.pickable(1), 120).await;
    app.database.refuse_entries(true).await;
    let answer = app.confirm(&id).await;
    assert!(answer.location.contains("error=failed"), "{}", answer.location);
    app.post("/api/plans/comment", &[("plan", id.as_str()), ("text", "unheard")]).await;
    let signed_in = app.post("/demo/switch", &[("name", "li.na")]).await;
    assert!(signed_in.status == StatusCode::NOT_FOUND || signed_in.headers.get("set-cookie").is_none());
    app.send().await;
    assert_eq!(app.creates(), 0);
    app.database.refuse_entries(false).await;
    assert!(!app.get(&format!("/plans/{id}")).await.body.contains("unheard"));
    assert_eq!(app.confirm(&id).await.location, format!("/plans/{id}"), "it was not half done");
}

/// The script in `docs/ledger.md`, as somebody else would copy it.
#[tokio::test]
async fn somebody_elses_script_verifies_an_export() {
    let app = TestApp::start().await;
    app.confirmed(1).await;
    let manual = include_str!("../../docs/ledger.md");
    let script = manual.split("```python\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    assert!(script.lines().count() < 50);
    let path = |name: &str| app.database.path(name);
    std::fs::write(path("verify.py"), script).unwrap();
    let run = |export: &str| {
        std::fs::write(path("export.jsonl"), export).unwrap();
        let output = std::process::Command::new("python3").arg(path("verify.py")).arg(path("export.jsonl")).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let export = app.get("/ledger.jsonl").await.body;
    let (last, hash, _) = app.services.verify_ledger().await.unwrap();
    assert_eq!(run(&export).trim(), format!("followed {last} entries, the last is {last}:{hash}"));
    assert!(run(&export.replacen("everybody", "somebody", 1)).contains("was changed"));
    let without_third: String = export.lines().enumerate().filter(|(n, _)| *n != 2).map(|(_, l)| format!("{l}\n")).collect();
    assert!(run(&without_third).contains("entries 3 to 3 are missing"));
}
