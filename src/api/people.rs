//! Accounts of others, and one's own sessions. Signing in and out, which set cookies, are `server::session`.

use super::ApiError;
use leptos::prelude::*;
use patchboard_domain::account::{OwnAccount, User};

/// Every account.
#[server(endpoint = "people/list")]
pub async fn load_people() -> Result<Vec<User>, ApiError> {
    let (services, actor) = super::who()?;
    services.people(&actor).await.map_err(super::failed)
}

/// One's own account: where one is signed in, and by what.
#[server(endpoint = "account/show")]
pub async fn load_account() -> Result<OwnAccount, ApiError> {
    let (services, actor) = super::who()?;
    services.own_account(&actor).await.map_err(super::failed)
}

/// Ends one of one's own sessions, or all.
#[server(endpoint = "account/end_session")]
pub async fn end_session(#[server(default)] session: String) -> Result<(), ApiError> {
    let (services, actor) = super::who()?;
    let named = (!session.is_empty()).then_some(session.as_str());
    let to = crate::paths::ACCOUNT.to_owned();
    super::answer(services.end_own_sessions(&actor, named).await.map(|()| to), crate::paths::ACCOUNT);
    Ok(())
}

/// Changes an account. `go` is `roles`, `disable`, `enable` or `drop_factor`.
#[server(endpoint = "people/change")]
pub async fn change_person(user: String, go: String, #[server(default)] roles: Vec<String>) -> Result<(), ApiError> {
    use patchboard_backend::UserChange;
    use patchboard_domain::{account::Role, id::UserId};
    let (services, actor) = super::who()?;
    let change = match go.as_str() {
        "roles" => Some(UserChange::Roles(roles.iter().filter_map(|r| Role::from_word(r)).collect())),
        "disable" => Some(UserChange::Disable(chrono::DateTime::UNIX_EPOCH)),
        "enable" => Some(UserChange::Enable),
        _ => None,
    };
    let id = UserId::new(user);
    let result = match change {
        Some(change) => services.change_user(&actor, &id, change).await,
        None if go == "drop_factor" => services.drop_factor(&actor, &id).await,
        None => Err(patchboard_backend::Error::NotFound),
    };
    super::answer(result.map(|()| crate::paths::with(crate::paths::PEOPLE, "done", &go)), crate::paths::PEOPLE);
    Ok(())
}
