//! The vendor's view of a room, for viewers of a teleconsultation.
//!
//! A response waits for it only within a short budget and never fails because of it. Concurrent viewers share one read, and
//! its result is cached for two seconds, even a failure: an outage of the vendor must not cause a storm of reads.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bandyer_client::RoomId;
use bandyer_client::rooms::Room;
use tokio::sync::watch;
use tracing::Instrument;

use crate::base::panics;
use crate::vendor::VendorClient;

/// How long a response waits.
const BUDGET: Duration = Duration::from_millis(500);
/// How long a read is cached.
const FRESH: Duration = Duration::from_secs(2);
/// At how many cached rooms stale ones are removed.
const PRUNE_AT: usize = 1024;

/// What is known about a room.
#[derive(Debug, Clone)]
pub enum RoomDetails {
    /// The vendor's details.
    Known(Arc<Room>),
    /// The vendor did not find the room, which is not enough to say that it has none.
    Gone,
    /// The vendor could not be asked, or did not respond in time.
    Unavailable,
}

/// The result of a read, once it is there.
type Reading = watch::Receiver<Option<RoomDetails>>;

/// Reads and caches room details.
#[derive(Debug)]
pub struct Details {
    vendor: VendorClient,
    readings: Mutex<HashMap<RoomId, (Instant, Reading)>>,
}

impl Details {
    /// Reads from this vendor.
    #[must_use]
    pub fn new(vendor: VendorClient) -> Self {
        Self { vendor, readings: Mutex::default() }
    }

    /// The details of a room, if they arrive in time.
    pub async fn of(&self, room: &RoomId) -> RoomDetails {
        let mut reading = self.reading(room);
        match tokio::time::timeout(BUDGET, reading.wait_for(Option::is_some)).await {
            Ok(Ok(read)) => read.clone().unwrap_or(RoomDetails::Unavailable),
            Ok(Err(_)) | Err(_) => RoomDetails::Unavailable,
        }
    }

    fn reading(&self, room: &RoomId) -> Reading {
        let now = Instant::now();
        let is_fresh = |started: &Instant| now.duration_since(*started) < FRESH;
        let mut readings = self.readings.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, reading)) = readings.get(room).filter(|(started, _)| is_fresh(started)) {
            return reading.clone();
        }
        if readings.len() >= PRUNE_AT {
            readings.retain(|_, (started, _)| is_fresh(started));
        }
        let (sender, reading) = watch::channel(None);
        readings.insert(room.clone(), (now, reading.clone()));
        let (vendor, room) = (self.vendor.clone(), room.clone());
        // A separate task, so that the read continues for the others if its first viewer leaves.
        let work = async move {
            let read = match vendor.room_details(&room).await {
                Ok(read) => RoomDetails::Known(Arc::new(read)),
                Err(error) if error.may_mean_not_found() => RoomDetails::Gone,
                Err(error) => {
                    tracing::debug!(%room, error = %error, "cannot read room details");
                    RoomDetails::Unavailable
                }
            };
            sender.send_replace(Some(read));
        };
        tokio::spawn(panics::log("room details", work).in_current_span());
        reading
    }
}
