//! `/sign-in` and `/welcome`: before somebody is known.

use crate::{
    api::ApiError,
    components::{DemoPeople, PageHead},
    paths,
    query::Query,
    viewer::Viewer,
};
use leptos::prelude::*;
use patchboard_domain::account::PASSWORD_MIN;

/// The sentence that an address asks for after a form was refused. Texts never travel in an address, only codes.
pub(super) fn said(query: &Query, viewer: &Viewer) -> Option<(bool, String)> {
    let lang = viewer.lang;
    if let Some(seconds) = query.get("wait").and_then(|w| w.parse::<i64>().ok()) {
        return Some((false, lang.sign_in_wait(seconds.clamp(0, 3600))));
    }
    if let Some(done) = query.get("done") {
        let text = match done.as_str() {
            "roles" => lang.done_roles(),
            "disable" => lang.done_disable(),
            "enable" => lang.done_enable(),
            "drop_factor" => lang.done_drop_factor(),
            _ => return None,
        };
        return Some((true, text.to_owned()));
    }
    let code = query.get("error")?;
    Some(match code.as_str() {
        "refused" => (false, lang.sign_in_refused().to_owned()),
        "signed_out" => (false, lang.signed_out().to_owned()),
        "signed_out_well" => (true, lang.signed_out_well().to_owned()),
        "password_changed" => (true, lang.password_changed().to_owned()),
        "factor_on" => (true, lang.factor_on().to_owned()),
        "factor_needed" => (false, lang.factor_needed().to_owned()),
        other => match ApiError::from_code(other)? {
            ApiError::Account(refusal) => (false, lang.account_refusal(refusal)),
            ApiError::Unproved => (false, lang.denied_unproved().to_owned()),
            _ => (false, lang.notice_failed().to_owned()),
        },
    })
}

/// What was said about the last form, if anything.
#[component]
pub(super) fn FormNotice() -> impl IntoView {
    let viewer = Viewer::current();
    said(&Query::current(), &viewer).map(|(good, text)| {
        let role = if good { "status" } else { "alert" };
        view! { <p class="banner" class:good=good class:error=!good role=role>{text}</p> }
    })
}

/// Name and password; in a demo also the sample people.
#[component]
pub fn SignInPage() -> impl IntoView {
    let viewer = Viewer::current();
    let lang = viewer.lang;
    let query = Query::current();
    let next = paths::local(&query.get("next").unwrap_or_default());
    let name = query.get("name").unwrap_or_default();
    view! {
        <div class="narrow">
            <PageHead title=lang.sign_in() lead=lang.sign_in_lead() quiet=true/>
            <FormNotice/>
            {viewer.demo.then(|| view! { <section class="card"><h2>{lang.demo_people()}</h2><p class="hint">{lang.demo_people_help()}</p><DemoPeople back=next.clone()/></section> })}
            {viewer.sso.clone().map(|label| view! { <p class="actions"><a class="button primary" href=paths::with(paths::SSO_BEGIN, "next", &next)>{lang.sign_in_with(&label)}</a></p><p class="hint">{lang.or()}</p> })}
            <form method="post" action=paths::SESSION_BEGIN class="card stack">
                <input type="hidden" name="next" value=next.clone()/>
                <label class="field">{lang.user_name()}<input name="name" value=name autocomplete="username" required spellcheck="false" autocapitalize="none"/></label>
                <label class="field">{lang.password()}<input type="password" name="password" autocomplete="current-password" required/></label>
                <FactorField/>
                <div class="actions"><button class="primary">{lang.sign_in()}</button><a class="button quiet" href=paths::WELCOME>{lang.have_code()}</a></div>
            </form>
        </div>
    }
}

/// For whoever has a second factor; everybody sees it, so that it tells nothing about an account.
#[component]
pub(super) fn FactorField() -> impl IntoView {
    let lang = Viewer::current().lang;
    view! {
        <label class="field">{lang.factor_code()} <span class="hint">{lang.factor_code_help()}</span>
            <input name="factor" inputmode="numeric" autocomplete="one-time-code" spellcheck="false" maxlength="12"/></label>
    }
}

/// Showing again who one is, before something that a browser left open is not enough for.
#[component]
pub fn ConfirmPage() -> impl IntoView {
    let viewer = Viewer::current();
    let lang = viewer.lang;
    let next = paths::local(&Query::current().get("next").unwrap_or_default());
    let external = viewer.who.as_ref().is_some_and(|w| w.external);
    let by = match (external, viewer.sso.clone()) {
        (true, Some(label)) => {
            let to = paths::with(&paths::with(paths::SSO_BEGIN, "next", &next), "again", "1");
            view! { <p class="actions"><a class="button primary" href=to>{lang.confirm_external(&label)}</a></p> }.into_any()
        }
        (true, None) => view! { <p class="banner warn">{lang.confirm_nowhere()}</p> }.into_any(),
        (false, _) => view! {
            <form method="post" action=paths::SESSION_CONFIRM class="card stack">
                <input type="hidden" name="next" value=next/>
                <label class="field">{lang.password()}<input type="password" name="password" autocomplete="current-password" required/></label>
                <FactorField/>
                <div class="actions"><button class="primary">{lang.it_is_me_button()}</button><a class="button quiet" href=paths::INBOX>{lang.cancel()}</a></div>
            </form>
        }
        .into_any(),
    };
    view! {
        <div class="narrow">
            <PageHead title=lang.confirm_title() lead=lang.confirm_lead() quiet=true/>
            <FormNotice/>
            {by}
        </div>
    }
}

/// A one-time code and a password of one's own.
#[component]
pub fn WelcomePage() -> impl IntoView {
    let lang = Viewer::current().lang;
    let name = Query::current().get("name").unwrap_or_default();
    view! {
        <div class="narrow">
            <PageHead title=lang.welcome_title() lead=lang.welcome_lead() quiet=true/>
            <FormNotice/>
            <form method="post" action=paths::SESSION_REDEEM class="card stack">
                <label class="field">{lang.one_time_code()}<input name="code" autocomplete="one-time-code" required spellcheck="false" class="mono"/></label>
                <label class="field">{lang.user_name()} <span class="hint">{lang.welcome_name_help()}</span>
                    <input name="name" value=name autocomplete="username" spellcheck="false" autocapitalize="none"/></label>
                <label class="field">{lang.new_password()} <span class="hint">{lang.password_help(PASSWORD_MIN)}</span>
                    <input type="password" name="password" autocomplete="new-password" required/></label>
                <FactorField/>
                <div class="actions"><button class="primary">{lang.begin()}</button><a class="button quiet" href=paths::SIGN_IN>{lang.sign_in()}</a></div>
            </form>
        </div>
    }
}
