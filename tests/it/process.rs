//! The binary itself, as a process: configured as the README says, and asked by HTTP.

use crate::somebody::PASSWORD;
use patchboard_simulator::{ACCESS_KEY, SECRET_KEY, Simulator};
use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, ChildStderr, Command, ExitStatus, Stdio},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

/// A running server.
pub(crate) struct Server {
    child: Child,
    pub(crate) url: String,
    /// What makes the first administrator, while there is none.
    pub(crate) code: Option<String>,
    log: Arc<Mutex<String>>,
}

impl Server {
    /// `patchboard serve`, configured as the README says, by the environment alone.
    pub(crate) fn start(simulator: &Simulator, dir: &Path, more: &[(&str, &str)]) -> Self {
        Self::start_with(simulator, dir, more, &[])
    }

    /// With more of the environment and of the command line.
    pub(crate) fn start_with(simulator: &Simulator, dir: &Path, more: &[(&str, &str)], arguments: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_patchboard"));
        command.arg("serve").args(arguments);
        Self::spawn(command, simulator, dir, more)
    }

    /// In a shell that says this first, for example what the process is allowed to use.
    pub(crate) fn start_under(first: &str, simulator: &Simulator, dir: &Path) -> Self {
        let mut command = Command::new("sh");
        command.arg("-c").arg(format!("{first}; exec \"$0\" serve")).arg(env!("CARGO_BIN_EXE_patchboard"));
        Self::spawn(command, simulator, dir, &[])
    }

    fn spawn(mut command: Command, simulator: &Simulator, dir: &Path, more: &[(&str, &str)]) -> Self {
        let mut child = command
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
            .envs(more.iter().copied())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // From here on its end is seen to.
        let log = Arc::new(Mutex::new(String::new()));
        collect(child.stderr.take().unwrap(), log.clone());
        let mut server = Self { child, url: String::new(), code: None, log };
        for line in BufReader::new(server.child.stdout.take().unwrap()).lines().map_while(Result::ok) {
            if let Some(url) = line.strip_prefix("Patchboard at ") {
                url.clone_into(&mut server.url);
                return server;
            }
            server.code = line.strip_prefix("  ").map(str::to_owned).or(server.code.take());
        }
        panic!("the server said no address");
    }

    /// What it has logged so far.
    pub(crate) fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// Sends it a signal by its name.
    pub(crate) fn signal(&self, name: &str) {
        let done = Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status().unwrap();
        assert!(done.success());
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// The most memory that it has had, in MiB.
    #[cfg(target_os = "linux")]
    pub(crate) fn peak_mib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.id())).unwrap();
        let line = status.lines().find(|l| l.starts_with("VmHWM:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
    }

    /// Waits until it has ended by itself.
    pub(crate) fn ended(mut self) -> ExitStatus {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "it did not end: {}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub(crate) fn kill(mut self) {
        // SIGKILL: no handler runs, nothing is flushed.
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// Reads until the process ends, so that it never waits for a reader.
fn collect(from: ChildStderr, into: Arc<Mutex<String>>) {
    std::thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            let mut text = into.lock().unwrap();
            text.push_str(&line);
            text.push('\n');
        }
    });
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have been killed on purpose.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What the form on the page of a draft is bound to.
pub(crate) fn hash_in(page: &str) -> String {
    page.split("name=\"hash\" value=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap().to_owned()
}

/// With the one cookie that matters.
pub(crate) struct Browser(reqwest::Client, pub(crate) String);

impl Browser {
    pub(crate) fn new() -> Self {
        // Installed twice when two tests start at once; the second is refused and no harm.
        let _ = rustls::crypto::ring::default_provider().install_default();
        // A connection that the server closes while it waits would be found closed by the next request, and a POST is not sent twice.
        let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).pool_max_idle_per_host(0);
        Self(client.no_proxy().build().unwrap(), String::new())
    }

    /// Makes the first administrator with the code that the server printed, and stays signed in.
    pub(crate) async fn sign_in(&mut self, server: &Server) {
        let fields = [("code", server.code.as_deref().unwrap()), ("name", "root"), ("password", PASSWORD)];
        let answer = self.send(&format!("{}/session/redeem", server.url), &fields).await;
        self.keep_cookies(&answer);
    }

    /// The cookies it has, as a header.
    pub(crate) fn cookies(&self) -> &str {
        &self.1
    }

    /// The cookies of an answer, in place of those it had.
    pub(crate) fn keep_cookies(&mut self, answer: &reqwest::Response) {
        let cookies = answer.headers().get_all("set-cookie").iter().filter_map(|c| c.to_str().ok());
        self.1 = cookies.filter_map(|c| c.split(';').next()).collect::<Vec<_>>().join("; ");
    }

    pub(crate) async fn get(&self, url: &str) -> String {
        self.0.get(url).header("accept", "text/html").header("cookie", &self.1).send().await.unwrap().text().await.unwrap()
    }

    pub(crate) async fn send(&self, url: &str, fields: &[(&str, &str)]) -> reqwest::Response {
        self.try_send(url, fields).await.unwrap()
    }

    /// To a server that may end before it answers.
    pub(crate) async fn try_send(&self, url: &str, fields: &[(&str, &str)]) -> reqwest::Result<reqwest::Response> {
        let body = reqwest::Url::parse_with_params("http://x/", fields).unwrap().query().unwrap_or_default().to_owned();
        let request = self.0.post(url).header("accept", "text/html").header("content-type", "application/x-www-form-urlencoded");
        let origin = url.split('/').take(3).collect::<Vec<_>>().join("/");
        request.header("origin", origin).header("cookie", &self.1).body(body).send().await
    }

    pub(crate) async fn post(&self, url: &str, fields: &[(&str, &str)]) -> String {
        let answer = self.send(url, fields).await;
        answer.headers().get("location").and_then(|l| l.to_str().ok()).unwrap_or_default().to_owned()
    }

    /// The second step of a plan, as every such test takes it.
    pub(crate) async fn schedule(&self, server: &Server, plan: &str) {
        let fields = [
            ("plan", plan),
            ("patches[]", "3.208.0.7"),
            ("start_local", "2099-01-01T02:00"),
            ("zone", "Asia/Shanghai"),
            ("go", "continue"),
        ];
        self.post(&format!("{}/api/plans/schedule", server.url), &fields).await;
    }

    /// Looks again until the page says so.
    pub(crate) async fn until(&self, url: &str, text: &str) -> String {
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
