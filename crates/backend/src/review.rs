//! Decisions: asking for one, giving one, and holding what is sent against what was decided.

use crate::{Error, Services, drafts::plan_subject, plans::request_list, sync::TURN, throttle::Key};
use chrono::{DateTime, Utc};
use patchboard_domain::{
    account::{Actor, Role, User},
    authority::{Action, Denied, Stage},
    blast::blast_radius,
    compile,
    eligibility::{Chosen, patch_choices},
    fleet::{May, Names, ReviewView, Said},
    id::{InstanceId, PlanId, UserId},
    instance::Instance,
    plan::Plan,
    review::{Asked, Decision, Difference, Need, Review, ReviewEnd, Verdict, need, standing},
    version::PatchVersion,
};
use patchboard_store::{CommentRow, NewReview, Submission};
use serde_json::json;
use std::collections::BTreeSet;

/// Plans that are looked through for the same instances, last changed first.
const OTHER_PLANS: i64 = 200;

/// A decision so soon after its page was made is noted in the ledger, in milliseconds.
const HASTE_MS: i64 = 1_000;

/// The lease of whoever keeps a decision.
const DECIDING: &str = "deciding";

/// Longest comment.
const COMMENT_MAX: usize = 4_000;

/// What somebody says about a plan that waits for it.
#[derive(Clone, Copy, Debug)]
pub struct Ruling<'a> {
    /// Of the requests that they saw.
    pub hash: &'a str,
    /// What.
    pub verdict: Verdict,
    /// Why; may be empty for an approval.
    pub comment: &'a str,
    /// The number of instances they typed; an approval needs it where production is touched.
    pub count: &'a str,
    /// When the page was made on which they saw them, as far as it is known.
    pub shown: Option<DateTime<Utc>>,
}

