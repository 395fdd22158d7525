//! Gives a complete teleconsultation a room if it has none: the vendor lost it, or the record was written without one.
//!
//! Only a view notices that, so the repair starts then, in the background: the viewer has to wait for the link as before the
//! window, and gets it with a later request.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use super::details::RoomDetails;
use super::{ProvisionError, Rooms};
use crate::base::error_chain::chain;
use crate::base::keyed_mutex::KeyedMutex;
use crate::domain::ids::TeleconsultationId;
use crate::domain::privileges::Role;
use crate::domain::teleconsultation::Teleconsultation;
use crate::people::profiles::ProfileSource;
use crate::platform::UpstreamError;
use crate::store::{Store, StoreError};

/// Why a repair failed.
#[derive(Debug, thiserror::Error)]
enum RepairError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Profiles(#[from] UpstreamError),
    #[error(transparent)]
    Provision(#[from] ProvisionError),
}

/// Repairs teleconsultations without a room, one at a time for each.
pub struct Repairs {
    store: Store,
    rooms: Arc<Rooms>,
    profiles: Arc<ProfileSource>,
    /// Shared with the changes of teleconsultations.
    changing: Arc<KeyedMutex<TeleconsultationId>>,
    running: Arc<Mutex<HashSet<TeleconsultationId>>>,
}

/// A repair that was started. It ends when this is dropped.
pub struct Repair {
    id: TeleconsultationId,
    running: Arc<Mutex<HashSet<TeleconsultationId>>>,
}

impl Drop for Repair {
    fn drop(&mut self) {
        self.running.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
    }
}

impl Repairs {
    pub(crate) fn new(
        store: Store,
        rooms: Arc<Rooms>,
        profiles: Arc<ProfileSource>,
        changing: Arc<KeyedMutex<TeleconsultationId>>,
    ) -> Self {
        Self { store, rooms, profiles, changing, running: Arc::default() }
    }

    /// Whether the vendor has lost the room of a record, according to the details.
    #[must_use]
    pub const fn is_room_lost(has_own_room: bool, details: &RoomDetails) -> bool {
        has_own_room && matches!(details, RoomDetails::Gone)
    }

    /// Starts a repair if the record seems to need one. `None` if not, or if one is running.
    #[must_use]
    pub fn start(&self, record: &Teleconsultation, is_room_lost: bool) -> Option<Repair> {
        if !record.is_complete() || (record.room.is_some() && !is_room_lost) {
            return None;
        }
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = running.insert(record.id.clone());
        is_new.then(|| Repair { id: record.id.clone(), running: Arc::clone(&self.running) })
    }

    /// Runs a repair, if it turns out to be needed. Within the immutable period too: a missing room cannot be kept.
    pub async fn run(&self, repair: Repair) {
        match self.give_room(&repair.id).await {
            Ok(true) => {
                tracing::warn!(teleconsultation = %repair.id, "created a new room for a teleconsultation without one")
            }
            Ok(false) => {}
            Err(error) => {
                let error = chain(&error);
                tracing::warn!(teleconsultation = %repair.id, error, "cannot create a room for a teleconsultation without one");
            }
        }
    }

    async fn give_room(&self, id: &TeleconsultationId) -> Result<bool, RepairError> {
        let _turn = self.changing.lock(id).await;
        let Some(reading) = self.store.records().get(id).await? else { return Ok(false) };
        let mut current = reading.record;
        if !current.is_complete() {
            return Ok(false);
        }
        if let Some(room) = &current.room
            && !self.rooms.is_gone(room).await
        {
            return Ok(false);
        }
        self.profiles.load_missing(&mut current.participants).await?;
        let lost = current.room.take();
        for participant in &mut current.participants {
            participant.role = participant.role(&self.rooms.settings().privileges);
            participant.access_link = None;
        }
        if !current.participants.iter().any(|participant| participant.role == Some(Role::Plus)) {
            // The vendor would refuse the room.
            return Ok(false);
        }
        match self.rooms.provision(current, lost.as_ref(), None).await {
            Ok(_) => Ok(true),
            // A concurrent change has created a room, or made the list incomplete.
            Err(ProvisionError::Stale) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}
