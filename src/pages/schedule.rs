//! `/plans/{id}/schedule`: the second step, versions and start time.

use crate::{
    api::{SetSchedule, load_draft},
    components::{PageHead, PlanSteps, Step, Updates, load, unfinished},
    i18n::Lang,
    islands::SaveAsYouGo,
    pages::{plan_moves::Moves, plan_parts::EditedBy},
    viewer::Viewer,
    when,
};
use leptos::{prelude::*, server_fn::ServerFn};
use leptos_router::hooks::use_params_map;
use patchboard_domain::{
    eligibility::{NotInstallable, PatchChoice},
    fleet::DraftView,
    id::InstanceId,
    plan::{Draft, Fold},
    schedule::TimeRefusal,
};

/// Versions and start time. Without JavaScript: a form with a save button; what was typed comes back with what is wrong.
#[component]
pub fn SchedulePage() -> impl IntoView {
    let lang = Viewer::current().lang;
    let id = use_params_map().get_untracked().get("id").unwrap_or_default();
    view! {
        <PageHead title=lang.schedule_title()/>
        {load(load_draft(id), |view| view! { <Schedule view=view/> })}
    }
}

#[component]
fn Schedule(view: DraftView) -> impl IntoView {
    let viewer = Viewer::current();
    let lang = viewer.lang;
    let id = view.plan.id.clone();
    let draft = view.plan.draft.clone();
    let bad_zone = matches!(view.start, Err(TimeRefusal::UnknownZone(_)));
    let was = serde_json::to_string(&Draft { instances: Vec::new(), pasted: String::new(), ..draft.clone() }).unwrap_or_default();
    let waiting = view.candidates_read < view.chosen.len();
    view! {
        <PlanSteps step=Step::Schedule plan=Some(id.clone()) unfinished=unfinished(&view)/>
        <EditedBy edited=view.edited.clone()/>
        {view.moves.clone().map(|m| view! { <div data-live="moves"><Moves view=m start_at=view.start.as_ref().ok().map(|s| s.at) sent=false/></div> })}
        <form id="schedule" method="post" action=SetSchedule::url() novalidate data-merge="">
            <button class="visually-hidden" name="go" value="save" tabindex="-1" aria-hidden="true">{lang.save()}</button>
            <input type="hidden" name="plan" value=id.to_string()/>
            <div data-live="was"><input type="hidden" name="was" value=was/></div>
            <section class="card">
                <label class="field">{lang.plan_name()} <span class="hint">{lang.plan_name_help()}</span>
                    <input name="title" maxlength="200" value=draft.title autocomplete="off"/></label>
                <div class="row">
                    <label class="field grow">{lang.reason()} <span class="hint">{lang.reason_help()}</span><input name="reason" maxlength="2000" value=draft.reason autocomplete="off"/></label>
                    <label class="field grow">{lang.ticket()} <span class="hint">{lang.ticket_help()}</span><input name="ticket" maxlength="300" value=draft.ticket autocomplete="off"/></label>
                </div>
                <p>{lang.instances(view.chosen.len())}</p>
            </section>
            <section class="card">
                <h2>{lang.versions()}</h2>
                <p class="hint">{lang.versions_help()}</p>
                <Candidates view=view.clone()/>
            </section>
            <section class="card">
                <h2>{lang.start_time()}</h2>
                <div class="row">
                    <label class="field">{lang.start_local()}
                        <input type="datetime-local" step="60" name="start_local" value=draft.start_local aria-describedby="start-reading" data-validity="" aria-invalid=(view.start.is_err() && !bad_zone).then_some("true")/></label>
                    <label class="field">{lang.start_zone()} <span class="hint">{lang.zone_help()}</span>
                        <input name="zone" list="zones" value=draft.zone data-validity="" aria-invalid=bad_zone.then_some("true") spellcheck="false" autocomplete="off" aria-describedby="start-reading"/></label>
                </div>
                <Fold view=view.clone()/>
                <StartReading view=view.clone()/>
            </section>
            <section class="card"><Windows view=view/></section>
            <div class="actions end">
                <button class="not-hydrated" name="go" value="save">{lang.save()}</button>
                <button class="primary" name="go" value="continue">{lang.continue_to_review()}</button>
            </div>
        </form>
        <SaveAsYouGo form="schedule".to_owned() failed=lang.save_failed().to_owned() refused=lang.save_refused().to_owned() ended=lang.save_ended().to_owned()/>
        <Updates every=if waiting { 1 } else { 5 } quiet=true/>
    }
}

