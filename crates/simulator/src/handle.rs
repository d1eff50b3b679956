//! From a request to an answer: the table of calls, and the rules of the cloud.

use crate::{
    answers::{self, Answer, empty, error, iam_error, ok},
    auth::{self, Accounts, Incoming},
    fault::{self, Act, Script},
    world::{TaskState, World},
};
use chrono::{DateTime, Duration, Utc};
use patchboard_gaussdb::instant;
use serde_json::{Value, json};

/// Everything behind the lock.
pub(crate) struct State {
    pub(crate) world: World,
    pub(crate) accounts: Accounts,
    pub(crate) script: Script,
    /// Requests seen: method and path, for tests.
    pub(crate) seen: Vec<String>,
    /// Bodies of create calls, as they came.
    pub(crate) create_bodies: Vec<String>,
    /// Bodies of create calls that act later.
    pub(crate) late: Vec<(DateTime<Utc>, Vec<u8>)>,
}

/// An answer, and what is to be done with it.
pub(crate) struct Handled {
    pub(crate) answer: Answer,
    pub(crate) act: Option<Act>,
}

impl State {
    pub(crate) fn handle(&mut self, request: &Incoming<'_>, now: DateTime<Utc>) -> Handled {
        self.world.advance(now);
        self.act_late(now);
        self.seen.push(format!("{} {}", request.method, request.path));
        if is_create(request) {
            self.create_bodies.push(String::from_utf8_lossy(request.body).into_owned());
        }
        if request.path == "/v3/auth/tokens" && request.method == "POST" {
            return Handled { answer: self.token(request, now), act: None };
        }
        if let Err(answer) = self.accounts.check(request, now) {
            return Handled { answer, act: None };
        }
        if let Some(answer) = self.throttle(now) {
            return Handled { answer, act: None };
        }
        let mut act = self.script.strike(request.method, request.path, request.body);
        if act.is_none() && is_create(request) {
            act = self.sentinel(request.body);
        }
        match &act {
            Some(Act::Refuse { status, code, message, retry_after }) => {
                let mut answer = error(*status, code, message);
                if let Some(seconds) = retry_after {
                    answer.headers.push(("retry-after", seconds.to_string()));
                }
                Handled { answer, act: None }
            }
            Some(Act::Throttle { retry_after }) => {
                let mut answer = error(429, "APIGW.0308", "Too many requests.");
                if !retry_after.is_empty() {
                    answer.headers.push(("retry-after", retry_after.clone()));
                }
                Handled { answer, act: None }
            }
            Some(Act::DropThenDo { seconds }) => {
                self.late.push((now + Duration::seconds(*seconds), request.body.to_vec()));
                Handled { answer: empty(), act }
            }
            Some(Act::Drop | Act::Hang { .. } | Act::Redirect) => Handled { answer: empty(), act },
            _ => {
                if act == Some(Act::Interleave) {
                    self.interleave(now);
                }
                let answer = self.route(request, now, act.as_ref());
                Handled { answer, act }
            }
        }
    }

    /// What was asked for some time ago and is done only now.
    pub(crate) fn act_late(&mut self, now: DateTime<Utc>) {
        let (due, still): (Vec<_>, Vec<_>) = std::mem::take(&mut self.late).into_iter().partition(|(at, _)| *at <= now);
        self.late = still;
        for (at, body) in due {
            self.create(&body, at, None);
        }
    }

    /// A colleague's task, of the last instance that has none.
    fn interleave(&mut self, now: DateTime<Utc>) {
        let free = self.world.order.iter().rev().find(|id| self.world.tasks_of(id).is_empty()).cloned();
        let version = self.world.hotfixes.first().map(|h| h.version.clone());
        if let (Some(id), Some(version)) = (free, version) {
            self.world.schedule_elsewhere(&id, &version, now + Duration::days(1), now);
        }
    }

    fn throttle(&mut self, now: DateTime<Utc>) -> Option<Answer> {
        let limit = self.world.switches.requests_per_minute;
        let minute = now.timestamp() / 60;
        let (at, count) = &mut self.world.window;
        if *at != minute {
            (*at, *count) = (minute, 0);
        }
        *count += 1;
        (limit > 0 && *count > limit).then(|| {
            let message = format!("The throttling threshold has been reached: policy user over ratelimit,limit:{limit},time:1 minute");
            error(429, "APIGW.0308", &message)
        })
    }

    fn sentinel(&self, body: &[u8]) -> Option<Act> {
        let body: Value = serde_json::from_slice(body).ok()?;
        let ids = body.get("instance_ids")?.as_array()?;
        ids.iter().filter_map(|id| self.world.instances.get(id.as_str()?)).find_map(|i| fault::sentinel(&i.name))
    }

