//! What runs in the browser. The server owns the HTML: an island only asks it for the same page again, or posts the same
//! form that the button would, and puts the changed parts in place.

#[cfg(feature = "hydrate")]
mod ages;
#[cfg(feature = "hydrate")]
mod browser;
mod copy;
mod live;
mod rows;
mod save;

pub use copy::CopyButton;
pub use live::{Hydrated, Live};
pub use rows::TickRows;
pub use save::SaveAsYouGo;