/// Which of two equal readings; asked only when there are two.
#[component]
fn Fold(view: DraftView) -> impl IntoView {
    let lang = Viewer::current().lang;
    let asked = matches!(view.start, Err(TimeRefusal::Twice { .. })) || view.plan.draft.fold.is_some();
    let chosen = view.plan.draft.fold;
    view! {
        <div data-live="fold">
            {asked.then(|| view! {
                <fieldset><legend>{lang.fold_question()}</legend>
                    <label class="inline"><input type="radio" id="fold-first" name="fold" value="first" checked=chosen == Some(Fold::First)/>{lang.fold_first()}</label>
                    <label class="inline"><input type="radio" id="fold-second" name="fold" value="second" checked=chosen == Some(Fold::Second)/>{lang.fold_second()}</label>
                </fieldset>
            })}
        </div>
    }
}

/// The start on every clock that matters, or why it means nothing.
#[component]
fn StartReading(view: DraftView) -> impl IntoView {
    let viewer = Viewer::current();
    let lang = viewer.lang;
    let body = match &view.start {
        Ok(start) => {
            let clock = |label: &'static str, text: String| view! { <div><dt>{label}</dt><dd>{text}</dd></div> };
            view! {
                <dl class="clocks">
                    {clock(lang.clock_chosen(), when::with_weekday(&viewer, start.at, start.offset()))}
                    {clock(lang.clock_utc(), when::with_weekday(&viewer, start.at, chrono::Offset::fix(&chrono::Utc)))}
                    {clock(lang.clock_yours(), when::with_weekday(&viewer, start.at, when::offset(&viewer.zone, start.at)))}
                    {clock(lang.clock_relative(), when::relative(&viewer, start.at))}
                </dl>
            }
            .into_any()
        }
        Err(refusal) => view! { <p class="field-error">{viewer.time_refusal(refusal)}</p> }.into_any(),
    };
    let zone = if when::offset_of(&view.plan.draft.zone, view.earliest).is_some() { &view.plan.draft.zone } else { &viewer.zone };
    let earliest = lang.earliest(&when::at_offset(view.earliest, when::offset(zone, view.earliest)), view.lead_minutes);
    view! { <div data-live="start" id="start-reading">{body}<p class="hint">{earliest}</p></div> }
}

#[component]
fn Candidates(view: DraftView) -> impl IntoView {
    let viewer = Viewer::current();
    let lang = viewer.lang;
    let (read, all) = (view.candidates_read, view.chosen.len());
    let failed = view.candidates_failed.len();
    let picked = view.plan.draft.patches.clone();
    let names = names(&view);
    let rows = view
        .choices
        .iter()
        .map(|choice| {
            let ticked = picked.contains(&choice.version);
            view! { <Choice choice=choice.clone() ticked=ticked names=names.clone()/> }
        })
        .collect::<Vec<_>>();
    let nothing = rows.is_empty() && read == all;
    view! {
        <div data-live="candidates">
            {(read < all).then(|| view! {
                <p class="progress-line" role="status"><progress max=all.to_string() value=read.to_string()></progress>{lang.candidates_progress(read, all)}</p>
            })}
            {(failed > 0).then(|| view! {
                <div class="banner warn"><p>{lang.candidates_failed(failed)}</p>
                    <ul>{view.candidates_failed.iter().map(|(id, text)| view! { <li>{name(&names, id)} ": " {text.clone()}</li> }).collect_view()}</ul>
                    <button name="go" value="retry">{lang.candidates_retry()}</button></div>
            })}
            {view.candidates_at.map(|at| view! { <p class="hint">{when::counting(&viewer, at, Lang::candidates_age)}</p> })}
            {nothing.then(|| view! { <p>{if all == 0 { lang.refuse_no_instances() } else { lang.no_candidates() }}</p> })}
            <div class="choices">{rows}</div>
        </div>
    }
}

type Names = std::sync::Arc<std::collections::BTreeMap<InstanceId, String>>;

fn names(view: &DraftView) -> Names {
    std::sync::Arc::new(view.chosen.iter().map(|r| (r.instance.id.clone(), r.instance.name.clone())).collect())
}

fn name(names: &Names, id: &InstanceId) -> String {
    names.get(id).cloned().unwrap_or_else(|| id.to_string())
}

/// Most instances that are named under a patch that does not fit all.
const MISFITS_SHOWN: usize = 20;

/// The cloud has not said whether it can be installed.
fn is_unknown(why: &NotInstallable) -> bool {
    matches!(why, NotInstallable::Awaited | NotInstallable::Failed(_))
}

