//! Signing in and out, passwords, one-time codes: whatever sets a session cookie, or shows a secret once.

use super::{
    AppState, cookies,
    doors::{RequestIdentity, redirect},
    refusal,
};
use crate::{api::ApiError, paths};
use axum::{
    Extension, Form,
    extract::State,
    http::{
        HeaderMap, HeaderValue, StatusCode,
        header::{SET_COOKIE, USER_AGENT},
    },
    response::{IntoResponse, Response},
};
use patchboard_backend::{Attempt, Origin, SignInError, SignedIn};
use patchboard_domain::{
    account::{Actor, Role},
    id::UserId,
};
use serde::Deserialize;

/// The four sample people of a demo: name, full name, roles. The first makes plans, the second decides.
pub const SAMPLE_PEOPLE: [(&str, &str, &[Role]); 4] = [
    ("li.na", "李娜 (DBA)", &[Role::Operator]),
    ("wang.wei", "王伟 (team lead)", &[Role::Approver]),
    ("sam", "Sam (viewer)", &[Role::Viewer]),
    ("admin", "Admin", &[Role::Administrator]),
];

fn agent(headers: &HeaderMap) -> String {
    headers.get(USER_AGENT).and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned()
}

/// The token of the session that the browser has now.
pub(super) fn present(state: &AppState, headers: &HeaderMap) -> Option<String> {
    cookies::read(headers, cookies::SESSION, state.front.secure).map(str::to_owned)
}

/// Where somebody tries to sign in from.
pub(super) fn origin(state: &AppState, identity: &RequestIdentity, headers: &HeaderMap) -> Origin {
    Origin {
        address: identity.address().to_owned(),
        agent: agent(headers),
        device: cookies::read(headers, cookies::DEVICE, state.front.secure).map(str::to_owned),
        session: present(state, headers),
    }
}

fn session_cookie(state: &AppState, token: &str) -> Option<HeaderValue> {
    cookies::write(cookies::SESSION, token, state.front.secure, Some(state.services.policy().session_minutes * 60))
}

