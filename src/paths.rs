//! Every URL as a function.

use patchboard_domain::{
    filter::{FleetFilter, TaskFilter},
    id::{CloudName, InstanceId, PlanId, TaskId},
};
use serde::Serialize;

/// The fleet.
pub const INSTANCES: &str = "/instances";
/// Plans.
pub const PLANS: &str = "/plans";
/// A plan before its first tick.
pub const NEW_PLAN: &str = "/plans/new";
/// Scheduled tasks.
pub const TASKS: &str = "/tasks";
/// What waits, what comes, what went wrong.
pub const INBOX: &str = "/";
/// Everything in doubt.
pub const DOUBT: &str = "/doubt";
/// The ledger.
pub const LEDGER: &str = "/ledger";
/// The whole ledger as lines of JSON.
pub const LEDGER_JSON: &str = "/ledger.jsonl";
/// The whole ledger as a table.
pub const LEDGER_CSV: &str = "/ledger.csv";
/// One's own account.
pub const ACCOUNT: &str = "/account";
/// Accounts of others.
pub const PEOPLE: &str = "/people";
/// Signing in.
pub const SIGN_IN: &str = "/sign-in";
/// Choosing a password with a one-time code.
pub const WELCOME: &str = "/welcome";
/// Begins a session.
pub const SESSION_BEGIN: &str = "/session/begin";
/// Ends it.
pub const SESSION_END: &str = "/session/end";
/// Uses a one-time code.
pub const SESSION_REDEEM: &str = "/session/redeem";
/// Changes one's own password.
pub const SESSION_PASSWORD: &str = "/session/password";
/// Showing again who one is.
pub const CONFIRM: &str = "/confirm";
/// Takes what shows it.
pub const SESSION_CONFIRM: &str = "/session/confirm";
/// Sends the browser to the provider of single sign-on.
pub const SSO_BEGIN: &str = "/session/sso";
/// Where the provider sends it back.
pub const SSO_BACK: &str = "/session/sso/back";
/// Shows the secret of a second factor, once.
pub const FACTOR_SHOW: &str = "/account/factor";
/// Takes its first code.
pub const FACTOR_CONFIRM: &str = "/account/factor/confirm";
/// Makes an account, or a new code for one, and shows the code once.
pub const PEOPLE_CODE: &str = "/people/code";
/// Becomes one of the sample people; a demo only.
pub const DEMO_SWITCH: &str = "/demo/switch";
/// Takes what browsers report about our policy.
pub const REPORTS: &str = "/reports";
/// The form of the first step, which takes long lists.
pub const PICK: &str = "/api/plans/pick";
/// Language, zone, theme.
pub const PREFERENCES: &str = "/preferences";

/// A query string with its question mark, or nothing. Page 1 is not written.
fn query<T: Serialize>(filter: &T, page: i64, more: &[(&str, &str)]) -> String {
    let mut parts = vec![serde_urlencoded::to_string(filter).unwrap_or_default()];
    if page > 1 {
        parts.push(format!("page={page}"));
    }
    parts.push(serde_urlencoded::to_string(more).unwrap_or_default());
    parts.retain(|p| !p.is_empty());
    if parts.is_empty() { String::new() } else { format!("?{}", parts.join("&")) }
}

pub(crate) fn segment(text: &str) -> String {
    // The form encoding of a pair, without its key: every byte that could end a segment is escaped.
    serde_urlencoded::to_string([("", text)]).unwrap_or_default().trim_start_matches('=').replace('+', "%20")
}

/// A text as it may stand in a cookie.
pub fn query_value(text: &str) -> String {
    segment(text)
}

/// The text that such a value stands for.
pub fn from_query_value(value: &str) -> String {
    let pairs: Vec<(String, String)> = serde_urlencoded::from_str(&format!("v={value}")).unwrap_or_default();
    pairs.into_iter().next().map(|(_, text)| text).unwrap_or_default()
}

/// The fleet under a filter.
pub fn instances(filter: &FleetFilter, page: i64) -> String {
    format!("{INSTANCES}{}", query(filter, page, &[]))
}

/// One instance.
pub fn instance(cloud: &CloudName, id: &InstanceId) -> String {
    format!("{INSTANCES}/{}/{}", segment(cloud.as_str()), segment(id.as_str()))
}

