//! The calls, each once. Reading calls may be repeated by [`Client::get`]; changing calls never are.

use super::{Client, Rows};
use crate::{
    error::{Answer, Error},
    sign, wire,
};
use chrono::{DateTime, Utc};
use reqwest::Method;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::BTreeSet;

/// Largest page the API gives.
const PAGE: usize = 100;

/// Most pages of one list: far beyond any estate, so that a server that never ends does not hold us for ever.
const MOST_PAGES: usize = 10_000;

/// Variants of the instance list, newest first. Not every region has every one.
const INSTANCE_VERSIONS: [&str; 4] = ["v3.3", "v3.2", "v3.1", "v3"];

impl Client {
    /// Creates scheduled tasks, after [`Client::prepare`]. `body` is sent byte for byte. Sent once, whatever happens. `signed_at`, by our
    /// clock, dates the signature: a gateway
    /// refuses it a quarter of an hour later, so a call that is held up on its way cannot act for ever.
    ///
    /// # Errors
    /// [`Error::fate`] says what is known about the effect.
    pub async fn create_schedule_task(&self, body: String, signed_at: DateTime<Utc>) -> Result<wire::CreatedTasks, Error> {
        // Whatever fails before it leaves, refused credentials included, says nothing about it.
        let unsent = |e: Error| Error::NotSent(e.to_string());
        let mut call = self.call(Method::POST, "v3", "instances/db-upgrade/schedule-task").await.map_err(unsent)?;
        call.body = Some(body);
        call.signed_at = Some(signed_at);
        self.send(&call).await?.json()
    }

    /// Cancels a scheduled task, for every instance that shares the id. Sent once.
    ///
    /// # Errors
    /// [`Error::fate`] says what is known about the effect.
    pub async fn cancel_schedule_task(&self, task_id: &str) -> Result<(), Error> {
        let path = format!("instances/schedule-task/{}/cancel", segment(task_id)?);
        self.send(&self.call(Method::PUT, "v3", &path).await?).await.map(drop)
    }

    /// Deletes the record of a scheduled task. Sent once.
    ///
    /// # Errors
    /// [`Error::fate`] says what is known about the effect.
    pub async fn delete_schedule_task(&self, task_id: &str) -> Result<(), Error> {
        let path = format!("instances/schedule-task/{}", segment(task_id)?);
        self.send(&self.call(Method::DELETE, "v3", &path).await?).await.map(drop)
    }

    /// All scheduled tasks the cloud remembers (one month at most). `progress` is called with the rows read so far.
    ///
    /// # Errors
    /// The first page that cannot be read fails the whole: half a list is not evidence.
    pub async fn schedule_tasks(&self, progress: impl Fn(usize)) -> Result<Vec<wire::ScheduleTask>, Error> {
        self.pages::<wire::ScheduleTaskList, _>("v3", "instances/schedule-tasks", &progress).await
    }

    /// All instances, from the newest list that the region has.
    ///
    /// # Errors
    /// As [`Client::schedule_tasks`].
    pub async fn instances(&self, progress: impl Fn(usize)) -> Result<Vec<wire::Instance>, Error> {
        let mut result = Err(Error::Invalid("no variant of the instance list".to_owned()));
        for version in INSTANCE_VERSIONS {
            result = self.pages::<wire::InstanceList, _>(version, "instances", &progress).await;
            if !matches!(&result, Err(e) if e.is_unknown_api()) {
                break;
            }
        }
        result
    }

    /// Candidate versions of one instance: the list that decides.
    ///
    /// # Errors
    /// Any.
    pub async fn candidates(&self, instance_id: &str) -> Result<wire::Candidates, Error> {
        let path = format!("instances/{}/db-upgrade/candidate-versions", segment(instance_id)?);
        match self.get(self.call(Method::GET, "v3.1", &path).await?).await {
            Err(e) if e.is_unknown_api() => self.get(self.call(Method::GET, "v3", &path).await?).await,
            result => result,
        }
    }

    /// Candidate versions of several instances; whether union or intersection is not documented. For display only.
    ///
    /// # Errors
    /// Any.
    pub async fn batch_candidates(&self, instance_ids: &[String]) -> Result<wire::Candidates, Error> {
        let body = serde_json::json!({ "instance_ids": instance_ids }).to_string();
        let mut last = Err(Error::Invalid("no variant of the batch candidate call".to_owned()));
        for version in ["v3.1", "v3"] {
            let mut call = self.call(Method::POST, version, "instances/db-upgrade/candidate-versions").await?;
            call.errand = crate::Errand::Prepare;
            call.body = Some(body.clone());
            last = self.get(call).await;
            if !matches!(&last, Err(e) if e.is_unknown_api()) {
                break;
            }
        }
        last
    }

