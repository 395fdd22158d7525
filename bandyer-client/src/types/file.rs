//! Files that are sent to the vendor.

use std::fmt;

use bytes::Bytes;

/// A file to send: a name, a media type and its bytes.
///
/// ```
/// use bandyer_client::File;
///
/// # fn main() -> Result<(), bandyer_client::InvalidFile> {
/// let logo = File::png(b"\x89PNG\r\n\x1a\n".to_vec())?;
/// assert_eq!(logo.content_type(), "image/png");
/// assert!(File::png(b"GIF89a".to_vec()).is_err());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct File {
    name: String,
    content_type: String,
    bytes: Bytes,
}

/// The file is empty, or does not match its declared type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("invalid file: {0}")]
pub struct InvalidFile(&'static str);

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";
const JPEG: &[u8] = b"\xff\xd8\xff";

impl File {
    /// Creates a file of any type. The vendor decides which types it accepts.
    ///
    /// # Errors
    ///
    /// [`InvalidFile`] if the file is empty or the media type is malformed.
    pub fn new(
        name: impl Into<String>,
        content_type: impl Into<String>,
        bytes: impl Into<Bytes>,
    ) -> Result<Self, InvalidFile> {
        let file = Self { name: name.into(), content_type: content_type.into(), bytes: bytes.into() };
        let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$&^_.+-".contains(&byte);
        let is_type = file.content_type.split_once('/').is_some_and(|(kind, subtype)| {
            !kind.is_empty() && !subtype.is_empty() && kind.bytes().chain(subtype.bytes()).all(token)
        });
        if file.bytes.is_empty() {
            return Err(InvalidFile("it is empty"));
        }
        if is_type { Ok(file) } else { Err(InvalidFile("its media type is not like `image/png`")) }
    }

    /// Creates a PNG picture.
    ///
    /// # Errors
    ///
    /// [`InvalidFile`] if the bytes do not begin with the signature of the format.
    pub fn png(bytes: impl Into<Bytes>) -> Result<Self, InvalidFile> {
        Self::picture("picture.png", "image/png", PNG, bytes.into())
    }

    /// Creates a JPEG picture.
    ///
    /// # Errors
    ///
    /// [`InvalidFile`] if the bytes do not begin with the signature of the format.
    pub fn jpeg(bytes: impl Into<Bytes>) -> Result<Self, InvalidFile> {
        Self::picture("picture.jpg", "image/jpeg", JPEG, bytes.into())
    }

    fn picture(name: &str, content_type: &str, beginning: &[u8], bytes: Bytes) -> Result<Self, InvalidFile> {
        if !bytes.starts_with(beginning) {
            return Err(InvalidFile("it does not begin like a picture of its type"));
        }
        Self::new(name, content_type, bytes)
    }

    /// The file name that is sent.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The media type that is sent.
    #[must_use]
    pub fn content_type(&self) -> &str {
        &self.content_type
    }

    /// The content.
    #[must_use]
    pub const fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// Checks the vendor's documented limits for a picture, before anything is sent.
    pub(crate) fn check_picture(&self, accepted: Accepted) -> Result<(), String> {
        let fits = match self.content_type.as_str() {
            "image/png" => accepted.png && self.bytes.starts_with(PNG),
            "image/jpeg" => self.bytes.starts_with(JPEG),
            _ => false,
        };
        if !fits {
            return Err(format!("the picture is no {}", if accepted.png { "PNG or JPEG" } else { "JPEG" }));
        }
        if self.bytes.len() > accepted.max_bytes {
            let (size, limit) = (self.bytes.len(), accepted.max_bytes);
            return Err(format!("the picture has {size} bytes, and at most {limit} are accepted"));
        }
        Ok(())
    }
}

/// The pictures that an operation accepts. JPEG is always accepted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Accepted {
    pub(crate) png: bool,
    pub(crate) max_bytes: usize,
}

impl Accepted {
    /// Avatars and logos: 500 KB. The vendor does not document whether a kilobyte has 1000 or 1024 bytes, so this uses
    /// the larger limit and leaves the decision to the vendor.
    pub(crate) const PORTRAIT: Self = Self { png: true, max_bytes: 500 * 1024 };
    /// Virtual backgrounds: 16 MB, JPEG only.
    pub(crate) const BACKGROUND: Self = Self { png: false, max_bytes: 16 * 1024 * 1024 };
}

/// Leaves name and content out, because they may contain personal data.
impl fmt::Debug for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("File")
            .field("content_type", &self.content_type)
            .field("bytes", &self.bytes.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::{Accepted, File, JPEG, PNG};

    #[test]
    fn file_must_match_its_declared_type() {
        assert!(File::png(PNG).is_ok());
        assert!(File::png(JPEG).is_err());
        assert!(File::jpeg(PNG).is_err());
        for (content_type, bytes) in [("text/plain", ""), ("text", "x"), ("text/", "x"), ("a/b\r\nx: y", "x")] {
            assert!(File::new("f", content_type, bytes).is_err(), "{content_type:?}");
        }
    }

    #[test]
    fn unsupported_picture_is_rejected_with_the_reason() {
        let png = File::png(PNG).unwrap();
        assert_eq!(png.check_picture(Accepted::BACKGROUND).unwrap_err(), "the picture is no JPEG");
        let gif_as_png = File::new("f", "image/png", "GIF89a").unwrap();
        assert_eq!(gif_as_png.check_picture(Accepted::PORTRAIT).unwrap_err(), "the picture is no PNG or JPEG");
        let mut bytes = PNG.to_vec();
        bytes.resize(500 * 1024, 0);
        assert!(File::png(bytes.clone()).unwrap().check_picture(Accepted::PORTRAIT).is_ok());
        bytes.push(0);
        let error = File::png(bytes).unwrap().check_picture(Accepted::PORTRAIT).unwrap_err();
        assert_eq!(error, "the picture has 512001 bytes, and at most 512000 are accepted");
    }
}
