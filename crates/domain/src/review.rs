//! Decisions about plans: how many are needed, what they are bound to, and which of them count.

use crate::{
    compile::Request,
    id::UserId,
    instance::Instance,
    patch::PatchKind,
    plan::{Draft, Plan, PlanState},
    version::PatchVersion,
};
use chrono::{DateTime, Duration, Utc};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What the people who run this have decided about reviews.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReviewPolicy {
    /// Plans need a decision. A team that works without says so openly, and every page does.
    pub required: bool,
    /// Approvals that any plan needs.
    pub approvals: usize,
    /// Who wrote a plan, or changed it at any time, does not decide about it, administrators included.
    pub four_eyes: bool,
    /// A plan whose start is nearer than this many minutes when it is asked about needs a second approver; 0: never.
    pub urgent_minutes: i64,
    /// More approvals for some plans.
    pub rules: Vec<ApprovalRule>,
}

impl Default for ReviewPolicy {
    fn default() -> Self {
        Self { required: true, approvals: 1, four_eyes: true, urgent_minutes: 120, rules: Vec::new() }
    }
}

impl ReviewPolicy {
    /// Works without review.
    pub fn none() -> Self {
        Self { required: false, ..Self::default() }
    }
}

/// Asks for more approvals when all that it names is true of a plan.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApprovalRule {
    /// Some instance has this tag, `key=value`; empty: any.
    pub tag: String,
    /// So many instances or more.
    pub instances: usize,
    /// A custom patch is among them.
    pub custom_patch: bool,
    /// The start is nearer than so many minutes; 0: whenever it is.
    #[serde(default)]
    pub within_minutes: i64,
    /// Approvals needed then.
    pub approvals: usize,
}

/// Why so many approvals are needed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum NeedReason {
    /// Every plan needs as many.
    Always,
    /// A rule of the policy.
    Rule(ApprovalRule),
    /// It starts soon.
    Urgent {
        /// In minutes.
        within: i64,
    },
}

/// How many approvals a plan needs, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Need {
    /// Approvals; 0 only where the team works without review.
    pub approvals: usize,
    /// The reasons that ask for the most.
    pub why: Vec<NeedReason>,
}

/// What the policy asks of a plan that starts at `start` when it is `now`.
pub fn need(policy: &ReviewPolicy, instances: &[&Instance], kinds: &[PatchKind], start: DateTime<Utc>, now: DateTime<Utc>) -> Need {
    if !policy.required {
        return Need { approvals: 0, why: Vec::new() };
    }
    let tagged = |tag: &str| tag.is_empty() || instances.iter().any(|i| i.has_tag(tag));
    let mut wanted = vec![(policy.approvals.max(1), NeedReason::Always)];
    for rule in &policy.rules {
        let soon = rule.within_minutes == 0 || start < now + Duration::minutes(rule.within_minutes);
        let custom = !rule.custom_patch || kinds.contains(&PatchKind::Custom);
        if tagged(&rule.tag) && instances.len() >= rule.instances && custom && soon {
            wanted.push((rule.approvals, NeedReason::Rule(rule.clone())));
        }
    }
    if policy.urgent_minutes > 0 && start < now + Duration::minutes(policy.urgent_minutes) {
        wanted.push((2, NeedReason::Urgent { within: policy.urgent_minutes }));
    }
    let approvals = wanted.iter().map(|(n, _)| *n).max().unwrap_or(1);
    Need { approvals, why: wanted.into_iter().filter(|(n, _)| *n == approvals).map(|(_, why)| why).collect() }
}

/// What somebody decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Send exactly this.
    Approve,
    /// Not like this: back to its author.
    Changes,
    /// No.
    Reject,
}

impl Verdict {
    /// The word in the store and in forms.
    pub fn word(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Changes => "changes",
            Self::Reject => "reject",
        }
    }

    /// The verdict of a word.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Approve, Self::Changes, Self::Reject].into_iter().find(|v| v.word() == word)
    }
}

