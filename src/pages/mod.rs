//! One file a route: load, arrange, link. Every page is whole without JavaScript.

mod fleet;
mod instance;
mod not_found;
mod pick;
mod plan;
mod plan_draft;
mod plan_sent;
mod plans;
mod schedule;
mod task;
mod tasks;

pub use fleet::FleetPage;
pub use instance::InstancePage;
pub use not_found::NotFoundPage;
pub use pick::PickPage;
pub use plan::PlanPage;
pub use plans::PlansPage;
pub use schedule::SchedulePage;
pub use task::TaskPage;
pub use tasks::TasksPage;

use leptos_router::params::ParamsMap;
use patchboard_domain::filter::{FleetFilter, TaskFilter};

/// The filter of the fleet in a query string.
fn fleet_filter(query: &ParamsMap) -> FleetFilter {
    let get = |key: &str| query.get(key).unwrap_or_default();
    FleetFilter {
        q: get("q"),
        status: get("status"),
        engine: get("engine"),
        missing: get("missing"),
        tag: get("tag"),
        project: get("project"),
        form: get("form"),
        cloud: get("cloud"),
    }
}

/// The filter of the task list in a query string.
fn task_filter(query: &ParamsMap) -> TaskFilter {
    let get = |key: &str| query.get(key).unwrap_or_default();
    TaskFilter { status: get("status"), q: get("q"), origin: get("origin"), from: get("from"), to: get("to"), cloud: get("cloud") }
}

/// No list has so many pages; a larger number in an address is a mistake.
const LAST_PAGE: i64 = 1_000_000;

/// The page in a query string, from 1.
fn page_number(query: &ParamsMap) -> i64 {
    query.get("page").and_then(|p| p.parse().ok()).unwrap_or(1).clamp(1, LAST_PAGE)
}
