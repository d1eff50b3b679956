//! `/account`: one's own password and sessions. `/people`: accounts of others.

use crate::{
    api::{ChangePerson, EndSession, load_account, load_people},
    components::{PageHead, load},
    pages::sign_in::{FactorField, FormNotice},
    paths,
    query::Query,
    viewer::Viewer,
    when::Time,
};
use leptos::{prelude::*, server_fn::ServerFn};
use patchboard_domain::account::{PASSWORD_MIN, Role, Session, User};

/// One's own account. Without JavaScript: the same forms.
#[component]
pub fn AccountPage() -> impl IntoView {
    let viewer = Viewer::current();
    let lang = viewer.lang;
    let who = viewer.who.clone();
    let roles = who.iter().flat_map(|w| w.roles.iter()).map(|r| lang.role_word(*r)).collect::<Vec<_>>().join(", ");
    let external = who.as_ref().is_some_and(|w| w.external);
    let name = who.map(|w| w.full_name).unwrap_or_default();
    view! {
        <PageHead title=lang.account_title() lead=name quiet=true/>
        <FormNotice/>
        <p>{lang.your_roles()} ": " {roles}</p>
        {load(load_account(), move |own| view! {
            <section class="card"><h2>{lang.sessions_title()}</h2><Sessions sessions=own.sessions/></section>
            {(!own.external).then(|| view! { <SecondFactor has=own.has_factor/> })}
        })}
        {if external { view! { <p class="hint">{lang.external_account()}</p> }.into_any() } else { view! { <ChangePassword/> }.into_any() }}
    }
}

#[component]
fn ChangePassword() -> impl IntoView {
    let lang = Viewer::current().lang;
    view! {
        <form method="post" action=paths::SESSION_PASSWORD class="card stack">
            <h2>{lang.change_password()}</h2>
            <p class="hint">{lang.change_password_help()}</p>
            <label class="field">{lang.old_password()}<input type="password" name="old" autocomplete="current-password" required/></label>
            <label class="field">{lang.new_password()} <span class="hint">{lang.password_help(PASSWORD_MIN)}</span>
                <input type="password" name="new" autocomplete="new-password" required/></label>
            <FactorField/>
            <div class="actions"><button>{lang.change_password()}</button></div>
        </form>
    }
}

#[component]
fn SecondFactor(has: bool) -> impl IntoView {
    let lang = Viewer::current().lang;
    let (text, button) = if has { (lang.factor_is_on(), lang.factor_replace()) } else { (lang.factor_is_off(), lang.factor_set_up()) };
    view! {
        <form method="post" action=paths::FACTOR_SHOW class="card stack">
            <h2>{lang.factor_title()}</h2>
            <p class="hint">{text}</p>
            <div class="actions"><button>{button}</button></div>
        </form>
    }
}

#[component]
fn Sessions(sessions: Vec<Session>) -> impl IntoView {
    let lang = Viewer::current().lang;
    let rows = sessions
        .into_iter()
        .map(|s| {
            view! {
                <tr>
                    <th scope="row"><span class="said">{s.agent}</span></th>
                    <td data-label=lang.session_from()>{s.address}</td>
                    <td data-label=lang.session_since()><Time at=s.made_at/></td>
                    <td data-label=lang.session_seen()><Time at=s.seen_at/></td>
                    <td><form method="post" action=EndSession::url()><input type="hidden" name="session" value=s.id/><button>{lang.end_session()}</button></form></td>
                </tr>
            }
        })
        .collect_view();
    view! {
        <div class="table-wrap"><table class="cards">
            <thead><tr><th scope="col">{lang.sessions_title()}</th><th scope="col">{lang.session_from()}</th><th scope="col">{lang.session_since()}</th>
                <th scope="col">{lang.session_seen()}</th><th scope="col"><span class="visually-hidden">{lang.end_session()}</span></th></tr></thead>
            <tbody>{rows}</tbody>
        </table></div>
        <form method="post" action=EndSession::url() class="actions"><button class="danger">{lang.end_all_sessions()}</button></form>
    }
}

