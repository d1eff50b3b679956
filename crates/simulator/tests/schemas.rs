//! Every answer of the simulator validates against the schemas that Huawei publishes in its API Explorer.
//!
//! They come as the files of the development dependency `huawei-cloud-api-definitions-GaussDBforopenGauss` (MIT), found through
//! cargo's own metadata; its generated types are not used, because they type some lists as one object.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use chrono::{TimeZone, Utc};
use patchboard_gaussdb::sign::{Signable, authorization, query_string, sdk_date};
use patchboard_simulator::{ACCESS_KEY, Options, PROJECT, SECRET_KEY, Simulator, Switches, world::Instance};
use serde_json::{Value, json};
use std::{path::PathBuf, process::Command, sync::Arc};
use tokio::net::TcpListener;

const CHARGE: &str = "/OpenGaussChargeInfoListResponse/properties/charge_mode";
const PREPAID: &str = "its enumeration has postPaid only; the query of the same call takes prePaid";

/// Where the published schema and the contract disagree: operation, pointer into its definitions, what is put there, why.
const EXCEPTIONS: [(&str, &str, &str, &str); 10] = [
    ("ListDatabaseInstances", CHARGE, "{}", PREPAID),
    ("ListInstancesDetails", CHARGE, "{}", PREPAID),
    ("ListInstances", CHARGE, "{}", PREPAID),
    (
        "ShowUpgradeCandidateVersions",
        "/UpgradeCandidateVersionsResponse/properties/hotfix_upgrade_infos",
        "{}",
        "typed as one object; the SDK and Terraform read a list",
    ),
    (
        "ShowUpgradeCandidateVersions",
        "/UpgradeCandidateVersionsResponse/properties/hotfix_rollback_infos",
        "{}",
        "typed as one object; the SDK and Terraform read a list",
    ),
    (
        "ShowUpgradeCandidateVersions",
        "/UpgradeCandidateVersionsResponse/properties/target_version",
        "{}",
        "null unless a rolling upgrade runs, says its own description",
    ),
    (
        "ShowUpgradeCandidateVersions",
        "/UpgradeCandidateVersionsResponse/properties/roll_upgrade_progress",
        "{}",
        "null unless a rolling upgrade runs, says its own description",
    ),
    ("ShowUpgradeCandidateVersions", "/UpgradeTypeInfo/properties/upgrade_action_list", "{}", "null in its own example"),
    ("ListInstances", "/ListInstanceResponse/properties/nodes", "{}", "typed as one object; every example is a list"),
    ("ListInstances", "/ListInstanceResponse/properties/tags", "{}", "typed as one object; every example is a list"),
];

/// The same nullable fields stand in the batch answers.
const NULLABLE: [&str; 3] = ["is_parallel_upgrade", "upgrade_action_list", "target_version"];

fn schema_dir() -> PathBuf {
    let output = Command::new(env!("CARGO")).args(["metadata", "--format-version", "1", "--locked"]).output().unwrap();
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let found =
        packages.iter().find(|p| p["name"] == "huawei-cloud-api-definitions-GaussDBforopenGauss").expect("the schemas are a dependency");
    PathBuf::from(found["manifest_path"].as_str().unwrap()).parent().unwrap().join("src")
}

/// The schema of the successful answer of an operation, self-contained.
fn schema(operation: &str) -> Value {
    let text = std::fs::read_to_string(schema_dir().join(format!("{operation}.json"))).unwrap();
    let file: Value = serde_json::from_str(&text).unwrap();
    let paths = file["paths"].as_object().unwrap();
    let answer =
        paths.values().flat_map(|p| p.as_object().unwrap().values()).map(|m| m["responses"]["200"]["schema"].clone()).next().unwrap();
    let mut definitions = file["definitions"].clone();
    for (of, pointer, replacement, _why) in EXCEPTIONS {
        if of == operation {
            *definitions.pointer_mut(pointer).unwrap_or_else(|| panic!("{operation}: exception {pointer} is out of date")) =
                serde_json::from_str(replacement).unwrap();
        }
    }
    for definition in definitions.as_object_mut().unwrap().values_mut() {
        for field in NULLABLE {
            if let Some(property) = definition.pointer_mut(&format!("/properties/{field}")) {
                *property = json!({});
            }
        }
        // The fields of the contract are in the schema: whatever else we answered would be our own invention.
        if definition.get("properties").is_some_and(|p| p.as_object().is_some_and(|p| !p.is_empty())) {
            definition["additionalProperties"] = json!(false);
        }
    }
    let mut root = answer;
    root["definitions"] = definitions;
    root
}

struct Cloud {
    simulator: Simulator,
    http: reqwest::Client,
}

impl Cloud {
    async fn start() -> Self {
        let now = Utc.with_ymd_and_hms(2026, 11, 23, 10, 0, 0).single().unwrap();
        let options = Options { seed: 1, instances: 60, switches: Switches::default(), clock: Arc::new(move || now) };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        // Another test may have installed it before.
        let _ = rustls::crypto::ring::default_provider().install_default();
        Self { simulator: Simulator::start(options, listener).unwrap(), http: reqwest::Client::builder().no_proxy().build().unwrap() }
    }

