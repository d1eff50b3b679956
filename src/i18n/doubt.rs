//! Everything in doubt, and what is on hold.

use super::{Lang, messages};
use patchboard_domain::{
    hold::Scope,
    send::{HELD_UP, INTERRUPTED, NO_ANSWER, NOT_NAMED},
};

messages! {
    doubt_title { "In doubt", "结果未知" }
    doubt_all { "Everything in doubt", "全部结果未知项" }
    doubt_instances { "Instances", "实例" }
    doubt_none { "Nothing is in doubt: what was sent has been answered, and what was accepted is listed.", "没有未知结果：已发送的均有应答，已接受的均在列表中。" }
    doubt_text { "The answer was lost after the request left. It is not sent again before the cloud's list has proved, twice, that there is no such task.", "请求发出后应答丢失。在云端列表两次证明任务不存在之前，不会再次发送。" }
    doubt_looked(when: &str) { "Looked at {when}: not there.", "{when} 已查看：未出现。" }
    doubt_next(when: &str) { "Looks again at {when}.", "{when} 再次查看。" }
    doubt_absent(first: &str, again: &str) { "Absent since {first}; will not be sent again before a listing begun after {again} has proved it absent.", "自 {first} 起未出现；在 {again} 之后的列表证明其不存在之前，不会再次发送。" }
    doubt_not_before(at: &str) { "Will not be sent again before it is proved absent, at the earliest at {at}.", "在证明任务不存在之前不会再次发送，最早 {at}。" }
    doubt_waiting { "The next complete listing is awaited.", "等待下一次完整列表。" }
    doubt_not_named { "The cloud's answer did not name this instance.", "云端应答中没有该实例。" }
    held_up { "The process was held up between journal and call. Nothing has left; it is sent later.", "进程在记录与调用之间被暂停，请求未发出，稍后重新发送。" }
    no_answer { "Neither the cloud nor the database answered for too long.", "云端或数据库长时间没有应答。" }
    doubt_left { "Sending ended without a record of the answer, and what is kept of the request cannot be read: see the server's log. Look in the cloud's list whether the instance has a task.", "发送中断，应答未被记录，且该请求的记录无法读取：请查看服务器日志，并在云端列表中确认该实例是否已有任务。" }
    doubt_not_connected { "No connection to this cloud is configured any more: nothing looks for it. Look in the cloud's console.", "该云的连接已不再配置：系统不会再查找。请到云控制台确认。" }
    doubt_interrupted { "The process ended before the answer was recorded.", "进程在记录应答之前中断。" }
    doubt_banner(instances: &str) { "{instances} in doubt: nobody knows yet whether they are scheduled.", "{instances}结果未知：尚不清楚是否已安排。" }
    resolve_title { "I have looked in the cloud's console", "我已在云控制台核实" }
    resolve_help { "Your word is taken for it, and written into the ledger with your reason. Nothing is sent because of it; a new plan can be made from what is not scheduled.", "将以您的判断为准，并连同理由写入台账。不会因此发送任何请求；未安排的实例可以另建计划。" }
    resolve_found { "What there is", "核实结果" }
    resolve_none { "No task: it is not scheduled", "没有任务：未安排" }
    resolve_is(task: &str) { "It is this task: {task}", "就是此任务：{task}" }
    resolve_not { "Not now", "暂不" }
    resolve_too_early { "Its call may still act: the cloud has not been listed late enough yet. The page says from when on an absence counts. Hold sending if it must not be sent again.", "其请求仍可能生效：尚无足够晚的云端列表。页面标明从何时起未出现才可作为证据。如不可再次发送，请先暂停发送。" }
    resolve_over { "It is not in doubt any more.", "该项已不再是未知结果。" }
    resolve_button { "Settle it so", "按此确认" }
    collisions_title { "Several open tasks on one instance", "同一实例有多个未结束任务" }
    collisions_text { "The cloud may run each of them. What is not ours is never cancelled by Patchboard: decide with whoever made it.", "云端可能逐一执行。非本系统创建的任务绝不会被自动取消，请与创建者商定。" }
    collisions_banner(n: i64) { "Instances with several open tasks in the cloud: {n}", "云端存在多个未结束任务的实例：{n}" }
    holds_title { "On hold", "暂停" }
    holds_none { "Nothing is on hold, but for single plans.", "除个别计划外，没有暂停项。" }
    hold_help { "Nothing more is sent until somebody lets it go on. What is on its way is seen through, what is in doubt is looked for, and tasks that the cloud has are not touched.", "恢复之前不再发送任何请求。已发出的请求会处理完毕，未知结果会继续核实，云端已有任务不受影响。" }
    hold_what { "What to hold", "暂停范围" }
    hold_button { "Hold", "暂停发送" }
    hold_banner { "Sending is on hold", "发送已暂停" }
    hold_everything { "Everything", "全部" }
    hold_cloud(name: &str) { "Cloud {name}", "云 {name}" }
}

impl Lang {
    /// What was said of a failure: in the reader's language where the words are ours.
    pub fn said(self, message: &str) -> &str {
        match message {
            NOT_NAMED => self.doubt_not_named(),
            INTERRUPTED => self.doubt_interrupted(),
            HELD_UP => self.held_up(),
            NO_ANSWER => self.no_answer(),
            other => other,
        }
    }

    /// What a hold is about.
    pub fn scope(self, scope: &Scope) -> String {
        match scope {
            Scope::Everything => self.hold_everything().to_owned(),
            Scope::Cloud(name) => self.hold_cloud(name.as_str()),
        }
    }
}
