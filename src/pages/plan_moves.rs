//! What pages of plans say about moving: both times, and how far it is.

use crate::{
    paths,
    viewer::Viewer,
    when::{self, Time},
};
use chrono::{DateTime, Utc};
use leptos::prelude::*;
use patchboard_domain::{
    authority::Stage,
    moving::{MoveView, MovedTo},
    version::join,
};

/// A plan that moves another: what from, what to, and what will happen.
#[component]
pub(super) fn Moves(
    /// What it moves.
    view: MoveView,
    /// Its own start, as far as it is one.
    start_at: Option<DateTime<Utc>>,
    /// It was confirmed.
    sent: bool,
) -> impl IntoView {
    let viewer = Viewer::current();
    let lang = viewer.lang;
    let title = if view.title.is_empty() { lang.untitled().to_owned() } else { view.title.clone() };
    let instances = lang.instances(view.tasks.len());
    let said = match (view.tasks.is_empty(), sent) {
        (true, _) => lang.move_nothing().to_owned(),
        (false, true) => lang.move_sent(&instances),
        (false, false) => lang.move_draft(&instances),
    };
    let time = move |at: Option<DateTime<Utc>>| match at {
        Some(at) => {
            let viewer = Viewer::current();
            view! { <strong><Time at=at/></strong> " · " {when::relative(&viewer, at)} }.into_any()
        }
        None => "—".into_any(),
    };
    view! {
        <section class="card" aria-labelledby="moves"><h2 id="moves">{lang.move_title()}</h2>
            <p>{said} " " <a href=paths::plan(&view.plan)>{title}</a></p>
            <dl class="facts">
                <div><dt>{lang.move_from()}</dt><dd>{time(view.start_at)} " · " {view.zone.clone()}</dd></div>
                <div><dt>{lang.move_to()}</dt><dd>{time(start_at)}</dd></div>
                <div><dt>{lang.move_patches()}</dt><dd>{join(&view.patches).replace(',', ", ")}</dd></div>
            </dl>
            {(!sent).then(|| view! { <p class="hint">{lang.move_how()}</p> })}
        </section>
    }
}

/// The plans that move this one.
#[component]
pub(super) fn MovedOn(
    /// The oldest first.
    plans: Vec<MovedTo>,
) -> impl IntoView {
    let viewer = Viewer::current();
    let lang = viewer.lang;
    let line = |to: MovedTo| {
        let said = match (to.stage, to.start_at) {
            (Stage::Submitted, Some(at)) => lang.moved_to_sent(&when::full(&viewer, at)),
            (Stage::InReview, _) => lang.moved_to_review().to_owned(),
            _ => lang.moved_to_draft().to_owned(),
        };
        let keeps = (to.stage != Stage::Submitted).then(|| lang.moved_keeps());
        view! { <p class="banner">{said} " " <a href=paths::plan(&to.plan)>{lang.open_plan()}</a> " " {keeps}</p> }
    };
    view! { <div data-live="moved">{plans.into_iter().map(line).collect_view()}</div> }
}
