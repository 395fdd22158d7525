//! The vendor's view of a room, for those who look at a teleconsultation.
//!
//! An answer never waits for it beyond a short budget and never fails for it. Callers at the same time share one read,
//! and a read serves for two seconds, also a failed one: an outage of the vendor must not become a storm of reads.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bandyer_client::RoomId;
use bandyer_client::rooms::Room;
use tokio::sync::watch;

use crate::vendor::VendorClient;

/// How long an answer waits.
const BUDGET: Duration = Duration::from_millis(500);
/// How long a read serves.
const FRESH: Duration = Duration::from_secs(2);
/// How many rooms are kept before stale ones are swept out.
const SWEEP_AT: usize = 1024;

/// What is known of a room.
#[derive(Debug, Clone)]
pub enum RoomDetails {
    /// What the vendor says of it.
    Known(Arc<Room>),
    /// The vendor says that there is no such room.
    Gone,
    /// The vendor did not tell, or not in time.
    NotTold,
}

/// The state of a read: none yet, or what it ended in.
type Reading = watch::Receiver<Option<RoomDetails>>;

/// Reads and keeps room details.
#[derive(Debug)]
pub struct Details {
    calls: VendorClient,
    readings: Mutex<HashMap<RoomId, (Instant, Reading)>>,
}

impl Details {
    /// Reads with these calls.
    #[must_use]
    pub fn new(calls: VendorClient) -> Self {
        Self { calls, readings: Mutex::default() }
    }

    /// The details of a room, as far as they can be had in time.
    pub async fn of(&self, room: &RoomId) -> RoomDetails {
        let mut reading = self.reading(room);
        match tokio::time::timeout(BUDGET, reading.wait_for(Option::is_some)).await {
            Ok(Ok(read)) => read.clone().unwrap_or(RoomDetails::NotTold),
            Ok(Err(_)) | Err(_) => RoomDetails::NotTold,
        }
    }

    fn reading(&self, room: &RoomId) -> Reading {
        let now = Instant::now();
        let is_fresh = |started: &Instant| now.duration_since(*started) < FRESH;
        let mut readings = self.readings.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, reading)) = readings.get(room).filter(|(started, _)| is_fresh(started)) {
            return reading.clone();
        }
        if readings.len() >= SWEEP_AT {
            readings.retain(|_, (started, _)| is_fresh(started));
        }
        let (sender, reading) = watch::channel(None);
        readings.insert(room.clone(), (now, reading.clone()));
        let (calls, room) = (self.calls.clone(), room.clone());
        // A task of its own, so that the read goes on for the others when the one who began it has left.
        tokio::spawn(async move {
            let read = match calls.room_details(&room).await {
                Ok(read) => RoomDetails::Known(Arc::new(read)),
                Err(error) if error.is_not_found() => RoomDetails::Gone,
                Err(error) => {
                    tracing::debug!(%room, error = %error, "room details could not be read");
                    RoomDetails::NotTold
                }
            };
            sender.send_replace(Some(read));
        });
        reading
    }
}
