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

/// A file that is not what it is said to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("invalid file: {0}")]
pub struct InvalidFile(&'static str);

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";
const JPEG: &[u8] = b"\xff\xd8\xff";

impl File {
    /// Any file. The vendor decides what it accepts.
    ///
    /// # Errors
    ///
    /// [`InvalidFile`] when it is empty, or its media type is none.
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

    /// A PNG picture.
    ///
    /// # Errors
    ///
    /// [`InvalidFile`] when the bytes do not begin as one does.
    pub fn png(bytes: impl Into<Bytes>) -> Result<Self, InvalidFile> {
        Self::picture("picture.png", "image/png", PNG, bytes.into())
    }

    /// A JPEG picture.
    ///
    /// # Errors
    ///
    /// [`InvalidFile`] when the bytes do not begin as one does.
    pub fn jpeg(bytes: impl Into<Bytes>) -> Result<Self, InvalidFile> {
        Self::picture("picture.jpg", "image/jpeg", JPEG, bytes.into())
    }

    fn picture(name: &str, content_type: &str, beginning: &[u8], bytes: Bytes) -> Result<Self, InvalidFile> {
        if !bytes.starts_with(beginning) {
            return Err(InvalidFile("it does not begin like a picture of its type"));
        }
        Self::new(name, content_type, bytes)
    }

    /// The name that is sent.
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

    /// Checks what the vendor documents for a picture, before anything is sent.
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

/// What pictures an operation takes; JPEG is always one of them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Accepted {
    pub(crate) png: bool,
    pub(crate) max_bytes: usize,
}

impl Accepted {
    /// Avatars and logos: 500 KB. The vendor does not say whether a kilobyte has 1000 or 1024 bytes, so the larger reading
    /// is let through and the vendor decides about the rest.
    pub(crate) const PORTRAIT: Self = Self { png: true, max_bytes: 500 * 1024 };
    /// Virtual backgrounds: 16 MB, JPEG alone.
    pub(crate) const BACKGROUND: Self = Self { png: false, max_bytes: 16 * 1024 * 1024 };
}

/// Names of files may be personal, and their content is.
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
    fn a_file_is_what_it_says_or_is_refused() {
        assert!(File::png(PNG).is_ok());
        assert!(File::png(JPEG).is_err());
        assert!(File::jpeg(PNG).is_err());
        for (content_type, bytes) in [("text/plain", ""), ("text", "x"), ("text/", "x"), ("a/b\r\nx: y", "x")] {
            assert!(File::new("f", content_type, bytes).is_err(), "{content_type:?}");
        }
    }

    #[test]
    fn a_picture_of_the_wrong_type_or_size_is_named() {
        let png = File::png(PNG).unwrap();
        assert_eq!(png.check_picture(Accepted::BACKGROUND).unwrap_err(), "the picture is no JPEG");
        let liar = File::new("f", "image/png", "GIF89a").unwrap();
        assert_eq!(liar.check_picture(Accepted::PORTRAIT).unwrap_err(), "the picture is no PNG or JPEG");
        let mut bytes = PNG.to_vec();
        bytes.resize(500 * 1024, 0);
        assert!(File::png(bytes.clone()).unwrap().check_picture(Accepted::PORTRAIT).is_ok());
        bytes.push(0);
        let error = File::png(bytes).unwrap().check_picture(Accepted::PORTRAIT).unwrap_err();
        assert_eq!(error, "the picture has 512001 bytes, and at most 512000 are accepted");
    }
}
