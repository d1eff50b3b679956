//! Setting up a second factor: its secret is in one answer and nowhere else.

use super::{
    AppState,
    doors::{RequestIdentity, redirect},
    refusal::{self, FactorSaid},
    session,
};
use crate::paths;
use axum::{
    Extension, Form,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
};
use patchboard_backend::{Proposed, SignInError};
use patchboard_domain::account::AccountRefusal;
use qrcode::{QrCode, render::svg};
use serde::Deserialize;

/// Side of the picture, in pixels at least.
const PICTURE: u32 = 220;

/// A picture that a device reads. Too long a text would have none; then the secret is typed.
fn picture(address: &str) -> String {
    let dark_on_light = |code: QrCode| code.render::<svg::Color<'_>>().min_dimensions(PICTURE, PICTURE).quiet_zone(true).build();
    let drawn = QrCode::new(address).map(dark_on_light).unwrap_or_default();
    // An XML declaration has no place inside of HTML.
    drawn.find("<svg").map(|at| drawn[at..].to_owned()).unwrap_or_default()
}

fn page(state: &AppState, headers: &HeaderMap, proposed: &Proposed, said: Option<FactorSaid>) -> Response {
    refusal::factor_page(headers, &state.look, &picture(&proposed.address), &proposed.secret, said)
}

/// Makes a secret and shows it.
pub(super) async fn show(State(state): State<AppState>, Extension(identity): Extension<RequestIdentity>, headers: HeaderMap) -> Response {
    let Some(actor) = identity.actor() else { return StatusCode::UNAUTHORIZED.into_response() };
    match state.services.propose_factor(actor).await {
        Ok(proposed) => page(&state, &headers, &proposed, None),
        Err(error) => redirect(&crate::api::after(error, paths::ACCOUNT)),
    }
}

/// A reload by hand, or the back button: the secret is shown once, so there is nothing here.
pub(super) async fn leave() -> Response {
    redirect(paths::ACCOUNT)
}

#[derive(Deserialize)]
pub(super) struct FirstCode {
    #[serde(default)]
    code: String,
}

/// Takes the first code. A mistyped one is asked for again, with the same secret.
pub(super) async fn confirm(
    State(state): State<AppState>,
    Extension(identity): Extension<RequestIdentity>,
    headers: HeaderMap,
    Form(form): Form<FirstCode>,
) -> Response {
    let Some(actor) = identity.actor() else { return StatusCode::UNAUTHORIZED.into_response() };
    let Some(token) = session::present(&state, &headers) else { return StatusCode::UNAUTHORIZED.into_response() };
    let said = match state.services.confirm_factor(actor, &form.code, &token).await {
        Ok(()) => return redirect(&paths::with(paths::ACCOUNT, "error", "factor_on")),
        Err(SignInError::Account(AccountRefusal::FactorCode)) => FactorSaid::Wrong,
        Err(SignInError::Wait(seconds)) => FactorSaid::Wait(seconds),
        Err(error) => return session::back(paths::ACCOUNT, &error, &[]),
    };
    match state.services.proposed_factor(actor).await {
        Ok(proposed) => page(&state, &headers, &proposed, Some(said)),
        Err(error) => redirect(&crate::api::after(error, paths::ACCOUNT)),
    }
}
