//! Every "no" in words, and when it would become a "yes".

use super::messages;
use crate::{viewer::Viewer, when};
use patchboard_domain::{
    eligibility::{Ineligible, NotInstallable, PlanRefusal, Warning},
    id::InstanceId,
    schedule::TimeRefusal,
};

messages! {
    why_gone { "No longer listed by the cloud", "云端已不再列出" }
    why_status(status: &str) { "Status is {status}; it must be active", "状态为{status}，须为正常" }
    why_nodes(nodes: &str) { "Nodes are not normal: {nodes}", "节点异常：{nodes}" }
    why_no_engine { "The cloud gave no engine version that can be read", "云端未给出可识别的引擎版本" }
    why_task(start: &str) { "Already scheduled in the cloud, starts {start}; cancel that task or wait for its end", "云端已有任务，开始于 {start}；请取消或等待结束" }
    why_task_foreign(start: &str) { "Already scheduled outside Patchboard, starts {start}; cancel that task or wait for its end", "已由外部安排，开始于 {start}；请取消或等待结束" }
    why_planned { "Another plan is about to schedule it", "另一个计划即将安排该实例" }
    not_awaited { "not asked yet", "尚未查询" }
    not_failed(why: &str) { "could not be asked: {why}", "查询失败：{why}" }
    not_disabled { "the cloud offers no hot patch with automatic commit now", "云端目前不提供自动提交的热补丁升级" }
    not_installed { "already installed", "已安装" }
    not_offered { "not offered by the cloud", "云端未提供" }
    refuse_no_instances { "No instance is selected.", "尚未选择实例。" }
    refuse_instance(name: &str, why: &str) { "{name}: {why}.", "{name}：{why}。" }
    refuse_unknown(id: &str) { "{id} is not known any more. Take it out of the selection.", "{id} 已不存在，请从选择中移除。" }
    refuse_no_patch(engine: &str, instances: &str) { "No hot patch is chosen for the {instances} on {engine}.", "尚未为 {engine} 上的{instances}选择热补丁。" }
    refuse_stray(patch: &str) { "{patch} fits no selected instance. Untick it.", "{patch} 不适用于任何已选实例，请取消勾选。" }
    refuse_awaited(patch: &str, instances: &str) { "Whether {patch} can be installed on {instances} is being asked.", "正在查询 {patch} 能否安装在{instances}上。" }
    refuse_patch(patch: &str, instances: &str) { "{patch} cannot be installed on {instances}. Untick it, or take them out of the plan.", "{patch} 无法安装在{instances}上。请取消勾选，或将其移出计划。" }
    time_missing { "Choose a start time.", "请选择开始时间。" }
    time_unreadable(text: &str) { "\"{text}\" is not a date and time. Write it as 2026-11-24 02:00.", "“{text}”不是日期时间。请写成 2026-11-24 02:00。" }
    time_zone_unknown(zone: &str) { "\"{zone}\" is no time zone. Write an IANA name such as Asia/Shanghai.", "“{zone}”不是有效时区。请填写 IANA 名称，例如 Asia/Shanghai。" }
    time_skipped(next: &str) { "Clocks go forward over this time in that zone. The next time that exists is {next}.", "该时区此刻因时钟拨快而不存在。下一个存在的时间是 {next}。" }
    time_twice { "Clocks go back and show this time twice. Choose the first or the second.", "时钟回拨，该时间出现两次。请选择第一次或第二次。" }
    time_past(earliest: &str) { "The start time must be in the future, {earliest} at the earliest.", "开始时间必须晚于当前时间，最早为 {earliest}。" }
    time_too_soon(minutes: i64, earliest: &str) { "The start must be at least {minutes} minutes away, so that a wrong task can still be cancelled: {earliest} at the earliest.", "开始时间须至少在 {minutes} 分钟之后，以便仍可取消错误的任务：最早为 {earliest}。" }
    time_frozen(name: &str, until: &str) { "Nothing may start during \"{name}\", which ends {until}.", "“{name}”期间不得启动任务，结束于 {until}。" }
    warn_custom(patch: &str) { "{patch} is a custom patch, made for certain customers or instances.", "{patch} 是定制补丁，仅针对特定客户或实例。" }
    warn_backup(patch: &str) { "{patch} is related to backups: a running backup may be stopped.", "{patch} 与备份相关：进行中的备份可能被停止。" }
    warn_skips(patch: &str, skipped: &str) { "{patch} is chosen without {skipped}. Whether the cloud allows leaving earlier patches out is not documented.", "选择了 {patch} 但未选择 {skipped}。云端是否允许跳过较早的补丁，文档未说明。" }
    warn_outside(instances: &str) { "The start is outside the maintenance window of {instances}.", "开始时间不在{instances}的维护时间窗内。" }
    warn_inside_backup(instances: &str) { "The start is inside the backup window of {instances}.", "开始时间落在{instances}的备份时间窗内。" }
    warn_pair(pair: &str) { "Both sides of the pair \"{pair}\" start at the same time.", "容灾对“{pair}”的两侧将同时开始。" }
}

