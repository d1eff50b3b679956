//! Words of reviews and of the overview.

use super::{Lang, messages};
use patchboard_domain::review::{NeedReason, Verdict};

messages! {
    inbox_title { "Overview", "总览" }
    inbox_waiting { "Waiting for your decision", "等待您审批" }
    inbox_mine { "Your plans", "您的计划" }
    inbox_next { "Starting within 24 hours", "24 小时内开始" }
    inbox_running { "Running", "正在执行" }
    inbox_attention { "Needs attention", "需要关注" }
    inbox_none { "Nothing.", "无。" }
    decide_before(when: &str) { "Decision due {when}", "{when}审批截止" }
    decide_too_late { "Too late to decide: the start is nearer than the lead time.", "已过审批截止时间：距开始不足提前量。" }
    review_asked(who: &str, when: &str) { "{who} asked {when}", "{who} 于 {when} 提交" }
    review_standing(have: usize, need: usize) { "{have} of {need} approvals", "已批准 {have}/{need}" }
    review_need(n: usize) { "Approvals needed: {n}", "所需批准数：{n}" }
    need_always { "every plan needs as many", "所有计划均需要" }
    need_urgent(within: i64) { "it starts within {within} minutes", "{within} 分钟内开始" }
    ask_title { "Ask for a decision", "提交审批" }
    ask_button { "Ask for a decision about exactly these requests", "就以上确切请求提交审批" }
    ask_help { "From then on the draft stands still. Whoever approves it approves these bytes.", "提交后草稿不再变化，审批针对以上字节。" }
    reopen_button { "Change it: takes it out of review", "修改：撤出审批" }
    reopen_help { "What was approved so far is void.", "已有的批准将作废。" }
    decide_title { "Decide", "审批" }
    decide_comment { "Comment", "意见" }
    decide_comment_help { "Needed to ask for changes or to reject.", "要求修改或拒绝时必填。" }
    approve_button { "Approve exactly these requests", "批准以上确切请求" }
    changes_button { "Ask for changes", "要求修改" }
    reject_button { "Reject", "拒绝" }
    needs_comment { "Say why: a comment is needed for that.", "请说明理由：此操作需要填写意见。" }
    needs_review { "This plan needs a decision by somebody else before it is sent.", "该计划须经他人审批后才能发送。" }
    blast_title { "What it reaches", "影响范围" }
    blast_shares { "Share of each application and environment", "各应用与环境占比" }
    blast_share(here: usize, of: i64) { "{here} of {of}", "{here}/{of}" }
    blast_primaries { "Primaries by availability zone", "各可用区主节点" }
    blast_forms { "Deployment forms", "部署形态" }
    blast_pairs { "Disaster-recovery pairs touched", "涉及的容灾对" }
    blast_pairs_none { "none", "无" }
    blast_disk { "disk_usage, lowest and highest", "disk_usage 最低与最高" }
    blast_disk_unknown { "Whether it is the used or the free share is not documented: look at the margin in the console.", "文档未说明是已用还是剩余：请在控制台核实余量。" }
    blast_rollback { "Rollback", "回退" }
    checks_title { "Checks", "检查" }
    checks_fleet_age(age: &str) { "Instances read {age}", "实例数据读取于{age}" }
    checks_lists_age(age: &str) { "oldest patch list read {age}", "最早的补丁列表读取于{age}" }
    approve_count(n: usize) { "To approve, type the number of instances: {n}", "如需批准，请输入实例数：{n}" }
    checks_not_same { "What would be sent now is not what was asked about: it has to be asked about again.", "目前将发送的内容与提交审批时不同：须重新提交。" }
    others_title { "Other plans about the same instances", "涉及相同实例的其他计划" }
    others_line(n: usize) { "instances in common: {n}", "相同实例：{n} 个" }
    since_title { "Different from the version reviewed before", "与上次审批版本的差异" }
    since_none { "Nothing: the same requests are asked about again.", "无：再次提交相同请求。" }
    since_added(n: usize) { "Instances added: {n}", "新增实例：{n} 个" }
    since_removed(n: usize) { "Instances taken out: {n}", "移出实例：{n} 个" }
    since_names { "Show their names", "显示名称" }
    check_again { "Check again now", "立即重新检查" }
    edited_by(who: &str, when: &str) { "{who} changed this draft, last at {when}:", "{who} 修改了此草稿，最近于 {when}：" }
    edited_over(who: &str, when: &str) { "You wrote over what {who} had written meanwhile, last at {when}. Yours stands now; theirs was:", "您覆盖了 {who} 同时填写的内容，最近于 {when}。当前为您的内容，对方的内容为：" }
    field_fold { "First or second reading", "第一次或第二次时刻" }
    field_empty { "(empty)", "（空）" }
    since_patches_added(list: &str) { "Hot patches added: {list}", "新增热补丁：{list}" }
    since_patches_removed(list: &str) { "Hot patches taken out: {list}", "移除热补丁：{list}" }
    since_start(before: &str, after: &str) { "Start moved from {before} to {after}", "开始时间由 {before} 改为 {after}" }
    thread_title { "Thread", "讨论" }
    thread_empty { "Nothing was said yet.", "尚无评论。" }
    thread_say { "Say something", "发表评论" }
    thread_button { "Comment", "评论" }
    reason { "Reason", "原因" }
    reason_help { "Why it is done. Optional.", "执行原因，可不填。" }
    ticket { "Change ticket", "变更单" }
    ticket_help { "Its address or number. Optional.", "地址或编号，可不填。" }
    written_by(who: &str) { "by {who}", "作者：{who}" }
    void_changes(who: &str) { "{who} asked for changes.", "{who} 要求修改。" }
    void_rejected(who: &str) { "{who} rejected it. It may be changed and asked about again.", "{who} 已拒绝，可修改后重新提交。" }
    discard_for_good { "Discard it for good", "永久丢弃" }
    discard_help { "Nobody can bring it back, whoever else is writing in it.", "丢弃后无法恢复，无论是否有他人正在编辑。" }
    void_withdrawn { "It was taken out of review; what was approved is void.", "已撤出审批，已有批准作废。" }
    approvals { "Approvals", "批准记录" }
    approved_by(names: &str) { "Approved by {names}", "批准人：{names}" }
    approvals_missing { "Not enough approvals count any more: nothing more of it is sent.", "有效批准不足：未发送部分不再发送。" }
    record_title { "Change record", "变更记录" }
    record_print { "Print this page for your files. All times carry their offset.", "可打印存档。所有时间均带时区偏移。" }
    record_link { "Change record", "变更记录" }
    said_not_approved { "Not sent: what stands in the database is not what was approved, or no longer approved by enough people.", "未发送：数据库中的内容与批准内容不符，或有效批准不足。" }
}

