//! One connection to one cloud: signs, sends once, reads the answer.

mod calls;
mod iam;
mod rows;

use rows::Rows;

use crate::{
    credentials::{Credentials, Token},
    error::{self, Answer, Error},
    pacer::{Errand, Pacer},
    region, sign,
};
use chrono::{DateTime, Utc};
use reqwest::{Method, Url, header::HeaderMap, redirect::Policy};
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};
use tokio::sync::{Mutex, OnceCell};

/// Asks what time it is. An argument, so that a test can say.
pub type Clock = Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>;

/// What a connection is made of.
#[derive(Clone)]
pub struct Options {
    /// Region id, for example `ap-southeast-1`.
    pub region: String,
    /// Endpoint; nothing takes the region's. `https://…`, or `http://` on this machine's loopback only.
    pub endpoint: Option<String>,
    /// IAM endpoint; nothing takes the region's.
    pub iam_endpoint: Option<String>,
    /// Project id; nothing asks IAM for the region's.
    pub project_id: Option<String>,
    /// Who is asking.
    pub credentials: Credentials,
    /// `X-Language`: `en-us` or `zh-cn`.
    pub language: String,
    /// Longest time for a connection to be made.
    pub connect_timeout: Duration,
    /// Longest time for a whole call, connection included.
    pub deadline: Duration,
    /// Pauses between tries of a reading call; their number is the number of repetitions.
    pub pauses: Vec<Duration>,
    /// The clock that dates signatures.
    pub clock: Clock,
    /// Who says how fast calls may follow each other; nobody: as fast as they come.
    pub pacer: Option<Arc<dyn Pacer>>,
}

impl Options {
    /// Sensible times for a region.
    pub fn new(region: impl Into<String>, credentials: Credentials, clock: Clock) -> Self {
        Self {
            region: region.into(),
            endpoint: None,
            iam_endpoint: None,
            project_id: None,
            credentials,
            language: "en-us".to_owned(),
            connect_timeout: Duration::from_secs(10),
            deadline: Duration::from_secs(60),
            pauses: vec![Duration::from_millis(500), Duration::from_secs(2), Duration::from_secs(5)],
            clock,
            pacer: None,
        }
    }
}

/// Largest answer that is read. A page of 100 distributed instances is well below.
const ANSWER_LIMIT: usize = 16 * 1024 * 1024;

/// Difference of clocks, in seconds, beyond which signatures are dated by the cloud's: the gateway refuses 15 minutes.
const SKEW_CORRECTED: i64 = 300;

/// Longest `Retry-After` that a reading call waits for by itself.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// A connection to one cloud. Cheap to clone.
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

struct Inner {
    options: Options,
    http: reqwest::Client,
    endpoint: Url,
    iam: Url,
    project: OnceCell<String>,
    token: Mutex<Option<Token>>,
    skew: std::sync::Mutex<Option<i64>>,
    /// Seconds that signatures are dated ahead of our clock.
    correction: AtomicI64,
}

/// One call, before it is signed.
pub(crate) struct Call<'a> {
    method: Method,
    base: &'a Url,
    path: String,
    query: Vec<(String, String)>,
    body: Option<String>,
    /// Sent as `X-Project-Id` with a key.
    project: Option<String>,
    errand: Errand,
    /// Date of the signature; nothing: when it is sent.
    signed_at: Option<DateTime<Utc>>,
}

/// An answer with its headers.
pub(crate) struct Reply {
    headers: HeaderMap,
    answer: Answer,
    body: Vec<u8>,
}

