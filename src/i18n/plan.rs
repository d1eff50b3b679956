//! Words of plans.

use super::{Lang, messages};
use patchboard_domain::{
    patch::PatchKind,
    plan::PlanState,
    send::{Fault, ItemState, LostSight, Stop},
};

messages! {
    plans_title { "Plans", "升级计划" }
    plans_lead { "What was proposed, sent and done.", "已提出、已发送与已完成的计划。" }
    plans_empty_title { "No plan yet", "尚无计划" }
    plans_empty_text { "A plan names instances, hot patches and a start time. You see the exact requests before anything is sent.", "计划包含实例、热补丁和开始时间。发送前可看到确切的请求内容。" }
    col_plan { "Plan", "计划" }
    col_state { "State", "状态" }
    col_start { "Start", "开始时间" }
    col_instances { "Instances", "实例" }
    col_changed { "Last change", "最近更改" }
    untitled { "Untitled plan", "未命名计划" }
    step_pick { "Instances", "选择实例" }
    step_schedule { "Versions and time", "版本与时间" }
    step_review { "Review and send", "核对并发送" }
    steps { "Steps", "步骤" }
    pick_title { "Pick instances", "选择实例" }
    pick_cloud { "Cloud of this plan", "该计划的云连接" }
    selected(n: usize) { "{n} selected", "已选择 {n} 个" }
    hidden(n: usize) { "{n} not shown here", "{n} 个未在此显示" }
    show_selected { "Show selected only", "仅看已选" }
    show_all { "Show all", "显示全部" }
    clear_selection { "Clear selection", "清空选择" }
    select_page { "Select this page", "选择本页" }
    select_all_matching(n: i64) { "Select all {n} matching", "选择全部 {n} 个匹配项" }
    save_selection { "Save selection", "保存选择" }
    continue_to_versions { "Continue to versions and time", "下一步：版本与时间" }
    continue_to_review { "Continue to review", "下一步：核对" }
    select_instance(name: &str) { "Select {name}", "选择 {name}" }
    paste_title { "Paste a list", "粘贴列表" }
    paste_help { "One instance id or name per line, or CSV with it in the first column.", "每行一个实例 ID 或名称；CSV 取第一列。" }
    paste_label { "Instance ids or names", "实例 ID 或名称" }
    paste_add { "Add these", "加入这些" }
    paste_selected { "selected", "已选择" }
    paste_unknown { "no such id or name", "没有该 ID 或名称" }
    paste_ambiguous(n: usize) { "{n} instances have this name; use the id", "有 {n} 个同名实例，请使用 ID" }
    paste_removed { "found, but not selected any more", "已找到，但已取消选择" }
    several_engines(n: usize) { "{n} engine versions need a request each.", "{n} 个引擎版本须分别发送请求。" }
    several_requests(most: usize, requests: usize) { "One request takes at most {most} instances: {requests} requests are sent.", "单个请求最多 {most} 个实例：共发送 {requests} 个请求。" }
    all_of_them(n: usize) { "All {n}", "全部 {n} 个" }
    and_more(n: usize) { "and {n} more", "另有 {n} 个" }
    attempt_partial { "answered, but not for all", "已应答，但未包含全部实例" }
    stopped_by_hand { "Somebody looked in the cloud, found no task of it, and said so here. Not sent again.", "有人在云端核实没有对应任务，并在此记录。不再发送。" }
    stopped_no_proof { "Sent twice, each answer was lost, and the cloud's list never showed a task. Not sent again: look at the instance in the cloud's console.", "已发送两次，应答均丢失，云端列表始终没有任务。不再发送，请在云控制台核实该实例。" }
    fault_invalid { "The request could not be made:", "无法构造请求：" }
    fault_not_connected { "No connection came about; nothing was sent:", "未能建立连接，未发送：" }
    fault_lost { "The answer was lost:", "应答丢失：" }
    fault_unreadable { "The answer is none of the cloud's API:", "应答不是云 API 的格式：" }
    fault_moving { "The list changed while it was read, so it proves nothing. It is read again at the next look:", "读取期间列表发生变化，不能作为依据，下次查看时重新读取：" }
    fault_server { "The server answered without saying what it did:", "服务器的应答未说明结果：" }
    schedule_title { "Versions and start time", "版本与开始时间" }
    plan_name { "Title", "标题" }
    plan_name_help { "A few words for the list. Optional.", "用于列表的简短说明，可不填。" }
    versions { "Hot patches", "热补丁" }
    versions_help { "Installed in ascending order. Only what every chosen instance of its engine version is offered can be sent.", "按升序安装。只有该引擎版本下所有已选实例都可安装的补丁才能发送。" }
    candidates_progress(read: usize, all: usize) { "Asking each instance what it can install: {read} of {all}", "正在逐个查询实例可安装的补丁：{read}/{all}" }
    candidates_failed(n: usize) { "Could not be asked: {n}", "查询失败：{n} 个" }
    candidates_retry { "Ask again", "重新查询" }
    candidates_age(age: &str) { "Oldest answer {age}", "最早的应答：{age}" }
    no_candidates { "The cloud offers no hot patch for any of these instances.", "云端未为这些实例提供任何热补丁。" }
    fits_all(n: usize) { "Installable on all {n}", "{n} 个实例均可安装" }
    fits_not(missing: usize, of: usize) { "Not installable on {missing} of {of}", "{of} 个实例中有 {missing} 个不可安装" }
    fits_installed(n: usize, of: usize) { "Already installed on {n} of {of}", "{of} 个实例中有 {n} 个已安装" }
    fits_unknown(n: usize, of: usize) { "Not known yet for {n} of {of}", "{of} 个实例中有 {n} 个尚未确定" }
    drop_these(n: usize) { "Take these {n} out of the plan", "将这 {n} 个移出计划" }
    why { "Why", "原因" }
    backup_sensitive { "Backup-sensitive", "影响备份" }
    start_time { "Start time", "开始时间" }
    start_local { "Date and time", "日期与时间" }
    start_zone { "in time zone", "时区" }
    zone_help { "IANA name, for example Asia/Shanghai", "IANA 名称，例如 Asia/Shanghai" }
    earliest(when: &str, minutes: i64) { "Earliest possible: {when}, {minutes} minutes from now.", "最早可选：{when}，即 {minutes} 分钟之后。" }
    reads_as { "This is", "即" }
    clock_chosen { "Chosen zone", "所选时区" }
    clock_utc { "UTC", "UTC" }
    clock_yours { "Your zone", "您的时区" }
    clock_relative { "From now", "距现在" }
    windows_title { "Windows of the chosen instances", "所选实例的时间窗" }
    window_open { "start is inside", "开始时间在窗口内" }
    window_closed { "start is outside", "开始时间在窗口外" }
    window_kind { "Window", "时间窗" }
    window_column_utc { "UTC", "UTC" }
    window_column_zone(zone: &str) { "In {zone}", "{zone} 时间" }
    fold_question { "Clocks go back: this time comes twice. Which one?", "时钟回拨：该时间出现两次，请选择。" }
    fold_first { "The first", "第一次" }
    fold_second { "The second", "第二次" }
    review_title { "Review", "核对" }
    review_sentence_head { "What will happen", "将要执行" }
    exact_requests { "Exactly these requests will be sent", "将发送以下请求" }
    requests_confirmed { "The requests as confirmed", "已确认的请求" }
    request_number(n: i64, of: usize) { "Request {n} of {of}", "请求 {n}/{of}" }
    sha256 { "SHA-256", "SHA-256" }
    cloud_facts { "What the cloud does meanwhile", "升级期间云端的行为" }
    fact_blocked { "Storage scale-up, flavour change, backup, password reset, restart and deletion are blocked while it runs.", "升级期间不能扩容、变更规格、备份、重置密码、重启和删除。" }
    fact_backup { "Running full and differential backups are stopped if a patch conflicts with them.", "补丁与备份冲突时，进行中的全量和差异备份会被停止。" }
    fact_rollback { "If it fails, the cloud rolls back to the source version by itself.", "失败时云端自动回退到原版本。" }
    fact_no_dry_run { "The cloud has no dry run and no key against doubles: a request counts from the moment it leaves.", "云端没有试运行，也没有防重复的键：请求一经发出即生效。" }
    fact_no_downtime { "A hot patch does not interrupt service, says the documentation; low load is recommended.", "文档称热补丁不中断业务；建议在低负载时执行。" }
    blocking { "Solve before it can be sent", "发送前须解决" }
    awaited_title { "Not answered yet", "尚未应答" }
    warnings_title { "Warnings", "警告" }
    findings_blocking(n: usize) { "Problems to solve: {n}.", "须解决的问题：{n} 个。" }
    findings_awaited(n: usize) { "Waiting for answers of the cloud: {n}.", "等待云端应答：{n} 项。" }
    findings_warnings(n: usize) { "Warnings: {n}.", "警告：{n} 条。" }
    findings_none { "It can be sent as it stands now. No warnings.", "目前可以发送，无警告。" }
    findings_sendable { "It can be sent as it stands now.", "目前可以发送。" }
    lists_awaited(instances: &str) { "Which hot patches {instances} can install is being asked. This page shows it as soon as the cloud answers.", "正在查询{instances}可安装的热补丁，云端应答后此页面自动显示。" }
    planned_head { "What is planned so far", "目前的计划内容" }
    step_unfinished { "not finished", "未完成" }
    production_count(production: usize, n: usize) { "Production instances in this plan: {production} of {n}.", "本计划包含生产实例：{production}/{n}。" }
    confirm_count(n: usize) { "Type {n} to confirm that so many instances will be scheduled", "请输入 {n}，确认将安排这么多实例" }
    confirm_button(n: &str) { "Schedule hot patches on {n}", "为 {n}定时升级热补丁" }
    edit { "Change", "修改" }
    discard { "Discard this draft", "丢弃草稿" }
    sentence_what(instances: &str, patches: &str) { "{instances} will get {patches}", "{instances}将安装 {patches}" }
    then { ", then ", "，然后 " }
    patches_of(instances: &str, engine: &str, patches: &str) { "Hot patches for {instances} with engine version {engine}: {patches}", "{instances}（引擎版本 {engine}）的热补丁：{patches}" }
    request_patches(patches: &str) { "Hot patches: {patches}", "热补丁：{patches}" }
    requests_sent_of(n: usize, of: usize) { "{n} of {of} requests sent", "已发送 {n}/{of} 个请求" }
    sent_title { "Plan", "计划" }
    outcome_title { "Instances", "实例" }
    attempts_title { "What was sent, and what came back", "发送与应答记录" }
    attempt_line(n: i64, request: i64) { "Attempt {n} of request {request}", "请求 {request} 的第 {n} 次尝试" }
    attempt_accepted { "accepted", "已接受" }
    attempt_rejected { "refused by the cloud", "被云端拒绝" }
    attempt_not_sent { "not sent", "未发出" }
    attempt_unknown { "answer lost", "应答丢失" }
    attempt_open { "under way", "进行中" }
    no_attempts { "Nothing has been sent yet.", "尚未发送任何请求。" }
    hold { "Hold what is not yet sent", "暂停未发送的部分" }
    unhold { "Go on sending", "继续发送" }
    withdraw { "Withdraw what is not yet sent", "撤回未发送的部分" }
    plan_from_failed(n: usize) { "New plan from the {n} not scheduled", "用未安排的 {n} 个新建计划" }
    next_steps { "What to do next", "后续操作" }
    failed_in_cloud(instances: &str) { "Failed in the cloud: {instances}.", "云端执行失败：{instances}。" }
    failed_cause { "The schedule API gives no cause. Look at the task list of the instance in the GaussDB console.", "定时任务 API 不提供失败原因。请在 GaussDB 控制台查看该实例的任务列表。" }
    plan_from_those_failed(n: usize) { "New plan from the {n} that failed", "用失败的 {n} 个实例新建计划" }
    plan_from_those_failed_help { "The new plan has the same hot patches and no start time. Nothing is sent before it is confirmed.", "新计划包含相同的热补丁，不含开始时间。确认之前不会发送任何请求。" }
    retry_prefix { "Retry: ", "重试：" }
    acknowledge { "Acknowledge", "确认已知悉" }
    acknowledge_help { "This plan then leaves “Needs attention” on the overview. Nothing is sent, and nothing changes in the cloud.", "确认后，该计划不再列入总览的“需要关注”。不会发送任何请求，云端不会有任何更改。" }
    acknowledged_by(who: &str, when: &str) { "Acknowledged by {who}, {when}", "{who} 已于 {when} 确认知悉" }
    item_adopted { "found in the list; no answer named it", "在列表中查到；应答未提及" }
    said_occupied { "Not sent: the cloud's list already shows an open task for this instance.", "未发送：云端列表中该实例已有未结束的任务。" }
    lost_gone { "The cloud no longer lists the task; how it ended is not known.", "云端已不再列出该任务，结果未知。" }
    lost_never { "The cloud accepted it, but its list never showed the task and the start has passed: look at the instance in the cloud's console.", "云端已接受，但列表从未显示该任务，且开始时间已过：请在云控制台核实该实例。" }
    next_try(when: &str) { "Tried again {when}.", "{when} 重试。" }
    wall_moved(typed: &str, zone: &str, now: &str, stands: &str) { "The rules of the time zone have changed since this was confirmed: {typed} in {zone} is {now} now. What was confirmed stands: it starts {stands}.", "确认之后时区规则已变化：{zone} 的 {typed} 现为 {now}。已确认的时间不变：{stands} 开始。" }
    confirmed_at(when: &str) { "Confirmed {when}", "确认于 {when}" }
    col_result { "Result", "结果" }
    col_task { "Task", "任务" }
    col_request { "Request", "请求" }
    task_unseen { "accepted, not yet seen in the list", "已接受，列表中尚未出现" }
    no_cloud { "No cloud is configured, so nothing can be planned.", "未配置云连接，无法创建计划。" }
    no_such_cloud(name: &str) { "No cloud connection is called {name}", "没有名为 {name} 的云连接" }
    no_such_cloud_text { "The link may be old, or the connection was renamed in the configuration.", "链接可能已失效，或配置中的连接已更名。" }
    draft_line { "Draft, saved as you go", "草稿，自动保存" }
}

