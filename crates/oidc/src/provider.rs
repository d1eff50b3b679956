//! One provider: what it says of itself, the way there, and what is believed of what comes back.

use crate::{
    Error, Flow,
    error::chain,
    http::{self, CallError, Caller},
};
use chrono::{DateTime, Duration, Utc};
use openidconnect::{
    AccessTokenHash, AdditionalClaims, AuthType, AuthenticationContextClass, AuthenticationFlow, AuthorizationCode,
    ClaimsVerificationError, Client, ClientId, ClientSecret, CsrfToken, EmptyExtraTokenFields, EndpointNotSet, EndpointSet, IdTokenFields,
    IssuerUrl, Nonce, OAuth2TokenResponse, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, RequestTokenError, Scope,
    SignatureVerificationError, StandardErrorResponse, StandardTokenResponse, TokenResponse, TokenUrl,
    core::{
        CoreAuthDisplay, CoreAuthPrompt, CoreClientAuthMethod, CoreErrorResponseType, CoreGenderClaim, CoreJsonWebKey,
        CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm, CoreProviderMetadata, CoreResponseType, CoreRevocableToken,
        CoreRevocationErrorResponse, CoreTokenIntrospectionResponse, CoreTokenType,
    },
};
use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::{fmt, net::IpAddr, sync::Arc};
use tokio::sync::Mutex;

/// Only what nobody can sign who merely verifies: a secret or a public key never counts as a key for HMAC.
const ALGORITHMS: [CoreJwsSigningAlgorithm; 8] = [
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha384,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha512,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::RsaSsaPssSha384,
    CoreJwsSigningAlgorithm::RsaSsaPssSha512,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EcdsaP384Sha384,
];

/// What a provider says of itself is asked for again after so many minutes.
const KNOWN_MINUTES: i64 = 10;

/// Keys that did not fit are asked for again, but not more often than so many seconds.
const KEYS_SECONDS: i64 = 30;

/// An ID token is good for a sign-in when it was made at most so many minutes ago.
const TOKEN_MINUTES: i64 = 10;

/// Clocks of two machines may differ by so many seconds.
const SKEW_SECONDS: i64 = 60;

/// One provider, as the people who run this have set it.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `https://HOST/PATH`, as the provider writes it; plain HTTP on this machine's loopback only.
    pub issuer: String,
    /// What we are called there.
    pub client_id: String,
    /// What proves it; nothing for a public client.
    pub client_secret: Option<SecretString>,
    /// What is asked for beside `openid`.
    pub scopes: Vec<String>,
    /// Claim of the ID token that lists groups.
    pub groups_claim: String,
    /// One of these authentication contexts (`acr`) must have been used; empty: any.
    pub contexts: Vec<String>,
}

/// What comes back to us in the address of the browser.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    /// To be exchanged for tokens.
    pub code: String,
    /// Who says so (RFC 9207), where they say.
    pub issuer: Option<String>,
}

/// Who somebody is, according to the provider. Issuer and subject together are the identity; everything else may change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// The provider.
    pub issuer: String,
    /// Theirs there, for ever.
    pub subject: String,
    /// What they are called there; may be empty, and may be another person's tomorrow.
    pub name: String,
    /// What others read; may be empty.
    pub full_name: String,
    /// Groups.
    pub groups: Vec<String>,
    /// When they showed the provider who they are, where it says.
    pub authenticated_at: Option<DateTime<Utc>>,
}

/// The claims that OpenID Connect does not name.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
struct More {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    nbf: Option<i64>,
    #[serde(flatten)]
    other: Map<String, Value>,
}

impl AdditionalClaims for More {}

type Fields = IdTokenFields<More, EmptyExtraTokenFields, CoreGenderClaim, CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm>;
type Tokens = StandardTokenResponse<Fields, CoreTokenType>;
type Party = Client<
    More,
    CoreAuthDisplay,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJsonWebKey,
    CoreAuthPrompt,
    StandardErrorResponse<CoreErrorResponseType>,
    Tokens,
    CoreTokenIntrospectionResponse,
    CoreRevocableToken,
    CoreRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointSet,
    EndpointNotSet,
>;

/// A provider with what it last said of itself. Cheap to clone.
#[derive(Clone)]
pub struct Provider {
    inner: Arc<Inner>,
}

impl fmt::Debug for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Provider({})", self.inner.settings.issuer)
    }
}

struct Inner {
    settings: Settings,
    issuer: IssuerUrl,
    http: Caller,
    known: Mutex<Option<(DateTime<Utc>, Arc<Party>)>>,
}

impl Provider {
    /// Takes its settings; nothing is called yet.
    ///
    /// # Errors
    /// [`Error::Settings`].
    pub fn new(settings: Settings) -> Result<Self, Error> {
        let issuer = IssuerUrl::new(settings.issuer.clone())
            .map_err(|e| Error::Settings(format!("{:?} is no address of a provider: {e}", settings.issuer)))?;
        if !is_guarded(issuer.url()) {
            return Err(Error::Settings(format!("the provider {:?} must be reached by https://", settings.issuer)));
        }
        let http = http::caller().map_err(Error::Settings)?;
        Ok(Self { inner: Arc::new(Inner { settings, issuer, http, known: Mutex::default() }) })
    }