impl Services {
    /// How many instances carry a tag that marks production.
    pub(crate) fn in_production<'a>(&self, instances: impl IntoIterator<Item = &'a Instance>) -> usize {
        instances.into_iter().filter(|i| self.policy().production.iter().any(|tag| i.has_tag(tag))).count()
    }

    /// How many approvals a plan needs.
    pub(crate) fn need(&self, chosen: &[Chosen], picked: &[PatchVersion], start: Option<DateTime<Utc>>) -> Need {
        let instances: Vec<_> = chosen.iter().map(|c| &c.instance).collect();
        let kinds: Vec<_> = patch_choices(chosen, picked).into_iter().filter(|c| picked.contains(&c.version)).map(|c| c.kind).collect();
        // Without a start nothing is urgent yet.
        let start = start.unwrap_or(DateTime::<Utc>::MAX_UTC);
        need(&self.policy().review, &instances, &kinds, start, self.now())
    }

    /// What somebody may do with a plan, each with why not.
    pub(crate) fn may_all(&self, actor: &Actor, plan: &Plan) -> May {
        May(Action::ALL.into_iter().map(|action| (action, self.may(actor, action, plan).err())).collect())
    }

    /// Names of people by their account.
    pub(crate) async fn names(&self) -> Result<Names, Error> {
        Ok(self.store().users().await?.into_iter().map(|u| (u.id.clone(), u.shown())).collect())
    }

    /// Comments and decisions, oldest first.
    pub(crate) async fn thread(&self, plan: &PlanId) -> Result<Vec<Said>, Error> {
        let names = self.names().await?;
        let name = |user: &UserId| names.get(user).cloned().unwrap_or_default();
        let mut thread: Vec<Said> = self
            .store()
            .comments(plan)
            .await?
            .into_iter()
            .map(|c| Said { who: name(&c.user), at: c.at, text: c.text, verdict: None })
            .collect();
        for review in self.store().reviews(plan).await? {
            thread.extend(review.decisions.into_iter().map(|d| Said {
                who: name(&d.user),
                at: d.at,
                text: d.comment,
                verdict: Some(d.verdict),
            }));
        }
        thread.sort_by_key(|s| s.at);
        Ok(thread)
    }

    /// Asks for a decision about a draft. `hash` is that of the requests that the person saw.
    ///
    /// # Errors
    /// [`Error::NotReady`] when something stands against it, [`Error::Changed`] when the requests are no longer those that were
    /// seen, [`Error::Denied`], [`Error::NotFound`], [`Error::Store`].
    pub async fn ask_review(&self, actor: &Actor, id: &PlanId, hash: &str) -> Result<(), Error> {
        let plan = self.plan(id).await?;
        self.allow(actor, Action::AskReview)?;
        if let Some(open) = self.open_review(&plan).await? {
            // A second click.
            return if open.hash == hash { Ok(()) } else { Err(Error::Changed) };
        }
        self.allow_plan(actor, Action::AskReview, &plan)?;
        self.read_candidates(&plan.cloud, &plan.draft.instances).await?;
        let view = self.draft_view(actor, id).await?;
        let start = match &view.start {
            Ok(start) if view.is_ready() => *start,
            _ => return Err(Error::NotReady),
        };
        if view.hash != hash {
            return Err(Error::Changed);
        }
        let by = signed_in(actor)?;
        let review = NewReview {
            plan: id.clone(),
            revision: view.plan.revision,
            hash: view.hash,
            start_at: start.at,
            asked: Asked { draft: view.plan.draft.clone(), requests: view.requests, need: view.need },
            by,
            now: self.now(),
        };
        let detail = json!({
            "hash": review.hash, "start_at": review.start_at, "approvals_needed": review.asked.need.approvals, "requests": request_list(&review.asked.requests),
            "title": view.plan.draft.title, "reason": view.plan.draft.reason, "ticket": view.plan.draft.ticket,
        });
        self.store().ask_review(&review, &self.deed(actor, "plan.ask_review", plan_subject(id), detail)).await?;
        tracing::info!(plan.id = %id, "a decision is asked for");
        Ok(())
    }

    async fn open_review(&self, plan: &Plan) -> Result<Option<Review>, Error> {
        let Some(number) = plan.review else { return Ok(None) };
        Ok(self.store().reviews(&plan.id).await?.into_iter().find(|r| r.number == number))
    }

    /// A plan that waits for a decision, with everything needed to take it.
    ///
    /// # Errors
    /// [`Error::NotFound`] when it waits for none, [`Error::Denied`], [`Error::Store`].
    pub async fn review_view(&self, actor: &Actor, id: &PlanId) -> Result<ReviewView, Error> {
        self.allow(actor, Action::Read)?;
        let plan = self.plan(id).await?;
        let reviews = self.store().reviews(id).await?;
        let at = reviews.iter().position(|r| Some(r.number) == plan.review).ok_or(Error::NotFound)?;
        let review = reviews[at].clone();
        let since = at.checked_sub(1).map(|before| Difference::between(&reviews[before], &review));
        let cloud = plan.cloud.clone();
        let differing: Vec<InstanceId> = since.iter().flat_map(|s| s.added.iter().chain(&s.removed)).cloned().collect();
        let since_names = self.store().instances_by_id(&cloud, &differing).await?.into_iter().map(|i| (i.id, i.name)).collect();
        let others = self.others_about(&plan).await?;
        let now = self.judge(actor, plan).await?;
        let facets = self.facets().await?;
        let blast = blast_radius(&now.chosen.iter().map(|r| &r.instance).collect::<Vec<_>>(), &facets.tag);
        let instances_at = match self.cloud(&cloud) {
            Ok(cloud) => self.sync_status(cloud).await?.instances_at,
            Err(_) => None,
        };
        Ok(ReviewView {
            words: match &actor.user {
                Some(user) => self.store().kept_words(id, user).await?,
                None => String::new(),
            },
            deadline: review.deadline(self.policy().lead_minutes),
            standing: self.standing(&review).await?,
            same_requests: now.hash == review.hash && compile::are_what_they_say(&review.asked.requests, &review.hash, review.start_at),
            now,
            review,
            since,
            since_names,
            blast,
            others,
            instances_at,
        })
    }

    /// Other plans that are not submitted and name one of the instances.
    async fn others_about(&self, plan: &Plan) -> Result<Vec<(PlanId, String, usize)>, Error> {
        let mine: BTreeSet<&InstanceId> = plan.draft.instances.iter().collect();
        let (plans, _) = self.store().plans(OTHER_PLANS, 0).await?;
        Ok(plans
            .into_iter()
            .filter(|p| p.id != plan.id && p.cloud == plan.cloud && p.stage() != Stage::Submitted)
            .filter_map(|p| {
                let shared = p.draft.instances.iter().filter(|i| mine.contains(i)).count();
                (shared > 0).then_some((p.id, p.draft.title, shared))
            })
            .collect())
    }

    /// Approvals of a review that count now.
    pub(crate) async fn standing(&self, review: &Review) -> Result<usize, Error> {
        Ok(approvals_of(review, &self.store().users().await?))
    }

    /// Takes a decision. Whatever stands against it, the words that came with it are kept for who typed them.
    ///
    /// # Errors
    /// As `keep_decision`.
    pub async fn decide(&self, actor: &Actor, id: &PlanId, ruling: Ruling<'_>) -> Result<(), Error> {
        let result = self.keep_decision(actor, id, ruling).await;
        if result.is_err() {
            self.keep_words(actor, id, ruling.comment).await?;
        }
        result
    }

    /// Keeps what somebody is writing for a decision, for them alone; nothing, when they have taken it out.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Store`].
    pub async fn keep_words(&self, actor: &Actor, id: &PlanId, comment: &str) -> Result<(), Error> {
        let comment = cleaned(comment, COMMENT_MAX);
        if let Some(user) = &actor.user
            && actor.is(Role::Approver)
            && self.plan(id).await?.review.is_some()
        {
            self.store().keep_words(id, user, &comment).await?;
        }
        Ok(())
    }

    /// Keeps a decision. The last approval that is needed submits the plan, in the same transaction, after everything was checked
    /// once more.
    ///
    /// # Errors
    /// [`Error::Confirm`] when production is approved without the number of instances, [`Error::NeedsComment`] for anything but an
    /// approval without words, [`Error::Changed`] when the review is over or the requests are others, [`Error::NotReady`] when something
    /// stands against it meanwhile, [`Error::Conflict`], [`Error::Denied`], [`Error::NotFound`], [`Error::Store`].
    async fn keep_decision(&self, actor: &Actor, id: &PlanId, ruling: Ruling<'_>) -> Result<(), Error> {
        let plan = self.plan(id).await?;
        self.allow_plan(actor, Action::Decide, &plan)?;
        if ruling.verdict == Verdict::Approve {
            self.read_candidates(&plan.cloud, &plan.draft.instances).await?;
        }
        // One decision at a time, of all replicas: two approvals at once must not each miss the other.
        let _deciding = self.deciding().await;
        while !self.keep_lease(DECIDING).await? {
            tokio::time::sleep(TURN).await;
        }
        let result = self.keep_decision_in_turn(actor, id, ruling).await;
        self.store().give_lease(DECIDING, self.replica()).await?;
        result
    }

    async fn keep_decision_in_turn(&self, actor: &Actor, id: &PlanId, ruling: Ruling<'_>) -> Result<(), Error> {
        let Ruling { hash, verdict, comment, count, shown } = ruling;
        let plan = self.plan(id).await?;
        self.allow_plan(actor, Action::Decide, &plan)?;
        let review = self.open_review(&plan).await?.ok_or(Error::Changed)?;
        if review.hash != hash {
            return Err(Error::Changed);
        }
        let comment = cleaned(comment, COMMENT_MAX);
        if verdict != Verdict::Approve && comment.is_empty() {
            return Err(Error::NeedsComment);
        }
        let user = signed_in(actor)?;
        let decision = Decision { user, verdict, hash: hash.to_owned(), comment, at: self.now() };
        let mut detail = json!({ "review": review.number, "hash": hash, "comment": decision.comment });
        // Nobody reads a review so fast; whoever looks through the ledger should know.
        let after = shown.map(|shown| (self.now() - shown).num_milliseconds());
        if let Some(after @ 0..HASTE_MS) = after {
            detail["milliseconds_after_it_was_shown"] = json!(after);
            tracing::warn!(plan.id = %id, "decided within a second of being shown");
        }
        let (end, submission) = match verdict {
            Verdict::Changes => (Some(ReviewEnd::Changes), None),
            Verdict::Reject => (Some(ReviewEnd::Rejected), None),
            Verdict::Approve => match self.submission_if_enough(actor, &plan, &review, &decision, count).await? {
                Some(submission) => {
                    detail["submitted"] = self.submission_detail(&submission);
                    (Some(ReviewEnd::Approved), Some(submission))
                }
                None => (None, None),
            },
        };
        let what = match verdict {
            Verdict::Approve => "plan.approve",
            Verdict::Changes => "plan.ask_changes",
            Verdict::Reject => "plan.reject",
        };
        let deed = self.deed(actor, what, plan_subject(id), detail);
        match self.store().decide(id, review.number, &decision, end, submission.as_ref(), &deed).await {
            Err(patchboard_store::Error::Conflict) => {
                let others = self.plans_touching(&plan.cloud, &plan.draft.instances).await?;
                return Err(Error::Conflict(others));
            }
            other => other?,
        }
        tracing::info!(plan.id = %id, verdict = verdict.word(), submitted = submission.is_some(), "decided");
        if let Some(submission) = &submission {
            self.wake(submission)?;
        }
        Ok(())
    }

    /// The submission, when this approval is the last one needed. Everything is judged once more.
    async fn submission_if_enough(
        &self,
        actor: &Actor,
        plan: &Plan,
        review: &Review,
        new: &Decision,
        count: &str,
    ) -> Result<Option<Submission>, Error> {
        let view = self.judge(actor, plan.clone()).await?;
        if !view.is_ready() {
            return Err(Error::NotReady);
        }
        // What would be sent now must be what was asked about: same bytes, same order.
        if view.hash != review.hash {
            return Err(Error::Changed);
        }
        if view.count_to_approve().is_some_and(|n| count.trim().parse() != Ok(n)) {
            return Err(Error::Confirm);
        }
        let mut decisions = review.decisions.clone();
        decisions.retain(|d| d.user != new.user);
        decisions.push(new.clone());
        // The policy may have become stricter meanwhile, or the start have come nearer.
        let needed = view.need.approvals.max(review.asked.need.approvals);
        if self.standing(&Review { decisions, ..review.clone() }).await? < needed {
            return Ok(None);
        }
        Ok(Some(Submission {
            plan: plan.id.clone(),
            revision: plan.revision,
            cloud: plan.cloud.clone(),
            start_at: review.start_at,
            requests: view.requests,
            hash: review.hash.clone(),
            approvals_needed: needed,
            moves: self.moves_for_submission(actor, &plan.cloud, view.moves.as_ref()),
            now: self.now(),
        }))
    }

    /// Takes a plan out of review. What was approved so far is void.
    ///
    /// # Errors
    /// [`Error::Changed`] when it is in no review, [`Error::Denied`], [`Error::NotFound`], [`Error::Store`].
    pub async fn reopen(&self, actor: &Actor, id: &PlanId) -> Result<(), Error> {
        let plan = self.plan(id).await?;
        self.allow_plan(actor, Action::Reopen, &plan)?;
        let number = plan.review.ok_or(Error::Changed)?;
        let deed = self.deed(actor, "plan.reopen", plan_subject(id), json!({ "review": number }));
        Ok(self.store().reopen(id, number, self.now(), &deed).await?)
    }

    /// Says something about a plan.
    ///
    /// # Errors
    /// [`Error::NeedsComment`] when nothing was said, [`Error::Denied`], [`Error::NotFound`], [`Error::Store`].
    pub async fn comment(&self, actor: &Actor, id: &PlanId, text: &str) -> Result<(), Error> {
        let plan = self.plan(id).await?;
        self.allow_plan(actor, Action::Comment, &plan)?;
        self.not_too_often(actor, Key::many_an_hour("comment"))?;
        let text = cleaned(text, COMMENT_MAX);
        if text.is_empty() {
            return Err(Error::NeedsComment);
        }
        let user = signed_in(actor)?;
        let deed = self.deed(actor, "plan.comment", plan_subject(id), json!({ "text": text }));
        let comment = CommentRow { user, at: self.now(), text };
        Ok(self.store().add_comment(id, &uuid::Uuid::now_v7().to_string(), &comment, &deed).await?)
    }
}

/// Approvals of a review that count while these are the accounts.
pub(crate) fn approvals_of(review: &Review, users: &[User]) -> usize {
    standing(&review.decisions, &review.hash, |id| users.iter().any(|u| u.id == *id && u.acts_as(Role::Approver)))
}

/// Who answers for a deed that needs a name, whatever the table of doors says.
fn signed_in(actor: &Actor) -> Result<UserId, Error> {
    actor.user.clone().ok_or(Error::Denied(Denied::Anonymous))
}

/// What somebody wrote, without what cannot be read and what turns the text around it, at its longest.
pub(crate) fn cleaned(text: &str, most: usize) -> String {
    let turns = |c: char| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.trim().chars().filter(|c| (!c.is_control() || *c == '\n') && !turns(*c)).take(most).collect()
}
