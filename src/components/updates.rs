//! What every page that shows something that moves has at its end.

use crate::{islands::Live, viewer::Viewer, when};
use leptos::prelude::*;

/// The page keeps itself up to date, and says so, or says that it does no longer.
#[component]
pub fn Updates(
    /// Seconds between looks.
    every: u32,
    /// Only the end is said: the page is for writing.
    #[prop(optional)]
    quiet: bool,
) -> impl IntoView {
    let viewer = Viewer::current();
    let lang = viewer.lang;
    let offset = when::offset(&viewer.zone, viewer.now).local_minus_utc();
    let note = if quiet { String::new() } else { lang.updated_by_itself().to_owned() };
    view! { <Live every=every note=note lost=lang.connection_lost("{}") offset=offset ended=lang.updates_ended().to_owned()/> }
}
