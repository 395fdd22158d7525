//! The tools of a participant.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::types::model::lenient_by_serde;

/// The tools that a participant may use in a room.
///
/// If a request contains no tools, all are on. If it contains some, the others are off.
///
/// ```
/// use bandyer_client::rooms::Tools;
///
/// let chat_only = Tools::none().chat(true);
/// assert!(!chat_only.file_upload);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Tools {
    /// Chat.
    pub chat: bool,
    /// Sharing the screen.
    pub screen_sharing: bool,
    /// Sending files.
    pub file_upload: bool,
    /// The whiteboard.
    pub whiteboard: Whiteboard,
    /// Taking snapshots of the call.
    pub snapshot: bool,
    /// Drawing on the video.
    pub live_edit: bool,
    /// Pointing on the video.
    pub live_pointer: bool,
    /// Presenting the own video in the large view.
    pub present_to_everyone: bool,
    /// Signing documents. Known from v2 client code only; sent only if it is on.
    #[serde(skip_serializing_if = "is_off")]
    pub sign: bool,
}

lenient_by_serde!(Tools);

const fn is_off(flag: &bool) -> bool {
    !*flag
}

macro_rules! setters {
    ($($(#[$docs:meta])* $name:ident),+ $(,)?) => {
        $(
            $(#[$docs])*
            #[must_use]
            pub const fn $name(mut self, on: bool) -> Self {
                self.$name = on;
                self
            }
        )+
    };
}

impl Tools {
    /// No tools.
    #[must_use]
    pub const fn none() -> Self {
        Self {
            chat: false,
            screen_sharing: false,
            file_upload: false,
            whiteboard: Whiteboard::none(),
            snapshot: false,
            live_edit: false,
            live_pointer: false,
            present_to_everyone: false,
            sign: false,
        }
    }

    /// All tools except signing, which belongs to a separate product.
    #[must_use]
    pub const fn all() -> Self {
        Self {
            chat: true,
            screen_sharing: true,
            file_upload: true,
            whiteboard: Whiteboard::all(),
            snapshot: true,
            live_edit: true,
            live_pointer: true,
            present_to_everyone: true,
            sign: false,
        }
    }

    setters! {
        /// Chat.
        chat,
        /// Sharing the screen.
        screen_sharing,
        /// Sending files.
        file_upload,
        /// Taking snapshots of the call.
        snapshot,
        /// Drawing on the video.
        live_edit,
        /// Pointing on the video.
        live_pointer,
        /// Presenting the own video in the large view.
        present_to_everyone,
        /// Signing documents.
        sign,
    }

    /// The whiteboard, or parts of it.
    #[must_use]
    pub const fn whiteboard(mut self, whiteboard: Whiteboard) -> Self {
        self.whiteboard = whiteboard;
        self
    }
}

/// All tools are off, as for tools that are missing in a response.
impl Default for Tools {
    fn default() -> Self {
        Self::none()
    }
}

/// The whiteboard tools that a participant may use. The vendor encodes them as one flag or as six.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Whiteboard {
    /// Adding files.
    pub add_file: bool,
    /// The cursor.
    pub cursor: bool,
    /// Text.
    pub text: bool,
    /// Shapes.
    pub shape: bool,
    /// Drawing by hand.
    pub pen: bool,
    /// Erasing.
    pub eraser: bool,
}

impl Whiteboard {
    /// No whiteboard.
    #[must_use]
    pub const fn none() -> Self {
        Self { add_file: false, cursor: false, text: false, shape: false, pen: false, eraser: false }
    }

    /// The whole whiteboard.
    #[must_use]
    pub const fn all() -> Self {
        Self { add_file: true, cursor: true, text: true, shape: true, pen: true, eraser: true }
    }

    setters! {
        /// Adding files.
        add_file,
        /// The cursor.
        cursor,
        /// Text.
        text,
        /// Shapes.
        shape,
        /// Drawing by hand.
        pen,
        /// Erasing.
        eraser,
    }
}

#[derive(Serialize, Deserialize)]
#[serde(default)]
#[derive(Default)]
struct Flags {
    wb_add_file: bool,
    wb_cursor: bool,
    wb_text: bool,
    wb_shape: bool,
    wb_pen: bool,
    wb_eraser: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum OneOrSix {
    One(bool),
    Six(Flags),
}

impl Serialize for Whiteboard {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let written = if *self == Self::all() {
            OneOrSix::One(true)
        } else if *self == Self::none() {
            OneOrSix::One(false)
        } else {
            OneOrSix::Six(Flags {
                wb_add_file: self.add_file,
                wb_cursor: self.cursor,
                wb_text: self.text,
                wb_shape: self.shape,
                wb_pen: self.pen,
                wb_eraser: self.eraser,
            })
        };
        written.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Whiteboard {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match OneOrSix::deserialize(deserializer)? {
            OneOrSix::One(true) => Self::all(),
            OneOrSix::One(false) => Self::none(),
            OneOrSix::Six(flags) => Self {
                add_file: flags.wb_add_file,
                cursor: flags.wb_cursor,
                text: flags.wb_text,
                shape: flags.wb_shape,
                pen: flags.wb_pen,
                eraser: flags.wb_eraser,
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Tools, Whiteboard};

    #[test]
    fn missing_tools_are_off() {
        let tools: Tools = serde_json::from_value(json!({"chat": true, "new_tool": true})).unwrap();
        assert_eq!(tools, Tools::none().chat(true));
    }

    #[test]
    fn whiteboard_is_one_flag_or_six() {
        for (whiteboard, written) in [
            (Whiteboard::all(), json!(true)),
            (Whiteboard::none(), json!(false)),
            (
                Whiteboard::none().pen(true),
                json!({"wb_add_file": false, "wb_cursor": false, "wb_text": false,
                       "wb_shape": false, "wb_pen": true, "wb_eraser": false}),
            ),
        ] {
            assert_eq!(serde_json::to_value(whiteboard).unwrap(), written);
            assert_eq!(serde_json::from_value::<Whiteboard>(written).unwrap(), whiteboard);
        }
    }

    #[test]
    fn signing_is_sent_only_if_on() {
        assert!(serde_json::to_value(Tools::all()).unwrap().get("sign").is_none());
        assert_eq!(serde_json::to_value(Tools::none().sign(true)).unwrap()["sign"], json!(true));
    }
}
