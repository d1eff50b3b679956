//! Fields of the fleet's filter, for a GET form and for the picker's form.

use crate::viewer::Viewer;
use leptos::prelude::*;
use patchboard_domain::{filter::FleetFilter, fleet::Facets};

/// A labelled select with "any" first. A value that is no longer offered stays chosen and visible.
#[component]
pub fn Select(
    /// Field name.
    name: &'static str,
    /// Label.
    #[prop(into)]
    label: String,
    /// Present value.
    value: String,
    /// Values with their texts.
    options: Vec<(String, String)>,
) -> impl IntoView {
    let lang = Viewer::current().lang;
    let known = value.is_empty() || options.iter().any(|(v, _)| *v == value);
    let stray = (!known).then(|| view! { <option value=value.clone() selected=true>{value.clone()}</option> });
    let options = options
        .into_iter()
        .map(|(v, text)| {
            let chosen = v == value;
            view! { <option value=v selected=chosen>{text}</option> }
        })
        .collect_view();
    view! {
        <label class="field">{label}
            <select name=name><option value="">{lang.any()}</option>{stray}{options}</select>
        </label>
    }
}

/// All fields of the fleet's filter.
#[component]
pub fn FilterFields(
    /// Present filter.
    filter: FleetFilter,
    /// Values to choose from.
    facets: Facets,
    /// The cloud is fixed by the plan.
    #[prop(optional)]
    fixed_cloud: bool,
) -> impl IntoView {
    let lang = Viewer::current().lang;
    let counted = |list: Vec<(String, i64)>, text: &dyn Fn(&str) -> String| -> Vec<(String, String)> {
        list.into_iter().map(|(v, n)| (v.clone(), format!("{} ({n})", text(&v)))).collect()
    };
    let plain = |v: &str| v.to_owned();
    let projects = facets.project.into_iter().map(|(id, name, n)| (id, format!("{name} ({n})"))).collect::<Vec<_>>();
    let several_clouds = facets.cloud.len() > 1 && !fixed_cloud;
    view! {
        <label class="field grow">{lang.filter_search()}<input type="search" name="q" value=filter.q autocomplete="off"/></label>
        <Select name="status" label=lang.filter_status() value=filter.status options=counted(facets.status, &|v| lang.instance_status(v))/>
        <Select name="engine" label=lang.filter_engine() value=filter.engine options=counted(facets.engine, &plain)/>
        <Select name="missing" label=lang.filter_missing() value=filter.missing options=counted(facets.missing, &plain)/>
        <Select name="tag" label=lang.filter_tag() value=filter.tag options=counted(facets.tag, &plain)/>
        <Select name="project" label=lang.filter_project() value=filter.project options=projects/>
        <Select name="form" label=lang.filter_form() value=filter.form options=counted(facets.form, &|v| lang.form_word(v).to_owned())/>
        {several_clouds.then(|| view! { <Select name="cloud" label=lang.filter_cloud() value=filter.cloud.clone() options=counted(facets.cloud.clone(), &plain)/> })}
    }
}
