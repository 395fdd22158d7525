//! The record of a tag, which both API versions share.

use jiff::Timestamp;
use serde::Deserialize;

use crate::http::lenient;
use crate::tags::Tag;

#[derive(Deserialize)]
pub(crate) struct Record {
    #[serde(alias = "name")]
    tag: String,
    #[serde(default, deserialize_with = "lenient::moment")]
    creation_date: Option<Timestamp>,
}

impl From<Record> for Tag {
    fn from(record: Record) -> Self {
        Self { name: record.tag, created_at: record.creation_date }
    }
}
