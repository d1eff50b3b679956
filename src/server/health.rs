//! For load balancers and people: is the process alive, can it serve.

use super::AppState;
use axum::{Json, extract::State, http::StatusCode, response::IntoResponse};
use serde_json::json;
use std::time::Duration;
use tokio::time::timeout;

/// A database that is silent for so long is none that can serve. Whoever asks gives up sooner or later, too.
const ANSWER_MAX: Duration = Duration::from_secs(5);

/// The process answers.
pub(super) async fn healthz() -> &'static str {
    "ok\n"
}

/// The database answers. The state of the clouds is reported and never fails it: pages work without them.
pub(super) async fn readyz(State(state): State<AppState>) -> impl IntoResponse {
    let read = async { Some((state.services.ready().await.ok()?, state.services.sync_statuses().await.ok()?)) };
    let read = timeout(ANSWER_MAX, read).await.unwrap_or_default();
    let store = read.is_some();
    let clouds: Vec<_> = read
        .map(|((), statuses)| statuses)
        .unwrap_or_default()
        .into_iter()
        .map(|s| json!({"name": s.cloud, "instances_at": s.instances_at, "tasks_at": s.tasks_at, "stopped": s.stopped, "failing": s.error.is_some()}))
        .collect();
    let status = if store { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(json!({"store": store, "clouds": clouds})))
}
