//! Sessions, second factors, single sign-on.

use super::{ConfigError, origin::Origins};
use patchboard_backend::{Policy, Provider, ProviderSettings, SingleSignOn};
use patchboard_domain::account::Role;
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Deserialize)]
pub(super) struct RawSession {
    idle_minutes: i64,
    hours: i64,
    confirm_minutes: i64,
    second_factor: Vec<String>,
}

#[derive(Deserialize)]
pub(super) struct RawOidc {
    issuer: String,
    label: String,
    client_id: String,
    client_secret_file: String,
    scopes: String,
    groups_claim: String,
    contexts: Vec<String>,
    viewers: Vec<String>,
    operators: Vec<String>,
    approvers: Vec<String>,
    administrators: Vec<String>,
}

/// Puts what was decided about sessions into the policy.
pub(super) fn session(raw: &RawSession, policy: &mut Policy, origins: &Origins) -> Result<(), ConfigError> {
    origins.within("session.idle_minutes", raw.idle_minutes, 30 * 24 * 60)?;
    origins.within("session.hours", raw.hours, 30 * 24)?;
    if raw.confirm_minutes != 0 {
        origins.within("session.confirm_minutes", raw.confirm_minutes, 24 * 60)?;
    }
    policy.session_idle_minutes = raw.idle_minutes;
    policy.session_minutes = raw.hours * 60;
    policy.confirm_minutes = raw.confirm_minutes;
    policy.factor_roles = raw.second_factor.iter().enumerate().map(|(n, word)| role(n, word, origins)).collect::<Result<_, _>>()?;
    Ok(())
}

fn role(n: usize, word: &str, origins: &Origins) -> Result<Role, ConfigError> {
    Role::from_word(word).ok_or_else(|| {
        let text = format!("session.second_factor: {word:?} is no role; a role is one of {}", Role::ALL.map(Role::word).join(", "));
        origins.wrong(&format!("session.second_factor[{n}]"), text)
    })
}

/// The provider, where one is set.
pub(super) fn sso(raw: RawOidc, env: &BTreeMap<String, String>, origins: &Origins) -> Result<Option<SingleSignOn>, ConfigError> {
    if raw.issuer.is_empty() {
        return Ok(None);
    }
    if raw.client_id.is_empty() {
        return Err(origins.wrong("oidc.issuer", "oidc.client_id is missing: what Patchboard is called at the provider"));
    }
    let mut groups = Vec::new();
    let lists = [
        (&raw.viewers, Role::Viewer),
        (&raw.operators, Role::Operator),
        (&raw.approvers, Role::Approver),
        (&raw.administrators, Role::Administrator),
    ];
    for (list, role) in lists {
        groups.extend(list.iter().map(|group| (group.clone(), role)));
    }
    if groups.is_empty() {
        return Err(origins.wrong(
            "oidc.issuer",
            "oidc: no group gives a role, so nobody could come in; set oidc.viewers, operators, approvers or administrators",
        ));
    }
    let secret = origins
        .secret_file("oidc.client_secret_file", &raw.client_secret_file)?
        .or_else(|| env.get("PATCHBOARD_OIDC_CLIENT_SECRET").filter(|v| !v.is_empty()).cloned());
    let settings = ProviderSettings {
        issuer: raw.issuer,
        client_id: raw.client_id,
        client_secret: secret.map(Into::into),
        scopes: raw.scopes.split_whitespace().map(str::to_owned).collect(),
        groups_claim: raw.groups_claim,
        contexts: raw.contexts,
    };
    let provider = Provider::new(settings).map_err(|e| origins.wrong("oidc.issuer", format!("oidc: {e}")))?;
    Ok(Some(SingleSignOn { provider, label: raw.label, groups }))
}
