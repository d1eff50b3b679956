//! What stands around every page.

use crate::{
    api::ApiError,
    i18n::Lang,
    islands::Hydrated,
    paths,
    query::Query,
    viewer::{Theme, Viewer},
    when,
};
use leptos::prelude::*;
use leptos_meta::Title;
use patchboard_domain::account::Role;

/// Zones to offer in the preferences; any other may be typed.
const COMMON_ZONES: [&str; 14] = [
    "Asia/Shanghai",
    "UTC",
    "Asia/Singapore",
    "Asia/Hong_Kong",
    "Asia/Tokyo",
    "Asia/Kolkata",
    "Asia/Dubai",
    "Europe/London",
    "Europe/Berlin",
    "Europe/Istanbul",
    "America/New_York",
    "America/Sao_Paulo",
    "Africa/Johannesburg",
    "Australia/Sydney",
];

/// Header, navigation, banners, and the page.
#[component]
pub fn Layout(
    /// The page.
    children: Children,
) -> impl IntoView {
    let viewer = Viewer::current();
    let lang = viewer.lang;
    let is = |role| viewer.who.as_ref().is_some_and(|w| w.is(role));
    let reads_ledger = is(Role::Operator) || is(Role::Approver) || is(Role::Administrator);
    let (plans, manages) = (is(Role::Operator), is(Role::Administrator));
    let link = |href: &'static str, text: &'static str| {
        let below = |path: &str| href != paths::INBOX && path.starts_with(&format!("{href}/"));
        let current = viewer.here.split('?').next().is_some_and(|path| path == href || below(path));
        view! { <li><a href=href aria-current=current.then_some("page")>{text}</a></li> }
    };
    view! {
        <a class="skip" href="#content">{lang.skip_to_content()}</a>
        <header class="top">
            <a class="brand" href="/"><span class="brand-mark" aria-hidden="true"></span>"Patchboard"</a>
            {viewer.who.is_some().then(|| view! { <nav aria-label=lang.main_navigation()>
                <ul>
                    {link(paths::INBOX, lang.nav_inbox())}
                    {link(paths::INSTANCES, lang.nav_instances())}
                    {link(paths::PLANS, lang.nav_plans())}
                    {link(paths::TASKS, lang.nav_tasks())}
                    {link(paths::DOUBT, lang.doubt_title())}
                    {reads_ledger.then(|| link(paths::LEDGER, lang.nav_ledger()))}
                    {manages.then(|| link(paths::PEOPLE, lang.nav_people()))}
                </ul>
            </nav> })}
            {plans.then(|| view! { <a class="button primary" href=paths::NEW_PLAN>{lang.new_plan()}</a> })}
            <Preferences viewer=viewer.clone()/>
        </header>
        {viewer.demo.then(|| view! { <p class="banner demo">{lang.demo_banner()}</p> })}
        {(viewer.without_review && viewer.who.is_some()).then(|| view! { <p class="banner warn flat">{lang.without_review()}</p> })}
        <main id="content" tabindex="-1">{children()}</main>
        <footer class="foot">
            <span>"Patchboard " {env!("CARGO_PKG_VERSION")} " · " {lang.product_line()}</span>
        </footer>
        <Hydrated/>
    }
}

#[component]
fn Preferences(viewer: Viewer) -> impl IntoView {
    let lang = viewer.lang;
    let offset = patchboard_domain::time::offset_label(when::offset(&viewer.zone, viewer.now));
    let other = if lang == Lang::En { (Lang::Zh, "中文") } else { (Lang::En, "English") };
    let option = |value: &'static str, text: &'static str, chosen: bool| view! { <option value=value selected=chosen>{text}</option> };
    view! {
        <div class="preferences" data-live="preferences">
            <form method="post" action=paths::PREFERENCES>
                <input type="hidden" name="back" value=viewer.here.clone()/>
                <button class="quiet" name="lang" value=other.0.tag() lang=other.0.tag()>{other.1}</button>
            </form>
            {viewer.who.clone().map(|who| view! { <Who viewer=viewer.clone() name=who.full_name/> })}
            <details>
                <summary><span class="visually-hidden">{lang.preferences()}</span><span>{viewer.zone.clone()} " " {offset}</span></summary>
                <form method="post" action=paths::PREFERENCES class="panel">
                    <input type="hidden" name="back" value=viewer.here.clone()/>
                    <label>{lang.time_zone()}<input name="zone" list="zones" value=viewer.zone.clone() autocomplete="off" spellcheck="false"/></label>
                    <datalist id="zones">{COMMON_ZONES.into_iter().map(|z| view! { <option value=z></option> }).collect_view()}</datalist>
                    <label>{lang.language()}
                        <select name="lang">
                            {option(Lang::En.tag(), "English", lang == Lang::En)}
                            {option(Lang::Zh.tag(), "简体中文", lang == Lang::Zh)}
                        </select>
                    </label>
                    <label>{lang.theme()}
                        <select name="theme">
                            {option("system", lang.theme_system(), viewer.theme == Theme::System)}
                            {option("light", lang.theme_light(), viewer.theme == Theme::Light)}
                            {option("dark", lang.theme_dark(), viewer.theme == Theme::Dark)}
                        </select>
                    </label>
                    <button class="primary">{lang.save()}</button>
                </form>
            </details>
        </div>
    }
}

