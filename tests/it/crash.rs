//! The process is killed between journal and answer, for real: `kill -9` of the binary.

use crate::{
    process::{Browser, Server, hash_in},
    support::{pickable, simulator},
};
use patchboard_backend::clock::SystemClock;
use patchboard_simulator::{Act, Fault, Simulator};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

async fn killed(act: Act, settled: &str, creates: usize) {
    let simulator = simulator(Arc::new(SystemClock), 60).await;
    let dir = tempfile::tempdir().unwrap();
    let mut browser = Browser::new();
    let server = Server::start(&simulator, dir.path(), &[]);
    browser.sign_in(&server).await;
    let (plan, instance) = confirmed(&simulator, &server, &browser, act).await;
    server.kill();

    let server = Server::start(&simulator, dir.path(), &[]);
    let page = browser.until(&format!("{}/plans/{plan}", server.url), settled).await;
    assert!(page.contains("ended before the answer was recorded"), "the person sees what happened");
    assert_eq!(simulator.requests("db-upgrade/schedule-task"), creates);
    assert_eq!(simulator.world(|w| w.tasks_of(&instance).len()), 1, "no duplicate, no loss");
}

/// A plan that can be confirmed.
pub(crate) struct Ready {
    pub(crate) plan: String,
    pub(crate) instance: String,
    pub(crate) hash: String,
}

impl Ready {
    /// What its form holds.
    pub(crate) fn fields(&self) -> [(&str, &str); 3] {
        [("plan", &self.plan), ("hash", &self.hash), ("count", "1")]
    }
}

/// A plan of one instance, made in a browser, that can be confirmed.
pub(crate) async fn ready(simulator: &Simulator, server: &Server, browser: &Browser) -> Ready {
    browser.until(&format!("{}/instances", server.url), "60 match").await;
    let instance = pickable(simulator, 1).remove(0);
    let started = browser.post(&format!("{}/api/plans/start", server.url), &[("cloud", "ap-southeast-1"), ("instance", &instance)]).await;
    let plan = started.split('/').nth(2).unwrap().to_owned();
    browser.until(&format!("{}{started}", server.url), "3.208.0.7").await;
    browser.schedule(server, &plan).await;
    let page = browser.until(&format!("{}/plans/{plan}", server.url), "name=\"hash\"").await;
    let hash = hash_in(&page);
    Ready { plan, instance, hash }
}

/// A plan that was confirmed in a browser, and whose first call has arrived at the cloud, which does this with it. Returns the plan and
/// its instance.
pub(crate) async fn confirmed(simulator: &Simulator, server: &Server, browser: &Browser, act: Act) -> (String, String) {
    let ready = ready(simulator, server, browser).await;
    let before = simulator.requests("db-upgrade/schedule-task");
    simulator.set_faults(vec![Fault::on_create(1, act)]);
    browser.post(&format!("{}/api/plans/confirm", server.url), &ready.fields()).await;
    let deadline = Instant::now() + Duration::from_secs(30);
    while simulator.requests("db-upgrade/schedule-task") == before {
        assert!(Instant::now() < deadline, "the request never arrived");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    (ready.plan, ready.instance)
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_after_the_cloud_acted_adopts_its_task() {
    killed(Act::DoThenDelay { ms: 60_000 }, "found in the list", 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_before_the_cloud_acted_sends_again_once_it_is_proved_absent() {
    killed(Act::Hang { ms: 60_000 }, "Pending", 2).await;
}
