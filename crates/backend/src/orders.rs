//! Cancelling tasks and deleting their records: asked, answered, confirmed by the list.

use crate::{Cloud, Error, Services, heard::Heard, review::cleaned, sync::Failure, translate};
use chrono::{DateTime, Utc};
use patchboard_domain::{
    account::Actor,
    authority::Action,
    cancel::{OrderRefusal, OrderState, TaskOrder, check_order, is_external, must_be_typed},
    fleet::OrderView,
    id::{CloudName, TaskId},
    ledger::Deed,
    send::{CloudError, INTERRUPTED},
};
use patchboard_gaussdb::{Error as CloudFailure, Fate};
use patchboard_store::{MoveOrder, OrderRow};
use serde_json::json;
use std::{
    ops::ControlFlow,
    time::{Duration, Instant},
};

/// How long orders are given before the list is read.
const GIVING: Duration = Duration::from_secs(60);

/// Shortest time between two tries of one order whose answer was lost, in seconds.
const AGAIN: i64 = 60;

/// Longest reason, in characters.
pub const REASON_MAX: usize = 300;

/// What somebody typed with an order.
#[derive(Clone, Copy, Debug, Default)]
pub struct Given<'a> {
    /// Why.
    pub reason: &'a str,
    /// What the page asks to type.
    pub typed: &'a str,
}

impl Services {
    /// The page that asks before cancelling or deleting: everybody who shares the id.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::Store`].
    pub async fn order_view(&self, actor: &Actor, cloud: &CloudName, task: &TaskId) -> Result<OrderView, Error> {
        self.allow(actor, Action::Read)?;
        let tasks = self.store().tasks_with_id(cloud, &task.key()).await?;
        if tasks.is_empty() {
            return Err(Error::NotFound);
        }
        let orders = self.store().orders_of(cloud, &task.key()).await?;
        let open = orders.iter().any(|o| o.state.is_open());
        let connected = self.cloud(cloud).map(drop).map_err(|_| OrderRefusal::NotConnected);
        let check = |what| connected.clone().and_then(|()| check_order(what, &tasks, open));
        let ids: Vec<_> = tasks.iter().filter(|t| t.gone_at.is_none()).map(|t| t.instance.clone()).collect();
        let production = self.in_production(&self.store().instances_by_id(cloud, &ids).await?);
        Ok(OrderView {
            may: self.allow(actor, Action::OrderTask).is_ok(),
            cancel: check(TaskOrder::Cancel),
            delete: check(TaskOrder::Delete),
            orders: orders.into_iter().map(|o| (o.what, o.asked_at, o.state)).collect(),
            typed: must_be_typed(&tasks, production),
            external: is_external(&tasks),
            production,
            tasks,
        })
    }

    /// Journals an order and wakes the one who gives it to the cloud. What is production, or was made outside Patchboard, needs a
    /// reason and what the page asks to type.
    ///
    /// # Errors
    /// [`Error::Order`] when it is not possible, [`Error::NeedsComment`] without a reason, [`Error::Confirm`] when something else was
    /// typed, [`Error::NotFound`], [`Error::Store`].
    pub async fn order(&self, actor: &Actor, cloud: &CloudName, task: &TaskId, what: TaskOrder, given: Given<'_>) -> Result<(), Error> {
        self.allow(actor, Action::OrderTask)?;
        let view = self.order_view(actor, cloud, task).await?;
        let allowed = match what {
            TaskOrder::Cancel => view.cancel,
            TaskOrder::Delete => view.delete,
        };
        allowed.map_err(Error::Order)?;
        let reason = cleaned(given.reason, REASON_MAX);
        if let Some(typed) = &view.typed {
            if reason.is_empty() {
                return Err(Error::NeedsComment);
            }
            if given.typed.trim() != typed {
                return Err(Error::Confirm);
            }
        }
        let id = view.tasks.first().map_or_else(|| task.clone(), |t| t.id.clone());
        self.journal_order(actor, cloud, &id, what, &reason).await?;
        self.cloud(cloud)?.sync().notify_one();
        Ok(())
    }

    /// Writes an order down; whoever looks at the cloud next gives it.
    pub(crate) async fn journal_order(
        &self,
        actor: &Actor,
        cloud: &CloudName,
        task: &TaskId,
        what: TaskOrder,
        reason: &str,
    ) -> Result<(), Error> {
        let (order, mut deed) = self.begin_order(actor, cloud, task, what);
        if !reason.is_empty() {
            deed.detail["reason"] = json!(reason);
        }
        match self.store().add_order(cloud, &order, &deed).await {
            Ok(()) => {}
            Err(patchboard_store::Error::Conflict) => return Err(Error::Order(OrderRefusal::Asked)),
            Err(other) => return Err(other.into()),
        }
        tracing::info!(task.id = %order.task, order = what.as_str(), "asked");
        Ok(())
    }

    /// An order as it begins, and what the ledger keeps of that.
    pub(crate) fn begin_order(&self, actor: &Actor, cloud: &CloudName, task: &TaskId, what: TaskOrder) -> (OrderRow, Deed) {
        let (id, asked_at) = (uuid::Uuid::now_v7().to_string(), self.now());
        let order = OrderRow { id, task: task.clone(), what, asked_at, state: OrderState::begin() };
        let deed = self.order_deed(actor, "task.order", cloud, &order, &order.state);
        (order, deed)
    }

