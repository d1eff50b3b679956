//! Words of moving what is scheduled.

use super::messages;

messages! {
    move_button(n: usize) { "Move the {n} that wait to another time", "将待执行的 {n} 个改期" }
    move_title { "Move to another time", "改期" }
    move_draft(instances: &str) { "This plan moves {instances} to another time; so far scheduled by", "该计划将{instances}改期。原安排来自计划" }
    move_nothing { "Nothing of the plan to be moved waits for its start any more.", "原计划中已没有等待执行的实例。" }
    move_from { "Scheduled for", "原定时间" }
    move_to { "To be moved to", "改期到" }
    move_patches { "Hot patches so far", "原定热补丁" }
    move_how { "Once this is confirmed or approved, the old tasks are cancelled. Each instance is scheduled anew only when the cloud's list shows its old task cancelled. What cannot be cancelled any more stays at its old time. If the cloud refuses the new time, the old time is scheduled again, as it was approved, as long as its lead time allows.", "确认或批准后，先取消原任务；仅当云端列表显示原任务已取消，才为该实例重新安排。已无法取消的仍按原定时间执行。若云端拒绝新的时间，只要提前量仍允许，就按已批准的内容恢复原定时间。" }
    move_sent(instances: &str) { "Moves {instances} from another time; before, scheduled by", "将{instances}改期；原安排来自计划" }
    moved_to_draft { "A move to another time is being prepared:", "正在准备改期：" }
    moved_to_review { "A move to another time waits for a decision:", "改期正在等待审批：" }
    moved_to_sent(when: &str) { "A move to {when} was confirmed. How far it is:", "已确认改期到 {when}，进展：" }
    moved_keeps { "Until it is confirmed, everything here stays as it is.", "在其确认之前，此处安排不变。" }
    moving_detail { "Waits until the cloud's list shows the old task cancelled. Only then is the new one sent.", "等待云端列表显示原任务已取消，之后才发送新任务。" }
    moving_old_task { "Old task", "原任务" }
    item_moved { "Its place was taken by another plan: moved to another time.", "已由另一计划改期。" }
    stopped_not_moved { "Not moved: its old task had begun or was not cancelled, and stands as it was.", "未改期：原任务已开始或未能取消，保持不变。" }
    refuse_shares(task: &str, instances: &str) { "Task {task} is shared with {instances} not in this plan: cancelling it would take theirs away. Add them, or take all of its instances out.", "任务 {task} 还包含未列入该计划的{instances}：取消会一并取消它们。请将其加入，或将该任务的实例全部移出。" }
    refuse_same_time(when: &str) { "It is scheduled for {when} with these patches already. Choose another time.", "已按此补丁安排在 {when}。请选择其他时间。" }
    order_dropped { "taken back before it was given to the cloud", "在提交给云端之前已撤回" }
    open_plan { "Open it", "打开" }
}
