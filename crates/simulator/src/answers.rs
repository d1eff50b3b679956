//! Bodies of the answers, in the formats of the contract, inconsistent as they are.

use crate::world::{Hotfix, Instance, Task, World};
use chrono::{DateTime, FixedOffset, Utc};
use serde_json::{Value, json};

/// An answer before it becomes HTTP.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Option<Value>,
}

pub(crate) fn ok(body: Value) -> Answer {
    Answer { status: 200, headers: Vec::new(), body: Some(body) }
}

/// 200 without a body, as cancel and delete answer.
pub(crate) fn empty() -> Answer {
    Answer { status: 200, headers: Vec::new(), body: None }
}

/// The service's error body, or the gateway's when the code is a gateway's.
pub(crate) fn error(status: u16, code: &str, message: &str) -> Answer {
    let mut body = json!({ "error_code": code, "error_msg": message });
    if code.starts_with("APIGW.") {
        body["request_id"] = json!("simulated-request");
    }
    Answer { status, headers: Vec::new(), body: Some(body) }
}

/// IAM's error body, where the code is a number.
pub(crate) fn iam_error(status: u16, message: &str, title: &str) -> Answer {
    Answer { status, headers: Vec::new(), body: Some(json!({"error": {"code": status, "message": message, "title": title}})) }
}

fn beijing(instant: DateTime<Utc>) -> String {
    FixedOffset::east_opt(8 * 3600).map_or_else(String::new, |zone| instant.with_timezone(&zone).format("%Y-%m-%dT%H:%M:%S%z").to_string())
}

