//! Words of accounts, signing in, and the ledger.

use super::{Lang, messages};
use patchboard_domain::{
    account::{AccountRefusal, PASSWORD_MAX, PASSWORD_MIN, Role},
    authority::{Denied, Stage},
    ledger::Body,
};

messages! {
    nav_inbox { "Overview", "总览" }
    nav_ledger { "Ledger", "操作台账" }
    nav_people { "People", "人员" }
    to_inbox { "To the overview", "前往总览" }
    account { "Account", "账号" }
    sign_in { "Sign in", "登录" }
    sign_out { "Sign out", "退出登录" }
    sign_in_lead { "Patchboard schedules patches of production databases: it wants to know who asks.", "Patchboard 用于安排生产数据库的补丁，需要确认操作人身份。" }
    user_name { "Name", "用户名" }
    password { "Password", "密码" }
    full_name { "Full name", "姓名" }
    full_name_help { "What others read. Optional.", "供他人阅读，可不填。" }
    have_code { "I have a one-time code", "我有一次性代码" }
    sign_in_refused { "Name, password and second factor do not go together, or the account may not be used.", "用户名、密码与第二因素不符，或该账号不可用。" }
    sign_in_with(label: &str) { "Sign in with {label}", "使用 {label} 登录" }
    factor_code { "Code of your second factor", "第二因素验证码" }
    factor_code_help { "Only if you have set one up.", "仅在已设置时填写。" }
    factor_title { "Second factor", "第二因素" }
    factor_is_on { "It is set up: signing in asks for a code of your device. If the device is lost, an administrator can take it away.", "已设置：登录时需要设备上的验证码。设备丢失时，管理员可将其移除。" }
    factor_is_off { "A code of your phone beside the password: whoever learns the password alone does not get in.", "除密码外还需手机上的验证码：仅知道密码无法登录。" }
    factor_set_up { "Set one up", "设置" }
    factor_replace { "Replace it by another device", "更换设备" }
    factor_scan { "Scan this with an authenticator app. It is shown only here.", "请用身份验证器应用扫描。仅在此显示一次。" }
    factor_picture { "Secret of the second factor as a QR code", "第二因素密钥二维码" }
    factor_type { "Or type this secret into it (time-based, six digits):", "或手动输入此密钥（基于时间，六位数字）：" }
    factor_first_code { "The code that it shows now", "应用当前显示的验证码" }
    factor_confirm { "Set it up", "完成设置" }
    factor_wrong { "That is not the code of now. Look at the clock of the device, and type the next one.", "验证码不正确。请检查设备时间，并输入下一个验证码。" }
    factor_on { "The second factor is set up: from now on signing in asks for it.", "第二因素已设置，今后登录时需要验证码。" }
    factor_needed { "One of your roles asks for a second factor. Set it up here; then you can go on.", "您的角色要求第二因素。请先在此设置。" }
    factor_drop { "Take second factor away", "移除第二因素" }
    has_factor { "second factor", "有第二因素" }
    external { "single sign-on", "单点登录" }
    external_roles { "from groups, at every sign-in", "来自用户组，每次登录时更新" }
    external_account { "You sign in at a provider: password, second factor and roles are looked after there.", "您通过单点登录：密码、第二因素和角色均在该处管理。" }
    confirm_title { "Is it you?", "请确认身份" }
    confirm_lead { "What comes next is asked of you once more: a browser left open is not enough for it.", "接下来的操作需要再次确认身份：仅凭打开的浏览器不够。" }
    it_is_me_button { "It is me", "确认是我" }
    confirm_nowhere { "You came in through a provider that is not set up here any more. Ask an administrator.", "您登录所用的身份提供方已不再配置。请联系管理员。" }
    confirm_external(label: &str) { "Show it at {label}", "前往 {label} 确认" }
    notice_too_many { "That was asked for too often just now. Wait a moment and try again.", "操作过于频繁，请稍后再试。" }
    denied_unproved { "Show first that it is you.", "请先确认身份。" }
    decide_confirm { "To decide, show first that it is you.", "审批前请先确认身份。" }
    sign_in_wait(seconds: i64) { "Too many attempts. The next one counts in {seconds} s.", "尝试次数过多，{seconds} 秒后可再次尝试。" }
    signed_out { "You are signed out, so nothing was changed. Sign in and repeat it.", "您已退出登录，未作任何更改。请登录后重试。" }
    signed_out_well { "You are signed out.", "已退出登录。" }
    demo_people { "Demo: look at it as", "演示：以下列身份查看" }
    demo_people_help { "Sample people without passwords. They exist in a demo alone.", "示例人员没有密码，仅存在于演示中。" }
    welcome_title { "Choose a password", "设置密码" }
    welcome_lead { "With the one-time code that an administrator or the command line gave you.", "使用管理员或命令行提供的一次性代码。" }
    one_time_code { "One-time code", "一次性代码" }
    welcome_name_help { "Only for the very first account; otherwise the code knows whose it is.", "仅首个账号需要填写；其他代码已对应账号。" }
    new_password { "New password", "新密码" }
    old_password { "Present password", "当前密码" }
    password_help(least: usize) { "At least {least} characters; a few unrelated words are better than symbols.", "至少 {least} 个字符；几个不相关的词比符号更好。" }
    begin { "Begin", "开始" }
    account_title { "Your account", "您的账号" }
    your_roles { "Your roles", "您的角色" }
    change_password { "Change password", "修改密码" }
    change_password_help { "Every other session ends.", "其他会话都会结束。" }
    password_changed { "The password was changed; every other session has ended.", "密码已修改，其他会话均已结束。" }
    sessions_title { "Where you are signed in", "登录位置" }
    session_since { "Since", "开始于" }
    session_seen { "Last used", "最近使用" }
    session_from { "From", "来源" }
    end_session { "End", "结束" }
    end_all_sessions { "Sign out everywhere", "全部退出" }
    people_title { "People", "人员" }
    people_lead { "Who may use this Patchboard, and as what.", "可使用本 Patchboard 的人员及其角色。" }
    add_person { "Add somebody", "添加人员" }
    add_person_button { "Make the account and show its code", "创建账号并显示代码" }
    role { "Role", "角色" }
    roles { "Roles", "角色" }
    last_sign_in { "Last signed in", "最近登录" }
    never { "never", "从未" }
    save_roles { "Save roles", "保存角色" }
    disable { "Disable", "停用" }
    enable { "Enable", "启用" }
    disabled { "disabled", "已停用" }
    no_password_yet { "no password yet", "尚未设置密码" }
    active { "active", "可用" }
    new_code { "New code", "新代码" }
    code_for(name: &str) { "For {name}.", "用户：{name}。" }
    done_roles { "The roles are saved. They count at once.", "角色已保存，立即生效。" }
    done_disable { "The account is disabled; its sessions have ended.", "账号已停用，其会话均已结束。" }
    done_enable { "The account may be used again.", "账号已重新启用。" }
    done_drop_factor { "The second factor is taken away; the sessions have ended.", "第二因素已移除，会话均已结束。" }
    cancel { "Cancel", "取消" }
    or { "or", "或" }
    code_title { "One-time code", "一次性代码" }
    code_text { "Hand this code over. It is shown only here, works once, and for an hour:", "请转交此代码。仅在此显示一次，一小时内有效，只能使用一次：" }
    code_where { "It is typed here:", "在此处输入：" }
    denied_title { "You may not do this", "您没有权限" }
    denied_anonymous { "Nobody is signed in.", "尚未登录。" }
    denied_own { "You wrote or changed this plan: somebody else decides about it.", "您编写或修改过该计划，须由他人审批。" }
    ledger_title { "Ledger", "操作台账" }
    ledger_lead { "Who did what, when and from where. Each entry holds the hash of the one before it.", "何人何时何地做了什么。每条记录包含上一条的哈希。" }
    ledger_empty { "No entry matches.", "没有符合条件的记录。" }
    ledger_words { "Words", "关键字" }
    ledger_what { "Deed", "操作" }
    ledger_subject { "About", "对象" }
    ledger_altered { "This entry was changed in the database: its hash, its number or its subject is not that of its text.", "此记录在数据库中被更改：哈希、编号或对象与正文不符。" }
    ledger_verify { "Verify it with `patchboard ledger verify`, or with a script of your own: docs/ledger.md describes the format.", "可用 `patchboard ledger verify` 校验，也可按 docs/ledger.md 的格式自行编写脚本。" }
    ledger_export_json { "Export JSON lines", "导出 JSON 行" }
    ledger_export_csv { "Export CSV", "导出 CSV" }
    ledger_of_this { "Ledger of this plan", "该计划的台账" }
    col_who { "Who", "操作人" }
    col_when { "When", "时间" }
    col_deed { "What", "操作" }
    col_hash { "Hash", "哈希" }
    without_review { "This team works without review: a plan is sent by whoever makes it.", "本团队不设审批：计划由编写者直接发送。" }
    the_program { "Patchboard itself", "系统" }
}

