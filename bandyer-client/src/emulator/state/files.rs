//! Uploaded files and their download links.

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};

use super::{State, hex};
use crate::emulator::refusal::Refusal;

/// A file as it was received.
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
    /// When the link expires, if ever.
    expires_at: Option<Timestamp>,
}

/// The vendor's documented limits for a picture.
pub(in crate::emulator) struct Limits {
    pub(in crate::emulator) png: bool,
    pub(in crate::emulator) max_bytes: usize,
    /// Minimum length of the shorter side, in pixels.
    pub(in crate::emulator) min_side: usize,
}

impl Sent {
    pub(in crate::emulator) fn check(&self, limits: &Limits) -> Result<(), Refusal> {
        let invalid = || Refusal::validation("invalid_file", "The file is not a picture of an accepted type and size");
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
    /// Stores a picture and returns its URL.
    pub(super) fn store_permanently(&mut self, file: &Sent) -> String {
        self.store_file(file.content_type.clone(), file.bytes.clone(), None)
    }

    /// Stores a file and returns a link that expires.
    pub(super) fn store_temporarily(&mut self, content_type: &str, bytes: Bytes, lifetime: SignedDuration) -> String {
        let expires_at = self.now().saturating_add(lifetime).unwrap_or(Timestamp::MAX);
        self.store_file(content_type.to_owned(), bytes, Some(expires_at))
    }

    fn store_file(&mut self, content_type: String, bytes: Bytes, expires_at: Option<Timestamp>) -> String {
        let now = self.now();
        self.files.retain(|_, file| file.expires_at.is_none_or(|expires_at| expires_at > now));
        let token = hex(32);
        let url = format!("{}/_emulator/files/{token}", self.url);
        self.files.insert(token, StoredFile { content_type, bytes, expires_at });
        url
    }

    /// Removes a file that was replaced or deleted.
    pub(super) fn remove_file(&mut self, url: Option<&str>) {
        if let Some(token) = url.and_then(|url| url.rsplit('/').next()) {
            self.files.remove(token);
        }
    }

    pub(in crate::emulator) fn file(&self, token: &str) -> Option<&StoredFile> {
        let now = self.now();
        self.files.get(token).filter(|file| file.expires_at.is_none_or(|expires_at| expires_at > now))
    }
}
