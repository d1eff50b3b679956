//! The ledger: who did what, when, from where. Each entry names the hash of the one before.

use crate::account::Actor;
use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// What the first entry names as the hash before it.
pub const GENESIS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// Something that was done, before it has a place in the ledger.
#[derive(Clone, Debug, PartialEq)]
pub struct Deed {
    /// When.
    pub at: DateTime<Utc>,
    /// Who, and from where.
    pub actor: Actor,
    /// For example `plan.hold`.
    pub what: &'static str,
    /// What it was done to, for example `plan/0190…`.
    pub subject: String,
    /// Before and after, hashes, the cloud's answer. Never a secret.
    pub detail: Value,
}

/// An entry as it stands in the ledger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// From 1, without a gap.
    pub seq: i64,
    /// The text that is hashed: one line of JSON.
    pub body: String,
    /// Hash of the entry before.
    pub previous: String,
    /// `sha256(previous "\n" body)`, lower-case hexadecimal.
    pub hash: String,
}

/// An entry with what its row holds beside it: neither is covered by the hash, and both are held against the text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredEntry {
    /// The entry.
    pub entry: Entry,
    /// What it is found by.
    pub subject: String,
    /// Every column of it holds text. A database that does not insist on types may hold bytes.
    pub is_text: bool,
}

impl StoredEntry {
    /// Its row is as it was written: the hash is that of the text, and what stands beside it is what the text says.
    pub fn is_sound(&self) -> bool {
        self.is_text && self.entry.is_itself() && self.entry.read().is_some_and(|b| b.subject == self.subject)
    }

    /// Whether it is about this, by its column and by its text.
    pub fn is_about(&self, subject: &str) -> bool {
        self.is_text && self.subject == subject && self.entry.read().is_some_and(|b| b.subject == subject)
    }
}

/// The fields of a body.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Body {
    /// The entry's own number: an entry cannot be moved.
    pub seq: i64,
    /// RFC 3339 in UTC, to the millisecond.
    pub at: String,
    /// What is typed to sign in, or `system`.
    pub who: String,
    /// The account's id.
    pub user: Option<String>,
    /// Address.
    pub from: String,
    /// The deed.
    pub what: String,
    /// What it was done to.
    pub subject: String,
    /// Details.
    pub detail: Value,
}

/// The hash of an entry.
pub fn hash(previous: &str, body: &str) -> String {
    hex::encode(Sha256::digest(format!("{previous}\n{body}").as_bytes()))
}

impl Entry {
    /// The entry that a deed becomes after `previous`.
    pub fn after(seq: i64, previous: &str, deed: &Deed) -> Self {
        let body = json!({
            "seq": seq,
            "at": deed.at.to_rfc3339_opts(SecondsFormat::Millis, true),
            "who": deed.actor.name,
            "user": deed.actor.user.as_ref().map(ToString::to_string),
            "from": deed.actor.address,
            "what": deed.what,
            "subject": deed.subject,
            "detail": deed.detail,
        })
        .to_string();
        Self { seq, hash: hash(previous, &body), previous: previous.to_owned(), body }
    }

    /// Its hash is that of its text, and its text names its number.
    pub fn is_itself(&self) -> bool {
        self.hash == hash(&self.previous, &self.body) && self.read().is_some_and(|b| b.seq == self.seq)
    }

    /// The fields of its body, if it can be read.
    pub fn read(&self) -> Option<Body> {
        serde_json::from_str(&self.body).ok()
    }
}

/// Why a ledger is not what it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Broken {
    /// Entries are missing: between the last good one and this one, or at the end.
    Missing {
        /// First number that is missing.
        from: i64,
        /// Last number that is missing.
        to: i64,
    },
    /// The text or the hash of this entry was changed.
    Altered {
        /// Its number.
        seq: i64,
    },
    /// An entry that is found under another subject than the one in its text.
    Subject {
        /// Its number.
        seq: i64,
    },
    /// An entry that stands where none can: before the first, or after the last that was written.
    Stray {
        /// Its number.
        seq: i64,
    },
    /// What is kept beside the ledger about its last entry is gone.
    NoHead,
    /// What refuses changes of the ledger is gone.
    Unguarded,
    /// An entry that names another one before it than stands there: the one before was replaced as a whole.
    Unlinked {
        /// Its number.
        seq: i64,
    },
}

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Missing { from, to } if from == to => write!(f, "entry {from} is missing"),
            Self::Missing { from, to } => write!(f, "entries {from} to {to} are missing"),
            Self::Subject { seq } => write!(f, "entry {seq} is found under another subject than the one in its text"),
            Self::Stray { seq } => write!(f, "entry {seq} stands where none was written"),
            Self::NoHead => f.write_str("what is kept about the last entry is gone"),
            Self::Unguarded => f.write_str("the triggers that refuse changes of the ledger are gone"),
            Self::Altered { seq } => write!(f, "entry {seq} was changed"),
            Self::Unlinked { seq } => write!(f, "entry {seq} does not follow the one before it: one of the two was replaced"),
        }
    }
}

/// Follows a chain, entry by entry, in ascending order.
#[derive(Clone, Debug)]
pub struct Chain {
    seq: i64,
    hash: String,
    broken: Vec<Broken>,
}

impl Default for Chain {
    fn default() -> Self {
        Self { seq: 0, hash: GENESIS.to_owned(), broken: Vec::new() }
    }
}

