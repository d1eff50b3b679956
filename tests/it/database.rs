//! The database of one test: a file, or one of its own in the server that `PATCHBOARD_TEST_POSTGRES` names.

use sqlx::{AnyConnection, AssertSqlSafe, ConnectOptions, Row, any::AnyConnectOptions};
use std::{collections::BTreeMap, path::PathBuf};
use tempfile::TempDir;

/// Where servers' databases are, when the tests are to run on one.
#[expect(clippy::disallowed_methods, reason = "it tells which engine a test runs on")]
fn server() -> Option<String> {
    std::env::var("PATCHBOARD_TEST_POSTGRES").ok()
}

pub(crate) struct Database {
    url: String,
    dir: TempDir,
    #[expect(dead_code, reason = "the database goes when it is dropped")]
    in_server: Option<InServer>,
}

/// A server's database that was made for one test: it goes with the test, or hundreds of them would fill a small disk.
struct InServer {
    server: String,
    name: String,
}

impl Drop for InServer {
    fn drop(&mut self) {
        let (server, name) = (format!("{}/postgres", self.server), self.name.clone());
        // A test's own runtime may be ending already.
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let statement = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
                let mut admin = server.parse::<AnyConnectOptions>().unwrap().connect().await?;
                sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut admin).await
            })
        });
        if let Ok(Err(e)) = dropped.join() {
            tracing::warn!("a database of a test stays: {e}");
        }
    }
}

impl Database {
    pub(crate) async fn new() -> Self {
        Self::new_named("template1").await
    }

    /// In a server it begins as a copy of another one, by address or name.
    async fn new_named(template: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (url, in_server) = match server() {
            None => (format!("sqlite:{}", dir.path().join("test.db").display()), None),
            Some(server) => {
                let name = format!("t{}", uuid::Uuid::now_v7().simple());
                let template = template.rsplit('/').next().unwrap_or(template);
                let mut admin = connect(&format!("{server}/postgres")).await;
                sqlx::raw_sql(AssertSqlSafe(format!("CREATE DATABASE {name} TEMPLATE {template}"))).execute(&mut admin).await.unwrap();
                (format!("{server}/{name}"), Some(InServer { server, name }))
            }
        };
        Self { url, dir, in_server }
    }

    /// One that is there already.
    pub(crate) fn at(url: &str) -> Self {
        Self { url: url.to_owned(), dir: tempfile::tempdir().unwrap(), in_server: None }
    }

    /// Where its server listens; nothing of a file.
    pub(crate) fn address(&self) -> Option<std::net::SocketAddr> {
        let place = self.url.strip_prefix("postgres://")?.split_once('@')?.1.split('/').next()?;
        std::net::ToSocketAddrs::to_socket_addrs(place).ok()?.next()
    }

    /// The same one, by way of another address.
    pub(crate) fn reached_at(self, address: std::net::SocketAddr) -> Self {
        let (user, place) = self.url.split_once('@').unwrap();
        let name = place.split_once('/').unwrap().1;
        Self { url: format!("{user}@{address}/{name}"), ..self }
    }