impl Viewer {
    /// Why an instance cannot be picked.
    pub fn ineligible(&self, why: &Ineligible) -> String {
        let lang = self.lang;
        match why {
            Ineligible::Gone => lang.why_gone().to_owned(),
            Ineligible::Status(word) => lang.why_status(&lang.instance_status(word)),
            Ineligible::Nodes(names) => lang.why_nodes(&names.join(", ")),
            Ineligible::NoEngineVersion => lang.why_no_engine().to_owned(),
            Ineligible::TaskOpen { start_at, foreign, .. } => {
                let start = start_at.map_or_else(|| "?".to_owned(), |t| when::full(self, t));
                if *foreign { lang.why_task_foreign(&start) } else { lang.why_task(&start) }
            }
            Ineligible::Planned { .. } => lang.why_planned().to_owned(),
        }
    }

    /// Why a patch cannot be installed on an instance.
    pub fn not_installable(&self, why: &NotInstallable) -> String {
        match why {
            NotInstallable::Awaited => self.lang.not_awaited().to_owned(),
            NotInstallable::Failed(text) => self.lang.not_failed(text),
            NotInstallable::Disabled => self.lang.not_disabled().to_owned(),
            NotInstallable::Installed => self.lang.not_installed().to_owned(),
            NotInstallable::NotOffered => self.lang.not_offered().to_owned(),
        }
    }

    /// What stands against a plan. `name` tells what an instance is called.
    pub fn plan_refusal(&self, refusal: &PlanRefusal, name: impl Fn(&InstanceId) -> String) -> String {
        let lang = self.lang;
        match refusal {
            PlanRefusal::NoInstances => lang.refuse_no_instances().to_owned(),
            PlanRefusal::Instance(id, why) => lang.refuse_instance(&name(id), &self.ineligible(why)),
            PlanRefusal::SharesTask { task, others } => lang.refuse_shares(task.as_str(), &lang.instances(others.len())),
            PlanRefusal::SameTime { start_at } => lang.refuse_same_time(&when::full(self, *start_at)),
            PlanRefusal::UnknownInstance(id) => lang.refuse_unknown(id.as_str()),
            PlanRefusal::NoPatch { engine, instances } => lang.refuse_no_patch(&engine.to_string(), &lang.instances(*instances)),
            PlanRefusal::StrayPatch(patch) => lang.refuse_stray(&patch.to_string()),
            PlanRefusal::Awaited { version, instances } => lang.refuse_awaited(&version.to_string(), &lang.instances(*instances)),
            PlanRefusal::Patch { version, missing } => lang.refuse_patch(&version.to_string(), &lang.instances(missing.len())),
        }
    }

    /// Why a start time cannot be taken.
    pub fn time_refusal(&self, refusal: &TimeRefusal) -> String {
        let lang = self.lang;
        match refusal {
            TimeRefusal::Missing => lang.time_missing().to_owned(),
            TimeRefusal::Unreadable(text) => lang.time_unreadable(text),
            TimeRefusal::UnknownZone(zone) => lang.time_zone_unknown(zone),
            TimeRefusal::Skipped { next } => lang.time_skipped(&next.format("%Y-%m-%d %H:%M").to_string()),
            TimeRefusal::Twice { .. } => lang.time_twice().to_owned(),
            TimeRefusal::Past { earliest } => lang.time_past(&when::full(self, *earliest)),
            TimeRefusal::TooSoon { earliest, lead_minutes } => lang.time_too_soon(*lead_minutes, &when::full(self, *earliest)),
            TimeRefusal::Frozen { name, until } => lang.time_frozen(name, &when::full(self, *until)),
        }
    }

    /// What should be known. `names` tells what some instances are called.
    pub fn warning(&self, warning: &Warning, names: impl Fn(&[InstanceId]) -> String) -> String {
        let lang = self.lang;
        match warning {
            Warning::Custom(patch) => lang.warn_custom(&patch.to_string()),
            Warning::BackupSensitive(patch) => lang.warn_backup(&patch.to_string()),
            Warning::Skips { version, skipped } => {
                lang.warn_skips(&version.to_string(), &patchboard_domain::version::join(skipped).replace(',', ", "))
            }
            Warning::OutsideWindow(ids) => lang.warn_outside(&names(ids)),
            Warning::InsideBackup(ids) => lang.warn_inside_backup(&names(ids)),
            Warning::BothOfPair { pair, .. } => lang.warn_pair(pair),
        }
    }
}
