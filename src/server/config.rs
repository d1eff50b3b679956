//! Settings: defaults, then a TOML file, then the environment. The only place that reads the environment.

mod cloud;
mod sign_in;

use self::{
    cloud::{RawCloud, cloud},
    sign_in::{RawOidc, RawSession},
};
use super::Front;
use chrono::{DateTime, Utc};
use patchboard_backend::{CloudSettings, Policy, SingleSignOn, zones};
use patchboard_domain::{
    review::{ApprovalRule, ReviewPolicy},
    schedule::Freeze,
};
use serde::Deserialize;
use std::{
    collections::BTreeMap,
    fmt,
    net::SocketAddr,
    path::{Path, PathBuf},
};
use toml::{Table, Value};

/// The documented defaults, printed by `patchboard config`.
pub const DEFAULTS: &str = include_str!("config.default.toml");

/// Where the settings of a command come from.
#[derive(clap::Args)]
pub(super) struct ConfigArgs {
    /// TOML file with settings; see `patchboard config`
    #[arg(long, value_name = "FILE", global = true)]
    pub(super) config: Option<PathBuf>,
}

/// What is wrong with the settings, in a sentence that says what to do.
#[derive(Debug, PartialEq, Eq)]
pub struct ConfigError(pub String);

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ConfigError {}

/// How logs are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// For machines.
    Json,
}

#[derive(Deserialize)]
struct Raw {
    server: RawServer,
    store: RawStore,
    cloud: RawCloud,
    #[serde(default)]
    clouds: BTreeMap<String, RawCloud>,
    session: RawSession,
    oidc: RawOidc,
    review: RawReview,
    policy: RawPolicy,
    sync: RawSync,
    log: RawLog,
    #[serde(default)]
    freeze: Vec<RawFreeze>,
}

#[derive(Deserialize)]
struct RawServer {
    listen: String,
    public_url: String,
    proxies: String,
    zone: String,
    key_file: String,
}

#[derive(Deserialize)]
struct RawStore {
    url: String,
    lease_seconds: i64,
}

#[derive(Deserialize)]
struct RawReview {
    required: bool,
    approvals: usize,
    four_eyes: bool,
    urgent_minutes: i64,
    rule: Vec<RawRule>,
}

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct RawRule {
    tag: String,
    instances: usize,
    custom_patch: bool,
    within_minutes: i64,
    approvals: usize,
}

impl Default for RawRule {
    fn default() -> Self {
        Self { tag: String::new(), instances: 0, custom_patch: false, within_minutes: 0, approvals: 2 }
    }
}

#[derive(Deserialize)]
struct RawPolicy {
    lead_minutes: i64,
    settle_seconds: i64,
    max_instances_per_request: usize,
}

#[derive(Deserialize)]
struct RawSync {
    every_seconds: u64,
    candidates_minutes: i64,
    candidate_calls: usize,
    sends_at_once: usize,
}

#[derive(Deserialize)]
struct RawLog {
    format: LogFormat,
    level: String,
}

#[derive(Deserialize)]
struct RawFreeze {
    name: String,
    from: String,
    to: String,
}

/// The settings of a server.
#[derive(Clone, Debug)]
pub struct Config {
    /// Address to listen on.
    pub listen: SocketAddr,
    /// How the server faces those who ask.
    pub front: Front,
    /// Database.
    pub store_url: String,
    /// Key of what is sealed in the database; nothing: beside the database.
    pub key_file: Option<PathBuf>,
    /// The connections: that of `[cloud]` when it has a region, then those of `[clouds.NAME]` by name.
    pub clouds: Vec<CloudSettings>,
    /// What was decided.
    pub policy: Policy,
    /// A provider that vouches for people.
    pub sso: Option<SingleSignOn>,
    /// How logs are written.
    pub log_format: LogFormat,
    /// What is logged.
    pub log_level: String,
}

/// The environment of this process.
pub fn environment() -> BTreeMap<String, String> {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
    std::env::vars().collect()
}

