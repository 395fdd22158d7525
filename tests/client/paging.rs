//! Lists, with the vendor's three paging methods: single pages and streams.

use std::sync::atomic::{AtomicU32, Ordering};

use bandyer_client::{ApiVersion, ErrorKind};
use httpmock::MockServer;
use serde_json::{Value, json};

use crate::support::{client_of, room, user, v2};

/// Mocks the response to requests for this path with exactly these paging parameters.
async fn page(
    server: &MockServer,
    path: &'static str,
    pairs: &'static [(&'static str, &'static str)],
    response: Value,
) {
    const NAMES: [&str; 6] = ["offset", "skip", "limit", "filter[skip]", "filter[limit]", "page_token"];
    server
        .mock_async(move |when, then| {
            let mut when = when.method("GET").path(path);
            for name in NAMES {
                when = match pairs.iter().find(|pair| pair.0 == name) {
                    Some((_, value)) => when.query_param(name, *value),
                    None => when.query_param_missing(name),
                };
            }
            then.status(200).json_body(response);
        })
        .await;
}

#[tokio::test]
async fn a_page_is_requested_by_offset_and_size() {
    for (version, path, offset, id) in
        [(ApiVersion::V1, "/rest/room/list", "skip", "room_id"), (ApiVersion::V2, "/v2/rooms", "offset", "id")]
    {
        let server = MockServer::start_async().await;
        let requested = server
            .mock_async(|when, then| {
                when.method("GET").path(path).query_param(offset, "40").query_param("limit", "10");
                then.status(200).json_body(json!({"rooms": [{id: "r"}], offset: 40, "has_more": true}));
            })
            .await;
        let page = client_of(&server, version).rooms().list().offset(40).page_size(10).send().await.unwrap();
        assert_eq!((page.offset, page.has_more, page.next_offset()), (40, true, Some(41)));
        requested.assert_calls_async(1).await;
    }
}

#[tokio::test]
async fn a_stream_reads_all_pages_and_skips_empty_ones() {
    let server = MockServer::start_async().await;
    // The vendor may return short pages. An empty page is skipped by its `limit`.
    page(&server, "/v2/users", &[("limit", "100")], json!({"users": [{"id": "a"}, {"id": "b"}], "has_more": true}))
        .await;
    page(
        &server,
        "/v2/users",
        &[("offset", "2"), ("limit", "100")],
        json!({"users": [], "limit": 5, "has_more": true}),
    )
    .await;
    page(
        &server,
        "/v2/users",
        &[("offset", "7"), ("limit", "100")],
        json!({"users": [], "limit": 20, "has_more": true}),
    )
    .await;
    page(
        &server,
        "/v2/users",
        &[("offset", "27"), ("limit", "100")],
        json!({"users": [{"id": "c"}], "has_more": false}),
    )
    .await;
    let users: Vec<_> = v2(&server).users().list().into_stream().try_collect().await.unwrap();
    assert_eq!(users.iter().map(|user| user.id.as_str()).collect::<Vec<_>>(), ["a", "b", "c"]);

    let first = &[("limit", "3")];
    page(&server, "/rest/room/list", first, json!({"rooms": [{"room_id": "a"}], "skip": 0, "has_more": true})).await;
    let empty = &[("skip", "1"), ("limit", "3")];
    page(&server, "/rest/room/list", empty, json!({"rooms": [], "skip": 1, "has_more": true})).await;
    let last = &[("skip", "4"), ("limit", "3")];
    page(&server, "/rest/room/list", last, json!({"rooms": [{"room_id": "b"}], "skip": 4, "has_more": false})).await;
    let v1 = client_of(&server, ApiVersion::V1);
    let rooms: Vec<_> = v1.rooms().list().page_size(3).into_stream().try_collect().await.unwrap();
    assert_eq!(rooms.into_iter().map(|room| room.id).collect::<Vec<_>>(), [room("a"), room("b")]);
}

#[tokio::test]
async fn a_list_without_totals_ends_at_a_page_that_is_not_full() {
    let server = MockServer::start_async().await;
    let path = "/rest/user/room/list/d";
    let rooms = |ids: &[&str]| json!({"room_list": ids.iter().map(|id| json!({"room_id": id})).collect::<Vec<_>>()});
    page(&server, path, &[("filter[limit]", "2")], rooms(&["a", "b"])).await;
    page(&server, path, &[("filter[skip]", "2"), ("filter[limit]", "2")], rooms(&["c"])).await;
    page(&server, path, &[("filter[limit]", "100")], rooms(&["a", "b", "c"])).await;
    let client = client_of(&server, ApiVersion::V1);
    let all = [room("a"), room("b"), room("c")];
    for list in [client.v1().users().rooms(&user("d")).page_size(2), client.v1().users().rooms(&user("d"))] {
        let rooms: Vec<_> = list.into_stream().try_collect().await.unwrap();
        assert_eq!(rooms.into_iter().map(|room| room.id).collect::<Vec<_>>(), all);
    }
}

