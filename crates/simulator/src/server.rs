//! The HTTP server: hyper's, because a connection has to be cut without an answer on demand.

use crate::{
    answers::Answer,
    auth::{Accounts, Incoming},
    fault::{Act, Fault, Script},
    handle::{Handled, State},
    seed,
    world::{Switches, World},
};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use http_body_util::{BodyExt, Full};
use hyper::{Request, Response, body::Incoming as Body, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};
use std::{
    fmt,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};
use tokio::net::TcpListener;

/// Bytes of an answer that stands for one without end: beyond what a client should take.
const ENDLESS: usize = 20 * 1024 * 1024;

/// Asks what time it is in the simulated world.
pub type Clock = Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>;

/// What a simulator is made of.
#[derive(Clone)]
pub struct Options {
    /// Same seed, same world.
    pub seed: u64,
    /// Number of instances.
    pub instances: usize,
    /// Readings of the contract.
    pub switches: Switches,
    /// Its clock.
    pub clock: Clock,
}

/// A running simulator. Dropping it leaves the server to the runtime that it was started on.
#[derive(Clone)]
pub struct Simulator {
    state: Arc<Mutex<State>>,
    clock: Clock,
    address: SocketAddr,
}

/// A connection that is cut on purpose.
#[derive(Debug)]
struct Cut;

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("cut on purpose")
    }
}

impl std::error::Error for Cut {}

impl Simulator {
    /// Serves on `listener` until the runtime ends.
    ///
    /// # Errors
    /// When the listener has no local address.
    pub fn start(options: Options, listener: TcpListener) -> std::io::Result<Self> {
        let address = listener.local_addr()?;
        let world = seed::world(options.seed, options.instances, (options.clock)(), options.switches);
        let state = State {
            world,
            accounts: Accounts::default(),
            script: Script::default(),
            seen: Vec::new(),
            create_bodies: Vec::new(),
            late: Vec::new(),
        };
        let simulator = Self { state: Arc::new(Mutex::new(state)), clock: options.clock, address };
        tokio::spawn(simulator.clone().serve(listener));
        Ok(simulator)
    }

    /// `http://127.0.0.1:port`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Replaces the fault script.
    pub fn set_faults(&self, faults: Vec<Fault>) {
        self.lock().script.set(faults);
    }

    /// Adds a line to the fault script.
    pub fn add_fault(&self, fault: Fault) {
        self.lock().script.add(fault);
    }

    /// Forgets every token it gave out.
    pub fn revoke_tokens(&self) {
        self.lock().accounts.revoke_tokens();
    }

    /// Reads or changes the world, at its present time.
    pub fn world<T>(&self, f: impl FnOnce(&mut World) -> T) -> T {
        let now = (self.clock)();
        let mut state = self.lock();
        state.world.advance(now);
        state.act_late(now);
        f(&mut state.world)
    }

    /// Requests seen so far whose `METHOD /path` contains `part`.
    pub fn requests(&self, part: &str) -> usize {
        self.lock().seen.iter().filter(|r| r.contains(part)).count()
    }