/// One decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// Whose.
    pub user: UserId,
    /// What.
    pub verdict: Verdict,
    /// Hash of the requests that were seen.
    pub hash: String,
    /// May be empty for an approval.
    pub comment: String,
    /// When.
    pub at: DateTime<Utc>,
}

/// How a review ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReviewEnd {
    /// Enough approvals: it was submitted.
    Approved,
    /// Changes were asked for.
    Changes,
    /// Rejected.
    Rejected,
    /// Taken back by its side.
    Withdrawn,
}

impl ReviewEnd {
    /// The word in the store.
    pub fn word(self) -> &'static str {
        match self {
            Self::Approved => "approved",
            Self::Changes => "changes",
            Self::Rejected => "rejected",
            Self::Withdrawn => "withdrawn",
        }
    }

    /// The end of a word.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Approved, Self::Changes, Self::Rejected, Self::Withdrawn].into_iter().find(|e| e.word() == word)
    }
}

/// What was asked about, as it stood then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// The draft.
    pub draft: Draft,
    /// The requests, in their order.
    pub requests: Vec<Request>,
    /// Approvals needed, and why.
    pub need: Need,
}

/// One review of a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Review {
    /// 1 for the first.
    pub number: i64,
    /// Hash of the requests in their order.
    pub hash: String,
    /// The start that was asked about.
    pub start_at: DateTime<Utc>,
    /// What was asked about.
    pub asked: Asked,
    /// Who asked.
    pub asked_by: UserId,
    /// When.
    pub asked_at: DateTime<Utc>,
    /// How it ended, and when.
    pub ended: Option<(ReviewEnd, DateTime<Utc>)>,
    /// Decisions, oldest first.
    pub decisions: Vec<Decision>,
}

impl Review {
    /// Last moment for a decision: the start minus the lead time.
    pub fn deadline(&self, lead_minutes: i64) -> DateTime<Utc> {
        self.start_at - Duration::minutes(lead_minutes)
    }
}

/// Approvals that count: of exactly these requests, one for each person, by somebody who still may.
pub fn standing(decisions: &[Decision], hash: &str, still_may: impl Fn(&UserId) -> bool) -> usize {
    let people: BTreeSet<&UserId> =
        decisions.iter().filter(|d| d.verdict == Verdict::Approve && d.hash == hash && still_may(&d.user)).map(|d| &d.user).collect();
    people.len()
}

/// Where a plan stands that is not submitted.
pub fn before_submission(plan: &Plan, last: Option<&Review>, lead_minutes: i64, now: DateTime<Utc>) -> PlanState {
    match (plan.review, last) {
        (Some(_), Some(review)) if now > review.deadline(lead_minutes) => PlanState::Expired,
        (Some(_), _) => PlanState::InReview,
        (None, Some(Review { ended: Some((ReviewEnd::Changes, _)), .. })) => PlanState::ChangesAsked,
        (None, Some(Review { ended: Some((ReviewEnd::Rejected, _)), .. })) => PlanState::Rejected,
        _ => PlanState::Draft,
    }
}

/// What is different since something was looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// Instances that were not there.
    pub added: Vec<crate::id::InstanceId>,
    /// Instances that are no longer there.
    pub removed: Vec<crate::id::InstanceId>,
    /// Patches that were not there.
    pub patches_added: Vec<PatchVersion>,
    /// Patches that are no longer there.
    pub patches_removed: Vec<PatchVersion>,
    /// The start, before and after, where it differs.
    pub start: Option<(DateTime<Utc>, DateTime<Utc>)>,
}

