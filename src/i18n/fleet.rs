//! Words of the fleet.

use super::{Lang, messages};
use patchboard_domain::instance::Form;

messages! {
    fleet_title { "Instances", "实例" }
    fleet_lead { "The fleet as the cloud last reported it.", "云端最近一次报告的实例。" }
    col_name { "Name", "名称" }
    col_status { "Status", "状态" }
    col_form { "Form", "部署形态" }
    col_engine { "Engine", "引擎版本" }
    col_patches { "Hot patches", "热补丁" }
    col_missing { "Missing", "缺少" }
    col_tags { "Tags", "标签" }
    col_windows { "Windows (UTC)", "时间窗（UTC）" }
    col_project { "Enterprise project", "企业项目" }
    col_select { "Select", "选择" }
    filter_search { "Name or id", "名称或 ID" }
    filter_status { "Status", "状态" }
    filter_engine { "Engine version", "引擎版本" }
    filter_missing { "Missing patch", "缺少补丁" }
    filter_tag { "Tag", "标签" }
    filter_project { "Enterprise project", "企业项目" }
    filter_form { "Form", "部署形态" }
    filter_cloud { "Cloud", "云连接" }
    filters { "Filters", "筛选" }
    cloud_empty_title { "The cloud answered with no instances", "云端返回的实例数为 0" }
    cloud_empty_text(cloud: &str, read: &str, region: &str, project: &str, account: &str) { "{cloud}, read {read}: region {region}, project {project}, asked with {account}. Check the project id and the region, and whether these credentials may list instances (gaussdb:instance:list).", "{cloud}，读取于 {read}：区域 {region}，项目 {project}，使用{account}。请检查项目 ID 和区域，以及该凭证是否有权查询实例（gaussdb:instance:list）。" }
    account_key(last: &str) { "the access key ending in {last}", "尾号为 {last} 的访问密钥" }
    account_user(name: &str) { "the IAM user {name}", "IAM 用户 {name}" }
    fleet_empty_title { "No instance was ever listed", "尚未列出任何实例" }
    fleet_empty_text { "Patchboard reads the instances of the configured project by itself. As soon as the cloud answers, they stand here.", "Patchboard 会自动读取所配置项目中的实例。云端应答后即显示在此。" }
    fleet_none_match { "No instance matches these filters.", "没有符合筛选条件的实例。" }
    matching(n: i64) { "{n} match", "共 {n} 个符合" }
    no_patches { "none installed", "未安装" }
    up_to_date { "up to date", "已是最新" }
    maintenance { "Maintenance", "维护" }
    backup { "Backup", "备份" }
    disk_share(share: &str) { "Disk {share} (used or free is not documented)", "磁盘 {share}（云端未说明为已用或可用）" }
    node_trouble(n: usize) { "{n} abnormal", "{n} 个异常" }
    instance_id { "Instance id", "实例 ID" }
    nodes { "Nodes", "节点" }
    node { "Node", "节点" }
    zone_az { "Availability zone", "可用区" }
    tasks_of_instance { "Scheduled tasks of this instance", "该实例的定时任务" }
    no_tasks_of_instance { "No scheduled task was ever listed for it.", "从未列出该实例的定时任务。" }
    gone_since(when: &str) { "No longer listed since {when}", "自 {when} 起不再列出" }
    can_be_planned { "Can be planned", "可安排升级" }
    cannot_be_planned { "Cannot be planned", "不可安排升级" }
    plan_this { "Plan an upgrade of this instance", "为该实例安排升级" }
}

impl Lang {
    /// Deployment form.
    pub fn form(self, form: Form) -> &'static str {
        match (self, form) {
            (Self::En, Form::Distributed) => "Distributed",
            (Self::En, Form::PrimaryStandby) => "Primary/standby",
            (Self::En, Form::Other) => "Other",
            (Self::Zh, Form::Distributed) => "分布式",
            (Self::Zh, Form::PrimaryStandby) => "主备版",
            (Self::Zh, Form::Other) => "其他",
        }
    }

    /// The form of a filter value.
    pub fn form_word(self, word: &str) -> &'static str {
        let form = [Form::Distributed, Form::PrimaryStandby].into_iter().find(|f| f.as_str() == word);
        self.form(form.unwrap_or(Form::Other))
    }

    /// Status of an instance; the cloud's word where we have none.
    pub fn instance_status(self, word: &str) -> String {
        let zh = match word {
            "BUILD" => "创建中",
            "BUILD_FAILED" => "创建失败",
            "ACTIVE" => "正常",
            "FAILED" => "异常",
            "FROZEN" => "冻结",
            "MODIFYING" => "变更中",
            "EXPANDING" => "扩容中",
            "REBOOTING" => "重启中",
            "REDUCING" => "缩容中",
            "REDUCING REPLICATION" => "减少副本中",
            "UPGRADING" => "升级中",
            "RESTORING" => "恢复中",
            "SWITCHOVER" => "主备切换中",
            "MIGRATING" => "迁移中",
            "BACKING UP" => "备份中",
            "UPGRADE TO BE OBSERVED" => "升级待观察",
            "MODIFYING DATABASE PORT" => "修改端口中",
            "STORAGE FULL" => "磁盘已满",
            "REPAIRING" => "修复中",
            "SHUTDOWN" => "已停止",
            other => other,
        };
        match self {
            Self::Zh => zh.to_owned(),
            Self::En if word.is_empty() => "—".to_owned(),
            Self::En => {
                let lower = word.replace('_', " ").to_lowercase();
                let mut letters = lower.chars();
                letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
            }
        }
    }
}
