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

    /// Reads that form.
    pub fn parse(key: &str) -> Option<Self> {
        match key.strip_prefix("cloud/") {
            Some(name) => Some(Self::Cloud(CloudName::new(name))),
            None => (key == "everything").then_some(Self::Everything),
        }
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
    fn what_is_kept_is_read_and_nothing_else() {
        for scope in [Scope::Everything, Scope::Cloud(CloudName::new("prod/sg"))] {
            assert_eq!(Scope::parse(&scope.key()), Some(scope));
        }
        assert_eq!(Scope::parse("ring/3"), None, "lifting what cannot be read must not lift everything");
    }
}
