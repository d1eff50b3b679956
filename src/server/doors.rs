//! Every route with what somebody must be allowed to do to be answered. Whatever is not listed is closed.

use super::{AppState, cookies, refusal};
use crate::paths;
use axum::{
    extract::{ConnectInfo, MatchedPath, Request, State},
    http::{
        HeaderMap, Method, StatusCode,
        header::{ACCEPT, LOCATION, REFERER},
    },
    middleware::Next,
    response::{IntoResponse, Response},
};
use patchboard_backend::{Known, authorize};
use patchboard_domain::{
    account::Actor,
    authority::{Action, Denied},
};
use std::net::{IpAddr, SocketAddr};

/// Who may come through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RoutePolicy {
    /// For everybody, and nobody is asked who they are: it answers when the database does not.
    Probe,
    /// Anybody: it shows nothing that is kept.
    Open,
    /// Whoever is signed in and may do this to something; what exactly is asked again by the use case.
    For(Action),
}

/// By the path as the router knows it.
const ROUTE_POLICIES: &[(&str, RoutePolicy)] = &[
    (paths::INBOX, RoutePolicy::For(Action::Read)),
    (paths::INSTANCES, RoutePolicy::For(Action::Read)),
    ("/instances/{cloud}/{id}", RoutePolicy::For(Action::Read)),
    (paths::PLANS, RoutePolicy::For(Action::Read)),
    (paths::NEW_PLAN, RoutePolicy::For(Action::CreatePlan)),
    ("/plans/{id}", RoutePolicy::For(Action::Read)),
    ("/plans/{id}/instances", RoutePolicy::For(Action::EditPlan)),
    ("/plans/{id}/schedule", RoutePolicy::For(Action::EditPlan)),
    ("/plans/{id}/record", RoutePolicy::For(Action::Read)),
    (paths::TASKS, RoutePolicy::For(Action::Read)),
    ("/tasks/{cloud}/{id}", RoutePolicy::For(Action::Read)),
    (paths::DOUBT, RoutePolicy::For(Action::Read)),
    (paths::LEDGER, RoutePolicy::For(Action::ReadLedger)),
    (paths::LEDGER_JSON, RoutePolicy::For(Action::ReadLedger)),
    (paths::LEDGER_CSV, RoutePolicy::For(Action::ReadLedger)),
    (paths::ACCOUNT, RoutePolicy::For(Action::OwnAccount)),
    (paths::PEOPLE, RoutePolicy::For(Action::ManagePeople)),
    (paths::PEOPLE_CODE, RoutePolicy::For(Action::ManagePeople)),
    (paths::SIGN_IN, RoutePolicy::Open),
    (paths::WELCOME, RoutePolicy::Open),
    (paths::SESSION_BEGIN, RoutePolicy::Open),
    (paths::SESSION_REDEEM, RoutePolicy::Open),
    (paths::SESSION_END, RoutePolicy::For(Action::OwnAccount)),
    (paths::SESSION_PASSWORD, RoutePolicy::For(Action::OwnAccount)),
    (paths::CONFIRM, RoutePolicy::For(Action::OwnAccount)),
    (paths::SESSION_CONFIRM, RoutePolicy::For(Action::OwnAccount)),
    (paths::FACTOR_SHOW, RoutePolicy::For(Action::OwnFactor)),
    (paths::FACTOR_CONFIRM, RoutePolicy::For(Action::OwnFactor)),
    (paths::SSO_BEGIN, RoutePolicy::Open),
    (paths::SSO_BACK, RoutePolicy::Open),
    (paths::DEMO_SWITCH, RoutePolicy::Open),
    (paths::PREFERENCES, RoutePolicy::Open),
    (paths::REPORTS, RoutePolicy::Open),
    ("/healthz", RoutePolicy::Probe),
    ("/readyz", RoutePolicy::Probe),
    ("/dev/reload.js", RoutePolicy::Open),
    ("/dev/process", RoutePolicy::Open),
    ("/api/inbox", RoutePolicy::For(Action::Read)),
    ("/api/instances/list", RoutePolicy::For(Action::Read)),
    ("/api/instances/show", RoutePolicy::For(Action::Read)),
    ("/api/refresh", RoutePolicy::For(Action::Refresh)),
    ("/api/clouds/resume", RoutePolicy::For(Action::ResumeCloud)),
    ("/api/plans/list", RoutePolicy::For(Action::Read)),
    ("/api/plans/show", RoutePolicy::For(Action::Read)),
    ("/api/plans/picker", RoutePolicy::For(Action::CreatePlan)),
    ("/api/plans/draft", RoutePolicy::For(Action::EditPlan)),
    ("/api/plans/pick", RoutePolicy::For(Action::EditPlan)),
    ("/api/plans/start", RoutePolicy::For(Action::CreatePlan)),
    ("/api/plans/schedule", RoutePolicy::For(Action::EditPlan)),
    ("/api/plans/confirm", RoutePolicy::For(Action::SendPlan)),
    ("/api/plans/ask_review", RoutePolicy::For(Action::AskReview)),
    ("/api/plans/decide", RoutePolicy::For(Action::Decide)),
    ("/api/plans/check", RoutePolicy::For(Action::CheckPlan)),
    ("/api/plans/reopen", RoutePolicy::For(Action::Reopen)),
    ("/api/plans/comment", RoutePolicy::For(Action::Comment)),
    // Holding, withdrawing, starting again and discarding: each is asked for by its own use case.
    ("/api/plans/change", RoutePolicy::For(Action::Read)),
    ("/api/tasks/list", RoutePolicy::For(Action::Read)),
    ("/api/tasks/show", RoutePolicy::For(Action::Read)),
    ("/api/tasks/order", RoutePolicy::For(Action::OrderTask)),
    ("/api/doubt/list", RoutePolicy::For(Action::Read)),
    ("/api/doubt/resolve", RoutePolicy::For(Action::ResolveDoubt)),
    ("/api/doubt/hold", RoutePolicy::For(Action::HoldAll)),
    ("/api/ledger/list", RoutePolicy::For(Action::ReadLedger)),
    ("/api/people/list", RoutePolicy::For(Action::ManagePeople)),
    ("/api/people/change", RoutePolicy::For(Action::ManagePeople)),
    ("/api/account/show", RoutePolicy::For(Action::OwnAccount)),
    ("/api/account/end_session", RoutePolicy::For(Action::OwnAccount)),
];

