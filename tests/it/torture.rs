//! A long life in a bad world: whatever a seed says goes wrong, and in the end the cloud's true history is held against our journal.
//!
//! `cargo xtask torture --seed N --minutes M` lives through many; here a few do. One that ends badly is cut down to the shortest that
//! still does, and said with its seed.

use crate::support::{TestApp, now};
use chrono::{DateTime, Duration, DurationRound, Utc};
use patchboard_backend::{
    Policy, Services,
    clock::{Clock, TestClock},
};
use patchboard_domain::{
    id::PlanId,
    review::ReviewPolicy,
    send::{ItemState, Stop},
};
use patchboard_simulator::{
    Act, Fault, Options, Simulator, Switches, TaskState,
    proxy::{Toxic, Way},
};
use std::{collections::BTreeSet, sync::Arc};
use tokio::net::TcpListener;

#[derive(Clone, Debug)]
enum Step {
    /// Somebody confirms a plan for so many instances.
    Confirm(usize),
    /// A replica sends what it can, or looks at the cloud. With one replica both are the same.
    Send(bool),
    Look(bool),
    /// Time goes by.
    Wait(i64),
    /// The wall clock is set; no time goes by.
    Jump(i64),
    /// The next create call fares like this.
    Strike(Act),
    /// The next look at the tasks fares like this.
    Blind(Act),
    /// The network is like this until it is quiet again.
    Network(Toxic),
    Quiet,
    /// The list shows tasks so many seconds late.
    Lag(i64),
    /// The process is killed while it sends, after it was polled so often, and starts again.
    Crash(usize),
    /// The last plan is withdrawn, or held and let go.
    Withdraw,
    Hold(bool),
    /// The last plan is moved to a later time; the answer to its cancel may be lost.
    Move(Option<Act>),
    /// A colleague schedules something in the console.
    Foreign,
}

fn steps(random: &mut fastrand::Rng, length: usize) -> Vec<Step> {
    let acts = [
        Act::Drop,
        Act::DoThenDrop,
        Act::DoThenFail,
        Act::DoThenGarbage,
        Act::DoThenTruncate,
        Act::DoThenEmpty,
        Act::Partial,
        Act::DoAllNamePartly,
        Act::Redirect,
        Act::DropThenDo { seconds: 40 },
        Act::Refuse { status: 429, code: "APIGW.0308".to_owned(), message: "slow".to_owned(), retry_after: Some(20) },
        Act::Refuse { status: 503, code: "APIGW.0201".to_owned(), message: "away".to_owned(), retry_after: None },
        Act::Refuse { status: 400, code: "DBS.200011".to_owned(), message: "busy".to_owned(), retry_after: None },
    ];
    let toxics = [Toxic::Refuse, Toxic::ResetPeer(Way::Up), Toxic::ResetPeer(Way::Down), Toxic::LimitData(Way::Down, 40)];
    let mut step = || match random.u32(0..100) {
        0..18 => Step::Confirm(random.usize(1..5)),
        18..38 => Step::Send(random.bool()),
        38..52 => Step::Look(random.bool()),
        52..55 => Step::Move(random.choice(&[None, Some(Act::Drop), Some(Act::DoThenDrop), Some(Act::DoThenFail)]).cloned().flatten()),
        55..67 => Step::Wait(*random.choice(&[1, 5, 30, 61, 125, 400]).unwrap_or(&1)),
        67..70 => Step::Jump(*random.choice(&[-3600, -60, 60, 1800]).unwrap_or(&60)),
        70..82 => Step::Strike(random.choice(&acts).cloned().unwrap_or(Act::Drop)),
        82..84 => Step::Blind(Act::DoThenFail),
        84..88 => Step::Network(*random.choice(&toxics).unwrap_or(&Toxic::Refuse)),
        88..91 => Step::Quiet,
        91..93 => Step::Lag(*random.choice(&[0, 30, 60]).unwrap_or(&0)),
        93..96 => Step::Crash(random.usize(1..60)),
        96..97 => Step::Withdraw,
        97..99 => Step::Hold(random.bool()),
        _ => Step::Foreign,
    };
    (0..length).map(|_| step()).collect()
}

