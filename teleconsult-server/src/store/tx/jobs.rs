//! Leases of jobs that one instance runs for all.

use jiff::Timestamp;

use super::Tx;
use super::values::millis;
use crate::store::Result;

impl Tx {
    /// Claims the next run of a job, unless another instance ran it recently. It is due again at `due_again`.
    pub async fn claim_job(&mut self, name: &'static str, now: Timestamp, due_again: Timestamp) -> Result<bool> {
        // A single statement, so that only one of several concurrent claims succeeds.
        let done = sqlx::query(
            "INSERT INTO job_runs (name, due_at) VALUES ($1, $2) \
             ON CONFLICT (name) DO UPDATE SET due_at = excluded.due_at WHERE job_runs.due_at <= $3",
        )
        .bind(name)
        .bind(millis(due_again))
        .bind(millis(now))
        .execute(self.connection())
        .await?;
        Ok(done.rows_affected() > 0)
    }
}
