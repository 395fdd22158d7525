//! Secrets: their `Debug` is redacted, and only `expose` gives access to the value.

use std::fmt;

use serde::{Deserialize, Serialize, Serializer};

/// Formats a URL for `Debug` as scheme and host only, because callback URLs often contain a token in path or query.
pub(crate) struct ShownUrl<'a>(pub(crate) &'a str);

impl fmt::Debug for ShownUrl<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match url::Url::parse(self.0) {
            Ok(url) => write!(f, "{}://{}/[redacted]", url.scheme(), url.host_str().unwrap_or_default()),
            Err(_) => f.write_str("[no url]"),
        }
    }
}

macro_rules! secret {
    ($(#[$docs:meta])* $name:ident) => {
        $(#[$docs])*
        #[derive(Clone)]
        pub struct $name(secrecy::SecretString);

        impl $name {
            /// The secret itself. Keep it out of logs, error texts and logged URLs.
            #[must_use]
            pub fn expose(&self) -> &str {
                secrecy::ExposeSecret::expose_secret(&self.0)
            }
        }

        impl From<String> for $name {
            fn from(secret: String) -> Self {
                Self(secret.into())
            }
        }

        impl From<&str> for $name {
            fn from(secret: &str) -> Self {
                Self(secret.into())
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(concat!(stringify!($name), "([redacted])"))
            }
        }
    };
}
pub(crate) use secret;

/// Lets a secret be a part of models. Serializing one reveals it, so that models can be stored and read again.
macro_rules! readable_secret {
    ($name:ident) => {
        /// Reveals the secret, like [`expose`](Self::expose).
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.expose())
            }
        }

        crate::types::model::lenient_by_serde!($name);
    };
}

secret! {
    /// A signed token (JWT) that authenticates a user in the vendor's mobile and web SDKs.
    ///
    /// ```
    /// let token = bandyer_client::AccessToken::from("eyJhbGciOi");
    /// assert_eq!(format!("{token:?}"), "AccessToken([redacted])");
    /// assert_eq!(token.expose(), "eyJhbGciOi");
    /// ```
    #[derive(Deserialize)]
    #[serde(from = "String")]
    AccessToken
}

readable_secret!(AccessToken);

secret! {
    /// The personal access link of one participant to one room. Anyone with the link enters as that participant.
    ///
    /// ```
    /// let link = bandyer_client::JoinUrl::from("https://acme.bandyer.com/connect/0011");
    /// assert_eq!(format!("{link:?}"), "JoinUrl([redacted])");
    /// ```
    #[derive(Deserialize)]
    #[serde(from = "String")]
    JoinUrl
}

readable_secret!(JoinUrl);

secret! {
    /// A temporary link to a file: a recording or an upload. Anyone with the link can read the file.
    ///
    /// ```
    /// let link = bandyer_client::FileUrl::from("https://files.example/r.mp4?signature=0011");
    /// assert_eq!(format!("{link:?}"), "FileUrl([redacted])");
    /// ```
    #[derive(Deserialize)]
    #[serde(from = "String")]
    FileUrl
}

readable_secret!(FileUrl);

secret! {
    /// The token at the end of a [`JoinUrl`].
    LinkToken
}
