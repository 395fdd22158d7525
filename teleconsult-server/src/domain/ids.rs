//! Identifiers that callers send. They become part of paths, log lines and vendor ids, so their alphabet is narrow.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Longest id accepted, in characters; identity providers stay well below.
pub(crate) const MAX_ID_CHARS: usize = 128;

/// The characters that a path segment may hold unencoded (RFC 3986), and the bar that identity providers put into ids
/// (`auth0|5f3c`, `anna+1@clinic.example`, `oidc|c|bWU=`).
fn is_id(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@|".contains(&byte);
    (1..=MAX_ID_CHARS).contains(&text.len()) && text.bytes().all(allowed) && text != "." && text != ".."
}

macro_rules! id {
    ($(#[$docs:meta])* $name:ident) => {
        $(#[$docs])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Box<str>);

        impl $name {
            /// Parses an id. `None` if the text has other characters than `A-Z a-z 0-9 - . _ ~ ! $ & ' ( ) * + , ; = : @ |`,
            /// is empty, longer than 128 characters, `.` or `..`.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                is_id(text).then(|| Self(text.into()))
            }

            /// The id as the caller wrote it.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

id! {
    /// The id of a teleconsultation: what callers name `roomId`, and never the vendor's room id.
    #[derive(Debug)]
    TeleconsultationId
}

id! {
    /// A person's id outside the vendor. It may be an e-mail address, so its `Debug` shows nothing.
    ExternalId
}

impl ExternalId {
    /// An id read from a store that others write to as well. It is taken as it is: some version accepted it once.
    #[must_use]
    pub fn stored(text: &str) -> Self {
        Self(text.into())
    }
}

impl fmt::Debug for ExternalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ExternalId(..)")
    }
}

impl TeleconsultationId {
    /// A new id in the form that the predecessor's records have: 24 hex digits, four bytes of time and eight random
    /// ones, so that neighbours in time are neighbours in an index.
    #[must_use]
    pub fn generate(now: jiff::Timestamp) -> Self {
        let seconds = u32::try_from(now.as_second()).unwrap_or(u32::MAX);
        Self(format!("{seconds:08x}{:016x}", uuid::Uuid::new_v4().as_u64_pair().1).into_boxed_str())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{ExternalId, TeleconsultationId};

    #[test]
    fn an_id_never_changes_the_path_it_is_part_of() {
        proptest!(|(text in any::<String>().boxed().prop_union("[./%?#\\\\a]{0,5}".boxed()))| {
            if let Some(id) = TeleconsultationId::parse(&text) {
                prop_assert!(!text.contains(['/', '?', '#', '%', '\\']) && text != "." && text != ".." && !text.is_empty());
                prop_assert_eq!(id.as_str(), text);
            }
        });
    }

    #[test]
    fn ids_with_separators_or_blanks_are_rejected() {
        for bad in ["", ".", "..", "a/b", "a%2fb", "a b", "a\n", "a\0", "é", "a?b", "a#b", "a\\b", &"a".repeat(129)] {
            assert!(ExternalId::parse(bad).is_none(), "{bad:?}");
        }
        for good in
            ["auth0|5f3c", "oidc|c|bWU=", "o'hara~1", "anna+1@clinic.example", "urn:x:1", "...", "a", &"a".repeat(128)]
        {
            assert_eq!(ExternalId::parse(good).unwrap().as_str(), good);
        }
    }

    #[test]
    fn new_ids_have_24_hex_digits_and_differ() {
        let now = jiff::Timestamp::UNIX_EPOCH;
        let [a, b] = [TeleconsultationId::generate(now), TeleconsultationId::generate(now)];
        assert_ne!(a, b);
        assert!(a.as_str().len() == 24 && a.as_str().bytes().all(|byte| byte.is_ascii_hexdigit()));
    }
}
