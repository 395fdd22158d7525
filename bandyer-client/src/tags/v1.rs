use serde::{Deserialize, Serialize};

use super::json::Record;
use crate::http::call::{Call, Wire};
use crate::http::decode::{json, nothing};
use crate::operations::Operation;
use crate::tags::Tag;
use crate::types::page::Page;

#[derive(Serialize)]
struct Names<'a> {
    tags: &'a [String],
}

pub(crate) fn list() -> Wire<Page<Tag>> {
    #[derive(Deserialize)]
    struct Listed {
        tags: Vec<Record>,
    }
    Call::v1(Operation::ListTags, &[]).decode_with(|body| {
        let Listed { tags } = json(body)?;
        Ok(Page::complete(tags.into_iter().map(Tag::from).collect()))
    })
}

/// Not idempotent: the response contains the new tags, and after a retry none would be new.
pub(crate) fn add(names: &[String]) -> Wire<Vec<Tag>> {
    #[derive(Deserialize)]
    struct Added {
        added_tags: Vec<Record>,
    }
    Call::v1(Operation::CreateTags, &[]).json(&Names { tags: names }).decode_with(|body| {
        let Added { added_tags } = json(body)?;
        Ok(added_tags.into_iter().map(Tag::from).collect())
    })
}

/// Idempotent although it is a POST.
pub(crate) fn remove(names: &[String]) -> Wire<()> {
    Call::v1(Operation::DeleteTags, &[]).json(&Names { tags: names }).decode_with(nothing)
}
