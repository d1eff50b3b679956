//! The first page: what waits, what comes, what went wrong.

use crate::{Error, Services, review::approvals_of};
use chrono::{DateTime, Duration, Utc};
use patchboard_domain::{
    account::Actor,
    authority::{Action, Denied},
    filter::TaskFilter,
    fleet::{InboxView, PlanRow, TaskRow},
    plan::PlanState,
};

/// Plans that are looked through: what is older and still open is found in the list of plans.
const INBOX_PLANS: i64 = 200;

/// How far ahead it looks, in hours.
const INBOX_HOURS: i64 = 24;

impl Services {
    /// The first page.
    ///
    /// # Errors
    /// [`Error::Denied`], [`Error::Store`].
    pub async fn inbox(&self, actor: &Actor) -> Result<InboxView, Error> {
        self.allow(actor, Action::Read)?;
        let (plans, _) = self.store().plans(INBOX_PLANS, 0).await?;
        let rows = self.rows_of_plans(plans).await?;
        let mine = |row: &PlanRow| actor.user.is_some() && (row.plan.author == actor.user || row.plan.edited_by == actor.user);
        let acknowledged = |row: &PlanRow| row.plan.acknowledged_at.is_some();
        let over = |row: &PlanRow| matches!(row.state, PlanState::Completed | PlanState::Cancelled) || acknowledged(row);
        let trouble =
            |row: &PlanRow| matches!(row.state, PlanState::InDoubt | PlanState::Failed | PlanState::PartlyFailed | PlanState::Expired);
        let decided = |row: &PlanRow| row.review.as_ref().is_some_and(|r| r.decisions.iter().any(|d| Some(&d.user) == actor.user.as_ref()));
        // Enough approvals and still waiting: somebody's counts again who could not approve meanwhile. Anybody's word sends it on.
        let users = self.store().users().await?;
        let enough = |row: &PlanRow| row.review.as_ref().is_some_and(|r| approvals_of(r, &users) >= r.asked.need.approvals);
        // Showing who one is comes when one decides; that something waits is known before.
        let may = |row: &PlanRow| matches!(self.may(actor, Action::Decide, &row.plan), Ok(()) | Err(Denied::Unproved));
        let mut waiting: Vec<PlanRow> =
            rows.iter().filter(|r| r.state == PlanState::InReview && may(r) && (!decided(r) || enough(r))).cloned().collect();
        waiting.sort_by_key(|r| r.review.as_ref().map(|v| v.start_at));
        let now = self.now();
        let soon = (Some(now), Some(now + Duration::hours(INBOX_HOURS)));
        let pending = TaskFilter { status: "Pending".to_owned(), ..TaskFilter::default() };
        let running = TaskFilter { status: "Running".to_owned(), ..TaskFilter::default() };
        Ok(InboxView {
            waiting,
            mine: rows.iter().filter(|r| mine(r) && !over(r)).cloned().collect(),
            next: self.task_rows(&pending, soon).await?,
            running: self.task_rows(&running, (None, None)).await?,
            attention: rows.into_iter().filter(|r| trouble(r) && !acknowledged(r)).collect(),
            in_doubt: self.store().doubt_count(&self.due().await?).await?,
            collisions: i64::try_from(self.store().collisions().await?.len()).unwrap_or(i64::MAX),
            holds: self.store().holds().await?,
            sync: self.sync_statuses().await?,
            lead_minutes: self.policy().lead_minutes,
        })
    }

    async fn task_rows(&self, filter: &TaskFilter, bounds: (Option<DateTime<Utc>>, Option<DateTime<Utc>>)) -> Result<Vec<TaskRow>, Error> {
        let (tasks, _) = self.store().tasks(filter, bounds, self.now(), 1).await?;
        Ok(tasks.into_iter().filter(|t| t.gone_at.is_none()).map(|task| TaskRow { task, shared_with: 0, order: None }).collect())
    }
}
