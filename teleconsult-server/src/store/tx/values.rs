//! Conversions between column values and domain values.

use bandyer_client::RoomId;
use jiff::Timestamp;

use crate::domain::ids::TeleconsultationId;
use crate::store::{Result, StoreError};

pub(super) fn millis(moment: Timestamp) -> i64 {
    moment.as_millisecond()
}

pub(super) fn moment(millis: i64) -> Result<Timestamp> {
    Timestamp::from_millisecond(millis).map_err(|_| StoreError::corrupt("a stored time is out of range"))
}

pub(super) fn room_id(text: String) -> Result<RoomId> {
    RoomId::new(text).map_err(|_| StoreError::corrupt("a stored room id cannot be read"))
}

pub(super) fn teleconsultation_id(text: &str) -> Result<TeleconsultationId> {
    TeleconsultationId::parse(text).ok_or(StoreError::corrupt("a stored id cannot be read"))
}
