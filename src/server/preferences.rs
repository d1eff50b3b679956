//! Language, zone and theme, kept in cookies: they are the browser's, not a person's.

use super::{AppState, Front, cookies, doors::RequestIdentity};
use crate::{
    i18n::Lang,
    paths,
    viewer::{Theme, Viewer},
};
use axum::{
    Form,
    extract::State,
    http::{
        HeaderValue, StatusCode,
        header::{LOCATION, SET_COOKIE},
        request::Parts,
    },
    response::{IntoResponse, Response},
};
use patchboard_backend::{Services, zones};
use serde::Deserialize;

/// Who looks, by cookies, then by `Accept-Language` and the configured zone.
pub(super) fn viewer(identity: &RequestIdentity, parts: &Parts, services: &Services, front: &Front) -> Viewer {
    let get = |name: &str| cookies::read(&parts.headers, name, front.secure);
    let zone = get("zone").and_then(|z| zones::find(&z.replace("%2F", "/"))).map(|z| z.name().to_owned());
    Viewer {
        lang: cookies::language(&parts.headers, front.secure),
        zone: zone.unwrap_or_else(|| services.policy().default_zone.clone()),
        theme: get("theme").map(Theme::from_word).unwrap_or_default(),
        here: parts.uri.path_and_query().map_or_else(|| "/".to_owned(), ToString::to_string),
        now: services.now(),
        demo: front.demo,
        who: identity.actor().cloned(),
        without_review: !services.policy().review.required,
        sso: services.sso_label().map(str::to_owned),
    }
}

/// The form in the header. Absent fields stay as they are.
#[derive(Deserialize)]
pub(super) struct Preferences {
    lang: Option<String>,
    zone: Option<String>,
    theme: Option<String>,
    #[serde(default)]
    back: String,
}

/// Keeps what was chosen and goes back. An unknown zone keeps the present one.
pub(super) async fn set(State(state): State<AppState>, Form(wanted): Form<Preferences>) -> Response {
    let mut response = StatusCode::SEE_OTHER.into_response();
    let mut keep = |name: &str, value: &str| {
        if let Some(cookie) = cookies::write(name, value, state.front.secure, Some(cookies::YEAR)) {
            response.headers_mut().append(SET_COOKIE, cookie);
        }
    };
    if let Some(lang) = wanted.lang.as_deref().and_then(Lang::from_header) {
        keep("lang", lang.tag());
    }
    if let Some(zone) = wanted.zone.as_deref().and_then(zones::find) {
        keep("zone", zone.name());
    }
    if let Some(theme) = wanted.theme.as_deref() {
        keep("theme", Theme::from_word(theme).as_str());
    }
    if let Ok(to) = HeaderValue::from_str(&paths::local(&wanted.back)) {
        response.headers_mut().insert(LOCATION, to);
    }
    response
}
