//! The process is killed between journal and answer, for real: `kill -9` of the binary.

use crate::{somebody::PASSWORD, support::simulator};
use patchboard_backend::clock::SystemClock;
use patchboard_simulator::{ACCESS_KEY, Act, Fault, SECRET_KEY, Simulator};
use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

struct Server {
    child: Child,
    url: String,
    /// What makes the first administrator, while there is none.
    code: Option<String>,
}

impl Server {
    /// `patchboard serve`, configured as the README says, by the environment alone.
    fn start(simulator: &Simulator, dir: &Path) -> Self {
        let child = Command::new(env!("CARGO_BIN_EXE_patchboard"))
            .arg("serve")
            .env("PATCHBOARD__SERVER__LISTEN", "127.0.0.1:0")
            .env("PATCHBOARD__STORE__URL", format!("sqlite:{}", dir.join("crash.db").display()))
            .env("PATCHBOARD__CLOUD__REGION", "ap-southeast-1")
            .env("PATCHBOARD__CLOUD__ENDPOINT", simulator.url())
            .env("PATCHBOARD__POLICY__SETTLE_SECONDS", "1")
            .env("PATCHBOARD__SYNC__EVERY_SECONDS", "1")
            .env("PATCHBOARD__REVIEW__REQUIRED", "false")
            .env("PATCHBOARD__LOG__LEVEL", "error")
            .env("HUAWEICLOUD_SDK_AK", ACCESS_KEY)
            .env("HUAWEICLOUD_SDK_SK", SECRET_KEY)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        // From here on its end is seen to.
        let mut server = Self { child, url: String::new(), code: None };
        for line in BufReader::new(server.child.stdout.take().unwrap()).lines().map_while(Result::ok) {
            if let Some(url) = line.strip_prefix("Patchboard at ") {
                url.clone_into(&mut server.url);
                return server;
            }
            server.code = line.strip_prefix("  ").map(str::to_owned).or(server.code.take());
        }
        panic!("the server said no address");
    }

    fn kill(mut self) {
        // SIGKILL: no handler runs, nothing is flushed.
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have been killed on purpose.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// With the one cookie that matters.
struct Browser(reqwest::Client, String);

impl Browser {
    fn new() -> Self {
        // Installed twice when two tests start at once; the second is refused and no harm.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Self(reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy().build().unwrap(), String::new())
    }

    /// Makes the first administrator with the code that the server printed, and stays signed in.
    async fn sign_in(&mut self, server: &Server) {
        let fields = [("code", server.code.as_deref().unwrap()), ("name", "root"), ("password", PASSWORD)];
        let answer = self.send(&format!("{}/session/redeem", server.url), &fields).await;
        let cookies = answer.headers().get_all("set-cookie").iter().filter_map(|c| c.to_str().ok());
        self.1 = cookies.filter_map(|c| c.split(';').next()).collect::<Vec<_>>().join("; ");
    }

    async fn get(&self, url: &str) -> String {
        self.0.get(url).header("accept", "text/html").header("cookie", &self.1).send().await.unwrap().text().await.unwrap()
    }

    async fn send(&self, url: &str, fields: &[(&str, &str)]) -> reqwest::Response {
        let body = reqwest::Url::parse_with_params("http://x/", fields).unwrap().query().unwrap_or_default().to_owned();
        let request = self.0.post(url).header("accept", "text/html").header("content-type", "application/x-www-form-urlencoded");
        let origin = url.split('/').take(3).collect::<Vec<_>>().join("/");
        request.header("origin", origin).header("cookie", &self.1).body(body).send().await.unwrap()
    }

    async fn post(&self, url: &str, fields: &[(&str, &str)]) -> String {
        let answer = self.send(url, fields).await;
        answer.headers().get("location").and_then(|l| l.to_str().ok()).unwrap_or_default().to_owned()
    }

    /// Looks again until the page says so.
    async fn until(&self, url: &str, text: &str) -> String {
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            let page = self.get(url).await;
            if page.contains(text) {
                return page;
            }
            assert!(Instant::now() < deadline, "{url} never said {text:?}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

async fn killed(act: Act, settled: &str, creates: usize) {
    let simulator = simulator(Arc::new(SystemClock), 60).await;
    let dir = tempfile::tempdir().unwrap();
    let mut browser = Browser::new();
    let server = Server::start(&simulator, dir.path());
    browser.sign_in(&server).await;
    browser.until(&format!("{}/instances", server.url), "60 match").await;
    let instance = simulator.world(|w| {
        let busy: Vec<_> = w.tasks.iter().map(|t| t.instance_id.clone()).collect();
        let fits = |i: &&patchboard_simulator::world::Instance| {
            i.status == "ACTIVE"
                && i.engine_version() == "3.208.0"
                && i.has_normal_nodes()
                && !i.name.starts_with("z-demo")
                && !busy.contains(&i.id)
        };
        w.instances.values().find(fits).map(|i| i.id.clone()).unwrap()
    });
    let started = browser.post(&format!("{}/api/plans/start", server.url), &[("cloud", "ap-southeast-1"), ("instance", &instance)]).await;
    let plan = started.split('/').nth(2).unwrap().to_owned();
    browser.until(&format!("{}{started}", server.url), "3.208.0.7").await;
    let fields = [
        ("plan", plan.as_str()),
        ("patches[]", "3.208.0.7"),
        ("start_local", "2099-01-01T02:00"),
        ("zone", "Asia/Shanghai"),
        ("go", "continue"),
    ];
    browser.post(&format!("{}/api/plans/schedule", server.url), &fields).await;
    let page = browser.until(&format!("{}/plans/{plan}", server.url), "name=\"hash\"").await;
    let hash = page.split("name=\"hash\" value=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap().to_owned();
    simulator.set_faults(vec![Fault::on_create(1, act)]);
    browser.post(&format!("{}/api/plans/confirm", server.url), &[("plan", &plan), ("hash", &hash)]).await;
    let deadline = Instant::now() + Duration::from_secs(30);
    while simulator.requests("db-upgrade/schedule-task") == 0 {
        assert!(Instant::now() < deadline, "the request never arrived");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    server.kill();

    let server = Server::start(&simulator, dir.path());
    let page = browser.until(&format!("{}/plans/{plan}", server.url), settled).await;
    assert!(page.contains("ended before the answer was recorded"), "the person sees what happened");
    assert_eq!(simulator.requests("db-upgrade/schedule-task"), creates);
    assert_eq!(simulator.world(|w| w.tasks_of(&instance).len()), 1, "no duplicate, no loss");
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_after_the_cloud_acted_adopts_its_task() {
    killed(Act::DoThenDelay { ms: 60_000 }, "found in the list", 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_before_the_cloud_acted_sends_again_once_it_is_proved_absent() {
    killed(Act::Hang { ms: 60_000 }, "Pending", 2).await;
}
