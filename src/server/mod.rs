//! Only on the server: router, configuration, headers, command line.

pub mod cli;
pub mod config;
mod guard;
mod health;
mod logging;
mod preferences;
mod refusal;
mod reload;
mod run;
mod site;
mod terminal;

use crate::app;
use axum::{Router, extract::FromRef, http::request::Parts, routing::get};
use leptos::{config::LeptosOptions, prelude::*};
use leptos_axum::{LeptosRoutes, generate_route_list};
use patchboard_backend::Services;
use std::time::Duration;
use tower_http::{
    catch_panic::CatchPanicLayer,
    csrf::CsrfLayer,
    limit::RequestBodyLimitLayer,
    request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer},
    set_header::SetResponseHeaderLayer,
    timeout::TimeoutLayer,
    trace::TraceLayer,
};

pub use run::serve;

/// Largest request body. A pasted list of ten thousand ids is below half of it.
const BODY_LIMIT: usize = 1024 * 1024;

/// Longest time for a page or a server function. Pages read the store only, so this is far beyond any that is well.
const PAGE_DEADLINE: Duration = Duration::from_secs(30);

/// What handlers are given.
#[derive(Clone)]
pub(crate) struct AppState {
    pub(crate) services: Services,
    leptos: LeptosOptions,
}

impl FromRef<AppState> for LeptosOptions {
    fn from_ref(state: &AppState) -> Self {
        state.leptos.clone()
    }
}

/// What kind of server pages come from.
#[derive(Clone, Copy, Debug, Default)]
pub struct Kind {
    /// Every page is labelled as a demo.
    pub demo: bool,
    /// Pages come again when the server was built again, for `cargo xtask dev`.
    pub reload: bool,
}

/// Everything that is served.
pub fn router(services: Services, kind: Kind) -> Router {
    let package = site::package_dir();
    let leptos = LeptosOptions::builder().output_name("patchboard").site_pkg_dir(package.clone()).build();
    let state = AppState { services: services.clone(), leptos: leptos.clone() };
    let context = move || {
        let parts = use_context::<Parts>();
        provide_context(preferences::viewer(parts.as_ref(), &services, kind.demo));
        provide_context(app::DevScript(kind.reload.then_some(reload::SCRIPT)));
        provide_context(services.clone());
    };
    let shell = move || app::shell(leptos.clone());
    let dev = if kind.reload { reload::routes() } else { Router::new() };
    Router::new()
        .merge(dev)
        .leptos_routes_with_context(&state, generate_route_list(app::App), context.clone(), shell.clone())
        .route("/", get(async || axum::response::Redirect::to(crate::paths::INSTANCES)))
        .route("/healthz", get(health::healthz))
        .route("/readyz", get(health::readyz))
        .route(crate::paths::PREFERENCES, axum::routing::post(preferences::set))
        .fallback(move |uri, request| site::file_or_page(uri, request, context.clone(), shell.clone()))
        .with_state(state)
        .layer(axum::middleware::from_fn(guard::loopback_host))
        .layer(CatchPanicLayer::new())
        .layer(CsrfLayer::new())
        .layer(RequestBodyLimitLayer::new(BODY_LIMIT))
        .layer(TimeoutLayer::with_status_code(axum::http::StatusCode::GATEWAY_TIMEOUT, PAGE_DEADLINE))
        .layer(axum::middleware::from_fn_with_state(package, refusal::in_words))
        .layer(SetResponseHeaderLayer::if_not_present(header("x-content-type-options"), value("nosniff")))
        .layer(SetResponseHeaderLayer::if_not_present(header("x-frame-options"), value("DENY")))
        // Leptos returns a form without JavaScript to its referrer; another site learns nothing.
        .layer(SetResponseHeaderLayer::if_not_present(header("referrer-policy"), value("same-origin")))
        .layer(SetResponseHeaderLayer::if_not_present(header("cache-control"), value("no-store")))
        .layer(PropagateRequestIdLayer::x_request_id())
        .layer(TraceLayer::new_for_http().make_span_with(logging::request_span))
        .layer(SetRequestIdLayer::x_request_id(MakeRequestUuid))
}

fn header(name: &'static str) -> axum::http::HeaderName {
    axum::http::HeaderName::from_static(name)
}

fn value(text: &'static str) -> axum::http::HeaderValue {
    axum::http::HeaderValue::from_static(text)
}
