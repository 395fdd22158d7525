//! The API key is sent in a custom header, which must never reach the target of a redirect.

use bandyer_client::ErrorKind;
use httpmock::MockServer;

use crate::support::{builder, user};

#[tokio::test]
async fn redirects_are_not_followed() {
    for status in [301, 302, 303, 307, 308] {
        let (vendor, other) = (MockServer::start_async().await, MockServer::start_async().await);
        let elsewhere = other
            .mock_async(|_, then| {
                then.status(200).body(r#"{"id": "d"}"#);
            })
            .await;
        // The same machine with another name is another host.
        let location = format!("http://localhost:{}/v2/users/d", other.port());
        let redirect = vendor
            .mock_async(|_, then| {
                then.status(status).header("location", location.as_str());
            })
            .await;
        let client = builder(&format!("http://127.0.0.1:{}", vendor.port())).build().unwrap();
        let error = client.users().get(&user("d")).send().await.unwrap_err();
        assert_eq!((error.kind(), error.status().unwrap().as_u16()), (ErrorKind::Api, status));
        redirect.assert_calls_async(1).await;
        elsewhere.assert_calls_async(0).await;
    }
}