/// Reads the settings.
///
/// # Errors
/// A sentence that names the key and says what to do.
pub fn load(file: Option<&Path>, env: &BTreeMap<String, String>) -> Result<Config, ConfigError> {
    let mut table: Table = DEFAULTS.parse().map_err(|e| ConfigError(format!("the defaults cannot be read: {e}")))?;
    let known = table.clone();
    if let Some(path) = file {
        let text = std::fs::read_to_string(path).map_err(|e| ConfigError(format!("{} cannot be read: {e}", path.display())))?;
        let own: Table = text.parse().map_err(|e| ConfigError(format!("{} is not TOML: {e}", path.display())))?;
        merge(&mut table, own, &known)?;
    }
    for (name, value) in env.iter().filter_map(|(k, v)| Some((k.strip_prefix("PATCHBOARD__")?, v))) {
        from_environment(&mut table, name, value, &known)?;
    }
    let raw: Raw = table.try_into().map_err(|e: toml::de::Error| ConfigError(format!("a setting has the wrong type: {}", e.message())))?;
    build(raw, env)
}

fn merge(table: &mut Table, own: Table, known: &Table) -> Result<(), ConfigError> {
    for (section, value) in own {
        if section == "freeze" {
            table.insert(section, value);
            continue;
        }
        if section == "clouds" {
            table.insert(section, named_clouds(value, known)?);
            continue;
        }
        let Some(Value::Table(keys)) = known.get(&section) else { return Err(unknown(&section, known.keys().map(String::as_str))) };
        let Value::Table(value) = value else { return Err(ConfigError(format!("[{section}] is a section, not a value"))) };
        for (key, value) in value {
            if !keys.contains_key(&key) {
                return Err(unknown(&format!("{section}.{key}"), keys.keys().map(String::as_str)));
            }
            if let Some(Value::Table(target)) = table.get_mut(&section) {
                target.insert(key, value);
            }
        }
    }
    Ok(())
}

/// `[clouds.NAME]`: each has the keys of `[cloud]`, with the same defaults.
fn named_clouds(value: Value, known: &Table) -> Result<Value, ConfigError> {
    let Some(Value::Table(defaults)) = known.get("cloud") else { return Ok(value) };
    let Value::Table(named) = value else { return Err(ConfigError("write [clouds.NAME], one section for each connection".to_owned())) };
    let mut out = Table::new();
    for (name, keys) in named {
        let Value::Table(keys) = keys else { return Err(ConfigError(format!("[clouds.{name}] is a section, not a value"))) };
        let mut cloud = defaults.clone();
        for (key, value) in keys {
            if key == "name" {
                return Err(ConfigError(format!("[clouds.{name}] has its name already: take clouds.{name}.name out")));
            }
            if !defaults.contains_key(&key) {
                return Err(unknown(&format!("clouds.{name}.{key}"), defaults.keys().map(String::as_str)));
            }
            cloud.insert(key, value);
        }
        cloud.insert("name".to_owned(), Value::String(name.clone()));
        out.insert(name, Value::Table(cloud));
    }
    Ok(Value::Table(out))
}

fn from_environment(table: &mut Table, name: &str, value: &str, known: &Table) -> Result<(), ConfigError> {
    let lower = name.to_lowercase();
    let (section, key) =
        lower.split_once("__").ok_or_else(|| ConfigError(format!("PATCHBOARD__{name} names no key: write PATCHBOARD__SECTION__KEY")))?;
    let Some(Value::Table(keys)) = known.get(section) else { return Err(unknown(section, known.keys().map(String::as_str))) };
    let typed = match keys.get(key) {
        None => return Err(unknown(&format!("{section}.{key}"), keys.keys().map(String::as_str))),
        Some(Value::Integer(_)) => Value::Integer(
            value.trim().parse().map_err(|_| ConfigError(format!("PATCHBOARD__{name} must be a whole number, not {value:?}")))?,
        ),
        Some(Value::Boolean(_)) => Value::Boolean(
            value.trim().parse().map_err(|_| ConfigError(format!("PATCHBOARD__{name} must be true or false, not {value:?}")))?,
        ),
        Some(Value::Array(_)) => return Err(ConfigError(format!("{section}.{key} is a list: write it into the settings file"))),
        Some(_) => Value::String(value.to_owned()),
    };
    if let Some(Value::Table(target)) = table.get_mut(section) {
        target.insert(key.to_owned(), typed);
    }
    Ok(())
}

/// A whole number that makes sense.
fn within(name: &str, n: i64, most: i64) -> Result<(), ConfigError> {
    if (1..=most).contains(&n) { Ok(()) } else { Err(ConfigError(format!("{name} must be at least 1 and at most {most}, not {n}"))) }
}

