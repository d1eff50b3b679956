//! For load balancers and people: is the process alive, can it serve.

use super::AppState;
use axum::{Json, extract::State, http::StatusCode, response::IntoResponse};
use serde_json::json;

/// The process answers.
pub(super) async fn healthz() -> &'static str {
    "ok\n"
}

/// The database answers. The state of the clouds is reported and never fails it: pages work without them.
pub(super) async fn readyz(State(state): State<AppState>) -> impl IntoResponse {
    let store = state.services.ready().await.is_ok();
    let clouds: Vec<_> = state
        .services
        .sync_statuses()
        .await
        .unwrap_or_default()
        .into_iter()
        .map(|s| json!({"name": s.cloud, "instances_at": s.instances_at, "tasks_at": s.tasks_at, "stopped": s.stopped, "failing": s.error.is_some()}))
        .collect();
    let status = if store { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(json!({"store": store, "clouds": clouds})))
}
