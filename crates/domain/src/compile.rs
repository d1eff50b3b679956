//! Compiles a plan to the exact bytes that will be sent.
//!
//! One request is one cloud, one engine version, one start time, one `target_version` string and at most
//! `max_instances` instances (the console's limit is 30; the API states none). The same input always gives the same bytes.

use crate::{
    id::InstanceId,
    time,
    version::{EngineVersion, PatchVersion, join},
};
use chrono::{DateTime, FixedOffset, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// One compiled POST to `schedule-task`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Request {
    /// Engine version all its instances run.
    pub engine: EngineVersion,
    /// Hot patches, ascending.
    pub patches: Vec<PatchVersion>,
    /// Its instances, in body order.
    pub instances: Vec<InstanceId>,
    /// The JSON body, as it will be sent.
    pub body: String,
    /// Lower-case hexadecimal SHA-256 of the body.
    pub hash: String,
}

/// The JSON of one POST. Fields in this order are the bytes that leave.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Body {
    pub(crate) instance_ids: Vec<String>,
    start_time: String,
    upgrade_type: String,
    upgrade_action: String,
    target_version: String,
}

impl Body {
    fn new(instances: &[InstanceId], start_time: &str, target_version: &str) -> Self {
        Self {
            instance_ids: instances.iter().map(ToString::to_string).collect(),
            start_time: start_time.to_owned(),
            upgrade_type: "hotfix".to_owned(),
            upgrade_action: "upgradeAutoCommit".to_owned(),
            target_version: target_version.to_owned(),
        }
    }

