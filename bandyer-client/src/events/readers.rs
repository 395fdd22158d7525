//! Fields whose encoding differs between the webhook versions.

use serde_json::{Value, json};

use crate::types::ids::{RoomId, UserId};
use crate::types::model::{Field, Fields, Lenient};

/// The number of users, or a list of users to count.
pub(super) mod user_count {
    use super::{Field, Fields, Value};

    pub(crate) fn read(fields: &Fields, names: &[&str]) -> Option<u32> {
        let counted = |name: &&str| fields.get(name)?.as_array()?.len().try_into().ok();
        names.iter().find_map(|name| fields.first(&[name]).or_else(|| counted(name)))
    }

    pub(crate) fn write(count: &Option<u32>) -> Option<Value> {
        count.write()
    }
}

/// The room of a user who joined or left: an id in version 1, an object with a count of users in version 0.
fn room(fields: &Fields) -> Fields {
    fields.first(&["room", "room_id"]).unwrap_or_default()
}

pub(super) mod place {
    use super::{Fields, RoomId, room};

    pub(crate) fn read(fields: &Fields, names: &[&str]) -> Option<RoomId> {
        fields.first(names).or_else(|| room(fields).first(&["room_id"]))
    }
}

pub(super) mod present_users {
    use super::{Field, Fields, Value, room};

    pub(crate) fn read(fields: &Fields, names: &[&str]) -> Option<u32> {
        fields.first(names).or_else(|| room(fields).first(&["connected_users"]))
    }

    pub(crate) fn write(count: &Option<u32>) -> Option<Value> {
        count.write()
    }
}

/// The users who are called: ids, or objects with a user.
struct Invited(UserId);

impl Lenient for Invited {
    fn read(value: &Value) -> Option<Self> {
        let in_object = || Fields::read(value)?.first::<Fields>(&["user"])?.first(&["userAlias", "user_id"]);
        UserId::read(value).or_else(in_object).map(Self)
    }

    fn write(&self) -> Value {
        json!({"user": {"userAlias": self.0.write()}})
    }
}

pub(super) mod invited {
    use super::{Field, Fields, Invited, UserId, Value};

    pub(crate) fn read(fields: &Fields, names: &[&str]) -> Vec<UserId> {
        Vec::<Invited>::read(fields, names).into_iter().map(|Invited(id)| id).collect()
    }

    pub(crate) fn write(users: &[UserId]) -> Option<Value> {
        users.iter().cloned().map(Invited).collect::<Vec<_>>().write()
    }
}
