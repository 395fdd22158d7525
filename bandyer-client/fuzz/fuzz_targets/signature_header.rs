//! The verifier accepts only headers created with the key, and no header makes it panic.
#![no_main]

use bandyer_client::ApiKey;
use bandyer_client::events::{Verifier, sign};
use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (&str, &[u8])| {
    let (header, body) = input;
    let key = ApiKey::from("ak_test_0123456789ab");
    let now = Timestamp::UNIX_EPOCH;
    let Ok(verifier) = Verifier::new(key.clone()) else { return };
    let genuine = sign(&key, body, now);
    assert!(verifier.verify(&genuine, body, now).is_ok());
    if verifier.verify(header, body, now).is_ok() {
        // An accepted header must contain the genuine signature.
        let signature = genuine.split("v0=").nth(1).unwrap_or_default();
        assert!(header.to_lowercase().contains(signature));
    }
    let _ = verifier.verify_room_id(header, header);
});