    /// What the ledger keeps of an order.
    pub(crate) fn order_deed(&self, actor: &Actor, what: &'static str, cloud: &CloudName, order: &OrderRow, state: &OrderState) -> Deed {
        let detail = json!({ "cloud": cloud, "order": order.what.as_str(), "state": state });
        self.deed(actor, what, format!("task/{}", order.task.key()), detail)
    }

    /// Gives the orders that have no answer yet to the cloud. Cancelling or deleting twice does no harm, so a lost answer is simply
    /// asked again; the list says what came of it. Ends when an answer was waited for in vain, and after [`GIVING`]: the list is to be
    /// read as well.
    pub(crate) async fn give_orders(&self, cloud: &Cloud, heard: &Heard) -> Result<(), Failure> {
        let mut orders = self.store().open_orders(cloud.name()).await?;
        // One that the cloud never answers must not keep the others back.
        orders.sort_by_key(|order| order.state.given_at());
        let began = self.elapsed();
        for order in orders {
            heard.note();
            let state = self.store().cloud_state(cloud.name()).await?;
            // A call would wait until the pause is over, and the list for the call.
            let waits = state.is_stopped() || state.paused_until(self.store().now().await?).is_some();
            let is_over = self.elapsed().saturating_sub(began) > GIVING;
            if waits || is_over || self.give_order(cloud, &order).await?.is_break() {
                break;
            }
        }
        heard.note();
        Ok(())
    }

    /// Whether an order may be given now. One whose move was taken back before is dropped: its task stands.
    async fn may_be_given(&self, cloud: &Cloud, order: &OrderRow) -> Result<bool, Failure> {
        // What takes a task's place waits: so does its cancel, or the instance would be left with nothing. Asked for each: somebody may
        // pull the brake in the middle.
        match self.store().move_of_order(&order.id).await? {
            Some(MoveOrder::Held) => Ok(false),
            Some(MoveOrder::Withdrawn) if order.state == OrderState::begin() => {
                let deed = self.order_deed(&Actor::system(), "task.followed", cloud.name(), order, &OrderState::Dropped);
                match self.store().put_order(&order.id, &order.state, &OrderState::Dropped, Some(&deed)).await {
                    Ok(()) | Err(patchboard_store::Error::Changed) => Ok(false),
                    Err(other) => Err(other.into()),
                }
            }
            _ => Ok(true),
        }
    }

    async fn give_order(&self, cloud: &Cloud, order: &OrderRow) -> Result<ControlFlow<()>, Failure> {
        let OrderState::Asked { given_at: before, .. } = order.state else { return Ok(ControlFlow::Continue(())) };
        let now = self.store().now().await?;
        // One that lies ahead is of before the clock was set back.
        let is_early = before.is_some_and(|at| at <= now && at > now - chrono::Duration::seconds(AGAIN));
        if is_early || !self.may_be_given(cloud, order).await? {
            return Ok(ControlFlow::Continue(()));
        }
        // On disk before a byte leaves: a process that ends here must not take a later refusal for the whole story.
        let interrupted = CloudError { message: INTERRUPTED.to_owned(), ..CloudError::default() };
        let given = OrderState::Asked { error: Some(interrupted), may_have_worked: true, given_at: Some(now) };
        match self.store().put_order(&order.id, &order.state, &given, None).await {
            Ok(()) => {}
            Err(patchboard_store::Error::Changed) => return Ok(ControlFlow::Continue(())),
            Err(other) => return Err(other.into()),
        }
        let began = Instant::now();
        let result = match order.what {
            TaskOrder::Cancel => cloud.client().cancel_schedule_task(order.task.as_str()).await,
            TaskOrder::Delete => cloud.client().delete_schedule_task(order.task.as_str()).await,
        };
        let waited = began.elapsed() >= cloud.deadline() / 2 && matches!(&result, Err(failure) if failure.fate() == Fate::Unknown);
        let next = after_answer(&order.state, &given, result, self.store().now().await?);
        let deed = self.order_deed(&Actor::system(), "task.answer", cloud.name(), order, &next);
        // An answer that fails as the one before is not told again and again.
        let deed = (!next.says_the_same_as(&order.state)).then_some(deed);
        self.store().put_order(&order.id, &given, &next, deed.as_ref()).await?;
        Ok(if waited { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    }
}

/// What an order comes to that stood as `before`, was written down as `given`, and was answered at `now`.
fn after_answer(before: &OrderState, given: &OrderState, result: Result<(), CloudFailure>, now: DateTime<Utc>) -> OrderState {
    let may_have_worked = matches!(before, OrderState::Asked { may_have_worked: true, .. });
    let failure = match result {
        Ok(()) => return OrderState::Answered { at: now },
        Err(failure) => failure,
    };
    let error = translate::error(&failure);
    match failure.fate() {
        Fate::Unknown => OrderState::Asked { error: Some(error), may_have_worked: true, given_at: given.given_at() },
        Fate::NotSent => OrderState::Asked { error: Some(error), may_have_worked, given_at: before.given_at() },
        // Refused credentials say nothing about the task: asked again when somebody resumes.
        Fate::Rejected if matches!(failure, CloudFailure::Unauthorized(_)) => {
            OrderState::Asked { error: Some(error), may_have_worked, given_at: before.given_at() }
        }
        Fate::Rejected if may_have_worked => OrderState::Contested { error, at: Some(now) },
        Fate::Rejected => OrderState::Refused { error },
    }
}
