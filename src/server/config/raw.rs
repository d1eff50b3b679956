//! Settings as they are written, before anything is made of them.

use super::{
    LogFormat,
    cloud::RawCloud,
    sign_in::{RawOidc, RawSession},
};
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Deserialize)]
pub(super) struct Raw {
    pub(super) server: RawServer,
    pub(super) store: RawStore,
    pub(super) cloud: RawCloud,
    #[serde(default)]
    pub(super) clouds: BTreeMap<String, RawCloud>,
    pub(super) session: RawSession,
    pub(super) oidc: RawOidc,
    pub(super) review: RawReview,
    pub(super) policy: RawPolicy,
    pub(super) sync: RawSync,
    pub(super) log: RawLog,
    #[serde(default)]
    pub(super) freeze: Vec<RawFreeze>,
}

#[derive(Deserialize)]
pub(super) struct RawServer {
    pub(super) listen: String,
    pub(super) public_url: String,
    pub(super) proxies: String,
    pub(super) zone: String,
    pub(super) key_file: String,
    pub(super) max_connections: i64,
    pub(super) stop_seconds: i64,
}

#[derive(Deserialize)]
pub(super) struct RawStore {
    pub(super) url: String,
    pub(super) lease_seconds: i64,
}

#[derive(Deserialize)]
pub(super) struct RawReview {
    pub(super) required: bool,
    pub(super) approvals: usize,
    pub(super) four_eyes: bool,
    pub(super) urgent_minutes: i64,
    pub(super) rule: Vec<RawRule>,
}

#[derive(Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RawRule {
    pub(super) tag: String,
    pub(super) instances: usize,
    pub(super) custom_patch: bool,
    pub(super) within_minutes: i64,
    pub(super) approvals: usize,
}

impl Default for RawRule {
    fn default() -> Self {
        Self { tag: String::new(), instances: 0, custom_patch: false, within_minutes: 0, approvals: 2 }
    }
}

#[derive(Deserialize)]
pub(super) struct RawPolicy {
    pub(super) lead_minutes: i64,
    pub(super) settle_seconds: i64,
    pub(super) max_instances_per_request: usize,
    pub(super) production: Vec<String>,
}

#[derive(Deserialize)]
pub(super) struct RawSync {
    pub(super) every_seconds: u64,
    pub(super) candidates_minutes: i64,
    pub(super) candidate_calls: usize,
    pub(super) sends_at_once: usize,
}

#[derive(Deserialize)]
pub(super) struct RawLog {
    pub(super) format: LogFormat,
    pub(super) level: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawFreeze {
    pub(super) name: String,
    pub(super) from: String,
    pub(super) to: String,
}
