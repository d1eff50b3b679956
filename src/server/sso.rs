//! Single sign-on: away to the provider, and back.

use super::{
    AppState, cookies,
    doors::Asking,
    session::{back as back_to, origin, signed_in, to},
};
use crate::paths;
use axum::{
    Extension,
    extract::{Query, State},
    http::{HeaderMap, header::SET_COOKIE},
    response::Response,
};
use patchboard_backend::BroughtBack;
use serde::Deserialize;

#[derive(Deserialize)]
pub(super) struct Begin {
    #[serde(default)]
    next: String,
    /// Not empty: the provider is asked to make sure that it is them now.
    #[serde(default)]
    again: String,
}

fn redirect(state: &AppState, headers: &HeaderMap) -> String {
    format!("{}{}", state.front.origin(headers), paths::SSO_BACK)
}

/// Sends the browser away. Nothing is kept but a cookie in it: what binds the answer to it, and where it wanted to go.
pub(super) async fn begin(
    State(state): State<AppState>,
    Extension(asking): Extension<Asking>,
    headers: HeaderMap,
    Query(query): Query<Begin>,
) -> Response {
    let next = paths::local(&query.next);
    match state.services.begin_sso(&redirect(&state, &headers), !query.again.is_empty(), &asking.address).await {
        Ok(away) => {
            let mut response = to(&away.address);
            let kept = format!("{}.{}", away.token, paths::query_value(&next));
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
    Extension(asking): Extension<Asking>,
    headers: HeaderMap,
    Query(query): Query<Back>,
) -> Response {
    let kept = cookies::read(&headers, cookies::AWAY, state.front.secure).and_then(|kept| kept.split_once('.'));
    let next = kept.map(|(_, next)| paths::local(&paths::from_query_value(next))).unwrap_or_default();
    let brought = BroughtBack {
        token: kept.map(|(token, _)| token.to_owned()),
        state: query.state,
        code: query.code,
        issuer: query.iss,
        error: query.error,
        redirect: redirect(&state, &headers),
        origin: origin(&state, &asking, &headers),
    };
    let mut response = match state.services.finish_sso(&brought).await {
        Ok(done) => signed_in(&state, &done, &paths::local(&next)),
        Err(error) => back_to(paths::SIGN_IN, &error, &[("next", &next)]),
    };
    if let Some(cookie) = cookies::write(cookies::AWAY, "", state.front.secure, None) {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    response
}
