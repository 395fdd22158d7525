//! What was asked under an `Idempotency-Key`.

use async_trait::async_trait;
use jiff::Timestamp;
use sqlx::Row;

use super::SqlStore;
use super::engine::sql;
use super::rows::{failed, millis, teleconsultation_id};
use crate::domain::ids::TeleconsultationId;
use crate::store::{Claim, KeyedRequest, Keys, Result, StoreError};

#[async_trait]
impl Keys for SqlStore {
    async fn claim_key(
        &self,
        request: &KeyedRequest,
        teleconsultation: &TeleconsultationId,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Claim> {
        let mut tx = self.begin_writing().await?;
        let is_new = sqlx::query(
            "INSERT INTO keyed_requests (key, fingerprint, teleconsultation_id, done, created_at, lease_until, fence) \
             VALUES ($1, $2, $3, 0, $4, $5, 1) ON CONFLICT (key) DO NOTHING",
        )
        .bind(request.key.as_str())
        .bind(request.fingerprint.as_str())
        .bind(teleconsultation.as_str())
        .bind(millis(now))
        .bind(millis(until))
        .execute(&mut *tx)
        .await
        .map_err(failed)?
        .rows_affected()
            > 0;
        if is_new {
            tx.commit().await.map_err(failed)?;
            return Ok(Claim::Ours { teleconsultation: teleconsultation.clone(), resumed: false, fence: 1 });
        }
        let row = sqlx::query(sql!(
            self.engine,
            "SELECT fingerprint, teleconsultation_id, done, lease_until, fence FROM keyed_requests WHERE key = $1",
            lock
        ))
        .bind(request.key.as_str())
        .fetch_optional(&mut *tx)
        .await
        .map_err(failed)?
        // Forgotten between the two statements, after a day: as good as never asked, and the next try finds it so.
        .ok_or(StoreError::corrupt("a keyed request was forgotten meanwhile"))?;
        let first = teleconsultation_id(row.try_get("teleconsultation_id").map_err(failed)?)?;
        if row.try_get::<&str, _>("fingerprint").map_err(failed)? != request.fingerprint {
            return Ok(Claim::OtherRequest);
        }
        if row.try_get::<i64, _>("done").map_err(failed)? != 0 {
            return Ok(Claim::Done(first));
        }
        if row.try_get::<i64, _>("lease_until").map_err(failed)? > millis(now) {
            return Ok(Claim::Running);
        }
        let fence = row.try_get::<i64, _>("fence").map_err(failed)? + 1;
        sqlx::query("UPDATE keyed_requests SET lease_until = $1, fence = $2 WHERE key = $3")
            .bind(millis(until))
            .bind(fence)
            .bind(request.key.as_str())
            .execute(&mut *tx)
            .await
            .map_err(failed)?;
        tx.commit().await.map_err(failed)?;
        Ok(Claim::Ours { teleconsultation: first, resumed: true, fence })
    }

    async fn finish_key(&self, key: &str, fence: i64, teleconsultation: &TeleconsultationId) -> Result<()> {
        sqlx::query("UPDATE keyed_requests SET done = 1, teleconsultation_id = $1 WHERE key = $2 AND fence = $3")
            .bind(teleconsultation.as_str())
            .bind(key)
            .bind(fence)
            .execute(self.writing().await?)
            .await
            .map_err(failed)?;
        Ok(())
    }

    async fn release_key(&self, key: &str, fence: i64) -> Result<()> {
        sqlx::query("UPDATE keyed_requests SET lease_until = 0 WHERE key = $1 AND fence = $2")
            .bind(key)
            .bind(fence)
            .execute(self.writing().await?)
            .await
            .map_err(failed)?;
        Ok(())
    }

    async fn forget_keys(&self, before: Timestamp) -> Result<()> {
        sqlx::query("DELETE FROM keyed_requests WHERE created_at < $1")
            .bind(millis(before))
            .execute(self.writing().await?)
            .await
            .map_err(failed)?;
        Ok(())
    }
}