/// Instances that a patch does not fit, by what that means: only a no of the cloud is a no.
#[component]
fn Misfits(choice: PatchChoice, names: Names) -> impl IntoView {
    let viewer = Viewer::current();
    let lang = viewer.lang;
    let of = choice.of;
    let (unknown, known): (Vec<_>, Vec<_>) = choice.missing.into_iter().partition(|(_, why)| is_unknown(why));
    let (installed, refused): (Vec<_>, Vec<_>) = known.into_iter().partition(|(_, why)| *why == NotInstallable::Installed);
    let group = |class: &'static str, title: fn(Lang, usize, usize) -> String, list: Vec<(InstanceId, NotInstallable)>| {
        let n = list.len();
        let lines =
            list.iter().take(MISFITS_SHOWN).map(|(id, why)| view! { <li>{name(&names, id)} ": " {viewer.not_installable(why)}</li> });
        (n > 0).then(|| {
            view! { <details class=class><summary>{title(lang, n, of)}</summary>
                <ul>{lines.collect_view()}</ul>
                {(n > MISFITS_SHOWN).then(|| view! { <p>{lang.and_more(n - MISFITS_SHOWN)}</p> })}
            </details> }
        })
    };
    view! { {group("sub bad", Lang::fits_not, refused)} {group("sub", Lang::fits_installed, installed)} {group("sub", Lang::fits_unknown, unknown)} }
}

#[component]
fn Choice(choice: PatchChoice, ticked: bool, names: Names) -> impl IntoView {
    let viewer = Viewer::current();
    let lang = viewer.lang;
    let version = choice.version.to_string();
    let fits = choice.fits_all() && choice.of > 0;
    // A choice that no longer fits can be taken back, and nothing else.
    let disabled = !fits && !ticked;
    let id = format!("patch-{version}");
    let misfits = choice.clone();
    let drop = choice.missing.iter().filter(|(_, why)| !is_unknown(why)).count();
    let of = choice.of;
    view! {
        <div class="choice" class:misfit=!fits>
            <input type="checkbox" id=id.clone() name="patches[]" value=version.clone() checked=ticked disabled=disabled/>
            <div>
                <label for=id><strong>{version}</strong></label>
                <span class="tag">{lang.patch_kind(&choice.kind)}</span>
                {choice.backup_sensitive.then(|| view! { <span class="tag warn">{lang.backup_sensitive()}</span> })}
                <p>{choice.description}</p>
                {if fits {
                    view! { <p class="sub good">{lang.fits_all(choice.of)}</p> }.into_any()
                } else {
                    view! {
                        <Misfits choice=misfits names=names/>
                        {(drop > 0 && drop < of).then(|| view! { <button name="go" value=format!("drop:{}", choice.version)>{lang.drop_these(drop)}</button> })}
                    }.into_any()
                }}
            </div>
        </div>
    }
}

/// Maintenance and backup windows of the chosen instances, each once, on both clocks, with where the start falls.
#[component]
fn Windows(view: DraftView) -> impl IntoView {
    let viewer = Viewer::current();
    let lang = viewer.lang;
    let start = view.start.as_ref().ok().copied();
    let (zone, offset) = match start {
        Some(start) => (view.plan.draft.zone.clone(), start.offset()),
        None => (viewer.zone.clone(), when::offset(&viewer.zone, viewer.now)),
    };
    let mut groups: std::collections::BTreeMap<(bool, String), usize> = std::collections::BTreeMap::new();
    for row in &view.chosen {
        for (is_backup, window) in [(false, row.instance.maintenance), (true, row.instance.backup)] {
            if let Some(window) = window {
                *groups.entry((is_backup, window.to_string())).or_default() += 1;
            }
        }
    }
    let rows = groups
        .into_iter()
        .filter_map(|((is_backup, text), n)| {
            let window: patchboard_domain::time::DailyWindow = text.parse().ok()?;
            let inside = start.map(|s| window.contains(s.at));
            let bad = inside.is_some_and(|inside| inside == is_backup);
            let place = match inside {
                Some(true) => lang.window_open(),
                Some(false) => lang.window_closed(),
                None => "—",
            };
            Some(view! {
                <tr>
                    <th scope="row">{if is_backup { lang.backup() } else { lang.maintenance() }}</th>
                    <td data-label=lang.window_column_utc() class="num">{text}</td>
                    <td data-label=lang.window_column_zone(&zone) class="num">{window.at_offset(offset).to_string()}</td>
                    <td data-label=lang.col_instances()>{lang.instances(n)}</td>
                    <td data-label=lang.start_time() class:bad=bad>{place}</td>
                </tr>
            })
        })
        .collect_view();
    view! {
        <div data-live="windows">
            <h2>{lang.windows_title()}</h2>
            <div class="table-wrap"><table class="cards">
                <thead><tr><th scope="col">{lang.window_kind()}</th><th scope="col">{lang.window_column_utc()}</th>
                    <th scope="col">{lang.window_column_zone(&zone)}</th><th scope="col">{lang.col_instances()}</th><th scope="col">{lang.start_time()}</th></tr></thead>
                <tbody>{rows}</tbody>
            </table></div>
        </div>
    }
}
