//! Gives a complete teleconsultation a room when it has none: the vendor lost it, or whoever wrote the record made none.
//!
//! Only somebody who looks brings it to light, so it happens then, in the background: the viewer waits for the link as
//! before the window and finds it the next time.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use super::{Result, UseCases, kept};
use crate::domain::ids::TeleconsultationId;
use crate::domain::privileges::Role;
use crate::domain::teleconsultation::Teleconsultation;
use crate::rooms::ProvisionError;
use crate::rooms::details::RoomDetails;

/// Repairs that are under way.
#[derive(Clone, Default)]
pub(super) struct Repairs(Arc<Mutex<HashSet<TeleconsultationId>>>);

/// One of them, for as long as it lives.
pub(crate) struct Repair {
    id: TeleconsultationId,
    repairs: Repairs,
}

impl Drop for Repair {
    fn drop(&mut self) {
        self.repairs.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
    }
}

impl UseCases {
    /// Whether a record's room is not there, by what the vendor says of it.
    #[must_use]
    pub(crate) fn has_lost_its_room(&self, details: &RoomDetails) -> bool {
        self.store.made_all_rooms() && matches!(details, RoomDetails::Gone)
    }

    /// Takes on the repair of a record that seems to need one, unless somebody is at it.
    #[must_use]
    pub(crate) fn take_on_repair(&self, record: &Teleconsultation, details: &RoomDetails) -> Option<Repair> {
        if !record.is_complete() || (record.room.is_some() && !self.has_lost_its_room(details)) {
            return None;
        }
        let mut under_way = self.repairs.0.lock().unwrap_or_else(PoisonError::into_inner);
        under_way.insert(record.id.clone()).then(|| Repair { id: record.id.clone(), repairs: self.repairs.clone() })
    }

    /// Carries a repair out, if it turns out to be needed. Inside the immutable period too: nobody can keep a room that
    /// is not there.
    pub(crate) async fn repair(&self, repair: Repair) {
        match self.give_room(&repair.id).await {
            Ok(true) => {
                tracing::warn!(teleconsultation = %repair.id, "a teleconsultation that had lost its room has one again")
            }
            Ok(false) => {}
            Err(error) => {
                let error = crate::base::error_chain::chain(&error);
                tracing::warn!(teleconsultation = %repair.id, error, "a teleconsultation without a room could not be given one");
            }
        }
    }

    async fn give_room(&self, id: &TeleconsultationId) -> Result<bool> {
        let _turn = self.changing.lock(id).await;
        let mut current = self.view(id).await?;
        if !current.is_complete() {
            return Ok(false);
        }
        if let Some(room) = &current.room
            && !self.keeper.is_gone(room).await
        {
            return Ok(false);
        }
        self.people.complete(&mut current.participants).await?;
        let mut next = Teleconsultation { room: None, ..current.clone() };
        for participant in &mut next.participants {
            participant.role = participant.role(&self.rules.privileges);
            participant.access_link = None;
        }
        if !next.participants.iter().any(|participant| participant.role == Some(Role::Plus)) {
            // The vendor would refuse it.
            return Ok(false);
        }
        match self.keeper.make_room(next, Some(&current), &|_| true).await {
            Ok(_) => Ok(true),
            // Whoever changed it meanwhile made a room, or took everybody off.
            Err(ProvisionError::Stale) => Ok(false),
            Err(error) => Err(kept(error)),
        }
    }
}