    async fn call(&self, method: &str, path: &str, query: &[(&str, &str)], body: &str) -> Value {
        let now = Utc.with_ymd_and_hms(2026, 11, 23, 10, 0, 0).single().unwrap();
        let query: Vec<_> = query.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let headers = [("X-Sdk-Date".to_owned(), sdk_date(now))];
        let authorization =
            authorization(&Signable { method, path, query: &query, headers: &headers, body: body.as_bytes() }, ACCESS_KEY, SECRET_KEY);
        let url = format!("{}{path}?{}", self.simulator.url(), query_string(&query));
        let request =
            self.http.request(method.parse().unwrap(), url).header("X-Sdk-Date", &headers[0].1).header("Authorization", authorization);
        let text = request.body(body.to_owned()).send().await.unwrap().error_for_status().unwrap().text().await.unwrap();
        if text.is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap() }
    }

    fn pick(&self, fits: impl Fn(&Instance) -> bool) -> String {
        self.simulator.world(|w| w.instances.values().find(|i| fits(i)).map(|i| i.id.clone()).unwrap())
    }
}

fn check(operation: &str, answer: &Value) {
    let validator = jsonschema::draft4::new(&schema(operation)).unwrap();
    let errors: Vec<_> = validator.iter_errors(answer).map(|e| format!("{}: {e}", e.instance_path())).take(5).collect();
    assert_eq!(errors, Vec::<String>::new(), "{operation}");
}

#[tokio::test]
async fn every_answer_is_as_published() {
    let cloud = Cloud::start().await;
    let at = |version: &str, rest: &str| format!("/{version}/{PROJECT}/{rest}");
    let active = cloud.pick(|i| i.status == "ACTIVE" && i.engine_version() == "3.208.0" && !i.name.starts_with("z-demo"));
    let frozen = cloud.pick(|i| i.status == "FROZEN");
    for (operation, version) in [("ListDatabaseInstances", "v3.3"), ("ListInstancesDetails", "v3.1"), ("ListInstances", "v3")] {
        check(operation, &cloud.call("GET", &at(version, "instances"), &[("limit", "100")], "").await);
    }
    for id in [&active, &frozen] {
        let path = at("v3", &format!("instances/{id}/db-upgrade/candidate-versions"));
        check("ShowUpgradeCandidateVersions", &cloud.call("GET", &path, &[], "").await);
    }
    let ids = json!({"instance_ids": [active, frozen]}).to_string();
    for (operation, version) in [("BatchShowUpgradeCandidateVersions", "v3.1"), ("ShowBatchUpgradeCandidateVersions", "v3")] {
        check(operation, &cloud.call("POST", &at(version, "instances/db-upgrade/candidate-versions"), &[], &ids).await);
    }
    let body = json!({"instance_ids": [active], "start_time": "2026-11-24T10:00:00+0800", "upgrade_type": "hotfix",
        "upgrade_action": "upgradeAutoCommit", "target_version": "3.208.0.7"});
    let created = cloud.call("POST", &at("v3", "instances/db-upgrade/schedule-task"), &[], &body.to_string()).await;
    check("CreateScheduleTask", &created);
    let mut tasks = cloud.call("GET", &at("v3", "instances/schedule-tasks"), &[], "").await;
    assert!(tasks["tasks"].as_array().is_some_and(|t| !t.is_empty()));
    for task in tasks["tasks"].as_array_mut().unwrap() {
        // In the published example, in no schema.
        assert!(task.as_object_mut().unwrap().remove("target_config").is_some());
    }
    check("ListScheduleTask", &tasks);
    let mut jobs = cloud.call("GET", &at("v3", "tasks"), &[], "").await;
    let job = jobs["tasks"][0]["job_id"].as_str().unwrap().to_owned();
    let mut detail = cloud.call("GET", &at("v3", "jobs"), &[("id", &job)], "").await;
    for reason in jobs["tasks"].as_array_mut().unwrap().iter_mut().map(|j| &mut j["fail_reason"]).chain([&mut detail["job"]["fail_reason"]])
    {
        // Null when nothing failed, says its own description.
        if reason.is_null() {
            *reason = json!("");
        }
    }
    check("ListTasks", &jobs);
    check("ShowJobDetail", &detail);
    check("ListEnterpriseProjects", &cloud.call("GET", &at("v3", "enterprise-projects"), &[], "").await);
    check("ListProjectTags", &cloud.call("GET", &at("v3", "tags"), &[], "").await);
    let id = created["instance_tasks"][0]["task_id"].as_str().unwrap();
    assert_eq!(cloud.call("PUT", &at("v3", &format!("instances/schedule-task/{id}/cancel")), &[], "").await, Value::Null);
    assert_eq!(cloud.call("DELETE", &at("v3", &format!("instances/schedule-task/{id}")), &[], "").await, Value::Null);
}

#[test]
fn the_schemas_can_refuse() {
    let validator = jsonschema::draft4::new(&schema("ListScheduleTask")).unwrap();
    assert!(validator.is_valid(&json!({"tasks": [{"status": "Pending"}], "total_count": 1})));
    assert!(!validator.is_valid(&json!({"tasks": [{"status": 1}], "total_count": 1})));
    assert!(!validator.is_valid(&json!({"tasks": [{"invented": "x"}], "total_count": 1})));
}
