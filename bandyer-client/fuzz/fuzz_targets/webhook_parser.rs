//! Parsing arbitrary bodies does not panic, the debug output of an event stays short, and what is written can be read again.
#![no_main]

use bandyer_client::{events, user_details};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    if let Ok(notification) = events::parse(body) {
        let shown = format!("{notification:?}");
        assert!(shown.len() < 4096 + notification.event.name().len() * 8);
        let written = serde_json::to_vec(&notification).expect("an event is JSON");
        let again = events::parse(&written).expect("what is written can be read");
        assert_eq!(again.event.name(), notification.event.name());
    }
    let _ = user_details::parse(body);
});
