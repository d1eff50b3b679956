//! The process ends, panics or lacks something at the worst moment: for real, in the binary.

use crate::{
    crash::{Ready, confirmed, ready},
    process::{Browser, Server},
    support::simulator,
};
use patchboard_backend::clock::SystemClock;
use patchboard_simulator::{Act, Simulator};
use std::{
    os::unix::process::ExitStatusExt,
    process::{Command, Stdio},
    sync::Arc,
    time::Duration,
};
use tempfile::TempDir;

/// What such a test has in hand.
struct Scene {
    simulator: Simulator,
    dir: TempDir,
    browser: Browser,
    ready: Ready,
}

impl Scene {
    /// Somebody signed in, and a plan that can be confirmed.
    async fn set() -> Self {
        let simulator = simulator(Arc::new(SystemClock), 60).await;
        let dir = tempfile::tempdir().unwrap();
        let mut browser = Browser::new();
        let server = Server::start(&simulator, dir.path(), &[]);
        browser.sign_in(&server).await;
        let ready = ready(&simulator, &server, &browser).await;
        server.kill();
        Self { simulator, dir, browser, ready }
    }

    fn server(&self, more: &[(&str, &str)]) -> Server {
        Server::start(&self.simulator, self.dir.path(), more)
    }

    /// Confirms in a server that ends at a point, and is started again without it.
    async fn ended_at(&self, point: &str) -> Server {
        let server = self.server(&[("PATCHBOARD_FAILPOINT", point)]);
        // It may end before it answers.
        let _ = self.browser.try_send(&format!("{}/api/plans/confirm", server.url), &self.ready.fields()).await;
        let status = server.ended();
        assert!(status.signal().is_some(), "{point}: ended by itself, {status}");
        self.server(&[])
    }

    async fn confirm(&self, server: &Server) -> String {
        self.browser.post(&format!("{}/api/plans/confirm", server.url), &self.ready.fields()).await
    }

    fn page(&self, server: &Server) -> String {
        format!("{}/plans/{}", server.url, self.ready.plan)
    }

    fn tasks(&self) -> usize {
        self.simulator.world(|w| w.tasks_of(&self.ready.instance).len())
    }

    fn creates(&self) -> usize {
        self.simulator.requests("db-upgrade/schedule-task")
    }

