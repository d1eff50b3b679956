//! What was found about a plan that is not sent yet. One list of everything makes the summary, so that no part of a page says more than
//! another.

use crate::{i18n::Lang, viewer::Viewer};
use leptos::prelude::*;
use patchboard_domain::{eligibility::PlanRefusal, fleet::DraftView, id::InstanceId};

/// Most names that a sentence lists before it counts.
const NAMES_IN_A_SENTENCE: usize = 3;

/// Sentences, by what they mean for sending.
#[derive(Clone, Default)]
pub(super) struct Findings {
    /// Has to be solved first.
    pub(super) blocking: Vec<String>,
    /// The cloud has not answered yet.
    pub(super) awaited: Vec<String>,
    /// Does not stop it, and should be known.
    pub(super) warnings: Vec<String>,
}

impl Findings {
    /// Everything that was found about a plan now.
    pub(super) fn of(viewer: &Viewer, view: &DraftView) -> Self {
        let lang = viewer.lang;
        let name =
            |id: &InstanceId| view.chosen.iter().find(|r| r.instance.id == *id).map_or_else(|| id.to_string(), |r| r.instance.name.clone());
        let names = |ids: &[InstanceId]| {
            if ids.len() <= NAMES_IN_A_SENTENCE { ids.iter().map(name).collect::<Vec<_>>().join(", ") } else { lang.instances(ids.len()) }
        };
        let (awaited, refused): (Vec<_>, Vec<_>) = view.refusals.iter().partition(|r| matches!(r, PlanRefusal::Awaited { .. }));
        let mut found = Self {
            blocking: refused.into_iter().map(|r| viewer.plan_refusal(r, name)).collect(),
            awaited: awaited.into_iter().map(|r| viewer.plan_refusal(r, name)).collect(),
            warnings: view.warnings.iter().map(|w| viewer.warning(w, names)).collect(),
        };
        found.blocking.extend(view.start.as_ref().err().map(|r| viewer.time_refusal(r)));
        let unread = view.chosen.len() - view.candidates_read;
        if unread > 0 && found.awaited.is_empty() {
            found.awaited.push(lang.lists_awaited(&lang.instances(unread)));
        }
        found
    }

    /// Whether anything stands against sending it now.
    pub(super) fn stop(&self) -> bool {
        !self.blocking.is_empty() || !self.awaited.is_empty()
    }

    fn summary(&self, lang: Lang) -> String {
        let counted = [
            (self.blocking.len(), lang.findings_blocking(self.blocking.len())),
            (self.awaited.len(), lang.findings_awaited(self.awaited.len())),
            (self.warnings.len(), lang.findings_warnings(self.warnings.len())),
        ];
        let said: Vec<String> = counted.into_iter().filter(|(n, _)| *n > 0).map(|(_, text)| text).collect();
        match (self.stop(), said.is_empty()) {
            (true, _) => said.join(" "),
            (false, true) => lang.findings_none().to_owned(),
            (false, false) => format!("{} {}", lang.findings_sendable(), said.join(" ")),
        }
    }
}

/// The summary, and below it every finding by kind.
#[component]
pub(super) fn Checks(found: Findings) -> impl IntoView {
    let lang = Viewer::current().lang;
    let good = !found.stop() && found.warnings.is_empty();
    let summary = found.summary(lang);
    let list = |title: &'static str, class: &'static str, texts: Vec<String>| {
        (!texts.is_empty()).then(|| {
            let lines = texts.into_iter().map(|text| view! { <li>{text}</li> }).collect_view();
            view! { <h3>{title}</h3><ul class=class>{lines}</ul> }
        })
    };
    view! {
        <p class="checks-summary" class:good=good>{summary}</p>
        {list(lang.blocking(), "", found.blocking)}
        {list(lang.awaited_title(), "", found.awaited)}
        {list(lang.warnings_title(), "warnings", found.warnings)}
    }
}
