//! Parsing arbitrary bodies does not panic, and the debug output of an event stays short.
#![no_main]

use bandyer_client::{user_details, webhook};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    if let Ok(notification) = events::parse(body) {
        let shown = format!("{notification:?}");
        assert!(shown.len() < 4096 + notification.event.name().len() * 8);
    }
    let _ = user_details::parse(body);
});
