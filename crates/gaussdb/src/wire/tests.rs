//! The examples of the contract, in their inconsistent formats.

use super::*;
use proptest::prelude::*;
use serde_json::json;

fn read<T: serde::de::DeserializeOwned>(value: serde_json::Value) -> T {
    serde_json::from_value(value).unwrap()
}

#[test]
fn created_tasks_may_share_an_id_and_unknown_fields_survive() {
    let answer: CreatedTasks = read(json!({"instance_tasks":[
        {"instance_id":"8656749fbc834b18a18af154566a2729in14","task_id":"87cd3efd-6b6c-42b4-8d53-7f81a527f62f","task_name":"HOTFIX_VERSION_UPGRADE","new":1},
        {"instance_id":"5f49a39298384aee960298d54b9cdcd9in14","task_id":"87cd3efd-6b6c-42b4-8d53-7f81a527f62f"}], "note":"x"}));
    assert_eq!(answer.instance_tasks.len(), 2);
    assert_eq!(answer.instance_tasks[0].extra["new"], 1);
    assert_eq!(serde_json::to_value(&answer).unwrap()["note"], "x");
}

#[test]
fn task_content_may_be_text_object_or_absent_and_the_name_localised() {
    let list: ScheduleTaskList = read(json!({"tasks":[
        {"create_time":"2024-11-16T01:47:20+0800","instance_id":"i","start_time":"2024-11-17T01:47:20+0800","status":"Completed",
         "target_config":"8.102.0.2","task_id":"c5e5a9a52a294302a3667953d4fd1357","task_name":"升级实例热补丁"},
        {"task_content":{"a":1}}, {"task_content":"text"}],"total_count":"3"}));
    assert_eq!(list.total_count, Some(3));
    assert_eq!(list.tasks[0].target_config.as_deref(), Some("8.102.0.2"));
    assert_eq!(list.tasks[1].task_content, Some(json!({"a":1})));
    assert_eq!(list.tasks[2].task_content, Some(json!("text")));
}

#[test]
fn candidates_take_nulls_a_single_info_and_the_misspelling() {
    let c: Candidates = read(json!({"upgrade_type_list":[
        {"upgrade_type":"hotfix","enable":false,"is_parallel_upgrade":null,"upgrade_action_list":null}],
        "rollback_enabled":false,"hotfix_upgrade_candidate_versions":null,
        "hotfix_upgrade_infos":{"version":"3.103.0.1","common_patch":"certain","backup_sensitive":true,"descripition":"fix"}}));
    assert!(c.upgrade_type_list[0].upgrade_action_list.is_empty());
    assert!(c.hotfix_upgrade_candidate_versions.is_empty());
    assert_eq!(c.hotfix_upgrade_infos[0].description.as_deref(), Some("fix"));
    assert!(serde_json::to_string(&c).unwrap().contains("descripition"));
}

#[test]
fn both_spellings_of_installed_patches_are_read() {
    let old: Instance = read(json!({"datastore":{"hotfix_versions":"2.7.2.1, 2.7.2.2"},"tags":null,"disk_usage":0.98}));
    assert_eq!(old.datastore.unwrap().hotfix_versions.as_deref(), Some("2.7.2.1, 2.7.2.2"));
    assert_eq!(old.disk_usage.as_deref(), Some("0.98"));
    let new: Instance = read(
        json!({"type":"enterprise","datastore":{"complete_version":"V2.0-2.7.2","hotfix_version_infos":[{"version":"V2.0-2.7.2.1"}]}}),
    );
    assert_eq!(new.form.as_deref(), Some("enterprise"));
    assert_eq!(new.datastore.unwrap().hotfix_version_infos.len(), 1);
}

#[test]
fn jobs_take_numbers_for_times_and_reasons() {
    let list: JobList =
        read(json!({"tasks":[{"created_at":1659344800845_i64,"ended_at":"2022-08-05T08:15:07+0800","fail_reason":500000,"process":""}]}));
    assert_eq!(list.tasks[0].created_at.as_deref(), Some("1659344800845"));
    assert_eq!(list.tasks[0].fail_reason.as_deref(), Some("500000"));
}

#[test]
fn a_tag_of_the_project_has_a_list_called_value() {
    let list: TagList = read(json!({"tags":[{"key":"env","value":["prod","test"]}]}));
    assert_eq!(list.tags[0].values, ["prod", "test"]);
}

fn any_json() -> impl Strategy<Value = serde_json::Value> {
    let names = prop::sample::select(vec![
        "instances",
        "tasks",
        "instance_tasks",
        "task_id",
        "datastore",
        "nodes",
        "tags",
        "total_count",
        "hotfix_upgrade_infos",
        "upgrade_type_list",
        "enable",
        "version",
        "status",
        "job",
        "token",
        "backup_strategy",
        "x",
    ]);
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<f64>().prop_map(Into::into),
        ".{0,8}".prop_map(Into::into),
    ];
    leaf.prop_recursive(4, 40, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Into::into),
            prop::collection::hash_map(names.clone().prop_map(str::to_owned), inner, 0..6)
                .prop_map(|m| serde_json::Value::Object(m.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn decoding_any_json_or_bytes_never_panics(value in any_json(), bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        let text = value.to_string();
        let _ = serde_json::from_str::<InstanceList>(&text);
        let _ = serde_json::from_str::<ScheduleTaskList>(&text);
        let _ = serde_json::from_str::<CreatedTasks>(&text);
        let _ = serde_json::from_str::<Candidates>(&text);
        let _ = serde_json::from_str::<DatastoreVersions>(&text);
        let _ = serde_json::from_str::<JobList>(&text);
        let _ = serde_json::from_str::<TokenAnswer>(&text);
        let _ = serde_json::from_slice::<InstanceList>(&bytes);
    }

    #[test]
    fn any_object_is_a_readable_list(value in any_json()) {
        if value.is_object() {
            prop_assert!(serde_json::from_value::<InstanceList>(value).is_ok());
        }
    }
}
