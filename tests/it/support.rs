//! A whole Patchboard for one test.

use crate::{
    database::Database,
    somebody::{Person, person},
};
use axum::{
    Router,
    body::{Body, to_bytes},
    http::{Request, StatusCode, header},
};
use chrono::{DateTime, Duration, TimeZone, Utc};
use patchboard::server::{ConnectionLimits, Front};
use patchboard_backend::{
    Cloud, CloudSettings, Policy, Seal, Secrets, SentPages, Services, SingleSignOn, Store, Ways,
    clock::{Clock, SharedClock, TestClock},
};
use patchboard_domain::{
    account::{Actor, Role},
    fleet::{DraftView, SentView},
    id::{InstanceId, PlanId},
    review::ReviewPolicy,
    send::{Item, ItemState},
};
use patchboard_simulator::{
    ACCESS_KEY, Options, SECRET_KEY, Simulator, Switches,
    proxy::{Proxy, Toxic},
};
use std::{net::SocketAddr, sync::Arc, time::Duration as Wait};
use tokio::net::TcpListener;
use tower::ServiceExt;

/// Longest wait for something that happens in the background.
const PATIENCE: Wait = Wait::from_secs(60);

pub(crate) struct TestApp {
    pub(crate) services: Services,
    pub(crate) simulator: Simulator,
    /// Between us and the simulator.
    pub(crate) proxy: Proxy,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) database: Database,
    /// Who asks where a test says nothing else: somebody with every role, where no review is needed.
    pub(crate) actor: Actor,
    cookie: String,
    router: Router,
}

/// An answer of the router.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) location: String,
    pub(crate) headers: axum::http::HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) async fn read(response: axum::response::Response) -> Self {
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, usize::MAX).await.unwrap();
        let location = parts.headers.get(header::LOCATION).and_then(|l| l.to_str().ok()).unwrap_or_default().to_owned();
        Self { status: parts.status, location, headers: parts.headers, body: String::from_utf8_lossy(&bytes).into_owned() }
    }
}

pub(crate) fn now() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 11, 23, 10, 0, 0).single().unwrap()
}

pub(crate) fn settings(url: String) -> CloudSettings {
    CloudSettings {
        name: "test".to_owned(),
        region: "ap-southeast-1".to_owned(),
        endpoint: Some(url),
        iam_endpoint: None,
        project_id: None,
        secrets: Secrets::Key { access: ACCESS_KEY.to_owned(), secret: SECRET_KEY.to_owned(), security_token: None },
        language: "en-us".to_owned(),
        deadline: Wait::from_secs(10),
        pauses: Vec::new(),
        // Tests stand still or leap: nothing is to wait for the pace.
        calls_per_minute: Some(1e9),
    }
}

pub(crate) async fn simulator(clock: SharedClock, instances: usize) -> Simulator {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let options = Options { seed: 1, instances, switches: Switches::default(), clock: Arc::new(move || clock.now()) };
    Simulator::start(options, listener).unwrap()
}

/// The ids of `n` instances of a cloud that may be picked and are offered `3.208.0.7`.
pub(crate) fn pickable(simulator: &Simulator, n: usize) -> Vec<String> {
    simulator.world(|w| {
        let open: Vec<&String> = w.tasks.iter().map(|t| &t.instance_id).collect();
        let fits = |i: &&patchboard_simulator::world::Instance| {
            i.status == "ACTIVE"
                && i.engine_version() == "3.208.0"
                && i.has_normal_nodes()
                && !i.name.starts_with("z-demo")
                && !open.contains(&&i.id)
        };
        w.instances.values().filter(fits).map(|i| i.id.clone()).take(n).collect()
    })
}

impl TestApp {
    /// 60 instances, read once.
    pub(crate) async fn start() -> Self {
        let app = Self::unread(60).await;
        app.sync().await;
        app
    }

    /// A cloud that was not read yet.
    pub(crate) async fn unread(instances: usize) -> Self {
        let clock = Arc::new(TestClock::at(now()));
        let simulator = simulator(clock.clone(), instances).await;
        Self::with(simulator, clock, |_| ()).await
    }

    pub(crate) async fn with(simulator: Simulator, clock: Arc<TestClock>, change: impl Fn(&mut CloudSettings)) -> Self {
        // Tests move the clock by weeks; how sessions end is tested where nothing else is.
        let policy = Policy {
            review: ReviewPolicy::none(),
            production: Vec::new(),
            confirm_minutes: 0,
            session_idle_minutes: 90 * 24 * 60,
            session_minutes: 90 * 24 * 60,
            ..Policy::default()
        };
        Self::over(Database::new().await, simulator, clock, change, policy).await
    }