    /// Reads a body; nothing when it has other fields.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// The bytes that leave.
    pub(crate) fn text(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// What the requests of a plan are made of.
#[derive(Clone, Debug)]
pub struct Input<'a> {
    /// Instances with their engine versions, in the order they were chosen.
    pub instances: &'a [(InstanceId, EngineVersion)],
    /// Chosen hot patches.
    pub patches: &'a [PatchVersion],
    /// The start.
    pub start: DateTime<Utc>,
    /// Offset to write it with: that of the zone it was chosen in, at that instant.
    pub offset: FixedOffset,
    /// Most instances in one request; at least 1.
    pub max_instances: usize,
}

/// Lower-case hexadecimal SHA-256.
pub fn hash(body: &str) -> String {
    hex::encode(Sha256::digest(body.as_bytes()))
}

/// One hash over all requests in their order: what a confirmation is bound to.
pub fn plan_hash(requests: &[Request]) -> String {
    hash(&requests.iter().map(|r| r.hash.as_str()).collect::<Vec<_>>().join("\n"))
}

/// Whether requests are exactly what a hash stands for: each body is the one its own fields make, for `start`, and has its hash;
/// and all of them in this order have `hash`. What is read from a row is trusted only after this.
pub fn are_what_they_say(requests: &[Request], hash_of_all: &str, start: DateTime<Utc>) -> bool {
    requests.iter().all(|r| is_itself(r, start)) && plan_hash(requests) == hash_of_all
}

fn is_itself(request: &Request, start: DateTime<Utc>) -> bool {
    let Some(read) = Body::parse(&request.body) else { return false };
    let at = DateTime::parse_from_str(&read.start_time, "%Y-%m-%dT%H:%M:%S%z");
    at.is_ok_and(|at| at == start)
        && request.body == Body::new(&request.instances, &read.start_time, &join(&request.patches)).text()
        && request.hash == hash(&request.body)
}

/// Compiles. Engine versions ascend; instances keep the order they were chosen in; patches go only to their own engine version.
/// An engine version for which no patch was chosen yields no request: the rules refuse such a plan before.
pub fn compile(input: &Input<'_>) -> Vec<Request> {
    let mut groups: BTreeMap<EngineVersion, Vec<InstanceId>> = BTreeMap::new();
    for (instance, engine) in input.instances {
        groups.entry(*engine).or_default().push(instance.clone());
    }
    let start_time = time::wire(input.start, input.offset);
    let mut requests = Vec::new();
    for (engine, instances) in groups {
        let mut patches: Vec<_> = input.patches.iter().copied().filter(|p| p.engine() == engine).collect();
        patches.sort_unstable();
        patches.dedup();
        if patches.is_empty() {
            continue;
        }
        let target = join(&patches);
        for chunk in instances.chunks(input.max_instances.max(1)) {
            let body = Body::new(chunk, &start_time, &target).text();
            requests.push(Request { engine, patches: patches.clone(), instances: chunk.to_vec(), hash: hash(&body), body });
        }
    }
    requests
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn id(n: usize) -> InstanceId {
        InstanceId::new(format!("{n:032x}in14"))
    }

    fn input<'a>(instances: &'a [(InstanceId, EngineVersion)], patches: &'a [PatchVersion]) -> Input<'a> {
        Input {
            instances,
            patches,
            start: "2026-06-05T17:47:20Z".parse().unwrap(),
            offset: FixedOffset::east_opt(8 * 3600).unwrap(),
            max_instances: 30,
        }
    }

    #[test]
    fn the_body_is_the_one_of_the_contract() {
        let instances = [(id(1), "8.100.0".parse().unwrap()), (id(2), "8.100.0".parse().unwrap())];
        let patches = ["8.100.0.2".parse().unwrap(), "8.100.0.1".parse().unwrap()];
        let requests = compile(&input(&instances, &patches));
        assert_eq!(
            requests.iter().map(|r| r.body.as_str()).collect::<Vec<_>>(),
            [format!(
                r#"{{"instance_ids":["{}","{}"],"start_time":"2026-06-06T01:47:20+0800","upgrade_type":"hotfix","upgrade_action":"upgradeAutoCommit","target_version":"8.100.0.1,8.100.0.2"}}"#,
                id(1),
                id(2)
            )]
        );
        assert_eq!(requests[0].hash, hash(&requests[0].body));
    }

    #[test]
    fn a_request_that_was_edited_is_not_what_it_says() {
        let instances = [(id(1), "8.100.0".parse().unwrap()), (id(2), "8.100.0".parse().unwrap())];
        let patches = ["8.100.0.1".parse().unwrap()];
        let given = input(&instances, &patches);
        let good = compile(&given);
        let all = plan_hash(&good);
        assert!(are_what_they_say(&good, &all, given.start));
        assert!(!are_what_they_say(&good, &all, given.start + chrono::Duration::hours(1)), "another start");
        let edited = |change: &dyn Fn(&mut Request)| {
            let mut requests = good.clone();
            change(&mut requests[0]);
            are_what_they_say(&requests, &all, given.start)
        };
        assert!(!edited(&|r| r.instances.push(id(9))), "an instance that the body does not name");
        assert!(!edited(&|r| r.patches.clear()));
        assert!(!edited(&|r| r.body.push(' ')));
        assert!(!edited(&|r| r.hash.clear()));
        assert!(!are_what_they_say(&[], &all, given.start));
    }

    #[test]
    fn engine_versions_and_the_limit_split_requests() {
        let mut instances: Vec<_> = (0..65).map(|n| (id(n), "3.208.0".parse().unwrap())).collect();
        instances.insert(7, (id(100), "8.100.0".parse().unwrap()));
        let patches = ["3.208.0.6".parse().unwrap(), "8.100.0.1".parse().unwrap()];
        let requests = compile(&input(&instances, &patches));
        assert_eq!(requests.iter().map(|r| r.instances.len()).collect::<Vec<_>>(), [30, 30, 5, 1]);
        assert_eq!(requests[3].patches, ["8.100.0.1".parse().unwrap()]);
    }

    proptest! {
        #[test]
        fn every_instance_is_in_exactly_one_request_and_none_is_too_large(
            engines in proptest::collection::vec(0u32..4, 0..120), max in 1usize..40
        ) {
            let instances: Vec<_> =
                engines.iter().enumerate().map(|(n, e)| (id(n), format!("3.{e}.0").parse().unwrap())).collect();
            let patches: Vec<PatchVersion> = (0..4).map(|e| format!("3.{e}.0.1").parse().unwrap()).collect();
            let requests = compile(&Input { max_instances: max, ..input(&instances, &patches) });
            let mut sent: Vec<_> = requests.iter().flat_map(|r| r.instances.clone()).collect();
            prop_assert!(requests.iter().all(|r| !r.instances.is_empty() && r.instances.len() <= max));
            sent.sort();
            let mut wanted: Vec<_> = instances.iter().map(|(i, _)| i.clone()).collect();
            wanted.sort();
            prop_assert_eq!(sent, wanted);
            for r in &requests {
                prop_assert!(r.patches.iter().all(|p| p.engine() == r.engine));
            }
        }
    }
}
