//! Cancelling is a saga: asked, answered by the cloud, confirmed by the list, or too late.

use crate::{
    send::CloudError,
    task::{Task, TaskStatus},
};
use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};

/// What was asked of the cloud about a task id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskOrder {
    /// `PUT …/cancel`.
    Cancel,
    /// `DELETE …`: the cloud forgets the record, our history stays.
    Delete,
}

impl TaskOrder {
    /// The word used in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cancel => "cancel",
            Self::Delete => "delete",
        }
    }
}

/// Somebody made it outside Patchboard.
pub fn is_external(tasks: &[Task]) -> bool {
    tasks.iter().any(|t| t.gone_at.is_none() && t.plan.is_none())
}

/// What must be typed, and a reason given, before a task is cancelled or its record deleted, when it is external or `production`
/// instances are among its own: the name of its instance, or the number of instances where several share the id.
pub fn must_be_typed(tasks: &[Task], production: usize) -> Option<String> {
    let listed: Vec<&Task> = tasks.iter().filter(|t| t.gone_at.is_none()).collect();
    if production == 0 && !is_external(tasks) {
        return None;
    }
    Some(match listed[..] {
        [one] if one.instance_name.is_empty() => one.instance.to_string(),
        [one] => one.instance_name.clone(),
        _ => listed.len().to_string(),
    })
}

/// How far such an order has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum OrderState {
    /// Journalled, and to be called (again). Cancelling twice does no harm.
    Asked {
        /// Why the last try had no answer, if there was one.
        error: Option<CloudError>,
        /// A try may have reached the cloud: a later refusal may only mean that it worked.
        may_have_worked: bool,
        /// When it was last given to the cloud. Nothing before the first time, and in records of earlier versions.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        given_at: Option<DateTime<Utc>>,
    },
    /// Refused after an earlier try that may have worked: the list decides, nothing more is called.
    Contested {
        /// In the cloud's words.
        error: CloudError,
        /// When it was refused: the try before it may act for a while yet. Nothing in records of earlier versions.
        #[serde(default)]
        at: Option<DateTime<Utc>>,
    },
    /// The cloud said yes; the list does not show it yet.
    Answered {
        /// When it said so.
        at: DateTime<Utc>,
    },
    /// The list shows it.
    Confirmed,
    /// The list shows that it had started or ended before, or vanished.
    TooLate {
        /// What it shows; empty when it lists it no longer.
        status: String,
    },
    /// Some of the instances that share the id were cancelled, others had started or ended before.
    Partly {
        /// How many were cancelled.
        cancelled: usize,
        /// What the list shows of one of the others.
        status: String,
    },
    /// The cloud said yes, and its list still shows the task as before: it may be asked again.
    NoEffect,
    /// Taken back before it was given.
    Dropped,
    /// The cloud said no.
    Refused {
        /// In its words.
        error: CloudError,
    },
}

impl OrderState {
    /// Before the first try.
    pub fn begin() -> Self {
        Self::Asked { error: None, may_have_worked: false, given_at: None }
    }

    /// When it was last given to the cloud, while it has no answer.
    pub fn given_at(&self) -> Option<DateTime<Utc>> {
        match self {
            Self::Asked { given_at, .. } => *given_at,
            _ => None,
        }
    }

    /// Whether both have no answer for the same reason.
    pub fn says_the_same_as(&self, other: &Self) -> bool {
        let reason = |state: &Self| match state {
            Self::Asked { error: Some(error), may_have_worked, .. } => {
                Some((error.http_status, error.code.clone(), error.message.clone(), *may_have_worked))
            }
            _ => None,
        };
        reason(self).is_some() && reason(self) == reason(other)
    }

    /// Something is still to come.
    pub fn is_open(&self) -> bool {
        matches!(self, Self::Asked { .. } | Self::Contested { .. } | Self::Answered { .. })
    }
}

/// Why a task cannot be cancelled or its record deleted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum OrderRefusal {
    /// Only a pending task is safe to cancel; that it must be pending is our rule, the cloud documents none.
    NotPending(TaskStatus),
    /// An open task is cancelled first, its record deleted afterwards.
    StillOpen(TaskStatus),
    /// The cloud no longer lists it.
    Gone,
    /// It was asked already.
    Asked,
    /// No connection of its cloud's name is configured any more.
    NotConnected,
}

/// Whether all tasks under one id may be ordered so. `tasks` are all records sharing the id.
///
/// # Errors
/// The first reason that stands against it.
pub fn check_order(order: TaskOrder, tasks: &[Task], open_order: bool) -> Result<(), OrderRefusal> {
    if open_order {
        return Err(OrderRefusal::Asked);
    }
    let listed: Vec<_> = tasks.iter().filter(|t| t.gone_at.is_none()).collect();
    if listed.is_empty() {
        return Err(OrderRefusal::Gone);
    }
    match order {
        // One id may cover instances of which some already run: cancelling is offered while any of them still waits.
        TaskOrder::Cancel if listed.iter().any(|t| t.status == TaskStatus::Pending) => Ok(()),
        TaskOrder::Cancel => Err(OrderRefusal::NotPending(listed[0].status.clone())),
        TaskOrder::Delete => match listed.iter().find(|t| t.status.is_open()) {
            Some(open) => Err(OrderRefusal::StillOpen(open.status.clone())),
            None => Ok(()),
        },
    }
}