    /// 60 instances, read once, on a database that was made for it.
    pub(crate) async fn on(database: Database) -> Self {
        let clock = Arc::new(TestClock::at(now()));
        let simulator = simulator(clock.clone(), 60).await;
        let app = Self::over(
            database,
            simulator,
            clock,
            |_| (),
            Policy { review: ReviewPolicy::none(), confirm_minutes: 0, ..Policy::default() },
        )
        .await;
        app.sync().await;
        app
    }

    /// 60 instances, read once, under a policy of reviews.
    pub(crate) async fn under(review: ReviewPolicy) -> Self {
        Self::ruled_by(Policy { review, production: Vec::new(), confirm_minutes: 0, ..Policy::default() }).await
    }

    /// 60 instances, read once, under a policy.
    pub(crate) async fn ruled_by(policy: Policy) -> Self {
        let clock = Arc::new(TestClock::at(now()));
        let simulator = simulator(clock.clone(), 60).await;
        let app = Self::over(Database::new().await, simulator, clock, |_| (), policy).await;
        app.sync().await;
        app
    }

    /// A world that was made for it, under a policy; nothing is read yet.
    pub(crate) async fn living(simulator: Simulator, clock: Arc<TestClock>, policy: Policy) -> Self {
        Self::over(Database::new().await, simulator, clock, |_| (), policy).await
    }

    /// The same database and cloud under other settings, as after a restart.
    pub(crate) async fn reopened(self, change: impl Fn(&mut CloudSettings)) -> Self {
        let Self { services, simulator, clock, database, .. } = self;
        let policy = services.policy().clone();
        services.close().await;
        drop(services);
        Self::over(database, simulator, clock, change, policy).await
    }

    /// A Patchboard of its own on a database that begins as a copy, with a cloud that begins as this one's did.
    pub(crate) async fn fork(database: Database, policy: Policy) -> Self {
        let clock = Arc::new(TestClock::at(now()));
        let simulator = simulator(clock.clone(), 60).await;
        Self::over(database, simulator, clock, |_| (), policy).await
    }

    /// The same cloud under a copy of the database, as after a restart.
    pub(crate) async fn restored(self, copy: String) -> Self {
        let Self { services, simulator, clock, mut database, .. } = self;
        let policy = services.policy().clone();
        services.close().await;
        drop(services);
        database.restore(copy);
        Self::over(database, simulator, clock, |_| (), policy).await
    }

    /// The same database under another provider, as after a restart.
    pub(crate) async fn reopened_with(self, sso: SingleSignOn) -> Self {
        let Self { services, simulator, clock, database, .. } = self;
        let policy = services.policy().clone();
        services.close().await;
        drop(services);
        Self::signed_on(database, simulator, clock, |_| (), policy, Some(sso)).await
    }

    async fn over(
        database: Database,
        simulator: Simulator,
        clock: Arc<TestClock>,
        change: impl Fn(&mut CloudSettings),
        policy: Policy,
    ) -> Self {
        Self::signed_on(database, simulator, clock, change, policy, None).await
    }

    /// 60 instances that were not read, where people sign in at a provider too, under a policy.
    pub(crate) async fn with_provider(policy: Policy, sso: SingleSignOn, clock: Arc<TestClock>) -> Self {
        let simulator = simulator(clock.clone(), 60).await;
        Self::signed_on(Database::new().await, simulator, clock, |_| (), policy, Some(sso)).await
    }

    async fn signed_on(
        database: Database,
        simulator: Simulator,
        clock: Arc<TestClock>,
        change: impl Fn(&mut CloudSettings),
        policy: Policy,
        sso: Option<SingleSignOn>,
    ) -> Self {
        let store = Store::open(database.url()).await.unwrap();
        let proxy = Proxy::start(simulator.address()).await.unwrap();
        let mut settings = settings(proxy.url());
        change(&mut settings);
        let cloud = Cloud::new(settings, clock.clone()).unwrap();
        let ways = Ways { seal: Some(Seal::new(&[7; 32])), sso };
        let services = Services::new(store, clock.clone(), vec![cloud], policy, ways).await.unwrap();
        let router = patchboard::server::router(services.clone(), Front { demo: true, ..Front::default() });
        let (actor, cookie) = person(&services, "everybody", &Role::ALL).await;
        Self { services, simulator, proxy, clock, database, actor, cookie, router }
    }

    /// Another replica on the same database and cloud.
    pub(crate) async fn replica(&self) -> Services {
        self.replica_as(|_| ()).await
    }

