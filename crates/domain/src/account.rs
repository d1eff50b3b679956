//! People: accounts, roles, sessions.

use crate::id::UserId;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// What a person may be asked to do. Somebody may have several; whoever has an account may read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Reads.
    Viewer,
    /// Makes plans, sends them where no review is asked for, cancels tasks.
    Operator,
    /// Decides about plans of others.
    Approver,
    /// Manages people and connections. May neither plan nor approve by that alone.
    Administrator,
}

impl Role {
    /// All roles.
    pub const ALL: [Self; 4] = [Self::Viewer, Self::Operator, Self::Approver, Self::Administrator];

    /// The word in the store, in forms and on the command line.
    pub fn word(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Approver => "approver",
            Self::Administrator => "administrator",
        }
    }

    /// The words of some roles.
    pub fn words(roles: &[Self]) -> Vec<&'static str> {
        roles.iter().map(|r| r.word()).collect()
    }

    /// The role of a word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|r| r.word() == word.trim())
    }
}

/// A person with an account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// Never changes and is never used again.
    pub id: UserId,
    /// What is typed to sign in; compared without case.
    pub name: String,
    /// What others read; may be empty.
    pub full_name: String,
    /// Ascending, never empty.
    pub roles: Vec<Role>,
    /// Has chosen a password.
    pub has_password: bool,
    /// When the account was made.
    pub created_at: DateTime<Utc>,
    /// Set while the account may not be used.
    pub disabled_at: Option<DateTime<Utc>>,
    /// Last successful sign-in.
    pub signed_in_at: Option<DateTime<Utc>>,
    /// Has a second factor.
    pub has_factor: bool,
    /// Signs in at a provider, which also says what their roles are.
    pub external: bool,
}

impl User {
    /// May be used, and has this role.
    pub fn acts_as(&self, role: Role) -> bool {
        self.disabled_at.is_none() && self.roles.contains(&role)
    }

    /// The full name, or what is typed to sign in. Somebody from a provider may have chosen the former there: both are shown.
    pub fn shown(&self) -> String {
        match (self.full_name.is_empty(), self.external) {
            (true, _) => self.name.clone(),
            (false, true) => format!("{} ({})", self.full_name, self.name),
            (false, false) => self.full_name.clone(),
        }
    }
}

/// Who asks for something, and from where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// The account; nothing when the program itself acts.
    pub user: Option<UserId>,
    /// What is typed to sign in, or `system`, or `command line`.
    pub name: String,
    /// What others read.
    pub full_name: String,
    /// Roles, at the time of asking.
    pub roles: Vec<Role>,
    /// Has shown who they are not long ago, or need not.
    pub proved: bool,
    /// Signs in at a provider.
    pub external: bool,
    /// Address that the request came from; empty when the program itself acts.
    pub address: String,
}

impl Actor {
    /// A person, asking from an address.
    pub fn person(user: &User, address: impl Into<String>) -> Self {
        Self {
            proved: true,
            external: user.external,
            user: Some(user.id.clone()),
            name: user.name.clone(),
            full_name: user.shown(),
            roles: user.roles.clone(),
            address: address.into(),
        }
    }

    /// The program itself: sender, reconciler.
    pub fn system() -> Self {
        Self {
            user: None,
            name: "system".to_owned(),
            full_name: String::new(),
            roles: Vec::new(),
            proved: true,
            external: false,
            address: String::new(),
        }
    }

    /// Whoever may run commands on the server; they could open the database as well, so everything is allowed and written down.
    pub fn command_line() -> Self {
        Self { name: "command line".to_owned(), roles: Role::ALL.to_vec(), ..Self::system() }
    }

    /// Has a role.
    pub fn is(&self, role: Role) -> bool {
        self.roles.contains(&role)
    }
}

/// A place where somebody is signed in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Names it without opening it.
    pub id: String,
    /// When it began.
    pub made_at: DateTime<Utc>,
    /// When it was last used by a person; a page that looks by itself does not count.
    pub seen_at: DateTime<Utc>,
    /// When its owner last showed who they are.
    pub proved_at: DateTime<Utc>,
    /// Address it was begun from.
    pub address: String,
    /// What the browser calls itself.
    pub agent: String,
}

/// One's own account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnAccount {
    /// Where one is signed in, last used first.
    pub sessions: Vec<Session>,
    /// Has a second factor.
    pub has_factor: bool,
    /// Signs in at a provider.
    pub external: bool,
}

/// Why a name or a password is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum AccountRefusal {
    /// The name is not 2 to 64 letters, digits, `.`, `-`, `_` or `@`.
    Name,
    /// Somebody has the name already.
    NameTaken,
    /// No role was chosen.
    NoRole,
    /// Shorter than [`PASSWORD_MIN`] or longer than [`PASSWORD_MAX`] characters.
    PasswordLength,
    /// Among the first that are tried.
    PasswordWeak,
    /// The present password is not that.
    PasswordWrong,
    /// So many passwords are being checked that this one was not; nothing was used up.
    Busy,
    /// The code is wrong, was used, or is too old.
    Code,
    /// The last administrator that may be used.
    LastAdministrator,
    /// Signs in at a provider: it has neither password nor second factor here, and its roles come from there.
    External,
    /// The code of the second factor is not that, or was used.
    FactorCode,
    /// The answer of the provider does not belong to a sign-in that this browser has begun, or was used.
    SignOnNotOurs,
    /// The provider did not sign them in.
    SignOnDeclined,
    /// What the provider said is not believed.
    SignOnUntrusted,
    /// The provider does not answer.
    SignOnUnreachable,
    /// None of their groups gives a role.
    SignOnNoRole,
    /// An account of ours has the name that they have there.
    SignOnNameTaken,
    /// The provider was asked to make sure that it is them now, and does not say that it did.
    SignOnNotNow,
}

/// Fewest characters of a password (OWASP ASVS 5.0 6.2.1 asks for 8 at least; we ask for more because a second factor is not always asked for).
pub const PASSWORD_MIN: usize = 12;
/// Most characters of a password.
pub const PASSWORD_MAX: usize = 128;

/// A name to sign in with, or why it cannot be one.
///
/// # Errors
/// [`AccountRefusal::Name`].
pub fn check_name(name: &str) -> Result<String, AccountRefusal> {
    let name = name.trim();
    let good = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | '@');
    if (2..=64).contains(&name.chars().count()) && name.chars().all(good) { Ok(name.to_owned()) } else { Err(AccountRefusal::Name) }
}

/// Not a letter that hides, turns or joins others: a name must read as it is.
pub fn is_plain(c: char) -> bool {
    !c.is_control() && !matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_words_in_any_script() {
        for good in ["li.na", "李娜", "a_b-c@example.com", " dba1 "] {
            assert!(check_name(good).is_ok(), "{good}");
        }
        for bad in ["", "x", "a b", "a/b", "<b>", "a\u{202e}b", &"x".repeat(65)] {
            assert_eq!(check_name(bad), Err(AccountRefusal::Name), "{bad}");
        }
    }

    #[test]
    fn a_disabled_account_acts_as_nothing() {
        let at = DateTime::UNIX_EPOCH;
        let user = User {
            id: UserId::new("u"),
            name: "a".to_owned(),
            full_name: String::new(),
            roles: vec![Role::Approver],
            has_password: true,
            created_at: at,
            disabled_at: None,
            signed_in_at: None,
            has_factor: false,
            external: false,
        };
        assert!(user.acts_as(Role::Approver) && !user.acts_as(Role::Operator));
        assert!(!User { disabled_at: Some(at), ..user }.acts_as(Role::Approver));
    }
}
