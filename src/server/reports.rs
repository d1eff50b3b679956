//! What browsers say they have not done because our policy forbids it: somebody has tried something, or a page of ours is wrong.

use super::{AppState, doors::RequestIdentity};
use axum::{Extension, body::Bytes, extract::State, http::StatusCode};
use serde_json::Value;

/// Longest part of a report that is logged, in characters.
const LOGGED: usize = 200;

/// Most reports of one call that are logged.
const AT_ONCE: usize = 5;

/// Logs reports, by either of the two formats (`report-uri` of CSP 2, and the Reporting API). Anybody may send anything here, so
/// it is a few words and not often.
pub(super) async fn take(State(state): State<AppState>, Extension(identity): Extension<RequestIdentity>, body: Bytes) -> StatusCode {
    if !state.services.may_report(identity.address()) {
        return StatusCode::TOO_MANY_REQUESTS;
    }
    let Ok(sent) = serde_json::from_slice::<Value>(&body) else { return StatusCode::BAD_REQUEST };
    let reports: Vec<&Value> = match &sent {
        Value::Array(all) => all.iter().filter_map(|r| r.get("body")).take(AT_ONCE).collect(),
        one => one.get("csp-report").into_iter().collect(),
    };
    for report in reports {
        let field = |names: [&str; 2]| -> String {
            let text = names.iter().find_map(|n| report.get(n)).and_then(Value::as_str).unwrap_or_default();
            // Not the query: what people search for is theirs.
            let text = text.split(['?', '#']).next().unwrap_or_default();
            text.chars().filter(|c| !c.is_control()).take(LOGGED).collect()
        };
        tracing::warn!(
            address = %identity.address(),
            directive = field(["effective-directive", "effectiveDirective"]),
            blocked = field(["blocked-uri", "blockedURL"]),
            page = field(["document-uri", "documentURL"]),
            "a browser has kept a page of ours from something"
        );
    }
    StatusCode::NO_CONTENT
}
