//! `/plans`: what was proposed, sent and done.

use crate::{
    api::load_plans,
    components::{Empty, PageHead, Pager, PlanBadge, Updates, load},
    pages::{page_number, plan_sent::Counts},
    paths,
    query::Query,
    viewer::Viewer,
    when::Time,
};
use leptos::prelude::*;
use patchboard_domain::fleet::{Page, PlanRow};

/// The list of plans.
#[component]
pub fn PlansPage() -> impl IntoView {
    let lang = Viewer::current().lang;
    let page = page_number(&Query::current());
    view! {
        <PageHead title=lang.plans_title() lead=lang.plans_lead()/>
        {load(load_plans(page), |view| view! { <Plans view=view/> })}
    }
}

#[component]
fn Plans(view: Page<PlanRow>) -> impl IntoView {
    let lang = Viewer::current().lang;
    if view.total == 0 {
        return view! { <Empty title=lang.plans_empty_title() text=lang.plans_empty_text() href=paths::NEW_PLAN action=lang.new_plan()/> }
            .into_any();
    }
    let (page, pages) = (view.page, view.pages());
    let rows = view.rows.into_iter().map(|row| view! { <Row row=row/> }).collect_view();
    view! {
        <div data-live="plans" class="table-wrap"><table class="cards">
            <thead><tr><th scope="col">{lang.col_plan()}</th><th scope="col">{lang.col_state()}</th><th scope="col">{lang.col_instances()}</th>
                <th scope="col">{lang.versions()}</th><th scope="col">{lang.col_start()}</th><th scope="col">{lang.col_changed()}</th></tr></thead>
            <tbody>{rows}</tbody>
        </table></div>
        <Pager page=page pages=pages href=paths::plans/>
        <Updates every=5/>
    }
    .into_any()
}

#[component]
fn Row(row: PlanRow) -> impl IntoView {
    let lang = Viewer::current().lang;
    let plan = row.plan;
    let title = if plan.draft.title.is_empty() { lang.untitled().to_owned() } else { plan.draft.title.clone() };
    let versions = patchboard_domain::version::join(&plan.draft.patches).replace(',', ", ");
    let of_items: usize = row.counts.iter().map(|(_, n)| n).sum();
    let n = if of_items == 0 { plan.draft.instances.len() } else { of_items };
    let several = row.counts.len() > 1;
    view! {
        <tr>
            <th scope="row"><a href=paths::plan(&plan.id)>{title}</a></th>
            <td data-label=lang.col_state()><PlanBadge state=row.state/>{several.then(|| view! { <span class="sub"><Counts counts=row.counts/></span> })}</td>
            <td data-label=lang.col_instances() class="num">{n}</td>
            <td data-label=lang.versions()>{if versions.is_empty() { "—".to_owned() } else { versions }}</td>
            <td data-label=lang.col_start()>{plan.start_at.map_or_else(|| "—".into_any(), |at| view! { <Time at=at/> }.into_any())}</td>
            <td data-label=lang.col_changed()><Time at=plan.updated_at/></td>
        </tr>
    }
}
