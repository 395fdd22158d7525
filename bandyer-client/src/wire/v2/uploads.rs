use http::Method;

use crate::model::ids::UploadKey;
use crate::model::page::Page;
use crate::model::secret::FileUrl;
use crate::uploads::{Scope, Upload, UploadFilter};
use crate::wire::v1::rooms::link as read_link;
use crate::wire::v1::uploads::{InList, single};
use crate::wire::{Call, Window, Wire, nothing, page_of};

pub(crate) fn list(filter: &UploadFilter, window: Window) -> Wire<Page<Upload>> {
    let room = match &filter.scope {
        Scope::Room(room) => Some(room),
        Scope::Company | Scope::User(_) | Scope::Session(_) => None,
    };
    Call::get(&["uploads"])
        .offset_and_limit(window)
        .query("room_id", room)
        .decode_with(page_of!(window, uploads: InList))
}

fn one(method: Method, key: &UploadKey) -> Call {
    Call::new(method, &["uploads", key.as_str()])
}

pub(crate) fn get(key: &UploadKey) -> Wire<Upload> {
    one(Method::GET, key).decode_with(single(key))
}

pub(crate) fn link(key: &UploadKey) -> Wire<FileUrl> {
    one(Method::GET, key).decode_with(read_link)
}

pub(crate) fn delete(key: &UploadKey) -> Wire<()> {
    one(Method::DELETE, key).decode_with(nothing)
}