/// The door of a path as the router knows it. What the router does not know is a file of the site, or nothing.
pub(super) fn policy(path: &str) -> Option<RoutePolicy> {
    ROUTE_POLICIES.iter().find(|(p, _)| *p == path).map(|(_, policy)| *policy)
}

/// Marks what a page asks by itself, so that looking does not keep a session alive.
const BY_ITSELF: &str = "x-patchboard-by-itself";

/// Finds out who asks and decides, once and for all of it, whether they are answered.
pub(super) async fn authorize_request(State(state): State<AppState>, mut request: Request, next: Next) -> Response {
    let secure = state.front.secure;
    let address = address(&request, &state.front.proxies);
    // What the router does not know is a file of the site, or nothing: no page comes of it.
    let policy = match request.extensions().get::<MatchedPath>() {
        Some(path) => policy(path.as_str()),
        None => Some(RoutePolicy::Probe),
    };
    let token = match policy {
        Some(RoutePolicy::Probe) => None,
        _ => cookies::read(request.headers(), cookies::SESSION, secure).map(str::to_owned),
    };
    let by_itself = request.headers().contains_key(BY_ITSELF);
    let session = match &token {
        Some(token) => match state.services.known(token, &address, by_itself).await {
            Ok(session) => session,
            Err(error) => {
                tracing::error!(error = ?error, "a session could not be looked up");
                return StatusCode::SERVICE_UNAVAILABLE.into_response();
            }
        },
        None => None,
    };
    match decide(policy, session.as_ref(), request.method()) {
        Ok(()) => {
            request.extensions_mut().insert(RequestIdentity { address, session });
            next.run(request).await
        }
        Err(refused) => refuse(&request, &state, session.as_ref(), refused),
    }
}

/// Why a request is not answered.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Refused {
    /// Nobody is signed in, or not any more.
    SignedOut,
    /// One of their roles asks for a second factor that they have not set up.
    SecondFactor,
    /// They must show again who they are.
    Reauthenticate,
    /// They may not.
    Denied(Denied),
    /// No policy knows the route.
    Closed,
}

/// The one decision: by the policy of the route that will answer, and by the session.
fn decide(policy: Option<RoutePolicy>, session: Option<&Known>, method: &Method) -> Result<(), Refused> {
    let action = match policy {
        None => return Err(Refused::Closed),
        Some(RoutePolicy::Open | RoutePolicy::Probe) => return Ok(()),
        Some(RoutePolicy::For(action)) => action,
    };
    let session = session.ok_or(Refused::SignedOut)?;
    if session.lacks_factor && !matches!(action, Action::OwnAccount | Action::OwnFactor) {
        return Err(Refused::SecondFactor);
    }
    match authorize(&session.actor, action, None) {
        Ok(()) => Ok(()),
        // What a form carries is not lost: the use case refuses, and the handler leads on with it.
        Err(Denied::Unproved) if *method == Method::POST => Ok(()),
        Err(Denied::Unproved) => Err(Refused::Reauthenticate),
        Err(denied) => Err(Refused::Denied(denied)),
    }
}

