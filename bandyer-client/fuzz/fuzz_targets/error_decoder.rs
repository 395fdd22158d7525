//! Decoding an arbitrary error body does not panic, and the decoded fields have bounded lengths.
#![no_main]

use bandyer_client::fuzzing::decode_error;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    let error = decode_error(body);
    assert!(error.message.is_none_or(|message| message.len() <= 2048));
    for word in [error.code, error.name].into_iter().flatten() {
        assert!(word.len() <= 64 && word.is_ascii() && !word.contains(char::is_whitespace));
    }
});
