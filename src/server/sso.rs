//! Single sign-on: away to the provider, and back.

use super::{
    AppState, cookies,
    doors::{RequestIdentity, redirect},
    session::{back as back_to, origin, signed_in},
};
use crate::paths;
use axum::{
    Extension,
    extract::{Query, State},
    http::{HeaderMap, StatusCode, header::SET_COOKIE},
    response::{IntoResponse, Response},
};
use patchboard_backend::BroughtBack;
use patchboard_domain::account::AccountRefusal;
use serde::Deserialize;

/// Marks a sign-in that is to make sure that it is them now.
const AGAIN: &str = "again";

/// Longest way back that is kept in a cookie, in bytes; browsers take 4 kB of all of it. Of a longer one the page is kept.
const NEXT_MAX: usize = 1_000;

fn kept(next: &str) -> String {
    if next.len() <= NEXT_MAX { next.to_owned() } else { paths::local(next.split('?').next().unwrap_or_default()) }
}

#[derive(Deserialize)]
pub(super) struct Begin {
    #[serde(default)]
    next: String,
    /// Not empty: the provider is asked to make sure that it is them now.
    #[serde(default)]
    again: String,
}

fn way_back(state: &AppState, headers: &HeaderMap) -> String {
    format!("{}{}", state.front.origin(headers), paths::SSO_BACK)
}

/// Sends the browser away. Nothing is kept but a cookie in it: what binds the answer to it, and where it wanted to go.
pub(super) async fn begin(
    State(state): State<AppState>,
    Extension(identity): Extension<RequestIdentity>,
    headers: HeaderMap,
    Query(query): Query<Begin>,
) -> Response {
    if state.services.sso_label().is_none() {
        return StatusCode::NOT_FOUND.into_response();
    }
    let next = kept(&paths::local(&query.next));
    match state.services.begin_sso(&way_back(&state, &headers), !query.again.is_empty(), identity.address()).await {
        Ok(away) => {
            let mut response = redirect(&away.address);
            let again = if query.again.is_empty() { "" } else { AGAIN };
            let kept = format!("{}.{again}.{}", away.token, paths::query_value(&next));
            if let Some(cookie) = cookies::write(cookies::AWAY, &kept, state.front.secure, Some(cookies::AWAY_SECONDS)) {
                response.headers_mut().append(SET_COOKIE, cookie);
            }
            response
        }
        Err(error) => back_to(paths::SIGN_IN, &error, &[("next", &next)]),
    }
}

#[derive(Deserialize)]
pub(super) struct Back {
    #[serde(default)]
    state: String,
    code: Option<String>,
    iss: Option<String>,
    error: Option<String>,
}

/// The browser is back. The one address that signs somebody in by a GET from elsewhere: what makes it theirs is the cookie.
pub(super) async fn back(
    State(state): State<AppState>,
    Extension(identity): Extension<RequestIdentity>,
    headers: HeaderMap,
    Query(query): Query<Back>,
) -> Response {
    let kept = cookies::read(&headers, cookies::AWAY, state.front.secure).unwrap_or_default();
    let mut parts = kept.splitn(3, '.');
    let (token, again, next) = (parts.next(), parts.next(), parts.next());
    let next = paths::local(&paths::from_query_value(next.unwrap_or_default()));
    let brought = BroughtBack {
        token: token.map(str::to_owned),
        state: query.state,
        code: query.code,
        issuer: query.iss,
        error: query.error,
        redirect: way_back(&state, &headers),
        origin: origin(&state, &identity, &headers),
    };
    let mut response = match state.services.finish_sso(&brought).await {
        // Going on would lead here again, without end.
        Ok(done) if again == Some(AGAIN) && !done.proved => {
            let code = crate::api::ApiError::Account(AccountRefusal::SignOnNotNow).code();
            signed_in(&state, &done, &paths::with(paths::ACCOUNT, "error", code))
        }
        Ok(done) => signed_in(&state, &done, &next),
        Err(error) => back_to(paths::SIGN_IN, &error, &[("next", &next)]),
    };
    if let Some(cookie) = cookies::write(cookies::AWAY, "", state.front.secure, None) {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    response
}
