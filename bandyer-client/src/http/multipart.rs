//! Multipart forms with files, encoded into bytes so that a request can be retried.
//!
//! The forms of `reqwest` can be sent only once, and add a table of file types that is not needed here.

use bytes::Bytes;
use http::HeaderValue;

use super::call::Payload;
use crate::types::file::File;

/// One field of a form.
pub(crate) enum Part<'a> {
    Text(&'a str, &'a str),
    File(&'a str, &'a File),
}

pub(crate) fn encode(parts: &[Part<'_>]) -> Payload {
    // With 96 random bits, no file contains the boundary by chance.
    let boundary = format!("bandyer-{:08x}{:016x}", fastrand::u32(..), fastrand::u64(..));
    let mut body = Vec::new();
    for part in parts {
        body.extend_from_slice(format!("--{boundary}\r\n").as_bytes());
        let (head, content) = match part {
            Part::Text(name, text) => {
                (format!("content-disposition: form-data; name=\"{}\"\r\n\r\n", escaped(name)), text.as_bytes())
            }
            Part::File(name, file) => (
                format!(
                    "content-disposition: form-data; name=\"{}\"; filename=\"{}\"\r\ncontent-type: {}\r\n\r\n",
                    escaped(name),
                    escaped(file.name()),
                    file.content_type()
                ),
                file.bytes().as_ref(),
            ),
        };
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(content);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(format!("--{boundary}--\r\n").as_bytes());
    #[expect(clippy::expect_used, reason = "the boundary consists of hex digits")]
    let content_type =
        HeaderValue::try_from(format!("multipart/form-data; boundary={boundary}")).expect("a header value");
    Payload { content_type, bytes: Bytes::from(body) }
}

/// Escapes a name as in the HTML standard, so that it cannot end the quotes or the line.
fn escaped(name: &str) -> String {
    name.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A")
}

#[cfg(test)]
mod tests {
    use super::{Part, encode};
    use crate::types::file::File;

    #[test]
    fn form_contains_its_parts_with_escaped_file_names() {
        let file = File::new("a\"\r\nb.txt", "text/plain", "hello").unwrap();
        let payload = encode(&[Part::Text("theme", "dark"), Part::File("logo", &file)]);
        let boundary = payload.content_type.to_str().unwrap().strip_prefix("multipart/form-data; boundary=").unwrap();
        let expected = format!(
            "--{boundary}\r\ncontent-disposition: form-data; name=\"theme\"\r\n\r\ndark\r\n\
             --{boundary}\r\ncontent-disposition: form-data; name=\"logo\"; filename=\"a%22%0D%0Ab.txt\"\r\n\
             content-type: text/plain\r\n\r\nhello\r\n--{boundary}--\r\n"
        );
        assert_eq!(payload.bytes, expected.as_bytes());
    }
}
