//! Create a teleconsultation.

use super::idempotent::Start;
use super::{MAX_CAS_ATTEMPTS, Result, UseCaseError, UseCases};
use crate::domain::ids::TeleconsultationId;
use crate::domain::teleconsultation::{self, Proposal, RoomPlan, Teleconsultation};
use crate::rooms::ProvisionError;
use crate::store::{KeyedRequest, crash_point};

impl UseCases {
    /// Creates a teleconsultation; with the same key, once.
    ///
    /// # Errors
    ///
    /// [`UseCaseError`]. There is no teleconsultation then.
    pub async fn create(&self, proposal: Proposal, key: Option<KeyedRequest>) -> Result<TeleconsultationId> {
        let id = TeleconsultationId::generate(self.clock.now());
        self.once(key, id, |start| self.create_from(start, proposal)).await
    }

    async fn create_from(&self, start: Start, proposal: Proposal) -> Result<TeleconsultationId> {
        crash_point!("C0");
        if start.resumed
            && let Some(id) = self.store.records().stored_for(&start.teleconsultation).await?
        {
            return Ok(id);
        }
        let participants = self.resolve_profiles(proposal.participants).await?;
        let proposal = Proposal { start: proposal.start, end: proposal.end, participants };
        let plan = teleconsultation::create(proposal, &self.rules).map_err(UseCaseError::Refused)?;
        crash_point!("C1");
        let next = self.record(start.teleconsultation, plan.draft, None).await?;
        let id = match plan.room {
            RoomPlan::Create | RoomPlan::Replace => self.create_with_room(next, start.resumed).await?,
            RoomPlan::None | RoomPlan::Keep | RoomPlan::Retire => self.store.records().insert(&next).await?,
        };
        crash_point!("C6");
        Ok(id)
    }

    async fn create_with_room(&self, next: Teleconsultation, resumed: bool) -> Result<TeleconsultationId> {
        if resumed && let Some(id) = self.rooms.resume(&next).await? {
            return Ok(id);
        }
        for _ in 0..MAX_CAS_ATTEMPTS {
            match self.rooms.provision(next.clone(), None, None).await {
                // The lease ended during the attempt: recovery or a repeated request took it over.
                Err(ProvisionError::Stale) => {
                    if let Some(id) = self.store.records().stored_for(&next.id).await? {
                        return Ok(id);
                    }
                }
                provisioned => return Ok(provisioned?),
            }
        }
        Err(UseCaseError::Contended)
    }
}