impl Difference {
    /// Between two reviews.
    pub fn between(before: &Review, after: &Review) -> Self {
        let (old, new) = (&before.asked.draft, &after.asked.draft);
        Self {
            added: new.instances.iter().filter(|i| !old.instances.contains(i)).cloned().collect(),
            removed: old.instances.iter().filter(|i| !new.instances.contains(i)).cloned().collect(),
            patches_added: new.patches.iter().filter(|p| !old.patches.contains(p)).copied().collect(),
            patches_removed: old.patches.iter().filter(|p| !new.patches.contains(p)).copied().collect(),
            start: (before.start_at != after.start_at).then_some((before.start_at, after.start_at)),
        }
    }

    /// Whether the requests are the same.
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        id::{CloudName, InstanceId},
        instance::{Form, Status, Tag},
    };

    fn at(minutes: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + Duration::minutes(minutes)
    }

    fn instance(env: &str) -> Instance {
        Instance {
            cloud: CloudName::new("c"),
            id: InstanceId::new("i"),
            name: String::new(),
            status: Status("ACTIVE".to_owned()),
            form: Form::Other,
            engine: None,
            patches: Vec::new(),
            tags: vec![Tag { key: "env".to_owned(), value: env.to_owned() }],
            enterprise_project: String::new(),
            maintenance: None,
            backup: None,
            nodes: Vec::new(),
            disk_usage: None,
            seen_at: at(0),
            gone_at: None,
        }
    }

    #[test]
    fn the_strictest_rule_decides_and_is_named() {
        let prod = ApprovalRule { tag: "env=prod".to_owned(), instances: 2, approvals: 2, ..ApprovalRule::default() };
        let custom = ApprovalRule { custom_patch: true, approvals: 3, ..ApprovalRule::default() };
        let hasty = ApprovalRule { tag: "env=prod".to_owned(), within_minutes: 1440, approvals: 4, ..ApprovalRule::default() };
        let policy = ReviewPolicy { rules: vec![prod.clone(), custom.clone(), hasty.clone()], ..ReviewPolicy::default() };
        let (a, b) = (instance("prod"), instance("test"));
        let ask = |instances: &[&Instance], kinds: &[PatchKind], start: i64| need(&policy, instances, kinds, at(start), at(0));
        assert_eq!(ask(&[&a], &[], 1440), Need { approvals: 1, why: vec![NeedReason::Always] });
        assert_eq!(ask(&[&a], &[], 1439), Need { approvals: 4, why: vec![NeedReason::Rule(hasty)] });
        assert_eq!(ask(&[&a, &b], &[], 1440), Need { approvals: 2, why: vec![NeedReason::Rule(prod)] });
        assert_eq!(ask(&[&b, &b], &[], 600).approvals, 1);
        assert_eq!(ask(&[&b], &[PatchKind::Custom], 600), Need { approvals: 3, why: vec![NeedReason::Rule(custom)] });
        assert_eq!(ask(&[&b], &[], 119), Need { approvals: 2, why: vec![NeedReason::Urgent { within: 120 }] });
        assert_eq!(ask(&[&b], &[], 120).approvals, 1);
        assert_eq!(need(&ReviewPolicy::none(), &[&a], &[], at(1), at(0)).approvals, 0);
        let careless = ReviewPolicy { approvals: 0, ..ReviewPolicy::default() };
        assert_eq!(need(&careless, &[&a], &[], at(600), at(0)).approvals, 1, "only a team that says so works without");
    }

    #[test]
    fn approvals_count_once_each_for_what_was_seen_by_who_still_may() {
        let decision = |user: &str, verdict, hash: &str| Decision {
            user: UserId::new(user),
            verdict,
            hash: hash.to_owned(),
            comment: String::new(),
            at: at(0),
        };
        let all = [
            decision("a", Verdict::Approve, "h"),
            decision("a", Verdict::Approve, "h"),
            decision("b", Verdict::Approve, "old"),
            decision("c", Verdict::Reject, "h"),
            decision("d", Verdict::Approve, "h"),
        ];
        assert_eq!(standing(&all, "h", |_| true), 2);
        assert_eq!(standing(&all, "h", |u| u.as_str() != "d"), 1);
    }
}
