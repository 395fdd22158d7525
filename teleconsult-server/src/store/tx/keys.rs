//! Requests with an `Idempotency-Key`.

use jiff::SignedDuration;
use sqlx::any::AnyArguments;
use sqlx::query::Query;
use sqlx::{Any, Row};

use super::Tx;
use super::values::{millis, teleconsultation_id};
use crate::domain::ids::TeleconsultationId;
use crate::store::engine::dialect::sql;
use crate::store::{KeyClaim, KeyEnd, KeyTakeover, KeyedRequest, Result};

/// A statement about a keyed request that is still this holder's. The fingerprint is part of the condition, because a key
/// that expired may have been claimed for another request, with the same fence.
fn held<'q>(statement: &'static str, request: &'q KeyedRequest, fence: i64) -> Query<'q, Any, AnyArguments> {
    sqlx::query(statement).bind(request.key.as_str()).bind(fence).bind(request.fingerprint.as_str())
}

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
        let row = sqlx::query(statement).bind(request.key.as_str()).fetch_optional(self.connection()).await?;
        // Deleted between the two statements: it was being executed until now, and the next attempt finds the key unused.
        let Some(row) = row else { return Ok(KeyClaim::Running) };
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

    /// Extends the lease of a keyed request. `false` if another request has taken it over.
    pub async fn renew_key(&mut self, request: &KeyedRequest, fence: i64, lease: SignedDuration) -> Result<bool> {
        let until = self.now_plus(lease).await?;
        let statement = "UPDATE keyed_requests SET lease_until = $4 \
                         WHERE key = $1 AND fence = $2 AND fingerprint = $3 AND done = 0";
        let renewed = held(statement, request, fence).bind(millis(until)).execute(self.connection()).await?;
        Ok(renewed.rows_affected() > 0)
    }

    /// What a keyed request is about, if it was not taken over. It cannot be before the transaction ends.
    pub(in crate::store) async fn held_key(
        &mut self,
        request: &KeyedRequest,
        fence: i64,
    ) -> Result<Option<TeleconsultationId>> {
        let statement = sql!(
            self.dialect,
            "SELECT teleconsultation_id FROM keyed_requests \
             WHERE key = $1 AND fence = $2 AND fingerprint = $3 AND done = 0",
            lock
        );
        let row = held(statement, request, fence).fetch_optional(self.connection()).await?;
        row.map(|row| teleconsultation_id(row.try_get("teleconsultation_id")?)).transpose()
    }

    /// Ends the execution of a keyed request. If another request has taken it over, nothing is changed, and the result is
    /// what became of it.
    pub async fn end_key(&mut self, request: &KeyedRequest, fence: i64, end: &KeyEnd) -> Result<Option<KeyTakeover>> {
        let change = match end {
            KeyEnd::Done(teleconsultation) => held(
                "UPDATE keyed_requests SET done = 1, teleconsultation_id = $4 \
                 WHERE key = $1 AND fence = $2 AND fingerprint = $3 AND done = 0",
                request,
                fence,
            )
            .bind(teleconsultation.as_str()),
            KeyEnd::Failed => held(
                "UPDATE keyed_requests SET lease_until = 0 \
                 WHERE key = $1 AND fence = $2 AND fingerprint = $3 AND done = 0",
                request,
                fence,
            ),
            KeyEnd::Refused => held(
                "DELETE FROM keyed_requests WHERE key = $1 AND fence = $2 AND fingerprint = $3 AND done = 0",
                request,
                fence,
            ),
        };
        if change.execute(self.connection()).await?.rows_affected() > 0 {
            return Ok(None);
        }
        let row =
            sqlx::query("SELECT teleconsultation_id, done FROM keyed_requests WHERE key = $1 AND fingerprint = $2")
                .bind(request.key.as_str())
                .bind(request.fingerprint.as_str())
                .fetch_optional(self.connection())
                .await?;
        // A key that expired is free.
        let Some(row) = row else { return Ok(None) };
        if row.try_get::<i64, _>("done")? == 0 {
            return Ok(Some(KeyTakeover::Running));
        }
        teleconsultation_id(row.try_get("teleconsultation_id")?).map(KeyTakeover::Done).map(Some)
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
