//! Encodings of people: an id, or an object with an id.

use serde_json::Value;

use crate::types::ids::UserId;
use crate::types::model::{Fields, Lenient};

struct Person(UserId);

impl Lenient for Person {
    fn read(value: &Value) -> Option<Self> {
        let in_object = || Fields::read(value)?.first(&["id", "user_id"]);
        UserId::read(value).or_else(in_object).map(Self)
    }

    fn write(&self) -> Value {
        self.0.write()
    }
}

pub(super) mod person {
    use super::{Fields, Person, UserId, Value};
    use crate::types::model::Field;

    pub(crate) fn read(fields: &Fields, names: &[&str]) -> Option<UserId> {
        fields.first(names).map(|Person(id)| id)
    }

    pub(crate) fn write(person: &Option<UserId>) -> Option<Value> {
        person.write()
    }
}

pub(super) mod people {
    use super::{Fields, Person, UserId, Value};
    use crate::types::model::Field;

    pub(crate) fn read(fields: &Fields, names: &[&str]) -> Vec<UserId> {
        Vec::<Person>::read(fields, names).into_iter().map(|Person(id)| id).collect()
    }

    pub(crate) fn write(people: &Vec<UserId>) -> Option<Value> {
        people.write()
    }
}
