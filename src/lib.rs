//! Patchboard: everything that knows Leptos or axum.
//!
//! Dependencies run one way: `pages` use `components`, `api`, `islands`, `paths`; `components` use `paths`; `api` uses the
//! backend; nothing uses `server`. `tests/architecture.rs` holds the code to it.

// A view is one nested type.
#![recursion_limit = "512"]
#![expect(unreachable_pub, reason = "#[component] and #[island] write the type of the props beside the function")]

/// Server functions: who is asking, one backend call, map the error. Never SQL, never HTTP to a cloud.
pub mod api;
/// HTML shell, route table. Never holds a rule.
pub mod app;
/// Props in, HTML out. Never loads anything.
pub mod components;
/// Everything a person reads. Never decides.
pub mod i18n;
/// What runs in the browser. Each says what its page does without it.
pub mod islands;
/// One file a route: load, arrange, link. Never holds a rule.
pub mod pages;
/// Every URL as a function. The only place that spells one.
pub mod paths;
pub mod query;
/// Router, configuration, headers, command line. Only on the server.
#[cfg(feature = "ssr")]
pub mod server;
/// Who looks: language, zone, theme.
pub mod viewer;
/// How an instant is written: always with its offset.
pub mod when;
