//! `/plans/new` and `/plans/{id}/instances`: the first step. One form, so that no button loses a tick.

use crate::{
    api::{PickInstances, load_picker},
    components::{Empty, FilterFields, InstanceStatus, PageButtons, PageHead, PlanSteps, Step, SyncBar, TextArea, Updates, load},
    islands::{SaveAsYouGo, TickRows},
    pages::{fleet::NoInstances, fleet_filter, page_number, plan_parts::EditedBy},
    paths,
    query::Query,
    viewer::Viewer,
};
use leptos::{prelude::*, server_fn::ServerFn};
use leptos_router::hooks::use_params_map;
use patchboard_domain::{
    filter::FleetFilter,
    fleet::{FleetRow, Pasted, PickerView},
    sync::SyncStatus,
};

/// Picking instances. Without JavaScript: boxes and buttons of one form; every button keeps the ticks.
#[component]
pub fn PickPage() -> impl IntoView {
    let lang = Viewer::current().lang;
    let query = Query::current();
    let plan = use_params_map().get_untracked().get("id");
    let (filter, page) = (fleet_filter(&query), page_number(&query));
    let selected_only = query.get("show").as_deref() == Some("selected");
    let view = load_picker(plan, filter.clone(), page, selected_only);
    view! {
        <PageHead title=lang.pick_title()/>
        {load(view, move |view| view! { <Picker view=view filter=filter selected_only=selected_only/> })}
    }
}

#[component]
fn Picker(view: PickerView, filter: FleetFilter, selected_only: bool) -> impl IntoView {
    let viewer = Viewer::current();
    let lang = viewer.lang;
    let cloud = view.plan.as_ref().map(|p| p.cloud.to_string()).or_else(|| {
        let asked = filter.cloud.clone();
        (!asked.is_empty()).then_some(asked).or_else(|| view.sync.first().map(|s| s.cloud.to_string()))
    });
    let Some(cloud) = cloud else {
        return view! { <Empty title=lang.no_cloud() text=""/> }.into_any();
    };
    let connected = view.sync.iter().any(|s| s.cloud.as_str() == cloud);
    if !connected && view.plan.is_none() {
        let href = paths::NEW_PLAN.to_owned();
        return view! { <Empty title=lang.no_such_cloud(&cloud) text=lang.no_such_cloud_text() href=href action=lang.new_plan()/> }
            .into_any();
    }
    let id = view.plan.as_ref().map(|p| p.id.clone());
    let chosen = view.plan.as_ref().map(|p| p.draft.instances.clone()).unwrap_or_default();
    let pasted = view.plan.as_ref().map(|p| p.draft.pasted.clone()).unwrap_or_default();
    let pickable: Vec<String> = view
        .page
        .rows
        .iter()
        .filter(|r| r.ineligible.is_none() || chosen.contains(&r.instance.id))
        .map(|r| r.instance.id.to_string())
        .collect();
    let was: Vec<String> =
        view.page.rows.iter().map(|r| &r.instance.id).filter(|id| chosen.contains(id)).map(ToString::to_string).collect();
    let paste_open = !view.pasted.is_empty();
    let filtered = !filter.is_empty() || selected_only;
    let sync: Vec<_> = view.sync.iter().filter(|s| s.cloud.as_str() == cloud).cloned().collect();
    let applied = serde_json::to_string(&filter).unwrap_or_default();
    let (page, pages, total) = (view.page.page, view.page.pages(), view.page.total);
    let rows = view
        .page
        .rows
        .into_iter()
        .map(|row| {
            let ticked = chosen.contains(&row.instance.id);
            view! { <Row row=row ticked=ticked/> }
        })
        .collect_view();
    view! {
        <PlanSteps step=Step::Pick plan=id.clone()/>
        <SyncBar sync=view.sync/>
        {(!connected).then(|| view! { <p class="banner warn">{lang.not_connected()}</p> })}
        <EditedBy edited=view.edited/>
        <form id="picker" data-merge="" method="post" action=PickInstances::url() autocomplete="off">
            // Enter in a text field presses the first button of the form: filtering.
            <button class="visually-hidden" name="go" value="filter" tabindex="-1" aria-hidden="true">{lang.apply()}</button>
            <div data-live="pick-state">
                <input type="hidden" name="plan" value=id.as_ref().map(ToString::to_string).unwrap_or_default()/>
                <input type="hidden" name="plan_cloud" value=cloud/>
            </div>
            <input type="hidden" name="applied" value=applied/>
            <input type="hidden" name="shown" value=pickable.join(",")/>
            <input type="hidden" name="was" data-ticks="" value=was.join(",")/>
            <input type="hidden" name="page" value=page.to_string()/>
            <input type="hidden" name="selected_only" value=selected_only.to_string()/>
            <div class="filters" role="search" aria-label=lang.filters()>
                <FilterFields filter=filter facets=view.facets fixed_cloud=id.is_some()/>
                <button name="go" value="filter">{lang.apply()}</button>
            </div>
            <div class="selection-bar">
                <div data-live="selection" class="selection-count" role="status">
                    <strong>{lang.selected(chosen.len())}</strong>
                    {(view.hidden > 0).then(|| view! { <span>" · " {lang.hidden(view.hidden)}</span> })}
                </div>
                <div class="actions">
                    <button name="go" value="tick_page">{lang.select_page()}</button>
                    <button name="go" value="all">{lang.select_all_matching(total)}</button>
                    {if selected_only {
                        view! { <button name="go" value="everything">{lang.show_all()}</button> }
                    } else {
                        view! { <button name="go" value="selected">{lang.show_selected()}</button> }
                    }}
                    <button name="go" value="clear">{lang.clear_selection()}</button>
                    <button class="not-hydrated" name="go" value="save">{lang.save_selection()}</button>
                    <button class="primary" name="go" value="continue">{lang.continue_to_versions()}</button>
                </div>
            </div>
            {if total > 0 {
                view! {
                    <p class="count">{lang.matching(total)}</p>
                    <div class="table-wrap">
                    <table class="cards pick" id="pick-table">
                        <thead><tr>
                            <th scope="col" class="tick"><TickRows table="pick-table".to_owned() label=lang.select_page().to_owned()/><span class="visually-hidden">{lang.col_select()}</span></th>
                            <th scope="col">{lang.col_name()}</th>
                            <th scope="col">{lang.col_status()}</th>
                            <th scope="col">{lang.col_engine()}</th>
                            <th scope="col">{lang.col_patches()}</th>
                            <th scope="col">{lang.col_tags()}</th>
                            <th scope="col">{lang.col_windows()}</th>
                        </tr></thead>
                        <tbody>{rows}</tbody>
                    </table>
                    </div>
                    <PageButtons page=page pages=pages/>
                }.into_any()
            } else {
                view! { <NoneToPick filtered=filtered sync=sync/> }.into_any()
            }}
            <details class="paste" open=paste_open>
                <summary>{lang.paste_title()}</summary>
                <p>{lang.paste_help()}</p>
                <label class="field">{lang.paste_label()}<TextArea name="pasted" text=pasted lines=4 plain=true/></label>
                <button name="go" value="paste">{lang.paste_add()}</button>
                <PasteReport lines=view.pasted/>
            </details>
        </form>
        <Updates every=5 quiet=true/>
        <SaveAsYouGo form="picker".to_owned() failed=lang.save_failed().to_owned() refused=lang.save_refused().to_owned() ended=lang.save_ended().to_owned()/>
    }.into_any()
}

