//! Reviews, decisions, comments.

use crate::{
    Error, Store, Submission,
    error::{doc, json, one_row},
    journal::submit_in,
    ledger::append,
    sql::plain,
    time::{instant, ms},
    tx::Tx,
};
use chrono::{DateTime, Utc};
use patchboard_domain::{
    id::{PlanId, UserId},
    ledger::Deed,
    review::{Asked, Decision, Review, ReviewEnd, Verdict},
};
use sqlx::FromRow;

/// A decision is asked for.
#[derive(Clone, Debug)]
pub struct NewReview {
    /// The plan.
    pub plan: PlanId,
    /// Its revision.
    pub revision: i64,
    /// Hash of the requests.
    pub hash: String,
    /// The start.
    pub start_at: DateTime<Utc>,
    /// What is asked about.
    pub asked: Asked,
    /// Who asks.
    pub by: UserId,
    /// Now.
    pub now: DateTime<Utc>,
}

/// Something said about a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommentRow {
    /// Who.
    pub user: UserId,
    /// When.
    pub at: DateTime<Utc>,
    /// What.
    pub text: String,
}

#[derive(FromRow)]
struct Row {
    number: i64,
    hash: String,
    start_at: i64,
    doc: String,
    asked_by: String,
    asked_at: i64,
    ended_at: Option<i64>,
    outcome: Option<String>,
}

async fn end_review(tx: &mut Tx, plan: &PlanId, number: i64, end: ReviewEnd, now: DateTime<Utc>) -> Result<(), Error> {
    // They were about what was asked then.
    sqlx::query("DELETE FROM unsent_words WHERE plan = $1").bind(plan.as_str()).execute(&mut **tx).await?;
    let done = sqlx::query("UPDATE reviews SET ended_at = $1, outcome = $2 WHERE plan = $3 AND number = $4 AND ended_at IS NULL")
        .bind(ms(now))
        .bind(end.word())
        .bind(plan.as_str())
        .bind(number)
        .execute(&mut **tx)
        .await?;
    one_row(&done)?;
    sqlx::query("UPDATE plans SET review = NULL, updated_at = $1, revision = revision + 1 WHERE id = $2")
        .bind(ms(now))
        .bind(plan.as_str())
        .execute(&mut **tx)
        .await?;
    Ok(())
}

