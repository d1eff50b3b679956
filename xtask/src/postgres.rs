//! A PostgreSQL of our own for the tests: in a temporary directory, on a free port of this machine, thrown away afterwards.

use crate::{
    run::{Failure, Result, because, finish, has, run, step, target},
    tools,
};
use std::{
    hash::{DefaultHasher, Hash, Hasher},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// A running cluster. Dropped it stops.
pub(crate) struct Cluster {
    programs: PathBuf,
    dir: PathBuf,
    port: u16,
}

impl Cluster {
    /// Installs PostgreSQL where it is missing, makes a cluster and starts it.
    pub(crate) fn start() -> Result<Self> {
        let programs = programs()?;
        let dir = place();
        stop(&programs, &dir);
        if dir.exists() {
            std::fs::remove_dir_all(&dir).map_err(because(dir.display()))?;
        }
        std::fs::create_dir_all(&dir).map_err(because(dir.display()))?;
        // The server refuses to run as root: then it runs as the user whom its package brings.
        if is_root() {
            run("chown", ["postgres".as_ref(), dir.as_os_str()])?;
        }
        let port = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).map_err(because("no free port"))?.port();
        let cluster = Self { programs, dir, port };
        step("starting a PostgreSQL for the tests");
        let data = cluster.data();
        cluster
            .as_server("initdb", &["--auth=trust", "--username=patchboard", "--encoding=UTF8", "--locale=C", "--no-sync", "-D", &data])?;
        // Whether the operating system survives is not what these tests are about; that each commit is asked for is.
        // Each database that is made is written to the log as well: the log is kept short, for small disks.
        let settings = format!(
            "-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off -c max_connections=300 \
             -c wal_level=minimal -c max_wal_senders=0 -c max_wal_size=128MB -c min_wal_size=32MB"
        );
        let log = cluster.dir.join("log").display().to_string();
        cluster.as_server("pg_ctl", &["-D", &data, "-l", &log, "-o", &settings, "-w", "start"])?;
        Ok(cluster)
    }

    /// The databases of the cluster, without a name at the end.
    pub(crate) fn url(&self) -> String {
        format!("postgres://patchboard@127.0.0.1:{}", self.port)
    }

    /// Whether every transaction was begun and ended where the program believed it was.
    pub(crate) fn check_transactions(&self) -> Result {
        let log = std::fs::read_to_string(self.dir.join("log")).map_err(because("the log of PostgreSQL"))?;
        const MISPLACED: [&str; 2] = ["there is already a transaction in progress", "there is no transaction in progress"];
        let found: Vec<&str> = log.lines().filter(|line| MISPLACED.iter().any(|m| line.contains(m))).collect();
        match found.first() {
            None => Ok(()),
            Some(first) => Err(Failure(format!("{} transactions were not what the program believed, the first: {first}", found.len()))),
        }
    }

    fn data(&self) -> String {
        self.dir.join("data").display().to_string()
    }

    fn as_server(&self, program: &str, args: &[&str]) -> Result {
        let mut command = server_command(&self.programs.join(program));
        finish(command.args(args).current_dir(&self.dir).stdout(Stdio::null()))
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        stop(&self.programs, &self.dir);
        // What is left is thrown away at the next start.
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

/// Where temporary files are: the server's user may not be able to reach a checkout in somebody's home. Each checkout has its own.
fn place() -> PathBuf {
    let mut hasher = DefaultHasher::new();
    target().hash(&mut hasher);
    std::env::temp_dir().join(format!("patchboard-postgres-{:016x}", hasher.finish()))
}

/// A cluster that an interrupted run left.
fn stop(programs: &Path, dir: &Path) {
    let data = dir.join("data");
    if data.join("postmaster.pid").exists() {
        let mut command = server_command(&programs.join("pg_ctl"));
        // Not running any more: then there is nothing to stop.
        let _ = command.arg("-D").arg(data).args(["-m", "immediate", "-w", "stop"]).stdout(Stdio::null()).stderr(Stdio::null()).status();
    }
}

fn server_command(program: &Path) -> Command {
    if is_root() {
        let mut command = Command::new("runuser");
        command.args(["-u", "postgres", "--"]).arg(program);
        command
    } else {
        Command::new(program)
    }
}

fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|o| o.stdout.starts_with(b"0\n"))
}

/// Where the programs of the server are.
fn programs() -> Result<PathBuf> {
    if let Some(found) = find().filter(|_| has_pooler()) {
        return Ok(found);
    }
    step("installing PostgreSQL and PgBouncer for the tests (once)");
    if !has("apt-get") {
        return Err(Failure(
            "PostgreSQL (initdb, pg_ctl) or PgBouncer is missing and there is no apt-get; install them and put their programs on PATH"
                .to_owned(),
        ));
    }
    tools::apt_install(&["postgresql", "pgbouncer"])?;
    find().ok_or_else(|| Failure("PostgreSQL was installed but initdb is not where it should be; put it on PATH".to_owned()))
}

fn has_pooler() -> bool {
    has("pgbouncer") || Path::new("/usr/sbin/pgbouncer").exists()
}

fn find() -> Option<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").ok().into_iter().flatten().flatten().map(|e| e.path().join("bin"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut places: Vec<PathBuf> = versions.chain(std::env::split_paths(&path)).collect();
    places.retain(|p| p.join("initdb").exists() && p.join("pg_ctl").exists());
    places.into_iter().next()
}
