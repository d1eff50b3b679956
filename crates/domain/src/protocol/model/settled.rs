//! When a world of the model has come to rest.

use super::{Action, Bounds, Protocol, World, at, rules};
use crate::{
    approval::ApprovedRequest,
    protocol::{Begun, Command, Silence, View},
    send::ItemState,
};
use stateright::Model;

/// Nothing more goes wrong, and everybody does what they do: is everything settled, or shown to a person?
pub(super) fn settles(world: &World) -> bool {
    let (mut world, quiet) = (world.clone(), Protocol(Bounds { instances: 0, ticks: i64::MAX, faults: 0, start: 0, every: 1 }));
    world.faults = 0;
    let settled = |w: &World| {
        let open = |s: &ItemState| s.is_open();
        !w.entry.items.iter().any(|(_, s)| open(s))
    };
    for _ in 0..200 {
        if settled(&world) {
            return true;
        }
        let mut actions = Vec::new();
        quiet.actions(&world, &mut actions);
        // Everything that can be done now is done before time goes on.
        let fair = |a: &Action| match a {
            Action::Act { partly, .. } => !partly,
            Action::Step(r) => !matches!(world.replicas[*r].command(), Command::Claim) || may_begin(&world),
            Action::Vanish { .. } => false,
            _ => false,
        };
        let next = actions.iter().find(|a| fair(a)).cloned();
        world = match next {
            Some(action) => quiet.next_state(&world, action).unwrap_or(world),
            None => {
                for call in (0..world.calls.len()).rev() {
                    if world.calls[call].from.is_none() && world.calls[call].until.is_some_and(|until| until <= world.now) {
                        world.calls.remove(call);
                    }
                }
                world.entry.recover(at(world.now), Silence::Unheard, &rules());
                world.listing = None;
                let looked = quiet.next_state(&world, Action::Read { lagging: false });
                world = looked.and_then(|w| quiet.next_state(&w, Action::Settle)).unwrap_or(world);
                world.entry.sweep();
                world.now += 1;
                world
            }
        };
    }
    false
}

/// Whether a claim would lead to anything but waiting for the next listing.
pub(super) fn may_begin(world: &World) -> bool {
    let (mut entry, now, rules) = (world.entry.clone(), at(world.now), rules());
    let Some(grant) = entry.claim("x", now, &rules) else { return false };
    let view = View { began_at: Some(at(world.seen.0)), skew_seconds: 0, tasks: &[], occupied: &[] };
    let approved = ApprovedRequest::assume(&entry.request);
    entry.begin(&grant, now, view, &approved, &rules) != Begun::Blind
}