/// Page of the list of plans.
pub fn plans(page: i64) -> String {
    format!("{PLANS}{}", query(&(), page, &[]))
}

/// The change record of a plan, for printing.
pub fn record(id: &PlanId) -> String {
    format!("{}/record", plan(id))
}

/// Where a person says what became of one instance in doubt; `page` is the page of the list that it stands on.
pub fn settle(plan: &PlanId, request: i64, instance: &InstanceId, page: i64) -> String {
    let (request, page) = (request.to_string(), page.to_string());
    format!(
        "{DOUBT}?{}",
        serde_urlencoded::to_string([("plan", plan.as_str()), ("request", &request), ("instance", instance.as_str()), ("page", &page)])
            .unwrap_or_default()
    )
}

/// The ledger about one thing.
pub fn ledger_about(subject: &str) -> String {
    with(LEDGER, "subject", subject)
}

/// One plan: review while it is a draft, results afterwards.
pub fn plan(id: &PlanId) -> String {
    format!("{PLANS}/{}", segment(id.as_str()))
}

/// First step of a plan; a plan that does not exist yet has the address of a new one.
pub fn pick(plan: Option<&PlanId>, filter: &FleetFilter, page: i64, selected_only: bool) -> String {
    let base = plan.map_or_else(|| NEW_PLAN.to_owned(), |id| format!("{}/instances", self::plan(id)));
    let more: &[(&str, &str)] = if selected_only { &[("show", "selected")] } else { &[] };
    format!("{base}{}", query(filter, page, more))
}

/// Second step of a plan.
pub fn schedule(id: &PlanId) -> String {
    format!("{}/schedule", plan(id))
}

/// The task list under a filter.
pub fn tasks(filter: &TaskFilter, page: i64) -> String {
    format!("{TASKS}{}", query(filter, page, &[]))
}

/// One task id: everybody who shares it.
pub fn task(cloud: &CloudName, id: &TaskId) -> String {
    format!("{TASKS}/{}/{}", segment(cloud.as_str()), segment(&id.key()))
}

/// Showing again who one is, and back to what it was for.
pub fn confirm(next: &str) -> String {
    with(CONFIRM, "next", &local(next))
}

/// `path` with one more query pair.
pub fn with(path: &str, key: &str, value: &str) -> String {
    let pair = serde_urlencoded::to_string([(key, value)]).unwrap_or_default();
    format!("{path}{}{pair}", if path.contains('?') { '&' } else { '?' })
}

/// The path and query of a whole address.
pub fn of(address: &str) -> String {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    rest.find('/').map(|at| rest[at..].split('#').next().unwrap_or_default().to_owned()).unwrap_or_default()
}

/// A path of ours to go back to; anything else is the front page. Keeps a crafted link from leading elsewhere.
pub fn local(path: &str) -> String {
    let ours = path.starts_with('/') && !path.starts_with("//") && path.bytes().all(|b| b.is_ascii_graphic() && b != b'\\');
    if ours { path.to_owned() } else { INBOX.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_become_queries_and_defaults_none() {
        let filter = FleetFilter { q: "订单 库".to_owned(), tag: "env=prod".to_owned(), ..FleetFilter::default() };
        assert_eq!(instances(&filter, 2), "/instances?q=%E8%AE%A2%E5%8D%95+%E5%BA%93&tag=env%3Dprod&page=2");
        assert_eq!(instances(&FleetFilter::default(), 1), "/instances");
        assert_eq!(pick(None, &FleetFilter::default(), 1, true), "/plans/new?show=selected");
    }

    #[test]
    fn ids_cannot_leave_their_segment() {
        assert_eq!(instance(&CloudName::new("a b"), &InstanceId::new("x/../y?z")), "/instances/a%20b/x%2F..%2Fy%3Fz");
    }

    #[test]
    fn an_address_has_a_path() {
        assert_eq!(of("https://patch.example.com/plans/x?page=2#thread"), "/plans/x?page=2");
        assert_eq!(of("https://patch.example.com"), "");
    }

    #[test]
    fn only_paths_of_ours_are_gone_back_to() {
        assert_eq!(local("/tasks?page=2"), "/tasks?page=2");
        for bad in ["//evil.example", "https://evil.example", "/\\evil.example", "", "javascript:alert(1)"] {
            assert_eq!(local(bad), INBOX, "{bad}");
        }
    }
}
