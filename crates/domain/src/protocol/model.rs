//! The protocol, explored: two replicas, a crash or a pause at each step, every class of answer, calls that act late or never,
//! listings that lag. What runs here is [`Entry`] and [`Sender`], as they run in the server.
//!
//! Time is in ticks of a minute. The world keeps what the protocol assumes of it (see the module above it) and nothing else: a call
//! whose answer was given up acts, and is listed, within the settle time; a gateway refuses an old signature.

use super::{Begun, Command, Entry, Event, Rules, Sender, Silence, View};
use crate::{
    approval::ApprovedRequest,
    compile::{Input, compile},
    id::{CloudName, InstanceId, TaskId},
    send::{CloudError, ItemState, Outcome, Stop},
    settle::Listing,
    task::{Task, TaskStatus},
};
use chrono::{DateTime, Duration, FixedOffset, Utc};
use stateright::{Checker, Model, Property};
use std::hash::{Hash, Hasher};

mod settled;

use settled::{may_begin, settles};

/// Ticks between two listings that prove an absence.
const SETTLE: i64 = 2;
/// Ticks that a signature is good for.
const SIGNATURE: i64 = 3;
/// Ticks until a task is listed, at most.
const LAG: i64 = 1;

fn at(tick: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).unwrap() + Duration::minutes(tick)
}

fn rules() -> Rules {
    Rules {
        settle_seconds: SETTLE * 60,
        signature_seconds: SIGNATURE * 60,
        lease_seconds: 60,
        view_seconds: 3600,
        lead_minutes: 0,
        freezes: Vec::new(),
    }
}

/// How much may go wrong, and for how long it is watched.
#[derive(Clone, Copy)]
struct Bounds {
    instances: usize,
    ticks: i64,
    /// Crashes, lost answers, calls that do not act, people who change their mind: all together.
    faults: u8,
    /// Tick of the start.
    start: i64,
    /// From one state in so many a quiet hour is lived through.
    every: u64,
}

