//! The ledger: an entry is written in the transaction of its deed, or the deed does not happen.

use crate::{
    Error, Store,
    engine::Engine,
    sql::{Sql, like},
    tx::Tx,
};
use patchboard_domain::ledger::{Deed, Entry, GENESIS, StoredEntry};

/// Number, text, hash before, hash, subject, and whether all of them are text.
type Row = (i64, Vec<u8>, Vec<u8>, Vec<u8>, Vec<u8>, i64);

/// What is read of an entry: as bytes, because SQLite takes anything into a column of text, and one row that was edited by hand must
/// not keep the others from being read.
fn columns(engine: Engine) -> &'static str {
    match engine {
        Engine::Sqlite => {
            "seq, CAST(body AS BLOB), CAST(previous AS BLOB), CAST(hash AS BLOB), CAST(subject AS BLOB),
             CASE WHEN typeof(body) = 'text' AND typeof(previous) = 'text' AND typeof(hash) = 'text' AND typeof(subject) = 'text'
             THEN 1 ELSE 0 END"
        }
        Engine::Postgres => {
            "seq, convert_to(body, 'UTF8'), convert_to(previous, 'UTF8'), convert_to(hash, 'UTF8'), convert_to(subject, 'UTF8'),
             CAST(1 AS BIGINT)"
        }
    }
}

fn read((seq, body, previous, hash, subject, all_text): Row) -> StoredEntry {
    let mut is_text = all_text == 1;
    let mut text = |bytes: Vec<u8>| {
        String::from_utf8(bytes).unwrap_or_else(|error| {
            is_text = false;
            String::from_utf8_lossy(error.as_bytes()).into_owned()
        })
    };
    let entry = Entry { seq, body: text(body), previous: text(previous), hash: text(hash) };
    let subject = text(subject);
    StoredEntry { entry, subject, is_text }
}

/// Appends to the chain. The one writing connection makes it the only one that does so now.
pub(crate) async fn append(tx: &mut Tx, deed: &Deed) -> Result<(), Error> {
    let head: Option<(i64, String)> = sqlx::query_as("SELECT seq, hash FROM ledger_head").fetch_optional(&mut **tx).await?;
    let (seq, previous) = head.unwrap_or_else(|| (0, GENESIS.to_owned()));
    // No entry can follow the last number there is; it was written by hand.
    let next = seq.checked_add(1).ok_or_else(|| Error::Ledger(seq, sqlx::Error::Protocol("no number follows".to_owned())))?;
    let entry = Entry::after(next, &previous, deed);
    sqlx::query("INSERT INTO ledger (seq, body, previous, hash, subject) VALUES ($1, $2, $3, $4, $5)")
        .bind(entry.seq)
        .bind(&entry.body)
        .bind(&entry.previous)
        .bind(&entry.hash)
        .bind(&deed.subject)
        .execute(&mut **tx)
        .await
        .map_err(|source| Error::Ledger(entry.seq, source))?;
    sqlx::query(
        "INSERT INTO ledger_head (one, seq, hash) VALUES (1, $1, $2) ON CONFLICT (one) DO UPDATE SET seq = excluded.seq, hash = excluded.hash",
    )
    .bind(entry.seq)
    .bind(&entry.hash)
    .execute(&mut **tx)
    .await?;
    Ok(())
}

/// What to look for in the ledger. Empty fields do not filter.
#[derive(Clone, Debug, Default)]
pub struct LedgerSearch {
    /// Part of any text of the entry.
    pub words: String,
    /// Start of the deed's word, for example `plan.`.
    pub what: String,
    /// The whole subject, for example `plan/0190…`.
    pub subject: String,
}

fn push_search(q: &mut Sql, search: &LedgerSearch) {
    q.push(" WHERE 1 = 1");
    let words = search.words.trim();
    if !words.is_empty() {
        let escaped = like(&words.to_ascii_lowercase());
        q.push(" AND lower(body) LIKE ").push_bind(format!("%{escaped}%")).push(" ESCAPE '\\'");
    }
    if !search.what.is_empty() {
        let escaped = like(&search.what);
        q.push(" AND body LIKE ").push_bind(format!("%\"what\":\"{escaped}%")).push(" ESCAPE '\\'");
    }
    if !search.subject.is_empty() {
        q.push(" AND subject = ").push_bind(search.subject.clone());
    }
}

