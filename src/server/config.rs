//! Settings: defaults, then a TOML file, then the environment. The only place that reads the environment.

mod cloud;
mod origin;
mod raw;
mod read;
mod sign_in;

use self::{
    cloud::cloud,
    origin::Origins,
    raw::{Raw, RawFreeze, RawReview, RawRule, RawServer},
};
use super::{ConnectionLimits, Front};
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
    net::{SocketAddr, ToSocketAddrs},
    path::{Path, PathBuf},
    time::Duration,
};

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

/// The settings of a server.
#[derive(Clone, Debug)]
pub struct Config {
    /// Address to listen on.
    pub listen: SocketAddr,
    /// How the server faces those who ask.
    pub front: Front,
    /// Connections at once, and the time of a stop.
    pub limits: ConnectionLimits,
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

/// Settings whose keys and types are right. A command builds what it needs of them, and is not asked for the rest: whoever makes a
/// copy of the database has no keys of clouds.
pub struct Settings {
    raw: Raw,
    origins: Origins,
    env: BTreeMap<String, String>,
}

/// Reads the settings of a command that needs a part of them.
///
/// # Errors
/// A sentence that names the key, where it is set, and what it takes.
pub fn read(file: Option<&Path>, env: &BTreeMap<String, String>) -> Result<Settings, ConfigError> {
    let (raw, origins) = read::read(file, env)?;
    Ok(Settings { raw, origins, env: env.clone() })
}

/// Reads the settings of a server: all of them.
///
/// # Errors
/// A sentence that names the key and says what to do.
pub fn load(file: Option<&Path>, env: &BTreeMap<String, String>) -> Result<Config, ConfigError> {
    read(file, env)?.build()
}

impl Settings {
    /// Where the database is.
    ///
    /// # Errors
    /// That a password stands in a file.
    pub fn store_url(&self) -> Result<&str, ConfigError> {
        let url = self.raw.store.url.as_str();
        if has_password(url) && !self.env.contains_key("PATCHBOARD__STORE__URL") {
            return Err(self.origins.wrong(
                "store.url",
                "store.url holds a password, and a settings file is no place for one: write postgres://USER@HOST/DATABASE, and set \
                 PGPASSWORD or PGPASSFILE, or the whole URL as PATCHBOARD__STORE__URL",
            ));
        }
        Ok(url)
    }

