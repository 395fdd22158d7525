//! Tags.

use jiff::Timestamp;

use super::State;
use crate::emulator::refusal::Refusal;

#[derive(Debug, Clone)]
pub(in crate::emulator) struct StoredTag {
    pub(in crate::emulator) name: String,
    pub(in crate::emulator) created_at: Timestamp,
}

impl State {
    pub(in crate::emulator) fn tags(&self) -> &[StoredTag] {
        &self.tags
    }

    /// Returns the tags that are new.
    pub(in crate::emulator) fn add_tags(&mut self, names: &[String]) -> Result<Vec<StoredTag>, Refusal> {
        check(names)?;
        let now = self.now();
        let mut added = Vec::new();
        for name in names {
            if !self.tags.iter().any(|tag| tag.name == *name) {
                let tag = StoredTag { name: name.clone(), created_at: now };
                self.tags.push(tag.clone());
                added.push(tag);
            }
        }
        Ok(added)
    }

    /// Returns the names that existed.
    pub(in crate::emulator) fn remove_tags(&mut self, names: &[String]) -> Result<Vec<String>, Refusal> {
        check(names)?;
        let removed = self.tags.extract_if(.., |tag| names.contains(&tag.name)).map(|tag| tag.name).collect();
        Ok(removed)
    }
}

fn check(names: &[String]) -> Result<(), Refusal> {
    let is_tag = |name: &String| {
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
    };
    if !names.is_empty() && names.iter().all(is_tag) {
        Ok(())
    } else {
        Err(Refusal::request("invalid_tags", "Tags are made of [A-Za-z0-9._-]"))
    }
}
