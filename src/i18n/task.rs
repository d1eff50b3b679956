//! Words of scheduled tasks.

use super::{Lang, messages};
use patchboard_domain::{
    cancel::{OrderRefusal, OrderState, TaskOrder},
    task::TaskStatus,
};

messages! {
    bad_days(text: &str) { "{text} is no date: that part of the filter is not applied. Write it as 2026-11-23.", "{text} 不是日期，该筛选条件未生效。请写作 2026-11-23。" }
    tasks_title { "Scheduled tasks", "定时任务" }
    tasks_lead { "Every scheduled task of the cloud, ours and foreign. The cloud forgets after a month; here it stays.", "云端的全部定时任务，包括非本平台创建的。云端只保留一个月，此处长期保留。" }
    tasks_empty_title { "No scheduled task was ever listed", "尚未列出任何定时任务" }
    tasks_empty_text { "Tasks appear here as soon as the cloud lists them, whoever made them.", "无论由谁创建，云端列出后即显示在此。" }
    tasks_none_match { "No task matches these filters.", "没有符合筛选条件的任务。" }
    col_instance { "Instance", "实例" }
    col_versions { "Versions", "版本" }
    col_origin { "Origin", "来源" }
    col_task_id { "Task id", "任务 ID" }
    col_actions { "Actions", "操作" }
    filter_task_search { "Instance or task", "实例或任务" }
    filter_origin { "Origin", "来源" }
    origin_ours { "Plan", "本平台计划" }
    origin_foreign { "Foreign", "外部" }
    origin_foreign_hint { "made outside Patchboard", "非本平台创建" }
    filter_from { "Start from", "开始不早于" }
    filter_to { "Start until", "开始不晚于" }
    all_statuses { "All", "全部" }
    not_listed { "no longer listed by the cloud", "云端已不再列出" }
    shared_with(n: i64) { "shares its id with {n} more", "与另外 {n} 个共用 ID" }
    manage { "Cancel or delete…", "取消或删除…" }
    task_title { "Scheduled task", "定时任务" }
    affects_all { "The cloud cancels and deletes by task id. Everything listed here goes together.", "云端按任务 ID 取消和删除，以下各项会一并处理。" }
    cancel_tasks(n: &str) { "Cancel for {n}", "取消 {n}的任务" }
    delete_record { "Delete the record in the cloud", "删除云端记录" }
    delete_help { "The cloud forgets the record; the history here stays. This cannot be undone.", "云端将不再保留记录，此处的历史仍然保留。该操作不可撤销。" }
    cancel_help { "Shown as cancelled only when the cloud's list says so.", "只有云端列表确认后才显示为已取消。" }
    task_external { "External: this task was made outside Patchboard, by somebody in the console or by another program. Ask them before it is cancelled or deleted.", "外部创建：该任务由他人在控制台或其他程序中创建，并非本平台创建。取消或删除前请先与创建者确认。" }
    task_production(n: &str) { "Production: this touches {n} tagged as production.", "生产环境：涉及标记为生产的{n}。" }
    order_reason { "Reason (kept in the audit log)", "原因（记入审计日志）" }
    order_typed(text: &str) { "Type {text} to confirm", "输入 {text} 以确认" }
    orders_title { "Asked of the cloud", "已向云端提出" }
    order_cancel { "Cancel", "取消" }
    order_delete { "Delete record", "删除记录" }
    order_asked { "asked, no answer yet", "已提出，尚无应答" }
    order_asked_again { "the answer was lost; asked again", "应答丢失，将再次提出" }
    order_answered { "the cloud said yes; waiting for its list to show it", "云端已同意，等待列表确认" }
    order_confirmed { "confirmed by the list", "列表已确认" }
    order_contested { "an earlier answer was lost and this one was a refusal; the list decides", "先前应答丢失，此次被拒绝；以列表为准" }
    order_no_effect { "the cloud said yes, but its list still shows the task; ask again if it must go", "云端已同意，但列表仍显示该任务；如需处理请再次提出" }
    order_partly(cancelled: usize, status: &str) { "{cancelled} cancelled; too late for the others: the list says {status}", "已取消 {cancelled} 个；其余已来不及，列表显示为{status}" }
    order_vanished { "too late: the cloud no longer lists it", "已来不及：云端已不再列出" }
    order_too_late(status: &str) { "too late: the list says {status}", "已来不及：列表显示为 {status}" }
    order_refused(why: &str) { "refused: {why}", "被拒绝：{why}" }
}

