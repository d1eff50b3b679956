//! Props in, HTML out. Nothing here loads or decides.

mod badge;
mod doubt;
mod filters;
mod layout;
mod load;
mod pager;
mod plan_steps;
mod sync_bar;
mod text_area;
mod updates;

pub use badge::{Badge, InstanceStatus, ItemBadge, PlanBadge, TaskBadge, Tone};
pub use doubt::{DoubtClock, Said};
pub use filters::{FilterFields, Select};
pub use layout::{DEMO_PEOPLE, DemoPeople, Empty, Layout, Notice, PageHead};
pub use load::{Failed, load};
pub use pager::{PageButtons, Pager};
pub use plan_steps::{PlanSteps, Step, unfinished};
pub use sync_bar::SyncBar;
pub use text_area::TextArea;
pub use updates::Updates;
