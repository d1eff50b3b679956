//! Failing on demand: by script, and by sentinel words in instance names so that a person can provoke it too.

use serde::{Deserialize, Serialize};

/// What happens instead of an ordinary answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "act", rename_all = "snake_case")]
pub enum Act {
    /// Answer with an error and do nothing.
    Refuse {
        /// HTTP status.
        status: u16,
        /// `error_code`.
        code: String,
        /// `error_msg`.
        message: String,
        /// Seconds for `Retry-After`.
        #[serde(default)]
        retry_after: Option<u32>,
    },
    /// Answer 429 with just this `Retry-After`, and do nothing.
    Throttle {
        /// Whatever stands in the header; empty: there is none.
        retry_after: String,
    },
    /// Do it, then answer 500.
    DoThenFail,
    /// Do it, then close the connection without an answer.
    DoThenDrop,
    /// Close the connection without doing anything.
    Drop,
    /// Close the connection without an answer, and do it so many seconds later by the cloud's clock.
    DropThenDo {
        /// How much later.
        seconds: i64,
    },
    /// Do it, then answer 200 with something that is not JSON.
    DoThenGarbage,
    /// Do it, then answer 200 with an object that holds nothing.
    DoThenEmpty,
    /// Do it, then answer 200 with more bytes than anybody should read.
    DoThenEndless,
    /// Do it, then promise more bytes than are sent.
    DoThenTruncate,
    /// Do it for all but the last instance, and name only those.
    Partial,
    /// Do it for all, but leave the last instance out of the answer.
    DoAllNamePartly,
    /// Do it for all, name each twice, and one that nobody asked for.
    DoAllNameMore,
    /// Somebody else schedules something in the console just before; then as usual.
    Interleave,
    /// Answer with a redirect to another host.
    Redirect,
    /// Do nothing, wait so many milliseconds, then close the connection.
    Hang {
        /// How long.
        ms: u64,
    },
    /// Do it, then wait so many milliseconds before answering.
    DoThenDelay {
        /// How long.
        ms: u64,
    },
}

/// One line of the fault script.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fault {
    /// HTTP method, or empty for any.
    #[serde(default)]
    pub method: String,
    /// Part of the path, or empty for any.
    #[serde(default)]
    pub path: String,
    /// Part of the body, for example an instance id, or empty for any.
    #[serde(default)]
    pub body: String,
    /// So many matching requests pass first.
    #[serde(default)]
    pub skip: u32,
    /// How often it strikes; 0 is for ever.
    #[serde(default)]
    pub times: u32,
    /// What happens.
    #[serde(flatten)]
    pub act: Act,
}

impl Fault {
    /// Strikes create calls `times` times.
    pub fn on_create(times: u32, act: Act) -> Self {
        Self { method: "POST".to_owned(), path: "db-upgrade/schedule-task".to_owned(), body: String::new(), skip: 0, times, act }
    }

    /// Strikes every call to paths that contain `path`, for ever.
    pub fn on(path: &str, act: Act) -> Self {
        Self { method: String::new(), path: path.to_owned(), body: String::new(), skip: 0, times: 0, act }
    }
}

/// The script: lines that still strike, in order.
#[derive(Debug, Default)]
pub(crate) struct Script(Vec<Fault>);

impl Script {
    pub(crate) fn set(&mut self, faults: Vec<Fault>) {
        self.0 = faults;
    }

    pub(crate) fn add(&mut self, fault: Fault) {
        self.0.push(fault);
    }

    /// The act for a request, counting it.
    pub(crate) fn strike(&mut self, method: &str, path: &str, body: &[u8]) -> Option<Act> {
        let body = String::from_utf8_lossy(body);
        let is_meant = |f: &Fault| (f.method.is_empty() || f.method == method) && path.contains(&f.path) && body.contains(&f.body);
        let at = self.0.iter().position(is_meant)?;
        let fault = &mut self.0[at];
        if fault.skip > 0 {
            fault.skip -= 1;
            return None;
        }
        let act = fault.act.clone();
        match fault.times {
            0 => {}
            1 => drop(self.0.remove(at)),
            _ => fault.times -= 1,
        }
        Some(act)
    }
}

/// The act that a sentinel word in the name of a chosen instance asks for, on create.
pub(crate) fn sentinel(name: &str) -> Option<Act> {
    let refuse =
        |status, code: &str, message: &str| Act::Refuse { status, code: code.to_owned(), message: message.to_owned(), retry_after: None };
    let acts: [(&str, Act); 5] = [
        (
            "create-refused",
            refuse(409, "DBS.200011", "Another operation is being performed on the DB instance or the DB instance is faulty."),
        ),
        ("create-lost", Act::DoThenDrop),
        ("create-dropped", Act::Drop),
        ("create-500", refuse(500, "DBS.108000", "Server failure.")),
        ("create-partial", Act::Partial),
    ];
    acts.into_iter().find(|(word, _)| name.contains(word)).map(|(_, act)| act)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_skips_strikes_and_ends() {
        let mut script = Script::default();
        script.set(vec![Fault { skip: 1, times: 2, ..Fault::on("tasks", Act::Drop) }]);
        let struck: Vec<_> = (0..5).map(|_| script.strike("GET", "/v3/p/tasks", b"").is_some()).collect();
        assert_eq!(struck, [false, true, true, false, false]);
        assert_eq!(script.strike("GET", "/v3/p/other", b""), None);
    }

    #[test]
    fn a_script_is_readable_json() {
        let fault: Fault = serde_json::from_str(r#"{"method":"POST","path":"schedule-task","times":1,"act":"hang","ms":5}"#).unwrap();
        assert_eq!(fault.act, Act::Hang { ms: 5 });
    }
}