    fn route(&mut self, request: &Incoming<'_>, now: DateTime<Utc>, act: Option<&Act>) -> Answer {
        let chinese = request.header("x-language") == Some("zh-cn");
        let segments: Vec<&str> = request.path.trim_matches('/').split('/').collect();
        match (request.method, segments.as_slice()) {
            ("GET", ["v3", "projects"]) => projects(request),
            (_, [_, project, ..]) if *project != auth::PROJECT => {
                error(403, "APIGW.0302", "The project in the URL is not the project of the credentials.")
            }
            ("POST", ["v3", _, "instances", "db-upgrade", "schedule-task"]) => self.create(request.body, now, act),
            ("GET", ["v3", _, "instances", "schedule-tasks"]) => self.list_tasks(request, now, chinese),
            ("PUT", ["v3", _, "instances", "schedule-task", id, "cancel"]) => self.cancel(id),
            ("DELETE", ["v3", _, "instances", "schedule-task", id]) => self.delete(id),
            ("GET", [list @ ("v3" | "v3.1" | "v3.2" | "v3.3"), _, "instances"]) => self.list_instances(request, list),
            ("GET", ["v3" | "v3.1", _, "instances", id, "db-upgrade", "candidate-versions"]) => self.candidates(id, chinese),
            ("POST", [list @ ("v3" | "v3.1"), _, "instances", "db-upgrade", "candidate-versions"]) => {
                self.batch(request.body, chinese, list)
            }
            ("GET", ["v3.2", _, "datastore", "versions"]) => page(request, "database_versions", "total", answers::catalogue(&self.world)),
            ("GET", ["v3", _, "tasks"]) => {
                let begun: Vec<_> =
                    self.world.tasks.iter().filter(|t| !matches!(t.state, TaskState::Pending | TaskState::Canceled)).collect();
                page(request, "tasks", "total_count", begun.into_iter().map(|t| answers::job(&self.world, t)).collect())
            }
            ("GET", ["v3", _, "jobs"]) => self.job(request),
            ("GET", ["v3", _, "enterprise-projects"]) => self.enterprise_projects(request),
            ("GET", ["v3", _, "tags"]) => self.tags(),
            _ => error(404, "APIGW.0101", "The API does not exist or has not been published in the environment."),
        }
    }

    fn create(&mut self, body: &[u8], now: DateTime<Utc>, act: Option<&Act>) -> Answer {
        let Ok(body) = serde_json::from_slice::<Value>(body) else { return error(400, "DBS.200001", "Parameter error.") };
        let text = |k: &str| body.get(k).and_then(Value::as_str).unwrap_or_default().to_owned();
        let wrong = |k: &str| error(400, "DBS.06010013", &format!("Parameter error: {k}/{}", text(k)));
        let ids: Vec<String> = body
            .get("instance_ids")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(|v| v.as_str().map(str::to_owned))
            .collect();
        if ids.is_empty() || (self.world.switches.max_instances > 0 && ids.len() > self.world.switches.max_instances) {
            return error(400, "DBS.06010013", &format!("Parameter error: instance_ids/{}", ids.len()));
        }
        if text("upgrade_type") != "hotfix" {
            return wrong("upgrade_type");
        }
        if text("upgrade_action") != "upgradeAutoCommit" {
            return wrong("upgrade_action");
        }
        let Some(start) = instant::parse(&text("start_time")).filter(|s| *s > now) else { return wrong("start_time") };
        let mut versions: Vec<String> = text("target_version").split(',').map(str::to_owned).collect();
        // Whether the prefix is accepted here is not documented; the hard reading refuses it.
        if versions.iter().any(|v| v.starts_with("V2.0-") || !self.world.hotfixes.iter().any(|h| h.version == *v)) {
            return error(400, "DBS.200041", "Invalid database version.");
        }
        versions.sort_by_key(|v| v.rsplit('.').next().and_then(|n| n.parse::<u32>().ok()));
        let mut good = Vec::new();
        for id in &ids {
            match self.may_be_scheduled(id, &versions) {
                Ok(()) => good.push(id.clone()),
                Err(_) if self.world.switches.bad_instance_is_left_out && ids.len() > 1 => {}
                Err(answer) => return answer,
            }
        }
        if matches!(act, Some(Act::Partial)) && good.len() > 1 {
            good.pop();
        }
        let mut made = self.world.create(&good, &versions, start, now);
        if matches!(act, Some(Act::DoAllNamePartly)) {
            made.pop();
        }
        if let (Some(Act::DoAllNameMore), Some(one)) = (act, made.first().cloned()) {
            made.extend(made.clone());
            made.push(crate::Task { instance_id: "stranger".to_owned(), ..one });
        }
        ok(answers::created(&made))
    }

