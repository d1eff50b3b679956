//! The whole ledger as a file: lines of JSON that anybody can verify, and a table for a spreadsheet.

use super::{AppState, doors::RequestIdentity};
use axum::{
    Extension,
    body::Body,
    extract::State,
    http::{
        HeaderValue, StatusCode,
        header::{CONTENT_DISPOSITION, CONTENT_TYPE},
    },
    response::{IntoResponse, Response},
};
use futures_util::{StreamExt, stream};
use patchboard_domain::{account::Actor, ledger::StoredEntry};

/// One entry a line: `seq`, `body`, `previous`, `hash`, as `docs/ledger.md` describes them.
pub(super) async fn json_lines(State(state): State<AppState>, Extension(identity): Extension<RequestIdentity>) -> Response {
    let line = |entry: &StoredEntry| format!("{}\n", serde_json::to_string(&entry.entry).unwrap_or_default());
    whole(&state, identity.actor(), "", line, "application/jsonl; charset=utf-8", "patchboard-ledger.jsonl").await
}

/// A table that opens in a spreadsheet: with a byte order mark, and nothing in it that would be run as a formula.
pub(super) async fn csv(State(state): State<AppState>, Extension(identity): Extension<RequestIdentity>) -> Response {
    let head = "\u{feff}seq,at,who,from,what,subject,detail,hash,altered\r\n";
    whole(&state, identity.actor(), head, csv_line, "text/csv; charset=utf-8", "patchboard-ledger.csv").await
}

async fn whole(
    state: &AppState,
    actor: Option<&Actor>,
    head: &'static str,
    line: impl Fn(&StoredEntry) -> String + Copy + Send + 'static,
    kind: &'static str,
    name: &str,
) -> Response {
    let Some(actor) = actor.cloned() else { return StatusCode::UNAUTHORIZED.into_response() };
    // Piece by piece, so that a long ledger is never in memory as a whole. A failure cuts the answer off: half an export must not
    // look like a whole one.
    let services = state.services.clone();
    let pieces = stream::try_unfold(0, move |last| {
        let (services, actor) = (services.clone(), actor.clone());
        async move {
            let entries = services.ledger_after(&actor, last).await.map_err(|error| {
                tracing::error!(error = ?error, "the ledger could not be exported");
                std::io::Error::other("the export was cut off")
            })?;
            Ok::<_, std::io::Error>(entries.last().map(|end| (entries.iter().map(line).collect::<String>(), end.entry.seq)))
        }
    });
    let whole = stream::once(std::future::ready(Ok(head.to_owned()))).chain(pieces);
    let mut response = Body::from_stream(whole).into_response();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    if let Ok(value) = HeaderValue::from_str(&format!("attachment; filename=\"{name}\"")) {
        response.headers_mut().insert(CONTENT_DISPOSITION, value);
    }
    response
}

fn csv_line(stored: &StoredEntry) -> String {
    let (entry, altered) = (&stored.entry, if stored.is_sound() { "" } else { "altered" });
    let Some(body) = entry.read() else {
        return [entry.seq.to_string().as_str(), "", "", "", "", "", "unreadable", &entry.hash, altered].map(csv_field).join(",") + "\r\n";
    };
    let detail = body.detail.to_string();
    let fields =
        [body.seq.to_string(), body.at, body.who, body.from, body.what, body.subject, detail, entry.hash.clone(), altered.to_owned()];
    fields.iter().map(|f| csv_field(f)).collect::<Vec<_>>().join(",") + "\r\n"
}

/// Quoted always; what a spreadsheet would take for a formula gets an apostrophe before it (OWASP: CSV injection).
fn csv_field(text: &str) -> String {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '\0', '＝', '＋', '－', '＠']);
    format!("\"{}{}\"", if formula { "'" } else { "" }, text.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::csv_field;

    #[test]
    fn nothing_is_run_as_a_formula() {
        for bad in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "＝1"] {
            assert!(csv_field(bad).starts_with("\"'"), "{bad}");
        }
        assert_eq!(csv_field("a \"b\", c\nd"), "\"a \"\"b\"\", c\nd\"");
    }
}
