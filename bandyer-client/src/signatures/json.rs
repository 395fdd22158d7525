//! The record of an envelope, which both API versions share.

use jiff::Timestamp;
use serde::Deserialize;

use crate::http::lenient;
use crate::signatures::Envelope;
use crate::types::ids::{EnvelopeId, RoomId};

#[derive(Deserialize)]
pub(crate) struct EnvelopeRecord {
    #[serde(alias = "envelope_id")]
    id: EnvelopeId,
    #[serde(default)]
    room_id: Option<RoomId>,
    #[serde(default, deserialize_with = "lenient::text")]
    provider_id: Option<String>,
    #[serde(default, deserialize_with = "lenient::text")]
    status: Option<String>,
    #[serde(default, deserialize_with = "lenient::moment")]
    creation_date: Option<Timestamp>,
}

impl From<EnvelopeRecord> for Envelope {
    fn from(record: EnvelopeRecord) -> Self {
        Self {
            id: record.id,
            room_id: record.room_id,
            provider_id: record.provider_id,
            status: record.status,
            created_at: record.creation_date,
        }
    }
}
