//! Add a participant to a teleconsultation.

use super::idempotent::Start;
use super::{Result, UseCaseError, UseCases};
use crate::domain::ids::TeleconsultationId;
use crate::domain::participants::RequestedParticipant;
use crate::domain::teleconsultation;
use crate::store::{KeyedRequest, crash_point};

impl UseCases {
    /// Adds a participant; with the same key, once.
    ///
    /// # Errors
    ///
    /// [`UseCaseError`]. The teleconsultation is unchanged then.
    pub async fn add_participant(
        &self,
        id: &TeleconsultationId,
        requested: RequestedParticipant,
        key: Option<KeyedRequest>,
    ) -> Result<()> {
        self.once(key, id.clone(), |start| self.add_from(start, requested)).await?;
        Ok(())
    }

    async fn add_from(&self, start: Start, requested: RequestedParticipant) -> Result<TeleconsultationId> {
        crash_point!("C0");
        let id = start.teleconsultation;
        let person = self.profiles.resolve(vec![requested]).await?.pop().ok_or(UseCaseError::Contended)?;
        self.apply(&id, |current, now| {
            if start.resumed && current.participant_by_ref(&person.id).is_some() {
                // An earlier attempt has added the person, but its response did not reach the caller. It may still have been
                // at it when this one began, so what was read before this one had its turn proves nothing.
                return Ok(None);
            }
            teleconsultation::add(current, person.clone(), &self.rules, now).map(Some)
        })
        .await?;
        crash_point!("C6");
        Ok(id)
    }
}
