//! Webhooks of the vendor and their signatures.
//!
//! A receiver verifies the signature over the raw bytes of the body, then parses the event:
//!
//! ```
//! use bandyer_client::events::{self, Event, Verifier};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let key = bandyer_client::ApiKey::from("ak_test_0123456789ab");
//! # let now = jiff::Timestamp::now();
//! # let body = br#"{"event":"on_room_deleted","event_version":"1.0","namespace":"room","data":{"room_id":"room_1"}}"#;
//! # let header = events::sign(&key, body, now);
//! let verifier = Verifier::new(key)?;
//! verifier.verify(&header, body, now)?;
//! match events::parse(body)?.event {
//!     Event::RoomDeleted(room) => println!("room {} was deleted", room.room_id),
//!     Event::Unknown { name, .. } => println!("{name} is newer than this crate"),
//!     _ => {}
//! }
//! # Ok(())
//! # }
//! ```
//!
//! Deliveries have no id and are retried until the response is 200, so a receiver must handle duplicate events. Version 2 of
//! the webhooks is not documented; its events are parsed as [`Event::Unknown`] unless they have the format of version 1.

mod event;
mod notification;
mod readers;
pub(crate) mod signature;

pub use self::event::{
    BroadcastEvent, BroadcastFeedback, BroadcastRecording, BroadcastUser, CallIncoming, CallOptions, Event,
    MessageSent, RecordingAvailable, RoomClosed, RoomClosedLink, RoomCreated, RoomFeedback, SessionEvent, SessionTime,
    UploadTag, UserPresence,
};
pub use self::notification::{Notification, ParseError, parse};
pub use self::signature::{EmptyKey, SignatureError, Verifier, sign, sign_room_id};
