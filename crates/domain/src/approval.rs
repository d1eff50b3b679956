//! What was approved, held against what stands in the database and against each body before it leaves.
//!
//! A body can be built from an [`ApprovedRequest`] only, and one of those comes out of [`ApprovedPlan::verify`] only.

use crate::{
    compile::{self, Body, Request},
    id::{CloudName, InstanceId},
    plan::Plan,
    send::ItemState,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

/// Why what stands in the database is not what was approved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mismatch {
    /// A row of it is missing or cannot be read.
    Unreadable,
    /// The plan names no approved hash, no start or no time of submission.
    NeverApproved,
    /// The requests are not those of the approved hash.
    Requests,
    /// The rows of the instances are not those of the approved requests.
    Instances,
    /// The attempts are not numbered as they were written.
    Attempts,
    /// The audit log has no submission of this hash for this cloud.
    NotRecorded,
    /// No review approved it.
    NotReviewed,
    /// Not enough approvals count any more.
    TooFewApprovals,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unreadable => "a row of the plan is missing or cannot be read",
            Self::NeverApproved => "the plan names no approved hash, no start or no time of submission",
            Self::Requests => "the requests are not those of the approved hash",
            Self::Instances => "the rows of the instances are not those of the approved requests",
            Self::Attempts => "the attempts are not numbered as they were written",
            Self::NotRecorded => "the audit log has no submission of this hash for this cloud",
            Self::NotReviewed => "no review approved it",
            Self::TooFewApprovals => "not enough approvals count any more",
        })
    }
}

/// A request that was approved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApprovedRequest(Request);

impl ApprovedRequest {
    /// A request of a test or of the model, taken as approved.
    #[cfg(test)]
    pub(crate) fn assume(request: &Request) -> Self {
        Self(request.clone())
    }

    /// Its instances, in body order.
    pub fn instances(&self) -> &[InstanceId] {
        &self.0.instances
    }

    /// The approved body, or the same for some of its instances, in the approved order. Nothing when one of them is not in it.
    pub fn body_for(&self, instances: &[InstanceId]) -> Option<String> {
        let wanted: BTreeSet<&InstanceId> = instances.iter().collect();
        let mut body = Body::parse(&self.0.body)?;
        body.instance_ids.retain(|id| wanted.contains(&InstanceId::new(id.clone())));
        (!wanted.is_empty() && body.instance_ids.len() == wanted.len()).then(|| body.text())
    }

    /// Whether a body may leave: it has the approved hash, or it names a part of the approved instances and is equal otherwise.
    pub fn covers(&self, body: &str) -> bool {
        if compile::hash(&self.0.body) != self.0.hash {
            return false;
        }
        if compile::hash(body) == self.0.hash {
            return true;
        }
        let named = Body::parse(body).map(|b| b.instance_ids.into_iter().map(InstanceId::new).collect::<Vec<_>>());
        named.and_then(|ids| self.body_for(&ids)).is_some_and(|part| part == body)
    }
}

/// The row of one instance of a submitted plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredItem {
    /// Position of its request.
    pub position: i64,
    /// Its cloud.
    pub cloud: CloudName,
    /// The instance.
    pub instance: InstanceId,
    /// Cloud and instance stand in the row as text, letter by letter: a row with a blank more is found by no statement of ours.
    pub is_exact: bool,
    /// The state that rows are found by.
    pub state_word: String,
    /// The task that rows are found by.
    pub task_key: Option<String>,
    /// The state; nothing when it cannot be read.
    pub state: Option<ItemState>,
}

/// Words of states that an instance has only once a call for it may have left.
const LEFT: [&str; 3] = ["sending", "unknown", "accepted"];

impl StoredItem {
    /// Whether it is to be sent, or might be: of what cannot be read the word beside it is taken. One that waits for its old task to be
    /// cancelled is not: the list of tasks says first what has become of that.
    pub fn is_unsent(&self) -> bool {
        match &self.state {
            Some(state) => *state == ItemState::Planned,
            None => !LEFT.contains(&self.state_word.as_str()),
        }
    }

