//! What a plan reaches, for the one who decides about it.

use crate::{
    eligibility::PAIR_TAG,
    instance::{Form, Instance},
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Tag keys whose shares are shown: what the fleet is grouped by.
pub const GROUP_TAGS: [&str; 2] = ["app", "env"];

/// A tag with how many of its instances a plan names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    /// `key=value`.
    pub tag: String,
    /// Instances of the plan with it.
    pub here: usize,
    /// Instances of the whole fleet with it.
    pub of: i64,
}

/// What a plan reaches.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlastRadius {
    /// Number of instances.
    pub instances: usize,
    /// Share of each application and environment, the largest first.
    pub shares: Vec<Share>,
    /// Primaries in each availability zone.
    pub primaries: Vec<(String, usize)>,
    /// Instances of each form.
    pub forms: Vec<(Form, usize)>,
    /// Disaster-recovery pairs: name, members here, members in the fleet.
    pub pairs: Vec<Share>,
    /// Smallest and largest `disk_usage`, as the cloud writes it. Whether it is the used or the free share is not documented, so no
    /// margin can be computed.
    pub disk: Option<(String, String)>,
}

/// What these instances are of the fleet, of which `fleet` says how many there are with each `key=value`.
pub fn blast_radius(instances: &[&Instance], fleet: &[(String, i64)]) -> BlastRadius {
    let mut tags: BTreeMap<String, usize> = BTreeMap::new();
    let mut primaries: BTreeMap<String, usize> = BTreeMap::new();
    let mut forms: Vec<(Form, usize)> = Vec::new();
    for instance in instances {
        for tag in &instance.tags {
            *tags.entry(format!("{}={}", tag.key, tag.value)).or_default() += 1;
        }
        for node in instance.nodes.iter().filter(|n| n.primary) {
            *primaries.entry(node.zone.clone()).or_default() += 1;
        }
        match forms.iter_mut().find(|(f, _)| *f == instance.form) {
            Some((_, n)) => *n += 1,
            None => forms.push((instance.form, 1)),
        }
    }
    let of = |tag: &str| fleet.iter().find(|(t, _)| t == tag).map_or(0, |(_, n)| *n);
    let with_key = |keys: &[&str]| -> Vec<Share> {
        let of_keys = tags.iter().filter(|(tag, _)| tag.split_once('=').is_some_and(|(key, _)| keys.contains(&key)));
        of_keys.map(|(tag, here)| Share { tag: tag.clone(), here: *here, of: of(tag) }).collect()
    };
    let mut shares = with_key(&GROUP_TAGS);
    shares.sort_by(|a, b| b.here.cmp(&a.here).then_with(|| a.tag.cmp(&b.tag)));
    let mut disk: Vec<(&str, f64)> =
        instances.iter().filter_map(|i| i.disk_usage.as_deref()).filter_map(|d| Some((d, d.parse::<f64>().ok()?))).collect();
    disk.sort_by(|a, b| a.1.total_cmp(&b.1));
    BlastRadius {
        instances: instances.len(),
        shares,
        primaries: primaries.into_iter().collect(),
        forms,
        pairs: with_key(&[PAIR_TAG]),
        disk: disk.first().zip(disk.last()).map(|(min, max)| (min.0.to_owned(), max.0.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        id::{CloudName, InstanceId},
        instance::{Node, Status, Tag},
    };
    use chrono::DateTime;

    #[test]
    fn shares_primaries_and_pairs() {
        let tag = |key: &str, value: &str| Tag { key: key.to_owned(), value: value.to_owned() };
        let node = |zone: &str, primary| Node { name: String::new(), status: "ACTIVE".to_owned(), zone: zone.to_owned(), primary };
        let instance = |app: &str, disk: &str, tags: Vec<Tag>| Instance {
            cloud: CloudName::new("c"),
            id: InstanceId::new(app),
            name: app.to_owned(),
            status: Status("ACTIVE".to_owned()),
            form: Form::Distributed,
            engine: None,
            patches: Vec::new(),
            tags,
            enterprise_project: String::new(),
            maintenance: None,
            backup: None,
            nodes: vec![node("az1", true), node("az2", false)],
            disk_usage: Some(disk.to_owned()),
            seen_at: DateTime::UNIX_EPOCH,
            gone_at: None,
        };
        let a = instance("a", "0.9", vec![tag("app", "pay"), tag("env", "prod"), tag("dr-pair", "p"), tag("team", "x")]);
        let b = instance("b", "0.10", vec![tag("app", "pay"), tag("env", "test")]);
        let fleet = [("app=pay".to_owned(), 5), ("dr-pair=p".to_owned(), 2)];
        let radius = blast_radius(&[&a, &b], &fleet);
        assert_eq!(radius.shares[0], Share { tag: "app=pay".to_owned(), here: 2, of: 5 });
        assert_eq!(radius.shares.len(), 3, "the team is no group");
        assert_eq!(radius.primaries, [("az1".to_owned(), 2)]);
        assert_eq!(radius.pairs, [Share { tag: "dr-pair=p".to_owned(), here: 1, of: 2 }]);
        assert_eq!(radius.disk, Some(("0.10".to_owned(), "0.9".to_owned())), "compared as numbers");
        assert_eq!(blast_radius(&[], &fleet), BlastRadius::default());
    }
}
