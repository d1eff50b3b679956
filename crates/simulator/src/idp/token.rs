//! ID tokens: made, signed, and spoiled.

use super::{CLIENT_ID, CLIENT_SECRET, Given, Lie};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use chrono::{DateTime, Duration, Utc};
use hmac::{Hmac, KeyInit, Mac};
use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair},
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

pub(super) fn base64(bytes: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

/// The key that the provider shows, and one that it does not.
pub(super) struct Keys {
    name: String,
    shown: EcdsaKeyPair,
    hidden: EcdsaKeyPair,
    random: SystemRandom,
}

impl Keys {
    pub(super) fn new() -> Result<Self, String> {
        let random = SystemRandom::new();
        let pair = || {
            let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).map_err(|e| e.to_string())?;
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref(), &random).map_err(|e| e.to_string())
        };
        let (shown, hidden) = (pair()?, pair()?);
        let name = base64(&Sha256::digest(shown.public_key().as_ref())[..6]);
        Ok(Self { name, shown, hidden, random })
    }

    /// The key set, as the provider shows it.
    pub(super) fn public(&self) -> Value {
        json!({ "keys": [jwk(&self.shown, &self.name)] })
    }

    /// A signed token, or whatever the lie makes of it.
    pub(super) fn sign(&self, claims: &Value, lie: Lie) -> String {
        let mut header = json!({ "alg": "ES256", "typ": "JWT", "kid": self.name });
        match lie {
            Lie::AlgorithmNone => header["alg"] = json!("none"),
            Lie::AlgorithmNoneInCapitals => header["alg"] = json!("NONE"),
            Lie::HmacWithClientSecret | Lie::HmacWithPublicKey => header["alg"] = json!("HS256"),
            Lie::UnknownKey => header["kid"] = json!("another"),
            Lie::KeyInHeader => header["jwk"] = jwk(&self.hidden, &self.name),
            Lie::KeyByAddress => {
                header["jku"] = json!("https://accounts.elsewhere.example/keys");
                header["x5u"] = json!("https://accounts.elsewhere.example/certificate");
            }
            _ => {}
        }
        let text = format!("{}.{}", base64(header.to_string().as_bytes()), base64(claims.to_string().as_bytes()));
        let signature = match lie {
            Lie::AlgorithmNone | Lie::AlgorithmNoneInCapitals | Lie::NoSignature => Vec::new(),
            Lie::HmacWithClientSecret => hmac(CLIENT_SECRET.as_bytes(), &text),
            Lie::HmacWithPublicKey => hmac(self.shown.public_key().as_ref(), &text),
            Lie::UnknownKey | Lie::UnknownKeyOfSameName | Lie::KeyInHeader | Lie::KeyByAddress => self.ecdsa(&self.hidden, &text),
            Lie::NobodySigned => vec![0; 64],
            _ => self.ecdsa(&self.shown, &text),
        };
        let mut text = text;
        if lie == Lie::ChangedAfterSigning {
            let mut changed = claims.clone();
            changed["sub"] = json!("root");
            text = format!("{}.{}", base64(header.to_string().as_bytes()), base64(changed.to_string().as_bytes()));
        }
        format!("{text}.{}", base64(&signature))
    }

    fn ecdsa(&self, key: &EcdsaKeyPair, text: &str) -> Vec<u8> {
        key.sign(&self.random, text.as_bytes()).map(|s| s.as_ref().to_vec()).unwrap_or_default()
    }
}

fn jwk(key: &EcdsaKeyPair, name: &str) -> Value {
    // Uncompressed point: 0x04, x, y (SEC 1, 2.3.3).
    let point = key.public_key().as_ref();
    json!({ "kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": name, "x": base64(&point[1..33]), "y": base64(&point[33..65]) })
}

fn hmac(key: &[u8], text: &str) -> Vec<u8> {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return Vec::new() };
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

/// The claims of somebody, or whatever the lie makes of them.
pub(super) fn claims(issuer: &str, given: &Given, acr: Option<&str>, access: &str, now: DateTime<Utc>, lie: Lie) -> Value {
    let account = &given.account;
    let at = |minutes: i64| (now + Duration::minutes(minutes)).timestamp();
    let hash = |text: &str| base64(&Sha256::digest(text.as_bytes())[..16]);
    let mut claims = json!({
        "iss": issuer,
        "sub": account.sub,
        "aud": CLIENT_ID,
        "azp": CLIENT_ID,
        "iat": at(0),
        "exp": at(5),
        "nbf": at(0),
        "auth_time": given.at.timestamp(),
        "at_hash": hash(access),
        "preferred_username": account.name,
        "name": account.full_name,
        "email": format!("{}@example.com", account.name),
        "groups": account.groups,
    });
    let mut set = |name: &str, value: Value| claims[name] = value;
    if let Some(nonce) = &given.nonce {
        set("nonce", json!(nonce));
    }
    if let Some(acr) = acr {
        set("acr", json!(acr));
    }
    match lie {
        Lie::WrongAudience => set("aud", json!("another-client")),
        Lie::OneMoreAudience => set("aud", json!([CLIENT_ID, "another-client"])),
        Lie::WrongAuthorizedParty => set("azp", json!("another-client")),
        Lie::WrongIssuer => set("iss", json!("https://accounts.elsewhere.example")),
        Lie::IssuerWithSlash => set("iss", json!(format!("{issuer}/"))),
        Lie::Expired => set("exp", json!(at(-2))),
        Lie::FromTheFuture => set("iat", json!(at(2))),
        Lie::LongAgo => set("iat", json!(at(-60))),
        Lie::NotYetGood => set("nbf", json!(at(2))),
        Lie::WrongNonce => set("nonce", json!("another")),
        Lie::EmptySubject => set("sub", json!("")),
        Lie::AnotherAccessToken => set("at_hash", json!(hash("another"))),
        _ => {}
    }
    let missing = match lie {
        Lie::NoAudience => "aud",
        Lie::NoIssuer => "iss",
        Lie::NoExpiry => "exp",
        Lie::NoNonce => "nonce",
        Lie::NoSubject => "sub",
        _ => return claims,
    };
    if let Some(all) = claims.as_object_mut() {
        all.remove(missing);
    }
    claims
}
