//! Files that users send in calls.

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};

use super::sessions::SimulationError;
use super::{Slice, Span, State, hex, known, slice};
use crate::emulator::refusal::Refusal;
use crate::types::ids::{RoomId, SessionId, UploadKey, UserId};
use crate::uploads::UploadKind;

/// Lifetime of a link to an upload. Not documented; this is the maximum of a link to a recording.
const LINK_LIFETIME: SignedDuration = SignedDuration::from_secs(3600);

/// An upload in the state of the emulator.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct EmulatedUpload {
    /// The key in the vendor's format: environment, company, user, time and random digits.
    pub key: UploadKey,
    /// The kind of upload.
    pub kind: UploadKind,
    /// The sender.
    pub user_id: UserId,
    /// The session in which it was sent.
    pub session_id: SessionId,
    /// The room in which it was sent.
    pub room_id: RoomId,
    /// When it was sent.
    pub created_at: Timestamp,
    pub(in crate::emulator) content: Bytes,
}

/// The owner of the uploads to list.
pub(in crate::emulator) enum Owner<'a> {
    Company,
    User(&'a str),
    Room(&'a str),
    Session(&'a str),
}

impl State {
    /// A connected user sends a file.
    pub(in crate::emulator) fn upload(
        &mut self,
        room: &str,
        user: &str,
        kind: UploadKind,
        content: Bytes,
    ) -> Result<EmulatedUpload, SimulationError> {
        self.close_expired_rooms();
        let session = self
            .rooms
            .get(room)
            .filter(|room| room.connected.iter().any(|one| one == user))
            .and_then(|room| room.session.clone())
            .ok_or(SimulationError("the user is not connected"))?;
        let now = self.now();
        let key = format!("sandbox/cmpny_emulator/{user}/{}-{}", now.as_millisecond(), hex(20));
        let key = UploadKey::new(key).map_err(|_| SimulationError("the user id is too long for an upload key"))?;
        let upload = EmulatedUpload {
            key,
            kind,
            user_id: known(user),
            session_id: session,
            room_id: known(room),
            created_at: now,
            content,
        };
        self.uploads.push(upload.clone());
        Ok(upload)
    }

    pub(in crate::emulator) fn uploads(&self) -> &[EmulatedUpload] {
        &self.uploads
    }

    pub(in crate::emulator) fn list_uploads(
        &self,
        owner: &Owner<'_>,
        kind: Option<&UploadKind>,
        span: Span,
    ) -> Slice<&EmulatedUpload> {
        let fits = |upload: &&EmulatedUpload| {
            let owned = match owner {
                Owner::Company => true,
                Owner::User(user) => upload.user_id == *user,
                Owner::Room(room) => upload.room_id == *room,
                Owner::Session(session) => upload.session_id == *session,
            };
            owned && kind.is_none_or(|kind| upload.kind == *kind)
        };
        slice(self.uploads.iter().rev().filter(fits), span)
    }

    /// An upload with a temporary link.
    pub(in crate::emulator) fn upload_with_link(&mut self, key: &str) -> Result<(EmulatedUpload, String), Refusal> {
        let found = self.uploads.iter().find(|upload| upload.key == key).cloned();
        let upload = found.ok_or_else(|| Refusal::not_found("upload_key_not_exists", "The upload does not exist"))?;
        let url = self.store_temporarily("application/octet-stream", upload.content.clone(), LINK_LIFETIME);
        Ok((upload, url))
    }

    pub(in crate::emulator) fn delete_upload(&mut self, key: &str) -> Result<EmulatedUpload, Refusal> {
        let place = self.uploads.iter().position(|upload| upload.key == key);
        let place = place.ok_or_else(|| Refusal::not_found("upload_not_found", "The upload does not exist"))?;
        Ok(self.uploads.remove(place))
    }
}
