//! A request with an `Idempotency-Key` is executed once, however often it is sent.
//!
//! A repeated request gets the result of the first success. If the first request failed or was interrupted, a repeated one
//! resumes its work, so a caller who repeats a request after an error ends up with one teleconsultation.

use std::future::Future;

use super::{Result, UseCaseError, UseCases};
use crate::domain::ids::TeleconsultationId;
use crate::store::{KeyClaim, KeyedRequest};

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
        let key = request.key.clone();
        let lease = self.lease;
        // If execution takes longer than the lease, a repeated request may work on the same teleconsultation, and the store
        // refuses one of the two.
        let claim = self
            .store
            .write(move |tx| Box::pin(async move { tx.claim_key(&request, &teleconsultation, lease).await }))
            .await?;
        let (start, fence) = match claim {
            KeyClaim::Claimed { teleconsultation, resumed, fence } => (Start { teleconsultation, resumed }, fence),
            KeyClaim::Done(teleconsultation) => return Ok(teleconsultation),
            KeyClaim::Running => return Err(UseCaseError::Running),
            KeyClaim::Mismatch => return Err(UseCaseError::KeyReused),
        };
        let result = work(start).await;
        let done = result.as_ref().ok().cloned();
        let recorded = self
            .store
            .write(move |tx| {
                Box::pin(async move {
                    match done {
                        Some(id) => tx.finish_key(&key, fence, &id).await,
                        None => tx.release_key(&key, fence).await,
                    }
                })
            })
            .await;
        if let Err(error) = recorded {
            // The work itself is done. A repeated request finds it once the lease ends.
            tracing::warn!(error = %error, "cannot record the outcome of a keyed request");
        }
        result
    }
}
