//! What is on hold beside single plans: a cloud, or everything. Nothing of it is sent; what is in doubt is looked for all the same.

use crate::id::{CloudName, UserId};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// What a hold is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Scope {
    /// Every cloud.
    Everything,
    /// One of them.
    Cloud(CloudName),
}

impl Scope {
    /// The form it is kept in: `everything`, or `cloud/NAME`.
    pub fn key(&self) -> String {
        match self {
            Self::Everything => "everything".to_owned(),
            Self::Cloud(name) => format!("cloud/{name}"),
        }
    }

    /// Reads the kept form; what is none is everything, because a hold that cannot be read must hold.
    pub fn from_key(key: &str) -> Self {
        key.strip_prefix("cloud/").map_or(Self::Everything, |name| Self::Cloud(CloudName::new(name)))
    }
}

/// One hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// What it is about.
    pub scope: Scope,
    /// Since when.
    pub at: DateTime<Utc>,
    /// Who asked for it.
    pub by: Option<UserId>,
    /// Why.
    pub reason: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hold_that_cannot_be_read_holds_everything() {
        for scope in [Scope::Everything, Scope::Cloud(CloudName::new("prod/sg"))] {
            assert_eq!(Scope::from_key(&scope.key()), scope);
        }
        assert_eq!(Scope::from_key("ring/3"), Scope::Everything);
    }
}
