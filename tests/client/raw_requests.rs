//! Requests to paths that the crate has no method for, and fields that it does not know.

use bandyer_client::{ErrorKind, File, FormField, RoomId};
use http::{HeaderValue, Method};
use httpmock::MockServer;
use serde_json::{Value, json};

use crate::support::{RawServer, Then, v2};

const NO_CONTENT: Then = Then::Send("HTTP/1.1 204 No Content\r\n\r\n");

#[tokio::test]
async fn a_response_without_content_is_decoded_as_null() {
    for step in [NO_CONTENT, Then::Send("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n\r\n")] {
        let server = RawServer::start(Box::leak(Box::new([step]))).await;
        let client = server.client().build().unwrap();
        let request = || client.request(Method::DELETE, &["things", "1"]);
        assert_eq!(request().decode::<Value>().await.unwrap(), Value::Null);
        assert_eq!(request().decode::<Option<String>>().await.unwrap(), None);
        request().decode::<()>().await.unwrap();
        let error = request().decode::<String>().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Decode);
    }
}

#[tokio::test]
async fn bodies_of_bytes_and_of_form_fields_are_sent_as_given() {
    let server = RawServer::start(&[NO_CONTENT]).await;
    let client = server.client().build().unwrap();
    let csv = HeaderValue::from_static("text/csv");
    client.request(Method::POST, &["imports"]).body(csv, "id,role\n").bytes().await.unwrap();
    let file = File::new("a.txt", "text/plain", "hello").unwrap();
    let fields = [FormField::text("the\"me", "dark"), FormField::file("logo", file)];
    assert!(!format!("{fields:?}").contains("dark"));
    client.request(Method::PUT, &["logo"]).form(fields).bytes().await.unwrap();
    let requests = server.received();
    assert!(requests[0].contains("content-type: text/csv\r\n") && requests[0].ends_with("\r\n\r\nid,role\n"));
    assert!(requests[1].contains("content-type: multipart/form-data; boundary="));
    assert!(requests[1].contains("name=\"the%22me\"\r\n\r\ndark\r\n"), "{}", requests[1]);
    assert!(requests[1].contains("name=\"logo\"; filename=\"a.txt\"\r\ncontent-type: text/plain\r\n\r\nhello\r\n"));
}

#[tokio::test]
async fn fields_that_the_crate_does_not_know_can_be_read_from_a_response() {
    let server = MockServer::start_async().await;
    server
        .mock_async(|_, then| {
            then.status(200).header("x-request-id", "id-7").json_body(json!({"id": "r", "dial_in": "+39 02 1234"}));
        })
        .await;
    let response = v2(&server).rooms().get(&RoomId::new("r").unwrap()).send_with_response().await.unwrap();
    assert_eq!(response.body().id, "r");
    assert_eq!(response.json::<Value>().unwrap()["dial_in"], "+39 02 1234");
    assert!(response.bytes().starts_with(b"{"));
    let error = response.json::<Vec<String>>().unwrap_err();
    assert_eq!((error.kind(), error.request_id(), error.attempts()), (ErrorKind::Decode, Some("id-7"), 1));
}