    /// Where the browser goes, for this flow; it comes back to `redirect`. `again`: the provider is asked to make sure that it is
    /// them now, whatever it remembers.
    ///
    /// # Errors
    /// [`Error::Unreachable`], [`Error::Settings`] when `redirect` is no address.
    pub async fn begin(&self, flow: &Flow, redirect: &str, again: bool, now: DateTime<Utc>) -> Result<String, Error> {
        let party = self.party(now, Duration::minutes(KNOWN_MINUTES)).await?;
        let party = (*party).clone().set_redirect_uri(redirect_url(redirect)?);
        let challenge = PkceCodeChallenge::from_code_verifier_sha256(&PkceCodeVerifier::new(flow.verifier.clone()));
        let (state, nonce) = (flow.state.clone(), flow.nonce.clone());
        let mut request = party
            .authorize_url(
                AuthenticationFlow::<CoreResponseType>::AuthorizationCode,
                move || CsrfToken::new(state),
                move || Nonce::new(nonce),
            )
            .set_pkce_challenge(challenge);
        for scope in &self.inner.settings.scopes {
            request = request.add_scope(Scope::new(scope.clone()));
        }
        for context in &self.inner.settings.contexts {
            request = request.add_auth_context_value(AuthenticationContextClass::new(context.clone()));
        }
        if again {
            // Core 1.0, 3.1.2.1: then `auth_time` must be in the token.
            request = request.add_prompt(CoreAuthPrompt::Login).set_max_age(std::time::Duration::ZERO);
        }
        Ok(request.url().0.to_string())
    }

