use serde::Serialize;

use crate::http::call::{Call, Wire};
use crate::http::decode::{all_items, items, json, nothing};
use crate::operations::Operation;
use crate::tags::Tag;
use crate::types::page::Page;

#[derive(Serialize)]
struct Names<'a> {
    tags: &'a [String],
}

pub(crate) fn list() -> Wire<Page<Tag>> {
    Call::v1(Operation::ListTags, &[]).decode_with(|body| {
        let (tags, skipped) = items(&json(body)?, &["tags"])?;
        Ok(Page::complete(tags, skipped))
    })
}

/// Not idempotent: the response contains the new tags, and after a retry none would be new.
pub(crate) fn add(names: &[String]) -> Wire<Vec<Tag>> {
    Call::v1(Operation::CreateTags, &[]).json(&Names { tags: names }).decode_with(|body| all_items(body, "added_tags"))
}

/// Idempotent although it is a POST.
pub(crate) fn remove(names: &[String]) -> Wire<()> {
    Call::v1(Operation::DeleteTags, &[]).json(&Names { tags: names }).decode_with(nothing)
}