/// A plan of ours, and what it asked for.
struct Planned {
    id: PlanId,
    instances: Vec<String>,
    start: DateTime<Utc>,
}

struct Life {
    app: TestApp,
    other: Option<Services>,
    plans: Vec<Planned>,
    foreign: BTreeSet<String>,
}

impl Life {
    async fn begin() -> Self {
        let clock = Arc::new(TestClock::at(now()));
        // The cloud's clock is right; ours is the one that is set.
        let steady = clock.clone();
        let options = Options {
            seed: 1,
            instances: 150,
            switches: Switches::default(),
            clock: Arc::new(move || now() + Duration::from_std(steady.elapsed()).unwrap()),
        };
        let world = Simulator::start(options, TcpListener::bind("127.0.0.1:0").await.unwrap()).unwrap();
        let policy = Policy {
            review: ReviewPolicy::none(),
            confirm_minutes: 0,
            session_idle_minutes: 90 * 24 * 60,
            session_minutes: 90 * 24 * 60,
            ..Policy::default()
        };
        let app = TestApp::living(world, clock, policy).await;
        app.sync().await;
        let mut life = Self { app, other: None, plans: Vec::new(), foreign: BTreeSet::new() };
        life.join().await;
        life
    }

    /// A second replica, where the database is one that can be shared.
    async fn join(&mut self) {
        if !self.app.database.is_file() {
            let other = self.app.replica().await;
            // What goes wrong on the way is the other's affair.
            let _ = other.sync_pass(&other.clouds()[0]).await;
            self.other = Some(other);
        }
    }

    fn who(&self, other: bool) -> &Services {
        self.other.as_ref().filter(|_| other).unwrap_or(&self.app.services)
    }

    async fn confirmed(&mut self, id: PlanId, start: DateTime<Utc>) {
        // What could not be picked any more is not in it.
        let instances = self.app.sent(&id).await.items.rows.iter().map(|(i, _)| i.instance.to_string()).collect();
        self.plans.push(Planned { id, instances, start });
    }

    async fn take(mut self, step: Step) -> Self {
        match step {
            Step::Confirm(n) => {
                let instances = self.app.pickable(n);
                let start = self.app.clock.now().duration_trunc(Duration::minutes(1)).unwrap() + Duration::minutes(180);
                if let Some(id) = self.app.try_plan(&instances, start).await {
                    self.confirmed(id, start).await;
                }
            }
            Step::Send(other) => {
                let services = self.who(other);
                services.send_pass(&services.clouds()[0]).await.unwrap();
            }
            Step::Look(other) => {
                self.app.advance(1);
                let services = self.who(other);
                services.sync_pass(&services.clouds()[0]).await.unwrap();
            }
            Step::Wait(seconds) => self.app.advance(seconds),
            Step::Jump(seconds) => self.app.clock.jump(Duration::seconds(seconds)),
            Step::Strike(act) => self.app.simulator.add_fault(Fault::on_create(1, act)),
            Step::Blind(act) => self.app.simulator.add_fault(Fault { times: 1, ..Fault::on("instances/schedule-tasks", act) }),
            Step::Network(toxic) => self.app.network(&[toxic]).await,
            Step::Quiet => self.app.network(&[]).await,
            Step::Lag(seconds) => self.app.simulator.world(|w| w.switches.list_lag_seconds = seconds),
            Step::Crash(polls) => {
                let services = self.app.services.clone();
                let sending = tokio::spawn(async move {
                    let cloud = services.clouds()[0].clone();
                    services.send_pass(&cloud).await
                });
                for _ in 0..polls {
                    tokio::task::yield_now().await;
                }
                sending.abort();
                // Aborted or done, there is nothing to say about it.
                let _ = sending.await;
                self.app = self.app.reopened(|_| ()).await;
            }
            Step::Withdraw | Step::Hold(_) => {
                let go = match step {
                    Step::Withdraw => "withdraw",
                    Step::Hold(true) => "hold",
                    _ => "unhold",
                };
                if let Some(last) = self.plans.last() {
                    self.app.post("/api/plans/change", &[("plan", last.id.as_str()), ("go", go)]).await;
                }
            }
            Step::Move(act) => {
                let Some(last) = self.plans.last() else { return self };
                let start = last.start + Duration::minutes(60);
                let to = self.app.post("/api/plans/change", &[("plan", last.id.as_str()), ("go", "move")]).await;
                if let Some(act) = act {
                    self.app.simulator.add_fault(Fault { times: 1, ..Fault::on("/cancel", act) });
                }
                if let Some(id) = self.app.try_confirm(to, start).await {
                    self.confirmed(id, start).await;
                }
            }
            Step::Foreign => {
                let (instances, now) = (self.app.pickable(1), now() + Duration::from_std(self.app.clock.elapsed()).unwrap());
                if let Some(instance) = instances.first() {
                    let start = now + Duration::hours(7);
                    self.app.simulator.world(|w| w.schedule_elsewhere(instance, "3.208.0.7", start, now));
                    let ids = self.app.simulator.world(|w| w.tasks_of(instance).iter().map(|t| t.id.clone()).collect::<Vec<_>>());
                    self.foreign.extend(ids);
                }
            }
        }
        self
    }

