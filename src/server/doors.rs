//! Every door with what somebody must be allowed to do to come through it. Whatever is not listed is closed.

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
pub(super) enum Door {
    /// For everybody, and nobody is asked who they are: it answers when the database does not.
    Probe,
    /// Anybody: it shows nothing that is kept.
    Open,
    /// Whoever is signed in and may do this to something; what exactly is asked again by the use case.
    For(Action),
}

/// By the path as the router knows it.
const DOORS: &[(&str, Door)] = &[
    (paths::INBOX, Door::For(Action::Read)),
    (paths::INSTANCES, Door::For(Action::Read)),
    ("/instances/{cloud}/{id}", Door::For(Action::Read)),
    (paths::PLANS, Door::For(Action::Read)),
    (paths::NEW_PLAN, Door::For(Action::CreatePlan)),
    ("/plans/{id}", Door::For(Action::Read)),
    ("/plans/{id}/instances", Door::For(Action::EditPlan)),
    ("/plans/{id}/schedule", Door::For(Action::EditPlan)),
    ("/plans/{id}/record", Door::For(Action::Read)),
    (paths::TASKS, Door::For(Action::Read)),
    ("/tasks/{cloud}/{id}", Door::For(Action::Read)),
    (paths::DOUBT, Door::For(Action::Read)),
    (paths::LEDGER, Door::For(Action::ReadLedger)),
    (paths::LEDGER_JSON, Door::For(Action::ReadLedger)),
    (paths::LEDGER_CSV, Door::For(Action::ReadLedger)),
    (paths::ACCOUNT, Door::For(Action::OwnAccount)),
    (paths::PEOPLE, Door::For(Action::ManagePeople)),
    (paths::PEOPLE_CODE, Door::For(Action::ManagePeople)),
    (paths::SIGN_IN, Door::Open),
    (paths::WELCOME, Door::Open),
    (paths::SESSION_BEGIN, Door::Open),
    (paths::SESSION_REDEEM, Door::Open),
    (paths::SESSION_END, Door::For(Action::OwnAccount)),
    (paths::SESSION_PASSWORD, Door::For(Action::OwnAccount)),
    (paths::CONFIRM, Door::For(Action::OwnAccount)),
    (paths::SESSION_CONFIRM, Door::For(Action::OwnAccount)),
    (paths::FACTOR_SHOW, Door::For(Action::OwnFactor)),
    (paths::FACTOR_CONFIRM, Door::For(Action::OwnFactor)),
    (paths::SSO_BEGIN, Door::Open),
    (paths::SSO_BACK, Door::Open),
    (paths::DEMO_SWITCH, Door::Open),
    (paths::PREFERENCES, Door::Open),
    (paths::REPORTS, Door::Open),
    ("/healthz", Door::Probe),
    ("/readyz", Door::Probe),
    ("/dev/reload.js", Door::Open),
    ("/dev/process", Door::Open),
    ("/api/inbox", Door::For(Action::Read)),
    ("/api/instances/list", Door::For(Action::Read)),
    ("/api/instances/show", Door::For(Action::Read)),
    ("/api/refresh", Door::For(Action::Refresh)),
    ("/api/clouds/resume", Door::For(Action::ResumeCloud)),
    ("/api/plans/list", Door::For(Action::Read)),
    ("/api/plans/show", Door::For(Action::Read)),
    ("/api/plans/picker", Door::For(Action::CreatePlan)),
    ("/api/plans/draft", Door::For(Action::EditPlan)),
    ("/api/plans/pick", Door::For(Action::EditPlan)),
    ("/api/plans/start", Door::For(Action::CreatePlan)),
    ("/api/plans/schedule", Door::For(Action::EditPlan)),
    ("/api/plans/confirm", Door::For(Action::SendPlan)),
    ("/api/plans/ask_review", Door::For(Action::AskReview)),
    ("/api/plans/decide", Door::For(Action::Decide)),
    ("/api/plans/check", Door::For(Action::CheckPlan)),
    ("/api/plans/reopen", Door::For(Action::Reopen)),
    ("/api/plans/comment", Door::For(Action::Comment)),
    // Holding, withdrawing, starting again and discarding: each is asked for by its own use case.
    ("/api/plans/change", Door::For(Action::Read)),
    ("/api/tasks/list", Door::For(Action::Read)),
    ("/api/tasks/show", Door::For(Action::Read)),
    ("/api/tasks/order", Door::For(Action::OrderTask)),
    ("/api/doubt/list", Door::For(Action::Read)),
    ("/api/doubt/resolve", Door::For(Action::ResolveDoubt)),
    ("/api/doubt/hold", Door::For(Action::HoldAll)),
    ("/api/ledger/list", Door::For(Action::ReadLedger)),
    ("/api/people/list", Door::For(Action::ManagePeople)),
    ("/api/people/change", Door::For(Action::ManagePeople)),
    ("/api/account/show", Door::For(Action::OwnAccount)),
    ("/api/account/end_session", Door::For(Action::OwnAccount)),
];

