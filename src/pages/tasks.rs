//! `/tasks`: every scheduled task of the cloud, ours and foreign.

use crate::{
    api::load_tasks,
    components::{Empty, PageHead, Pager, Select, SyncBar, TaskBadge, Updates, load},
    pages::{page_number, task_filter},
    paths,
    query::Query,
    viewer::Viewer,
    when::{self, Time},
};
use leptos::prelude::*;
use patchboard_domain::{
    filter::TaskFilter,
    fleet::{TaskRow, TasksView},
    task::TaskStatus,
};

/// The task list. Without JavaScript: filters are a GET form, pages are links, refresh is a button.
#[component]
pub fn TasksPage() -> impl IntoView {
    let lang = Viewer::current().lang;
    let query = Query::current();
    let (filter, page) = (task_filter(&query), page_number(&query));
    let view = load_tasks(filter.clone(), page);
    view! {
        <PageHead title=lang.tasks_title() lead=lang.tasks_lead()/>
        {load(view, move |view| view! { <Tasks view=view filter=filter/> })}
    }
}

#[component]
fn Tasks(view: TasksView, filter: TaskFilter) -> impl IntoView {
    let viewer = Viewer::current();
    let lang = viewer.lang;
    let (page, pages, total) = (view.page.page, view.page.pages(), view.page.total);
    let filtered = !filter.is_empty();
    let link = filter.clone();
    let origins = [("ours", lang.origin_ours()), ("foreign", lang.origin_foreign())].map(|(v, t)| (v.to_owned(), t.to_owned())).to_vec();
    let clouds: Vec<_> = view.sync.iter().map(|s| (s.cloud.to_string(), s.cloud.to_string())).collect();
    let rows = view.page.rows.into_iter().map(|row| view! { <Row row=row/> }).collect_view();
    view! {
        <SyncBar sync=view.sync/>
        {(!view.bad_days.is_empty()).then(|| view! { <p class="banner warn" role="alert">{lang.bad_days(&view.bad_days.join(", "))}</p> })}
        <Tabs counts=view.counts filter=filter.clone()/>
        <form class="filters" method="get" action=paths::TASKS role="search" aria-label=lang.filters()>
            <input type="hidden" name="status" value=filter.status.clone()/>
            <label class="field grow">{lang.filter_task_search()}<input type="search" name="q" value=filter.q autocomplete="off"/></label>
            <Select name="origin" label=lang.filter_origin() value=filter.origin options=origins/>
            <label class="field">{lang.filter_from()}<input type="date" name="from" value=filter.from/></label>
            <label class="field">{lang.filter_to()}<input type="date" name="to" value=filter.to/></label>
            {(clouds.len() > 1).then(|| view! { <Select name="cloud" label=lang.filter_cloud() value=filter.cloud options=clouds/> })}
            <button class="primary">{lang.apply()}</button>
            {filtered.then(|| view! { <a class="button quiet" href=paths::TASKS>{lang.clear_filters()}</a> })}
        </form>
        <div data-live="tasks">
            {if total > 0 {
                view! {
                    <p class="count" role="status">{lang.matching(total)}</p>
                    <div class="table-wrap"><table class="cards">
                        <thead><tr><th scope="col">{lang.col_instance()}</th><th scope="col">{lang.col_status()}</th><th scope="col">{lang.col_versions()}</th>
                            <th scope="col">{lang.col_start()}</th><th scope="col">{lang.col_origin()}</th><th scope="col">{lang.col_task_id()}</th></tr></thead>
                        <tbody>{rows}</tbody>
                    </table></div>
                    <Pager page=page pages=pages href=move |p| paths::tasks(&link, p)/>
                }.into_any()
            } else if filtered {
                view! { <Empty title=lang.tasks_none_match() text="" href=paths::TASKS action=lang.clear_filters()/> }.into_any()
            } else {
                view! { <Empty title=lang.tasks_empty_title() text=lang.tasks_empty_text()/> }.into_any()
            }}
        </div>
        <Updates every=5/>
    }
}

/// Numbers by status, each a link.
#[component]
fn Tabs(counts: Vec<(String, i64)>, filter: TaskFilter) -> impl IntoView {
    let lang = Viewer::current().lang;
    let all: i64 = counts.iter().map(|(_, n)| n).sum();
    let tab = |status: String, text: String, n: i64| {
        let current = (filter.status == status).then_some("page");
        let href = paths::tasks(&TaskFilter { status, ..filter.clone() }, 1);
        view! { <li><a href=href aria-current=current>{text} " " <span class="num">{n}</span></a></li> }
    };
    let others: Vec<_> =
        counts.into_iter().map(|(word, n)| tab(word.clone(), lang.task_status(&TaskStatus::from_wire(&word)), n)).collect();
    view! { <nav class="tabs" aria-label=lang.col_status() data-live="tabs"><ul>{tab(String::new(), lang.all_statuses().to_owned(), all)}{others}</ul></nav> }
}

#[component]
fn Row(row: TaskRow) -> impl IntoView {
    let viewer = Viewer::current();
    let lang = viewer.lang;
    let t = row.task;
    let origin = match &t.plan {
        Some(plan) => view! { <a href=paths::plan(plan)>{lang.origin_ours()}</a> }.into_any(),
        None => view! { <span class="tag foreign" title=lang.origin_foreign_hint()>{lang.origin_foreign()}</span> }.into_any(),
    };
    let order = row.order.map(|(what, state)| format!("{}: {}", lang.order(what), lang.order_state(&state)));
    let name = if t.instance_name.is_empty() { t.instance.to_string() } else { t.instance_name.clone() };
    view! {
        <tr>
            <th scope="row"><a href=paths::instance(&t.cloud, &t.instance)>{name}</a><code class="id">{t.instance.to_string()}</code></th>
            <td data-label=lang.col_status()><TaskBadge status=t.status/>
                {t.gone_at.map(|_| view! { <span class="sub">{lang.not_listed()}</span> })}
                {order.map(|text| view! { <span class="sub">{text}</span> })}</td>
            <td data-label=lang.col_versions() class="num">{t.target.unwrap_or_else(|| "—".to_owned()).replace(',', ", ")}</td>
            <td data-label=lang.col_start()>{t.start_at.map(|at| view! { <Time at=at/><span class="sub">{when::relative(&viewer, at)}</span> })}</td>
            <td data-label=lang.col_origin()>{origin}</td>
            <td data-label=lang.col_task_id()><a href=paths::task(&t.cloud, &t.id)><code class="short">{t.id.to_string()}</code></a>
                {(row.shared_with > 0).then(|| view! { <span class="sub">{lang.shared_with(row.shared_with)}</span> })}</td>
        </tr>
    }
}
