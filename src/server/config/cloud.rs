//! Connections to clouds.

use super::{ConfigError, origin::Origins};
use patchboard_backend::{Cloud, CloudSettings, Secrets, clock::SystemClock};
use serde::Deserialize;
use std::{collections::BTreeMap, sync::Arc, time::Duration};

#[derive(Deserialize)]
pub(super) struct RawCloud {
    pub(super) name: String,
    pub(super) region: String,
    endpoint: String,
    iam_endpoint: String,
    project_id: String,
    access_key: String,
    secret_key_file: String,
    security_token_file: String,
    iam_domain: String,
    iam_user: String,
    iam_password_file: String,
    language: String,
    deadline_seconds: u64,
    calls_per_minute: u32,
}

/// One connection. `section` is where its keys stand.
pub(super) fn cloud(raw: RawCloud, section: &str, env: &BTreeMap<String, String>, origins: &Origins) -> Result<CloudSettings, ConfigError> {
    if !matches!(raw.language.as_str(), "en-us" | "zh-cn") {
        let key = format!("{section}.language");
        return Err(origins.wrong(&key, format!("{key} {:?} must be en-us or zh-cn", raw.language)));
    }
    let deadline = i64::try_from(raw.deadline_seconds).unwrap_or(i64::MAX);
    origins.within(&format!("{section}.deadline_seconds"), deadline, 600)?;
    let secrets = if raw.iam_user.is_empty() { key(&raw, section, env, origins)? } else { password(&raw, section, env, origins)? };
    let settings = CloudSettings {
        name: optional(&raw.name).unwrap_or_else(|| raw.region.clone()),
        region: raw.region,
        endpoint: optional(&raw.endpoint),
        iam_endpoint: optional(&raw.iam_endpoint),
        project_id: optional(&raw.project_id).or_else(|| variable(env, "HUAWEICLOUD_SDK_PROJECT_ID")),
        secrets,
        language: raw.language,
        deadline: Duration::from_secs(raw.deadline_seconds),
        calls_per_minute: (raw.calls_per_minute > 0).then(|| f64::from(raw.calls_per_minute)),
        pauses: [500, 2_000, 5_000].map(Duration::from_millis).to_vec(),
    };
    check_name(&settings.name, section, origins)?;
    check(&settings, section, origins)?;
    Ok(settings)
}

/// The name is a part of addresses: what could end or escape a part of one is refused here, and not when somebody follows a link.
fn check_name(name: &str, section: &str, origins: &Origins) -> Result<(), ConfigError> {
    if name.contains(crate::server::canonical::ends_a_segment) || name.trim() != name || matches!(name, "." | "..") {
        let text = format!("the connection {name:?} ({section}) needs a name without / \\ % ; ? # and without outer spaces");
        return Err(origins.wrong(section, text));
    }
    Ok(())
}

/// Makes the connection once, without a call: what stands against it is said with its key.
fn check(settings: &CloudSettings, section: &str, origins: &Origins) -> Result<(), ConfigError> {
    let Err(error) = Cloud::new(settings.clone(), Arc::new(SystemClock)) else { return Ok(()) };
    let said = error.to_string();
    let names = |value: &Option<String>| value.as_ref().is_some_and(|v| said.contains(&format!("{v:?}")));
    let key = match settings {
        CloudSettings { iam_endpoint, .. } if names(iam_endpoint) => "iam_endpoint",
        CloudSettings { endpoint: Some(_), .. } => "endpoint",
        _ => "region",
    };
    let key = format!("{section}.{key}");
    Err(origins.wrong(&key, format!("{key}: {said}")))
}

fn optional(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

fn variable(env: &BTreeMap<String, String>, name: &str) -> Option<String> {
    env.get(name).filter(|v| !v.is_empty()).cloned()
}

/// An access key with its secret.
fn key(raw: &RawCloud, section: &str, env: &BTreeMap<String, String>, origins: &Origins) -> Result<Secrets, ConfigError> {
    let access_key = format!("{section}.access_key");
    let file = |key: &str, path: &str| origins.secret_file(&format!("{section}.{key}"), path);
    let access = optional(&raw.access_key).or_else(|| variable(env, "HUAWEICLOUD_SDK_AK"));
    let secret = file("secret_key_file", &raw.secret_key_file)?.or_else(|| variable(env, "HUAWEICLOUD_SDK_SK"));
    let (Some(access), Some(secret)) = (access, secret) else {
        let variables = if section == "cloud" { "HUAWEICLOUD_SDK_AK and HUAWEICLOUD_SDK_SK, or " } else { "" };
        let text = format!(
            "no credentials for {section}.region: set {variables}{access_key} with {section}.secret_key_file, or {section}.iam_user"
        );
        return Err(origins.wrong(&format!("{section}.region"), text));
    };
    // They travel in a header: a line break that came along when they were copied is the usual mistake.
    for (name, value) in [("access key", &access), ("secret key", &secret)] {
        if !value.bytes().all(|b| b.is_ascii_graphic()) {
            let text = format!("the {name} of [{section}] holds a space, a line break or another character that no key has; copy it again");
            return Err(origins.wrong(&access_key, text));
        }
    }
    let security_token = file("security_token_file", &raw.security_token_file)?.or_else(|| variable(env, "HUAWEICLOUD_SDK_SECURITY_TOKEN"));
    Ok(Secrets::Key { access, secret, security_token })
}

/// An IAM user with a password.
fn password(raw: &RawCloud, section: &str, env: &BTreeMap<String, String>, origins: &Origins) -> Result<Secrets, ConfigError> {
    let file = format!("{section}.iam_password_file");
    let user = format!("{section}.iam_user");
    let password = origins.secret_file(&file, &raw.iam_password_file)?.or_else(|| variable(env, "PATCHBOARD_IAM_PASSWORD"));
    let password = password.ok_or_else(|| {
        let other = if section == "cloud" { " or PATCHBOARD_IAM_PASSWORD" } else { "" };
        origins.wrong(&user, format!("no password for {user}: set {file}{other}"))
    })?;
    if raw.iam_domain.is_empty() {
        return Err(origins.wrong(&user, format!("{user} needs {section}.iam_domain, the name of the account")));
    }
    Ok(Secrets::Password { domain: raw.iam_domain.clone(), user: raw.iam_user.clone(), password })
}
