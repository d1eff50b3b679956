//! How often somebody may try to sign in: a few times at once, then slowly.

use chrono::{DateTime, Duration, Utc};
use std::collections::HashMap;

/// Most keys that are remembered; beyond that the ones that have recovered are forgotten.
const MOST_KEYS: usize = 10_000;

/// Whatever is limited: an address, an account, a known browser of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    name: String,
    /// Attempts at once.
    burst: i64,
    /// Seconds until one more.
    seconds_each: i64,
}

impl Key {
    /// For one who types: 3 at once, 3 a minute (matrix-authentication-service).
    pub(crate) fn few(name: String) -> Self {
        Self { name, burst: 3, seconds_each: 20 }
    }

    /// For one network: an address of IPv4, or the 64 bits that whoever has one address of IPv6 commonly has all of.
    pub(crate) fn network(address: &str) -> Self {
        let network = match address.parse() {
            Ok(std::net::IpAddr::V6(v6)) if v6.to_ipv4_mapped().is_none() => {
                let [a, b, c, d, ..] = v6.segments();
                format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
            }
            _ => address.to_owned(),
        };
        Self::few(format!("address {network}"))
    }

    /// For what a person asks for by a button: 10 at once, then one every six seconds.
    pub(crate) fn many_a_minute(what: &str) -> Self {
        Self { name: what.to_owned(), burst: 10, seconds_each: 6 }
    }

    /// For what a person makes: 60 at once, 240 an hour. More is a script that has gone wrong.
    pub(crate) fn many_an_hour(what: &str) -> Self {
        Self { name: what.to_owned(), burst: 60, seconds_each: 15 }
    }

    /// The share of one person.
    pub(crate) fn of(mut self, whose: &str) -> Self {
        self.name = format!("{} {whose}", self.name);
        self
    }

    /// For what has few possibilities: 5 at once, then 10 an hour.
    pub(crate) fn guesses(what: &str) -> Self {
        Self { name: what.to_owned(), burst: 5, seconds_each: 360 }
    }

    /// For what many may try at: 60 at once, 1800 an hour (the same source).
    pub(crate) fn many(name: String) -> Self {
        Self { name, burst: 60, seconds_each: 2 }
    }
}

/// One bucket for each key.
#[derive(Debug, Default)]
pub(crate) struct Throttle {
    /// When the bucket is full again.
    full_at: HashMap<String, DateTime<Utc>>,
}

impl Throttle {
    /// When the bucket of a key is full again, if it is not. None is ever emptier than empty: one that seems so was used before the
    /// clock was set back, and is full.
    fn full_at(&self, key: &Key, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let emptiest = now + Duration::seconds(key.burst * key.seconds_each);
        self.full_at.get(&key.name).copied().filter(|full| *full <= emptiest)
    }

    /// Seconds to wait, or nothing when all of `keys` have an attempt left.
    pub(crate) fn wait(&self, keys: &[Key], now: DateTime<Utc>) -> Option<i64> {
        let wait = |key: &Key| {
            let allowed = now + Duration::seconds((key.burst - 1) * key.seconds_each);
            self.full_at(key, now).map(|full| (full - allowed).num_seconds())
        };
        keys.iter().filter_map(wait).max().filter(|seconds| *seconds > 0)
    }

    /// Takes one attempt from each.
    pub(crate) fn take(&mut self, keys: &[Key], now: DateTime<Utc>) {
        if self.full_at.len() > MOST_KEYS {
            self.full_at.retain(|_, full| *full > now);
        }
        for key in keys {
            let full = self.full_at(key, now).unwrap_or(now).max(now) + Duration::seconds(key.seconds_each);
            self.full_at.insert(key.name.clone(), full);
        }
    }

    /// Gives a key all its attempts back.
    pub(crate) fn forgive(&mut self, key: &Key) {
        self.full_at.remove(&key.name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_has_one_share() {
        assert_eq!(Key::network("2001:db8::1"), Key::network("2001:db8:0:0:ffff::2"));
        assert_ne!(Key::network("2001:db8:0:1::1"), Key::network("2001:db8::1"));
        assert_ne!(Key::network("192.0.2.1"), Key::network("192.0.2.2"));
        assert_ne!(Key::network("::ffff:192.0.2.1"), Key::network("::ffff:192.0.2.2"));
    }

    #[test]
    fn a_few_at_once_and_then_slowly() {
        let mut throttle = Throttle::default();
        let (account, address) = (Key::many("account li".to_owned()), Key::few("address 10.0.0.1".to_owned()));
        let keys = [account.clone(), address.clone()];
        let at = |s: i64| DateTime::UNIX_EPOCH + Duration::seconds(s);
        for _ in 0..3 {
            assert_eq!(throttle.wait(&keys, at(0)), None);
            throttle.take(&keys, at(0));
        }
        assert_eq!(throttle.wait(&keys, at(0)), Some(20));
        assert_eq!(throttle.wait(std::slice::from_ref(&address), at(19)), Some(1));
        assert_eq!(throttle.wait(&keys, at(20)), None);
        assert_eq!(throttle.wait(&[account.clone(), Key::few("another address".to_owned())], at(0)), None, "others are not kept out");
        throttle.take(&keys, at(20));
        throttle.forgive(&account);
        assert_eq!(throttle.wait(&keys, at(20)), Some(20), "the address still waits");
        throttle.forgive(&address);
        assert_eq!(throttle.wait(&keys, at(20)), None);
    }

    #[test]
    fn an_account_is_limited_however_many_addresses_try() {
        let mut throttle = Throttle::default();
        let account = Key::many("account li".to_owned());
        let now = DateTime::UNIX_EPOCH;
        let tried = (0..1_000).take_while(|n| {
            let keys = [account.clone(), Key::few(format!("address {n}"))];
            let free = throttle.wait(&keys, now).is_none();
            throttle.take(&keys, now);
            free
        });
        assert_eq!(tried.count(), 60);
    }
}
