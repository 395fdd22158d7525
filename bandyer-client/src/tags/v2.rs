use serde::Serialize;

use crate::http::call::{Call, Wire};
use crate::http::decode::{json, nothing, page};
use crate::operations::Operation;
use crate::tags::Tag;
use crate::types::page::Page;
use crate::types::page::Window;

#[derive(Serialize)]
struct Name<'a> {
    name: &'a str,
}

pub(crate) fn list(window: Window) -> Wire<Page<Tag>> {
    Call::v2(Operation::ListTags, &[]).offset_and_limit(window).decode_with(page(window, "tags"))
}

/// The response is not documented, so if it contains no tag, the requested one is returned.
pub(crate) fn add(name: &str) -> Wire<Vec<Tag>> {
    let requested = name.to_owned();
    Call::v2(Operation::CreateTags, &[])
        .json(&Name { name })
        .decode_with(move |body| Ok(vec![json(body).unwrap_or_else(|_| Tag::new(requested.clone()))]))
}

pub(crate) fn remove(name: &str) -> Wire<()> {
    Call::v2(Operation::DeleteTags, &[name]).decode_with(nothing)
}
