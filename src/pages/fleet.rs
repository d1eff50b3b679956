//! `/instances`: what the cloud last said and when.

use crate::{
    api::load_fleet,
    components::{Empty, FilterFields, InstanceStatus, PageHead, Pager, SyncBar, Updates, load},
    pages::{fleet_filter, page_number},
    paths,
    query::Query,
    viewer::Viewer,
    when,
};
use leptos::prelude::*;
use patchboard_domain::{
    filter::FleetFilter,
    fleet::{FleetRow, FleetView},
    sync::{Account, SyncStatus},
};

/// The fleet. Without JavaScript: filters are a GET form, pages are links.
#[component]
pub fn FleetPage() -> impl IntoView {
    let lang = Viewer::current().lang;
    let query = Query::current();
    let (filter, page) = (fleet_filter(&query), page_number(&query));
    let view = load_fleet(filter.clone(), page);
    view! {
        <PageHead title=lang.fleet_title() lead=lang.fleet_lead()/>
        {load(view, move |view| view! { <Fleet view=view filter=filter/> })}
    }
}

#[component]
fn Fleet(view: FleetView, filter: FleetFilter) -> impl IntoView {
    let viewer = Viewer::current();
    let lang = viewer.lang;
    let never = view.sync.iter().all(|s| s.instances_at.is_none());
    let sync = view.sync.clone();
    let (page, pages, total) = (view.page.page, view.page.pages(), view.page.total);
    let filtered = !filter.is_empty();
    let link = filter.clone();
    let rows = view.page.rows.into_iter().map(|row| view! { <Row row=row/> }).collect_view();
    view! {
        <SyncBar sync=view.sync/>
        <form class="filters" method="get" action=paths::INSTANCES role="search" aria-label=lang.filters()>
            <FilterFields filter=filter facets=view.facets/>
            <button class="primary">{lang.apply()}</button>
            {filtered.then(|| view! { <a class="button quiet" href=paths::INSTANCES>{lang.clear_filters()}</a> })}
        </form>
        <div data-live="fleet">
            {if total > 0 {
                view! {
                    <p class="count" role="status">{lang.matching(total)}</p>
                    <div class="table-wrap">
                    <table class="cards">
                        <thead><tr>
                            <th scope="col">{lang.col_name()}</th>
                            <th scope="col">{lang.col_status()}</th>
                            <th scope="col">{lang.col_engine()}</th>
                            <th scope="col">{lang.col_patches()}</th>
                            <th scope="col">{lang.col_form()}</th>
                            <th scope="col">{lang.col_tags()}</th>
                            <th scope="col">{lang.col_windows()}</th>
                        </tr></thead>
                        <tbody>{rows}</tbody>
                    </table>
                    </div>
                    <Pager page=page pages=pages href=move |p| paths::instances(&link, p)/>
                }.into_any()
            } else if filtered && !never {
                view! { <Empty title=lang.fleet_none_match() text="" href=paths::INSTANCES action=lang.clear_filters()/> }.into_any()
            } else {
                view! { <NoInstances sync=sync/> }.into_any()
            }}
        </div>
        <Updates every=15/>
    }
}

/// Why there is no instance: nothing was read yet, or the cloud answered with none. Then it is said what it was asked with.
#[component]
pub(super) fn NoInstances(sync: Vec<SyncStatus>) -> impl IntoView {
    let viewer = Viewer::current();
    let lang = viewer.lang;
    let answered: Vec<String> = sync
        .iter()
        .filter_map(|s| {
            let (at, connection) = (s.instances_at?, s.connection.as_ref()?);
            let account = match &connection.account {
                Account::KeyEnding(last) => lang.account_key(last),
                Account::User(name) => lang.account_user(name),
            };
            let project = connection.project.as_deref().unwrap_or("—");
            Some(lang.cloud_empty_text(s.cloud.as_str(), &when::precise(&viewer, at), &connection.region, project, &account))
        })
        .collect();
    if answered.is_empty() {
        view! { <Empty title=lang.fleet_empty_title() text=lang.fleet_empty_text()/> }.into_any()
    } else {
        view! { <Empty title=lang.cloud_empty_title() text=answered.join(" ")/> }.into_any()
    }
}

#[component]
fn Row(row: FleetRow) -> impl IntoView {
    let viewer = Viewer::current();
    let lang = viewer.lang;
    let i = row.instance;
    let href = paths::instance(&i.cloud, &i.id);
    let abnormal = i.abnormal_nodes().len();
    let newest = i.patches.last().map_or_else(|| lang.no_patches().to_owned(), ToString::to_string);
    let missing = if row.missing == 0 { lang.up_to_date().to_owned() } else { format!("{} {}", lang.col_missing(), row.missing) };
    let tags = i.tags.iter().map(|t| view! { <span class="tag">{format!("{}={}", t.key, t.value)}</span> }).collect_view();
    view! {
        <tr>
            <th scope="row"><a href=href>{i.name}</a><code class="id">{i.id.to_string()}</code></th>
            <td data-label=lang.col_status()>
                <InstanceStatus status=i.status/>
                {(abnormal > 0).then(|| view! { <span class="sub bad">{lang.node_trouble(abnormal)} " " {lang.nodes()}</span> })}
            </td>
            <td data-label=lang.col_engine() class="num">{i.engine.map_or_else(|| "—".to_owned(), |e| e.to_string())}</td>
            <td data-label=lang.col_patches() class="num">{newest}<span class="sub">{missing}</span></td>
            <td data-label=lang.col_form()>{lang.form(i.form)}</td>
            <td data-label=lang.col_tags()><span class="tags">{tags}</span></td>
            <td data-label=lang.col_windows() class="num">
                {i.maintenance.map(|w| view! { <span class="nowrap">{lang.maintenance()} " " {w.to_string()}</span> })}
                {i.backup.map(|w| view! { <span class="sub nowrap">{lang.backup()} " " {w.to_string()}</span> })}
            </td>
        </tr>
    }
}
