//! `/instances/{cloud}/{id}`: one instance, why it can or cannot be planned, and all its tasks.

use crate::{
    api::{StartPlan, load_instance},
    components::{InstanceStatus, PageHead, TaskBadge, load},
    islands::CopyButton,
    paths,
    viewer::Viewer,
    when::{self, Time},
};
use leptos::{prelude::*, server_fn::ServerFn};
use leptos_router::hooks::use_params_map;
use patchboard_domain::{fleet::FleetRow, task::Task};

/// One instance.
#[component]
pub fn InstancePage() -> impl IntoView {
    let params = use_params_map().get_untracked();
    let view = load_instance(params.get("cloud").unwrap_or_default(), params.get("id").unwrap_or_default());
    load(view, |(row, tasks)| view! { <Instance row=row tasks=tasks/> })
}

#[component]
fn Instance(row: FleetRow, tasks: Vec<Task>) -> impl IntoView {
    let viewer = Viewer::current();
    let lang = viewer.lang;
    let i = row.instance;
    let id = i.id.to_string();
    let (form_id, form_cloud) = (id.clone(), i.cloud.to_string());
    let verdict = match &row.ineligible {
        None => view! { <p class="banner good">{lang.can_be_planned()}</p> }.into_any(),
        Some(why) => view! { <p class="banner warn">{lang.cannot_be_planned()} ": " {viewer.ineligible(why)}</p> }.into_any(),
    };
    let window = |w: Option<patchboard_domain::time::DailyWindow>| {
        w.map_or_else(
            || "—".to_owned(),
            |w| {
                let offset = when::offset(&viewer.zone, viewer.now);
                format!("{w} UTC = {} {}", w.at_offset(offset), patchboard_domain::time::offset_label(offset))
            },
        )
    };
    let rows = tasks.into_iter().map(|t| view! { <TaskRow task=t/> }).collect::<Vec<_>>();
    let plans = viewer.who.as_ref().is_some_and(|w| w.is(patchboard_domain::account::Role::Operator));
    view! {
        <PageHead title=i.name.clone()>
            {(row.ineligible.is_none() && plans).then(|| view! {
                <form method="post" action=StartPlan::url()>
                    <input type="hidden" name="cloud" value=form_cloud/>
                    <input type="hidden" name="instance" value=form_id/>
                    <button class="primary">{lang.plan_this()}</button>
                </form>
            })}
        </PageHead>
        {verdict}
        {i.gone_at.map(|at| view! { <p class="banner warn">{lang.gone_since(&when::full(&viewer, at))}</p> })}
        <dl class="facts">
            <div><dt>{lang.instance_id()}</dt><dd><code>{id.clone()}</code>
                <CopyButton text=id label=lang.copy().to_owned() done=lang.copied().to_owned() refused=lang.copy_refused().to_owned()/></dd></div>
            <div><dt>{lang.col_status()}</dt><dd><InstanceStatus status=i.status.clone()/></dd></div>
            <div><dt>{lang.col_engine()}</dt><dd>{i.engine.map_or_else(|| "—".to_owned(), |e| e.to_string())}</dd></div>
            <div><dt>{lang.col_patches()}</dt><dd>{if i.patches.is_empty() { lang.no_patches().to_owned() } else { patchboard_domain::version::join(&i.patches).replace(',', ", ") }}</dd></div>
            <div><dt>{lang.col_form()}</dt><dd>{lang.form(i.form)}</dd></div>
            <div><dt>{lang.maintenance()}</dt><dd>{window(i.maintenance)}</dd></div>
            <div><dt>{lang.backup()}</dt><dd>{window(i.backup)}</dd></div>
            <div><dt>{lang.col_tags()}</dt><dd><span class="tags">{i.tags.iter().map(|t| view! { <span class="tag">{format!("{}={}", t.key, t.value)}</span> }).collect_view()}</span></dd></div>
            {i.disk_usage.as_deref().map(|d| view! { <div><dt>"disk_usage"</dt><dd>{lang.disk_share(d)}</dd></div> })}
            <div><dt>{lang.filter_cloud()}</dt><dd>{i.cloud.to_string()}</dd></div>
        </dl>
        <h2>{lang.nodes()}</h2>
        <div class="table-wrap"><table class="cards">
            <thead><tr><th scope="col">{lang.node()}</th><th scope="col">{lang.col_status()}</th><th scope="col">{lang.zone_az()}</th></tr></thead>
            <tbody>{i.nodes.iter().map(|n| view! {
                <tr><th scope="row">{n.name.clone()}</th><td data-label=lang.col_status()>{n.status.clone()}</td><td data-label=lang.zone_az()>{n.zone.clone()}</td></tr>
            }).collect_view()}</tbody>
        </table></div>
        <h2>{lang.tasks_of_instance()}</h2>
        {if rows.is_empty() {
            view! { <p>{lang.no_tasks_of_instance()}</p> }.into_any()
        } else {
            view! { <div class="table-wrap"><table class="cards">
                <thead><tr><th scope="col">{lang.col_task_id()}</th><th scope="col">{lang.col_status()}</th><th scope="col">{lang.col_versions()}</th><th scope="col">{lang.col_start()}</th></tr></thead>
                <tbody>{rows}</tbody>
            </table></div> }.into_any()
        }}
    }
}

#[component]
fn TaskRow(task: Task) -> impl IntoView {
    let lang = Viewer::current().lang;
    view! {
        <tr>
            <th scope="row"><a href=paths::task(&task.cloud, &task.id)><code>{task.id.to_string()}</code></a></th>
            <td data-label=lang.col_status()><TaskBadge status=task.status/></td>
            <td data-label=lang.col_versions()>{task.target.unwrap_or_else(|| "—".to_owned())}</td>
            <td data-label=lang.col_start()>{task.start_at.map(|at| view! { <Time at=at/> })}</td>
        </tr>
    }
}
