//! Several hands in one draft: what somebody else did to it last, and what one wrote over without having seen it. Told from the
//! ledger, which holds every change with what stood there before.

use crate::{Error, Services, drafts::plan_subject};
use chrono::{DateTime, Duration, Utc};
use patchboard_domain::{
    account::Actor,
    fleet::{Edited, FieldChange, Names},
    id::UserId,
    ledger::Body,
    plan::Plan,
};
use patchboard_store::LedgerSearch;
use serde_json::Value;
use std::collections::BTreeMap;

/// Changes that are looked through, newest first. Forms save as one types: a sentence is several.
const CHANGES: i64 = 60;

/// What is older is no news, in hours.
const NEWS_HOURS: i64 = 24;

/// Longest text that is repeated, in characters.
const TEXT_MAX: usize = 300;

impl Services {
    /// What this reader should know of the other hands in a draft.
    pub(crate) async fn edited(&self, actor: &Actor, plan: &Plan, names: &Names) -> Result<Option<Edited>, Error> {
        let since = self.now() - Duration::hours(NEWS_HOURS);
        if plan.updated_at < since {
            return Ok(None);
        }
        let search = LedgerSearch { what: "plan.edit".to_owned(), subject: plan_subject(&plan.id), ..LedgerSearch::default() };
        let (entries, _) = self.store().ledger(&search, CHANGES, 0).await?;
        let recent = |b: &Body| b.at.parse::<DateTime<Utc>>().is_ok_and(|at| at >= since);
        let changes: Vec<Body> = entries.iter().filter_map(|e| e.entry.read()).take_while(recent).collect();
        let Some(newest) = changes.first() else { return Ok(None) };
        let me = actor.user.as_ref().map(UserId::as_str);
        let name = |user: &Option<String>| user.as_ref().and_then(|id| names.get(&UserId::new(id.as_str())).cloned());
        let mine = changes.iter().take_while(|b| me.is_some() && b.user.as_deref() == me).count();
        let over = written_over(&changes[..mine]);
        let (who, at, fields) = if over.is_empty() {
            // What somebody else did last, also when one has saved something of one's own since.
            let theirs = &changes[mine..];
            let Some(last) = theirs.first() else { return Ok(None) };
            let series = theirs.iter().take_while(|b| b.user == last.user).count();
            (name(&last.user), &last.at, together(&theirs[..series]))
        } else {
            // Whose words they were: who wrote that field last before.
            let wrote = |f: &FieldChange| changes[mine..].iter().find(|b| b.user.as_deref() != me && b.detail.get(&f.field).is_some());
            let mut whose: Vec<String> = over.iter().filter_map(|f| name(&wrote(f)?.user)).collect();
            whose.dedup();
            (Some(whose.join(", ")).filter(|who| !who.is_empty()), &newest.at, over.clone())
        };
        let Some(who) = who.filter(|_| !fields.is_empty()) else { return Ok(None) };
        let at = at.parse().unwrap_or(plan.updated_at);
        Ok(Some(Edited { who, at, written_over: !over.is_empty(), fields }))
    }
}

/// What a series of changes, newest first, has changed in all.
fn together(series: &[Body]) -> Vec<FieldChange> {
    let mut fields: BTreeMap<String, FieldChange> = BTreeMap::new();
    for (field, change) in series.iter().flat_map(|b| b.detail.as_object().into_iter().flatten()).filter(|(field, _)| *field != "over") {
        let (before, after) = read(change);
        fields.entry(field.clone()).and_modify(|known| known.before.clone_from(&before)).or_insert_with(|| FieldChange {
            field: field.clone(),
            before: before.clone(),
            after,
        });
    }
    fields.into_values().filter(|f| f.before != f.after).collect()
}

/// What of it replaced words that the writer had not seen.
fn written_over(series: &[Body]) -> Vec<FieldChange> {
    let mut fields = Vec::new();
    for body in series {
        for field in body.detail["over"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            let (before, after) = read(&body.detail[field]);
            fields.push(FieldChange { field: field.to_owned(), before, after });
        }
    }
    fields
}

fn read(change: &Value) -> (String, String) {
    let text = |value: &Value| -> String {
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Array(all) => all.iter().map(|v| v.as_str().map_or_else(|| v.to_string(), str::to_owned)).collect::<Vec<_>>().join(", "),
            Value::Null => String::new(),
            other => other.to_string(),
        };
        text.chars().take(TEXT_MAX).collect()
    };
    match change.get("count") {
        // Instances: how many came and went.
        Some(count) => {
            let n = |key: &str| change[key].as_array().map_or(0, Vec::len);
            let total = usize::try_from(count.as_u64().unwrap_or_default()).unwrap_or_default();
            ((total + n("removed")).saturating_sub(n("added")).to_string(), format!("{total} (+{}, −{})", n("added"), n("removed")))
        }
        None => (text(&change["before"]), text(&change["after"])),
    }
}