impl Bounds {
    /// A quiet hour costs as much as two hundred states: it is lived through from one in so many of them, the same ones each time.
    fn is_sampled(&self, world: &World) -> bool {
        let mut hasher = std::hash::DefaultHasher::new();
        world.hash(&mut hasher);
        hasher.finish().is_multiple_of(self.every)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Call {
    /// Attempt that it belongs to.
    number: i64,
    instances: Vec<InstanceId>,
    /// Its signature's date.
    signed: i64,
    /// Last tick at which it may act; nothing while somebody waits for the answer.
    until: Option<i64>,
    /// Who waits.
    from: Option<usize>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Made {
    instance: InstanceId,
    number: i64,
    at: i64,
    first_seen: Option<i64>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct World {
    now: i64,
    entry: Entry,
    replicas: [Sender; 2],
    calls: Vec<Call>,
    cloud: Vec<Made>,
    /// A listing that was read and is not yet held against the journal: when it began, and what it shows.
    listing: Option<(i64, Vec<usize>)>,
    /// The last listing that was kept.
    seen: (i64, Vec<usize>),
    faults: u8,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Refusal {
    Throttled,
    /// Whatever instances it is about.
    All,
    /// Perhaps for one of its instances.
    One,
}

#[derive(Clone, Debug, PartialEq)]
enum Action {
    Tick,
    Step(usize),
    Renew(usize),
    Crash(usize),
    GiveUp(usize),
    Recover(usize),
    /// The cloud does it: all of it or but the first; the answer arrives or not.
    Act {
        call: usize,
        partly: bool,
        answer: bool,
    },
    /// The cloud does not do it.
    Refuse {
        call: usize,
        why: Refusal,
    },
    Vanish {
        call: usize,
    },
    /// With or without the tasks that may still be invisible.
    Read {
        lagging: bool,
    },
    Settle,
    Withdraw,
}

struct Protocol(Bounds);

impl Protocol {
    fn waits(world: &World, replica: usize) -> Option<&Call> {
        world.calls.iter().find(|c| c.from == Some(replica))
    }

    fn tasks(world: &World, shown: &[usize]) -> Vec<Task> {
        let accounted = |m: &Made| {
            let mine =
                |(i, s): &(InstanceId, ItemState)| *i == m.instance && matches!(s, ItemState::Accepted { task, .. } if *task == id(m));
            world.entry.items.iter().any(mine)
        };
        let tasks = shown.iter().map(|n| &world.cloud[*n]).filter(|m| !accounted(m));
        tasks
            .map(|m| Task {
                cloud: CloudName::new("c"),
                id: id(m),
                instance: m.instance.clone(),
                instance_name: String::new(),
                status: TaskStatus::Pending,
                start_at: Some(world.entry.start_at),
                created_at: Some(at(m.at)),
                target: None,
                plan: None,
                first_seen_at: at(m.first_seen.unwrap_or(world.now)),
                seen_at: at(world.now),
                gone_at: None,
            })
            .collect()
    }

    fn step(world: &mut World, replica: usize) {
        let (now, rules, holder) = (at(world.now), rules(), format!("r{replica}"));
        let sender = world.replicas[replica].clone();
        let event = match sender.command().clone() {
            // A claim that only waits for the next listing changes nothing but its number.
            Command::Claim if !may_begin(world) => Event::Nothing,
            Command::Claim => world.entry.claim(&holder, now, &rules).map_or(Event::Nothing, Event::Granted),
            Command::Verify(_) => Event::Approved,
            Command::Stop(grant) => {
                world.entry.stop(&grant, now, Stop::NotApproved);
                Event::Recorded
            }
            Command::Journal(grant) => {
                let tasks = Self::tasks(world, &world.seen.1.clone());
                let view = View { began_at: Some(at(world.seen.0)), skew_seconds: 0, tasks: &tasks, occupied: &[] };
                let approved = ApprovedRequest::assume(&world.entry.request);
                match world.entry.begin(&grant, now, view, &approved, &rules) {
                    Begun::Journalled(attempt) => Event::Journalled(attempt),
                    Begun::Settled(_) | Begun::Blind | Begun::Refused => Event::NotJournalled,
                }
            }
            Command::Post(_, attempt) => {
                let signed = (attempt.began_at - at(0)).num_minutes();
                let call = Call { number: attempt.number, instances: attempt.instances, signed, until: None, from: Some(replica) };
                world.calls.push(call);
                return;
            }
            Command::Record(attempt, outcome) => {
                world.entry.end(attempt.number, &outcome, now, None);
                Event::Recorded
            }
            Command::Rest => {
                world.replicas[replica] = Sender::default();
                return;
            }
        };
        world.replicas[replica] = sender.on(event);
    }

    fn answer(world: &mut World, call: &Call, outcome: Outcome) {
        if let Some(replica) = call.from {
            world.replicas[replica] = world.replicas[replica].clone().on(Event::Answered(outcome));
        }
    }
}

fn id(made: &Made) -> TaskId {
    TaskId::new(format!("{}-{}", made.number, made.instance))
}

impl Model for Protocol {
    type State = World;
    type Action = Action;

    fn init_states(&self) -> Vec<World> {
        let instances: Vec<_> = (0..self.0.instances).map(|n| (InstanceId::new(format!("i{n}")), "3.208.0".parse().unwrap())).collect();
        let request = compile(&Input {
            instances: &instances,
            patches: &["3.208.0.7".parse().unwrap()],
            start: at(self.0.start),
            offset: FixedOffset::east_opt(0).unwrap(),
            max_instances: 30,
        })
        .remove(0);
        let entry = Entry {
            position: 0,
            items: request.instances.iter().map(|i| (i.clone(), ItemState::Planned)).collect(),
            request,
            confirmed_at: at(0),
            start_at: at(self.0.start),
            held: false,
            withdrawn: false,
            not_before: None,
            attempts: Vec::new(),
            fence: 0,
            claim: None,
        };
        vec![World {
            now: 1,
            entry,
            replicas: [Sender::default(), Sender::default()],
            calls: Vec::new(),
            cloud: Vec::new(),
            listing: None,
            seen: (0, Vec::new()),
            faults: self.0.faults,
        }]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Action>) {
        let faulty = world.faults > 0;
        // Whatever may act until now has acted, or never does, before it is later.
        if world.now < self.0.ticks && !world.calls.iter().any(|c| c.until.is_some_and(|until| until <= world.now)) {
            actions.push(Action::Tick);
        }
        for replica in 0..2 {
            let waits = Self::waits(world, replica).is_some();
            if !waits {
                actions.push(Action::Step(replica));
            } else if faulty {
                actions.push(Action::GiveUp(replica));
            }
            if waits || matches!(world.replicas[replica].command(), Command::Post(..)) {
                actions.push(Action::Renew(replica));
            }
            if faulty && *world.replicas[replica].command() != Command::Claim {
                actions.push(Action::Crash(replica));
            }
        }
        // Either may find it; what it does does not depend on who.
        actions.push(Action::Recover(0));
        for (call, one) in world.calls.iter().enumerate() {
            if world.now - one.signed <= SIGNATURE {
                for (partly, answer) in [(false, true), (false, false), (true, true), (true, false)] {
                    let fault = partly || (!answer && one.from.is_some());
                    if (faulty || !fault) && (!partly || one.instances.len() > 1) && (answer == one.from.is_some() || fault) {
                        actions.push(Action::Act { call, partly, answer });
                    }
                }
            }
            if faulty && one.from.is_some() {
                actions.extend([Refusal::Throttled, Refusal::All, Refusal::One].map(|why| Action::Refuse { call, why }));
            }
            if one.from.is_none() {
                actions.push(Action::Vanish { call });
            }
        }
        match world.listing {
            None => actions.extend([Action::Read { lagging: false }, Action::Read { lagging: true }]),
            Some(_) => actions.push(Action::Settle),
        }
        if faulty && !world.entry.withdrawn {
            actions.push(Action::Withdraw);
        }
    }

    fn next_state(&self, before: &World, action: Action) -> Option<World> {
        let mut world = before.clone();
        let now = at(world.now);
        match action {
            Action::Tick => world.now += 1,
            Action::Step(replica) => Self::step(&mut world, replica),
            Action::Renew(replica) => {
                let (Command::Post(grant, _) | Command::Journal(grant)) = world.replicas[replica].command().clone() else { return None };
                world.entry.renew(&grant, now, &rules());
            }
            Action::Crash(replica) => {
                world.faults -= 1;
                world.replicas[replica] = Sender::default();
                for call in world.calls.iter_mut().filter(|c| c.from == Some(replica)) {
                    // Its bytes are under way for as long as their signature is good.
                    (call.from, call.until) = (None, Some(call.signed + SIGNATURE));
                }
            }
            Action::GiveUp(replica) => {
                world.faults -= 1;
                let call = world.calls.iter_mut().find(|c| c.from == Some(replica))?;
                (call.from, call.until) = (None, Some(world.now + SETTLE - LAG));
                world.replicas[replica] = world.replicas[replica].clone().on(Event::Answered(Outcome::Unknown(CloudError::default())));
            }
            Action::Recover(_) => drop(world.entry.recover(now, Silence::Unheard, &rules())),
            Action::Act { call, partly, answer } => {
                let call = world.calls.remove(call);
                let done: Vec<_> = call.instances.iter().skip(usize::from(partly)).cloned().collect();
                for instance in &done {
                    world.cloud.push(Made { instance: instance.clone(), number: call.number, at: world.now, first_seen: None });
                }
                let tasks = done.iter().map(|i| {
                    let made = Made { instance: i.clone(), number: call.number, at: world.now, first_seen: None };
                    (i.clone(), id(&made))
                });
                let lost = !answer && call.from.is_some();
                world.faults -= u8::from(partly || lost);
                let outcome = if answer { Outcome::Accepted(tasks.collect()) } else { Outcome::Unknown(CloudError::default()) };
                Self::answer(&mut world, &call, outcome);
            }
            Action::Refuse { call, why } => {
                world.faults -= 1;
                let call = world.calls.remove(call);
                let outcome = match why {
                    Refusal::Throttled => Outcome::NotSent(CloudError::default()),
                    Refusal::All => Outcome::Rejected(CloudError::default()),
                    Refusal::One => Outcome::Rejected(CloudError { http_status: Some(409), ..CloudError::default() }),
                };
                Self::answer(&mut world, &call, outcome);
            }
            Action::Vanish { call } => drop(world.calls.remove(call)),
            Action::Read { lagging } => {
                let shown = |m: &Made| !lagging || m.at + LAG <= world.now;
                let shown: Vec<usize> = (0..world.cloud.len()).filter(|n| shown(&world.cloud[*n])).collect();
                if lagging && shown.len() == world.cloud.len() {
                    return None;
                }
                world.listing = Some((world.now, shown));
            }
            Action::Settle => {
                let (began, shown) = world.listing.take()?;
                for n in &shown {
                    let now = world.now;
                    world.cloud[*n].first_seen.get_or_insert(now);
                }
                let tasks = Self::tasks(&world, &shown);
                let listing = Listing { began_at: at(began), steady_since: at(-100), skew_seconds: 0, tasks: &tasks };
                world.entry.settle(listing, now, &rules());
                world.seen = (began, shown);
            }
            Action::Withdraw => {
                world.faults -= 1;
                world.entry.withdrawn = true;
                world.entry.sweep();
            }
        }
        Some(world)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        let mut properties = vec![
            Property::always("I1 no duplicate", |_, world: &World| {
                world.entry.items.iter().all(|(i, _)| world.cloud.iter().filter(|m| m.instance == *i).count() <= 1)
            }),
            Property::always("I3 written before it leaves", |_, world: &World| {
                let stands = |c: &Call| world.entry.attempts.iter().any(|a| a.number == c.number && a.instances == c.instances);
                world.calls.iter().all(stands)
            }),
            Property::always("I4 nothing in doubt is sent", |_, world: &World| {
                // An attempt that names an instance ends before the next one begins.
                let of = |i: &InstanceId| world.entry.attempts.iter().filter(|a| a.instances.contains(i)).collect::<Vec<_>>();
                world.entry.items.iter().all(|(i, _)| of(i).windows(2).all(|two| two[0].ended_at.is_some_and(|end| end <= two[1].began_at)))
            }),
            Property::always("I7 what is accepted is there", |_, world: &World| {
                world.entry.items.iter().all(|(i, s)| match s {
                    ItemState::Accepted { task, .. } => world.cloud.iter().any(|m| m.instance == *i && id(m) == *task),
                    _ => true,
                })
            }),
            Property::always("I2 what is there is not called refused, missed or taken back", |_, world: &World| {
                world.entry.items.iter().all(|(i, s)| match s {
                    ItemState::Rejected { .. } | ItemState::Missed | ItemState::Withdrawn => {
                        // A call of it that is still under way was made by somebody who is not heard of: then it is in doubt.
                        !world.cloud.iter().any(|m| m.instance == *i)
                    }
                    _ => true,
                })
            }),
            Property::always("I2 from everywhere a quiet hour settles it", |model: &Self, world: &World| {
                !model.0.is_sampled(world) || settles(world)
            }),
            // What makes the rest worth something: these are reached.
            Property::sometimes("sent again after it was proved absent", |_, world: &World| world.entry.attempts.len() == 2),
            Property::sometimes("found after a crash", |_, world: &World| {
                let interrupted = world.entry.attempts.iter().any(|a| a.error.as_ref().is_some_and(|e| e.message == super::INTERRUPTED));
                interrupted && world.entry.items.iter().all(|(_, s)| matches!(s, ItemState::Accepted { adopted: true, .. }))
            }),
            Property::sometimes("heard late", |_, world: &World| {
                let late = |a: &super::Attempt| a.outcome.as_deref() == Some("unknown");
                world.entry.attempts.iter().all(late)
                    && world.entry.items.iter().any(|(_, s)| matches!(s, ItemState::Accepted { adopted: false, .. }))
            }),
        ];
        if self.0.instances > 1 {
            properties.push(Property::sometimes("sent one by one after a refusal that may concern one", |_, world: &World| {
                let attempts = &world.entry.attempts;
                attempts.len() == 1 + world.entry.items.len()
                    && attempts[0].outcome.as_deref() == Some("rejected")
                    && world.entry.items.iter().all(|(_, s)| matches!(s, ItemState::Accepted { adopted: false, .. }))
            }));
        }
        properties
    }
}

fn explore(bounds: Bounds) -> usize {
    let checker = Protocol(bounds).checker().threads(2).spawn_bfs().join();
    println!("{} states, {} of them different, depth {}", checker.state_count(), checker.unique_state_count(), checker.max_depth());
    checker.assert_properties();
    checker.unique_state_count()
}

#[test]
fn one_instance_two_replicas_and_anything_once() {
    explore(Bounds { instances: 1, ticks: 5, faults: 1, start: 20, every: 50 });
}

#[test]
fn two_instances_of_one_request_may_fare_differently() {
    explore(Bounds { instances: 2, ticks: 4, faults: 1, start: 20, every: 200 });
}

/// More of everything: `cargo xtask model`.
#[test]
#[ignore = "takes minutes and memory"]
fn at_length() {
    explore(Bounds { instances: 1, ticks: 6, faults: 2, start: 20, every: 1000 });
}
