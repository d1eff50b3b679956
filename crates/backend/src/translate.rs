//! The one place where the cloud's words become ours.

use chrono::{DateTime, Utc};
use patchboard_domain::{
    id::{CloudName, InstanceId, TaskId},
    instance::{Form, Instance, Node, Status, Tag},
    patch::{Offer, OfferedPatch, PatchKind},
    send::{CloudError, Fault, Outcome},
    task::{Task, TaskStatus},
    version::{PatchVersion, patch_list},
};
use patchboard_gaussdb::{Error, Fate, instant, wire};

/// An instance, or nothing when it has no id.
pub(crate) fn instance(cloud: &CloudName, wire: wire::Instance, seen_at: DateTime<Utc>) -> Option<Instance> {
    let id = wire.id.filter(|id| !id.is_empty())?;
    let datastore = wire.datastore.unwrap_or_default();
    let mut patches: Vec<PatchVersion> = datastore.hotfix_version_infos.iter().filter_map(|h| h.version.as_deref()?.parse().ok()).collect();
    patches.extend(patch_list(datastore.hotfix_versions.as_deref().unwrap_or_default()).0);
    patches.sort_unstable();
    patches.dedup();
    let mut tags: Vec<Tag> = wire.tags.into_iter().filter_map(|t| Some(Tag { key: t.key?, value: t.value.unwrap_or_default() })).collect();
    tags.sort();
    let form = match wire.form.unwrap_or_default().to_ascii_lowercase().as_str() {
        "enterprise" => Form::Distributed,
        "ha" => Form::PrimaryStandby,
        _ => Form::Other,
    };
    let nodes = wire
        .nodes
        .into_iter()
        .map(|n| Node {
            name: n.name.or(n.id).unwrap_or_default(),
            status: n.status.unwrap_or_default(),
            zone: n.availability_zone.unwrap_or_default(),
            primary: n.role.is_some_and(|r| r.eq_ignore_ascii_case("master")),
        })
        .collect();
    Some(Instance {
        cloud: cloud.clone(),
        name: wire.name.filter(|n| !n.is_empty()).unwrap_or_else(|| id.clone()),
        id: InstanceId::new(id),
        status: Status(wire.status.unwrap_or_default()),
        form,
        engine: datastore.complete_version.as_deref().or(datastore.version.as_deref()).and_then(|v| v.parse().ok()),
        patches,
        tags,
        enterprise_project: wire.enterprise_project_id.unwrap_or_default(),
        maintenance: wire.maintenance_window.and_then(|w| w.parse().ok()),
        backup: wire.backup_strategy.and_then(|b| b.start_time).and_then(|w| w.parse().ok()),
        nodes,
        disk_usage: wire.disk_usage,
        seen_at,
        gone_at: None,
    })
}

/// A scheduled task, or nothing when it names no task or no instance.
pub(crate) fn task(cloud: &CloudName, wire: wire::ScheduleTask, seen_at: DateTime<Utc>) -> Option<Task> {
    let content = wire.task_content.as_ref().and_then(|c| c.get("target_version")).and_then(|v| v.as_str()).map(str::to_owned);
    Some(Task {
        cloud: cloud.clone(),
        id: TaskId::new(wire.task_id.filter(|t| !t.is_empty())?),
        instance: InstanceId::new(wire.instance_id.filter(|t| !t.is_empty())?),
        instance_name: wire.instance_name.unwrap_or_default(),
        status: TaskStatus::from_wire(&wire.status.unwrap_or_default()),
        start_at: wire.start_time.as_deref().and_then(instant::parse),
        created_at: wire.create_time.as_deref().and_then(instant::parse),
        target: wire.target_config.or(content),
        plan: None,
        first_seen_at: seen_at,
        seen_at,
        gone_at: None,
    })
}

