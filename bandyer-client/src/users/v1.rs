use serde::Serialize;
use serde_with::skip_serializing_none;

use super::json::avatar;
use crate::http::call::{Call, Wire};
use crate::http::decode::{DecodeFailure, items, json, json_at, missing, nothing};
use crate::http::multipart::Part;
use crate::operations::Operation;
use crate::types::file::File;
use crate::types::ids::UserId;
use crate::types::model::Fields;
use crate::types::page::Page;
use crate::users::{Language, NewUser, Role, User, UserChange};

#[skip_serializing_none]
#[derive(Serialize)]
struct Body<'a> {
    id: Option<&'a UserId>,
    role: Option<&'a Role>,
    language: Option<&'a Language>,
    can_video: Option<bool>,
}

fn user(body: &[u8]) -> Result<User, DecodeFailure> {
    json_at(body, "user")
}

pub(crate) fn create(new: &NewUser) -> Wire<User> {
    let body =
        Body { id: new.id.as_ref(), role: Some(&new.role), language: new.language.as_ref(), can_video: new.camera };
    Call::v1(Operation::CreateUser, &[]).json(&body).idempotent(new.id.is_some()).decode_with(user)
}

pub(crate) fn get(id: &UserId) -> Wire<User> {
    Call::v1(Operation::GetUser, &[id.as_str()]).decode_with(user)
}

pub(crate) fn list() -> Wire<Page<User>> {
    Call::v1(Operation::ListUsers, &[]).decode_with(|body| {
        let (ids, skipped) = items(&json(body)?, &["user_id_list"])?;
        Ok(Page::complete(ids.into_iter().map(User::new).collect(), skipped))
    })
}

pub(crate) fn update(id: &UserId, change: &UserChange) -> Wire<User> {
    let body =
        Body { id: None, role: change.role.as_ref(), language: change.language.as_ref(), can_video: change.camera };
    Call::v1(Operation::UpdateUser, &[id.as_str()]).json(&body).decode_with(user)
}

pub(crate) fn delete(id: &UserId) -> Wire<()> {
    Call::v1(Operation::DeleteUser, &[id.as_str()]).decode_with(nothing)
}

pub(crate) fn set_avatar(id: &UserId, picture: &File) -> Wire<Option<String>> {
    Call::v1(Operation::SetAvatar, &[id.as_str()]).form(&[Part::File("avatar", picture)]).decode_with(avatar)
}

pub(crate) fn set_camera_for_all(allowed: bool) -> Wire<u64> {
    let body = Body { id: None, role: None, language: None, can_video: Some(allowed) };
    Call::v1(Operation::SetCameraForAll, &[]).json(&body).decode_with(|body| {
        let users: Fields = json_at(body, "users")?;
        users.first(&["count"]).ok_or_else(|| missing("users.count"))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{create, get, list, update};
    use crate::http::call::Call;
    use crate::types::ids::UserId;
    use crate::users::{Language, NewUser, Role, UserChange};

    fn body(call: &Call) -> Value {
        call.json_body()
    }

    #[test]
    fn creation_omits_unset_fields() {
        let mut new = NewUser { role: Role::Basic, id: None, language: None, camera: None };
        let wire = create(&new);
        assert_eq!((wire.call.method.as_str(), wire.call.segments.join("/")), ("POST", "user/create".into()));
        assert_eq!(body(&wire.call), json!({"role": "basic"}));
        assert!(!wire.call.idempotent);

        new.id = Some(UserId::new("pat-0042").unwrap());
        new.language = Some(Language::Italian);
        new.camera = Some(false);
        let wire = create(&new);
        assert_eq!(body(&wire.call), json!({"id": "pat-0042", "role": "basic", "language": "it", "can_video": false}));
        assert!(wire.call.idempotent);
    }

    #[test]
    fn update_omits_unset_fields() {
        let change = UserChange { camera: Some(true), ..UserChange::default() };
        let wire = update(&UserId::new("a").unwrap(), &change);
        assert_eq!((wire.call.method.as_str(), wire.call.segments.join("/")), ("PUT", "user/update/a".into()));
        assert_eq!(body(&wire.call), json!({"can_video": true}));
    }

    #[test]
    fn documented_response_is_decoded() {
        let response = json!({"user": {"id": "pat-0042", "role": "basic", "can_video": "1", "language": "it",
            "firstName": "", "creation_date": "2024-03-05T09:12:30.000Z"}, "id": "pat-0042"});
        let user = (get(&UserId::new("x").unwrap()).decoder)(response.to_string().as_bytes()).unwrap();
        assert_eq!(user.id, "pat-0042");
        assert_eq!((user.role, user.language, user.camera), (Some(Role::Basic), Some(Language::Italian), Some(true)));
        assert_eq!(user.created_at.unwrap().as_second(), 1_709_629_950);
    }

    #[test]
    fn list_is_one_page_of_ids() {
        let page = (list().decoder)(br#"{"user_id_list": ["a", "b"]}"#).unwrap();
        assert_eq!(page.items.iter().map(|user| user.id.as_str()).collect::<Vec<_>>(), ["a", "b"]);
        assert!(!page.has_more);
    }
}
