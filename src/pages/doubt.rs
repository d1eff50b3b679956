//! `/doubt`: everything that nobody knows yet, what is on hold, and what collides in the cloud.

use crate::{
    api::{HoldAll, ResolveDoubt, load_doubt},
    components::{DoubtClock, ItemBadge, PageHead, Pager, SyncBar, TaskBadge, Updates, load},
    pages::page_number,
    paths,
    query::Query,
    viewer::Viewer,
    when::{self, Time},
};
use chrono::{DateTime, Utc};
use leptos::{prelude::*, server_fn::ServerFn};
use patchboard_domain::{
    fleet::{Collision, DoubtRow, DoubtView},
    hold::{Hold, Scope},
    id::CloudName,
    send::ItemState,
};

/// The page. Without JavaScript: the same, as of when it was loaded.
#[component]
pub fn DoubtPage() -> impl IntoView {
    let lang = Viewer::current().lang;
    let query = Query::current();
    let page = page_number(&query);
    let asked =
        query.get("instance").map(|instance| (query.get("plan").unwrap_or_default(), query.get("request").unwrap_or_default(), instance));
    view! {
        <PageHead title=lang.doubt_title()/>
        {load(load_doubt(page), move |view| view! { <Doubt view=view asked=asked/> })}
    }
}

#[component]
fn Doubt(
    view: DoubtView,
    /// Plan, request and instance that somebody wants to settle by hand.
    asked: Option<(String, String, String)>,
) -> impl IntoView {
    let lang = Viewer::current().lang;
    let (page, pages, total) = (view.rows.page, view.rows.pages(), view.rows.total);
    let next = |cloud: &CloudName| {
        let status = view.sync.iter().find(|s| s.cloud == *cloud);
        (status.and_then(|s| s.next_at), status.map(|s| s.settle_seconds))
    };
    let rows = view
        .rows
        .rows
        .iter()
        .map(|row| {
            let (next_at, settle_seconds) = next(&row.cloud);
            view! { <Row row=row.clone() next_at=next_at settle_seconds=settle_seconds may=view.may_resolve page=page/> }
        })
        .collect::<Vec<_>>();
    let collisions = view.collisions.iter().map(|c| view! { <CollisionLine collision=c.clone()/> }).collect::<Vec<_>>();
    let clouds: Vec<CloudName> = view.sync.iter().map(|s| s.cloud.clone()).collect();
    let held = |scope: &Scope| view.holds.iter().any(|(h, _)| h.scope == *scope);
    let to_hold: Vec<Scope> = std::iter::once(Scope::Everything).chain(clouds.into_iter().map(Scope::Cloud)).filter(|s| !held(s)).collect();
    let is_asked = |row: &&DoubtRow| {
        asked.as_ref().is_some_and(|(plan, request, instance)| {
            row.plan.as_str() == plan && row.item.request.to_string() == *request && row.item.instance.as_str() == instance
        })
    };
    let settle = view.rows.rows.iter().find(is_asked).filter(|_| view.may_resolve).cloned();
    let gone = asked.is_some() && settle.is_none() && view.may_resolve;
    view! {
        <SyncBar sync=view.sync.clone()/>
        {settle.map(|row| view! { <Settle row=row page=page/> })}
        {gone.then(|| view! { <p class="banner" role="status">{lang.resolve_over()}</p> })}
        <section data-live="doubt" class="stack">
            <h2>{lang.doubt_instances()} " " <span class="count-badge">{total}</span></h2>
            {if rows.is_empty() {
                view! { <p class="hint">{lang.doubt_none()}</p> }.into_any()
            } else {
                view! {
                    <p class="banner doubt">{lang.doubt_text()}</p>
                    <ul class="stack plain">{rows}</ul>
                }.into_any()
            }}
        </section>
        <Pager page=page pages=pages href=|p| paths::with(paths::DOUBT, "page", &p.to_string())/>
        {(!collisions.is_empty()).then(|| view! {
            <section data-live="collisions" class="stack">
                <h2>{lang.collisions_title()} " " <span class="count-badge">{collisions.len()}</span></h2>
                <p class="banner warn">{lang.collisions_text()}</p>
                <ul class="stack plain">{collisions}</ul>
            </section>
        })}
        <section data-live="holds" class="stack">
            <h2>{lang.holds_title()}</h2>
            <Holds holds=view.holds.clone() may=view.may_hold/>
        </section>
        {view.may_hold.then(|| view! { <HoldForm scopes=to_hold/> })}
        <Updates every=3/>
    }
}

