use serde::Serialize;
use serde_with::skip_serializing_none;

use super::json::avatar;
use crate::http::call::{Call, Wire};
use crate::http::decode::{DecodeFailure, json, json_or, nothing, page};
use crate::http::multipart::Part;
use crate::operations::Operation;
use crate::types::file::File;
use crate::types::ids::UserId;
use crate::types::page::Page;
use crate::types::page::Window;
use crate::users::{Language, NewUser, Role, User, UserChange};

#[skip_serializing_none]
#[derive(Serialize)]
struct Body<'a> {
    id: Option<&'a UserId>,
    role: Option<&'a Role>,
    language: Option<&'a Language>,
    allow_camera: Option<bool>,
    active: Option<bool>,
}

fn user(body: &[u8]) -> Result<User, DecodeFailure> {
    json(body)
}

pub(crate) fn create(new: &NewUser) -> Wire<User> {
    let body = Body {
        id: new.id.as_ref(),
        role: Some(&new.role),
        language: new.language.as_ref(),
        allow_camera: new.camera,
        active: None,
    };
    Call::v2(Operation::CreateUser, &[]).json(&body).idempotent(new.id.is_some()).decode_with(user)
}

pub(crate) fn get(id: &UserId) -> Wire<User> {
    Call::v2(Operation::GetUser, &[id.as_str()]).decode_with(user)
}

pub(crate) fn list(window: Window) -> Wire<Page<User>> {
    Call::v2(Operation::ListUsers, &[]).offset_and_limit(window).decode_with(page(window, "users"))
}

pub(crate) fn update(id: &UserId, change: &UserChange) -> Wire<User> {
    let body = Body {
        id: None,
        role: change.role.as_ref(),
        language: change.language.as_ref(),
        allow_camera: change.camera,
        active: change.active,
    };
    let id = id.clone();
    Call::v2(Operation::UpdateUser, &[id.as_str()])
        .json(&body)
        .decode_with(move |body| json_or(body, user, || User::new(id.clone())))
}

pub(crate) fn delete(id: &UserId) -> Wire<()> {
    Call::v2(Operation::DeleteUser, &[id.as_str()]).decode_with(nothing)
}

pub(crate) fn set_avatar(id: &UserId, picture: &File) -> Wire<Option<String>> {
    Call::v2(Operation::SetAvatar, &[id.as_str()]).form(&[Part::File("avatar", picture)]).decode_with(avatar)
}

pub(crate) fn delete_avatar(id: &UserId) -> Wire<()> {
    Call::v2(Operation::DeleteAvatar, &[id.as_str()]).decode_with(nothing)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{create, get, list, update};
    use crate::http::call::Call;
    use crate::types::ids::UserId;
    use crate::types::page::Window;
    use crate::users::{NewUser, Role, UserChange};

    fn body(call: &Call) -> Value {
        call.json_body()
    }

    #[test]
    fn creation_uses_the_v2_name_of_the_camera_flag() {
        let new = NewUser { role: Role::Plus, id: UserId::new("d").ok(), language: None, camera: Some(true) };
        let wire = create(&new);
        assert_eq!((wire.call.method.as_str(), wire.call.segments.join("/")), ("POST", "users".into()));
        assert_eq!(body(&wire.call), json!({"id": "d", "role": "plus", "allow_camera": true}));
        assert!(wire.call.idempotent);
    }

    #[test]
    fn unknown_fields_are_ignored() {
        use proptest::prelude::*;
        const KNOWN: [&str; 8] =
            ["id", "user_id", "role", "language", "allow_camera", "active", "avatar_url", "creation_date"];
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            any::<i64>().prop_map(Into::into),
            any::<String>().prop_map(Into::into),
        ];
        let value = leaf.prop_recursive(3, 16, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(serde_json::Value::from),
                prop::collection::hash_map(any::<String>(), inner, 0..4).prop_map(|map| map.into_iter().collect()),
            ]
        });
        proptest!(|(name in any::<String>(), value in value)| {
            prop_assume!(!KNOWN.contains(&name.as_str()));
            let mut response = json!({"id": "d", "role": "plus", "active": true});
            response[name] = value;
            let user = super::user(response.to_string().as_bytes()).unwrap();
            prop_assert_eq!((user.id.as_str(), user.role, user.active), ("d", Some(Role::Plus), Some(true)));
        });
    }

    #[test]
    fn update_can_deactivate_a_user() {
        let change = UserChange { active: Some(false), ..UserChange::default() };
        let wire = update(&UserId::new("d").unwrap(), &change);
        assert_eq!((wire.call.method.as_str(), wire.call.segments.join("/")), ("PUT", "users/d".into()));
        assert_eq!(body(&wire.call), json!({"active": false}));
    }

    #[test]
    fn only_the_id_is_required() {
        let user = (get(&UserId::new("x").unwrap()).decoder)(br#"{"id": "d"}"#).unwrap();
        assert_eq!(user.id, "d");
        assert_eq!((user.role, user.active, user.avatar_url), (None, None, None));
    }

    #[test]
    fn page_contains_its_offset_and_has_more() {
        let wire = list(Window { offset: 40, page_size: Some(20) });
        assert_eq!(wire.call.query, [("offset".into(), "40".into()), ("limit".into(), "20".into())]);
        let response = json!({"users": [{"id": "a"}, {"id": "b", "avatar_url": "https://static.example/a.png"}],
            "offset": 40, "limit": 20, "has_more": true, "count": 2});
        let page = (wire.decoder)(response.to_string().as_bytes()).unwrap();
        assert_eq!((page.items.len(), page.offset, page.has_more), (2, 40, true));
        assert_eq!(page.next_offset(), Some(42));
        assert!(list(Window::default()).call.query.is_empty());
    }
}
