//! States as a sign, a word and a colour: never colour alone.

use crate::viewer::Viewer;
use leptos::prelude::*;
use patchboard_domain::{
    instance::Status,
    plan::PlanState,
    send::{Item, ItemState, Stop},
    task::TaskStatus,
};

/// What a state asks of a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// Nothing, it is over.
    Quiet,
    /// Good.
    Good,
    /// Under way.
    Busy,
    /// Look at it.
    Warn,
    /// It went wrong.
    Bad,
    /// Nobody knows: its own colour.
    Doubt,
}

impl Tone {
    fn word(self) -> &'static str {
        match self {
            Self::Quiet => "quiet",
            Self::Good => "good",
            Self::Busy => "busy",
            Self::Warn => "warn",
            Self::Bad => "bad",
            Self::Doubt => "doubt",
        }
    }

    fn sign(self) -> &'static str {
        match self {
            Self::Quiet => "–",
            Self::Good => "✓",
            Self::Busy => "◷",
            Self::Warn => "!",
            Self::Bad => "✕",
            Self::Doubt => "?",
        }
    }
}

/// A badge.
#[component]
pub fn Badge(
    /// Its tone.
    tone: Tone,
    /// Its word.
    #[prop(into)]
    text: String,
) -> impl IntoView {
    view! { <span class="badge" data-tone=tone.word()><span aria-hidden="true">{tone.sign()}</span>{text}</span> }
}

/// Status of an instance.
#[component]
pub fn InstanceStatus(
    /// The cloud's word.
    status: Status,
) -> impl IntoView {
    let tone = if status.is_active() {
        Tone::Good
    } else if status.is_trouble() {
        Tone::Bad
    } else {
        Tone::Busy
    };
    view! { <Badge tone=tone text=Viewer::current().lang.instance_status(&status.0)/> }
}

fn task_tone(status: &TaskStatus) -> Tone {
    match status {
        TaskStatus::Pending | TaskStatus::Running => Tone::Busy,
        TaskStatus::Completed => Tone::Good,
        TaskStatus::Failed => Tone::Bad,
        TaskStatus::Canceled => Tone::Quiet,
        TaskStatus::Other(_) => Tone::Doubt,
    }
}

/// Status of a task.
#[component]
pub fn TaskBadge(
    /// The status.
    status: TaskStatus,
) -> impl IntoView {
    view! { <Badge tone=task_tone(&status) text=Viewer::current().lang.task_status(&status)/> }
}

/// State of a plan.
#[component]
pub fn PlanBadge(
    /// The state.
    state: PlanState,
) -> impl IntoView {
    let tone = match state {
        PlanState::Draft | PlanState::Moved | PlanState::Cancelled => Tone::Quiet,
        PlanState::OnHold | PlanState::PartlyScheduled | PlanState::ChangesAsked | PlanState::Expired => Tone::Warn,
        PlanState::InReview => Tone::Busy,
        PlanState::Scheduling | PlanState::Scheduled | PlanState::Running => Tone::Busy,
        PlanState::InDoubt => Tone::Doubt,
        PlanState::Completed => Tone::Good,
        PlanState::PartlyFailed | PlanState::Failed | PlanState::Rejected => Tone::Bad,
    };
    view! { <Badge tone=tone text=Viewer::current().lang.plan_state(state)/> }
}

/// State of one instance of a plan: the task's, once the list has shown it.
#[component]
pub fn ItemBadge(
    /// The item.
    item: Item,
) -> impl IntoView {
    let lang = Viewer::current().lang;
    let (tone, text) = match (&item.state, &item.task_status) {
        (ItemState::Accepted { .. }, Some(status)) => (task_tone(status), lang.task_status(status)),
        (ItemState::Accepted { .. }, None) => {
            let tone = if item.lost_sight.is_some() { Tone::Doubt } else { Tone::Busy };
            (tone, lang.task_unseen().to_owned())
        }
        (state, _) => {
            let tone = match state {
                ItemState::Unknown { .. } => Tone::Doubt,
                ItemState::Stopped { why: Stop::NoProof } => Tone::Doubt,
                ItemState::Stopped { why: Stop::NotMoved } => Tone::Warn,
                ItemState::Rejected { .. } | ItemState::Stopped { .. } | ItemState::Missed => Tone::Bad,
                ItemState::Withdrawn => Tone::Quiet,
                _ => Tone::Busy,
            };
            (tone, lang.item_state(state).to_owned())
        }
    };
    view! { <Badge tone=tone text=text/> }
}