/// Goes on with the cookies of a new session.
pub(super) fn signed_in(state: &AppState, signed_in: &SignedIn, path: &str) -> Response {
    let mut response = redirect(path);
    let secure = state.front.secure;
    let session = session_cookie(state, &signed_in.token);
    let device = cookies::write(cookies::DEVICE, &signed_in.device, secure, Some(cookies::YEAR));
    for cookie in session.into_iter().chain(device) {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    response
}

/// Longest value that goes back to a form by its address.
const KEPT_MAX: usize = 2_000;

/// Back to the form with the code of what stands against it.
pub(super) fn back(form: &str, error: &SignInError, keep: &[(&str, &str)]) -> Response {
    let path = match error {
        SignInError::Refused => paths::with(form, "error", "refused"),
        SignInError::Wait(seconds) => paths::with(form, "wait", &seconds.to_string()),
        SignInError::Account(refusal) => paths::with(form, "error", ApiError::Account(*refusal).code()),
        SignInError::Failed(patchboard_backend::Error::Denied(patchboard_domain::authority::Denied::Unproved)) => paths::confirm(form),
        SignInError::Failed(error) => {
            tracing::error!(error = ?error, "signing in failed");
            paths::with(form, "error", "failed")
        }
    };
    redirect(&with_fields(path, keep))
}

/// Carries back what was typed; not what is more than anybody types.
fn with_fields(path: String, keep: &[(&str, &str)]) -> String {
    let typed = keep.iter().filter(|(_, value)| (1..=KEPT_MAX).contains(&value.len()));
    typed.fold(path, |path, (key, value)| paths::with(&path, key, value))
}

#[derive(Deserialize)]
pub(super) struct Credentials {
    /// Only where a password is chosen.
    #[serde(default)]
    code: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    password: String,
    #[serde(default)]
    factor: String,
    #[serde(default)]
    next: String,
}

impl Credentials {
    fn attempt(&self, origin: Origin) -> Attempt {
        Attempt { name: self.name.clone(), password: self.password.clone(), factor: self.factor.clone(), origin }
    }
}

/// Begins a session by name and password.
pub(super) async fn begin(
    State(state): State<AppState>,
    Extension(identity): Extension<RequestIdentity>,
    headers: HeaderMap,
    Form(form): Form<Credentials>,
) -> Response {
    match state.services.sign_in(form.attempt(origin(&state, &identity, &headers))).await {
        Ok(done) => signed_in(&state, &done, &paths::local(&form.next)),
        Err(error) => back(paths::SIGN_IN, &error, &[("name", &form.name), ("next", &form.next)]),
    }
}

/// Ends the session.
pub(super) async fn end(State(state): State<AppState>, Extension(identity): Extension<RequestIdentity>, headers: HeaderMap) -> Response {
    if let (Some(actor), Some(token)) = (identity.actor(), present(&state, &headers))
        && let Err(error) = state.services.sign_out(actor, &token).await
    {
        tracing::error!(error = ?error, "a session could not be ended");
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    }
    let mut response = redirect(&paths::with(paths::SIGN_IN, "error", "signed_out_well"));
    // Language, zone and the known browser are cookies, and stay.
    response.headers_mut().insert("clear-site-data", HeaderValue::from_static("\"cache\", \"storage\""));
    if let Some(cookie) = cookies::write(cookies::SESSION, "", state.front.secure, None) {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    response
}

#[derive(Deserialize)]
pub(super) struct Passwords {
    #[serde(default)]
    old: String,
    #[serde(default)]
    new: String,
    #[serde(default)]
    factor: String,
}

/// Changes one's own password: every other session ends.
pub(super) async fn password(
    State(state): State<AppState>,
    Extension(identity): Extension<RequestIdentity>,
    headers: HeaderMap,
    Form(form): Form<Passwords>,
) -> Response {
    let Some(actor) = identity.actor() else { return StatusCode::UNAUTHORIZED.into_response() };
    match state.services.change_password(actor, form.old, form.new, &form.factor, &agent(&headers)).await {
        Ok(done) => signed_in(&state, &done, &paths::with(paths::ACCOUNT, "error", "password_changed")),
        Err(error) => back(paths::ACCOUNT, &error, &[]),
    }
}

/// Chooses a password with a one-time code.
pub(super) async fn redeem(
    State(state): State<AppState>,
    Extension(identity): Extension<RequestIdentity>,
    headers: HeaderMap,
    Form(form): Form<Credentials>,
) -> Response {
    match state.services.redeem(&form.code, form.attempt(origin(&state, &identity, &headers))).await {
        Ok(done) => signed_in(&state, &done, paths::INBOX),
        Err(error) => back(paths::WELCOME, &error, &[("name", &form.name)]),
    }
}

#[derive(Deserialize)]
pub(super) struct Confirmation {
    #[serde(default)]
    password: String,
    #[serde(default)]
    factor: String,
    #[serde(default)]
    next: String,
}

/// Somebody shows again who they are, and goes on to what it was for.
pub(super) async fn confirm(
    State(state): State<AppState>,
    Extension(identity): Extension<RequestIdentity>,
    headers: HeaderMap,
    Form(form): Form<Confirmation>,
) -> Response {
    let (Some(actor), Some(token)) = (identity.actor(), present(&state, &headers)) else { return StatusCode::UNAUTHORIZED.into_response() };
    match state.services.confirm_identity(actor, form.password, &form.factor, &token).await {
        Ok(token) => {
            let mut response = redirect(&paths::local(&form.next));
            response.headers_mut().extend(session_cookie(&state, &token).map(|cookie| (SET_COOKIE, cookie)));
            response
        }
        Err(error) => back(paths::CONFIRM, &error, &[("next", &form.next)]),
    }
}

#[derive(Deserialize)]
pub(super) struct NewCode {
    /// An account that exists; empty makes one.
    #[serde(default)]
    user: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    full_name: String,
    #[serde(default)]
    role: String,
}

/// Makes an account, or a new code for one. The code is in this answer and nowhere else, so it is no redirect.
pub(super) async fn code(
    State(state): State<AppState>,
    Extension(identity): Extension<RequestIdentity>,
    headers: HeaderMap,
    Form(form): Form<NewCode>,
) -> Response {
    let Some(actor) = identity.actor() else { return StatusCode::UNAUTHORIZED.into_response() };
    let services = &state.services;
    let made = if form.user.is_empty() {
        let roles: Vec<Role> = Role::from_word(&form.role).into_iter().collect();
        services.add_user(actor, &form.name, &form.full_name, &roles).await.map(|(_, code)| (form.name.clone(), code))
    } else {
        services.reset_user(actor, &UserId::new(&form.user)).await
    };
    match made {
        Ok((name, code)) => refusal::code_page(&headers, &state.look, &name, &code, &state.front.origin(&headers)),
        Err(error) => {
            let path = crate::api::after(error, paths::PEOPLE);
            redirect(&with_fields(path, &[("name", &form.name), ("full_name", &form.full_name)]))
        }
    }
}

#[derive(Deserialize)]
pub(super) struct Switch {
    name: String,
    #[serde(default)]
    back: String,
}

/// Becomes one of the sample people: in a demo alone this is routed at all.
pub(super) async fn switch(
    State(state): State<AppState>,
    Extension(identity): Extension<RequestIdentity>,
    headers: HeaderMap,
    Form(form): Form<Switch>,
) -> Response {
    if !SAMPLE_PEOPLE.iter().any(|(name, _, _)| *name == form.name) {
        return StatusCode::NOT_FOUND.into_response();
    }
    match state.services.sign_in_as_sample(&form.name, &origin(&state, &identity, &headers)).await {
        Ok(done) => signed_in(&state, &done, &paths::local(&form.back)),
        Err(error) => back(paths::SIGN_IN, &SignInError::Failed(error), &[]),
    }
}

/// Makes the sample people of a demo.
///
/// # Errors
/// What the store says.
pub(super) async fn make_sample_people(services: &patchboard_backend::Services) -> Result<(), patchboard_backend::Error> {
    for (name, full_name, roles) in SAMPLE_PEOPLE {
        if services.user_named(name).await.is_err() {
            services.add_user(&Actor::command_line(), name, full_name, roles).await?;
        }
    }
    Ok(())
}