#[tokio::test]
async fn messages_are_paged_by_token_across_empty_pages() {
    let server = MockServer::start_async().await;
    let path = "/rest/chat/messages";
    let messages = |texts: &[&str], next: Value| {
        json!({"messages": texts.iter().map(|text| json!({"body": text, "from": "d"})).collect::<Vec<_>>(),
        "meta": {"page_number": 0, "next": next}})
    };
    let to = |token: &str| json!({"page_number": "1", "page_size": "2", "page_token": token});
    page(&server, path, &[], messages(&["a", "b"], to("t1"))).await;
    page(&server, path, &[("page_token", "t1")], messages(&[], to("t2"))).await;
    page(&server, path, &[("page_token", "t2")], messages(&["c"], Value::Null)).await;
    let client = client_of(&server, ApiVersion::V1);
    let read: Vec<_> = client.v1().chats().messages(&[user("d"), user("p")]).into_stream().try_collect().await.unwrap();
    assert_eq!(read.iter().map(|message| message.text.as_str()).collect::<Vec<_>>(), ["a", "b", "c"]);
}

#[tokio::test]
async fn an_endless_series_of_empty_message_pages_is_an_error() {
    let server = MockServer::start_async().await;
    let requested = AtomicU32::new(0);
    let endless = server
        .mock_async(|when, then| {
            when.path("/rest/chat/messages");
            then.respond_with(move |_| {
                let number = requested.fetch_add(1, Ordering::Relaxed);
                let body = json!({"meta": {"next": {"page_number": number, "page_token": "t"}}, "messages": []});
                httpmock::HttpMockResponse::builder().status(200).body(body.to_string()).build()
            });
        })
        .await;
    let client = client_of(&server, ApiVersion::V1);
    let messages = client.v1().chats().messages(&[user("d"), user("p")]);
    let error = messages.into_stream().try_collect().await.unwrap_err();
    assert_eq!((error.kind(), error.operation()), (ErrorKind::Decode, "list chat messages"));
    assert!(endless.calls_async().await < 20);
}

#[tokio::test]
async fn a_page_without_metadata_is_assumed_to_be_as_requested() {
    let server = MockServer::start_async().await;
    let full = json!({"sessions": [{"id": "s"}, {"id": "t"}]});
    page(&server, "/v2/sessions", &[("offset", "40"), ("limit", "2")], full).await;
    let page = v2(&server).sessions().list().offset(40).page_size(2).send().await.unwrap();
    assert_eq!((page.offset, page.has_more, page.next_offset()), (40, true, Some(42)));
}

#[tokio::test]
async fn an_endless_series_of_empty_pages_is_an_error() {
    let server = MockServer::start_async().await;
    let pages = server
        .mock_async(|when, then| {
            when.path("/v2/rooms");
            then.status(200).json_body(json!({"rooms": [], "has_more": true}));
        })
        .await;
    let error = v2(&server).rooms().list().into_stream().try_collect().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Decode);
    assert!(pages.calls_async().await < 20);
}

#[tokio::test]
async fn a_message_page_that_links_to_itself_is_an_error() {
    let server = MockServer::start_async().await;
    let any = server
        .mock_async(|_, then| {
            let cursor = json!({"page_number": "1", "page_token": "t"});
            then.status(200).json_body(json!({"meta": {"next": cursor}, "messages": [{"body": "x"}]}));
        })
        .await;
    let client = client_of(&server, ApiVersion::V1);
    let messages = client.v1().chats().messages(&[user("d"), user("p")]);
    let error = messages.into_stream().try_collect().await.unwrap_err();
    assert_eq!((error.kind(), error.operation()), (ErrorKind::Decode, "list chat messages"));
    any.assert_calls_async(2).await;
}

#[tokio::test]
async fn the_offset_of_the_next_page_does_not_overflow() {
    let server = MockServer::start_async().await;
    server
        .mock_async(|_, then| {
            then.status(200).json_body(json!({"rooms": [], "offset": u64::MAX, "has_more": true}));
        })
        .await;
    let page = v2(&server).rooms().list().send().await.unwrap();
    assert_eq!(page.next_offset(), Some(u64::MAX));
}