    fn may_be_scheduled(&self, id: &str, versions: &[String]) -> Result<(), Answer> {
        let Some(instance) = self.world.instances.get(id) else { return Err(error(404, "DBS.200002", "The DB instance does not exist.")) };
        if instance.status != "ACTIVE" {
            return Err(error(400, "DBS.06010001", "Instance status is invalid."));
        }
        let offered = self.world.offered(instance);
        if versions.iter().any(|v| !offered.iter().any(|h| h.version == *v)) {
            return Err(error(400, "DBS.200041", "Invalid database version."));
        }
        let pending = self.world.tasks.iter().any(|t| t.instance_id == id && t.state == TaskState::Pending);
        if pending && self.world.switches.duplicates_refused {
            return Err(error(400, "DBS.06020003", "An operation that conflicts with the current operation is in progress."));
        }
        Ok(())
    }

    fn list_tasks(&self, request: &Incoming<'_>, now: DateTime<Utc>, chinese: bool) -> Answer {
        let get = |k: &str| request.query.iter().find(|(n, _)| n == k).map(|(_, v)| v.as_str());
        let bound = |k: &str| get(k).and_then(instant::parse);
        let lag = Duration::seconds(self.world.switches.list_lag_seconds);
        let rows = self
            .world
            .tasks
            .iter()
            .rev()
            .filter(|t| !t.deleted && t.created + lag <= now && t.created > now - Duration::days(31))
            .filter(|t| get("instance_id").is_none_or(|v| v == t.instance_id))
            .filter(|t| get("status").is_none_or(|v| v == format!("{:?}", t.state)))
            .filter(|t| bound("start_time").is_none_or(|b| t.start >= b) && bound("end_time").is_none_or(|b| t.start <= b))
            .map(|t| answers::task(&self.world, t, chinese))
            .collect();
        page(request, "tasks", "total_count", rows)
    }

    fn with_id(&mut self, id: &str) -> Vec<&mut crate::Task> {
        let key = id.replace('-', "").to_lowercase();
        self.world.tasks.iter_mut().filter(|t| !t.deleted && t.id.replace('-', "") == key).collect()
    }

    fn cancel(&mut self, id: &str) -> Answer {
        let mut tasks = self.with_id(id);
        if tasks.is_empty() {
            return error(404, "DBS.200355", "Resource not found.");
        }
        if !tasks.iter().any(|t| t.state == TaskState::Pending) {
            return error(400, "DBS.200402", "Invalid operation.");
        }
        for task in tasks.iter_mut().filter(|t| t.state == TaskState::Pending) {
            task.state = TaskState::Canceled;
        }
        empty()
    }

    fn delete(&mut self, id: &str) -> Answer {
        let mut tasks = self.with_id(id);
        if tasks.is_empty() {
            return error(404, "DBS.200355", "Resource not found.");
        }
        if tasks.iter().any(|t| matches!(t.state, TaskState::Pending | TaskState::Running)) {
            return error(400, "DBS.200402", "Invalid operation.");
        }
        for task in &mut tasks {
            task.deleted = true;
        }
        empty()
    }

    fn list_instances(&self, request: &Incoming<'_>, list: &str) -> Answer {
        if self.world.switches.missing_list_versions.iter().any(|v| v == list) {
            return error(404, "APIGW.0101", "The API does not exist or has not been published in the environment.");
        }
        let get = |k: &str| request.query.iter().find(|(n, _)| n == k).map(|(_, v)| v.as_str());
        let fits = |value: &str, wanted: Option<&str>| match wanted {
            None => true,
            Some(w) => w.strip_prefix('*').map_or(w == value, |part| value.contains(part)),
        };
        let rows: Vec<_> = self
            .world
            .order
            .iter()
            .map(|id| &self.world.instances[id])
            .filter(|i| fits(&i.id, get("id")) && fits(&i.name, get("name")))
            .filter(|i| get("type").is_none_or(|t| (t == "Enterprise") == i.distributed))
            .collect();
        slice(
            request,
            rows.len(),
            |from, to| json!({"instances": rows[from..to].iter().map(|i| answers::instance(i, list)).collect::<Vec<_>>(), "total_count": rows.len()}),
        )
    }

    fn candidates(&self, id: &str, chinese: bool) -> Answer {
        match self.world.instances.get(id) {
            None => error(404, "DBS.200002", "The DB instance does not exist."),
            Some(i) if i.name.contains("candidates-fail") => error(500, "DBS.108000", "Server failure."),
            Some(i) => ok(answers::candidates(&self.world, i, chinese)),
        }
    }

    fn batch(&self, body: &[u8], chinese: bool, list: &str) -> Answer {
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        let ids = body.get("instance_ids").and_then(Value::as_array).cloned().unwrap_or_default();
        let instances: Vec<_> = ids.iter().filter_map(|id| self.world.instances.get(id.as_str()?)).collect();
        if instances.len() != ids.len() {
            return error(404, "DBS.200002", "The DB instance does not exist.");
        }
        ok(answers::batch_candidates(&self.world, &instances, chinese, list))
    }