    /// The ledger is whole, whatever happened.
    fn verify(&self) {
        let store = format!("sqlite:{}", self.dir.path().join("crash.db").display());
        let run = Command::new(env!("CARGO_BIN_EXE_patchboard")).args(["ledger", "verify"]).env("PATCHBOARD__STORE__URL", store).output();
        let run = run.unwrap();
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ended_before_a_confirmation_is_on_disk_nothing_was_confirmed() {
    let scene = Scene::set().await;
    let server = scene.ended_at("submit.before_commit").await;
    scene.browser.until(&scene.page(&server), "name=\"hash\"").await;
    assert_eq!(scene.creates(), 0);
    assert_eq!(scene.confirm(&server).await, format!("/plans/{}", scene.ready.plan), "and the same form confirms it");
    scene.browser.until(&scene.page(&server), "Pending").await;
    assert_eq!((scene.creates(), scene.tasks()), (1, 1));
    scene.verify();
}

#[tokio::test(flavor = "multi_thread")]
async fn ended_anywhere_on_the_way_it_is_sent_once() {
    // Before the intent; between the intent's row and its entry; after the intent; after the answer; between the outcome and its entry.
    let points = [
        ("send.before_mark", 1),
        ("entry.before_ledger", 1),
        ("send.after_mark", 1),
        ("ack.before_commit", 1),
        ("entry.before_ledger:2", 1),
    ];
    for (point, creates) in points {
        let scene = Scene::set().await;
        let server = scene.ended_at(point).await;
        scene.browser.until(&scene.page(&server), "Pending").await;
        assert_eq!((scene.creates(), scene.tasks()), (creates, 1), "{point}");
        drop(server);
        scene.verify();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_in_the_middle_of_sending_ends_that_request_and_not_the_sender() {
    let scene = Scene::set().await;
    let server = scene.server(&[("PATCHBOARD_FAILPOINT", "send.after_mark=panic")]);
    scene.confirm(&server).await;
    scene.browser.until(&scene.page(&server), "Pending").await;
    assert_eq!((scene.creates(), scene.tasks()), (1, 1), "what it left open was looked for, and sent once");
    assert!(server.log().contains("the sender failed and goes on"));
}

#[tokio::test(flavor = "multi_thread")]
async fn asked_to_end_it_sees_a_call_through_and_asked_twice_it_does_not_wait() {
    let simulator = simulator(Arc::new(SystemClock), 60).await;
    let dir = tempfile::tempdir().unwrap();
    let mut browser = Browser::new();
    let server = Server::start(&simulator, dir.path(), &[]);
    browser.sign_in(&server).await;
    let (plan, _) = confirmed(&simulator, &server, &browser, Act::DoThenDelay { ms: 2_000 }).await;
    server.signal("TERM");
    assert!(server.ended().success());
    let server = Server::start(&simulator, dir.path(), &[]);
    let page = browser.until(&format!("{}/plans/{plan}", server.url), "Pending").await;
    assert!(!page.contains("ended before the answer was recorded"), "its answer was heard and kept");

    let (plan, instance) = confirmed(&simulator, &server, &browser, Act::DoThenDelay { ms: 60_000 }).await;
    server.signal("TERM");
    // Asked again until it has heard the first one: signals of one kind do not queue.
    let id = server.id().to_string();
    let again = std::thread::spawn(move || {
        while Command::new("kill").args(["-TERM", &id]).stderr(Stdio::null()).status().is_ok_and(|s| s.success()) {
            std::thread::sleep(Duration::from_millis(100));
        }
    });
    server.ended();
    again.join().unwrap();
    let server = Server::start(&simulator, dir.path(), &[]);
    let page = browser.until(&format!("{}/plans/{plan}", server.url), "found in the list").await;
    assert!(page.contains("ended before the answer was recorded"));
    assert_eq!(simulator.world(|w| w.tasks_of(&instance).len()), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn on_a_full_disk_nothing_is_sent_and_with_space_again_it_goes_on() {
    let scene = Scene::set().await;
    let server = Server::start_under("trap '' XFSZ", &scene.simulator, scene.dir.path());
    scene.browser.until(&format!("{}/instances", server.url), "60 match").await;
    let limit = |bytes: &str| {
        let done = Command::new("prlimit").args(["--pid", &server.id().to_string(), &format!("--fsize={bytes}")]).status().unwrap();
        assert!(done.success());
    };
    limit("4096:unlimited");
    let answer = scene.browser.send(&format!("{}/api/plans/confirm", server.url), &scene.ready.fields()).await;
    let told = answer.headers().get("location").map(|l| l.to_str().unwrap().to_owned()).unwrap_or_default();
    assert!(told.contains("error=") || answer.status().is_server_error(), "the person is told: {} {told}", answer.status());
    assert_eq!(scene.creates(), 0, "nothing leaves that is not written down");
    limit("unlimited:unlimited");
    assert_eq!(scene.confirm(&server).await, format!("/plans/{}", scene.ready.plan), "nothing has to be done about it: {}", server.log());
    scene.browser.until(&scene.page(&server), "Pending").await;
    assert_eq!((scene.creates(), scene.tasks()), (1, 1));
    drop(server);
    scene.verify();
}

#[tokio::test(flavor = "multi_thread")]
async fn more_open_connections_than_files_end_and_the_server_goes_on() {
    let scene = Scene::set().await;
    let server = Server::start_under("ulimit -n 64", &scene.simulator, scene.dir.path());
    scene.browser.until(&format!("{}/instances", server.url), "60 match").await;
    let address = server.url.trim_start_matches("http://").to_owned();
    let mut held = Vec::new();
    for _ in 0..100 {
        // Beyond the backlog they are not even taken.
        let connect = tokio::net::TcpStream::connect(&address);
        if let Ok(Ok(stream)) = tokio::time::timeout(Duration::from_millis(200), connect).await {
            held.push(stream);
        }
    }
    assert!(held.len() >= 64, "more than it may have open");
    drop(held);
    assert_eq!(scene.confirm(&server).await, format!("/plans/{}", scene.ready.plan));
    scene.browser.until(&scene.page(&server), "Pending").await;
    assert_eq!((scene.creates(), scene.tasks()), (1, 1));
}
