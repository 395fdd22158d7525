//! A request with an `Idempotency-Key` is executed once, however often it is sent.
//!
//! A repeated request gets the result of the first success. If the first request failed or was interrupted, a repeated one
//! resumes its work, so a caller who repeats a request after an error ends up with one teleconsultation. A request that was
//! refused before it did anything gives its key back, so that the caller may correct it.
//!
//! The lease of a key is renewed while its request is executed, so it ends only with the process or while the process is
//! suspended. A holder that was suspended learns at the end that another request has taken over, and then reports what that
//! request reports.

use std::convert::Infallible;
use std::future::{Future, pending};
use std::time::Duration;

use super::{Result, UseCaseError, UseCases};
use crate::domain::ids::TeleconsultationId;
use crate::store::held_key;
use crate::store::{KeyClaim, KeyEnd, KeyTakeover, KeyedRequest, RENEWALS_PER_LEASE};

/// Where the execution of a request starts.
pub(super) struct Start {
    /// The teleconsultation that the request is about.
    pub(super) teleconsultation: TeleconsultationId,
    /// Whether an earlier attempt may have done part of the work.
    pub(super) resumed: bool,
}

impl UseCases {
    /// Executes a request once for each key. `teleconsultation` is what it is about if the key is new.
    pub(super) async fn once<F>(
        &self,
        key: Option<KeyedRequest>,
        teleconsultation: TeleconsultationId,
        work: impl FnOnce(Start) -> F + Send,
    ) -> Result<TeleconsultationId>
    where
        F: Future<Output = Result<TeleconsultationId>> + Send,
    {
        let Some(request) = key else { return work(Start { teleconsultation, resumed: false }).await };
        let (claimed, lease) = (request.clone(), self.lease);
        let claim = self
            .store
            .write(move |tx| Box::pin(async move { tx.claim_key(&claimed, &teleconsultation, lease).await }))
            .await?;
        let (start, fence) = match claim {
            KeyClaim::Claimed { teleconsultation, resumed, fence } => (Start { teleconsultation, resumed }, fence),
            KeyClaim::Done(teleconsultation) => return Ok(teleconsultation),
            KeyClaim::Running => return Err(UseCaseError::Running),
            KeyClaim::Mismatch => return Err(UseCaseError::KeyReused),
        };
        let resumed = start.resumed;
        // Polled together: work that holds a connection of the store must go on for the renewal to get one.
        let result = tokio::select! {
            biased;
            result = held_key::scope(request.clone(), fence, work(start)) => result,
            never = self.keep_renewing(&request, fence) => match never {},
        };
        let end = match &result {
            Ok(id) => KeyEnd::Done(id.clone()),
            // After an earlier attempt, a refusal does not mean that nothing was done.
            Err(error) if !resumed && error.is_refusal() => KeyEnd::Refused,
            Err(_) => KeyEnd::Failed,
        };
        let ended = self.store.write(move |tx| Box::pin(async move { tx.end_key(&request, fence, &end).await })).await;
        match ended {
            Ok(None) => result,
            Ok(Some(KeyTakeover::Done(id))) => {
                if let Ok(own) = result.as_ref().map(TeleconsultationId::as_str)
                    && own != id.as_str()
                {
                    // Only where the store chooses ids: no caller gets this one, and the CMS shows it.
                    tracing::warn!(teleconsultation = own, "a keyed request was executed twice; this one is left over");
                }
                Ok(id)
            }
            Ok(Some(KeyTakeover::Running)) => Err(UseCaseError::Running),
            Err(error) => {
                // The work itself is done. A repeated request finds it once the lease ends.
                tracing::warn!(error = %error, "cannot record the outcome of a keyed request");
                result
            }
        }
    }

    /// Renews the lease of a key until it is dropped. A lease that is lost stays lost, and the work goes on to its end: a
    /// room that is being created must still be recorded or discarded.
    async fn keep_renewing(&self, request: &KeyedRequest, fence: i64) -> Infallible {
        let pause = Duration::try_from(self.lease).unwrap_or(Duration::MAX) / RENEWALS_PER_LEASE;
        loop {
            tokio::time::sleep(pause).await;
            let (request, lease) = (request.clone(), self.lease);
            let renewed =
                self.store.write(move |tx| Box::pin(async move { tx.renew_key(&request, fence, lease).await })).await;
            match renewed {
                Ok(true) => {}
                Ok(false) => return pending().await,
                Err(error) => tracing::warn!(error = %error, "cannot renew the lease of a keyed request"),
            }
        }
    }
}
