//! Who is asking: AK/SK signatures and IAM tokens, checked as the cloud checks them, with its error bodies.
//!
//! The keys below open nothing but this simulator.

use crate::answers::{Answer, error};
use chrono::{DateTime, Duration, NaiveDateTime, Utc};
use patchboard_gaussdb::sign::{ALGORITHM, Signable, canonical_request, signature, string_to_sign};
use std::collections::BTreeMap;

/// Access key of the simulated account.
pub const ACCESS_KEY: &str = "SIMULATEDKEY00000001";
/// Its secret key.
pub const SECRET_KEY: &str = "simulated-secret-opens-nothing-else-0001";
/// A temporary access key (same secret key), valid with [`SECURITY_TOKEN`] only.
pub const TEMPORARY_KEY: &str = "SIMULATEDTEMPKEY0001";
/// Security token of the temporary key.
pub const SECURITY_TOKEN: &str = "simulated-security-token";
/// The project.
pub const PROJECT: &str = "0483b6b16e954cb88930a360d2c4e663";
/// Account (domain) name for the password call.
pub const DOMAIN: &str = "simulated-domain";
/// User name.
pub const USER: &str = "simulated-user";
/// Password.
pub const PASSWORD: &str = "simulated-password";

/// A request as far as authentication goes.
pub(crate) struct Incoming<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) query: &'a [(String, String)],
    pub(crate) headers: &'a [(String, String)],
    pub(crate) body: &'a [u8],
}

impl Incoming<'_> {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    }
}

/// Tokens given out, and failed checks in a row for each access key.
#[derive(Debug, Default)]
pub(crate) struct Accounts {
    tokens: BTreeMap<String, DateTime<Utc>>,
    failures: BTreeMap<String, (u32, DateTime<Utc>)>,
    given: u64,
}

impl Accounts {
    /// A new token, valid for 24 hours.
    pub(crate) fn give_token(&mut self, now: DateTime<Utc>) -> (String, DateTime<Utc>) {
        self.given += 1;
        let token = format!("simulated-token-{:06}", self.given);
        let expires = now + Duration::hours(24);
        self.tokens.insert(token.clone(), expires);
        (token, expires)
    }

    /// Forgets every token, as when a password was changed.
    pub(crate) fn revoke_tokens(&mut self) {
        self.tokens.clear();
    }

    /// Whether the request may pass.
    pub(crate) fn check(&mut self, request: &Incoming<'_>, now: DateTime<Utc>) -> Result<(), Answer> {
        if let Some(token) = request.header("x-auth-token") {
            return match self.tokens.get(token) {
                Some(expires) if *expires > now => Ok(()),
                Some(_) => Err(refused("APIGW.0307", "The token must be updated.")),
                None if token.starts_with("simulated-token-") => Err(refused("APIGW.0307", "The token must be updated.")),
                None => Err(refused("APIGW.0301", "Incorrect IAM authentication information: decrypt token fail")),
            };
        }
        let Some(authorization) = request.header("authorization") else {
            return Err(refused("APIGW.0301", "Incorrect IAM authentication information: AuthInfo is nil"));
        };
        let fields = parse(authorization).ok_or_else(|| refused("APIGW.0303", "Incorrect app authentication information"))?;
        let locked = self.failures.get(fields.access).is_some_and(|(n, at)| *n > 5 && now - *at < Duration::minutes(5));
        if locked {
            return Err(refused("APIGW.0301", "Incorrect IAM authentication information: AK access failed to reach the limit,forbidden"));
        }
        let result = check_signature(request, &fields, now);
        match &result {
            Ok(()) => drop(self.failures.remove(fields.access)),
            Err(_) => {
                let failures = self.failures.entry(fields.access.to_owned()).or_insert((0, now));
                *failures = (failures.0 + 1, now);
            }
        }
        result
    }
}

fn refused(code: &str, message: &str) -> Answer {
    error(401, code, message)
}

struct Fields<'a> {
    access: &'a str,
    signed: Vec<&'a str>,
    signature: &'a str,
}

fn parse(authorization: &str) -> Option<Fields<'_>> {
    let rest = authorization.strip_prefix(ALGORITHM)?.trim_start();
    let mut fields = rest.split(", ").filter_map(|part| part.split_once('='));
    let (_, access) = fields.next().filter(|(k, _)| *k == "Access")?;
    let (_, signed) = fields.next().filter(|(k, _)| *k == "SignedHeaders")?;
    let (_, signature) = fields.next().filter(|(k, _)| *k == "Signature")?;
    Some(Fields { access, signed: signed.split(';').collect(), signature })
}

fn check_signature(request: &Incoming<'_>, fields: &Fields<'_>, now: DateTime<Utc>) -> Result<(), Answer> {
    let wrong = |detail: &str| refused("APIGW.0301", &format!("Incorrect IAM authentication information: {detail}"));
    match fields.access {
        ACCESS_KEY => {}
        TEMPORARY_KEY if request.header("x-security-token") == Some(SECURITY_TOKEN) => {}
        other => return Err(wrong(&format!("Get secretKey failed,ak:{other},err:ak not exist"))),
    }
    let date =
        request.header("x-sdk-date").filter(|_| fields.signed.contains(&"x-sdk-date")).ok_or_else(|| wrong("x-sdk-date is not signed"))?;
    let signed_at = NaiveDateTime::parse_from_str(date, "%Y%m%dT%H%M%SZ").map_err(|_| wrong("x-sdk-date cannot be read"))?.and_utc();
    if (now - signed_at).abs() > Duration::minutes(15) {
        return Err(wrong("signature expired"));
    }
    let headers: Vec<_> = request.headers.iter().filter(|(n, _)| fields.signed.contains(&n.to_lowercase().as_str())).cloned().collect();
    let canonical = canonical_request(&Signable {
        method: request.method,
        path: request.path,
        query: request.query,
        headers: &headers,
        body: request.body,
    });
    if signature(&string_to_sign(&canonical, date), SECRET_KEY) == fields.signature {
        Ok(())
    } else {
        Err(wrong("verify aksk signature fail"))
    }
}
