use crate::activity::{Activity, ActivityFilter};
use crate::http::call::iso_millis;
use crate::http::call::{Call, Wire};
use crate::http::decode::page;
use crate::operations::Operation;
use crate::types::page::Page;
use crate::types::page::Window;

pub(crate) fn list(filter: &ActivityFilter, window: Window) -> Wire<Page<Activity>> {
    Call::v1(Operation::ListActivity, &[])
        .filter_window(window)
        .query("filter[user_alias]", filter.user.as_ref())
        .query("filter[room_alias]", filter.room.as_ref())
        .query("filter[activity_type]", filter.kind.as_ref())
        .query("filter[date_from]", filter.from.map(iso_millis))
        .query("filter[date_to]", filter.to.map(iso_millis))
        .decode_with(page(window, "activities"))
}