/// What the per-instance candidate call says about hot patches.
pub(crate) fn offer(wire: wire::Candidates, read_at: DateTime<Utc>) -> Offer {
    let hotfix = wire.upgrade_type_list.iter().find(|t| t.upgrade_type.as_deref() == Some("hotfix"));
    let action = |t: &wire::UpgradeType| {
        t.upgrade_action_list.iter().any(|a| a.upgrade_action.as_deref() == Some("upgradeAutoCommit") && a.enable == Some(true))
    };
    let hot_patch_enabled = hotfix.is_some_and(|t| t.enable == Some(true) && action(t));
    let mut patches: Vec<OfferedPatch> = Vec::new();
    for text in &wire.hotfix_upgrade_candidate_versions {
        let Ok(version) = text.parse::<PatchVersion>() else { continue };
        let info = wire.hotfix_upgrade_infos.iter().find(|i| i.version.as_deref().is_some_and(|v| v.parse() == Ok(version)));
        let kind = match info.and_then(|i| i.common_patch.as_deref()) {
            Some("common") => PatchKind::General,
            Some("certain") => PatchKind::Custom,
            _ => PatchKind::Unstated,
        };
        patches.push(OfferedPatch {
            version,
            kind,
            backup_sensitive: info.and_then(|i| i.backup_sensitive).unwrap_or_default(),
            description: info.and_then(|i| i.description.clone()).unwrap_or_default(),
        });
    }
    patches.sort_by_key(|p| p.version);
    patches.dedup_by_key(|p| p.version);
    Offer { hot_patch_enabled, patches, read_at }
}

/// Hot patches of the catalogue.
pub(crate) fn catalogue(versions: &[wire::DatabaseVersion]) -> Vec<PatchVersion> {
    versions.iter().flat_map(|v| &v.hotfixes).filter_map(|h| h.version.as_deref()?.parse().ok()).collect()
}

/// What it means, where the cloud has not said it itself.
fn fault(error: &Error) -> Option<Fault> {
    match error {
        Error::Invalid(_) => Some(Fault::Invalid),
        Error::NotSent(_) => Some(Fault::NotConnected),
        Error::Lost(_) => Some(Fault::Lost),
        Error::Unreadable { .. } if error.is_moving() => Some(Fault::Moving),
        Error::Unreadable { .. } => Some(Fault::Unreadable),
        Error::Server(answer) if answer.code.is_none() => Some(Fault::Server),
        _ => None,
    }
}

/// What went wrong on the way, without the words that say what it means.
fn detail(error: &Error) -> String {
    match error {
        Error::Invalid(text) | Error::NotSent(text) | Error::Lost(text) => text.clone(),
        other => other.to_string(),
    }
}

/// What was said, for people.
pub(crate) fn error(error: &Error) -> CloudError {
    match error.answer() {
        Some(answer) => CloudError {
            http_status: Some(answer.status),
            code: answer.code.clone(),
            message: match error {
                Error::Unreadable { reason, .. } if answer.message.is_empty() => reason.clone(),
                _ => answer.message.clone(),
            },
            request_id: answer.request_id.clone(),
            fault: fault(error),
        },
        None => CloudError { message: detail(error), fault: fault(error), ..CloudError::default() },
    }
}

/// What an attempt to create tasks came to.
pub(crate) fn outcome(result: Result<wire::CreatedTasks, Error>) -> Outcome {
    match result {
        Ok(created) => Outcome::Accepted(
            created
                .instance_tasks
                .into_iter()
                .filter_map(|t| Some((InstanceId::new(t.instance_id?), TaskId::new(t.task_id.filter(|t| !t.is_empty())?))))
                .collect(),
        ),
        // Nothing was done, and nothing is wrong with the plan: it waits until somebody has mended the access.
        Err(e) if e.is_access_refused() => Outcome::NotSent(error(&e)),
        Err(e) => match e.fate() {
            Fate::NotSent => Outcome::NotSent(error(&e)),
            Fate::Rejected => Outcome::Rejected(error(&e)),
            Fate::Unknown => Outcome::Unknown(error(&e)),
        },
    }
}
