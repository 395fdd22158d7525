//! Records of uploads, which both API versions share.

use jiff::Timestamp;
use serde::Deserialize;

use crate::http::decode::{DecodeFailure, json};
use crate::http::lenient;
use crate::types::ids::{RoomId, SessionId, UploadKey, UserId};
use crate::types::secret::FileUrl;
use crate::uploads::{Upload, UploadKind};

/// Some of the vendor's samples of lists contain the key under `url`.
#[derive(Deserialize)]
struct InListFields {
    key: Option<UploadKey>,
    upload_key: Option<UploadKey>,
    url: Option<UploadKey>,
    #[serde(flatten)]
    about: About,
}

#[derive(Deserialize)]
#[serde(try_from = "InListFields")]
pub(crate) struct InList(Upload);

impl TryFrom<InListFields> for InList {
    type Error = &'static str;

    fn try_from(fields: InListFields) -> Result<Self, &'static str> {
        let key = fields.key.or(fields.upload_key).or(fields.url).ok_or("an upload has no key")?;
        Ok(Self(fields.about.of(key, None)))
    }
}

#[derive(Deserialize)]
pub(crate) struct Single {
    url: Option<FileUrl>,
    #[serde(flatten)]
    about: About,
}

#[derive(Deserialize)]
struct About {
    upload_type: Option<UploadKind>,
    #[serde(default, deserialize_with = "lenient::moment")]
    creation_date: Option<Timestamp>,
    user_id: Option<UserId>,
    session_id: Option<SessionId>,
    room_id: Option<RoomId>,
}

impl About {
    fn of(self, key: UploadKey, url: Option<FileUrl>) -> Upload {
        Upload {
            key,
            kind: self.upload_type,
            user_id: self.user_id,
            session_id: self.session_id,
            room_id: self.room_id,
            created_at: self.creation_date,
            url,
        }
    }
}

impl From<InList> for Upload {
    fn from(listed: InList) -> Self {
        listed.0
    }
}

pub(crate) fn single(key: &UploadKey) -> impl Fn(&[u8]) -> Result<Upload, DecodeFailure> + Send + Sync + 'static {
    let key = key.clone();
    move |body| json::<Single>(body).map(|single| single.about.of(key.clone(), single.url))
}
