use serde::Serialize;

use super::json::{single, uploads};
use crate::http::call::{Call, Wire};
use crate::http::decode::{link as read_link, nothing};
use crate::operations::Operation;
use crate::types::ids::UploadKey;
use crate::types::page::Page;
use crate::types::page::Window;
use crate::types::secret::FileUrl;
use crate::uploads::{Scope, Upload, UploadFilter};

#[derive(Serialize)]
struct KeyBody<'a> {
    upload_key: &'a UploadKey,
}

pub(crate) fn list(filter: &UploadFilter, window: Window) -> Wire<Page<Upload>> {
    let call = match &filter.scope {
        Scope::Company => Call::v1(Operation::ListUploads, &[]),
        Scope::User(user) => Call::v1(Operation::ListUserUploads, &[user.as_str()]),
        Scope::Room(room) => Call::v1(Operation::ListRoomUploads, &[room.as_str()]),
        Scope::Session(session) => Call::v1(Operation::ListSessionUploads, &[session.as_str()]),
    };
    call.skip_and_limit(window).query("upload_type", filter.kind.as_ref()).decode_with(uploads(window))
}

fn resource(key: &UploadKey) -> Call {
    Call::v1(Operation::GetUpload, &[]).query("upload_key", Some(key))
}

pub(crate) fn get(key: &UploadKey) -> Wire<Upload> {
    resource(key).decode_with(single(key))
}

pub(crate) fn link(key: &UploadKey) -> Wire<FileUrl> {
    resource(key).decode_with(read_link)
}

pub(crate) fn delete(key: &UploadKey) -> Wire<()> {
    Call::v1(Operation::DeleteUpload, &[]).json(&KeyBody { upload_key: key }).decode_with(nothing)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::types::page::Window;
    use crate::uploads::{Scope, UploadFilter, UploadKind};

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
