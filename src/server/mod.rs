//! Only on the server: router, configuration, headers, sessions, command line.

mod canonical;
pub mod cli;
pub mod config;
mod connections;
mod cookies;
mod doors;
mod export;
mod factor;
mod forms;
mod guard;
mod headers;
mod health;
mod key;
mod leaving;
mod limits;
mod logging;
mod people;
mod preferences;
mod refusal;
mod reload;
mod reports;
mod run;
mod sample;
mod session;
mod site;
mod sso;
mod terminal;

use crate::{app, paths, viewer::Viewer};
use axum::{
    Router,
    extract::FromRef,
    http::{HeaderMap, StatusCode, header::HOST, request::Parts},
    middleware::{from_fn, from_fn_with_state},
    routing::{get, post},
};
use doors::RequestIdentity;
use leptos::{config::LeptosOptions, nonce::Nonce, prelude::*};
use leptos_axum::{LeptosRoutes, ResponseOptions, generate_route_list};
use patchboard_backend::Services;
use std::{net::IpAddr, time::Duration};
use tower_http::{
    catch_panic::CatchPanicLayer,
    request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer},
    timeout::TimeoutLayer,
    trace::TraceLayer,
};

pub use connections::{ConnectionLimits, serve};
pub use session::SAMPLE_PEOPLE;

/// Longest time for a page or a server function. Pages read the store only, so this is far beyond any that is well.
const PAGE_DEADLINE: Duration = Duration::from_secs(30);

/// How the server faces those who ask.
#[derive(Clone, Debug, Default)]
pub struct Front {
    /// Every page is labelled as a demo, and one may become any of the sample people.
    pub demo: bool,
    /// Pages come again when the server was built again, for `cargo xtask dev`.
    pub reload: bool,
    /// Pages come by TLS, here or in front of us.
    pub secure: bool,
    /// Names we answer to beside this machine's own, with their port where they have one.
    pub hosts: Vec<String>,
    /// Proxies in front of us that are believed about where a request came from.
    pub proxies: Vec<IpAddr>,
}

impl Front {
    /// Where somebody has asked us.
    fn origin(&self, headers: &HeaderMap) -> String {
        let host = headers.get(HOST).and_then(|h| h.to_str().ok()).unwrap_or("localhost");
        format!("{}://{host}", if self.secure { "https" } else { "http" })
    }
}

/// What handlers are given.
#[derive(Clone)]
pub(crate) struct AppState {
    pub(crate) services: Services,
    leptos: LeptosOptions,
    front: Front,
    look: refusal::Look,
}

impl FromRef<AppState> for LeptosOptions {
    fn from_ref(state: &AppState) -> Self {
        state.leptos.clone()
    }
}

/// Everything that is served.
pub fn router(services: Services, front: Front) -> Router {
    let package = site::package_dir();
    let leptos = LeptosOptions::builder().output_name("patchboard").site_pkg_dir(package.clone()).build();
    let look = refusal::Look { package, secure: front.secure };
    let state = AppState { services: services.clone(), leptos: leptos.clone(), front: front.clone(), look: look.clone() };
    let facing = front.clone();
    let context = move || {
        // Without somebody who may be answered there are no use cases and no page.
        let Some(parts) = use_context::<Parts>() else { return };
        let Some(identity) = parts.extensions.get::<RequestIdentity>() else { return };
        provide_context(preferences::viewer(identity, &parts, &services, &facing));
        provide_context(app::DevScript(facing.reload.then_some(reload::SCRIPT)));
        // One nonce for the header and for every script of the page.
        if let Some(nonce) = parts.extensions.get::<Nonce>() {
            provide_context(nonce.clone());
        }
        provide_context(services.clone());
    };
    let shell = move || {
        let viewer = use_context::<Viewer>();
        if viewer.is_none()
            && let Some(response) = use_context::<ResponseOptions>()
        {
            response.set_status(StatusCode::FORBIDDEN);
        }
        viewer.map(|viewer| app::shell(leptos.clone(), &viewer))
    };
    let mut extra = Router::new();
    if front.reload {
        extra = extra.merge(reload::routes());
    }
    if front.demo {
        extra = extra.route(paths::DEMO_SWITCH, post(session::switch));
    }
    extra
        .leptos_routes_with_context(&state, generate_route_list(app::App), context, shell)
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .route(paths::PREFERENCES, post(preferences::set))
        .route(paths::SESSION_BEGIN, post(session::begin))
        .route(paths::SESSION_END, post(session::end))
        .route(paths::SESSION_PASSWORD, post(session::password))
        .route(paths::SESSION_REDEEM, post(session::redeem))
        .route(paths::SESSION_CONFIRM, post(session::confirm))
        .route(paths::SSO_BEGIN, get(sso::begin))
        .route(paths::SSO_BACK, get(sso::back))
        .route(paths::FACTOR_SHOW, post(factor::show).get(factor::leave))
        .route(paths::FACTOR_CONFIRM, post(factor::confirm).get(factor::leave))
        .route(paths::PEOPLE_CODE, post(session::code))
        .route(paths::REPORTS, post(reports::take))
        .route(paths::LEDGER_JSON, get(export::json_lines))
        .route(paths::LEDGER_CSV, get(export::csv))
        .fallback(site::file)
        .with_state(state.clone())
        .layer(CatchPanicLayer::new())
        .layer(from_fn(forms::readable))
        .layer(from_fn(limits::long_body))
        .layer(from_fn_with_state(state, doors::authorize_request))
        .layer(from_fn_with_state(front.clone(), guard::same_origin))
        .layer(from_fn_with_state(front.hosts.clone(), guard::our_host))
        .layer(from_fn(limits::body))
        .layer(from_fn(canonical::canonical_target))
        .layer(TimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, PAGE_DEADLINE))
        .layer(from_fn_with_state(look, refusal::in_words))
        .layer(from_fn_with_state(front.secure, headers::secure))
        .layer(PropagateRequestIdLayer::x_request_id())
        .layer(TraceLayer::new_for_http().make_span_with(logging::request_span))
        .layer(SetRequestIdLayer::x_request_id(MakeRequestUuid))
        .layer(from_fn(logging::safe_request_id))
}
