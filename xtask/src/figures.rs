//! Figures about the release build: start-up, memory, CPU for each request of the fleet page. Printed, never asserted.

use crate::{
    build,
    run::{Failure, Result, because, root, step, target},
};
use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// Requests measured, after a tenth of them to warm up.
const REQUESTS: u32 = 500;

/// Longest wait for a server to say something.
const PATIENCE: Duration = Duration::from_secs(60);

/// A process of ours that ends with its handle.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub(crate) fn figures() -> Result {
    build(true)?;
    let binary = target().join("release").join("patchboard");
    let bytes = fs::metadata(&binary).map_err(because("binary"))?.len();
    println!("binary with the site inside: {:.1} MB", bytes as f64 / 1e6);
    for instances in ["60", "10000"] {
        measure(&binary, instances)?;
    }
    Ok(())
}

fn measure(binary: &Path, instances: &str) -> Result {
    step(&format!("{instances} instances in the store"));
    let mut simulator = Command::new(binary)
        .args(["simulator", "--listen", "127.0.0.1:0", "--instances", instances])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map(Process)
        .map_err(because("simulator"))?;
    let mut said = Vec::new();
    for line in BufReader::new(simulator.0.stdout.take().ok_or_else(|| Failure("no output".to_owned()))?).lines().take(5) {
        said.push(line.map_err(because("simulator"))?);
    }
    let word = |n: usize| said.get(n).and_then(|l| l.split_whitespace().last()).unwrap_or_default().to_owned();
    let dir = root().join("target").join(format!("figures-{instances}"));
    if dir.exists() {
        fs::remove_dir_all(&dir).map_err(because(dir.display()))?;
    }
    let began = Instant::now();
    let mut server = Command::new(binary)
        .arg("serve")
        .env("PATCHBOARD__SERVER__LISTEN", "127.0.0.1:0")
        .env("PATCHBOARD__STORE__URL", format!("sqlite:{}", dir.join("f.db").display()))
        .env("PATCHBOARD__CLOUD__REGION", "ap-southeast-1")
        .env("PATCHBOARD__CLOUD__ENDPOINT", word(0))
        .env("PATCHBOARD__SYNC__EVERY_SECONDS", "3600")
        .env("PATCHBOARD__LOG__LEVEL", "error")
        .env("HUAWEICLOUD_SDK_AK", word(3))
        .env("HUAWEICLOUD_SDK_SK", word(4))
        .stdout(Stdio::piped())
        .spawn()
        .map(Process)
        .map_err(because("server"))?;
    let stdout = server.0.stdout.take().ok_or_else(|| Failure("no output".to_owned()))?;
    let (mut code, mut address) = (String::new(), String::new());
    for line in BufReader::new(stdout).lines().map_while(std::io::Result::ok) {
        if let Some(found) = line.strip_prefix("  ") {
            found.clone_into(&mut code);
        } else if let Some(found) = line.strip_prefix("Patchboard at http://") {
            found.clone_into(&mut address);
            break;
        }
    }
    until(&address, "/healthz", "", "ok")?;
    println!("start to first answer, new database: {} ms", began.elapsed().as_millis());
    let cookie = &sign_in(&address, &code)?;
    let pid = server.0.id();
    println!("resident memory at start: {} MB", memory(pid)? / 1024);
    until(&address, "/instances", cookie, &format!("{instances} match"))?;
    println!("start to first complete fleet: {} ms", began.elapsed().as_millis());
    for path in ["/instances", "/instances?q=prod&status=ACTIVE", "/tasks"] {
        for _ in 0..REQUESTS / 10 {
            get(&address, path, cookie)?;
        }
        let (before, wall) = (cpu(pid)?, Instant::now());
        let mut size = 0;
        for _ in 0..REQUESTS {
            size = get(&address, path, cookie)?.len();
        }
        let used = cpu(pid)? - before;
        println!(
            "{path}: {:.2} ms of CPU a request, {:.2} ms from connect to last byte, {size} bytes",
            used / f64::from(REQUESTS) * 1e3,
            wall.elapsed().as_secs_f64() / f64::from(REQUESTS) * 1e3
        );
    }
    println!("resident memory afterwards: {} MB", memory(pid)? / 1024);
    Ok(())
}

/// Makes the first administrator with the code that the server printed. Returns the session's cookie.
fn sign_in(address: &str, code: &str) -> Result<String> {
    let body = format!("code={code}&name=figures&password=wellen-brechen-am-kai");
    let answer = exchange(
        address,
        &format!(
            "POST /session/redeem HTTP/1.1\r\nOrigin: http://127.0.0.1\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n",
            body.len()
        ),
        &body,
    )?;
    let cookie = answer.lines().find_map(|l| l.strip_prefix("set-cookie: ")).and_then(|c| c.split(';').next());
    cookie.map(str::to_owned).ok_or_else(|| Failure("the first account could not be made".to_owned()))
}

fn until(address: &str, path: &str, cookie: &str, text: &str) -> Result {
    let deadline = Instant::now() + PATIENCE;
    while !get(address, path, cookie).is_ok_and(|answer| answer.contains(text)) {
        if Instant::now() > deadline {
            return Err(Failure(format!("{address}{path} never said {text:?}")));
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    Ok(())
}

fn get(address: &str, path: &str, cookie: &str) -> Result<String> {
    exchange(address, &format!("GET {path} HTTP/1.1\r\nCookie: {cookie}\r\n"), "")
}

fn exchange(address: &str, head: &str, body: &str) -> Result<String> {
    let mut stream = TcpStream::connect(address).map_err(because(address))?;
    write!(stream, "{head}Host: 127.0.0.1\r\nAccept: text/html\r\nConnection: close\r\n\r\n{body}").map_err(because("request"))?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).map_err(because("answer"))?;
    Ok(answer)
}

/// CPU seconds of a process, user and system, by `/proc` (100 ticks a second on Linux).
fn cpu(pid: u32) -> Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).map_err(because("/proc"))?;
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks: f64 = after_name.split_whitespace().skip(11).take(2).filter_map(|t| t.parse::<f64>().ok()).sum();
    Ok(ticks / 100.0)
}

/// Resident memory in kB.
fn memory(pid: u32) -> Result<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).map_err(because("/proc"))?;
    let line = status.lines().find(|l| l.starts_with("VmRSS:")).unwrap_or_default();
    Ok(line.split_whitespace().nth(1).and_then(|n| n.parse().ok()).unwrap_or_default())
}
