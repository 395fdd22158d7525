//! Requests with an `Idempotency-Key`.

use jiff::SignedDuration;
use sqlx::Row;

use super::Tx;
use super::values::{millis, teleconsultation_id};
use crate::domain::ids::TeleconsultationId;
use crate::store::engine::dialect::sql;
use crate::store::{KeyClaim, KeyedRequest, Result, StoreError};

impl Tx {
    /// Claims a keyed request for the duration of `lease`. `teleconsultation` is what it is about if the key is new.
    pub async fn claim_key(
        &mut self,
        request: &KeyedRequest,
        teleconsultation: &TeleconsultationId,
        lease: SignedDuration,
    ) -> Result<KeyClaim> {
        let (now, until, too_far) = self.lease(lease).await?;
        let inserted = sqlx::query(
            "INSERT INTO keyed_requests (key, fingerprint, teleconsultation_id, done, created_at, lease_until, fence) \
             VALUES ($1, $2, $3, 0, $4, $5, 1) ON CONFLICT (key) DO NOTHING",
        )
        .bind(request.key.as_str())
        .bind(request.fingerprint.as_str())
        .bind(teleconsultation.as_str())
        .bind(millis(now))
        .bind(millis(until))
        .execute(self.connection())
        .await?;
        if inserted.rows_affected() > 0 {
            let teleconsultation = teleconsultation.clone();
            return Ok(KeyClaim::Claimed { teleconsultation, resumed: false, fence: 1 });
        }
        let statement = sql!(
            self.dialect,
            "SELECT fingerprint, teleconsultation_id, done, lease_until, fence FROM keyed_requests WHERE key = $1",
            lock
        );
        let row = sqlx::query(statement)
            .bind(request.key.as_str())
            .fetch_optional(self.connection())
            .await?
            // It expired between the two statements. The next attempt finds the key unused.
            .ok_or(StoreError::corrupt("a keyed request expired while it was claimed"))?;
        let first = teleconsultation_id(row.try_get("teleconsultation_id")?)?;
        if row.try_get::<&str, _>("fingerprint")? != request.fingerprint {
            return Ok(KeyClaim::Mismatch);
        }
        if row.try_get::<i64, _>("done")? != 0 {
            return Ok(KeyClaim::Done(first));
        }
        if (millis(now) + 1..=millis(too_far)).contains(&row.try_get("lease_until")?) {
            return Ok(KeyClaim::Running);
        }
        let fence = row.try_get::<i64, _>("fence")? + 1;
        sqlx::query("UPDATE keyed_requests SET lease_until = $1, fence = $2 WHERE key = $3")
            .bind(millis(until))
            .bind(fence)
            .bind(request.key.as_str())
            .execute(self.connection())
            .await?;
        Ok(KeyClaim::Claimed { teleconsultation: first, resumed: true, fence })
    }

    /// Records that a keyed request was executed, and for which teleconsultation.
    pub async fn finish_key(&mut self, key: &str, fence: i64, teleconsultation: &TeleconsultationId) -> Result<()> {
        sqlx::query("UPDATE keyed_requests SET done = 1, teleconsultation_id = $1 WHERE key = $2 AND fence = $3")
            .bind(teleconsultation.as_str())
            .bind(key)
            .bind(fence)
            .execute(self.connection())
            .await?;
        Ok(())
    }

    /// Ends the lease of a keyed request that failed, so that it can be repeated.
    pub async fn release_key(&mut self, key: &str, fence: i64) -> Result<()> {
        sqlx::query("UPDATE keyed_requests SET lease_until = 0 WHERE key = $1 AND fence = $2")
            .bind(key)
            .bind(fence)
            .execute(self.connection())
            .await?;
        Ok(())
    }

    /// Deletes keyed requests that were first seen longer than this ago.
    pub async fn expire_keys(&mut self, kept_for: SignedDuration) -> Result<()> {
        let before = self.now_plus(-kept_for).await?;
        sqlx::query("DELETE FROM keyed_requests WHERE created_at < $1")
            .bind(millis(before))
            .execute(self.connection())
            .await?;
        Ok(())
    }
}
