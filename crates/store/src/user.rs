//! The row of an account.

use crate::{
    Error,
    error::json,
    sql::plain,
    time::{instant, ms},
    tx::Tx,
};
use patchboard_domain::{account::User, id::UserId};
use sqlx::FromRow;

#[derive(FromRow)]
pub(crate) struct Row {
    id: String,
    name: String,
    full_name: String,
    roles: String,
    pub(crate) password: Option<String>,
    created_at: i64,
    disabled_at: Option<i64>,
    signed_in_at: Option<i64>,
    has_factor: i64,
    external: i64,
}

pub(crate) const SELECT: &str =
    "SELECT id, name, full_name, roles, password, created_at, disabled_at, signed_in_at, CASE WHEN factor IS NULL THEN 0 ELSE 1 END AS has_factor,
    (SELECT COUNT(*) FROM identities i WHERE i.user_id = users.id) AS external FROM users";

impl Row {
    pub(crate) fn read(self) -> Result<User, Error> {
        Ok(User {
            // Roles that cannot be read allow nothing; they must not keep everybody else out.
            roles: serde_json::from_str(&self.roles).unwrap_or_else(|error| {
                tracing::error!(user.id = self.id, %error, "the roles of an account cannot be read; it has none");
                Vec::new()
            }),
            id: UserId::new(self.id),
            name: self.name,
            full_name: self.full_name,
            has_password: self.password.is_some(),
            created_at: instant(self.created_at),
            disabled_at: self.disabled_at.map(instant),
            signed_in_at: self.signed_in_at.map(instant),
            has_factor: self.has_factor > 0,
            external: self.external > 0,
        })
    }
}

pub(crate) async fn insert_user(tx: &mut Tx, user: &User) -> Result<(), Error> {
    sqlx::query("INSERT INTO users (id, name, name_key, full_name, roles, created_at) VALUES ($1, $2, $3, $4, $5, $6)")
        .bind(user.id.as_str())
        .bind(plain(&user.name))
        .bind(user.name.to_lowercase())
        .bind(plain(&user.full_name))
        .bind(json(&user.roles))
        .bind(ms(user.created_at))
        .execute(&mut **tx)
        .await?;
    Ok(())
}