    /// Whether a plan is later than another: only that one can have taken its place.
    fn moves(&self, plan: &PlanId, other: &PlanId) -> bool {
        let at = |id: &PlanId| self.plans.iter().position(|p| p.id == *id);
        at(plan) > at(other)
    }

    /// Nothing more goes wrong. Everything must come to an end that is true.
    async fn end(self) -> Result<(), String> {
        self.app.simulator.set_faults(Vec::new());
        self.app.network(&[]).await;
        for plan in &self.plans {
            self.app.post("/api/plans/change", &[("plan", plan.id.as_str()), ("go", "unhold")]).await;
        }
        // Refused by a redirect or an answer of the network, never by the credentials: but if so, a person acts.
        self.app.post("/api/clouds/resume", &[("cloud", "test")]).await;
        for _ in 0..20 {
            self.app.sync().await;
            self.app.send().await;
            self.app.advance(130);
        }
        // The same instance may have been in several plans for the same minute, when nothing came of the first.
        let mut accounted = BTreeSet::new();
        for plan in &self.plans {
            for instance in &plan.instances {
                if let ItemState::Accepted { task, .. } = self.app.state(&plan.id, instance).await {
                    accounted.insert((task.key(), instance.clone(), plan.id.clone()));
                }
            }
        }
        for plan in &self.plans {
            for instance in &plan.instances {
                let item = self.app.item(&plan.id, instance).await;
                let (state, moved) = (item.state, item.moved);
                let others = |key: &str| accounted.iter().any(|(k, i, p)| k == key && i == instance && *p != plan.id);
                let live = self.app.simulator.world(|w| {
                    let mine = |t: &&&patchboard_simulator::Task| {
                        t.start == plan.start && !self.foreign.contains(&t.id) && t.state != TaskState::Canceled
                    };
                    let keys = w.tasks_of(instance).iter().filter(mine).map(|t| t.id.replace('-', "")).collect::<Vec<_>>();
                    keys.into_iter().filter(|key| !others(key)).collect::<Vec<_>>()
                });
                let wrong = |what: &str| Err(format!("{what}: {} {instance} is {state:?}, and the cloud has {live:?}", plan.id));
                if live.len() > 1 {
                    return wrong("I1, a duplicate");
                }
                // Its place was taken: it is not there any more, or the move has come to nothing and it stands.
                let replaced = moved && accounted.iter().any(|(_, i, p)| i == instance && *p != plan.id && self.moves(p, &plan.id));
                if replaced && !live.is_empty() {
                    return wrong("I1, moved and still there");
                }
                match &state {
                    ItemState::Accepted { .. } if moved && live.is_empty() => {}
                    ItemState::Accepted { task, .. } if live != [task.key()] => return wrong("I7, accepted and not there"),
                    ItemState::Accepted { .. } | ItemState::Stopped { why: Stop::NoProof | Stop::Occupied } => {}
                    ItemState::Rejected { .. } | ItemState::Missed | ItemState::Withdrawn | ItemState::Stopped { .. }
                        if !live.is_empty() =>
                    {
                        return wrong("I2, there and called otherwise");
                    }
                    ItemState::Rejected { .. } | ItemState::Missed | ItemState::Withdrawn | ItemState::Stopped { .. } => {}
                    // A colleague's open task on the same instance may be ours after all: a person decides, and until then it is in doubt.
                    ItemState::Unknown { .. }
                        if self.app.simulator.world(|w| w.tasks_of(instance).iter().any(|t| self.foreign.contains(&t.id))) => {}
                    ItemState::Moving { .. } | ItemState::Planned | ItemState::Sending | ItemState::Unknown { .. } => {
                        return wrong("I2, never settled");
                    }
                }
            }
        }
        let attempts = self.app.count("SELECT COUNT(*) FROM attempts").await;
        let creates = i64::try_from(self.app.creates()).unwrap();
        if creates > attempts {
            return Err(format!("I3, {creates} calls and {attempts} written down before"));
        }
        let broken = self.app.services.verify_ledger().await.unwrap().2;
        if broken.is_empty() { Ok(()) } else { Err(format!("I6, the ledger: {broken:?}")) }
    }
}