    fn is_itself(&self) -> bool {
        self.is_exact && self.state.as_ref().is_some_and(|s| s.word() == self.state_word && s.task_key() == self.task_key)
    }
}

/// Everything that stands in the database about a submitted plan and decides what is sent.
#[derive(Clone, Debug, Default)]
pub struct StoredPlan {
    /// The plan; nothing when there is none or it cannot be read.
    pub plan: Option<Plan>,
    /// Positions with their requests, ascending; nothing in place of what cannot be read.
    pub requests: Vec<(i64, Option<Request>)>,
    /// The rows of the instances.
    pub items: Vec<StoredItem>,
    /// Position and number of every attempt, ascending; nothing in place of one that cannot be read.
    pub attempts: Vec<Option<(i64, i64)>>,
}

/// A plan whose stored requests are the approved ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApprovedPlan(Vec<ApprovedRequest>);

impl ApprovedPlan {
    /// Holds plan and requests against the approved hash. `is_recorded` says whether the audit log has a submission of this hash for
    /// this cloud.
    ///
    /// # Errors
    /// [`Mismatch`].
    pub fn verify(plan: &Plan, requests: &[Request], is_recorded: impl FnOnce(&str, &CloudName) -> bool) -> Result<Self, Mismatch> {
        let (Some(hash), Some(start_at), Some(_)) = (plan.approved_hash.as_deref(), plan.start_at, plan.submitted_at) else {
            return Err(Mismatch::NeverApproved);
        };
        if !compile::are_what_they_say(requests, hash, start_at) {
            return Err(Mismatch::Requests);
        }
        if !is_recorded(hash, &plan.cloud) {
            return Err(Mismatch::NotRecorded);
        }
        Ok(Self(requests.iter().cloned().map(ApprovedRequest).collect()))
    }

    /// The same, with every row that decides what is sent.
    ///
    /// # Errors
    /// [`Mismatch`].
    pub fn verify_rows(stored: &StoredPlan, is_recorded: impl FnOnce(&str, &CloudName) -> bool) -> Result<Self, Mismatch> {
        let plan = stored.plan.as_ref().ok_or(Mismatch::Unreadable)?;
        let requests: Vec<Request> =
            stored.requests.iter().map(|(_, request)| request.clone()).collect::<Option<_>>().ok_or(Mismatch::Unreadable)?;
        if !stored.requests.iter().map(|(position, _)| *position).eq(0..i64::try_from(requests.len()).unwrap_or(i64::MAX)) {
            return Err(Mismatch::Requests);
        }
        let approved = Self::verify(plan, &requests, is_recorded)?;
        approved.check_items(&plan.cloud, &stored.items)?;
        check_attempts(&stored.attempts)?;
        Ok(approved)
    }

    /// One of its requests.
    pub fn request(&self, position: i64) -> Option<&ApprovedRequest> {
        self.0.get(usize::try_from(position).ok()?)
    }

    fn check_items(&self, cloud: &CloudName, items: &[StoredItem]) -> Result<(), Mismatch> {
        if items.iter().any(|item| item.state.is_none()) {
            return Err(Mismatch::Unreadable);
        }
        let stored: BTreeSet<(i64, &InstanceId)> = items.iter().map(|item| (item.position, &item.instance)).collect();
        let approved: BTreeSet<(i64, &InstanceId)> =
            (0..).zip(&self.0).flat_map(|(position, r)| r.instances().iter().map(move |i| (position, i))).collect();
        let alike = items.iter().all(|item| item.is_itself() && item.cloud == *cloud);
        if alike && stored == approved { Ok(()) } else { Err(Mismatch::Instances) }
    }
}