    /// Exchanges the code and says who it is. Whether `state` was this browser's is for the caller to compare, before.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn finish(&self, flow: &Flow, answer: &Answer, redirect: &str, now: DateTime<Utc>) -> Result<Person, Error> {
        if answer.issuer.as_ref().is_some_and(|issuer| *issuer != self.inner.settings.issuer) {
            return Err(Error::Untrusted("it comes from another issuer than the one that was asked".to_owned()));
        }
        let party = self.party(now, Duration::minutes(KNOWN_MINUTES)).await?;
        let tokens = (*party)
            .clone()
            .set_redirect_uri(redirect_url(redirect)?)
            .exchange_code(AuthorizationCode::new(answer.code.clone()))
            .set_pkce_verifier(PkceCodeVerifier::new(flow.verifier.clone()))
            .request_async(&self.inner.http)
            .await
            .map_err(not_exchanged)?;
        match self.read(&party, &tokens, flow, now) {
            // It may have new keys since.
            Err(Refused::NoSuchKey) => {
                let party = self.party(now, Duration::seconds(KEYS_SECONDS)).await?;
                self.read(&party, &tokens, flow, now).map_err(Refused::into_error)
            }
            other => other.map_err(Refused::into_error),
        }
    }

    /// What the provider says of itself, not older than `age`.
    async fn party(&self, now: DateTime<Utc>, age: Duration) -> Result<Arc<Party>, Error> {
        let mut known = self.inner.known.lock().await;
        if let Some((at, party)) = known.as_ref()
            // One that lies ahead was read before the clock was set back.
            && *at <= now
            && now - *at < age
        {
            return Ok(party.clone());
        }
        let party = Arc::new(self.discover().await?);
        *known = Some((now, party.clone()));
        Ok(party)
    }

    async fn discover(&self) -> Result<Party, Error> {
        let Inner { settings, issuer, http, .. } = &*self.inner;
        let unreachable = |text: &str| Error::Unreachable(text.to_owned());
        // The library compares the issuer in the answer with the one that was asked.
        let said = CoreProviderMetadata::discover_async(issuer.clone(), http).await.map_err(|e| Error::Unreachable(chain(&e)))?;
        let token_url: TokenUrl = said.token_endpoint().cloned().ok_or_else(|| unreachable("it names no token endpoint"))?;
        let addresses = [said.authorization_endpoint().url(), token_url.url(), said.jwks_uri().url()];
        if !addresses.into_iter().all(|address| is_guarded(address) && (address.scheme() == "https" || is_loopback(issuer.url()))) {
            return Err(unreachable("it names an endpoint without TLS"));
        }
        let methods = said.token_endpoint_auth_methods_supported().cloned().unwrap_or_default();
        let by_body =
            methods.contains(&CoreClientAuthMethod::ClientSecretPost) && !methods.contains(&CoreClientAuthMethod::ClientSecretBasic);
        let mut party = Client::new(ClientId::new(settings.client_id.clone()), issuer.clone(), said.jwks().clone())
            .set_auth_type(if by_body { AuthType::RequestBody } else { AuthType::BasicAuth })
            .set_auth_uri(said.authorization_endpoint().clone())
            .set_token_uri(token_url);
        if let Some(secret) = &settings.client_secret {
            party = party.set_client_secret(ClientSecret::new(secret.expose_secret().to_owned()));
        }
        Ok(party)
    }

    /// Believes an ID token, or says why not.
    fn read(&self, party: &Party, tokens: &Tokens, flow: &Flow, now: DateTime<Utc>) -> Result<Person, Refused> {
        let settings = &self.inner.settings;
        let untrusted = |text: &str| Refused::Because(text.to_owned());
        let id_token = tokens.id_token().ok_or_else(|| untrusted("there is no ID token in it"))?;
        let contexts = settings.contexts.clone();
        let verifier = party
            .id_token_verifier()
            .set_allowed_algs(ALGORITHMS)
            .set_time_fn(move || now - Duration::seconds(SKEW_SECONDS))
            .set_issue_time_verifier_fn(move |at| {
                let age = now - at;
                let fits = age >= -Duration::seconds(SKEW_SECONDS) && age <= Duration::minutes(TOKEN_MINUTES);
                if fits { Ok(()) } else { Err(format!("it was made at {at}, and it is {now}")) }
            })
            .set_auth_context_verifier_fn(move |context| {
                let fits = contexts.is_empty() || context.is_some_and(|c| contexts.iter().any(|wanted| *wanted == **c));
                if fits { Ok(()) } else { Err(format!("somebody must sign in there by one of {}", contexts.join(", "))) }
            });
        let claims = id_token.claims(&verifier, &Nonce::new(flow.nonce.clone())).map_err(|e| match e {
            ClaimsVerificationError::SignatureVerification(
                SignatureVerificationError::NoMatchingKey | SignatureVerificationError::CryptoError(_),
            ) => Refused::NoSuchKey,
            other => Refused::Because(chain(&other)),
        })?;
        // The library leaves these to us.
        if claims.authorized_party().is_some_and(|azp| **azp != settings.client_id) {
            return Err(untrusted("it was made for another client (azp)"));
        }
        let more = claims.additional_claims();
        if more.nbf.is_some_and(|nbf| nbf > (now + Duration::seconds(SKEW_SECONDS)).timestamp()) {
            return Err(untrusted("it is not good yet (nbf)"));
        }
        if let Some(wanted) = claims.access_token_hash() {
            let alg = id_token.signing_alg().map_err(|e| Refused::Because(chain(&e)))?;
            let key = id_token.signing_key(&verifier).map_err(|e| Refused::Because(chain(&e)))?;
            let is = AccessTokenHash::from_token(tokens.access_token(), alg, key).map_err(|e| Refused::Because(chain(&e)))?;
            if is != *wanted {
                return Err(untrusted("the access token beside it is another one (at_hash)"));
            }
        }
        let subject = claims.subject().to_string();
        // Core 1.0, 2: at most 255 ASCII characters.
        if subject.trim().is_empty() || subject.len() > 255 || !subject.is_ascii() {
            return Err(untrusted("it names nobody (sub)"));
        }
        let full_name = claims.name().and_then(|n| n.get(None)).map(|n| n.to_string()).unwrap_or_default();
        Ok(Person {
            issuer: settings.issuer.clone(),
            subject,
            name: claims.preferred_username().map(|n| n.to_string()).unwrap_or_default(),
            full_name,
            authenticated_at: claims.auth_time(),
            groups: groups(more.other.get(&settings.groups_claim)),
        })
    }
}

/// Why an ID token is not believed.
enum Refused {
    /// No key that we know has signed it: keys change.
    NoSuchKey,
    Because(String),
}

impl Refused {
    fn into_error(self) -> Error {
        match self {
            Self::NoSuchKey => Error::Untrusted("no key of the provider has signed it".to_owned()),
            Self::Because(text) => Error::Untrusted(text),
        }
    }
}

/// A list of words, or one word.
fn groups(claim: Option<&Value>) -> Vec<String> {
    match claim {
        Some(Value::Array(all)) => all.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        Some(Value::String(one)) => vec![one.clone()],
        _ => Vec::new(),
    }
}

fn redirect_url(text: &str) -> Result<RedirectUrl, Error> {
    RedirectUrl::new(text.to_owned()).map_err(|e| Error::Settings(format!("{text:?} is no address to come back to: {e}")))
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Nobody on the way can read or change it.
fn is_guarded(url: &Url) -> bool {
    url.scheme() == "https" || (url.scheme() == "http" && is_loopback(url))
}

/// The provider did not give tokens for the code. Its own words are not repeated: they may hold what it was sent.
fn not_exchanged(error: RequestTokenError<CallError, StandardErrorResponse<CoreErrorResponseType>>) -> Error {
    match error {
        RequestTokenError::ServerResponse(said) => Error::Untrusted(format!("it refused the code: {}", said.error().as_ref())),
        RequestTokenError::Request(error) => Error::Unreachable(error.to_string()),
        RequestTokenError::Parse(error, _) => Error::Untrusted(format!("its tokens cannot be read: {}", error.path())),
        RequestTokenError::Other(text) => Error::Untrusted(text),
    }
}
