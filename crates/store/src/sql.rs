//! A statement put together from pieces, with `$1`, `$2`… for its values: what both engines take.

use crate::{Error, error::or_log};
use sqlx::Arguments;
use sqlx::{
    Any, AssertSqlSafe, Executor, FromRow,
    any::{AnyArguments, AnyRow},
    encode::Encode,
    types::Type,
};

pub(crate) struct Sql {
    text: String,
    values: AnyArguments,
}

impl Sql {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), values: AnyArguments::default() }
    }

    pub(crate) fn push(&mut self, text: impl AsRef<str>) -> &mut Self {
        self.text.push_str(text.as_ref());
        self
    }

    /// Texts and numbers can always be encoded.
    pub(crate) fn push_bind<'t, T: Encode<'t, Any> + Type<Any>>(&mut self, value: T) -> &mut Self {
        let added = self.values.add(value);
        debug_assert!(added.is_ok(), "{added:?}");
        self.text.push('$');
        self.text.push_str(&self.values.len().to_string());
        self
    }

    /// `$1, $2, …`
    pub(crate) fn push_list<'t, T: Encode<'t, Any> + Type<Any>>(&mut self, values: impl IntoIterator<Item = T>) -> &mut Self {
        for (n, value) in values.into_iter().enumerate() {
            if n > 0 {
                self.push(", ");
            }
            self.push_bind(value);
        }
        self
    }

    pub(crate) async fn rows<T: for<'r> FromRow<'r, AnyRow> + Send + Unpin>(
        self,
        on: impl Executor<'_, Database = Any>,
    ) -> Result<Vec<T>, Error> {
        Ok(sqlx::query_as_with(AssertSqlSafe(self.text), self.values).fetch_all(on).await?)
    }

    /// The rows that can be read; the others are left out and logged. For lists that people look at, and not for what decides.
    pub(crate) async fn readable_rows<T: for<'r> FromRow<'r, AnyRow>>(
        self,
        on: impl Executor<'_, Database = Any>,
    ) -> Result<Vec<T>, Error> {
        let rows = sqlx::query_with(AssertSqlSafe(self.text), self.values).fetch_all(on).await?;
        Ok(rows.iter().filter_map(|row| or_log(T::from_row(row).map_err(Error::from))).collect())
    }

    pub(crate) async fn row<T: for<'r> FromRow<'r, AnyRow> + Send + Unpin>(
        self,
        on: impl Executor<'_, Database = Any>,
    ) -> Result<Option<T>, Error> {
        Ok(sqlx::query_as_with(AssertSqlSafe(self.text), self.values).fetch_optional(on).await?)
    }

    pub(crate) async fn number(self, on: impl Executor<'_, Database = Any>) -> Result<i64, Error> {
        Ok(sqlx::query_scalar_with(AssertSqlSafe(self.text), self.values).fetch_one(on).await?)
    }
}

/// A text without the one character that PostgreSQL keeps in none.
pub(crate) fn plain(text: &str) -> String {
    text.replace('\0', "")
}

/// A text as part of a `LIKE` pattern with `ESCAPE '\'`.
pub(crate) fn like(text: &str) -> String {
    text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_")
}