/// Who is signed in: account, signing out, and in a demo becoming somebody else.
#[component]
fn Who(viewer: Viewer, name: String) -> impl IntoView {
    let lang = viewer.lang;
    view! {
        <details>
            <summary><span class="visually-hidden">{lang.account()} ": "</span><span class="who">{name}</span></summary>
            <div class="panel">
                <a class="button" href=paths::ACCOUNT>{lang.account()}</a>
                <form method="post" action=paths::SESSION_END><button>{lang.sign_out()}</button></form>
                {viewer.demo.then(|| view! { <p class="hint">{lang.demo_people()}</p><DemoPeople back=viewer.here.clone()/> })}
            </div>
        </details>
    }
}

/// The sample people of a demo, a button each.
#[component]
pub fn DemoPeople(
    /// Where to go on.
    #[prop(into)]
    back: String,
) -> impl IntoView {
    // The names are those of `server::SAMPLE_PEOPLE`; a test holds them together.
    let buttons = DEMO_PEOPLE.map(|(name, shown)| view! { <button name="name" value=name>{shown}</button> });
    view! {
        <form method="post" action=paths::DEMO_SWITCH class="actions">
            <input type="hidden" name="back" value=back/>
            {buttons.into_iter().collect_view()}
        </form>
    }
}

/// Sample people: what they sign in as, and what their button says.
pub const DEMO_PEOPLE: [(&str, &str); 4] =
    [("li.na", "李娜 · DBA"), ("wang.wei", "王伟 · lead"), ("sam", "Sam · viewer"), ("admin", "Admin")];

/// Title of the page and of the document, with what can be done on the right.
#[component]
pub fn PageHead(
    /// The title.
    #[prop(into)]
    title: String,
    /// A sentence under it.
    #[prop(into, optional)]
    lead: String,
    /// The page says itself what became of its last form.
    #[prop(optional)]
    quiet: bool,
    /// Buttons.
    #[prop(optional)]
    children: Option<Children>,
) -> impl IntoView {
    view! {
        // leptos_meta writes the text as it is: what an author typed must not end the element.
        <Title text=format!("{title} · Patchboard").replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")/>
        <div class="page-head">
            <div><h1>{title}</h1>{(!lead.is_empty()).then(|| view! { <p class="lead">{lead}</p> })}</div>
            {children.map(|c| view! { <div class="actions">{c()}</div> })}
        </div>
        {(!quiet).then(|| view! { <Notice/> })}
    }
}

/// What the address says about the last change: a code only, the sentence is ours.
#[component]
pub fn Notice() -> impl IntoView {
    let query = Query::current();
    let lang = Viewer::current().lang;
    // `__err` is what Leptos adds when the fields of a plain form could not be read.
    let unread = query.get("__err").map(|_| ApiError::Failed);
    let error = query.get("error").and_then(|code| ApiError::from_code(&code)).or(unread).map(|error| match error {
        ApiError::Changed => lang.notice_changed().to_owned(),
        ApiError::NotReady => lang.notice_not_ready().to_owned(),
        ApiError::Conflict => lang.notice_conflict().to_owned(),
        ApiError::Refused => lang.notice_refused().to_owned(),
        ApiError::TooEarly => lang.resolve_too_early().to_owned(),
        ApiError::Confirm => lang.notice_confirm().to_owned(),
        ApiError::NotFound => lang.not_found_text().to_owned(),
        ApiError::Failed => lang.notice_failed().to_owned(),
        ApiError::TooMany => lang.notice_too_many().to_owned(),
        ApiError::Denied => lang.denied_title().to_owned(),
        ApiError::Unproved => lang.denied_unproved().to_owned(),
        ApiError::OwnPlan => lang.denied_own().to_owned(),
        ApiError::NeedsReview => lang.needs_review().to_owned(),
        ApiError::NeedsComment => lang.needs_comment().to_owned(),
        ApiError::Account(refusal) => lang.account_refusal(refusal),
    });
    let refused = query.get("refused").and_then(|n| n.parse().ok()).filter(|n| *n > 0).map(|n| lang.notice_refused_some(n));
    view! {
        {error.map(|text| view! { <p class="banner error" role="alert">{text}</p> })}
        {refused.map(|text| view! { <p class="banner warn" role="status">{text}</p> })}
    }
}

/// Nothing to show: what this is, and one thing to do.
#[component]
pub fn Empty(
    /// What is missing.
    #[prop(into)]
    title: String,
    /// What it would be.
    #[prop(into)]
    text: String,
    /// Where to go.
    #[prop(into, optional)]
    href: String,
    /// What that does.
    #[prop(into, optional)]
    action: String,
) -> impl IntoView {
    view! {
        <div class="empty">
            <h2>{title}</h2>
            <p>{text}</p>
            {(!href.is_empty()).then(|| view! { <a class="button" href=href>{action}</a> })}
        </div>
    }
}