/// Attempts are numbered from 1 for each request: another number would stand in the way of the next one.
fn check_attempts(attempts: &[Option<(i64, i64)>]) -> Result<(), Mismatch> {
    let mut last: BTreeMap<i64, i64> = BTreeMap::new();
    for attempt in attempts {
        let (position, number) = attempt.ok_or(Mismatch::Unreadable)?;
        let expected = last.entry(position).or_default();
        *expected += 1;
        if number != *expected {
            return Err(Mismatch::Attempts);
        }
    }
    Ok(())
}

/// Approved instances for which there is no row, with the positions of their requests. Of requests that are not the approved ones
/// nothing is believed.
pub fn missing_rows(stored: &StoredPlan) -> Vec<(i64, InstanceId)> {
    let requests: Vec<Request> = stored.requests.iter().filter_map(|(_, request)| request.clone()).collect();
    if stored.plan.as_ref().is_none_or(|plan| ApprovedPlan::verify(plan, &requests, |_, _| true).is_err()) {
        return Vec::new();
    }
    let rows: BTreeSet<&InstanceId> = stored.items.iter().map(|item| &item.instance).collect();
    let requests = stored.requests.iter().filter_map(|(position, request)| Some((*position, request.as_ref()?)));
    let named = requests.flat_map(|(position, request)| request.instances.iter().map(move |i| (position, i)));
    named.filter(|(_, instance)| !rows.contains(instance)).map(|(position, instance)| (position, instance.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compile::{Input, compile};
    use chrono::{DateTime, FixedOffset, Utc};

    fn id(n: u32) -> InstanceId {
        InstanceId::new(format!("{n:032x}in14"))
    }

    fn request() -> ApprovedRequest {
        let instances: Vec<_> = (1..=3).map(|n| (id(n), "3.208.0".parse().unwrap())).collect();
        let input = Input {
            instances: &instances,
            patches: &["3.208.0.7".parse().unwrap()],
            start: "2026-06-05T17:47:20Z".parse::<DateTime<Utc>>().unwrap(),
            offset: FixedOffset::east_opt(8 * 3600).unwrap(),
            max_instances: 30,
        };
        ApprovedRequest(compile(&input).remove(0))
    }

    #[test]
    fn the_approved_body_and_parts_of_it_may_leave() {
        let approved = request();
        assert!(approved.covers(&approved.0.body.clone()));
        let part = approved.body_for(&[id(3), id(1)]).unwrap();
        assert!(part.find(id(1).as_str()) < part.find(id(3).as_str()), "in the approved order");
        assert!(approved.covers(&part));
        assert_eq!(approved.body_for(&[id(3), id(2), id(1)]), Some(approved.0.body.clone()), "byte for byte");
    }

    #[test]
    fn nothing_else_may_leave() {
        let approved = request();
        let body = approved.0.body.clone();
        let others = [
            body.replace(id(2).as_str(), id(9).as_str()),
            body.replace("3.208.0.7", "3.208.0.6"),
            body.replace("01:47:20", "01:47:21"),
            body.replace("+0800", "+0700"),
            body.replace("\"hotfix\"", "\"other\""),
            body.replace("upgradeAutoCommit", "upgrade"),
            body.replace(&format!("\"{}\"", id(2)), &format!("\"{0}\",\"{0}\"", id(2))),
            body.replace("{\"instance_ids\"", "{\"more\":1,\"instance_ids\""),
            body.replace(&format!("\"{}\",\"{}\"", id(1), id(2)), &format!("\"{}\",\"{}\"", id(2), id(1))),
            format!("{body} "),
            approved.body_for(&[id(1)]).unwrap().replace(id(1).as_str(), ""),
            String::new(),
        ];
        for other in others {
            assert_ne!(other, body);
            assert!(!approved.covers(&other), "{other}");
        }
        assert_eq!(approved.body_for(&[id(9)]), None);
        assert_eq!(approved.body_for(&[]), None);
        let mut edited = approved.clone();
        edited.0.body = body.replace("3.208.0.7", "3.208.0.6");
        assert!(!edited.covers(&edited.0.body.clone()), "a body that has not the hash beside it");
    }
}
