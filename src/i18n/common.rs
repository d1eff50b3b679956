//! Words that stand on every page.

use super::{Lang, messages};

messages! {
    product_line { "GaussDB hot patches, scheduled and proved", "GaussDB 热补丁定时升级与核实" }
    skip_to_content { "Skip to content", "跳到正文" }
    main_navigation { "Main", "主导航" }
    nav_instances { "Instances", "实例" }
    nav_plans { "Plans", "升级计划" }
    nav_tasks { "Tasks", "定时任务" }
    new_plan { "New plan", "新建计划" }
    preferences { "Language, time zone, theme", "语言、时区与主题" }
    language { "Language", "语言" }
    theme { "Theme", "主题" }
    theme_system { "System", "跟随系统" }
    theme_light { "Light", "浅色" }
    theme_dark { "Dark", "深色" }
    time_zone { "Time zone", "时区" }
    times_in(zone: &str, offset: &str) { "Times in {zone} ({offset})", "时间按 {zone}（{offset}）显示" }
    save { "Save", "保存" }
    search { "Search", "搜索" }
    apply { "Apply", "应用" }
    clear_filters { "Clear filters", "清除筛选" }
    any { "Any", "不限" }
    yes { "Yes", "是" }
    none { "none", "无" }
    demo_banner { "Demo: a simulated cloud and a throw-away database on this machine. Nothing leaves it.", "演示：本机上的模拟云和一次性数据库，数据不会离开本机。" }
    page_of(page: i64, pages: i64) { "Page {page} of {pages}", "第 {page} / {pages} 页" }
    pages_label { "Pages", "分页" }
    first_page { "First", "首页" }
    previous { "Previous", "上一页" }
    next { "Next", "下一页" }
    last_page { "Last", "末页" }
    refresh { "Refresh", "刷新" }
    copy { "Copy", "复制" }
    copied { "Copied", "已复制" }
    copy_refused { "The browser refused: select the text", "浏览器拒绝复制：请手动选择文本" }
    too_much_title { "That was too much at once", "一次提交的内容过多" }
    too_much_text { "A form may carry 64 KiB, one with a pasted list 1 MiB. Nothing was changed: go back and shorten it.", "表单内容不得超过 64 KiB，含粘贴列表的表单不得超过 1 MiB。未作任何更改：请返回并缩短内容。" }
    bad_address_title { "The address cannot be read", "无法识别该地址" }
    bad_address_text { "It is too long, or not spelled as Patchboard spells its addresses. Nothing was changed: go to the page by its link.", "地址过长，或写法与 Patchboard 的地址不一致。未作任何更改：请通过链接打开页面。" }
    bad_form_title { "The form cannot be read", "无法识别该表单" }
    bad_form_text { "A field is missing or holds something that it cannot hold, so nothing was changed. Open the page again and repeat.", "表单缺少字段或字段内容无效，未作任何更改。请重新打开页面再试。" }
    elsewhere_title { "This did not come from a page of this Patchboard", "该请求并非来自本 Patchboard 的页面" }
    elsewhere_text { "Another site or an old page sent it, so nothing was changed. Open the page again and repeat.", "请求来自其他站点或过期页面，未作任何更改。请重新打开页面再试。" }
    slow_title { "This took too long", "处理超时" }
    slow_text { "The server gave up on this page. What was asked for may or may not have been done: look before you repeat it.", "服务器放弃了该请求。所请求的操作可能已完成也可能没有：重试前请先查看。" }
    details { "Details", "详情" }
    back { "Back", "返回" }
    not_found_title { "There is no such page", "页面不存在" }
    not_found_text { "The address is wrong, or what it showed has been deleted.", "地址有误，或其内容已被删除。" }
    to_instances { "To the instances", "前往实例列表" }
    failed_title { "This could not be loaded", "无法加载" }
    failed_text { "The server could not read its database. Nothing was changed. The log of the server says more.", "服务器无法读取数据库。没有任何更改。详情见服务器日志。" }
    try_again { "Try again", "重试" }
    problem { "Problem", "问题" }
    notice_changed { "It was changed meanwhile, in another tab or by somebody else. This is how it stands now; nothing was done.", "内容已在其他标签页或被他人更改。以下为当前状态，未执行任何操作。" }
    notice_not_ready { "It cannot be sent as it is. What stands against it is listed below.", "目前还不能发送，原因列在下方。" }
    notice_conflict { "Another plan is about to schedule one of these instances. Nothing was sent.", "另一个计划即将为其中的实例安排升级。未发送任何请求。" }
    notice_refused { "That is not possible in the present state. Nothing was done.", "当前状态下无法执行此操作。未执行任何操作。" }
    notice_confirm { "Type the number of instances to confirm. Nothing was sent.", "请输入实例数量以确认。未发送任何请求。" }
    notice_failed { "The server failed. The log of the server says more.", "服务器出错。详情见服务器日志。" }
    notice_refused_some(n: i64) { "Not added because they cannot be patched now: {n}. Each row says why.", "有 {n} 个实例目前不可升级，未加入；原因见各行。" }
    sync_never { "The cloud has not been read yet.", "尚未读取云端数据。" }
    sync_running(rows: i64) { "Reading the cloud… {rows} rows so far", "正在读取云端…已读 {rows} 行" }
    sync_age(age: &str) { "As the cloud said {age}", "云端数据：{age}" }
    sync_failed { "The cloud could not be read; what is shown is the last known state.", "无法读取云端；以下为最近一次已知的状态。" }
    sync_stopped { "The cloud refused the credentials. Nothing is called until somebody resumes it: six refusals in a row lock an access key.", "云端拒绝了凭证。恢复之前不会再调用：连续六次失败会锁定访问密钥。" }
    sync_paused(when: &str) { "The cloud asked to wait; looked at again {when}.", "云端要求等待；{when}再次查看。" }
    not_connected { "No connection to this cloud is configured any more: nothing is sent or looked at.", "已没有该云连接的配置：不会发送，也不会查看。" }
    resume { "Credentials are right, resume", "凭证已修正，恢复调用" }
    clock_skew(seconds: i64) { "The clock of the cloud is {seconds} s away from this server's. Start times are judged by this server's clock.", "云端时钟与本服务器相差 {seconds} 秒。开始时间以本服务器时钟为准。" }
    list_lag(seconds: i64, settle: i64, at: &str) { "A new task was missing from the cloud's list for up to {seconds} s (seen {at}). An instance in doubt is sent again only after it was absent for {settle} s.", "云端列表曾在最长 {seconds} 秒内未显示新任务（{at} 发现）。状态未知的实例须在列表中连续 {settle} 秒不存在，才会再次发送。" }
    http_status(status: u16) { "HTTP {status}", "HTTP {status}" }
    request_id(id: &str) { "Request id {id}", "请求 ID {id}" }
    updated_by_itself { "Updates by itself", "自动更新" }
    connection_lost(at: &str) { "Connection lost at {at}, trying again. What is shown is from before.", "连接于 {at} 中断，正在重试。所显示的是中断前的内容。" }
    updates_ended { "This page is no longer kept up to date: you are signed out, or something else stands in its place now. Load it again.", "此页面不再更新：您已退出登录，或该位置已是其他内容。请重新加载。" }
    save_refused { "Not saved: the server refused it. Your entries are still here; press a button to see why.", "未保存：服务器拒绝了请求。已填写的内容仍在，请点击按钮查看原因。" }
    save_ended { "Not saved: you are signed out, or this is no draft any more (somebody asked for a decision about it, or discarded it). What you typed is still here: copy it before you leave, and look again in another window.", "未保存：您已退出登录，或该计划已不是草稿（有人提交审批或丢弃了它）。已填写的内容仍在：离开前请复制，并在新窗口中查看。" }
    save_failed { "Not saved: the server did not answer. Your entries are still here; press a button to try again.", "未保存：服务器没有应答。已填写的内容仍在，请点击按钮重试。" }
    loading { "Loading…", "加载中…" }
    just_now { "just now", "刚刚" }
    made_by { "Patchboard", "Patchboard" }
}

