//! An OpenID Connect provider on this machine, for demos and for tests: an honest one, or one that lies in a chosen way.

mod token;

use crate::server::{Clock, query};
use base64::{Engine, prelude::BASE64_STANDARD};
use bytes::Bytes;
use chrono::{DateTime, Duration, Utc};
use http_body_util::{BodyExt, Full};
use hyper::{Request, Response, body::Incoming as Body, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::{
    collections::BTreeMap,
    convert::Infallible,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use token::Keys;
use tokio::net::TcpListener;

/// What its one client is called.
pub const CLIENT_ID: &str = "patchboard";
/// The client's secret. It opens nothing but this provider.
pub const CLIENT_SECRET: &str = "simulated-client-secret";

/// Somebody who has an account at the provider.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Account {
    /// Theirs for ever.
    pub sub: String,
    /// `preferred_username`.
    pub name: String,
    /// `name`.
    pub full_name: String,
    /// `groups`.
    pub groups: Vec<String>,
}

/// How the provider lies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "each name says what is wrong")]
pub enum Lie {
    #[default]
    None,
    WrongAudience,
    OneMoreAudience,
    NoAudience,
    WrongAuthorizedParty,
    WrongIssuer,
    IssuerWithSlash,
    NoIssuer,
    Expired,
    NoExpiry,
    FromTheFuture,
    LongAgo,
    NotYetGood,
    AlgorithmNone,
    AlgorithmNoneInCapitals,
    HmacWithClientSecret,
    HmacWithPublicKey,
    UnknownKey,
    UnknownKeyOfSameName,
    KeyInHeader,
    KeyByAddress,
    ChangedAfterSigning,
    NoSignature,
    WrongNonce,
    NoNonce,
    NobodySigned,
    NoSubject,
    EmptySubject,
    AnotherAccessToken,
    NoIdToken,
    TokensAreNoJson,
    TokensWithoutEnd,
    TokensElsewhere,
    TokensRefused,
    OtherIssuerInMetadata,
    EndpointWithoutTls,
    KeysAreNoJson,
    OtherIssuerInAnswer,
    NoMetadata,
}

impl Lie {
    /// Every lie about a token or around it; nothing of it may ever sign somebody in.
    pub const ALL: [Self; 38] = [
        Self::WrongAudience,
        Self::OneMoreAudience,
        Self::NoAudience,
        Self::WrongAuthorizedParty,
        Self::WrongIssuer,
        Self::IssuerWithSlash,
        Self::NoIssuer,
        Self::Expired,
        Self::NoExpiry,
        Self::FromTheFuture,
        Self::LongAgo,
        Self::NotYetGood,
        Self::AlgorithmNone,
        Self::AlgorithmNoneInCapitals,
        Self::HmacWithClientSecret,
        Self::HmacWithPublicKey,
        Self::UnknownKey,
        Self::UnknownKeyOfSameName,
        Self::KeyInHeader,
        Self::KeyByAddress,
        Self::ChangedAfterSigning,
        Self::NoSignature,
        Self::WrongNonce,
        Self::NoNonce,
        Self::NobodySigned,
        Self::NoSubject,
        Self::EmptySubject,
        Self::AnotherAccessToken,
        Self::NoIdToken,
        Self::TokensAreNoJson,
        Self::TokensWithoutEnd,
        Self::TokensElsewhere,
        Self::TokensRefused,
        Self::OtherIssuerInMetadata,
        Self::EndpointWithoutTls,
        Self::KeysAreNoJson,
        Self::OtherIssuerInAnswer,
        Self::NoMetadata,
    ];
}

/// A code that was given out, until it is exchanged.
#[derive(Clone)]
struct Given {
    account: Account,
    nonce: Option<String>,
    challenge: String,
    redirect: String,
    /// When they signed in there: now, or some time ago.
    at: DateTime<Utc>,
}

struct State {
    accounts: Vec<Account>,
    codes: BTreeMap<String, Given>,
    made: u64,
    lie: Lie,
    acr: Option<String>,
    keys: Keys,
    /// Codes may be exchanged again and again.
    forgetful: bool,
    /// It never asks again, whatever it is asked to do.
    remembers: bool,
    /// Calls of the token endpoint.
    exchanged: usize,
}

/// A running provider. Dropping it leaves the server to the runtime that it was started on.
#[derive(Clone)]
pub struct IdentityProvider {
    state: Arc<Mutex<State>>,
    clock: Clock,
    address: SocketAddr,
}

impl IdentityProvider {
    /// Serves on `listener` until the runtime ends.
    ///
    /// # Errors
    /// When the listener has no local address, or no key can be made.
    pub fn start(accounts: Vec<Account>, clock: Clock, listener: TcpListener) -> std::io::Result<Self> {
        let address = listener.local_addr()?;
        let keys = Keys::new().map_err(std::io::Error::other)?;
        let state = State {
            accounts,
            codes: BTreeMap::new(),
            made: 0,
            lie: Lie::None,
            acr: None,
            keys,
            forgetful: false,
            remembers: false,
            exchanged: 0,
        };
        let provider = Self { state: Arc::new(Mutex::new(state)), clock, address };
        tokio::spawn(provider.clone().serve(listener));
        Ok(provider)
    }

    /// `http://127.0.0.1:port`.
    pub fn issuer(&self) -> String {
        format!("http://{}", self.address)
    }

    /// From now on it lies like this.
    pub fn lie(&self, lie: Lie) {
        self.lock().lie = lie;
    }

    /// From now on it says that people signed in in this way (`acr`).
    pub fn context(&self, acr: Option<&str>) {
        self.lock().acr = acr.map(str::to_owned);
    }

    /// From now on a code can be used again.
    pub fn forget_what_was_exchanged(&self) {
        self.lock().forgetful = true;
    }

    /// From now on it does not ask again who somebody is, even when it is asked to.
    pub fn remember_only(&self, remembers: bool) {
        self.lock().remembers = remembers;
    }

    /// New signing keys, as once in a while.
    ///
    /// # Errors
    /// When no key can be made.
    pub fn rotate(&self) -> std::io::Result<()> {
        let keys = Keys::new().map_err(std::io::Error::other)?;
        self.lock().keys = keys;
        Ok(())
    }

    /// Changes an account.
    pub fn change(&self, sub: &str, change: impl FnOnce(&mut Account)) {
        if let Some(account) = self.lock().accounts.iter_mut().find(|a| a.sub == sub) {
            change(account);
        }
    }

    /// How often somebody has asked for tokens.
    pub fn exchanged(&self) -> usize {
        self.lock().exchanged
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn serve(self, listener: TcpListener) {
        loop {
            let Ok((stream, _)) = listener.accept().await else { continue };
            let provider = self.clone();
            tokio::spawn(async move {
                let service = service_fn(move |request| {
                    let provider = provider.clone();
                    async move { Ok::<_, Infallible>(provider.answer(request).await) }
                });
                // An error here is a client that left.
                let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
            });
        }
    }

    async fn answer(&self, request: Request<Body>) -> Response<Full<Bytes>> {
        let (parts, body) = request.into_parts();
        let body = body.collect().await.map(|b| b.to_bytes()).unwrap_or_default();
        let asked: BTreeMap<String, String> = query(parts.uri.query().unwrap_or_default()).into_iter().collect();
        let basic = parts.headers.get("authorization").and_then(|v| v.to_str().ok()).unwrap_or_default();
        match (parts.method.as_str(), parts.uri.path()) {
            ("GET", "/.well-known/openid-configuration") => self.metadata(),
            ("GET", "/keys") => self.keys(),
            ("GET", "/authorize") => self.choose(parts.uri.query().unwrap_or_default(), &asked),
            ("GET", path) if path.starts_with("/authorize/as/") => self.give(path.trim_start_matches("/authorize/as/"), &asked),
            ("GET", "/authorize/no") => self.refuse(&asked),
            ("POST", "/token") => self.tokens(basic, &query(&String::from_utf8_lossy(&body)).into_iter().collect()),
            _ => http(404, "text/plain", "no such page"),
        }
    }

    fn metadata(&self) -> Response<Full<Bytes>> {
        let lie = self.lock().lie;
        let issuer = self.issuer();
        let said = match lie {
            Lie::OtherIssuerInMetadata => "https://accounts.elsewhere.example".to_owned(),
            _ => issuer.clone(),
        };
        let token = match lie {
            Lie::EndpointWithoutTls => "http://192.0.2.1/token".to_owned(),
            _ => format!("{issuer}/token"),
        };
        if lie == Lie::NoMetadata {
            return http(503, "text/plain", "down for maintenance");
        }
        json_answer(
            200,
            &json!({
                "issuer": said,
                "authorization_endpoint": format!("{issuer}/authorize"),
                "token_endpoint": token,
                "jwks_uri": format!("{issuer}/keys"),
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["ES256", "none", "HS256"],
                "authorization_response_iss_parameter_supported": true,
            }),
        )
    }

    fn keys(&self) -> Response<Full<Bytes>> {
        let state = self.lock();
        match state.lie {
            Lie::KeysAreNoJson => http(200, "application/json", "<html>It works!</html>"),
            _ => json_answer(200, &state.keys.public()),
        }
    }

    /// A page where somebody says who they are. There are no passwords: it is a sample.
    fn choose(&self, raw: &str, asked: &BTreeMap<String, String>) -> Response<Full<Bytes>> {
        if asked.get("client_id").map(String::as_str) != Some(CLIENT_ID) || asked.get("response_type").map(String::as_str) != Some("code") {
            return http(400, "text/plain", "unknown client or response type");
        }
        let raw = escaped(raw);
        let people: String = self
            .lock()
            .accounts
            .iter()
            .map(|a| {
                format!(
                    "<li><a href=\"/authorize/as/{}?{raw}\">{}</a> ({})</li>",
                    escaped(&a.sub),
                    escaped(&a.full_name),
                    a.groups.join(", ")
                )
            })
            .collect();
        let page = format!(
            "<!DOCTYPE html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\"><link rel=\"icon\" href=\"data:,\"><title>Simulated \
             identity provider</title><h1>Simulated identity provider</h1><p>Sign in to Patchboard as</p><ul>{people}</ul>\
             <p><a href=\"/authorize/no?{raw}\">Do not sign in</a></p></html>"
        );
        http(200, "text/html; charset=utf-8", &page)
    }

    fn give(&self, sub: &str, asked: &BTreeMap<String, String>) -> Response<Full<Bytes>> {
        let get = |name: &str| asked.get(name).cloned().unwrap_or_default();
        let mut state = self.lock();
        let Some(account) = state.accounts.iter().find(|a| a.sub == sub).cloned() else { return http(404, "text/plain", "nobody") };
        if get("code_challenge_method") != "S256" || get("code_challenge").len() < 43 || get("state").is_empty() {
            return http(400, "text/plain", "this provider wants PKCE with S256, and a state");
        }
        state.made += 1;
        let code = format!("code-{}", state.made);
        // Whoever is not asked again signed in this morning.
        let at = (self.clock)() - if asked.contains_key("max_age") && !state.remembers { Duration::zero() } else { Duration::hours(3) };
        let given =
            Given { account, nonce: asked.get("nonce").cloned(), challenge: get("code_challenge"), redirect: get("redirect_uri"), at };
        state.codes.insert(code.clone(), given);
        let issuer = if state.lie == Lie::OtherIssuerInAnswer { "https://accounts.elsewhere.example".to_owned() } else { self.issuer() };
        back(&get("redirect_uri"), &[("code", &code), ("state", &get("state")), ("iss", &issuer)])
    }

    fn refuse(&self, asked: &BTreeMap<String, String>) -> Response<Full<Bytes>> {
        let get = |name: &str| asked.get(name).cloned().unwrap_or_default();
        back(&get("redirect_uri"), &[("error", "access_denied"), ("state", &get("state")), ("iss", &self.issuer())])
    }

    fn tokens(&self, basic: &str, form: &BTreeMap<String, String>) -> Response<Full<Bytes>> {
        let now = (self.clock)();
        let get = |name: &str| form.get(name).cloned().unwrap_or_default();
        let mut state = self.lock();
        state.exchanged += 1;
        let client = basic.strip_prefix("Basic ").and_then(|b| BASE64_STANDARD.decode(b).ok()).unwrap_or_default();
        if client != format!("{CLIENT_ID}:{CLIENT_SECRET}").as_bytes() {
            return json_answer(401, &json!({ "error": "invalid_client" }));
        }
        let code = get("code");
        let given = if state.forgetful { state.codes.get(&code).cloned() } else { state.codes.remove(&code) };
        let challenge = token::base64(&Sha256::digest(get("code_verifier").as_bytes()));
        let given = given.filter(|g| g.challenge == challenge && g.redirect == get("redirect_uri"));
        let Some(given) = given.filter(|_| state.lie != Lie::TokensRefused) else {
            return json_answer(400, &json!({ "error": "invalid_grant", "error_description": format!("not {code}") }));
        };
        match state.lie {
            Lie::TokensAreNoJson => return http(200, "application/json", "<html>It works!</html>"),
            Lie::TokensWithoutEnd => return http(200, "application/json", &" ".repeat(2 * 1024 * 1024)),
            Lie::TokensElsewhere => return redirect("http://127.0.0.1:9/elsewhere"),
            _ => {}
        }
        let access = format!("access-{code}");
        let mut answer = json!({ "access_token": access, "token_type": "Bearer", "expires_in": 300 });
        if state.lie != Lie::NoIdToken {
            let claims = token::claims(&self.issuer(), &given, state.acr.as_deref(), &access, now, state.lie);
            answer["id_token"] = Value::String(state.keys.sign(&claims, state.lie));
        }
        json_answer(200, &answer)
    }
}

fn back(address: &str, fields: &[(&str, &str)]) -> Response<Full<Bytes>> {
    let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let pairs: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect();
    redirect(&format!("{address}?{}", pairs.join("&")))
}

fn redirect(to: &str) -> Response<Full<Bytes>> {
    Response::builder().status(302).header("location", to).body(Full::default()).unwrap_or_default()
}

fn json_answer(status: u16, value: &Value) -> Response<Full<Bytes>> {
    http(status, "application/json", &value.to_string())
}

fn http(status: u16, kind: &str, text: &str) -> Response<Full<Bytes>> {
    let response = Response::builder().status(status).header("content-type", kind).header("cache-control", "no-store");
    response.body(Full::new(Bytes::copy_from_slice(text.as_bytes()))).unwrap_or_default()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}