fn with_zone_word(instant: DateTime<Utc>) -> String {
    instant.format("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// One instance as the list of that version writes it.
pub(crate) fn instance(i: &Instance, list: &str) -> Value {
    let prefixed = |v: &str| if list == "v3.3" { format!("V2.0-{v}") } else { v.to_owned() };
    let major = i.engine.rsplit_once('.').map_or(i.engine.as_str(), |(m, _)| m);
    let mut datastore = json!({"type": "GaussDB", "version": prefixed(major), "complete_version": prefixed(&i.engine)});
    if matches!(list, "v3.3" | "v3.2") {
        datastore["hotfix_version_infos"] =
            i.installed.iter().map(|(v, at)| json!({"version": prefixed(v), "upgrade_finished_time": with_zone_word(*at)})).collect();
        datastore["complete_kernel_version"] = json!("V500R002C10SPC610");
    } else {
        datastore["hotfix_versions"] = json!(i.installed.iter().map(|(v, _)| v.as_str()).collect::<Vec<_>>().join(", "));
        datastore["hotfix_finished_times"] = i.installed.iter().map(|(_, at)| json!(with_zone_word(*at))).collect();
    }
    let nodes: Vec<_> = i
        .nodes
        .iter()
        .enumerate()
        .map(|(n, (id, name, status, master))| {
            json!({"id": id, "name": format!("{}_{name}", i.name), "role": if *master { "master" } else { "slave" }, "status": status,
                "availability_zone": format!("ap-southeast-1{}", ["a", "b", "c"][n % 3]), "private_ip": format!("192.168.28.{}", 10 + n),
                "public_ip": "", "component_names": format!("dn_600{}:6001{}", n % 9 + 1, n % 9 + 1)})
        })
        .collect();
    let mut ha = json!({"replication_mode": "sync", "consistency": "strong"});
    if !i.distributed {
        ha["consistency"] = json!("eventual");
    }
    let tags: Vec<_> = i.tags.iter().map(|(k, v)| json!({"key": k, "value": v})).collect();
    let building = i.status == "BUILD";
    let mut out = json!({
        "id": i.id, "name": i.name, "status": i.status, "type": if i.distributed { "Enterprise" } else { "Ha" },
        "instance_mode": "enterprise", "ha": ha, "replica_num": 3, "region": "ap-southeast-1", "datastore": datastore,
        "created": with_zone_word(i.created), "updated": if building { String::new() } else { with_zone_word(i.created) },
        "nodes": nodes, "private_ips": ["192.168.28.81 / 192.168.27.52"], "public_ips": [], "port": 8000,
        "flavor_ref": "gaussdb.opengauss.ee.dn.m6.2xlarge.8.in", "flavor_info": {"vcpu": 8, "mem": 64},
        "volume": {"type": "ULTRAHIGH", "size": 40}, "backup_strategy": {"start_time": i.backup, "keep_days": 7},
        "maintenance_window": i.maintenance, "time_zone": "UTC+08:00", "enterprise_project_id": i.enterprise_project,
        "charge_info": {"charge_mode": if i.prepaid { "prePaid" } else { "postPaid" }}, "switch_strategy": "",
        "disk_encryption_id": "", "db_user_name": "root", "vpc_id": "490a4a08-ef4b-44c5-94be-3051ef9e4fce",
        "subnet_id": "0e2eda62-1d42-4d64-a9d1-4e9aa9cd994f", "security_group_id": "2a1f7fc8-3307-42a7-aa6f-42c8b9b8f8c5", "tags": tags,
    });
    match list {
        "v3" => out["backup_used_space"] = json!("0"),
        "v3.1" => {
            out["backup_used_space"] = json!("0");
            out["disk_usage"] = json!(i.disk_usage);
        }
        _ => out["disk_usage"] = json!(i.disk_usage),
    }
    out
}

fn hotfix_info(h: &Hotfix, chinese: bool, prefix: &str) -> Value {
    json!({"version": format!("{prefix}{}", h.version), "common_patch": if h.custom { "certain" } else { "common" },
        "backup_sensitive": h.backup_sensitive, "descripition": h.description[usize::from(chinese)]})
}

fn upgrade_types(enabled: bool) -> Value {
    let actions = if enabled {
        json!([{"upgrade_action": "upgradeAutoCommit", "enable": true}, {"upgrade_action": "rollback", "enable": false}])
    } else {
        Value::Null
    };
    json!([
        {"upgrade_type": "grey", "enable": true, "is_parallel_upgrade": null, "upgrade_action_list": [
            {"upgrade_action": "commit", "enable": false}, {"upgrade_action": "upgradeAutoCommit", "enable": true}]},
        {"upgrade_type": "hotfix", "enable": enabled, "is_parallel_upgrade": null, "upgrade_action_list": actions},
    ])
}

/// Candidate versions of one instance.
pub(crate) fn candidates(world: &World, i: &Instance, chinese: bool) -> Value {
    let offered = world.offered(i);
    let enabled = i.status == "ACTIVE" && !offered.is_empty();
    json!({
        "upgrade_type_list": upgrade_types(enabled), "rollback_enabled": false, "source_version": i.engine, "target_version": null,
        "roll_upgrade_progress": null, "upgrade_candidate_versions": [],
        "hotfix_upgrade_candidate_versions": offered.iter().map(|h| h.version.as_str()).collect::<Vec<_>>(),
        "hotfix_rollback_candidate_versions": i.installed.iter().map(|(v, _)| v.as_str()).collect::<Vec<_>>(),
        "hotfix_upgrade_infos": offered.iter().map(|h| hotfix_info(h, chinese, "")).collect::<Vec<_>>(),
        "hotfix_rollback_infos": [],
    })
}

/// Candidate versions of a batch.
pub(crate) fn batch_candidates(world: &World, instances: &[&Instance], chinese: bool, list: &str) -> Value {
    let prefix = if list == "v3.1" { "V2.0-" } else { "" };
    let offers: Vec<Vec<_>> = instances.iter().map(|i| world.offered(i)).collect();
    let listed: Vec<_> = world
        .hotfixes
        .iter()
        .filter(|h| {
            let offered = |o: &Vec<&Hotfix>| o.iter().any(|x| x.version == h.version);
            if world.switches.batch_candidates_are_union {
                offers.iter().any(offered)
            } else {
                !offers.is_empty() && offers.iter().all(offered)
            }
        })
        .map(|h| hotfix_info(h, chinese, prefix))
        .collect();
    json!({"upgrade_type_list": upgrade_types(!listed.is_empty()), "target_version": null, "upgrade_candidate_versions": [],
        "hotfix_upgrade_infos": listed, "hotfix_rollback_infos": []})
}

/// Answer to a create call. The first id may be shared by all.
pub(crate) fn created(tasks: &[Task]) -> Value {
    let list: Vec<_> =
        tasks.iter().map(|t| json!({"task_id": t.id, "task_name": "HOTFIX_VERSION_UPGRADE", "instance_id": t.instance_id})).collect();
    json!({ "instance_tasks": list })
}

/// One row of the task list, with the localised title and without dashes.
pub(crate) fn task(world: &World, t: &Task, chinese: bool) -> Value {
    let id = if world.switches.list_ids_with_dashes { t.id.clone() } else { t.id.replace('-', "") };
    json!({
        "task_id": id, "task_name": if chinese { "升级实例热补丁" } else { "HOTFIX_VERSION_UPGRADE" },
        "status": format!("{:?}", t.state), "create_time": beijing(t.created), "start_time": beijing(t.start),
        "instance_id": t.instance_id, "instance_name": world.instances.get(&t.instance_id).map_or("", |i| i.name.as_str()),
        "task_content": {"target_version": t.versions.join(",")}, "target_config": t.versions.join(","),
    })
}

/// A job of the task center for a task that has begun; times are numbers there.
pub(crate) fn job(world: &World, t: &Task) -> Value {
    let running = t.state == crate::TaskState::Running;
    json!({
        "instance_info": {"instance_id": t.instance_id, "instance_status": "normal",
            "instance_name": world.instances.get(&t.instance_id).map_or("", |i| i.name.as_str())},
        "job_id": t.id.replace('-', ""), "name": "UpgradeGaussDBV5Hotfix", "status": format!("{:?}", t.state),
        "process": if running { "60%" } else { "" }, "created_at": t.start.timestamp_millis().to_string(),
        "ended_at": if running { String::new() } else { t.end.timestamp_millis().to_string() },
        "fail_reason": if t.state == crate::TaskState::Failed { json!("500000") } else { Value::Null },
    })
}

/// The catalogue of hot patches, grouped by engine version.
pub(crate) fn catalogue(world: &World) -> Vec<Value> {
    let mut engines: Vec<&str> = world.hotfixes.iter().filter_map(|h| h.version.rsplit_once('.')).map(|(e, _)| e).collect();
    engines.dedup();
    engines
        .into_iter()
        .map(|engine| {
            let hotfixes: Vec<_> = world
                .hotfixes
                .iter()
                .filter(|h| h.version.rsplit_once('.').is_some_and(|(e, _)| e == engine))
                .map(|h| {
                    json!({"version": h.version, "create_time": h.created_ms, "deploy_modes": [
                        {"mode": "centralization_standard", "default_upgrade": !h.custom, "update_time": h.created_ms},
                        {"mode": "distributed", "default_upgrade": !h.custom, "update_time": h.created_ms}]})
                })
                .collect();
            json!({"software_version": engine, "hotfixes": hotfixes})
        })
        .collect()
}
