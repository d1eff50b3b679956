//! The one place that decides who may do what, to what, when. Whatever is not in the table is refused.

use crate::{Error, Services};
use patchboard_domain::{
    account::{Actor, Role},
    authority::{Action, Denied, Stage},
    id::UserId,
    plan::Plan,
};

/// One line of the table.
struct Rule {
    action: Action,
    /// Any of these is enough.
    roles: &'static [Role],
    /// Stages of the plan in which it is possible; nothing for what is not about a plan.
    stages: &'static [Stage],
    /// Not for who has changed the plan at any time, where four eyes are asked for.
    others_only: bool,
    /// Only for who has shown not long ago who they are: a browser left open is not enough.
    proved: bool,
}

const ANYBODY: &[Role] = &Role::ALL;
const PLANNERS: &[Role] = &[Role::Operator];
const DECIDERS: &[Role] = &[Role::Approver];
const PLANNERS_AND_DECIDERS: &[Role] = &[Role::Operator, Role::Approver];

const fn rule(action: Action, roles: &'static [Role], stages: &'static [Stage]) -> Rule {
    Rule { action, roles, stages, others_only: false, proved: false }
}

/// Role × action × stage.
const TABLE: [Rule; Action::ALL.len()] = [
    rule(Action::Read, ANYBODY, &[]),
    rule(Action::Refresh, ANYBODY, &[]),
    rule(Action::ResumeCloud, &[Role::Operator, Role::Administrator], &[]),
    rule(Action::CreatePlan, PLANNERS, &[]),
    rule(Action::EditPlan, PLANNERS, &[Stage::Draft]),
    rule(Action::DiscardPlan, PLANNERS, &[Stage::Draft]),
    rule(Action::AskReview, PLANNERS, &[Stage::Draft]),
    rule(Action::SendPlan, PLANNERS, &[Stage::Draft]),
    rule(Action::Comment, PLANNERS_AND_DECIDERS, &Stage::ALL),
    Rule { action: Action::Decide, roles: DECIDERS, stages: &[Stage::InReview], others_only: true, proved: true },
    rule(Action::CheckPlan, PLANNERS_AND_DECIDERS, &[]),
    rule(Action::Reopen, PLANNERS, &[Stage::InReview]),
    rule(Action::HoldPlan, PLANNERS_AND_DECIDERS, &[Stage::Submitted]),
    rule(Action::WithdrawPlan, PLANNERS_AND_DECIDERS, &[Stage::Submitted]),
    rule(Action::AcknowledgePlan, PLANNERS_AND_DECIDERS, &[Stage::Submitted]),
    rule(Action::OrderTask, PLANNERS_AND_DECIDERS, &[]),
    rule(Action::ResolveDoubt, PLANNERS_AND_DECIDERS, &[]),
    // The emergency brake: whoever acts here at all may pull it.
    rule(Action::HoldAll, &[Role::Operator, Role::Approver, Role::Administrator], &[]),
    // Addresses and times of sign-ins stand in it: whoever only looks does not see those of others.
    rule(Action::ReadLedger, &[Role::Operator, Role::Approver, Role::Administrator], &[]),
    Rule { proved: true, ..rule(Action::ManagePeople, &[Role::Administrator], &[]) },
    rule(Action::OwnAccount, ANYBODY, &[]),
    Rule { proved: true, ..rule(Action::OwnFactor, ANYBODY, &[]) },
];

/// What is asked about.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// How far the plan is.
    pub stage: Stage,
    /// Everybody who has changed it since it was begun.
    pub editors: &'a [UserId],
    /// Whether they are kept from deciding about it.
    pub four_eyes: bool,
}

/// Whether somebody may. Without a subject only the role is asked: that is what lets somebody through the door at all.
///
/// # Errors
/// The first reason that stands against it.
pub fn authorize(actor: &Actor, action: Action, subject: Option<Subject<'_>>) -> Result<(), Denied> {
    let rule = TABLE.iter().find(|r| r.action == action).ok_or(Denied::Anonymous)?;
    if !rule.roles.iter().any(|role| actor.is(*role)) {
        return Err(Denied::Role(rule.roles.to_vec()));
    }
    let unproved = rule.proved && !actor.proved;
    let Some(subject) = subject else { return if unproved { Err(Denied::Unproved) } else { Ok(()) } };
    if !rule.stages.is_empty() && !rule.stages.contains(&subject.stage) {
        return Err(Denied::Stage(subject.stage));
    }
    let own = actor.user.as_ref().is_some_and(|user| subject.editors.contains(user));
    if rule.others_only && subject.four_eyes && own {
        return Err(Denied::OwnPlan);
    }
    // Last: nobody is asked to show who they are for what they may not do anyway.
    if unproved { Err(Denied::Unproved) } else { Ok(()) }
}

