//! One file a route: load, arrange, link. Every page is whole without JavaScript.

mod account;
mod doubt;
mod fleet;
mod inbox;
mod instance;
mod ledger;
mod not_found;
mod pick;
mod plan;
mod plan_draft;
mod plan_end;
mod plan_findings;
mod plan_moves;
mod plan_parts;
mod plan_review;
mod plan_sent;
mod plans;
mod record;
mod schedule;
mod sign_in;
mod task;
mod tasks;

pub use account::{AccountPage, PeoplePage};
pub use doubt::DoubtPage;
pub use fleet::FleetPage;
pub use inbox::InboxPage;
pub use instance::InstancePage;
pub use ledger::LedgerPage;
pub use not_found::NotFoundPage;
pub use pick::PickPage;
pub use plan::PlanPage;
pub use plans::PlansPage;
pub use record::RecordPage;
pub use schedule::SchedulePage;
pub use sign_in::{ConfirmPage, SignInPage, WelcomePage};
pub use task::TaskPage;
pub use tasks::TasksPage;

use crate::query::Query;
use patchboard_domain::filter::{FleetFilter, TaskFilter};

/// The filter of the fleet in a query string.
fn fleet_filter(query: &Query) -> FleetFilter {
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
fn task_filter(query: &Query) -> TaskFilter {
    let get = |key: &str| query.get(key).unwrap_or_default();
    TaskFilter { status: get("status"), q: get("q"), origin: get("origin"), from: get("from"), to: get("to"), cloud: get("cloud") }
}

/// No list has so many pages; a larger number in an address is a mistake.
const LAST_PAGE: i64 = 1_000_000;

/// The page in a query string, from 1.
fn page_number(query: &Query) -> i64 {
    page_of(query, "page")
}

/// The page of one of several lists of a page, from 1.
fn page_of(query: &Query, key: &str) -> i64 {
    query.get(key).and_then(|p| p.parse().ok()).unwrap_or(1).clamp(1, LAST_PAGE)
}
