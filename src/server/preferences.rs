//! Language, zone and theme, kept in cookies: they are the browser's, not a person's.

use super::AppState;
use crate::{
    i18n::Lang,
    paths,
    viewer::{Theme, Viewer},
};
use axum::{
    Form,
    extract::State,
    http::{
        HeaderMap, HeaderValue, StatusCode,
        header::{ACCEPT_LANGUAGE, COOKIE, LOCATION, SET_COOKIE},
        request::Parts,
    },
    response::{IntoResponse, Response},
};
use patchboard_backend::{Services, zones};
use serde::Deserialize;

/// Seconds a preference is kept: a year.
const KEPT: u32 = 31_536_000;

fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get_all(COOKIE).iter().filter_map(|v| v.to_str().ok()).flat_map(|v| v.split(';')).find_map(|pair| {
        let (key, value) = pair.trim().split_once('=')?;
        (key == name).then_some(value)
    })
}

/// The language of a reader: what was chosen, then what the browser asks for.
pub(super) fn language(headers: &HeaderMap) -> Lang {
    let accepted = headers.get(ACCEPT_LANGUAGE).and_then(|v| v.to_str().ok());
    cookie(headers, "lang").or(accepted).and_then(Lang::from_header).unwrap_or_default()
}

/// Who looks, by cookies, then by `Accept-Language` and the configured zone.
pub(super) fn viewer(parts: Option<&Parts>, services: &Services, demo: bool) -> Viewer {
    let get = |name: &str| parts.and_then(|p| cookie(&p.headers, name));
    let zone = get("zone").and_then(|z| zones::find(&z.replace("%2F", "/"))).map(|z| z.name().to_owned());
    Viewer {
        lang: parts.map(|p| language(&p.headers)).unwrap_or_default(),
        zone: zone.unwrap_or_else(|| services.policy().default_zone.clone()),
        theme: get("theme").map(Theme::from_word).unwrap_or_default(),
        here: parts.and_then(|p| p.uri.path_and_query().map(ToString::to_string)).unwrap_or_else(|| "/".to_owned()),
        now: services.now(),
        demo,
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
pub(super) async fn set(State(_): State<AppState>, Form(wanted): Form<Preferences>) -> Response {
    let mut response = StatusCode::SEE_OTHER.into_response();
    let mut keep = |name: &str, value: &str| {
        let text = format!("{name}={value}; Path=/; Max-Age={KEPT}; SameSite=Lax; HttpOnly");
        if let Ok(value) = HeaderValue::from_str(&text) {
            response.headers_mut().append(SET_COOKIE, value);
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