impl Services {
    /// Refuses unless somebody may, whatever it is about.
    pub(crate) fn allow(&self, actor: &Actor, action: Action) -> Result<(), Error> {
        authorize(actor, action, None).map_err(Error::Denied)
    }

    /// Whether somebody may do it to this plan now.
    pub(crate) fn may(&self, actor: &Actor, action: Action, plan: &Plan) -> Result<(), Denied> {
        let subject = Subject { stage: plan.stage(), editors: &plan.editors, four_eyes: self.policy().review.four_eyes };
        authorize(actor, action, Some(subject))
    }

    /// Refuses unless somebody may do it to this plan now. A stage that does not fit means that it was changed meanwhile.
    pub(crate) fn allow_plan(&self, actor: &Actor, action: Action, plan: &Plan) -> Result<(), Error> {
        self.may(actor, action, plan).map_err(|denied| match denied {
            Denied::Stage(_) => Error::Changed,
            other => Error::Denied(other),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The table as people would write it on a wall, by role and stage: what is not listed is refused.
    fn wall(role: Role, action: Action, stage: Stage) -> bool {
        use Action as A;
        use Role as R;
        match action {
            A::Read | A::Refresh | A::OwnAccount | A::OwnFactor => true,
            A::ReadLedger | A::HoldAll => role != R::Viewer,
            A::ResumeCloud => matches!(role, R::Operator | R::Administrator),
            A::CreatePlan => role == R::Operator,
            A::EditPlan | A::DiscardPlan | A::AskReview | A::SendPlan => role == R::Operator && stage == Stage::Draft,
            A::Comment => matches!(role, R::Operator | R::Approver),
            A::Decide => role == R::Approver && stage == Stage::InReview,
            A::Reopen => role == R::Operator && stage == Stage::InReview,
            A::HoldPlan | A::WithdrawPlan | A::AcknowledgePlan => matches!(role, R::Operator | R::Approver) && stage == Stage::Submitted,
            A::OrderTask | A::CheckPlan | A::ResolveDoubt => matches!(role, R::Operator | R::Approver),
            A::ManagePeople => role == R::Administrator,
        }
    }

    fn actor(roles: &[Role]) -> Actor {
        Actor { user: Some(UserId::new("me")), roles: roles.to_vec(), ..Actor::system() }
    }

    #[test]
    fn every_role_action_and_stage() {
        let (me, other) = (UserId::new("me"), UserId::new("other"));
        for role in Role::ALL {
            for action in Action::ALL {
                for stage in Stage::ALL {
                    let ask = |editors: &[&UserId]| {
                        let editors: Vec<UserId> = editors.iter().map(|id| (*id).clone()).collect();
                        authorize(&actor(&[role]), action, Some(Subject { stage, editors: &editors, four_eyes: true })).is_ok()
                    };
                    let expected = wall(role, action, stage);
                    assert_eq!(ask(&[&other, &other]), expected, "{role:?} {action:?} {stage:?}");
                    let own = expected && action != Action::Decide;
                    for editors in [[&me, &other, &other], [&other, &me, &other], [&other, &other, &me]] {
                        assert_eq!(ask(&editors), own, "{editors:?}: {role:?} {action:?} {stage:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn deciding_and_managing_people_ask_who_it_is_once_more() {
        for action in Action::ALL {
            let stale = Actor { proved: false, ..actor(&Role::ALL) };
            let refused = authorize(&stale, action, None) == Err(Denied::Unproved);
            assert_eq!(refused, matches!(action, Action::Decide | Action::ManagePeople | Action::OwnFactor), "{action:?}");
        }
        let stale = Actor { proved: false, ..actor(&[Role::Viewer]) };
        let denied = authorize(&stale, Action::Decide, None);
        assert!(matches!(denied, Err(Denied::Role(_))), "who may not anyway is not asked: {denied:?}");
    }

    #[test]
    fn nobody_without_a_role_may_do_anything() {
        for action in Action::ALL {
            assert!(authorize(&actor(&[]), action, None).is_err(), "{action:?}");
        }
    }

    #[test]
    fn all_roles_together_do_not_lift_four_eyes() {
        let editors = [UserId::new("me")];
        let subject = Subject { stage: Stage::InReview, editors: &editors, four_eyes: true };
        assert_eq!(authorize(&actor(&Role::ALL), Action::Decide, Some(subject)), Err(Denied::OwnPlan));
        assert_eq!(authorize(&actor(&Role::ALL), Action::Decide, Some(Subject { four_eyes: false, ..subject })), Ok(()));
    }
}