    fn build(self) -> Result<Config, ConfigError> {
        let store_url = self.store_url()?.to_owned();
        let Self { raw, origins, env } = self;
        let server = &raw.server;
        let listen = address(&server.listen).map_err(|e| origins.wrong("server.listen", format!("server.listen {e}")))?;
        let front = front(server, listen, &origins)?;
        if tracing_subscriber::EnvFilter::try_new(&raw.log.level).is_err() {
            return Err(origins.wrong("log.level", format!("log.level {:?} is no filter; write error, warn, info or debug", raw.log.level)));
        }
        let policy = policy(&raw, &origins)?;
        let key_file = (!server.key_file.is_empty()).then(|| server.key_file.clone().into());
        let (log_format, log_level) = (raw.log.format, raw.log.level.clone());
        let sso = sign_in::sso(raw.oidc, &env, &origins)?;
        let mut clouds = Vec::new();
        if !raw.cloud.region.is_empty() {
            clouds.push(cloud(raw.cloud, "cloud", &env, &origins)?);
        }
        for (name, named) in raw.clouds {
            let section = format!("clouds.{name}");
            if named.region.is_empty() {
                let text = format!("{section}.region is missing: write a region id, for example ap-southeast-1");
                return Err(origins.wrong(&format!("{section}.region"), text));
            }
            // The SDK's variables name one account: they are those of [cloud] alone.
            clouds.push(cloud(named, &section, &BTreeMap::new(), &origins)?);
        }
        if let Some(twice) = clouds.iter().enumerate().find(|(n, c)| clouds[..*n].iter().any(|other| other.name == c.name)) {
            let text = format!("two connections are called {:?}: set cloud.name, or name the section otherwise", twice.1.name);
            return Err(origins.wrong(&format!("clouds.{}", twice.1.name), text));
        }
        let limits = ConnectionLimits {
            most: usize::try_from(raw.server.max_connections).unwrap_or(1),
            stop: Duration::from_secs(raw.server.stop_seconds.unsigned_abs()),
        };
        Ok(Config { listen, front, limits, store_url, key_file, clouds, policy, sso, log_format, log_level })
    }
}

/// What people have decided.
fn policy(raw: &Raw, origins: &Origins) -> Result<Policy, ConfigError> {
    let zone = &raw.server.zone;
    if zones::find(zone).is_none() {
        let text = format!("server.zone {zone:?} is no time zone; write an IANA name such as Asia/Shanghai");
        return Err(origins.wrong("server.zone", text));
    }
    numbers(raw, origins)?;
    let freezes = raw.freeze.iter().enumerate().map(|(n, raw)| freeze(raw, &format!("freeze[{n}]"), origins)).collect::<Result<_, _>>()?;
    let mut policy = Policy {
        lead_minutes: raw.policy.lead_minutes,
        settle_seconds: raw.policy.settle_seconds,
        max_instances_per_request: raw.policy.max_instances_per_request,
        default_zone: zone.clone(),
        freezes,
        sync_seconds: raw.sync.every_seconds,
        candidates_minutes: raw.sync.candidates_minutes,
        candidate_calls: raw.sync.candidate_calls,
        sends_at_once: raw.sync.sends_at_once,
        lease_seconds: raw.store.lease_seconds,
        review: review(&raw.review, origins)?,
        production: production(&raw.policy.production, origins)?,
        ..Policy::default()
    };
    sign_in::session(&raw.session, &mut policy, origins)?;
    Ok(policy)
}

/// Numbers that make sense.
fn numbers(raw: &Raw, origins: &Origins) -> Result<(), ConfigError> {
    let whole = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
    let every = i64::try_from(raw.sync.every_seconds).unwrap_or(i64::MAX);
    for (key, n, most) in [
        ("policy.lead_minutes", raw.policy.lead_minutes, 7 * 24 * 60),
        ("policy.settle_seconds", raw.policy.settle_seconds, 24 * 3600),
        ("policy.max_instances_per_request", whole(raw.policy.max_instances_per_request), 1_000),
        ("sync.every_seconds", every, 24 * 3600),
        ("sync.candidates_minutes", raw.sync.candidates_minutes, 24 * 60),
        ("sync.candidate_calls", whole(raw.sync.candidate_calls), 64),
        ("sync.sends_at_once", whole(raw.sync.sends_at_once), 64),
        ("store.lease_seconds", raw.store.lease_seconds, 300),
        ("server.max_connections", raw.server.max_connections, 100_000),
        ("server.stop_seconds", raw.server.stop_seconds, 3_600),
    ] {
        origins.within(key, n, most)?;
    }
    Ok(())
}

/// The address of `ADDRESS:PORT` or `NAME:PORT`. Where a name has several, one that other machines can reach stands for it, so that
/// such a name is refused like the address.
///
/// # Errors
/// What is wrong with it, without the key.
pub(super) fn address(text: &str) -> Result<SocketAddr, String> {
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    let example = "write ADDRESS:PORT, or NAME:PORT with a name of this machine, for example 127.0.0.1:3000 or localhost:3000";
    let found: Vec<SocketAddr> = text.to_socket_addrs().map_err(|e| format!("{text:?} cannot be listened on ({e}); {example}"))?.collect();
    let reachable = found.iter().find(|a| !a.ip().is_loopback());
    let chosen = reachable.or_else(|| found.iter().find(|a| a.is_ipv4())).or(found.first());
    chosen.copied().ok_or_else(|| format!("{text:?} has no address; {example}"))
}

/// Listening for other machines needs TLS in front: passwords and sessions must not travel in the clear.
fn front(raw: &RawServer, listen: SocketAddr, origins: &Origins) -> Result<Front, ConfigError> {
    let url = raw.public_url.trim().trim_end_matches('/');
    let host = match url.strip_prefix("https://") {
        Some(host) if !host.is_empty() && !host.contains(['/', '?', '#', '@']) => Some(host.to_owned()),
        _ if url.is_empty() => None,
        _ => {
            let text = format!("server.public_url {url:?} must be https://HOST without a path, for example https://patch.example.com");
            return Err(origins.wrong("server.public_url", text));
        }
    };
    if host.is_none() && !listen.ip().is_loopback() {
        let at = if raw.listen == listen.to_string() { raw.listen.clone() } else { format!("{} ({listen})", raw.listen) };
        let text = format!(
            "server.listen {at} can be reached from other machines, and without TLS passwords and sessions would travel in the \
             clear. Put a proxy with TLS in front, listen on 127.0.0.1 behind it, and set server.public_url to its https:// address; or \
             reach 127.0.0.1 through an SSH tunnel"
        );
        return Err(origins.wrong("server.listen", text));
    }
    let proxies = raw.proxies.split(',').map(str::trim).filter(|p| !p.is_empty());
    let proxies = proxies
        .map(|p| {
            p.parse().map_err(|_| origins.wrong("server.proxies", format!("server.proxies: {p:?} is not an address such as 127.0.0.1")))
        })
        .collect::<Result<_, _>>()?;
    Ok(Front { secure: host.is_some(), hosts: host.into_iter().collect(), proxies, ..Front::default() })
}

fn review(raw: &RawReview, origins: &Origins) -> Result<ReviewPolicy, ConfigError> {
    if raw.required && raw.approvals == 0 {
        let text = "review.approvals must be at least 1; a team that works without review says so with review.required = false";
        return Err(origins.wrong("review.approvals", text));
    }
    if raw.urgent_minutes != 0 {
        origins.within("review.urgent_minutes", raw.urgent_minutes, 30 * 24 * 60)?;
    }
    let rules = raw.rule.iter().enumerate().map(|(n, raw)| rule(raw, &format!("review.rule[{n}]"), origins)).collect::<Result<_, _>>()?;
    Ok(ReviewPolicy {
        required: raw.required,
        approvals: raw.approvals,
        four_eyes: raw.four_eyes,
        urgent_minutes: raw.urgent_minutes,
        rules,
    })
}

fn production(tags: &[String], origins: &Origins) -> Result<Vec<String>, ConfigError> {
    match tags.iter().find(|tag| !is_tag(tag)) {
        Some(tag) => Err(origins.wrong("policy.production", format!("policy.production {tag:?} must be key=value, for example env=prod"))),
        None => Ok(tags.to_vec()),
    }
}

fn is_tag(text: &str) -> bool {
    text.split_once('=').is_some_and(|(key, value)| !key.is_empty() && !value.is_empty())
}

fn rule(raw: &RawRule, key: &str, origins: &Origins) -> Result<ApprovalRule, ConfigError> {
    if !raw.tag.is_empty() && !is_tag(&raw.tag) {
        let text = format!("{key}.tag {:?} must be key=value, for example env=prod", raw.tag);
        return Err(origins.wrong(&format!("{key}.tag"), text));
    }
    if raw.approvals == 0 {
        return Err(origins.wrong(&format!("{key}.approvals"), format!("{key}.approvals must be at least 1")));
    }
    if raw.within_minutes != 0 {
        origins.within(&format!("{key}.within_minutes"), raw.within_minutes, 90 * 24 * 60)?;
    }
    let RawRule { tag, instances, custom_patch, within_minutes, approvals } = raw.clone();
    Ok(ApprovalRule { tag, instances, custom_patch, within_minutes, approvals })
}

fn freeze(raw: &RawFreeze, key: &str, origins: &Origins) -> Result<Freeze, ConfigError> {
    let at = |name: &str, text: &str| -> Result<DateTime<Utc>, ConfigError> {
        text.parse().map_err(|_| {
            let name = format!("{key}.{name}");
            origins.wrong(&name, format!("freeze {:?}: {name} {text:?} is not a time; write it as 2026-11-10T16:00:00Z", raw.name))
        })
    };
    let freeze = Freeze { from: at("from", &raw.from)?, to: at("to", &raw.to)?, name: raw.name.clone() };
    if freeze.from < freeze.to {
        Ok(freeze)
    } else {
        Err(origins.wrong(key, format!("{key}: freeze {:?} ends before it begins", freeze.name)))
    }
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