impl Chain {
    /// Takes the next entry. A broken one is noted, and the chain goes on from it, so that every break is named.
    pub fn take(&mut self, entry: &Entry) {
        if entry.seq <= self.seq {
            self.broken.push(Broken::Stray { seq: entry.seq });
            return;
        }
        if entry.seq > self.seq + 1 {
            self.broken.push(Broken::Missing { from: self.seq + 1, to: entry.seq - 1 });
        } else if entry.previous != self.hash {
            self.broken.push(Broken::Unlinked { seq: entry.seq });
        }
        if !entry.is_itself() {
            self.broken.push(Broken::Altered { seq: entry.seq });
        }
        self.seq = entry.seq;
        self.hash.clone_from(&entry.hash);
    }

    /// Takes the next entry, and holds what stands beside it against its text.
    pub fn take_stored(&mut self, stored: &StoredEntry) {
        let seq = stored.entry.seq;
        self.take(&stored.entry);
        if !stored.is_text {
            if self.broken.last() != Some(&Broken::Altered { seq }) {
                self.broken.push(Broken::Altered { seq });
            }
        } else if stored.entry.read().is_some_and(|body| body.subject != stored.subject) {
            self.broken.push(Broken::Subject { seq });
        }
    }

    /// The last number that was taken.
    pub fn last(&self) -> i64 {
        self.seq
    }

    /// Ends at the number and hash that were kept beside the ledger. Returns the breaks.
    pub fn end(mut self, head: Option<(i64, &str)>) -> Vec<Broken> {
        match head {
            Some((seq, _)) if seq > self.seq => self.broken.push(Broken::Missing { from: self.seq + 1, to: seq }),
            Some((seq, _)) if seq < self.seq => self.broken.extend((seq.max(0) + 1..=self.seq).map(|seq| Broken::Stray { seq })),
            Some((seq, hash)) if hash != self.hash => self.broken.push(Broken::Altered { seq }),
            None if self.seq > 0 => self.broken.push(Broken::NoHead),
            _ => {}
        }
        self.broken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(n: i64) -> Vec<Entry> {
        let mut previous = GENESIS.to_owned();
        (1..=n)
            .map(|seq| {
                let deed = Deed {
                    at: DateTime::UNIX_EPOCH,
                    actor: Actor::system(),
                    what: "test",
                    subject: format!("s/{seq}"),
                    detail: json!({"n": seq}),
                };
                let entry = Entry::after(seq, &previous, &deed);
                previous.clone_from(&entry.hash);
                entry
            })
            .collect()
    }

    fn broken(entries: &[Entry], head: &Entry) -> Vec<Broken> {
        let mut chain = Chain::default();
        entries.iter().for_each(|e| chain.take(e));
        chain.end(Some((head.seq, &head.hash)))
    }

    #[test]
    fn a_whole_ledger_is_whole() {
        let all = entries(5);
        assert_eq!(broken(&all, &all[4]), []);
    }

    #[test]
    fn what_stands_beside_an_entry_is_held_against_its_text() {
        let stored: Vec<StoredEntry> =
            entries(3).into_iter().map(|entry| StoredEntry { subject: format!("s/{}", entry.seq), is_text: true, entry }).collect();
        let broken = |stored: &[StoredEntry]| {
            let mut chain = Chain::default();
            stored.iter().for_each(|s| chain.take_stored(s));
            chain.end(Some((3, &stored[2].entry.hash)))
        };
        assert_eq!(broken(&stored), []);
        assert!(stored[1].is_about("s/2") && !stored[1].is_about("s/1"));
        let mut moved = stored.clone();
        moved[1].subject = "s/1".to_owned();
        assert_eq!(broken(&moved), [Broken::Subject { seq: 2 }]);
        assert!(!moved[1].is_about("s/1") && !moved[1].is_about("s/2"));
        let mut bytes = stored.clone();
        bytes[1].is_text = false;
        assert_eq!(broken(&bytes), [Broken::Altered { seq: 2 }]);
        bytes[1].entry.body.push(' ');
        assert_eq!(broken(&bytes), [Broken::Altered { seq: 2 }], "once");
    }

    #[test]
    fn every_edit_and_every_deletion_is_named() {
        let all = entries(5);
        for n in 0..5 {
            let seq = all[n].seq;
            let mut edited = all.clone();
            edited[n].body = edited[n].body.replace("test", "best");
            assert!(broken(&edited, &all[4]).contains(&Broken::Altered { seq }), "edit {seq}");

            // Edited by somebody who knows the format: the next one no longer links to it, or the kept head differs.
            edited[n].hash = hash(&edited[n].previous, &edited[n].body);
            let found = broken(&edited, &all[4]);
            let named = if n == 4 { Broken::Altered { seq } } else { Broken::Unlinked { seq: seq + 1 } };
            assert!(found.contains(&named), "clever edit {seq}: {found:?}");

            let mut shorter = all.clone();
            shorter.remove(n);
            assert!(broken(&shorter, &all[4]).contains(&Broken::Missing { from: seq, to: seq }), "deletion {seq}");
        }
        let mut chain = Chain::default();
        all.iter().for_each(|e| chain.take(e));
        assert_eq!(chain.clone().end(None), [Broken::NoHead]);
        assert_eq!(chain.end(Some((4, &all[3].hash))), [Broken::Stray { seq: 5 }], "written past the head by hand");
        let mut before = all.clone();
        before.insert(0, Entry { seq: -3, ..all[0].clone() });
        assert_eq!(broken(&before, &all[4]), [Broken::Stray { seq: -3 }]);

        let mut swapped = all.clone();
        swapped.swap(1, 2);
        (swapped[1].seq, swapped[2].seq) = (2, 3);
        assert!(!broken(&swapped, &all[4]).is_empty(), "moved");
    }
}