impl Store {
    /// Keeps what somebody typed with a decision that was not taken.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn keep_words(&self, plan: &PlanId, user: &UserId, words: &str) -> Result<(), Error> {
        if words.is_empty() {
            self.write(sqlx::query("DELETE FROM unsent_words WHERE plan = $1 AND user_id = $2").bind(plan.as_str()).bind(user.as_str()))
                .await?;
            return Ok(());
        }
        self.write(sqlx::query(
            "INSERT INTO unsent_words (plan, user_id, words) VALUES ($1, $2, $3) ON CONFLICT (plan, user_id) DO UPDATE SET words = excluded.words",
        )
        .bind(plan.as_str())
        .bind(user.as_str())
        .bind(plain(words))).await?;
        Ok(())
    }

    /// What was kept so, or nothing.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn kept_words(&self, plan: &PlanId, user: &UserId) -> Result<String, Error> {
        let words: Option<String> = sqlx::query_scalar("SELECT words FROM unsent_words WHERE plan = $1 AND user_id = $2")
            .bind(plan.as_str())
            .bind(user.as_str())
            .fetch_optional(self.reader().await)
            .await?;
        Ok(words.unwrap_or_default())
    }

    /// Opens a review of a draft of this revision. From here on the draft stands still.
    ///
    /// # Errors
    /// [`Error::Changed`] when the draft moved on, [`Error::Database`].
    pub async fn ask_review(&self, new: &NewReview, deed: &Deed) -> Result<i64, Error> {
        let mut tx = self.begin().await?;
        let number: i64 =
            sqlx::query_scalar("SELECT COUNT(*) + 1 FROM reviews WHERE plan = $1").bind(new.plan.as_str()).fetch_one(&mut *tx).await?;
        let done = sqlx::query(
            "UPDATE plans SET review = $1, updated_at = $2, revision = revision + 1
             WHERE id = $3 AND revision = $4 AND submitted_at IS NULL AND review IS NULL",
        )
        .bind(number)
        .bind(ms(new.now))
        .bind(new.plan.as_str())
        .bind(new.revision)
        .execute(&mut *tx)
        .await?;
        one_row(&done)?;
        sqlx::query(
            "INSERT INTO reviews (plan, number, hash, start_at, needed, doc, asked_by, asked_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(new.plan.as_str())
        .bind(number)
        .bind(&new.hash)
        .bind(ms(new.start_at))
        .bind(i64::try_from(new.asked.need.approvals).unwrap_or(i64::MAX))
        .bind(json(&new.asked))
        .bind(new.by.as_str())
        .bind(ms(new.now))
        .execute(&mut *tx)
        .await?;
        append(&mut tx, deed).await?;
        tx.commit().await?;
        Ok(number)
    }

    /// Keeps a decision about an open review and what follows from it: an end, and with an approval that was the last one needed
    /// the submission. All of it or nothing.
    ///
    /// # Errors
    /// [`Error::Changed`] when the review is over, or was about something else than was seen; [`Error::Conflict`] when another
    /// plan is about to schedule one of the instances; [`Error::Database`].
    pub async fn decide(
        &self,
        plan: &PlanId,
        number: i64,
        decision: &Decision,
        end: Option<ReviewEnd>,
        submission: Option<&Submission>,
        deed: &Deed,
    ) -> Result<(), Error> {
        let mut tx = self.begin().await?;
        let open: i64 =
            sqlx::query_scalar("SELECT COUNT(*) FROM reviews WHERE plan = $1 AND number = $2 AND hash = $3 AND ended_at IS NULL")
                .bind(plan.as_str())
                .bind(number)
                .bind(&decision.hash)
                .fetch_one(&mut *tx)
                .await?;
        if open != 1 {
            return Err(Error::Changed);
        }
        sqlx::query(
            "INSERT INTO decisions (plan, review, user_id, verdict, hash, comment, at) VALUES ($1, $2, $3, $4, $5, $6, $7)
             ON CONFLICT (plan, review, user_id) DO UPDATE SET verdict = excluded.verdict, hash = excluded.hash,
             comment = excluded.comment, at = excluded.at",
        )
        .bind(plan.as_str())
        .bind(number)
        .bind(decision.user.as_str())
        .bind(decision.verdict.word())
        .bind(&decision.hash)
        .bind(plain(&decision.comment))
        .bind(ms(decision.at))
        .execute(&mut *tx)
        .await?;
        sqlx::query("DELETE FROM unsent_words WHERE plan = $1 AND user_id = $2")
            .bind(plan.as_str())
            .bind(decision.user.as_str())
            .execute(&mut *tx)
            .await?;
        if let Some(submission) = submission {
            submit_in(&mut tx, submission, Some(number)).await?;
        }
        if let Some(end) = end {
            end_review(&mut tx, plan, number, end, decision.at).await?;
        }
        append(&mut tx, deed).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Takes a plan out of review: it is a draft again, and what was approved so far is void.
    ///
    /// # Errors
    /// [`Error::Changed`] when that review is over, [`Error::Database`].
    pub async fn reopen(&self, plan: &PlanId, number: i64, now: DateTime<Utc>, deed: &Deed) -> Result<(), Error> {
        let mut tx = self.begin().await?;
        end_review(&mut tx, plan, number, ReviewEnd::Withdrawn, now).await?;
        append(&mut tx, deed).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Every review of a plan, oldest first.
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::Inconsistent`].
    pub async fn reviews(&self, plan: &PlanId) -> Result<Vec<Review>, Error> {
        let rows: Vec<Row> = sqlx::query_as(
            "SELECT number, hash, start_at, doc, asked_by, asked_at, ended_at, outcome FROM reviews WHERE plan = $1 ORDER BY number",
        )
        .bind(plan.as_str())
        .fetch_all(self.reader().await)
        .await?;
        let mut out = Vec::new();
        for row in rows {
            let asked: Asked = doc(&row.doc, "reviews", plan.as_str())?;
            let outcome = row.outcome.as_deref().and_then(ReviewEnd::from_word);
            out.push(Review {
                number: row.number,
                hash: row.hash,
                start_at: instant(row.start_at),
                asked,
                asked_by: UserId::new(row.asked_by),
                asked_at: instant(row.asked_at),
                ended: outcome.zip(row.ended_at.map(instant)),
                decisions: self.decisions(plan, row.number).await?,
            });
        }
        Ok(out)
    }

    async fn decisions(&self, plan: &PlanId, review: i64) -> Result<Vec<Decision>, Error> {
        let rows: Vec<(String, String, String, String, i64)> = sqlx::query_as(
            "SELECT user_id, verdict, hash, comment, at FROM decisions WHERE plan = $1 AND review = $2 ORDER BY at, user_id",
        )
        .bind(plan.as_str())
        .bind(review)
        .fetch_all(self.reader().await)
        .await?;
        let read = |(user, verdict, hash, comment, at): (String, String, String, String, i64)| {
            // A word that was written into the row by hand is no decision.
            let verdict = Verdict::from_word(&verdict)?;
            Some(Decision { user: UserId::new(user), verdict, hash, comment, at: instant(at) })
        };
        Ok(rows.into_iter().filter_map(read).collect())
    }

    /// Keeps a comment.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn add_comment(&self, plan: &PlanId, id: &str, comment: &CommentRow, deed: &Deed) -> Result<(), Error> {
        let mut tx = self.begin().await?;
        sqlx::query("INSERT INTO comments (id, plan, user_id, at, text) VALUES ($1, $2, $3, $4, $5)")
            .bind(id)
            .bind(plan.as_str())
            .bind(comment.user.as_str())
            .bind(ms(comment.at))
            .bind(plain(&comment.text))
            .execute(&mut *tx)
            .await?;
        append(&mut tx, deed).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Comments on a plan, oldest first.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn comments(&self, plan: &PlanId) -> Result<Vec<CommentRow>, Error> {
        let rows: Vec<(String, i64, String)> = sqlx::query_as("SELECT user_id, at, text FROM comments WHERE plan = $1 ORDER BY at, id")
            .bind(plan.as_str())
            .fetch_all(self.reader().await)
            .await?;
        Ok(rows.into_iter().map(|(user, at, text)| CommentRow { user: UserId::new(user), at: instant(at), text }).collect())
    }
}
