//! Uploads in responses, which both API versions encode in the same way.

use serde_json::Value;

use crate::http::decode::{DecodeFailure, json, missing, page};
use crate::types::ids::UploadKey;
use crate::types::model::{Fields, Lenient};
use crate::types::page::{Page, Window};
use crate::uploads::Upload;

/// An item of a list. Some of the vendor's samples contain the key under `url`, and no item contains a link.
struct Listed(Upload);

impl Lenient for Listed {
    fn read(value: &Value) -> Option<Self> {
        let fields = Fields::read(value)?;
        let key: UploadKey = fields.first(&["key", "upload_key", "url"])?;
        let mut upload = Upload::read(&fields.with("key", &key)).ok()?;
        upload.url = None;
        Some(Self(upload))
    }

    fn write(&self) -> Value {
        self.0.write()
    }
}

pub(crate) fn uploads(window: Window) -> impl Fn(&[u8]) -> Result<Page<Upload>, DecodeFailure> + Send + Sync + 'static {
    let read = page(window, "uploads");
    move |body| read(body).map(|page| page.map(|Listed(upload)| upload))
}

/// A single upload, which may be returned without its key.
pub(crate) fn single(key: &UploadKey) -> impl Fn(&[u8]) -> Result<Upload, DecodeFailure> + Send + Sync + 'static {
    let key = key.clone();
    move |body| Upload::read(&json::<Fields>(body)?.with("key", &key)).map_err(missing)
}
