//! What is asked under an `Idempotency-Key` is carried out once, however often it is asked.
//!
//! A repeat gets the answer of the first success. A repeat of something that failed or was cut off goes on from where
//! that came to, so a caller who was told of an error asks again and in the end has one teleconsultation.

use std::future::Future;

use jiff::Timestamp;

use super::{Result, UseCaseError, UseCases};
use crate::domain::ids::TeleconsultationId;
use crate::store::{Claim, KeyedRequest};

/// From where a request is carried out.
pub(super) struct Start {
    /// The teleconsultation that it is about.
    pub(super) teleconsultation: TeleconsultationId,
    /// Whether somebody tried before and may have come some way.
    pub(super) resumed: bool,
}

impl UseCases {
    /// Carries a request out, once for each key. `teleconsultation` is what it is about if nobody asked before.
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
        let journal = self.store.journal();
        let now = Timestamp::now();
        // Whoever takes longer finds another one at the same teleconsultation, and one of the two is refused by the store.
        let until = now.saturating_add(self.lease).unwrap_or(Timestamp::MAX);
        let (start, fence) = match journal.claim_key(&request, &teleconsultation, now, until).await? {
            Claim::Ours { teleconsultation, resumed, fence } => (Start { teleconsultation, resumed }, fence),
            Claim::Done(teleconsultation) => return Ok(teleconsultation),
            Claim::Running => return Err(UseCaseError::Running),
            Claim::OtherRequest => return Err(UseCaseError::KeyReused),
        };
        let result = work(start).await;
        let noted = match &result {
            Ok(id) => journal.finish_key(&request.key, fence, id).await,
            Err(_) => journal.release_key(&request.key, fence).await,
        };
        if let Err(error) = noted {
            // What was done is done. A repeat finds it once the lease ends.
            tracing::warn!(error = %error, "the end of a keyed request could not be noted");
        }
        result
    }
}