#[component]
fn Row(row: DoubtRow, next_at: Option<DateTime<Utc>>, settle_seconds: Option<i64>, may: bool, page: i64) -> impl IntoView {
    let viewer = Viewer::current();
    let lang = viewer.lang;
    let title = if row.title.is_empty() { lang.untitled().to_owned() } else { row.title.clone() };
    let name = if row.name.is_empty() { row.item.instance.to_string() } else { row.name.clone() };
    let is_left = matches!(row.item.state, ItemState::Sending);
    let known = match (&row.item.state, row.item.lost_sight) {
        (ItemState::Stopped { why }, _) => Some(lang.stop(*why)),
        // Of a cloud that is connected: there it is put in doubt, unless it cannot be read.
        (ItemState::Sending, _) => settle_seconds.map(|_| lang.doubt_left()),
        (_, Some(why)) => Some(lang.lost_sight(why)),
        _ => None,
    };
    let state = row.item.state.clone();
    let clock = match settle_seconds {
        Some(seconds) => view! { <DoubtClock state=state next_at=next_at settle_seconds=seconds/> }.into_any(),
        None => lang.doubt_not_connected().into_any(),
    };
    let href = paths::settle(&row.plan, row.item.request, &row.item.instance, page);
    view! {
        <li class="card">
            <h3><a href=paths::instance(&row.cloud, &row.item.instance)>{name}</a> " " <ItemBadge item=row.item.clone()/></h3>
            <p><a href=paths::plan(&row.plan)>{title}</a> " · " <Time at=row.start_at/> " · " {when::relative(&viewer, row.start_at)}</p>
            <p>{known} " " {clock}</p>
            {(may && !is_left).then(|| view! { <p><a class="button" href=href>{lang.resolve_title()}</a></p> })}
        </li>
    }
}

/// Takes a person's word. Not a part that renews itself: what is typed stays.
#[component]
fn Settle(row: DoubtRow, page: i64) -> impl IntoView {
    let viewer = Viewer::current();
    let lang = viewer.lang;
    let name = if row.name.is_empty() { row.item.instance.to_string() } else { row.name.clone() };
    // A task that is there is chosen by its id; nothing chosen says that there is none.
    let choices = row
        .may_be
        .iter()
        .map(|t| {
            let start = t.start_at.map(|at| when::full(&viewer, at)).unwrap_or_default();
            let label = lang.resolve_is(&format!("{} · {start} · {}", t.id, lang.task_status(&t.status)));
            view! { <option value=t.id.to_string()>{label}</option> }
        })
        .collect::<Vec<_>>();
    view! {
        <form method="post" action=ResolveDoubt::url() class="card stack">
            <h2>{lang.resolve_title()} ": " {name}</h2>
            <p class="hint">{lang.resolve_help()}</p>
            <input type="hidden" name="plan" value=row.plan.to_string()/>
            <input type="hidden" name="request" value=row.item.request.to_string()/>
            <input type="hidden" name="instance" value=row.item.instance.to_string()/>
            <input type="hidden" name="page" value=page.to_string()/>
            <label class="field">{lang.resolve_found()}<select name="task"><option value="">{lang.resolve_none()}</option>{choices}</select></label>
            <label class="field">{lang.reason()}<input name="reason" required maxlength="1000" autocomplete="off"/></label>
            <p class="actions"><button class="primary">{lang.resolve_button()}</button> " " <a class="button" href=paths::DOUBT>{lang.resolve_not()}</a></p>
        </form>
    }
}

#[component]
fn CollisionLine(collision: Collision) -> impl IntoView {
    let lang = Viewer::current().lang;
    let name = if collision.name.is_empty() { collision.instance.to_string() } else { collision.name.clone() };
    let tasks = collision
        .tasks
        .iter()
        .map(|t| {
            let origin = if t.plan.is_some() { lang.origin_ours() } else { lang.origin_foreign() };
            view! {
                <li>
                    <a href=paths::task(&t.cloud, &t.id)><code>{t.id.to_string()}</code></a> " " <TaskBadge status=t.status.clone()/>
                    " " {t.start_at.map(|at| view! { <Time at=at/> " · " })} {t.target.clone()} " · " {origin}
                </li>
            }
        })
        .collect::<Vec<_>>();
    view! {
        <li class="card">
            <h3><a href=paths::instance(&collision.cloud, &collision.instance)>{name}</a></h3>
            <ul>{tasks}</ul>
        </li>
    }
}

#[component]
fn Holds(holds: Vec<(Hold, String)>, may: bool) -> impl IntoView {
    let lang = Viewer::current().lang;
    if holds.is_empty() {
        return view! { <p class="hint">{lang.holds_none()}</p> }.into_any();
    }
    let lines = holds
        .into_iter()
        .map(|(hold, who)| {
            view! {
                <li class="banner warn">
                    <p><strong>{lang.scope(&hold.scope)}</strong> " · " <Time at=hold.at/> " · " {who} " · " {hold.reason}</p>
                    {may.then(|| view! {
                        <form method="post" action=HoldAll::url()>
                            <input type="hidden" name="scope" value=hold.scope.key()/>
                            <button name="go" value="unhold">{lang.unhold()}</button>
                        </form>
                    })}
                </li>
            }
        })
        .collect::<Vec<_>>();
    view! { <ul class="stack plain">{lines}</ul> }.into_any()
}

/// The emergency brake.
#[component]
fn HoldForm(scopes: Vec<Scope>) -> impl IntoView {
    let lang = Viewer::current().lang;
    if scopes.is_empty() {
        return ().into_any();
    }
    let options = scopes.iter().map(|s| view! { <option value=s.key()>{lang.scope(s)}</option> }).collect::<Vec<_>>();
    view! {
        <form method="post" action=HoldAll::url() class="card stack">
            <p class="hint">{lang.hold_help()}</p>
            <label class="field">{lang.hold_what()}<select name="scope">{options}</select></label>
            <label class="field">{lang.reason()}<input name="reason" required maxlength="1000" autocomplete="off"/></label>
            <button class="danger" name="go" value="hold">{lang.hold_button()}</button>
        </form>
    }
    .into_any()
}
