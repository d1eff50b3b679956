//! Connections to clouds.

use super::{ConfigError, secret_file, within};
use patchboard_backend::{CloudSettings, Secrets};
use serde::Deserialize;
use std::{collections::BTreeMap, time::Duration};

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
pub(super) fn cloud(raw: RawCloud, section: &str, env: &BTreeMap<String, String>) -> Result<CloudSettings, ConfigError> {
    let optional = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let var = |name: &str| env.get(name).filter(|v| !v.is_empty()).cloned();
    if !matches!(raw.language.as_str(), "en-us" | "zh-cn") {
        return Err(ConfigError(format!("{section}.language {:?} must be en-us or zh-cn", raw.language)));
    }
    within(&format!("{section}.deadline_seconds"), i64::try_from(raw.deadline_seconds).unwrap_or(i64::MAX), 600)?;
    let secrets = if raw.iam_user.is_empty() {
        let access = optional(&raw.access_key).or_else(|| var("HUAWEICLOUD_SDK_AK"));
        let secret = secret_file(&raw.secret_key_file)?.or_else(|| var("HUAWEICLOUD_SDK_SK"));
        let (Some(access), Some(secret)) = (access, secret) else {
            let variables = if section == "cloud" { "HUAWEICLOUD_SDK_AK and HUAWEICLOUD_SDK_SK, or " } else { "" };
            return Err(ConfigError(format!(
                "no credentials: set {variables}{section}.access_key with {section}.secret_key_file, or {section}.iam_user"
            )));
        };
        // They travel in a header: a line break that came along when they were copied is the usual mistake.
        for (name, value) in [("access key", &access), ("secret key", &secret)] {
            if !value.bytes().all(|b| b.is_ascii_graphic()) {
                return Err(ConfigError(format!(
                    "the {name} of [{section}] holds a space, a line break or another character that no key has; copy it again"
                )));
            }
        }
        let security_token = secret_file(&raw.security_token_file)?.or_else(|| var("HUAWEICLOUD_SDK_SECURITY_TOKEN"));
        Secrets::Key { access, secret, security_token }
    } else {
        let password = secret_file(&raw.iam_password_file)?.or_else(|| var("PATCHBOARD_IAM_PASSWORD")).ok_or_else(|| {
            let variable = if section == "cloud" { " or PATCHBOARD_IAM_PASSWORD" } else { "" };
            ConfigError(format!("no password for {section}.iam_user: set {section}.iam_password_file{variable}"))
        })?;
        if raw.iam_domain.is_empty() {
            return Err(ConfigError(format!("{section}.iam_user needs {section}.iam_domain, the name of the account")));
        }
        Secrets::Password { domain: raw.iam_domain, user: raw.iam_user, password }
    };
    Ok(CloudSettings {
        name: optional(&raw.name).unwrap_or_else(|| raw.region.clone()),
        region: raw.region,
        endpoint: optional(&raw.endpoint),
        iam_endpoint: optional(&raw.iam_endpoint),
        project_id: optional(&raw.project_id).or_else(|| var("HUAWEICLOUD_SDK_PROJECT_ID")),
        secrets,
        language: raw.language,
        deadline: Duration::from_secs(raw.deadline_seconds),
        calls_per_minute: (raw.calls_per_minute > 0).then(|| f64::from(raw.calls_per_minute)),
        pauses: [500, 2_000, 5_000].map(Duration::from_millis).to_vec(),
    })
}