impl Lang {
    /// Why we did not send.
    pub fn stop(self, why: Stop) -> &'static str {
        match why {
            Stop::Occupied => self.said_occupied(),
            Stop::NotApproved => self.said_not_approved(),
            Stop::NoProof => self.stopped_no_proof(),
            Stop::ByHand => self.stopped_by_hand(),
            Stop::NotMoved => self.stopped_not_moved(),
        }
    }

    /// What an error means that is not the cloud's own sentence.
    pub fn fault(self, fault: Fault) -> &'static str {
        match fault {
            Fault::Invalid => self.fault_invalid(),
            Fault::NotConnected => self.fault_not_connected(),
            Fault::Lost => self.fault_lost(),
            Fault::Unreadable => self.fault_unreadable(),
            Fault::Moving => self.fault_moving(),
            Fault::Server => self.fault_server(),
        }
    }

    /// Why nobody knows how a task ended.
    pub fn lost_sight(self, why: LostSight) -> &'static str {
        match why {
            LostSight::Gone => self.lost_gone(),
            LostSight::NeverListed => self.lost_never(),
        }
    }

    /// General or custom patch.
    pub fn patch_kind(self, kind: &PatchKind) -> &'static str {
        match (self, kind) {
            (Self::En, PatchKind::General) => "General",
            (Self::En, PatchKind::Custom) => "Custom",
            (Self::Zh, PatchKind::General) => "通用",
            (Self::Zh, PatchKind::Custom) => "定制",
            (_, PatchKind::Unstated) => "—",
        }
    }

    /// State of a plan.
    pub fn plan_state(self, state: PlanState) -> &'static str {
        match (self, state) {
            (Self::En, PlanState::Draft) => "Draft",
            (Self::En, PlanState::InReview) => "In review",
            (Self::En, PlanState::Expired) => "Decision too late",
            (Self::En, PlanState::ChangesAsked) => "Changes asked",
            (Self::En, PlanState::Rejected) => "Rejected",
            (Self::En, PlanState::OnHold) => "On hold",
            (Self::En, PlanState::Scheduling) => "Sending",
            (Self::En, PlanState::InDoubt) => "In doubt",
            (Self::En, PlanState::Scheduled) => "Scheduled",
            (Self::En, PlanState::PartlyScheduled) => "Partly scheduled",
            (Self::En, PlanState::Running) => "Running",
            (Self::En, PlanState::Completed) => "Completed",
            (Self::En, PlanState::PartlyFailed) => "Partly failed",
            (Self::En, PlanState::Failed) => "Failed",
            (Self::En, PlanState::Moved) => "Moved",
            (Self::En, PlanState::Cancelled) => "Cancelled",
            (Self::Zh, PlanState::Draft) => "草稿",
            (Self::Zh, PlanState::InReview) => "审批中",
            (Self::Zh, PlanState::Expired) => "审批超时",
            (Self::Zh, PlanState::ChangesAsked) => "待修改",
            (Self::Zh, PlanState::Rejected) => "已拒绝",
            (Self::Zh, PlanState::OnHold) => "已暂停",
            (Self::Zh, PlanState::Scheduling) => "发送中",
            (Self::Zh, PlanState::InDoubt) => "结果未知",
            (Self::Zh, PlanState::Scheduled) => "已安排",
            (Self::Zh, PlanState::PartlyScheduled) => "部分已安排",
            (Self::Zh, PlanState::Running) => "执行中",
            (Self::Zh, PlanState::Completed) => "已完成",
            (Self::Zh, PlanState::PartlyFailed) => "部分失败",
            (Self::Zh, PlanState::Failed) => "失败",
            (Self::Zh, PlanState::Moved) => "已改期",
            (Self::Zh, PlanState::Cancelled) => "已取消",
        }
    }

    /// State of one instance of a plan.
    pub fn item_state(self, state: &ItemState) -> &'static str {
        match (self, state) {
            (Self::En, ItemState::Moving { .. }) => "Being moved",
            (Self::En, ItemState::Planned) => "To be sent",
            (Self::En, ItemState::Sending) => "Sending",
            (Self::En, ItemState::Accepted { .. }) => "Accepted",
            (Self::En, ItemState::Rejected { .. }) => "Refused",
            (Self::En, ItemState::Unknown { .. }) => "In doubt",
            (Self::En, ItemState::Stopped { why: Stop::NoProof }) => "Not scheduled, no proof",
            (Self::En, ItemState::Stopped { why: Stop::NotMoved }) => "Not moved",
            (Self::En, ItemState::Stopped { .. }) => "Not sent",
            (Self::En, ItemState::Missed) => "Missed: too near its start, not sent",
            (Self::En, ItemState::Withdrawn) => "Withdrawn",
            (Self::Zh, ItemState::Moving { .. }) => "改期中",
            (Self::Zh, ItemState::Planned) => "待发送",
            (Self::Zh, ItemState::Sending) => "发送中",
            (Self::Zh, ItemState::Accepted { .. }) => "已接受",
            (Self::Zh, ItemState::Rejected { .. }) => "被拒绝",
            (Self::Zh, ItemState::Unknown { .. }) => "结果未知",
            (Self::Zh, ItemState::Stopped { why: Stop::NoProof }) => "未安排，无法证实",
            (Self::Zh, ItemState::Stopped { why: Stop::NotMoved }) => "未改期",
            (Self::Zh, ItemState::Stopped { .. }) => "未发送",
            (Self::Zh, ItemState::Missed) => "已错过：距开始太近，未发送",
            (Self::Zh, ItemState::Withdrawn) => "已撤回",
        }
    }
}