    /// Another replica, with other settings of the cloud.
    pub(crate) async fn replica_as(&self, change: impl Fn(&mut CloudSettings)) -> Services {
        let store = Store::open(self.database.url()).await.unwrap();
        let mut settings = settings(self.proxy.url());
        change(&mut settings);
        let cloud = Cloud::new(settings, self.clock.clone()).unwrap();
        let ways = Ways { seal: Some(Seal::new(&[7; 32])), sso: None };
        Services::new(store, self.clock.clone(), vec![cloud], self.services.policy().clone(), ways).await.unwrap()
    }

    /// The same Patchboard, as somebody with these roles sees it.
    pub(crate) async fn person(&self, name: &str, roles: &[Role]) -> Person<'_> {
        let (_, cookie) = person(&self.services, name, roles).await;
        Person::new(self, cookie)
    }

    pub(crate) fn cloud(&self) -> Cloud {
        self.services.clouds()[0].clone()
    }

    /// The network to the cloud is like this from now on.
    pub(crate) async fn network(&self, toxics: &[Toxic]) {
        self.proxy.set(toxics.to_vec()).await.unwrap();
    }

    /// One pass of the reconciler, a second later: two listings never begin at the same instant.
    pub(crate) async fn sync(&self) {
        self.advance(1);
        self.services.sync_pass(&self.cloud()).await.unwrap();
    }

    /// One pass of the sender.
    pub(crate) async fn send(&self) {
        self.services.send_pass(&self.cloud()).await.unwrap();
    }

    pub(crate) fn advance(&self, seconds: i64) {
        self.clock.advance(Duration::seconds(seconds));
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.get_as(&self.cookie, path).await
    }

    pub(crate) async fn get_as(&self, cookie: &str, path: &str) -> Answer {
        let request = Request::get(path).header(header::HOST, "localhost").header(header::ACCEPT, "text/html");
        self.bare(request.header(header::COOKIE, cookie).body(Body::empty()).unwrap()).await
    }

    pub(crate) async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        self.post_as(&self.cookie, path, fields).await
    }

    pub(crate) async fn post_as(&self, cookie: &str, path: &str, fields: &[(&str, &str)]) -> Answer {
        let body = reqwest::Url::parse_with_params("http://x/", fields).unwrap().query().unwrap_or_default().to_owned();
        let request = Request::post(path)
            .header(header::HOST, "localhost")
            .header(header::ACCEPT, "text/html")
            .header(header::CONTENT_LENGTH, body.len())
            .header(header::ORIGIN, "http://localhost")
            .header(header::COOKIE, cookie)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        self.bare(request.body(Body::from(body)).unwrap()).await
    }

    /// A request of somebody who is signed in, with cookies of its own beside the session.
    pub(crate) async fn request(&self, mut request: Request<Body>) -> Answer {
        request.headers_mut().append(header::COOKIE, self.cookie.parse().unwrap());
        self.bare(request).await
    }

    /// Edits the database by hand, as somebody with its file could.
    pub(crate) async fn sql(&self, statements: &str) {
        self.try_sql(statements).await.unwrap();
    }

    pub(crate) async fn try_sql(&self, statements: &str) -> Result<(), sqlx::Error> {
        self.database.edit(statements).await
    }

    /// Serves it as the program does, for requests that no library would send.
    pub(crate) async fn listen(&self, limits: ConnectionLimits) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(patchboard::server::serve(listener, self.router.clone(), limits, std::future::pending()));
        address
    }

    /// A request as it is.
    pub(crate) async fn bare(&self, request: Request<Body>) -> Answer {
        Answer::read(self.router.clone().oneshot(request).await.unwrap()).await
    }

    /// The ids of `n` instances that may be picked and are offered `3.208.0.7`.
    pub(crate) fn pickable(&self, n: usize) -> Vec<String> {
        pickable(&self.simulator, n)
    }

    /// A draft of these instances with `3.208.0.7`, starting so many minutes from now, through the forms.
    pub(crate) async fn draft(&self, instances: &[String], minutes: i64) -> PlanId {
        let mut fields = vec![("plan_cloud", "test"), ("go", "continue")];
        fields.extend(instances.iter().map(|i| ("ticked[]", i.as_str())));
        let answer = self.post("/api/plans/pick", &fields).await;
        let id = answer.location.strip_prefix("/plans/").and_then(|l| l.strip_suffix("/schedule")).expect("to the second step").to_owned();
        let start = (self.clock.now() + Duration::minutes(minutes)).format("%Y-%m-%dT%H:%M").to_string();
        let fields =
            [("plan", id.as_str()), ("patches[]", "3.208.0.7"), ("start_local", start.as_str()), ("zone", "UTC"), ("go", "continue")];
        assert_eq!(self.post("/api/plans/schedule", &fields).await.location, format!("/plans/{id}"));
        PlanId::new(id)
    }

    /// A plan of these instances, written and confirmed through the forms; nothing where something stands against it.
    pub(crate) async fn try_plan(&self, instances: &[String], start: DateTime<Utc>) -> Option<PlanId> {
        let mut fields = vec![("plan_cloud", "test"), ("go", "continue")];
        fields.extend(instances.iter().map(|i| ("ticked[]", i.as_str())));
        let answer = self.post("/api/plans/pick", &fields).await;
        self.try_confirm(answer, start).await
    }

    /// The plan whose second step an answer leads to, confirmed for a start; nothing where something stands against it.
    pub(crate) async fn try_confirm(&self, to: Answer, start: DateTime<Utc>) -> Option<PlanId> {
        let id = to.location.strip_prefix("/plans/").and_then(|l| l.strip_suffix("/schedule"))?.to_owned();
        let start = start.format("%Y-%m-%dT%H:%M").to_string();
        let fields =
            [("plan", id.as_str()), ("patches[]", "3.208.0.7"), ("start_local", start.as_str()), ("zone", "UTC"), ("go", "continue")];
        self.post("/api/plans/schedule", &fields).await;
        let id = PlanId::new(id);
        let chosen = self.services.plan(&id).await.unwrap().draft.instances;
        self.services.read_candidates(self.cloud().name(), &chosen).await.unwrap();
        let view = self.services.draft_view(&self.actor, &id).await.unwrap();
        let n = view.chosen.len().to_string();
        let answer = self.post("/api/plans/confirm", &[("plan", id.as_str()), ("hash", &view.hash), ("count", &n)]).await;
        (answer.location == format!("/plans/{id}")).then_some(id)
    }

    /// A number that the database says.
    pub(crate) async fn count(&self, sql: &'static str) -> i64 {
        self.database.count(sql).await
    }

    /// Waits for something that happens in the background.
    pub(crate) async fn until(&self, holds: impl AsyncFn() -> bool) {
        let holds = async {
            while !holds().await {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, holds).await.expect("it happens");
    }

    /// The draft once every candidate list has answered.
    pub(crate) async fn draft_view(&self, id: &PlanId) -> DraftView {
        let view = async || self.services.draft_view(&self.actor, id).await.unwrap();
        self.until(async || {
            let view = view().await;
            view.candidates_read == view.chosen.len()
        })
        .await;
        view().await
    }

    /// Confirms a draft through its form.
    pub(crate) async fn confirm(&self, id: &PlanId) -> Answer {
        let view = self.draft_view(id).await;
        let n = view.chosen.len().to_string();
        self.post("/api/plans/confirm", &[("plan", id.as_str()), ("hash", &view.hash), ("count", &n)]).await
    }

    /// A confirmed plan for `n` instances, two hours from now; nothing is sent yet.
    pub(crate) async fn confirmed(&self, n: usize) -> (PlanId, Vec<String>) {
        let instances = self.pickable(n);
        assert_eq!(instances.len(), n, "the seeded world has enough instances");
        let id = self.draft(&instances, 120).await;
        assert_eq!(self.confirm(&id).await.location, format!("/plans/{id}"));
        (id, instances)
    }

    pub(crate) async fn sent(&self, id: &PlanId) -> SentView {
        self.services.sent_view(&self.actor, id, SentPages::default()).await.unwrap()
    }

    /// The state words of a plan's instances, in the order of the requests.
    pub(crate) async fn words(&self, id: &PlanId) -> Vec<&'static str> {
        let pages = SentPages { whole: true, ..SentPages::default() };
        let view = self.services.sent_view(&self.actor, id, pages).await.unwrap();
        let order: Vec<&InstanceId> = view.requests.rows.iter().flat_map(|r| &r.instances).collect();
        let mut items: Vec<&Item> = view.items.rows.iter().map(|(item, _)| item).collect();
        items.sort_by_key(|item| order.iter().position(|id| **id == item.instance));
        items.iter().map(|item| item.state.word()).collect()
    }

    pub(crate) async fn state(&self, id: &PlanId, instance: &str) -> ItemState {
        self.item(id, instance).await.state
    }

    pub(crate) async fn item(&self, id: &PlanId, instance: &str) -> Item {
        let wanted = InstanceId::new(instance);
        self.sent(id).await.items.rows.into_iter().find(|(i, _)| i.instance == wanted).map(|(i, _)| i).unwrap()
    }

    /// How many tasks the cloud really has for each of these instances.
    pub(crate) fn tasks(&self, instances: &[String]) -> Vec<usize> {
        self.simulator.world(|w| instances.iter().map(|i| w.tasks_of(i).len()).collect())
    }

    /// How many create calls the cloud saw.
    pub(crate) fn creates(&self) -> usize {
        self.simulator.requests("db-upgrade/schedule-task")
    }
}