    pub(crate) async fn connection(&self) -> AnyConnection {
        connect(&self.url).await
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn is_file(&self) -> bool {
        self.url.starts_with("sqlite:")
    }

    /// A file beside it, or the file itself.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// A copy as it is now: of a file, or of a server's database.
    pub(crate) async fn copy(&self) -> String {
        let name = format!("c{}", uuid::Uuid::now_v7().simple());
        if self.is_file() {
            let path = self.path(&name).display().to_string();
            self.edit(&format!("VACUUM INTO '{path}'")).await.unwrap();
            return format!("sqlite:{path}");
        }
        let (server, of) = self.url.rsplit_once('/').unwrap();
        // A template must have no connections: whoever has one loses it, and opens another.
        let statements =
            format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{of}'; CREATE DATABASE {name} TEMPLATE {of}");
        let mut admin = connect(&format!("{server}/postgres")).await;
        for statement in statements.split("; ") {
            sqlx::raw_sql(AssertSqlSafe(statement.to_owned())).execute(&mut admin).await.unwrap();
        }
        format!("{server}/{name}")
    }

    /// A database of its own that begins as a copy of this one, to which nobody is connected.
    pub(crate) async fn fork(&self) -> Self {
        let fork = Self::new_named(&self.url).await;
        if self.is_file() {
            self.edit(&format!("VACUUM INTO '{}'", fork.path("test.db").display())).await.unwrap();
        }
        fork
    }

    /// Every column of every table that migrations made: table, column, and whether it holds text.
    pub(crate) async fn columns(&self) -> Vec<(String, String, bool)> {
        let sql = if self.is_file() {
            "SELECT m.name, c.name, CASE WHEN c.type = 'TEXT' THEN 1 ELSE 0 END FROM sqlite_master m JOIN pragma_table_info(m.name) c
             WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite%' AND m.name NOT LIKE '%sqlx%' ORDER BY m.name, c.cid"
        } else {
            "SELECT table_name::TEXT, column_name::TEXT, CASE WHEN data_type = 'text' THEN 1 ELSE 0 END FROM information_schema.columns
             WHERE table_schema = 'public' AND table_name NOT LIKE '%sqlx%' ORDER BY table_name, ordinal_position"
        };
        let rows = sqlx::query(sql).fetch_all(&mut connect(&self.url).await).await.unwrap();
        let number = |r: &sqlx::any::AnyRow| r.try_get::<i64, _>(2).unwrap_or_else(|_| i64::from(r.get::<i32, _>(2)));
        rows.iter().map(|r| (r.get(0), r.get(1), number(r) == 1)).collect()
    }

    /// From now on it is this copy.
    pub(crate) fn restore(&mut self, copy: String) {
        self.url = copy;
    }

    /// Edits it by hand, as somebody who may could.
    pub(crate) async fn edit(&self, statements: &str) -> Result<(), sqlx::Error> {
        sqlx::raw_sql(AssertSqlSafe(statements.to_owned())).execute(&mut connect(&self.url).await).await.map(drop)
    }

    /// Whether a statement is taken and changes a row; it is undone.
    pub(crate) async fn would_change(&self, statement: String) -> bool {
        let mut connection = connect(&self.url).await;
        let mut tx = sqlx::Connection::begin(&mut connection).await.unwrap();
        sqlx::query(AssertSqlSafe(statement)).execute(&mut *tx).await.is_ok_and(|done| done.rows_affected() > 0)
    }

    /// A number that it says.
    pub(crate) async fn count(&self, sql: &'static str) -> i64 {
        sqlx::query_scalar(sql).fetch_one(&mut connect(&self.url).await).await.unwrap()
    }

    /// Takes away what refuses changes of the ledger.
    pub(crate) async fn unguard_ledger(&self) {
        let on = if self.is_file() { "" } else { "ON ledger" };
        self.edit(&format!("DROP TRIGGER ledger_stands {on}; DROP TRIGGER ledger_stays {on}")).await.unwrap();
    }

    /// Nothing can be written into the ledger, as on a full disk.
    pub(crate) async fn refuse_entries(&self, refuse: bool) {
        let statements = match (refuse, self.is_file()) {
            (true, true) => "CREATE TRIGGER full BEFORE INSERT ON ledger BEGIN SELECT RAISE(ABORT, 'disk full'); END",
            (false, true) => "DROP TRIGGER full",
            (true, false) => {
                "CREATE FUNCTION full_disk() RETURNS TRIGGER LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'disk full'; END $$;
                 CREATE TRIGGER full_disk BEFORE INSERT ON ledger FOR EACH STATEMENT EXECUTE FUNCTION full_disk()"
            }
            (false, false) => "DROP TRIGGER full_disk ON ledger",
        };
        self.edit(statements).await.unwrap();
    }

    /// Every row of every table, but for when sessions were last used and what follows the clouds by itself.
    pub(crate) async fn contents(&self) -> BTreeMap<String, Vec<String>> {
        let mut connection = connect(&self.url).await;
        let named = if self.is_file() {
            "SELECT name FROM sqlite_master WHERE type = 'table'"
        } else {
            "SELECT tablename::TEXT FROM pg_tables WHERE schemaname = 'public'"
        };
        let tables: Vec<String> = sqlx::query_scalar(named).fetch_all(&mut connection).await.unwrap();
        let mut all = BTreeMap::new();
        for table in tables.into_iter().filter(|t| !["sessions", "offers", "sync", "sync_status"].contains(&t.as_str())) {
            let row = if self.is_file() {
                let columns = format!("SELECT name FROM pragma_table_info('{table}')");
                let columns: Vec<String> = sqlx::query_scalar(AssertSqlSafe(columns)).fetch_all(&mut connection).await.unwrap();
                columns.iter().map(|c| format!("quote(\"{c}\")")).collect::<Vec<_>>().join(" || ',' || ")
            } else {
                "t::TEXT".to_owned()
            };
            let rows = format!("SELECT {row} FROM \"{table}\" t ORDER BY 1");
            let rows = sqlx::query(AssertSqlSafe(rows)).fetch_all(&mut connection).await.unwrap();
            all.insert(table, rows.iter().map(|r| r.get::<String, _>(0)).collect());
        }
        all
    }
}

async fn connect(url: &str) -> AnyConnection {
    sqlx::any::install_default_drivers();
    url.parse::<AnyConnectOptions>().unwrap().connect().await.unwrap()
}
