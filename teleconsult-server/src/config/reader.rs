//! Reads variables one by one and collects what is wrong with them.
//!
//! A value that is wrong is reported and replaced by its default, so that reading goes on and finds the next problem.

use std::fmt::Display;
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

use http::HeaderName;

use super::problem::{Problem, Problems, Source};
use crate::base::networks::Networks;
use crate::http::origins::Origins;

pub(super) struct Reader<'a> {
    lookup: &'a dyn Fn(&str) -> Option<String>,
    problems: Vec<Problem>,
    warnings: Vec<String>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(lookup: &'a dyn Fn(&str) -> Option<String>) -> Self {
        Self { lookup, problems: Vec::new(), warnings: Vec::new() }
    }

    /// The warnings, unless there are problems.
    pub(super) fn finish(self) -> Result<Vec<String>, Problems> {
        if self.problems.is_empty() { Ok(self.warnings) } else { Err(self.into_problems()) }
    }

    pub(super) fn into_problems(self) -> Problems {
        Problems(self.problems)
    }

    /// Warnings and problems.
    #[cfg(test)]
    pub(super) fn found(self) -> (Vec<String>, Vec<String>) {
        (self.warnings, self.problems.iter().map(ToString::to_string).collect())
    }

    pub(super) fn problem(&mut self, place: &str, message: &str) {
        let source = if (self.lookup)(place).is_some() { Source::Environment } else { Source::Unset };
        self.problems.push(Problem { place: place.to_owned(), message: message.to_owned(), source });
    }

    /// A problem inside the file that a variable names.
    pub(super) fn file_problem(&mut self, place: &str, path: &str, key: &str, message: &str) {
        let source = Source::File { path: path.to_owned(), key: key.to_owned() };
        self.problems.push(Problem { place: place.to_owned(), message: message.to_owned(), source });
    }

    pub(super) fn warning(&mut self, warning: String) {
        self.warnings.push(warning);
    }

    /// A variable that is set to something. An empty one counts as not set, as in many deployment templates.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        (self.lookup)(name).filter(|value| !value.is_empty())
    }

    /// Whether a variable is set to nothing.
    pub(super) fn is_empty(&self, name: &str) -> bool {
        (self.lookup)(name).is_some_and(|value| value.is_empty())
    }

    pub(super) fn required(&mut self, name: &str) -> Option<String> {
        let value = self.text(name);
        if value.is_none() {
            self.problem(name, if self.is_empty(name) { "is empty" } else { "must be set" });
        }
        value
    }

    /// A secret that must be set. Files and templates of secrets often end with a line break, which belongs to none.
    pub(super) fn required_secret(&mut self, name: &str) -> Option<String> {
        let value = self.required(name)?;
        let secret = value.trim_end_matches(['\r', '\n']);
        let is_quoted = |quote| secret.len() > 1 && secret.starts_with(quote) && secret.ends_with(quote);
        if is_quoted('"') || is_quoted('\'') {
            self.warning(format!("{name} is in quotes, which are sent as a part of it"));
        }
        Some(secret.to_owned())
    }

    /// The value of a variable that has no text of its own. Ours count as not set when they are empty; the predecessor refuses
    /// to start with its own.
    fn value(&self, name: &str) -> Option<String> {
        (self.lookup)(name).filter(|value| !value.is_empty() || !name.starts_with("TELECONSULT_"))
    }

    fn parsed<T: FromStr>(&mut self, name: &str, expected: impl Display, good: impl Fn(&T) -> bool, default: T) -> T {
        let Some(text) = self.text(name) else { return default };
        match text.parse().ok().filter(good) {
            Some(value) => value,
            None => {
                self.problem(name, &format!("must be {expected}"));
                default
            }
        }
    }

    /// Only `true` and `false`, as in the predecessor: a typing mistake must not silently mean no.
    pub(super) fn boolean(&mut self, name: &str, default: bool) -> bool {
        match self.value(name).as_deref() {
            None => default,
            Some("true") => true,
            Some("false") => false,
            Some(_) => {
                self.problem(name, "must be true or false");
                default
            }
        }
    }

    pub(super) fn number(&mut self, name: &str, default: f64) -> f64 {
        if self.value(name).is_some_and(|value| value.is_empty()) {
            self.problem(name, "must be a number");
            return default;
        }
        self.parsed(name, "a number", |number: &f64| number.is_finite(), default)
    }

    /// A whole number of any integer type.
    pub(super) fn count<T>(&mut self, name: &str, range: RangeInclusive<T>, default: T) -> T
    where
        T: FromStr + PartialOrd + Display,
    {
        let expected = format!("a whole number from {} to {}", range.start(), range.end());
        self.parsed(name, expected, |number| range.contains(number), default)
    }

    pub(super) fn seconds(&mut self, name: &str, range: RangeInclusive<u64>, default: Duration) -> Duration {
        let expected = format!("a whole number of seconds from {} to {}", range.start(), range.end());
        Duration::from_secs(self.parsed(name, expected, |number| range.contains(number), default.as_secs()))
    }

    pub(super) fn port(&mut self, name: &str, default: u16) -> u16 {
        self.count(name, 0..=u16::MAX, default)
    }

    pub(super) fn one_of(&mut self, name: &str, allowed: &[&str], default: &str) -> String {
        let expected = format!("one of {}", allowed.join(", "));
        self.parsed(name, expected, |text: &String| allowed.contains(&text.as_str()), default.to_owned())
    }

    pub(super) fn address(&mut self, name: &str, default: IpAddr) -> IpAddr {
        self.parsed(name, "an IP address", |_| true, default)
    }

    pub(super) fn header(&mut self, name: &str, default: HeaderName) -> HeaderName {
        self.parsed(name, "a header name", |_| true, default)
    }

    /// A path, without the slash at its end; the root is no prefix at all.
    pub(super) fn prefix(&mut self, name: &str) -> String {
        let text = self.text(name).unwrap_or_default();
        // `/` alone is no prefix, as in many deployment templates. Of more slashes, none is dropped silently.
        let prefix = text.strip_suffix('/').unwrap_or(&text);
        if !prefix.is_empty() && !prefix.starts_with('/') {
            self.problem(name, "must start with a slash");
        } else if !prefix.split('/').skip(1).all(is_plain_segment) {
            self.problem(name, "must be made of segments of A-Z a-z 0-9 . _ ~ - between single slashes");
        }
        prefix.to_owned()
    }

    /// Addresses and networks, separated by commas; `None` when it is not set.
    pub(super) fn networks(&mut self, name: &str) -> Option<Networks> {
        self.text(name)?;
        let expected = "a list of addresses, networks such as 10.0.0.0/8, loopback, linklocal or uniquelocal";
        Some(self.parsed(name, expected, |_| true, Networks::default()))
    }

    /// Origins, separated by commas; none when it is not set.
    pub(super) fn origins(&mut self, name: &str) -> Origins {
        self.parsed(name, "a list of origins such as https://portal.example", |_| true, Origins::default())
    }

    /// A size such as `50MB`, in bytes. A kilobyte has 1024 bytes, as in the predecessor.
    pub(super) fn file_size(&mut self, name: &str, default: u64) -> u64 {
        let Some(text) = self.text(name) else { return default };
        let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic()).trim_end();
        let factor = match text[digits.len()..].trim().to_ascii_uppercase().as_str() {
            "" | "B" => Some(1.0),
            "KB" => Some(1024.0),
            "MB" => Some(1024.0 * 1024.0),
            "GB" => Some(1024.0 * 1024.0 * 1024.0),
            _ => None,
        };
        let bytes = digits.parse::<f64>().ok().zip(factor).map(|(number, factor)| number * factor);
        if let Some(bytes) = bytes.filter(|bytes| (1.0..=MAX_FILE_BYTES).contains(bytes)) {
            return bytes as u64;
        }
        self.problem(name, "must be a size such as 50MB, from 1B to 1024GB, with the unit B, KB, MB or GB");
        default
    }

    /// A number of seconds above 0. The predecessor's launcher uses its default in place of anything else.
    pub(super) fn launcher_wait(&mut self, name: &str, default: Duration) -> Duration {
        let Some(text) = self.text(name) else { return default };
        let given = text.parse().ok().filter(|seconds| *seconds > 0.0).map(Duration::try_from_secs_f64);
        if let Some(Ok(wait)) = given {
            return wait;
        }
        self.warning(format!("{name} is not a number above 0; {} seconds are used", default.as_secs()));
        default
    }
}

/// 1024 GB: far beyond any transcription, and well within what a number counts exactly.
const MAX_FILE_BYTES: f64 = 1024.0 * 1024.0 * 1024.0 * 1024.0;

/// Needs no escaping in a path and is not a step to another folder.
fn is_plain_segment(segment: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._~-".contains(&byte);
    !segment.is_empty() && segment.bytes().all(plain) && segment != "." && segment != ".."
}