fn unknown<'a>(given: &str, known: impl Iterator<Item = &'a str>) -> ConfigError {
    let last = given.rsplit('.').next().unwrap_or(given);
    let nearest = known.max_by(|a, b| strsim::jaro_winkler(a, last).total_cmp(&strsim::jaro_winkler(b, last))).unwrap_or_default();
    ConfigError(format!("there is no setting {given:?}; did you mean {nearest:?}? `patchboard config` lists all"))
}

fn build(raw: Raw, env: &BTreeMap<String, String>) -> Result<Config, ConfigError> {
    let listen: SocketAddr = raw
        .server
        .listen
        .parse()
        .map_err(|_| ConfigError(format!("server.listen {:?} is not ADDRESS:PORT, for example 127.0.0.1:3000", raw.server.listen)))?;
    let front = front(&raw.server, listen)?;
    if zones::find(&raw.server.zone).is_none() {
        return Err(ConfigError(format!("server.zone {:?} is no time zone; write an IANA name such as Asia/Shanghai", raw.server.zone)));
    }
    let whole = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
    within("policy.lead_minutes", raw.policy.lead_minutes, 7 * 24 * 60)?;
    within("policy.settle_seconds", raw.policy.settle_seconds, 24 * 3600)?;
    within("policy.max_instances_per_request", whole(raw.policy.max_instances_per_request), 1_000)?;
    within("sync.candidates_minutes", raw.sync.candidates_minutes, 24 * 60)?;
    within("sync.candidate_calls", whole(raw.sync.candidate_calls), 64)?;
    within("sync.sends_at_once", whole(raw.sync.sends_at_once), 64)?;
    within("store.lease_seconds", raw.store.lease_seconds, 300)?;
    if has_password(&raw.store.url) && !env.contains_key("PATCHBOARD__STORE__URL") {
        return Err(ConfigError(
            "store.url holds a password, and a settings file is no place for one: write postgres://USER@HOST/DATABASE, and set PGPASSWORD \
             or PGPASSFILE, or the whole URL as PATCHBOARD__STORE__URL"
                .to_owned(),
        ));
    }
    within("sync.every_seconds", i64::try_from(raw.sync.every_seconds).unwrap_or(i64::MAX), 24 * 3600)?;
    if tracing_subscriber::EnvFilter::try_new(&raw.log.level).is_err() {
        return Err(ConfigError(format!("log.level {:?} is no filter; write error, warn, info or debug", raw.log.level)));
    }
    let mut policy = Policy {
        lead_minutes: raw.policy.lead_minutes,
        settle_seconds: raw.policy.settle_seconds,
        max_instances_per_request: raw.policy.max_instances_per_request,
        default_zone: raw.server.zone,
        freezes: raw.freeze.into_iter().map(freeze).collect::<Result<_, _>>()?,
        sync_seconds: raw.sync.every_seconds,
        candidates_minutes: raw.sync.candidates_minutes,
        candidate_calls: raw.sync.candidate_calls,
        sends_at_once: raw.sync.sends_at_once,
        lease_seconds: raw.store.lease_seconds,
        review: review(raw.review)?,
        ..Policy::default()
    };
    sign_in::session(&raw.session, &mut policy)?;
    let mut clouds = Vec::new();
    if !raw.cloud.region.is_empty() {
        clouds.push(cloud(raw.cloud, "cloud", env)?);
    }
    for (name, named) in raw.clouds {
        if named.region.is_empty() {
            return Err(ConfigError(format!("clouds.{name}.region is missing: write a region id, for example ap-southeast-1")));
        }
        // The SDK's variables name one account: they are those of [cloud] alone.
        clouds.push(cloud(named, &format!("clouds.{name}"), &BTreeMap::new())?);
    }
    if let Some(twice) = clouds.iter().enumerate().find(|(n, c)| clouds[..*n].iter().any(|other| other.name == c.name)) {
        return Err(ConfigError(format!("two connections are called {:?}: set cloud.name, or name the section otherwise", twice.1.name)));
    }
    let sso = sign_in::sso(raw.oidc, env)?;
    let key_file = (!raw.server.key_file.is_empty()).then(|| raw.server.key_file.into());
    Ok(Config {
        listen,
        front,
        store_url: raw.store.url,
        key_file,
        clouds,
        policy,
        sso,
        log_format: raw.log.format,
        log_level: raw.log.level,
    })
}

