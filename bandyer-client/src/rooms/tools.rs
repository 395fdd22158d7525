//! What a participant may use in a room.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What a participant may use in a room.
///
/// Where the vendor is told nothing, all tools are on; where it is told some, the rest is off.
///
/// ```
/// use bandyer_client::rooms::Tools;
///
/// let chat_alone = Tools::none().chat(true);
/// assert!(!chat_alone.file_upload);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Tools {
    /// Writing to each other.
    pub chat: bool,
    /// Showing one's screen.
    pub screen_sharing: bool,
    /// Sending files.
    pub file_upload: bool,
    /// Drawing together.
    pub whiteboard: Whiteboard,
    /// Taking pictures of the call.
    pub snapshot: bool,
    /// Drawing on the video.
    pub live_edit: bool,
    /// Pointing on the video.
    pub live_pointer: bool,
    /// Making one's own video the large one.
    pub present_to_everyone: bool,
    /// Signing documents. Seen in v2 client code only; it is sent when it is on.
    #[serde(skip_serializing_if = "is_off")]
    pub sign: bool,
}

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
    /// No tool at all.
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

    /// All tools, signing excepted: that one belongs to a product of its own.
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
        /// Writing to each other.
        chat,
        /// Showing one's screen.
        screen_sharing,
        /// Sending files.
        file_upload,
        /// Taking pictures of the call.
        snapshot,
        /// Drawing on the video.
        live_edit,
        /// Pointing on the video.
        live_pointer,
        /// Making one's own video the large one.
        present_to_everyone,
        /// Signing documents.
        sign,
    }

    /// Drawing together: all or part of it.
    #[must_use]
    pub const fn whiteboard(mut self, whiteboard: Whiteboard) -> Self {
        self.whiteboard = whiteboard;
        self
    }
}

/// A tool that is not mentioned is off.
impl Default for Tools {
    fn default() -> Self {
        Self::none()
    }
}

/// What a participant may use on the whiteboard. The vendor reads and writes it as one flag or as six.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Whiteboard {
    /// Adding files.
    pub add_file: bool,
    /// The cursor.
    pub cursor: bool,
    /// Writing.
    pub text: bool,
    /// Shapes.
    pub shape: bool,
    /// Drawing by hand.
    pub pen: bool,
    /// Wiping out.
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
        /// Writing.
        text,
        /// Shapes.
        shape,
        /// Drawing by hand.
        pen,
        /// Wiping out.
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
    fn tools_that_are_not_mentioned_are_off() {
        let tools: Tools = serde_json::from_value(json!({"chat": true, "new_tool": true})).unwrap();
        assert_eq!(tools, Tools::none().chat(true));
    }

    #[test]
    fn the_whiteboard_is_one_flag_or_six() {
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
    fn signing_is_sent_only_when_it_is_on() {
        assert!(serde_json::to_value(Tools::all()).unwrap().get("sign").is_none());
        assert_eq!(serde_json::to_value(Tools::none().sign(true)).unwrap()["sign"], json!(true));
    }
}
