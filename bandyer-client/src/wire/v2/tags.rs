use serde::Serialize;

use crate::model::page::Page;
use crate::tags::Tag;
use crate::wire::v1::tags::Record;
use crate::wire::{Call, Window, Wire, json, nothing, page_of};

#[derive(Serialize)]
struct Name<'a> {
    name: &'a str,
}

pub(crate) fn list(window: Window) -> Wire<Page<Tag>> {
    Call::get(&["tags"]).offset_and_limit(window).answered_by(page_of!(window, tags: Record))
}

/// Nobody shows the answer, so one that says nothing is taken for what was asked.
pub(crate) fn add(name: &str) -> Wire<Vec<Tag>> {
    let asked = name.to_owned();
    Call::post(&["tags"]).json(&Name { name }).answered_by(move |body| {
        let told = json::<Record>(body).map(Tag::from);
        Ok(vec![told.unwrap_or_else(|_| Tag { name: asked.clone(), created_at: None })])
    })
}

pub(crate) fn remove(name: &str) -> Wire<()> {
    Call::delete(&["tags", name]).answered_by(nothing)
}
