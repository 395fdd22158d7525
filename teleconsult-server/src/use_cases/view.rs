//! View a teleconsultation.

use super::{Result, UseCaseError, UseCases};
use crate::domain::ids::TeleconsultationId;
use crate::domain::teleconsultation::Teleconsultation;

impl UseCases {
    /// Reads a teleconsultation.
    ///
    /// # Errors
    ///
    /// [`UseCaseError::NotFound`] and the store's.
    pub async fn view(&self, id: &TeleconsultationId) -> Result<Teleconsultation> {
        self.store.records().get(id).await?.ok_or(UseCaseError::NotFound)
    }

    /// Whether links are shown and changes are refused at this moment.
    #[must_use]
    pub fn is_immutable_now(&self, record: &Teleconsultation) -> bool {
        record.is_immutable(&self.rules, self.clock.now())
    }
}