    /// Bodies of the create calls seen so far, refused ones too, in order.
    pub fn create_bodies(&self) -> Vec<String> {
        self.lock().create_bodies.clone()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    async fn serve(self, listener: TcpListener) {
        loop {
            let Ok((stream, _)) = listener.accept().await else { continue };
            let simulator = self.clone();
            tokio::spawn(async move {
                let service = service_fn(move |request| {
                    let simulator = simulator.clone();
                    async move { simulator.answer(request).await }
                });
                // An error here is a client that left or a connection that was cut on purpose.
                let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
            });
        }
    }

    async fn answer(&self, request: Request<Body>) -> Result<Response<Full<Bytes>>, Cut> {
        let (parts, body) = request.into_parts();
        let body = body.collect().await.map_err(|_| Cut)?.to_bytes();
        let headers: Vec<_> =
            parts.headers.iter().map(|(n, v)| (n.as_str().to_owned(), String::from_utf8_lossy(v.as_bytes()).into_owned())).collect();
        let query = query(parts.uri.query().unwrap_or_default());
        let incoming = Incoming { method: parts.method.as_str(), path: parts.uri.path(), query: &query, headers: &headers, body: &body };
        if let Some(rest) = incoming.path.strip_prefix("/_simulator/") {
            return Ok(self.control(incoming.method, rest, &body));
        }
        let Handled { answer, act } = {
            let now = (self.clock)();
            self.lock().handle(&incoming, now)
        };
        tracing::debug!(method = incoming.method, path = incoming.path, status = answer.status, ?act, "simulated");
        match act {
            Some(Act::Drop | Act::DoThenDrop | Act::DropThenDo { .. }) => Err(Cut),
            Some(Act::DoThenFail) => Ok(self.http(&crate::answers::error(500, "DBS.108000", "Server failure."))),
            Some(Act::DoThenGarbage) => Ok(self.raw(200, "<html>It works!</html>", &[])),
            Some(Act::DoThenEndless) => Ok(self.raw(200, &" ".repeat(ENDLESS), &[])),
            Some(Act::DoThenEmpty) => Ok(self.raw(200, "{}", &[])),
            Some(Act::DoThenTruncate) => {
                let text = answer.body.map(|b| b.to_string()).unwrap_or_default();
                Ok(self.raw(200, &text[..text.len() / 2], &[]))
            }
            Some(Act::Redirect) => Ok(self.raw(302, "", &[("location", "http://127.0.0.1:9/elsewhere".to_owned())])),
            Some(Act::Hang { ms }) => {
                tokio::time::sleep(Duration::from_millis(ms)).await;
                Err(Cut)
            }
            Some(Act::DoThenDelay { ms }) => {
                tokio::time::sleep(Duration::from_millis(ms)).await;
                Ok(self.http(&answer))
            }
            _ => Ok(self.http(&answer)),
        }
    }

    fn http(&self, answer: &Answer) -> Response<Full<Bytes>> {
        let text = answer.body.as_ref().map(Value::to_string).unwrap_or_default();
        self.raw(answer.status, &text, &answer.headers)
    }

    fn raw(&self, status: u16, text: &str, headers: &[(&'static str, String)]) -> Response<Full<Bytes>> {
        let date = (self.clock)().format("%a, %d %b %Y %H:%M:%S GMT").to_string();
        let mut response = Response::builder()
            .status(status)
            .header("content-type", "application/json")
            .header("date", date)
            .header("x-request-id", format!("simulated-{:08x}", self.lock().seen.len()));
        for (name, value) in headers {
            response = response.header(*name, value);
        }
        response.body(Full::new(Bytes::copy_from_slice(text.as_bytes()))).unwrap_or_default()
    }

    /// For tests and demonstrations that run in another process: faults in, history out.
    fn control(&self, method: &str, path: &str, body: &[u8]) -> Response<Full<Bytes>> {
        match (method, path) {
            ("PUT", "faults") => match serde_json::from_slice(body) {
                Ok(faults) => {
                    self.set_faults(faults);
                    self.raw(200, "{}", &[])
                }
                Err(e) => self.raw(400, &json!({"error": e.to_string()}).to_string(), &[]),
            },
            ("PUT", "switches") => match serde_json::from_slice(body) {
                Ok(switches) => {
                    self.world(|w| w.switches = switches);
                    self.raw(200, "{}", &[])
                }
                Err(e) => self.raw(400, &json!({"error": e.to_string()}).to_string(), &[]),
            },
            ("GET", "tasks") => {
                let tasks = self.world(|w| json!(w.tasks));
                self.raw(200, &tasks.to_string(), &[])
            }
            _ => self.raw(404, "{}", &[]),
        }
    }
}

pub(crate) fn query(text: &str) -> Vec<(String, String)> {
    let decode = |t: &str| percent_decode_str(&t.replace('+', " ")).decode_utf8_lossy().into_owned();
    text.split('&')
        .filter(|p| !p.is_empty())
        .map(|p| p.split_once('=').map_or_else(|| (decode(p), String::new()), |(k, v)| (decode(k), decode(v))))
        .collect()
}
