//! HTML shell and route table.

use crate::{
    components::Layout,
    pages::{
        AccountPage, ConfirmPage, DoubtPage, FleetPage, InboxPage, InstancePage, LedgerPage, NotFoundPage, PeoplePage, PickPage, PlanPage,
        PlansPage, RecordPage, SchedulePage, SignInPage, TaskPage, TasksPage, WelcomePage,
    },
    viewer::Viewer,
};
use leptos::prelude::*;
use leptos_meta::{MetaTags, provide_meta_context};
use leptos_router::{
    ParamSegment, SsrMode, StaticSegment,
    components::{Route, Router, Routes},
};

/// Address of a script that only a server under development has.
#[derive(Clone, Copy, Debug, Default)]
pub struct DevScript(pub Option<&'static str>);

/// The document around every page.
pub fn shell(options: LeptosOptions, viewer: &Viewer) -> impl IntoView + use<> {
    let DevScript(dev) = use_context().unwrap_or_default();
    let style = format!("/{}/{}.css", options.site_pkg_dir, options.output_name);
    view! {
        <!DOCTYPE html>
        <html lang=viewer.lang.tag() data-theme=viewer.theme.as_str() data-now=viewer.now.timestamp_millis().to_string()>
            <head>
                <meta charset="utf-8"/>
                <meta name="viewport" content="width=device-width, initial-scale=1"/>
                <meta name="color-scheme" content="light dark"/>
                <link rel="icon" href="/favicon.svg" type="image/svg+xml"/>
                <link rel="stylesheet" href=style/>
                {dev.map(|src| view! { <script src=src nonce=use_nonce()></script> })}
                <HydrationScripts options=options islands=true/>
                <MetaTags/>
            </head>
            <body><App/></body>
        </html>
    }
}

/// The routes. Every page is sent whole (`SsrMode::Async`).
#[component]
pub fn App() -> impl IntoView {
    provide_meta_context();
    let instances = StaticSegment("instances");
    let plans = StaticSegment("plans");
    let tasks = StaticSegment("tasks");
    view! {
        <Router>
            <Layout>
                <Routes fallback=|| view! { <NotFoundPage/> }>
                    <Route path=StaticSegment("") view=InboxPage ssr=SsrMode::Async/>
                    <Route path=StaticSegment("sign-in") view=SignInPage ssr=SsrMode::Async/>
                    <Route path=StaticSegment("welcome") view=WelcomePage ssr=SsrMode::Async/>
                    <Route path=StaticSegment("confirm") view=ConfirmPage ssr=SsrMode::Async/>
                    <Route path=StaticSegment("account") view=AccountPage ssr=SsrMode::Async/>
                    <Route path=StaticSegment("people") view=PeoplePage ssr=SsrMode::Async/>
                    <Route path=StaticSegment("doubt") view=DoubtPage ssr=SsrMode::Async/>
                    <Route path=StaticSegment("ledger") view=LedgerPage ssr=SsrMode::Async/>
                    <Route path=instances view=FleetPage ssr=SsrMode::Async/>
                    <Route path=(instances, ParamSegment("cloud"), ParamSegment("id")) view=InstancePage ssr=SsrMode::Async/>
                    <Route path=plans view=PlansPage ssr=SsrMode::Async/>
                    <Route path=(plans, StaticSegment("new")) view=PickPage ssr=SsrMode::Async/>
                    <Route path=(plans, ParamSegment("id")) view=PlanPage ssr=SsrMode::Async/>
                    <Route path=(plans, ParamSegment("id"), StaticSegment("instances")) view=PickPage ssr=SsrMode::Async/>
                    <Route path=(plans, ParamSegment("id"), StaticSegment("schedule")) view=SchedulePage ssr=SsrMode::Async/>
                    <Route path=(plans, ParamSegment("id"), StaticSegment("record")) view=RecordPage ssr=SsrMode::Async/>
                    <Route path=tasks view=TasksPage ssr=SsrMode::Async/>
                    <Route path=(tasks, ParamSegment("cloud"), ParamSegment("id")) view=TaskPage ssr=SsrMode::Async/>
                </Routes>
            </Layout>
        </Router>
    }
}