impl Client {
    /// Makes a connection; nothing is sent yet.
    ///
    /// # Errors
    /// [`Error::Invalid`] for an unknown region without endpoint, an endpoint that cannot be read, or plain HTTP to another
    /// machine.
    pub fn new(options: Options) -> Result<Self, Error> {
        let endpoint = options
            .endpoint
            .clone()
            .or_else(|| region::endpoint(&options.region))
            .ok_or_else(|| Error::Invalid(format!("region {:?} is not in the list of regions; set the endpoint", options.region)))?;
        let iam = options.iam_endpoint.clone().unwrap_or_else(|| match &options.endpoint {
            // A free endpoint on this machine is a simulator, which answers for IAM too.
            Some(own) if base_url(own).is_ok_and(|u| is_loopback(&u)) => own.clone(),
            _ => region::iam_endpoint(&options.region),
        });
        // Installing twice is an error that means "already there".
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .redirect(Policy::none())
            .retry(reqwest::retry::never())
            .no_proxy()
            .connect_timeout(options.connect_timeout)
            .timeout(options.deadline)
            .user_agent(concat!("patchboard/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|e| Error::Invalid(chain(&e)))?;
        let project = OnceCell::new_with(options.project_id.clone());
        let (endpoint, iam) = (base_url(&endpoint)?, base_url(&iam)?);
        Ok(Self {
            inner: Arc::new(Inner {
                options,
                http,
                endpoint,
                iam,
                project,
                token: Mutex::default(),
                skew: std::sync::Mutex::default(),
                correction: AtomicI64::new(0),
            }),
        })
    }

    /// The host that is called, for people.
    pub fn host(&self) -> String {
        host(&self.inner.endpoint)
    }

    /// Cloud clock minus ours in seconds, by the `Date` header of the last answer.
    pub fn skew_seconds(&self) -> Option<i64> {
        *self.inner.skew.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// The project id: configured, or the one project that IAM knows by the region's name.
    ///
    /// # Errors
    /// What the look-up gives; [`Error::Invalid`] when none or several match.
    pub async fn project_id(&self) -> Result<&str, Error> {
        self.inner.project.get_or_try_init(|| self.find_project()).await.map(String::as_str)
    }

    /// The project id, where it was configured or found already.
    pub fn known_project(&self) -> Option<&str> {
        self.inner.project.get().map(String::as_str)
    }

    /// A path below `/{version}/{project_id}` of the GaussDB endpoint.
    async fn call(&self, method: Method, version: &str, rest: &str) -> Result<Call<'_>, Error> {
        let project = self.project_id().await.map_err(Error::before_sending)?.to_owned();
        Ok(Call {
            base: &self.inner.endpoint,
            path: format!("/{version}/{}/{rest}", sign::encode(&project)),
            query: Vec::new(),
            body: None,
            errand: match method {
                Method::GET if rest.ends_with("candidate-versions") => Errand::Prepare,
                Method::GET => Errand::Look,
                Method::PUT | Method::DELETE => Errand::TakeBack,
                _ => Errand::Change,
            },
            project: Some(project),
            signed_at: None,
            method,
        })
    }

    /// A reading call: repeated after a pause when it was throttled or lost.
    async fn get<T: DeserializeOwned>(&self, call: Call<'_>) -> Result<T, Error> {
        let mut pauses = self.inner.options.pauses.iter();
        loop {
            let error = match self.send(&call).await.and_then(|reply| reply.json()) {
                Ok(value) => return Ok(value),
                Err(error) => error,
            };
            let Some(pause) = pauses.next().filter(|_| error.is_transient()) else { return Err(error) };
            let pause = match &error {
                Error::Throttled { retry_after: Some(asked), .. } if *asked > LONGEST_PAUSE => return Err(error),
                Error::Throttled { retry_after: Some(asked), .. } => *asked,
                _ => *pause,
            };
            tokio::time::sleep(pause).await;
        }
    }

    /// Sends once. A rejected token is renewed once, because the gateway says in so many words that nothing was done.
    pub(crate) async fn send(&self, call: &Call<'_>) -> Result<Reply, Error> {
        let result = self.send_and_renew(call).await;
        if let Some(pacer) = &self.inner.options.pacer {
            pacer.heard(call.errand, result.as_ref().err()).await;
        }
        result
    }

    async fn send_and_renew(&self, call: &Call<'_>) -> Result<Reply, Error> {
        let result = self.send_once(call).await;
        let Err(Error::Unauthorized(answer)) = &result else { return result };
        let stale = answer.code.as_deref() == Some("APIGW.0307") && self.forget_token().await;
        // The gateway checks the date before anything else; what it refuses for its date was not done.
        let dated = self.correct_clock();
        let old = call.signed_at.is_some_and(|at| ((self.inner.options.clock)() - at).num_seconds() >= SKEW_CORRECTED);
        match call.signed_at {
            None if stale || dated => self.send_once(call).await,
            // A create call is never dated anew: that its date grows old is what keeps a call that was held up from acting.
            Some(_) if stale || dated || old => Err(Error::NotSent(format!("refused for its date or its token: {answer}"))),
            _ => result,
        }
    }

    /// Whether signatures are dated otherwise from now on: by the cloud's clock where ours is too far off for the gateway, and by
    /// ours again where it is not any more.
    fn correct_clock(&self) -> bool {
        let Some(skew) = self.skew_seconds() else { return false };
        let signs = matches!(self.inner.options.credentials, Credentials::Key { .. });
        let needed = if skew.abs() >= SKEW_CORRECTED { skew } else { 0 };
        let before = self.inner.correction.swap(needed, Ordering::SeqCst);
        signs && (before - needed).abs() >= SKEW_CORRECTED
    }

    /// Finds out what every call needs: the project, and a token where one is used. Afterwards a create call leaves at once.
    ///
    /// # Errors
    /// What the look-ups give.
    pub async fn prepare(&self) -> Result<(), Error> {
        self.project_id().await?;
        if matches!(self.inner.options.credentials, Credentials::Password { .. }) {
            self.token().await?;
        }
        Ok(())
    }

    async fn send_once(&self, call: &Call<'_>) -> Result<Reply, Error> {
        let Some(pacer) = &self.inner.options.pacer else { return self.exchange(call).await };
        // A create call was let through before its intent was written down: it does not wait now.
        if call.signed_at.is_none() {
            pacer.admit(call.errand).await.map_err(Error::before_sending)?;
        }
        self.exchange(call).await
    }

    async fn exchange(&self, call: &Call<'_>) -> Result<Reply, Error> {
        let mut url = call.base.clone();
        url.set_path(&call.path);
        if !call.query.is_empty() {
            url.set_query(Some(&sign::query_string(&call.query)));
        }
        let mut request = self.inner.http.request(call.method.clone(), url);
        for (name, value, secret) in self.headers(call).await.map_err(Error::before_sending)? {
            let mut value = reqwest::header::HeaderValue::from_bytes(value.as_bytes()).map_err(|e| Error::Invalid(e.to_string()))?;
            value.set_sensitive(secret);
            request = request.header(name, value);
        }
        if let Some(body) = &call.body {
            request = request.body(body.clone());
        }
        self.receive(request.send().await).await
    }

    /// Headers with a mark on the secret ones.
    async fn headers(&self, call: &Call<'_>) -> Result<Vec<(&'static str, String, bool)>, Error> {
        // The SDK's spelling, lower-cased charset included.
        let content_type = if call.body.is_some() { "application/json;charset=utf-8" } else { "application/json" };
        let mut headers =
            vec![("Content-Type", content_type.to_owned(), false), ("X-Language", self.inner.options.language.clone(), false)];
        match &self.inner.options.credentials {
            Credentials::Password { .. } => {
                let token = self.token().await?;
                headers.push(("X-Auth-Token", token.expose_secret().to_owned(), true));
            }
            Credentials::Key { access, secret, security_token } => {
                headers.push((
                    "X-Sdk-Date",
                    sign::sdk_date(
                        call.signed_at.unwrap_or_else(|| (self.inner.options.clock)())
                            + chrono::Duration::seconds(self.inner.correction.load(Ordering::SeqCst)),
                    ),
                    false,
                ));
                headers.push(("Host", host(call.base), false));
                if let Some(project) = &call.project {
                    headers.push(("X-Project-Id", project.clone(), false));
                }
                if let Some(token) = security_token {
                    headers.push(("X-Security-Token", token.expose_secret().to_owned(), true));
                }
                let signed: Vec<_> = headers.iter().map(|(n, v, _)| ((*n).to_owned(), v.clone())).collect();
                let authorization = sign::authorization(
                    &sign::Signable {
                        method: call.method.as_str(),
                        path: &call.path,
                        query: &call.query,
                        headers: &signed,
                        body: call.body.as_deref().unwrap_or_default().as_bytes(),
                    },
                    access,
                    secret.expose_secret(),
                );
                headers.push(("Authorization", authorization, true));
            }
        }
        Ok(headers)
    }

    async fn receive(&self, sent: Result<reqwest::Response, reqwest::Error>) -> Result<Reply, Error> {
        let mut response = sent.map_err(|e| {
            let connecting = e.is_connect();
            let text = chain(&e.without_url());
            if connecting { Error::NotSent(text) } else { Error::Lost(text) }
        })?;
        let headers = response.headers().clone();
        self.note_skew(&headers);
        let status = response.status().as_u16();
        let request_id = text_header(&headers, "x-request-id").or_else(|| text_header(&headers, "x-iam-trace-id"));
        let mut body = Vec::new();
        loop {
            match response.chunk().await {
                Ok(None) => break,
                Ok(Some(chunk)) if body.len() + chunk.len() <= ANSWER_LIMIT => body.extend_from_slice(&chunk),
                Ok(Some(_)) => {
                    let answer = Answer { status, request_id, ..Answer::default() };
                    return Err(Error::Unreadable { reason: format!("longer than {ANSWER_LIMIT} bytes"), answer });
                }
                // The status is known but the rest was cut off: for 2xx the call was very likely done.
                Err(e) if (200..300).contains(&status) => return Err(Error::Lost(chain(&e.without_url()))),
                Err(_) => break,
            }
        }
        if (200..300).contains(&status) {
            let answer = Answer { status, request_id, ..Answer::default() };
            return Ok(Reply { headers, answer, body });
        }
        let retry_after = text_header(&headers, "retry-after").and_then(|t| self.wait_of(&t, &headers));
        Err(Error::from_answer(error::read(status, request_id, &body), retry_after))
    }

    /// `Retry-After` is a number of seconds or a date, which is one of the clock that wrote it.
    fn wait_of(&self, text: &str, headers: &HeaderMap) -> Option<Duration> {
        let text = text.trim();
        if let Ok(seconds) = text.parse::<i64>() {
            return Some(Duration::from_secs(u64::try_from(seconds).unwrap_or_default()));
        }
        let date = |text: &str| DateTime::parse_from_rfc2822(text).ok().map(|d| d.to_utc());
        let now = text_header(headers, "date").and_then(|d| date(&d)).unwrap_or_else(|| (self.inner.options.clock)());
        Some((date(text)? - now).to_std().unwrap_or_default())
    }

    fn note_skew(&self, headers: &HeaderMap) {
        let date = text_header(headers, "date").and_then(|d| DateTime::parse_from_rfc2822(&d).ok());
        if let Some(date) = date {
            let skew = (date.to_utc() - (self.inner.options.clock)()).num_seconds();
            *self.inner.skew.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(skew);
        }
    }

    async fn token(&self) -> Result<SecretString, Error> {
        self.fresh_token().await.map(|t| t.secret)
    }
}

impl Reply {
    pub(crate) fn json<T: DeserializeOwned>(mut self) -> Result<T, Error> {
        serde_json::from_slice(&self.body).map_err(|e| {
            self.answer.message = error::read(self.answer.status, None, &self.body).message;
            Error::Unreadable { reason: e.to_string(), answer: self.answer }
        })
    }
}

fn text_header(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name).and_then(|v| v.to_str().ok()).map(str::to_owned)
}

/// `host` or `host:port`, as hyper writes the `Host` header.
fn host(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

fn is_loopback(url: &Url) -> bool {
    match url.host_str() {
        Some("localhost") => true,
        Some(host) => host.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback()),
        None => false,
    }
}

fn base_url(text: &str) -> Result<Url, Error> {
    let text = text.trim().trim_end_matches('/');
    if text.contains('@') {
        // Not repeated: what stands before it may be a password.
        return Err(Error::Invalid("the endpoint must be a host without user or password".to_owned()));
    }
    let full = if text.contains("://") { text.to_owned() } else { format!("https://{text}") };
    let url: Url = full.parse().map_err(|e| Error::Invalid(format!("endpoint {text:?}: {e}")))?;
    let plain = url.host_str().is_some() && url.path() == "/" && url.query().is_none() && url.username().is_empty();
    match url.scheme() {
        "https" if plain && is_loopback(&url) && !text.contains("://") => {
            Err(Error::Invalid(format!("endpoint {text:?} is on this machine and says no scheme; write http://{text} or https://{text}")))
        }
        _ if !plain => Err(Error::Invalid(format!("endpoint {text:?} must be a host without path, query or user"))),
        "https" => Ok(url),
        "http" if is_loopback(&url) => Ok(url),
        "http" => Err(Error::Invalid(format!("endpoint {text:?} is plain HTTP; that is accepted for this machine's loopback only"))),
        other => Err(Error::Invalid(format!("endpoint {text:?}: {other:?} is not a scheme we speak"))),
    }
}

/// An error with its causes: reqwest's own sentence hides the interesting one.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_is_for_loopback_only() {
        for good in ["https://h.example", "h.example", "http://127.0.0.1:9/", "http://localhost:1", "http://[::1]:2"] {
            assert!(base_url(good).is_ok(), "{good}");
        }
        for bad in ["http://h.example", "http://10.0.0.1", "ftp://h", "https://h/p", "https://u@h", "https://h?q=1", ""] {
            assert!(base_url(bad).is_err(), "{bad}");
        }
    }
}
