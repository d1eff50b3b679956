//! What stands in the database, held against what was approved: for each request before it is sent, and for every plan by timer.

use crate::{Error, Services, drafts::plan_subject};
use patchboard_domain::{
    account::Actor,
    approval::{ApprovedPlan, ApprovedRequest, Mismatch, StoredPlan},
    id::{CloudName, PlanId},
    ledger::{Body, Entry},
    review::ReviewEnd,
};
use patchboard_store::ClaimedEntry;
use serde_json::json;

impl Services {
    /// The approved request of a claim, when it is exactly what was approved by enough people who still may. Asked before every POST,
    /// of what stands in the database now: a row that was edited by hand is caught here.
    pub(crate) async fn approved_request(&self, claim: &ClaimedEntry) -> Result<Result<ApprovedRequest, Mismatch>, Error> {
        match self.find_approved_request(claim).await {
            Err(Error::Store(error)) if error.is_inconsistent() => {
                tracing::error!(plan.id = %claim.key.plan, error = ?error, "what was approved cannot be read");
                Ok(Err(Mismatch::Unreadable))
            }
            other => other,
        }
    }

    async fn find_approved_request(&self, claim: &ClaimedEntry) -> Result<Result<ApprovedRequest, Mismatch>, Error> {
        let plan = self.plan(&claim.key.plan).await?;
        let requests = self.store().requests(&claim.key.plan).await?;
        let submissions = self.submissions(&claim.key.plan).await?;
        let approved = match ApprovedPlan::verify(&plan, &requests, |hash, cloud| is_recorded(&submissions, hash, cloud)) {
            Ok(approved) => approved,
            Err(mismatch) => return Ok(Err(mismatch)),
        };
        let Some(request) = approved.request(claim.key.position).filter(|_| requests.contains(&claim.entry.request)) else {
            return Ok(Err(Mismatch::Requests));
        };
        let reviews = self.store().reviews(&claim.key.plan).await?;
        let approving = reviews.iter().rev().find(|r| r.ended.is_some_and(|(end, _)| end == ReviewEnd::Approved));
        let Some(review) = approving else {
            return Ok(if self.policy().review.required { Err(Mismatch::NotReviewed) } else { Ok(request.clone()) });
        };
        let needed = usize::try_from(plan.approvals_needed).unwrap_or(usize::MAX).max(review.asked.need.approvals);
        let is_same = Some(review.hash.as_str()) == plan.approved_hash.as_deref();
        let enough = is_same && self.standing(review).await? >= needed;
        Ok(if enough { Ok(request.clone()) } else { Err(Mismatch::TooFewApprovals) })
    }

    /// Holds the rows of every plan that may still send something against what was approved, and ends what is unsent of those that
    /// differ. Returns how many instances were ended.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub async fn check_stored_plans(&self) -> Result<usize, Error> {
        let mut ended = 0;
        for id in self.store().plans_to_check(self.now()).await? {
            let submissions = self.submissions(&id).await?;
            let find = |stored: &StoredPlan| ApprovedPlan::verify_rows(stored, |hash, cloud| is_recorded(&submissions, hash, cloud)).err();
            if find(&self.store().stored_plan(&id).await?).is_some() {
                ended += self.stop_plan(&id, find).await?;
            }
        }
        Ok(ended)
    }

    /// Ends what is unsent of a plan, unless `find` says inside the transaction that it is what was approved after all.
    pub(crate) async fn stop_plan(&self, id: &PlanId, find: impl FnOnce(&StoredPlan) -> Option<Mismatch> + Send) -> Result<usize, Error> {
        let mut found = None;
        let stop = self.store().stop_plan(id, |stored| {
            let mismatch = *found.insert(find(stored)?);
            Some(self.deed(&Actor::system(), "plan.stopped", plan_subject(id), json!({ "why": mismatch.to_string() })))
        });
        let ended = stop.await?;
        // Said when it ends something, and not at every look afterwards.
        if let Some(mismatch) = found.filter(|_| ended > 0) {
            tracing::error!(plan.id = %id, %mismatch, ended, "what stands in the database is not what was approved, not sent");
        }
        Ok(ended)
    }

    /// The submissions of a plan that stand in the audit log. A row that was forged needs a forged log, which `verify` finds.
    async fn submissions(&self, id: &PlanId) -> Result<Vec<serde_json::Value>, Error> {
        let entries = self.store().ledger_about(&plan_subject(id), ["plan.send", "plan.approve"]).await?;
        let read = |body: Body| match body.what.as_str() {
            "plan.send" => Some(body.detail),
            "plan.approve" => body.detail.get("submitted").cloned(),
            _ => None,
        };
        Ok(entries.iter().filter(|e| e.is_itself()).filter_map(Entry::read).filter_map(read).collect())
    }
}

/// What became of a request; nothing when it stands in rows that cannot be read. They are for a person to mend, and nothing else waits
/// for that.
pub(crate) fn readable<T>(plan: &PlanId, result: Result<T, patchboard_store::Error>) -> Result<Option<T>, Error> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.is_inconsistent() => {
            tracing::error!(plan.id = %plan, error = ?error, "a request cannot be read, and stays as it is");
            Ok(None)
        }
        Err(other) => Err(other.into()),
    }
}

fn is_recorded(submissions: &[serde_json::Value], hash: &str, cloud: &CloudName) -> bool {
    submissions.iter().any(|s| s["hash"] == hash && s["cloud"] == cloud.as_str())
}
