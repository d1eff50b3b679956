//! What a replica does to send one request: commands out, events in. Nothing of it survives the process, and nothing has to.

use super::{Attempt, Grant};
use crate::send::Outcome;

/// What is to be done now. Each is done once and answered by one [`Event`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Command {
    /// Take the most urgent request that may be sent.
    Claim,
    /// Ask whether it is what was approved, and still is.
    Verify(Grant),
    /// It is not: settle it without sending.
    Stop(Grant),
    /// Write down the intent; on disk before anything else happens.
    Journal(Grant),
    /// Let the bytes leave, once.
    Post(Grant, Attempt),
    /// Write down what came of it.
    Record(Attempt, Outcome),
    /// Nothing more.
    Rest,
}

/// What came of a command.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    /// There is nothing to take.
    Nothing,
    /// It is ours for a while.
    Granted(Grant),
    /// It is what was approved.
    Approved,
    /// It is not.
    NotApproved,
    /// The intent is on disk.
    Journalled(Attempt),
    /// The intent was not written: settled otherwise, taken by somebody else, or the cloud was not looked at lately.
    NotJournalled,
    /// What the cloud or the network said.
    Answered(Outcome),
    /// Written down.
    Recorded,
}

/// Where a replica is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Sender(Command);

impl Default for Sender {
    fn default() -> Self {
        Self(Command::Claim)
    }
}

impl Sender {
    /// What is to be done now.
    pub fn command(&self) -> &Command {
        &self.0
    }

    /// Goes on. An event that does not answer the command ends it: what was begun stands in the journal, where it is found.
    #[must_use]
    pub fn on(self, event: Event) -> Self {
        Self(match (self.0, event) {
            (Command::Claim, Event::Granted(grant)) => Command::Verify(grant),
            (Command::Verify(grant), Event::Approved) => Command::Journal(grant),
            (Command::Verify(grant), Event::NotApproved) => Command::Stop(grant),
            (Command::Journal(grant), Event::Journalled(attempt)) => Command::Post(grant, attempt),
            (Command::Post(_, attempt), Event::Answered(outcome)) => Command::Record(attempt, outcome),
            _ => Command::Rest,
        })
    }
}