/// The door of a path as the router knows it. What the router does not know is a file of the site, or nothing.
pub(super) fn door(path: &str) -> Option<Door> {
    DOORS.iter().find(|(p, _)| *p == path).map(|(_, door)| *door)
}

/// Marks what a page asks by itself, so that looking does not keep a session alive.
const BY_ITSELF: &str = "x-patchboard-by-itself";

/// Finds out who asks, and lets them through or not.
pub(super) async fn doorkeeper(State(state): State<AppState>, mut request: Request, next: Next) -> Response {
    let secure = state.front.secure;
    let address = address(&request, &state.front.proxies);
    let by_itself = request.headers().contains_key(BY_ITSELF);
    let door = match request.extensions().get::<MatchedPath>() {
        Some(path) => door(path.as_str()),
        None => Some(Door::Open),
    };
    let token = match door {
        Some(Door::Probe) => None,
        _ => cookies::read(request.headers(), cookies::SESSION, secure).map(str::to_owned),
    };
    let known = match &token {
        Some(token) => match state.services.known(token, &address, by_itself).await {
            Ok(known) => known,
            Err(error) => {
                tracing::error!(error = ?error, "a session could not be looked up");
                return StatusCode::SERVICE_UNAVAILABLE.into_response();
            }
        },
        None => None,
    };
    let refused = match (door, &known) {
        (Some(Door::Open | Door::Probe), _) => None,
        (Some(Door::For(_)), None) => Some(anonymous(&request)),
        (Some(Door::For(action)), Some(known)) if known.lacks_factor && !matches!(action, Action::OwnAccount | Action::OwnFactor) => {
            Some(factor_first(&request))
        }
        (Some(Door::For(action)), Some(known)) => match authorize(&known.actor, action, None) {
            Ok(()) => None,
            // What a form carries is not lost: the use case refuses, and the handler leads on with it.
            Err(Denied::Unproved) if *request.method() == Method::POST => None,
            Err(Denied::Unproved) => Some(redirect(&paths::confirm(&here(&request)))),
            Err(denied) => {
                tracing::warn!(who = %known.actor.name, %address, path = %request.uri().path(), "refused: not allowed");
                Some(refusal::denied(request.headers(), &state.look, &denied))
            }
        },
        (None, _) => Some(StatusCode::FORBIDDEN.into_response()),
    };
    if let Some(response) = refused {
        return response;
    }
    request.extensions_mut().insert(Asking { address, known });
    next.run(request).await
}

/// Who asks, for handlers and for the context of pages.
#[derive(Clone, Debug)]
pub(super) struct Asking {
    pub(super) address: String,
    pub(super) known: Option<Known>,
}

impl Asking {
    pub(super) fn actor(&self) -> Option<&Actor> {
        self.known.as_ref().map(|k| &k.actor)
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