impl Lang {
    /// A field of a draft, by the word of the ledger.
    pub fn draft_field(self, word: &str) -> String {
        match word {
            "title" => self.plan_name(),
            "reason" => self.reason(),
            "ticket" => self.ticket(),
            "patches" => self.versions(),
            "start_local" => self.start_local(),
            "zone" => self.start_zone(),
            "fold" => self.field_fold(),
            "instances" => self.col_instances(),
            other => return other.to_owned(),
        }
        .to_owned()
    }

    /// What somebody decided.
    pub fn verdict(self, verdict: Verdict) -> &'static str {
        match (self, verdict) {
            (Self::En, Verdict::Approve) => "approved",
            (Self::En, Verdict::Changes) => "asked for changes",
            (Self::En, Verdict::Reject) => "rejected",
            (Self::Zh, Verdict::Approve) => "批准",
            (Self::Zh, Verdict::Changes) => "要求修改",
            (Self::Zh, Verdict::Reject) => "拒绝",
        }
    }

    /// Why so many approvals are needed.
    pub fn need_reason(self, reason: &NeedReason) -> String {
        match reason {
            NeedReason::Always => self.need_always().to_owned(),
            NeedReason::Urgent { within } => self.need_urgent(*within),
            NeedReason::Rule(rule) => {
                let mut parts = Vec::new();
                if !rule.tag.is_empty() {
                    parts.push(rule.tag.clone());
                }
                if rule.instances > 0 {
                    parts.push(match self {
                        Self::En => format!("{} or more instances", rule.instances),
                        Self::Zh => format!("实例数不少于 {}", rule.instances),
                    });
                }
                if rule.custom_patch {
                    parts.push(match self {
                        Self::En => "a custom patch".to_owned(),
                        Self::Zh => "含定制补丁".to_owned(),
                    });
                }
                if rule.within_minutes > 0 {
                    parts.push(self.need_urgent(rule.within_minutes));
                }
                parts.join(", ")
            }
        }
    }
}