/// Who may use this Patchboard.
#[component]
pub fn PeoplePage() -> impl IntoView {
    let lang = Viewer::current().lang;
    let query = Query::current();
    let (name, full_name) = (query.get("name").unwrap_or_default(), query.get("full_name").unwrap_or_default());
    let options = Role::ALL.map(|r| view! { <option value=r.word() selected=r == Role::Operator>{lang.role_word(r)}</option> });
    view! {
        <PageHead title=lang.people_title() lead=lang.people_lead() quiet=true/>
        <FormNotice/>
        {load(load_people(), |people| view! { <People people=people/> })}
        <form method="post" action=paths::PEOPLE_CODE class="card stack">
            <h2>{lang.add_person()}</h2>
            <label class="field">{lang.user_name()}<input name="name" value=name required autocomplete="off" spellcheck="false" autocapitalize="none"/></label>
            <label class="field">{lang.full_name()} <span class="hint">{lang.full_name_help()}</span><input name="full_name" value=full_name autocomplete="off" maxlength="80"/></label>
            <label class="field">{lang.role()}<select name="role">{options.into_iter().collect_view()}</select></label>
            <div class="actions"><button class="primary">{lang.add_person_button()}</button></div>
        </form>
    }
}

#[component]
fn People(people: Vec<User>) -> impl IntoView {
    let lang = Viewer::current().lang;
    let rows = people.into_iter().map(|user| view! { <Person user=user/> }).collect_view();
    view! {
        <div class="table-wrap"><table class="cards">
            <thead><tr><th scope="col">{lang.user_name()}</th><th scope="col">{lang.roles()}</th><th scope="col">{lang.last_sign_in()}</th>
                <th scope="col"><span class="visually-hidden">{lang.edit()}</span></th></tr></thead>
            <tbody>{rows}</tbody>
        </table></div>
    }
}

#[component]
fn Roles(id: String, roles: Vec<Role>) -> impl IntoView {
    let lang = Viewer::current().lang;
    let boxes = Role::ALL
        .map(|r| {
            let checked = roles.contains(&r);
            view! { <label class="inline"><input type="checkbox" name="roles[]" value=r.word() checked=checked/>{lang.role_word(r)}</label> }
        })
        .into_iter()
        .collect_view();
    view! {
        <form method="post" action=ChangePerson::url() class="actions">
            <input type="hidden" name="user" value=id/>{boxes}<button name="go" value="roles">{lang.save_roles()}</button>
        </form>
    }
}

#[component]
fn Person(user: User) -> impl IntoView {
    let lang = Viewer::current().lang;
    let id = user.id.to_string();
    let disabled = user.disabled_at.is_some();
    let state = if disabled {
        lang.disabled()
    } else if user.external {
        lang.external()
    } else if user.has_password {
        lang.active()
    } else {
        lang.no_password_yet()
    };
    let external = user.external;
    let factor = user.has_factor;
    let roles = if external {
        let words = user.roles.iter().map(|r| lang.role_word(*r)).collect::<Vec<_>>().join(", ");
        view! { {words} <span class="sub">{lang.external_roles()}</span> }.into_any()
    } else {
        view! { <Roles id=id.clone() roles=user.roles/> }.into_any()
    };
    let (toggle, word) = if disabled { ("enable", lang.enable()) } else { ("disable", lang.disable()) };
    view! {
        <tr>
            <th scope="row">{user.name.clone()}<span class="sub">{user.full_name.clone()}</span><span class="sub">{state}{factor.then(|| format!(" · {}", lang.has_factor()))}</span></th>
            <td data-label=lang.roles()>{roles}</td>
            <td data-label=lang.last_sign_in()>{user.signed_in_at.map_or_else(|| lang.never().into_any(), |at| view! { <Time at=at/> }.into_any())}</td>
            <td><div class="actions">
                {(!external).then(|| view! { <form method="post" action=paths::PEOPLE_CODE><input type="hidden" name="user" value=id.clone()/><button disabled=disabled>{lang.new_code()}</button></form> })}
                {factor.then(|| view! { <form method="post" action=ChangePerson::url()><input type="hidden" name="user" value=id.clone()/><button name="go" value="drop_factor">{lang.factor_drop()}</button></form> })}
                <form method="post" action=ChangePerson::url()><input type="hidden" name="user" value=id/><button class:danger=!disabled name="go" value=toggle>{word}</button></form>
            </div></td>
        </tr>
    }
}