impl Lang {
    /// A role.
    pub fn role_word(self, role: Role) -> &'static str {
        match (self, role) {
            (Self::En, Role::Viewer) => "Viewer",
            (Self::En, Role::Operator) => "Operator",
            (Self::En, Role::Approver) => "Approver",
            (Self::En, Role::Administrator) => "Administrator",
            (Self::Zh, Role::Viewer) => "只读",
            (Self::Zh, Role::Operator) => "操作员",
            (Self::Zh, Role::Approver) => "审批人",
            (Self::Zh, Role::Administrator) => "管理员",
        }
    }

    /// Why something is not allowed.
    pub fn denied(self, denied: &Denied) -> String {
        match denied {
            Denied::Anonymous => self.denied_anonymous().to_owned(),
            Denied::OwnPlan => self.denied_own().to_owned(),
            Denied::Unproved => self.denied_unproved().to_owned(),
            Denied::Role(roles) => {
                let names = roles.iter().map(|r| self.role_word(*r)).collect::<Vec<_>>();
                match self {
                    Self::En => format!("It takes the role {}. An administrator can give it.", names.join(" or ")),
                    Self::Zh => format!("需要角色：{}。请联系管理员。", names.join(" 或 ")),
                }
            }
            Denied::Stage(stage) => match (self, stage) {
                (Self::En, Stage::Draft) => "The plan is still a draft.".to_owned(),
                (Self::En, Stage::InReview) => "The plan waits for a decision.".to_owned(),
                (Self::En, Stage::Submitted) => "The plan was submitted already.".to_owned(),
                (Self::Zh, Stage::Draft) => "计划仍为草稿。".to_owned(),
                (Self::Zh, Stage::InReview) => "计划正在等待审批。".to_owned(),
                (Self::Zh, Stage::Submitted) => "计划已提交。".to_owned(),
            },
        }
    }

    /// Why an account cannot be changed so.
    pub fn account_refusal(self, refusal: AccountRefusal) -> String {
        match (self, refusal) {
            (Self::En, AccountRefusal::Name) => "A name is 2 to 64 letters, digits, '.', '-', '_' or '@'.".to_owned(),
            (Self::Zh, AccountRefusal::Name) => "用户名为 2 至 64 个字母、数字或 . - _ @。".to_owned(),
            (Self::En, AccountRefusal::NameTaken) => {
                "An account has that name already. If you have just made it, its row has a button for a new code.".to_owned()
            }
            (Self::Zh, AccountRefusal::NameTaken) => "该用户名已被使用。如刚刚创建，可在其所在行获取新代码。".to_owned(),
            (Self::En, AccountRefusal::NoRole) => "Choose at least one role.".to_owned(),
            (Self::Zh, AccountRefusal::NoRole) => "请至少选择一个角色。".to_owned(),
            (Self::En, AccountRefusal::PasswordLength) => format!("A password has {PASSWORD_MIN} to {PASSWORD_MAX} characters."),
            (Self::Zh, AccountRefusal::PasswordLength) => format!("密码须为 {PASSWORD_MIN} 至 {PASSWORD_MAX} 个字符。"),
            (Self::En, AccountRefusal::PasswordWeak) => {
                "That password is among the first that are tried. Take a few unrelated words.".to_owned()
            }
            (Self::Zh, AccountRefusal::PasswordWeak) => "该密码极易被猜到。请使用几个不相关的词。".to_owned(),
            (Self::En, AccountRefusal::PasswordWrong) => "That is not the present password.".to_owned(),
            (Self::Zh, AccountRefusal::PasswordWrong) => "当前密码不正确。".to_owned(),
            (Self::En, AccountRefusal::Busy) => "Too many people are signing in just now. Try again in a moment.".to_owned(),
            (Self::Zh, AccountRefusal::Busy) => "当前登录请求过多，请稍后重试。".to_owned(),
            (Self::En, AccountRefusal::Code) => "That code is wrong, was used, or is too old. Ask for a new one.".to_owned(),
            (Self::Zh, AccountRefusal::Code) => "代码错误、已使用或已过期。请重新获取。".to_owned(),
            (Self::En, AccountRefusal::LastAdministrator) => {
                "It is the last administrator that can be used: make another one first.".to_owned()
            }
            (Self::Zh, AccountRefusal::LastAdministrator) => "这是最后一个可用的管理员：请先添加另一个。".to_owned(),
            (Self::En, AccountRefusal::External) => {
                "That account signs in at a provider: its password and roles are looked after there.".to_owned()
            }
            (Self::Zh, AccountRefusal::External) => "该账号通过单点登录：密码和角色均在该处管理。".to_owned(),
            (Self::En, AccountRefusal::FactorCode) => "That is not a code of your second factor now, or it was used already.".to_owned(),
            (Self::Zh, AccountRefusal::FactorCode) => "第二因素验证码不正确或已使用。".to_owned(),
            (Self::En, AccountRefusal::SignOnNotOurs) => {
                "That answer belongs to no sign-in of this browser that is still on its way. Begin again.".to_owned()
            }
            (Self::Zh, AccountRefusal::SignOnNotOurs) => "该应答不属于此浏览器正在进行的登录。请重新开始。".to_owned(),
            (Self::En, AccountRefusal::SignOnDeclined) => "The provider did not sign you in.".to_owned(),
            (Self::Zh, AccountRefusal::SignOnDeclined) => "身份提供方未完成登录。".to_owned(),
            (Self::En, AccountRefusal::SignOnUntrusted) => {
                "What the provider answered is not believed. Begin again; if it stays, the log of the server says why.".to_owned()
            }
            (Self::Zh, AccountRefusal::SignOnUntrusted) => "身份提供方的应答未通过校验。请重试；如仍失败，服务器日志中有原因。".to_owned(),
            (Self::En, AccountRefusal::SignOnUnreachable) => {
                "The provider does not answer. Try again later, or sign in with a name and a password.".to_owned()
            }
            (Self::Zh, AccountRefusal::SignOnUnreachable) => "身份提供方无应答。请稍后重试，或使用用户名和密码登录。".to_owned(),
            (Self::En, AccountRefusal::SignOnNoRole) => {
                "The provider knows you, but none of your groups may use this Patchboard. Ask whoever looks after the groups.".to_owned()
            }
            (Self::En, AccountRefusal::SignOnNameTaken) => {
                "An account here has the name that you have at the provider. An administrator can disable it; then you come in.".to_owned()
            }
            (Self::Zh, AccountRefusal::SignOnNameTaken) => "此处已有与您同名的账号。请管理员停用该账号后再登录。".to_owned(),
            (Self::En, AccountRefusal::SignOnNotNow) => {
                "You are signed in, but the provider does not say that it asked you just now (auth_time), so it does not count as showing who you are. Tell whoever runs the provider.".to_owned()
            }
            (Self::Zh, AccountRefusal::SignOnNotNow) => "已登录，但身份提供方未说明刚刚验证过您（auth_time），因此不能作为身份确认。请联系身份提供方管理员。".to_owned(),
            (Self::Zh, AccountRefusal::SignOnNoRole) => {
                "身份提供方已确认您的身份，但您的用户组均无权使用 Patchboard。请联系用户组管理员。".to_owned()
            }
        }
    }

    /// A deed of the ledger. A word of a later version is shown as it is.
    pub fn deed(self, body: &Body) -> String {
        let (en, zh) = match body.what.as_str() {
            "plan.create" => ("began a plan", "新建计划"),
            "plan.discard" => ("discarded a draft", "丢弃草稿"),
            "plan.send" => ("sent a plan", "发送计划"),
            "plan.ask_review" => ("asked for a decision", "提交审批"),
            "plan.approve" => ("approved", "批准"),
            "plan.ask_changes" => ("asked for changes", "要求修改"),
            "plan.reject" => ("rejected", "拒绝"),
            "plan.reopen" => ("took it out of review", "撤出审批"),
            "plan.comment" => ("said something", "发表评论"),
            "plan.hold" => ("held what is not sent", "暂停未发送部分"),
            "plan.resume" => ("let it go on", "继续发送"),
            "plan.acknowledge" => ("acknowledged how it ended", "确认已知悉结果"),
            "plan.withdraw" => ("withdrew what is not sent", "撤回未发送部分"),
            "request.send" => ("is about to send a request", "即将发送请求"),
            "request.outcome" => ("recorded what came back", "记录应答"),
            "request.resolved" => ("settled by hand what was in doubt", "人工确认未知结果"),
            "send.hold" => ("put sending on hold", "暂停发送"),
            "send.resume" => ("let sending go on", "恢复发送"),
            "request.settled" => ("settled what was in doubt", "确认未知结果"),
            "plan.edit" => ("changed a draft", "修改草稿"),
            "request.moved" => ("took a move one step further", "推进改期"),
            "request.put_back" => ("let the old time stand again", "恢复原定时间"),
            "request.withdrawn" => ("took back what was not sent", "撤回未发送部分"),
            "request.stopped" => ("did not send", "未发送"),
            "task.order" => ("asked to cancel or delete a task", "请求取消或删除任务"),
            "task.answer" => ("recorded the cloud's answer", "记录云端应答"),
            "task.followed" => ("followed a task up in the list", "在列表中核实任务"),
            "cloud.resume" => ("resumed a connection", "恢复云连接"),
            "session.begin" => ("signed in", "登录"),
            "session.end" => ("ended a session", "结束会话"),
            "session.confirm" => ("showed again who they are", "再次确认身份"),
            "user.factor" => ("changed a second factor", "变更第二因素"),
            "user.add" => ("made an account", "创建账号"),
            "user.code" => ("made a one-time code", "生成一次性代码"),
            "user.password" => ("chose a password", "设置密码"),
            "user.name" => ("changed a full name", "修改姓名"),
            "user.roles" => ("changed roles", "修改角色"),
            "user.disable" => ("disabled an account", "停用账号"),
            "user.enable" => ("enabled an account", "启用账号"),
            other => return other.to_owned(),
        };
        match self {
            Self::En => en.to_owned(),
            Self::Zh => zh.to_owned(),
        }
    }
}
