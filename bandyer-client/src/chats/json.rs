//! The record of a message, which chats and channels share.

use jiff::Timestamp;
use serde::Deserialize;

use crate::chats::{Message, MessageText};
use crate::http::lenient;
use crate::types::ids::UserId;

/// The text is `message` in requests and `body` in responses; the author is `sender` or `from`.
#[derive(Deserialize)]
pub(crate) struct MessageRecord {
    #[serde(default, alias = "message_id", deserialize_with = "lenient::text")]
    id: Option<String>,
    #[serde(default)]
    index: Option<u64>,
    #[serde(alias = "message")]
    body: String,
    #[serde(alias = "sender")]
    from: Option<UserId>,
    #[serde(default, alias = "timestamp", alias = "creation_date", deserialize_with = "lenient::moment")]
    date: Option<Timestamp>,
}

impl From<MessageRecord> for Message {
    fn from(record: MessageRecord) -> Self {
        Self {
            id: record.id,
            index: record.index,
            text: MessageText::new(record.body),
            sender: record.from,
            sent_at: record.date,
        }
    }
}
