//! Identifiers. A newtype each, so that an instance is never passed where a task is meant.

use serde::{Deserialize, Serialize};
use std::fmt;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Wraps the text as it came, trimmed of outer white space.
            pub fn new(text: impl AsRef<str>) -> Self {
                Self(text.as_ref().trim().to_owned())
            }

            /// The text as it was given.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

id!(
    /// One configured connection to a cloud, by the name given in the configuration (`prod-sg`).
    CloudName
);
id!(
    /// A GaussDB instance: 32 hexadecimal digits and a suffix such as `in14`.
    InstanceId
);
id!(
    /// A scheduled task as the cloud names it. One id may cover many instances, so a record is keyed by
    /// ([`TaskId::key`], [`InstanceId`]).
    TaskId
);
id!(
    /// A plan of ours.
    PlanId
);

id!(
    /// A person with an account.
    UserId
);

impl TaskId {
    /// The form ids are compared in: the cloud writes the same id with dashes (create, cancel) and without (list).
    pub fn key(&self) -> String {
        self.0.chars().filter(|c| *c != '-').flat_map(char::to_lowercase).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn task_ids_compare_without_dashes_and_case() {
        let dashed = TaskId::new("87CD3EFD-6b6c-42b4-8d53-7f81a527f62f");
        let plain = TaskId::new(" 87cd3efd6b6c42b48d537f81a527f62f ");
        assert_eq!(dashed.key(), plain.key());
        assert_ne!(dashed, plain, "what is sent back to the cloud is what the cloud gave");
    }
}