    fn job(&self, request: &Incoming<'_>) -> Answer {
        let id = request.query.iter().find(|(n, _)| n == "id").map(|(_, v)| v.replace('-', "")).unwrap_or_default();
        let begun = |t: &&crate::Task| !matches!(t.state, TaskState::Pending | TaskState::Canceled);
        match self.world.tasks.iter().filter(begun).find(|t| t.id.replace('-', "") == id) {
            None => error(400, "DBS.200543", "The job does not exist."),
            Some(t) => {
                let job = answers::job(&self.world, t);
                ok(json!({"job": {"id": job["job_id"], "name": job["name"], "status": job["status"], "created": job["created_at"],
                    "ended": job["ended_at"], "progress": job["process"], "fail_reason": job["fail_reason"],
                    "instance": {"id": t.instance_id, "name": job["instance_info"]["instance_name"]}}}))
            }
        }
    }

    fn enterprise_projects(&self, request: &Incoming<'_>) -> Answer {
        let rows = self
            .world
            .enterprise_projects
            .iter()
            .map(|(id, name)| json!({"id": id, "name": name, "description": "", "status": "1", "created_at": "2024-01-01T00:00:00Z", "updated_at": "2024-01-01T00:00:00Z"}))
            .collect();
        page(request, "enterprise_projects", "total_count", rows)
    }

    fn tags(&self) -> Answer {
        let mut tags: std::collections::BTreeMap<&str, std::collections::BTreeSet<&str>> = std::collections::BTreeMap::new();
        for (key, value) in self.world.instances.values().flat_map(|i| &i.tags) {
            tags.entry(key).or_default().insert(value);
        }
        ok(json!({"tags": tags.into_iter().map(|(k, v)| json!({"key": k, "value": v})).collect::<Vec<_>>()}))
    }

    fn token(&mut self, request: &Incoming<'_>, now: DateTime<Utc>) -> Answer {
        let Ok(body) = serde_json::from_slice::<Value>(request.body) else {
            return iam_error(400, "The request body is invalid", "Bad Request");
        };
        let user = &body["auth"]["identity"]["password"]["user"];
        let right = user["name"] == auth::USER && user["password"] == auth::PASSWORD && user["domain"]["name"] == auth::DOMAIN;
        if !right {
            return iam_error(401, "The username or password is wrong.", "Unauthorized");
        }
        let (token, expires) = self.accounts.give_token(now);
        let body = json!({"token": {"expires_at": expires.format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string(),
            "issued_at": now.format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string(), "methods": ["password"],
            "project": {"id": auth::PROJECT, "name": "ap-southeast-1", "domain": {"id": "d78cbac186b744899480f25bd022f468", "name": auth::DOMAIN}},
            "roles": [], "catalog": []}});
        Answer { status: 201, headers: vec![("x-subject-token", token)], body: Some(body) }
    }
}

fn is_create(request: &Incoming<'_>) -> bool {
    request.method == "POST" && request.path.ends_with("/db-upgrade/schedule-task")
}

fn projects(request: &Incoming<'_>) -> Answer {
    let name = request.query.iter().find(|(n, _)| n == "name").map_or("ap-southeast-1", |(_, v)| v.as_str());
    ok(json!({"projects": [{"id": auth::PROJECT, "name": name, "domain_id": "d78cbac186b744899480f25bd022f468",
        "parent_id": "d78cbac186b744899480f25bd022f468", "enabled": true, "is_domain": false, "description": "",
        "links": {"self": "https://localhost/v3/projects"}}], "links": {"self": "https://localhost/v3/projects"}}))
}

/// A page of rows by the request's `offset` and `limit`.
fn page(request: &Incoming<'_>, rows_name: &str, total_name: &str, rows: Vec<Value>) -> Answer {
    slice(request, rows.len(), |from, to| json!({rows_name: rows[from..to], total_name: rows.len()}))
}

fn slice(request: &Incoming<'_>, len: usize, body: impl Fn(usize, usize) -> Value) -> Answer {
    let number = |k: &str, default: usize| match request.query.iter().find(|(n, _)| n == k) {
        None => Some(default),
        Some((_, v)) => v.parse().ok(),
    };
    let Some(offset) = number("offset", 0) else { return error(400, "DBS.280440", "Invalid offset.") };
    // Enterprise projects take up to 1000, everything else up to 100.
    let most = if request.path.ends_with("/enterprise-projects") { 1000 } else { 100 };
    let Some(limit) = number("limit", 100).filter(|l| (1..=most).contains(l)) else { return error(400, "DBS.280439", "Invalid records.") };
    let from = offset.min(len);
    ok(body(from, (from + limit).min(len)))
}
