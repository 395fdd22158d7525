//! Files from rooms.

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};

use super::sessions::SimulationError;
use super::{Slice, Span, State, hex, slice};
use crate::emulator::refusal::Refusal;
use crate::uploads::UploadKind;

/// How long the link to an upload works. Not documented; as long as the longest one to a recording.
const LINK_LIFETIME: SignedDuration = SignedDuration::from_secs(3600);

/// An upload as the emulator remembers it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct EmulatedUpload {
    /// The key, in the vendor's form: environment, company, user, time and random digits.
    pub key: String,
    /// How it came.
    pub kind: UploadKind,
    /// Who sent it.
    pub user_id: String,
    /// In which session.
    pub session_id: String,
    /// In which room.
    pub room_id: String,
    /// When.
    pub created_at: Timestamp,
    pub(in crate::emulator) content: Bytes,
}

/// Whose uploads.
pub(in crate::emulator) enum Owner<'a> {
    Company,
    User(&'a str),
    Room(&'a str),
    Session(&'a str),
}

impl State {
    /// Somebody who is in a call sends a file.
    pub(in crate::emulator) fn upload(
        &mut self,
        room: &str,
        user: &str,
        kind: UploadKind,
        content: Bytes,
    ) -> Result<EmulatedUpload, SimulationError> {
        self.settle();
        let session = self
            .rooms
            .get(room)
            .filter(|room| room.connected.iter().any(|one| one == user))
            .and_then(|room| room.session.clone())
            .ok_or(SimulationError("the user is not there"))?;
        let now = self.now();
        let key = format!("sandbox/cmpny_emulator/{user}/{}-{}", now.as_millisecond(), hex(20));
        let upload = EmulatedUpload {
            key,
            kind,
            user_id: user.to_owned(),
            session_id: session,
            room_id: room.to_owned(),
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

    /// One upload, with a link to it.
    pub(in crate::emulator) fn lend_upload(&mut self, key: &str) -> Result<(EmulatedUpload, String), Refusal> {
        let found = self.uploads.iter().find(|upload| upload.key == key).cloned();
        let upload = found.ok_or_else(|| Refusal::not_found("upload_key_not_exists", "There is no such upload"))?;
        let url = self.lend("application/octet-stream", upload.content.clone(), LINK_LIFETIME);
        Ok((upload, url))
    }

    pub(in crate::emulator) fn delete_upload(&mut self, key: &str) -> Result<EmulatedUpload, Refusal> {
        let place = self.uploads.iter().position(|upload| upload.key == key);
        let place = place.ok_or_else(|| Refusal::not_found("upload_not_found", "There is no such upload"))?;
        Ok(self.uploads.remove(place))
    }
}
