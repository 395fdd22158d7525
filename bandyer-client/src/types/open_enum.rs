//! Enums that preserve values unknown to this version of the crate.

use std::fmt;

/// A value of the vendor that this version of the crate does not know.
///
/// It has no public constructor, so that `Unknown("plus")` cannot exist in addition to `Plus`. Parse the text instead.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnknownValue(Box<str>);

impl UnknownValue {
    pub(crate) fn new(text: &str) -> Self {
        Self(text.into())
    }

    /// The vendor's text, unchanged.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for UnknownValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

macro_rules! open_enum {
    (
        $(#[$docs:meta])*
        pub enum $name:ident {
            $( $(#[$variant_docs:meta])* $variant:ident = $text:literal ),+ $(,)?
        }
    ) => {
        $(#[$docs])*
        #[derive(
            Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash,
            serde_with::SerializeDisplay, serde_with::DeserializeFromStr,
        )]
        #[non_exhaustive]
        pub enum $name {
            $( $(#[$variant_docs])* $variant, )+
            /// A value that this version of the crate does not know; it is preserved in a round trip.
            Unknown($crate::types::open_enum::UnknownValue),
        }

        impl $name {
            /// The vendor's text for the value.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self {
                    $( Self::$variant => $text, )+
                    Self::Unknown(value) => value.as_str(),
                }
            }
        }

        $crate::types::model::lenient_by_serde!($name);

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                match text {
                    $( $text => Self::$variant, )+
                    other => Self::Unknown($crate::types::open_enum::UnknownValue::new(other)),
                }
            }
        }

        impl std::str::FromStr for $name {
            type Err = std::convert::Infallible;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Ok(Self::from(text))
            }
        }
    };
}
pub(crate) use open_enum;

#[cfg(test)]
mod tests {
    use crate::users::Role;

    #[test]
    fn unknown_value_survives_a_round_trip() {
        let role: Role = serde_json::from_str("\"observer\"").unwrap();
        assert!(matches!(&role, Role::Unknown(text) if text.as_str() == "observer"));
        assert_eq!(serde_json::to_string(&role).unwrap(), "\"observer\"");
    }

    #[test]
    fn every_text_survives_a_round_trip() {
        use proptest::prelude::*;
        proptest!(|(text in any::<String>())| {
            let role = Role::from(text.as_str());
            prop_assert_eq!(role.as_str(), text.as_str());
            let json = serde_json::to_string(&role).unwrap();
            prop_assert_eq!(serde_json::from_str::<Role>(&json).unwrap(), role);
        });
    }

    #[test]
    fn known_text_is_parsed_into_its_variant() {
        assert_eq!(Role::from("plus"), Role::Plus);
    }
}
