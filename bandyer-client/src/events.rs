//! Webhooks of the vendor and their signatures.
//!
//! A receiver verifies the signature over the raw bytes of the body and parses the event:
//!
//! ```
//! use bandyer_client::ApiKey;
//! use bandyer_client::events::{Event, ReceiveError, Verifier};
//! use http::{HeaderMap, StatusCode};
//!
//! /// Handles one request of the vendor: its headers and its whole body.
//! fn handle(verifier: &Verifier, headers: &HeaderMap, body: &[u8]) -> Result<StatusCode, ReceiveError> {
//!     match verifier.receive(headers, body)?.event {
//!         Event::RoomDeleted(room) => println!("room {} was deleted", room.room_id),
//!         Event::Unknown { name, .. } => println!("{name} is newer than this crate"),
//!         _ => {}
//!     }
//!     // The vendor repeats a delivery until the response is 200.
//!     Ok(StatusCode::OK)
//! }
//!
//! let verifier = Verifier::new(ApiKey::from("ak_test_0123456789ab")).expect("the key is not empty");
//! let unsigned = handle(&verifier, &HeaderMap::new(), b"{}");
//! assert_eq!(unsigned.unwrap_err().status(), StatusCode::UNAUTHORIZED);
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
pub use self::signature::{EmptyKey, ReceiveError, SignatureError, Verifier, sign, sign_room_id};
