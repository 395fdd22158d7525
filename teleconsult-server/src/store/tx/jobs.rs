//! Leases of jobs that one instance runs for all.

use jiff::{SignedDuration, Timestamp};

use super::Tx;
use super::values::{millis, moment};
use crate::store::Result;

impl Tx {
    /// Claims the next run of a job, unless another instance ran it recently. It is due again after `interval`.
    pub async fn claim_job(&mut self, name: &'static str, interval: SignedDuration) -> Result<bool> {
        let now = self.now().await?;
        let due_again = now.saturating_add(interval).unwrap_or(Timestamp::MAX);
        // A single statement, so that only one of several concurrent claims succeeds. A run that is due later than any claim
        // makes it was claimed before the clock was set back.
        let done = sqlx::query(
            "INSERT INTO job_runs (name, due_at) VALUES ($1, $2) \
             ON CONFLICT (name) DO UPDATE SET due_at = excluded.due_at \
             WHERE job_runs.due_at <= $3 OR job_runs.due_at > excluded.due_at",
        )
        .bind(name)
        .bind(millis(due_again))
        .bind(millis(now))
        .execute(self.connection())
        .await?;
        Ok(done.rows_affected() > 0)
    }

    /// Records that a job that each instance runs is running, and returns how long ago any of them last ran it. Negative if
    /// the clock was set back since.
    pub async fn note_run(&mut self, name: &'static str) -> Result<Option<SignedDuration>> {
        let now = self.now().await?;
        let last: Option<i64> = sqlx::query_scalar("SELECT due_at FROM job_runs WHERE name = $1")
            .bind(name)
            .fetch_optional(self.connection())
            .await?;
        sqlx::query(
            "INSERT INTO job_runs (name, due_at) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET due_at = excluded.due_at",
        )
        .bind(name)
        .bind(millis(now))
        .execute(self.connection())
        .await?;
        last.map(|last| Ok(now.duration_since(moment(last)?))).transpose()
    }
}