    /// The catalogue of hot patches.
    ///
    /// # Errors
    /// Any.
    pub async fn datastore_versions(&self) -> Result<Vec<wire::DatabaseVersion>, Error> {
        self.pages::<wire::DatastoreVersions, _>("v3.2", "datastore/versions", &|_| ()).await
    }

    /// Jobs of the task center, the last month only.
    ///
    /// # Errors
    /// Any.
    pub async fn jobs(&self) -> Result<Vec<wire::Job>, Error> {
        self.pages::<wire::JobList, _>("v3", "tasks", &|_| ()).await
    }

    /// One job.
    ///
    /// # Errors
    /// Any.
    pub async fn job(&self, id: &str) -> Result<wire::JobDetail, Error> {
        let mut call = self.call(Method::GET, "v3", "jobs").await?;
        call.query.push(("id".to_owned(), id.to_owned()));
        self.get::<wire::JobDetailAnswer>(call).await.map(|a| a.job.unwrap_or_default())
    }

    /// Enterprise projects, by the GaussDB host: a project-scoped token is enough there.
    ///
    /// # Errors
    /// Any.
    pub async fn enterprise_projects(&self) -> Result<Vec<wire::EnterpriseProject>, Error> {
        self.pages::<wire::EnterpriseProjectList, _>("v3", "enterprise-projects", &|_| ()).await
    }

    /// All tags of the project.
    ///
    /// # Errors
    /// Any.
    pub async fn tags(&self) -> Result<wire::TagList, Error> {
        self.get(self.call(Method::GET, "v3", "tags").await?).await
    }

    /// Reads a list by row offset until its total. What is not in it will look absent, and absence is evidence, so anything that
    /// is not surely the whole list is an error: an answer without the rows, a total that changes meanwhile, a row that comes
    /// twice (rows shifted, and another may have been skipped), an end before the total. The next pass reads again.
    async fn pages<L, T>(&self, version: &str, path: &str, progress: &impl Fn(usize)) -> Result<Vec<T>, Error>
    where
        L: DeserializeOwned + Rows<T>,
    {
        let mut all: Vec<T> = Vec::new();
        let mut keys = BTreeSet::new();
        let mut promised = None;
        for page in 0..MOST_PAGES {
            let mut call = self.call(Method::GET, version, path).await?;
            call.query = vec![("offset".to_owned(), all.len().to_string()), ("limit".to_owned(), PAGE.to_string())];
            let answer: Value = self.get(call).await?;
            if !answer.get(L::FIELD).is_some_and(Value::is_array) {
                return Err(not_whole(format!("the answer has no list {:?}", L::FIELD)));
            }
            let (rows, total) = serde_json::from_value::<L>(answer).map_err(|e| not_whole(e.to_string()))?.rows();
            if page > 0 && total != promised {
                return Err(moved(format!("{} rows at first, then {}", count(promised), count(total))));
            }
            promised = total;
            let got = rows.len();
            if let Some(twice) = rows.iter().map(L::key).find(|key| !keys.insert(key.clone())) {
                return Err(moved(format!("row {twice:?} came twice")));
            }
            all.extend(rows);
            progress(all.len());
            match total.and_then(|t| usize::try_from(t).ok()) {
                Some(total) if all.len() >= total => return Ok(all),
                None if got == 0 => return Ok(all),
                Some(total) if got == 0 => return Err(not_whole(format!("the list ended after {} of {total} rows", all.len()))),
                _ => {}
            }
        }
        Err(not_whole(format!("the list did not end after {} rows", all.len())))
    }
}

fn count(total: Option<i64>) -> String {
    total.map_or_else(|| "no number of".to_owned(), |n| n.to_string())
}

/// Rows came or went while the list was read.
fn moved(detail: String) -> Error {
    not_whole(format!("{}: {detail}", crate::error::MOVING))
}

fn not_whole(reason: String) -> Error {
    Error::Unreadable { reason, answer: Answer { status: 200, ..Answer::default() } }
}

/// An id as a path segment. An encoded slash would become a real one when the signature is checked, so it is refused.
fn segment(id: &str) -> Result<String, Error> {
    if id.is_empty() || id.contains(['/', '\\']) || id == "." || id == ".." {
        return Err(Error::Invalid(format!("{id:?} is not an id")));
    }
    Ok(sign::encode(id))
}
