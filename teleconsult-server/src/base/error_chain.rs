//! The text of an error together with its causes.

use std::error::Error;

/// The error and its causes, separated by colons. A cause that an error above it already quotes is left out: many libraries
/// do both.
#[must_use]
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(error) = next {
        let cause = error.to_string();
        if !text.contains(&cause) {
            text.push_str(": ");
            text.push_str(&cause);
        }
        next = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use std::error::Error;

    use super::chain;

    #[derive(Debug, thiserror::Error)]
    #[error("{0}")]
    struct Level(&'static str, #[source] Option<Box<dyn Error>>);

    fn error(levels: &[&'static str]) -> Option<Box<dyn Error>> {
        let (first, rest) = levels.split_first()?;
        Some(Box::new(Level(first, error(rest))))
    }

    #[test]
    fn a_cause_that_is_quoted_above_is_printed_once() {
        for (levels, expected) in [
            (&["a", "b", "c"][..], "a: b: c"),
            (&["no start: disk full", "disk full"], "no start: disk full"),
            (&["no start: disk full", "disk full", "code 28"], "no start: disk full: code 28"),
            (&["disk", "disk", "no disk"], "disk: no disk"),
        ] {
            assert_eq!(chain(&*error(levels).unwrap()), expected);
        }
    }
}