#[component]
fn NoneToPick(filtered: bool, sync: Vec<SyncStatus>) -> impl IntoView {
    let lang = Viewer::current().lang;
    if filtered {
        view! { <Empty title=lang.fleet_none_match() text=""/> }.into_any()
    } else {
        view! { <NoInstances sync=sync/> }.into_any()
    }
}

#[component]
fn PasteReport(lines: Vec<(String, Pasted)>) -> impl IntoView {
    let viewer = Viewer::current();
    let lang = viewer.lang;
    let items = lines
        .into_iter()
        .map(|(line, verdict)| {
            let (good, text) = match &verdict {
                Pasted::Selected => (true, lang.paste_selected().to_owned()),
                Pasted::Ineligible(why) => (false, viewer.ineligible(why)),
                Pasted::Ambiguous(n) => (false, lang.paste_ambiguous(*n)),
                Pasted::Unknown => (false, lang.paste_unknown().to_owned()),
                Pasted::Removed => (false, lang.paste_removed().to_owned()),
            };
            view! { <li class:bad=!good><code>{line}</code> " — " {text}</li> }
        })
        .collect_view();
    view! { <ul class="paste-report" data-live="pasted">{items}</ul> }
}

#[component]
fn Row(row: FleetRow, ticked: bool) -> impl IntoView {
    let viewer = Viewer::current();
    let lang = viewer.lang;
    let i = row.instance;
    let why = row.ineligible.as_ref().map(|w| viewer.ineligible(w));
    let id = i.id.to_string();
    let why_id = format!("why-{id}");
    let box_id = format!("tick-{id}");
    let described = why.is_some().then(|| why_id.clone());
    // What was chosen before can always be taken out.
    let ineligible = why.is_some();
    let disabled = ineligible && !ticked;
    let tags = i.tags.iter().map(|t| view! { <span class="tag">{format!("{}={}", t.key, t.value)}</span> }).collect_view();
    view! {
        <tr class:ineligible=ineligible>
            <td class="tick"><input type="checkbox" id=box_id.clone() name="ticked[]" value=id.clone() checked=ticked disabled=disabled data-row=""
                aria-label=lang.select_instance(&i.name) aria-describedby=described/></td>
            <th scope="row"><label for=box_id>{i.name}</label><code class="id">{id}</code>
                {why.map(|text| view! { <span class="sub bad" id=why_id>{text}</span> })}</th>
            <td data-label=lang.col_status()><InstanceStatus status=i.status/></td>
            <td data-label=lang.col_engine() class="num">{i.engine.map_or_else(|| "—".to_owned(), |e| e.to_string())}</td>
            <td data-label=lang.col_patches() class="num">{i.patches.last().map_or_else(|| lang.no_patches().to_owned(), ToString::to_string)}</td>
            <td data-label=lang.col_tags()><span class="tags">{tags}</span></td>
            <td data-label=lang.col_windows() class="num">{i.maintenance.map(|w| w.to_string())}</td>
        </tr>
    }
}
