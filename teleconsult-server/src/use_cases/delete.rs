//! Delete a teleconsultation.

use super::{MAX_CAS_ATTEMPTS, Result, UseCaseError, UseCases};
use crate::base::deadline;
use crate::domain::ids::TeleconsultationId;
use crate::store::{Cas, crash_point};

impl UseCases {
    /// Moves a teleconsultation to the trash. Its room is deleted soon after.
    ///
    /// # Errors
    ///
    /// [`UseCaseError::NotFound`], [`UseCaseError::Contended`] and the store's.
    pub async fn delete(&self, id: &TeleconsultationId) -> Result<()> {
        crash_point!("C0");
        let _turn = self.turn(id).await?;
        for _ in 0..MAX_CAS_ATTEMPTS {
            let current = self.read(id).await?.record;
            deadline::check()?;
            if self.store.records().trash(&current).await? == Cas::Applied(()) {
                self.rooms.wake_retirement();
                crash_point!("C6");
                return Ok(());
            }
        }
        Err(UseCaseError::Contended)
    }
}
