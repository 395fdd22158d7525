//! Files that were sent, and the links with which they are fetched.

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};

use super::{State, hex};
use crate::emulator::refusal::Refusal;

/// A file as it arrived.
#[derive(Debug, Clone)]
pub(in crate::emulator) struct Sent {
    pub(in crate::emulator) content_type: String,
    pub(in crate::emulator) bytes: Bytes,
}

/// A file behind a link.
#[derive(Debug, Clone)]
pub(in crate::emulator) struct StoredFile {
    pub(in crate::emulator) content_type: String,
    pub(in crate::emulator) bytes: Bytes,
    /// When the link stops working, if it does.
    until: Option<Timestamp>,
}

/// What the vendor documents about a picture.
pub(in crate::emulator) struct Limits {
    pub(in crate::emulator) png: bool,
    pub(in crate::emulator) max_bytes: usize,
    /// Shortest side, in points.
    pub(in crate::emulator) min_side: usize,
}

impl Sent {
    pub(in crate::emulator) fn check(&self, limits: &Limits) -> Result<(), Refusal> {
        let invalid = || Refusal::validation("invalid_file", "The file is no picture of an accepted type and size");
        let accepted = match imagesize::image_type(&self.bytes) {
            Ok(imagesize::ImageType::Jpeg) => true,
            Ok(imagesize::ImageType::Png) => limits.png,
            _ => false,
        };
        if !accepted || self.bytes.len() > limits.max_bytes {
            return Err(invalid());
        }
        let size = imagesize::blob_size(&self.bytes)
            .map_err(|_| Refusal::validation("error_processing_image", "The picture cannot be read"))?;
        if size.width.min(size.height) < limits.min_side {
            return Err(Refusal::validation("wrong_file_dimension", "The picture is too small"));
        }
        Ok(())
    }
}

impl State {
    /// Keeps a picture, and gives its address.
    pub(super) fn keep_for_ever(&mut self, file: &Sent) -> String {
        self.keep(file.content_type.clone(), file.bytes.clone(), None)
    }

    /// Keeps a file, and gives a link that works for a while.
    pub(super) fn lend(&mut self, content_type: &str, bytes: Bytes, lifetime: SignedDuration) -> String {
        let until = self.now().saturating_add(lifetime).unwrap_or(Timestamp::MAX);
        self.keep(content_type.to_owned(), bytes, Some(until))
    }

    fn keep(&mut self, content_type: String, bytes: Bytes, until: Option<Timestamp>) -> String {
        let now = self.now();
        self.files.retain(|_, file| file.until.is_none_or(|until| until > now));
        let token = hex(32);
        let url = format!("{}/_emulator/files/{token}", self.url);
        self.files.insert(token, StoredFile { content_type, bytes, until });
        url
    }

    /// Drops a file that was replaced or deleted.
    pub(super) fn forget_file(&mut self, url: Option<&str>) {
        if let Some(token) = url.and_then(|url| url.rsplit('/').next()) {
            self.files.remove(token);
        }
    }

    pub(in crate::emulator) fn file(&self, token: &str) -> Option<&StoredFile> {
        let now = self.now();
        self.files.get(token).filter(|file| file.until.is_none_or(|until| until > now))
    }
}