/// Listening for other machines needs TLS in front: passwords and sessions must not travel in the clear.
fn front(raw: &RawServer, listen: SocketAddr) -> Result<Front, ConfigError> {
    let url = raw.public_url.trim().trim_end_matches('/');
    let host = match url.strip_prefix("https://") {
        Some(host) if !host.is_empty() && !host.contains(['/', '?', '#', '@']) => Some(host.to_owned()),
        _ if url.is_empty() => None,
        _ => {
            return Err(ConfigError(format!(
                "server.public_url {url:?} must be https://HOST without a path, for example https://patch.example.com"
            )));
        }
    };
    if host.is_none() && !listen.ip().is_loopback() {
        return Err(ConfigError(format!(
            "server.listen {listen} can be reached from other machines, and without TLS passwords and sessions would travel in the \
             clear. Put a proxy with TLS in front, listen on 127.0.0.1 behind it, and set server.public_url to its https:// address; or \
             reach 127.0.0.1 through an SSH tunnel"
        )));
    }
    let proxies = raw.proxies.split(',').map(str::trim).filter(|p| !p.is_empty());
    let proxies = proxies
        .map(|p| p.parse().map_err(|_| ConfigError(format!("server.proxies: {p:?} is not an address such as 127.0.0.1"))))
        .collect::<Result<_, _>>()?;
    Ok(Front { secure: host.is_some(), hosts: host.into_iter().collect(), proxies, ..Front::default() })
}

fn review(raw: RawReview) -> Result<ReviewPolicy, ConfigError> {
    if raw.required && raw.approvals == 0 {
        return Err(ConfigError(
            "review.approvals must be at least 1; a team that works without review says so with review.required = false".to_owned(),
        ));
    }
    if raw.urgent_minutes != 0 {
        within("review.urgent_minutes", raw.urgent_minutes, 30 * 24 * 60)?;
    }
    let mut rules = Vec::new();
    for rule in raw.rule {
        if !rule.tag.is_empty() && !rule.tag.contains('=') {
            return Err(ConfigError(format!("review.rule: tag {:?} must be key=value, for example env=prod", rule.tag)));
        }
        if rule.approvals == 0 {
            return Err(ConfigError("review.rule: approvals must be at least 1".to_owned()));
        }
        if rule.within_minutes != 0 {
            within("review.rule: within_minutes", rule.within_minutes, 90 * 24 * 60)?;
        }
        let RawRule { tag, instances, custom_patch, within_minutes, approvals } = rule;
        rules.push(ApprovalRule { tag, instances, custom_patch, within_minutes, approvals });
    }
    Ok(ReviewPolicy {
        required: raw.required,
        approvals: raw.approvals,
        four_eyes: raw.four_eyes,
        urgent_minutes: raw.urgent_minutes,
        rules,
    })
}

fn freeze(raw: RawFreeze) -> Result<Freeze, ConfigError> {
    let at = |name: &str, text: &str| -> Result<DateTime<Utc>, ConfigError> {
        text.parse()
            .map_err(|_| ConfigError(format!("freeze {:?}: {name} {text:?} is not a time; write it as 2026-11-10T16:00:00Z", raw.name)))
    };
    let freeze = Freeze { from: at("from", &raw.from)?, to: at("to", &raw.to)?, name: raw.name.clone() };
    if freeze.from < freeze.to { Ok(freeze) } else { Err(ConfigError(format!("freeze {:?} ends before it begins", freeze.name))) }
}

fn has_password(url: &str) -> bool {
    let place = url.split_once("://").map_or("", |(_, rest)| rest);
    let has = |user: &str| user.contains(':');
    place.split('/').next().and_then(|authority| authority.rsplit_once('@')).is_some_and(|(user, _)| has(user)) || url.contains("password=")
}

/// The secret in a file, without its final line break. A file that others can read is refused.
pub(super) fn secret_file(path: &str) -> Result<Option<String>, ConfigError> {
    if path.is_empty() {
        return Ok(None);
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(path).map_err(|e| ConfigError(format!("{path} cannot be read: {e}")))?.permissions().mode();
        if mode & 0o077 != 0 {
            return Err(ConfigError(format!("{path} can be read by others (mode {:o}); run `chmod 600 {path}`", mode & 0o777)));
        }
    }
    let text = std::fs::read_to_string(path).map_err(|e| ConfigError(format!("{path} cannot be read: {e}")))?;
    let secret = text.trim_end_matches(['\n', '\r']);
    if secret.is_empty() { Err(ConfigError(format!("{path} is empty; it must hold the secret"))) } else { Ok(Some(secret.to_owned())) }
}

#[cfg(test)]
mod tests;
