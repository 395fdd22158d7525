use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::rooms::link as read_link;
use crate::model::ids::{RoomId, SessionId, UploadKey, UserId};
use crate::model::page::Page;
use crate::model::secret::FileUrl;
use crate::uploads::{Scope, Upload, UploadFilter, UploadKind};
use crate::wire::{Call, DecodeFailure, Window, Wire, json, lenient, nothing, page_of};

/// Some of the vendor's samples of lists contain the key under `url`.
#[derive(Deserialize)]
struct InListFields {
    key: Option<UploadKey>,
    upload_key: Option<UploadKey>,
    url: Option<UploadKey>,
    #[serde(flatten)]
    about: About,
}

#[derive(Deserialize)]
#[serde(try_from = "InListFields")]
pub(in crate::wire) struct InList(Upload);

impl TryFrom<InListFields> for InList {
    type Error = &'static str;

    fn try_from(fields: InListFields) -> Result<Self, &'static str> {
        let key = fields.key.or(fields.upload_key).or(fields.url).ok_or("an upload has no key")?;
        Ok(Self(fields.about.of(key, None)))
    }
}

#[derive(Deserialize)]
pub(in crate::wire) struct Single {
    url: Option<FileUrl>,
    #[serde(flatten)]
    about: About,
}

#[derive(Deserialize)]
struct About {
    upload_type: Option<UploadKind>,
    #[serde(default, deserialize_with = "lenient::moment")]
    creation_date: Option<Timestamp>,
    user_id: Option<UserId>,
    session_id: Option<SessionId>,
    room_id: Option<RoomId>,
}

impl About {
    fn of(self, key: UploadKey, url: Option<FileUrl>) -> Upload {
        Upload {
            key,
            kind: self.upload_type,
            user_id: self.user_id,
            session_id: self.session_id,
            room_id: self.room_id,
            created_at: self.creation_date,
            url,
        }
    }
}

impl From<InList> for Upload {
    fn from(listed: InList) -> Self {
        listed.0
    }
}

#[derive(Serialize)]
struct KeyBody<'a> {
    upload_key: &'a UploadKey,
}

pub(in crate::wire) fn single(
    key: &UploadKey,
) -> impl Fn(&[u8]) -> Result<Upload, DecodeFailure> + Send + Sync + 'static {
    let key = key.clone();
    move |body| json::<Single>(body).map(|single| single.about.of(key.clone(), single.url))
}

pub(crate) fn list(filter: &UploadFilter, window: Window) -> Wire<Page<Upload>> {
    let call = match &filter.scope {
        Scope::Company => Call::get(&["upload", "list"]),
        Scope::User(user) => Call::get(&["user", user.as_str(), "upload", "list"]),
        Scope::Room(room) => Call::get(&["room", room.as_str(), "upload", "list"]),
        Scope::Session(session) => Call::get(&["session", session.as_str(), "upload", "list"]),
    };
    call.skip_and_limit(window)
        .query("upload_type", filter.kind.as_ref())
        .decode_with(page_of!(window, uploads: InList))
}

fn resource(key: &UploadKey) -> Call {
    Call::get(&["upload", "resource"]).query("upload_key", Some(key))
}

pub(crate) fn get(key: &UploadKey) -> Wire<Upload> {
    resource(key).decode_with(single(key))
}

pub(crate) fn link(key: &UploadKey) -> Wire<FileUrl> {
    resource(key).decode_with(read_link)
}

pub(crate) fn delete(key: &UploadKey) -> Wire<()> {
    Call::delete(&["upload", "resource"]).json(&KeyBody { upload_key: key }).decode_with(nothing)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::uploads::{Scope, UploadFilter, UploadKind};
    use crate::wire::Window;

    #[test]
    fn list_with_url_instead_of_key_is_decoded() {
        let wire = super::list(&UploadFilter::of(Scope::Company), Window::default());
        let response = json!({"skip": 0, "limit": 20, "has_more": false, "count": 2, "uploads": [
            {"key": "live/cmpny_1/u/1-2", "upload_type": "snapshot", "room_id": null, "user_id": "u"},
            {"url": "live/cmpny_1/u/3-4", "upload_type": "file_upload"},
            {"key": "live/cmpny_1/u/5-6", "url": "https://h/x"}]});
        let page = (wire.decoder)(response.to_string().as_bytes()).unwrap();
        assert_eq!(
            page.items.iter().map(|one| one.key.as_str()).collect::<Vec<_>>(),
            ["live/cmpny_1/u/1-2", "live/cmpny_1/u/3-4", "live/cmpny_1/u/5-6"]
        );
        assert_eq!(page.items[0].kind, Some(UploadKind::Snapshot));
    }
}