impl Store {
    /// Writes a deed that changes nothing else.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn note(&self, deed: &Deed) -> Result<(), Error> {
        let mut tx = self.begin().await?;
        append(&mut tx, deed).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Entries that match, newest first, and their number. One that is found under a subject and names another is not among them.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn ledger(&self, search: &LedgerSearch, limit: i64, offset: i64) -> Result<(Vec<StoredEntry>, i64), Error> {
        let mut count = Sql::new("SELECT COUNT(*) FROM ledger");
        push_search(&mut count, search);
        let total: i64 = count.number(self.reader().await).await?;
        let mut q = Sql::new(format!("SELECT {} FROM ledger", columns(self.engine)));
        push_search(&mut q, search);
        q.push(" ORDER BY seq DESC LIMIT ").push_bind(limit).push(" OFFSET ").push_bind(offset);
        let rows: Vec<Row> = q.rows(self.reader().await).await?;
        let rows = rows.into_iter().map(read).filter(|e| search.subject.is_empty() || e.is_about(&search.subject));
        Ok((rows.collect(), total))
    }

    /// Entries after a number, ascending: the ledger is read in pieces.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn ledger_after(&self, seq: i64, limit: i64) -> Result<Vec<StoredEntry>, Error> {
        let mut q = Sql::new(format!("SELECT {} FROM ledger WHERE seq > ", columns(self.engine)));
        q.push_bind(seq).push(" ORDER BY seq LIMIT ").push_bind(limit);
        let rows: Vec<Row> = q.rows(self.reader().await).await?;
        Ok(rows.into_iter().map(read).collect())
    }

    /// Entries about one thing, oldest first: those of these two deeds, and possibly more.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn ledger_about(&self, subject: &str, [one, other]: [&str; 2]) -> Result<Vec<Entry>, Error> {
        let named = |deed: &str| format!("%\"{deed}\"%");
        let mut q = Sql::new(format!("SELECT {} FROM ledger WHERE subject = ", columns(self.engine)));
        q.push_bind(subject);
        q.push(" AND (body LIKE ").push_bind(named(one)).push(" OR body LIKE ").push_bind(named(other)).push(") ORDER BY seq");
        let rows: Vec<Row> = q.rows(self.reader().await).await?;
        // The column only finds them; what an entry is about is what its text says.
        Ok(rows.into_iter().map(read).filter(|e| e.is_about(subject)).map(|e| e.entry).collect())
    }

    /// Whether what refuses changes of the ledger is in place.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn ledger_is_guarded(&self) -> Result<bool, Error> {
        let triggers = match self.engine {
            Engine::Sqlite => "SELECT COUNT(*) FROM sqlite_master WHERE type = 'trigger' AND name IN ('ledger_stands', 'ledger_stays')",
            Engine::Postgres => {
                "SELECT COUNT(*) FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid WHERE c.relname = 'ledger'
                 AND c.relnamespace = current_schema()::regnamespace AND t.tgenabled = 'O' AND t.tgname IN ('ledger_stands', 'ledger_stays')"
            }
        };
        let n: i64 = sqlx::query_scalar(triggers).fetch_one(self.reader().await).await?;
        Ok(n == 2)
    }

    /// Number and hash of the last entry, as kept beside the ledger. A number that is none is as good as gone, and a hash that is no
    /// text is that of no entry.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn ledger_head(&self) -> Result<Option<(i64, String)>, Error> {
        let q = Sql::new(match self.engine {
            Engine::Sqlite => {
                "SELECT CASE typeof(seq) WHEN 'integer' THEN seq ELSE -1 END,
                 CASE typeof(hash) WHEN 'text' THEN CAST(hash AS BLOB) ELSE CAST('' AS BLOB) END FROM ledger_head"
            }
            Engine::Postgres => "SELECT seq, convert_to(hash, 'UTF8') FROM ledger_head",
        });
        let head: Option<(i64, Vec<u8>)> = q.row(self.reader().await).await?;
        let head = head.filter(|(seq, _)| *seq >= 0);
        Ok(head.map(|(seq, hash)| (seq, String::from_utf8_lossy(&hash).into_owned())))
    }
}
