use super::*;
use crate::{
    id::CloudName,
    instance::{Form, Node, Status, Tag},
    patch::OfferedPatch,
    task::TaskStatus,
};

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn instance(id: &str) -> Instance {
    Instance {
        cloud: CloudName::new("c"),
        id: InstanceId::new(id),
        name: format!("name-{id}"),
        status: Status("ACTIVE".to_owned()),
        form: Form::PrimaryStandby,
        engine: Some("3.208.0".parse().unwrap()),
        patches: vec!["3.208.0.1".parse().unwrap()],
        tags: vec![],
        enterprise_project: "0".to_owned(),
        maintenance: "18:00-22:00".parse().ok(),
        backup: "19:00-20:00".parse().ok(),
        nodes: vec![Node { name: "n1".to_owned(), status: "ACTIVE".to_owned(), zone: "az1".to_owned(), primary: true }],
        disk_usage: None,
        seen_at: at("2026-01-01T00:00:00Z"),
        gone_at: None,
    }
}

fn chosen(id: &str, offered: &[&str]) -> Chosen {
    let patches = offered
        .iter()
        .map(|v| OfferedPatch {
            version: v.parse().unwrap(),
            kind: PatchKind::General,
            backup_sensitive: false,
            description: String::new(),
        })
        .collect();
    let offer = Offer { hot_patch_enabled: true, patches, read_at: at("2026-01-01T00:00:00Z") };
    Chosen { instance: instance(id), ineligible: None, candidates: Candidates::Read(offer) }
}

fn patches(texts: &[&str]) -> Vec<PatchVersion> {
    texts.iter().map(|t| t.parse().unwrap()).collect()
}

#[test]
fn only_active_instances_with_normal_nodes_are_eligible() {
    let mut i = instance("a");
    assert_eq!(check_instance(&i, &[], None), Ok(()));
    i.nodes[0].status = "FAILED".to_owned();
    assert_eq!(check_instance(&i, &[], None), Err(Ineligible::Nodes(vec!["n1".to_owned()])));
    i.status = Status("BACKING UP".to_owned());
    assert_eq!(check_instance(&i, &[], None), Err(Ineligible::Status("BACKING UP".to_owned())));
    i.gone_at = Some(at("2026-01-02T00:00:00Z"));
    assert_eq!(check_instance(&i, &[], None), Err(Ineligible::Gone));
}

#[test]
fn an_open_task_of_the_cloud_stands_against_it() {
    let i = instance("a");
    let mut task = Task {
        cloud: CloudName::new("c"),
        id: TaskId::new("t"),
        instance: i.id.clone(),
        instance_name: String::new(),
        status: TaskStatus::Pending,
        start_at: None,
        created_at: None,
        target: None,
        plan: None,
        first_seen_at: at("2026-01-01T00:00:00Z"),
        seen_at: at("2026-01-01T00:00:00Z"),
        gone_at: None,
    };
    assert!(matches!(check_instance(&i, &[&task], None), Err(Ineligible::TaskOpen { foreign: true, .. })));
    task.start_at = Some(at("2026-03-01T00:00:00Z"));
    task.gone_at = Some(at("2026-02-01T00:00:00Z"));
    assert!(check_instance(&i, &[&task], None).is_err(), "it left the list before its start");
    task.status = TaskStatus::Completed;
    assert_eq!(check_instance(&i, &[&task], None), Ok(()));
    let other = OtherPlan { plan: PlanId::new("p") };
    assert_eq!(check_instance(&i, &[], Some(&other)), Err(Ineligible::Planned { plan: other.plan.clone() }));
}

#[test]
fn a_patch_must_be_offered_by_every_instance() {
    let all = [chosen("a", &["3.208.0.2", "3.208.0.3"]), chosen("b", &["3.208.0.2"])];
    let choices = patch_choices(&all, &[]);
    assert_eq!(
        choices.iter().map(|c| (c.version.to_string(), c.fits_all())).collect::<Vec<_>>(),
        [("3.208.0.2".to_owned(), true), ("3.208.0.3".to_owned(), false)]
    );
    assert_eq!(choices[1].missing, [(InstanceId::new("b"), NotInstallable::NotOffered)]);
    assert!(check_plan(&all, &[], &patches(&["3.208.0.2"])).is_empty());
    assert!(matches!(&check_plan(&all, &[], &patches(&["3.208.0.3"]))[..], [PlanRefusal::Patch { .. }]));
}

#[test]
fn a_choice_is_kept_and_explained_when_it_no_longer_fits() {
    let all = [chosen("a", &[])];
    let choices = patch_choices(&all, &patches(&["3.208.0.1"]));
    assert_eq!(choices[0].missing, [(InstanceId::new("a"), NotInstallable::Installed)]);
    let mut waiting = chosen("a", &[]);
    waiting.candidates = Candidates::Awaited;
    assert!(matches!(&check_plan(&[waiting], &[], &patches(&["3.208.0.2"]))[..], [PlanRefusal::Awaited { instances: 1, .. }]));
}

#[test]
fn each_engine_version_needs_its_patch_and_no_stray_one() {
    let mut other = chosen("b", &["8.100.0.1"]);
    other.instance.engine = "8.100.0".parse().ok();
    let all = [chosen("a", &["3.208.0.2"]), other];
    assert!(matches!(&check_plan(&all, &[], &patches(&["3.208.0.2"]))[..], [PlanRefusal::NoPatch { instances: 1, .. }]));
    assert!(check_plan(&all, &[], &patches(&["3.208.0.2", "8.100.0.1"])).is_empty());
    let stray = check_plan(&all, &[], &patches(&["3.208.0.2", "8.100.0.1", "9.0.0.1"]));
    assert_eq!(stray, [PlanRefusal::StrayPatch("9.0.0.1".parse().unwrap())]);
    assert_eq!(check_plan(&[], &[], &[]), [PlanRefusal::NoInstances]);
}

#[test]
fn warnings_name_what_a_person_should_know() {
    let mut a = chosen("a", &["3.208.0.2", "3.208.0.3"]);
    let mut b = chosen("b", &["3.208.0.2", "3.208.0.3"]);
    for c in [&mut a, &mut b] {
        c.instance.tags = vec![Tag { key: PAIR_TAG.to_owned(), value: "orders".to_owned() }];
        if let Candidates::Read(offer) = &mut c.candidates {
            offer.patches[1].kind = PatchKind::Custom;
            offer.patches[1].backup_sensitive = true;
        }
    }
    let all = [a, b];
    let picked = patches(&["3.208.0.3"]);
    let inside = warnings(&all, &picked, Some(at("2026-01-01T19:30:00Z")));
    assert!(inside.contains(&Warning::Custom(picked[0])) && inside.contains(&Warning::BackupSensitive(picked[0])));
    assert!(inside.iter().any(|w| matches!(w, Warning::Skips { .. })));
    assert!(inside.iter().any(|w| matches!(w, Warning::InsideBackup(ids) if ids.len() == 2)));
    assert!(inside.iter().any(|w| matches!(w, Warning::BothOfPair { instances, .. } if instances.len() == 2)));
    assert!(!inside.iter().any(|w| matches!(w, Warning::OutsideWindow(_))));
    let outside = warnings(&all, &picked, Some(at("2026-01-01T12:00:00Z")));
    assert!(outside.iter().any(|w| matches!(w, Warning::OutsideWindow(ids) if ids.len() == 2)));
}
