//! Bodies of the API. Everything is optional, scalars may come as text or number, lists may be null or missing,
//! and fields that are not known here are kept in `extra`.

mod instances;
pub mod lenient;
mod other;
mod tasks;
mod versions;

pub use instances::*;
pub use other::*;
pub use tasks::*;
pub use versions::*;

/// Fields that this version does not know.
pub type Extra = serde_json::Map<String, serde_json::Value>;

#[cfg(test)]
mod tests;