impl Lang {
    /// `3 min ago`, `in 2 h 5 min`: seconds from now, negative for the past.
    pub fn relative(self, seconds: i64) -> String {
        let past = seconds < 0;
        let s = seconds.abs();
        let (days, hours, minutes) = (s / 86_400, s % 86_400 / 3_600, s % 3_600 / 60);
        let span = match self {
            Self::En => match (days, hours, minutes) {
                (0, 0, 0) => format!("{s} s"),
                (0, 0, m) => format!("{m} min"),
                (0, h, 0) => format!("{h} h"),
                (0, h, m) => format!("{h} h {m} min"),
                (d, 0, _) => format!("{d} d"),
                (d, h, _) => format!("{d} d {h} h"),
            },
            Self::Zh => match (days, hours, minutes) {
                (0, 0, 0) => format!("{s} 秒"),
                (0, 0, m) => format!("{m} 分钟"),
                (0, h, 0) => format!("{h} 小时"),
                (0, h, m) => format!("{h} 小时 {m} 分钟"),
                (d, 0, _) => format!("{d} 天"),
                (d, h, _) => format!("{d} 天 {h} 小时"),
            },
        };
        match (self, past) {
            _ if s < 5 => self.just_now().to_owned(),
            (Self::En, true) => format!("{span} ago"),
            (Self::En, false) => format!("in {span}"),
            (Self::Zh, true) => format!("{span}前"),
            (Self::Zh, false) => format!("{span}后"),
        }
    }

    /// Weekday, short, from Monday as 0.
    pub fn weekday(self, from_monday: u32) -> &'static str {
        const EN: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
        const ZH: [&str; 7] = ["周一", "周二", "周三", "周四", "周五", "周六", "周日"];
        let index = usize::try_from(from_monday % 7).unwrap_or_default();
        match self {
            Self::En => EN[index],
            Self::Zh => ZH[index],
        }
    }

    /// Number of instances.
    pub fn instances(self, n: usize) -> String {
        self.count(i64::try_from(n).unwrap_or(i64::MAX), "instance", "instances", "个实例")
    }

    /// Number of requests.
    pub fn requests(self, n: usize) -> String {
        self.count(i64::try_from(n).unwrap_or(i64::MAX), "request", "requests", "个请求")
    }
}