impl Lang {
    /// Status of a task.
    pub fn task_status(self, status: &TaskStatus) -> String {
        match (self, status) {
            (_, TaskStatus::Other(word)) => word.clone(),
            (Self::En, TaskStatus::Canceled) => "Cancelled".to_owned(),
            (Self::En, other) => other.as_str().to_owned(),
            (Self::Zh, TaskStatus::Pending) => "待执行".to_owned(),
            (Self::Zh, TaskStatus::Running) => "执行中".to_owned(),
            (Self::Zh, TaskStatus::Completed) => "已完成".to_owned(),
            (Self::Zh, TaskStatus::Failed) => "失败".to_owned(),
            (Self::Zh, TaskStatus::Canceled) => "已取消".to_owned(),
        }
    }

    /// What was asked.
    pub fn order(self, order: TaskOrder) -> &'static str {
        match order {
            TaskOrder::Cancel => self.order_cancel(),
            TaskOrder::Delete => self.order_delete(),
        }
    }

    /// How far it has come.
    pub fn order_state(self, state: &OrderState) -> String {
        match state {
            OrderState::Asked { error: None, .. } => self.order_asked().to_owned(),
            OrderState::Asked { error: Some(_), .. } => self.order_asked_again().to_owned(),
            OrderState::Contested { .. } => self.order_contested().to_owned(),
            OrderState::Answered { .. } => self.order_answered().to_owned(),
            OrderState::Confirmed => self.order_confirmed().to_owned(),
            OrderState::Dropped => self.order_dropped().to_owned(),
            OrderState::NoEffect => self.order_no_effect().to_owned(),
            OrderState::Partly { cancelled, status } => self.order_partly(*cancelled, &self.task_status(&TaskStatus::from_wire(status))),
            OrderState::TooLate { status } if status.is_empty() => self.order_vanished().to_owned(),
            OrderState::TooLate { status } => self.order_too_late(&self.task_status(&TaskStatus::from_wire(status))),
            OrderState::Refused { error } => self.order_refused(&error.message),
        }
    }

    /// Why it cannot be asked.
    pub fn order_refusal(self, refusal: &OrderRefusal) -> String {
        match (self, refusal) {
            (Self::En, OrderRefusal::NotPending(s)) => {
                format!("Only a pending task can be cancelled; this one is {}.", self.task_status(s).to_lowercase())
            }
            (Self::Zh, OrderRefusal::NotPending(s)) => format!("只有待执行的任务可以取消；当前为{}。", self.task_status(s)),
            (Self::En, OrderRefusal::StillOpen(s)) => {
                format!("A task that is {} is not deleted: cancel it first, or wait until it ends.", self.task_status(s).to_lowercase())
            }
            (Self::Zh, OrderRefusal::StillOpen(s)) => format!("{}的任务不能删除：请先取消或等待结束。", self.task_status(s)),
            (Self::En, OrderRefusal::Gone) => "The cloud no longer lists it.".to_owned(),
            (Self::Zh, OrderRefusal::Gone) => "云端已不再列出该任务。".to_owned(),
            (Self::En, OrderRefusal::Asked) => "This was asked already; see below how far it has come.".to_owned(),
            (Self::Zh, OrderRefusal::Asked) => "已提出请求，进展见下方。".to_owned(),
            (_, OrderRefusal::NotConnected) => self.not_connected().to_owned(),
        }
    }
}
