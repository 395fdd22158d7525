//! The text by which a vendor room is recognized: `tc1.<deployment>.<attempt>`. Opaque, without personal data.

use jiff::Timestamp;

const FORMAT: &str = "tc1";

/// The prefix of all markers of a deployment.
pub(super) fn prefix(deployment: &str) -> String {
    format!("{FORMAT}.{deployment}.")
}

pub(super) fn marker(deployment: &str, attempt: &str) -> String {
    format!("{}{attempt}", prefix(deployment))
}

/// The attempt that a marker of this deployment names. `None` for other markers.
pub(super) fn attempt_of<'a>(marker: &'a str, deployment: &str) -> Option<&'a str> {
    marker.strip_prefix(&prefix(deployment)).filter(|attempt| !attempt.is_empty())
}

pub(super) fn new_attempt_id() -> String {
    uuid::Uuid::now_v7().simple().to_string()
}

/// When an attempt began: its id contains the time.
pub(super) fn begun_at(attempt: &str) -> Option<Timestamp> {
    let (seconds, nanos) = uuid::Uuid::try_parse(attempt).ok()?.get_timestamp()?.to_unix();
    Timestamp::new(i64::try_from(seconds).ok()?, i32::try_from(nanos).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::{attempt_of, marker};

    #[test]
    fn only_markers_of_the_same_deployment_are_recognized() {
        assert_eq!(attempt_of(&marker("d1", "a"), "d1"), Some("a"));
        for foreign in [marker("d2", "a"), marker("d1", ""), "visit".into(), "tc1.d1".into(), "tc2.d1.a".into()] {
            assert_eq!(attempt_of(&foreign, "d1"), None, "{foreign}");
        }
    }
}
