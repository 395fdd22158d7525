//! Change a teleconsultation.

use super::{Result, UseCases};
use crate::domain::ids::TeleconsultationId;
use crate::domain::teleconsultation::{self, Change};
use crate::store::crash_point;

impl UseCases {
    /// Changes a teleconsultation.
    ///
    /// # Errors
    ///
    /// [`UseCaseError`](super::UseCaseError). The teleconsultation is unchanged then.
    pub async fn change(&self, id: &TeleconsultationId, change: Change) -> Result<()> {
        crash_point!("C0");
        let participants = match change.participants {
            Some(requested) => Some(self.resolve_profiles(requested).await?),
            None => None,
        };
        let change = Change { schedule: change.schedule, participants };
        self.apply(id, |current, now| teleconsultation::change(current, change.clone(), &self.rules, now).map(Some))
            .await?;
        crash_point!("C6");
        Ok(())
    }
}
