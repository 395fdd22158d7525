//! Gives a complete teleconsultation a room if it has none: the vendor lost it, or the record was written without one.
//!
//! Only a view notices that, so the repair starts then, in the background: the viewer has to wait for the link as before the
//! window, and gets it with a later request. A teleconsultation that has ended needs no room any more.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::details::RoomDetails;
use super::loss::Observed;
use super::{ProvisionError, Rooms, RunError};
use crate::base::clock::Clock;
use crate::base::error_chain::chain;
use crate::base::keyed_mutex::KeyedMutex;
use crate::domain::ids::TeleconsultationId;
use crate::domain::privileges::Role;
use crate::domain::teleconsultation::{Rules, Teleconsultation};
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
    #[error(transparent)]
    Look(#[from] RunError),
}

/// Repairs teleconsultations without a room, one at a time for each.
pub struct Repairs {
    store: Store,
    rooms: Arc<Rooms>,
    profiles: Arc<ProfileSource>,
    rules: Rules,
    clock: Clock,
    /// Shared with the changes of teleconsultations.
    changing: Arc<KeyedMutex<TeleconsultationId>>,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    running: HashSet<TeleconsultationId>,
    observed: Observed,
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A repair that was started. It ends when this is dropped.
pub struct Repair {
    id: TeleconsultationId,
    state: Arc<Mutex<State>>,
}

impl Drop for Repair {
    fn drop(&mut self) {
        lock(&self.state).running.remove(&self.id);
    }
}

impl Repairs {
    pub(crate) fn new(
        store: Store,
        rooms: Arc<Rooms>,
        profiles: Arc<ProfileSource>,
        rules: Rules,
        clock: Clock,
        changing: Arc<KeyedMutex<TeleconsultationId>>,
    ) -> Self {
        Self { store, rooms, profiles, rules, clock, changing, state: Arc::default() }
    }

    /// Whether the vendor has lost the room of a record, as far as repairs have found out.
    #[must_use]
    pub fn is_room_lost(&self, record: &Teleconsultation) -> bool {
        record.room.as_ref().is_some_and(|room| lock(&self.state).observed.is_lost(room))
    }

    /// Takes note of what the vendor says about the room of a record, and starts a repair if the record seems to need one.
    /// `None` if not, if one is running, or if the last one was too short a time ago.
    #[must_use]
    pub fn start(&self, record: &Teleconsultation, details: &RoomDetails) -> Option<Repair> {
        let now = self.clock.now();
        if !record.is_complete() || record.schedule.end() <= now {
            return None;
        }
        let mut state = lock(&self.state);
        let seems_lost = match (&record.room, details) {
            (None, _) => true,
            (Some(room), RoomDetails::Known(_)) => {
                state.observed.found(room);
                false
            }
            (Some(room), RoomDetails::Gone) => {
                let time = self.rooms.settings().room_loss;
                state.observed.missed(room, record.is_immutable(&self.rules, now), now, time)
            }
            (Some(_), RoomDetails::Unavailable) => false,
        };
        if !seems_lost || state.running.contains(&record.id) || !state.observed.begin_repair(&record.id, now) {
            return None;
        }
        state.running.insert(record.id.clone());
        Some(Repair { id: record.id.clone(), state: Arc::clone(&self.state) })
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
        let end = current.schedule.end();
        if !current.is_complete() || end <= reading.at {
            return Ok(false);
        }
        if let Some(room) = &current.room {
            if !self.rooms.is_lost(room).await? {
                lock(&self.state).observed.found(room);
                return Ok(false);
            }
            lock(&self.state).observed.lost(room, self.clock.now());
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
        match self.rooms.provision(current, lost.as_ref(), Some(end)).await {
            Ok(_) => Ok(true),
            // A concurrent change has created a room, or made the list incomplete.
            Err(ProvisionError::Stale) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}
