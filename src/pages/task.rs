//! `/tasks/{cloud}/{id}`: everybody who shares a task id, and cancelling or deleting it.

use crate::{
    api::{OrderTask, load_task},
    components::{PageHead, TaskBadge, Updates, load},
    paths,
    query::Query,
    viewer::Viewer,
    when::Time,
};
use leptos::{prelude::*, server_fn::ServerFn};
use leptos_router::hooks::use_params_map;
use patchboard_domain::{cancel::OrderRefusal, fleet::OrderView};

/// One task id. The page is the question: it names everybody who goes with it before the button.
#[component]
pub fn TaskPage() -> impl IntoView {
    let lang = Viewer::current().lang;
    let params = use_params_map().get_untracked();
    let view = load_task(params.get("cloud").unwrap_or_default(), params.get("id").unwrap_or_default());
    view! {
        <PageHead title=lang.task_title()/>
        {load(view, |view| view! { <Task view=view/> })}
    }
}

#[component]
fn Task(view: OrderView) -> impl IntoView {
    let lang = Viewer::current().lang;
    let Some(first) = view.tasks.first().cloned() else { return ().into_any() };
    let rows = view
        .tasks
        .iter()
        .map(|t| {
            let name = if t.instance_name.is_empty() { t.instance.to_string() } else { t.instance_name.clone() };
            view! {
                <tr>
                    <th scope="row"><a href=paths::instance(&t.cloud, &t.instance)>{name}</a><code class="id">{t.instance.to_string()}</code></th>
                    <td data-label=lang.col_status()><TaskBadge status=t.status.clone()/>{t.gone_at.map(|_| view! { <span class="sub">{lang.not_listed()}</span> })}</td>
                    <td data-label=lang.col_versions()>{t.target.clone().unwrap_or_else(|| "—".to_owned())}</td>
                    <td data-label=lang.col_start()>{t.start_at.map(|at| view! { <Time at=at/> })}</td>
                </tr>
            }
        })
        .collect_view();
    let orders = view
        .orders
        .iter()
        .map(|(what, at, state)| view! { <li>{lang.order(*what)} " · " <Time at=*at/> " · " <strong>{lang.order_state(state)}</strong></li> })
        .collect::<Vec<_>>();
    let n = view.tasks.iter().filter(|t| t.gone_at.is_none()).count();
    let refusal = |r: &Result<(), OrderRefusal>| r.as_ref().err().map(|why| lang.order_refusal(why));
    let (no_cancel, no_delete) = (refusal(&view.cancel), refusal(&view.delete));
    view! {
        <p><code>{first.id.to_string()}</code> {first.plan.as_ref().map(|p| view! { " · " <a href=paths::plan(p)>{lang.origin_ours()}</a> })}</p>
        <p class="banner">{lang.affects_all()}</p>
        <div data-live="task" class="stack">
            <div class="table-wrap"><table class="cards">
                <thead><tr><th scope="col">{lang.col_instance()}</th><th scope="col">{lang.col_status()}</th><th scope="col">{lang.col_versions()}</th><th scope="col">{lang.col_start()}</th></tr></thead>
                <tbody>{rows}</tbody>
            </table></div>
            {view.external.then(|| view! { <p class="banner warn">{lang.task_external()}</p> })}
            {(view.production > 0).then(|| view! { <p class="banner warn">{lang.task_production(&lang.instances(view.production))}</p> })}
            {view.may.then(|| view! { <form method="post" action=OrderTask::url() class="card">
                <input type="hidden" name="cloud" value=first.cloud.to_string()/>
                <input type="hidden" name="task" value=first.id.to_string()/>
                {view.typed.clone().map(|typed| view! {
                    <label class="field">{lang.order_reason()}<input name="reason" maxlength="300" required value=Query::current().get("reason")/></label>
                    <label class="field">{lang.order_typed(&typed)}<input name="typed" autocomplete="off" required/></label>
                })}
                <p class="hint">{lang.cancel_help()}</p>
                <button class="danger" name="what" value="cancel" disabled=no_cancel.is_some()>{lang.cancel_tasks(&lang.instances(n))}</button>
                {no_cancel.map(|text| view! { <p class="sub">{text}</p> })}
                <p class="hint">{lang.delete_help()}</p>
                <button class="danger quiet" name="what" value="delete" disabled=no_delete.is_some()>{lang.delete_record()}</button>
                {no_delete.map(|text| view! { <p class="sub">{text}</p> })}
            </form> })}
            {(!orders.is_empty()).then(|| view! { <section><h2>{lang.orders_title()}</h2><ul>{orders}</ul></section> })}
        </div>
        <Updates every=3/>
    }.into_any()
}