fn refuse(request: &Request, state: &AppState, session: Option<&Known>, refused: Refused) -> Response {
    match refused {
        Refused::SignedOut => anonymous(request),
        Refused::SecondFactor => factor_first(request),
        Refused::Reauthenticate => redirect(&paths::confirm(&here(request))),
        Refused::Closed => StatusCode::NOT_FOUND.into_response(),
        Refused::Denied(denied) => {
            let name = session.map_or("", |s| s.actor.name.as_str());
            tracing::warn!(who = %name, path = %request.uri().path(), "refused: not allowed");
            refusal::denied(request.headers(), &state.look, &denied)
        }
    }
}

/// Who asks. [`authorize_request`] alone makes one, so whatever takes one as an argument runs for requests only that may be answered.
#[derive(Clone, Debug)]
pub(super) struct RequestIdentity {
    address: String,
    session: Option<Known>,
}

impl RequestIdentity {
    /// The address that the request came from.
    pub(super) fn address(&self) -> &str {
        &self.address
    }

    pub(super) fn actor(&self) -> Option<&Actor> {
        self.session.as_ref().map(|s| &s.actor)
    }
}

fn wants_page(request: &Request) -> bool {
    matches!(*request.method(), Method::GET | Method::POST)
        && request.headers().get(ACCEPT).and_then(|v| v.to_str().ok()).is_some_and(|a| a.contains("text/html"))
}

/// A page leads to signing in and back; a program is told.
fn anonymous(request: &Request) -> Response {
    if !wants_page(request) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let here = here(request);
    let to = match *request.method() {
        Method::GET if here != "/" => paths::with(paths::SIGN_IN, "next", &here),
        // What a form carried is not sent again by itself.
        Method::POST => {
            let page = request.headers().get(REFERER).and_then(|r| r.to_str().ok()).map(paths::of).unwrap_or_default();
            paths::with(&paths::with(paths::SIGN_IN, "error", "signed_out"), "next", &paths::local(&page))
        }
        _ => paths::SIGN_IN.to_owned(),
    };
    redirect(&to)
}

/// A role of theirs asks for a second factor: first that, then everything else.
fn factor_first(request: &Request) -> Response {
    if wants_page(request) {
        redirect(&paths::with(paths::ACCOUNT, "error", "factor_needed"))
    } else {
        StatusCode::FORBIDDEN.into_response()
    }
}

fn here(request: &Request) -> String {
    request.uri().path_and_query().map(ToString::to_string).unwrap_or_default()
}

/// On to another page of ours, or away.
pub(super) fn redirect(to: &str) -> Response {
    (StatusCode::SEE_OTHER, [(LOCATION, to)]).into_response()
}

/// The address that a request came from. What a proxy says is believed only from a proxy that is named in the settings.
fn address(request: &Request, proxies: &[IpAddr]) -> String {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|c| c.0.ip());
    match peer {
        Some(peer) if proxies.contains(&peer) => forwarded(request.headers(), proxies).unwrap_or(peer).to_string(),
        Some(peer) => peer.to_string(),
        None => "local".to_owned(),
    }
}

/// The last address in `X-Forwarded-For` that is not a proxy of ours: everything before it was written by somebody else.
fn forwarded(headers: &HeaderMap, proxies: &[IpAddr]) -> Option<IpAddr> {
    let all = headers.get_all("x-forwarded-for").iter().filter_map(|v| v.to_str().ok()).collect::<Vec<_>>().join(",");
    all.rsplit(',').map_while(|a| a.trim().parse::<IpAddr>().ok()).find(|a| !proxies.contains(a))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_named_proxies_are_believed() {
        let proxies: Vec<IpAddr> = vec!["10.0.0.1".parse().unwrap(), "10.0.0.2".parse().unwrap()];
        let ask = |peer: Option<&str>, forwarded: &str| {
            let mut request = Request::new(axum::body::Body::empty());
            request.headers_mut().insert("x-forwarded-for", forwarded.parse().unwrap());
            if let Some(peer) = peer {
                request.extensions_mut().insert(ConnectInfo(SocketAddr::new(peer.parse().unwrap(), 1)));
            }
            address(&request, &proxies)
        };
        assert_eq!(ask(Some("192.0.2.9"), "198.51.100.7"), "192.0.2.9", "nobody else may say where they come from");
        assert_eq!(ask(Some("10.0.0.1"), "198.51.100.7, 203.0.113.5, 10.0.0.2"), "203.0.113.5");
        assert_eq!(ask(Some("10.0.0.1"), "203.0.113.5, rubbish"), "10.0.0.1");
        assert_eq!(ask(None, "203.0.113.5"), "local");
    }
}
