//! How old what is shown is, and what went wrong when the cloud was last read.

use crate::{
    api::{Refresh, ResumeCloud},
    i18n::Lang,
    viewer::Viewer,
    when,
};
use leptos::{prelude::*, server_fn::ServerFn};
use patchboard_domain::sync::SyncStatus;

/// Clock difference, in seconds, from which on a person should know.
const SKEW_WORTH_SAYING: i64 = 60;

/// One line for each cloud, and a button to look now.
#[component]
pub fn SyncBar(
    /// The status of every cloud.
    sync: Vec<SyncStatus>,
) -> impl IntoView {
    let viewer = Viewer::current();
    let lang = viewer.lang;
    let several = sync.len() > 1;
    let lines = sync
        .into_iter()
        .map(|s| {
            let name = several.then(|| format!("{}: ", s.cloud));
            let looked = s.instances_at.into_iter().chain(s.tasks_at).min();
            let age = looked.map_or_else(
                || lang.sync_never().into_any(),
                |at| view! { {when::counting(&viewer, at, Lang::sync_age)} " · " {when::precise(&viewer, at)} }.into_any(),
            );
            let running = s.running_since.map(|_| lang.sync_running(s.progress));
            let skew = s.skew_seconds.filter(|skew| skew.abs() > SKEW_WORTH_SAYING).map(|skew| lang.clock_skew(skew));
            // One as short as a call may act late is nothing to worry about; it is waited for all the same.
            let lag = s.lag().filter(|lag| lag.seconds > s.settle_seconds - lag.seconds);
            let lag = lag.map(|lag| lang.list_lag(lag.seconds, s.settle_seconds, &when::precise(&viewer, lag.at)));
            let stopped = s.stopped.then(|| {
                view! {
                    <form method="post" action=ResumeCloud::url() class="banner error" role="alert">
                        <input type="hidden" name="cloud" value=s.cloud.to_string()/>
                        <input type="hidden" name="back" value=viewer.here.clone()/>
                        <p>{lang.sync_stopped()}</p>
                        <button>{lang.resume()}</button>
                    </form>
                }
            });
            let paused =
                s.paused_until.map(|until| view! { <p class="banner warn">{lang.sync_paused(&when::relative(&viewer, until))}</p> });
            let failed = s.error.map(|e| {
                let status = e.http_status.map(|s| format!("{} · ", lang.http_status(s)));
                let code = e.code.map(|c| format!("{c} · "));
                let means = e.fault.map(|f| format!("{} ", lang.fault(f)));
                let request = e.request_id.map(|id| format!(" · {}", lang.request_id(&id)));
                view! { <p class="banner warn">{lang.sync_failed()} <br/><span class="said">{status}{code}{means}{lang.said(&e.message).to_owned()}{request}</span></p> }
            });
            view! {
                <p class="sync-line">{name}{age}{running.map(|r| view! { <span class="busy">" · " {r}</span> })}</p>
                {stopped}{paused}{failed}
                {skew.into_iter().chain(lag).map(|text| view! { <p class="banner warn">{text}</p> }).collect_view()}
            }
        })
        .collect_view();
    view! {
        <div class="sync-bar">
            <div data-live="sync">{lines}</div>
            <form method="post" action=Refresh::url() data-live="refresh">
                <input type="hidden" name="back" value=viewer.here.clone()/>
                <button>{lang.refresh()}</button>
            </form>
        </div>
    }
}