async fn live(steps: &[Step]) -> Result<(), String> {
    let mut life = Life::begin().await;
    for step in steps {
        life = life.take(step.clone()).await;
    }
    life.end().await
}

/// Lives a seed's life; of one that ends badly, the shortest part that still does.
async fn judge(seed: u64, length: usize) {
    let steps = steps(&mut fastrand::Rng::with_seed(seed), length);
    let Err(first) = live(&steps).await else { return };
    say(&format!("seed {seed}: {first}\nlooking for the shortest part that ends so"));
    let (mut shortest, mut why) = (steps, first);
    let mut piece = shortest.len() / 2;
    while piece > 0 {
        let mut from = 0;
        while from < shortest.len() {
            let mut without = shortest.clone();
            without.drain(from..(from + piece).min(without.len()));
            match live(&without).await {
                Err(still) => (shortest, why) = (without, still),
                Ok(()) => from += piece,
            }
        }
        piece /= 2;
    }
    panic!("seed {seed}: {why}\n{} steps are enough:\n{shortest:#?}", shortest.len());
}

#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "`cargo xtask torture` says how long, and from which seed on")]
async fn whatever_goes_wrong_the_cloud_and_the_journal_agree_in_the_end() {
    let number = |name: &str| std::env::var(name).ok().and_then(|n| n.parse::<u64>().ok());
    let (seed, minutes) = (number("PATCHBOARD_TORTURE_SEED").unwrap_or(1), number("PATCHBOARD_TORTURE_MINUTES"));
    let began = std::time::Instant::now();
    let mut lives = 0;
    loop {
        judge(seed + lives, 50).await;
        lives += 1;
        let enough = match minutes {
            Some(minutes) => began.elapsed().as_secs() >= minutes * 60,
            None => lives >= 5,
        };
        if enough {
            break;
        }
    }
    say(&format!("{lives} lives from seed {seed} on ended well"));
}

#[expect(clippy::print_stdout, reason = "`cargo xtask torture` shows how far it is")]
fn say(text: &str) {
    println!("{text}");
}