/// What a complete listing, begun at `began_at`, says about an open order. A yes of the cloud that its list does not show
/// `settle_seconds` later had no effect.
pub fn after_listing(order: TaskOrder, state: &OrderState, tasks: &[Task], began_at: DateTime<Utc>, settle_seconds: i64) -> OrderState {
    if !state.is_open() {
        return state.clone();
    }
    let listed: Vec<_> = tasks.iter().filter(|t| t.gone_at.is_none() && t.seen_at >= began_at).collect();
    let unchanged = || match state {
        OrderState::Contested { error, at } if at.is_none_or(|at| began_at >= at + Duration::seconds(settle_seconds)) => {
            OrderState::Refused { error: error.clone() }
        }
        OrderState::Answered { at } if began_at >= *at + Duration::seconds(settle_seconds) => OrderState::NoEffect,
        other => other.clone(),
    };
    match order {
        TaskOrder::Delete if listed.is_empty() => OrderState::Confirmed,
        TaskOrder::Delete => unchanged(),
        TaskOrder::Cancel if listed.is_empty() => OrderState::TooLate { status: String::new() },
        TaskOrder::Cancel if listed.iter().any(|t| t.status == TaskStatus::Pending) => unchanged(),
        TaskOrder::Cancel => {
            let cancelled = listed.iter().filter(|t| t.status == TaskStatus::Canceled).count();
            match listed.iter().find(|t| t.status != TaskStatus::Canceled).map(|t| t.status.as_str().to_owned()) {
                None => OrderState::Confirmed,
                Some(status) if cancelled > 0 => OrderState::Partly { cancelled, status },
                Some(status) => OrderState::TooLate { status },
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
    }

    fn task(status: TaskStatus) -> Task {
        Task::sample(status, at(100))
    }

    #[test]
    fn only_pending_tasks_are_cancelled_and_only_closed_ones_deleted() {
        use TaskStatus::{Canceled, Pending, Running};
        assert_eq!(check_order(TaskOrder::Cancel, &[task(Running), task(Pending)], false), Ok(()));
        assert_eq!(check_order(TaskOrder::Cancel, &[task(Running)], false), Err(OrderRefusal::NotPending(Running)));
        assert_eq!(check_order(TaskOrder::Cancel, &[task(Pending)], true), Err(OrderRefusal::Asked));
        assert_eq!(check_order(TaskOrder::Delete, &[task(Canceled), task(Pending)], false), Err(OrderRefusal::StillOpen(Pending)));
        assert_eq!(check_order(TaskOrder::Delete, &[task(Canceled)], false), Ok(()));
        assert_eq!(check_order(TaskOrder::Delete, &[], false), Err(OrderRefusal::Gone));
    }

    #[test]
    fn cancelled_is_said_only_when_the_list_says_so() {
        let order = |s: &OrderState, t: &[Task], began| after_listing(TaskOrder::Cancel, s, t, at(began), 120);
        let answered = OrderState::Answered { at: at(0) };
        assert_eq!(order(&answered, &[task(TaskStatus::Pending)], 50), answered);
        assert_eq!(order(&answered, &[task(TaskStatus::Canceled)], 50), OrderState::Confirmed);
        assert!(matches!(order(&answered, &[task(TaskStatus::Running)], 50), OrderState::TooLate { .. }));
        assert!(matches!(
            order(&answered, &[task(TaskStatus::Running), task(TaskStatus::Canceled)], 50),
            OrderState::Partly { cancelled: 1, .. }
        ));
        assert_eq!(order(&OrderState::begin(), &[task(TaskStatus::Canceled)], 50), OrderState::Confirmed);
    }

    #[test]
    fn every_order_ends() {
        let late = Task { seen_at: at(130), ..task(TaskStatus::Pending) };
        let answered = OrderState::Answered { at: at(0) };
        let contested = OrderState::Contested { error: CloudError::default(), at: Some(at(0)) };
        let order = |what, s: &OrderState, t: &[Task]| after_listing(what, s, t, at(130), 120);
        assert_eq!(order(TaskOrder::Cancel, &answered, std::slice::from_ref(&late)), OrderState::NoEffect);
        assert_eq!(order(TaskOrder::Delete, &answered, std::slice::from_ref(&late)), OrderState::NoEffect);
        assert!(matches!(order(TaskOrder::Cancel, &contested, std::slice::from_ref(&late)), OrderState::Refused { .. }));
        assert_eq!(order(TaskOrder::Cancel, &answered, &[]), OrderState::TooLate { status: String::new() });
        assert_eq!(order(TaskOrder::Delete, &answered, &[]), OrderState::Confirmed);
    }
}
