use super::json::{single, uploads};
use crate::http::call::{Call, Wire};
use crate::http::decode::{link as read_link, nothing};
use crate::operations::Operation;
use crate::types::ids::UploadKey;
use crate::types::page::Page;
use crate::types::page::Window;
use crate::types::secret::FileUrl;
use crate::uploads::{Scope, Upload, UploadFilter};

pub(crate) fn list(filter: &UploadFilter, window: Window) -> Wire<Page<Upload>> {
    let room = match &filter.scope {
        Scope::Room(room) => Some(room),
        Scope::Company | Scope::User(_) | Scope::Session(_) => None,
    };
    Call::v2(Operation::ListUploads, &[]).offset_and_limit(window).query("room_id", room).decode_with(uploads(window))
}

fn one(operation: Operation, key: &UploadKey) -> Call {
    Call::v2(operation, &[key.as_str()])
}

pub(crate) fn get(key: &UploadKey) -> Wire<Upload> {
    one(Operation::GetUpload, key).decode_with(single(key))
}

pub(crate) fn link(key: &UploadKey) -> Wire<FileUrl> {
    one(Operation::GetUpload, key).decode_with(read_link)
}

pub(crate) fn delete(key: &UploadKey) -> Wire<()> {
    one(Operation::DeleteUpload, key).decode_with(nothing)
}
