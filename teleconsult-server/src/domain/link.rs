//! The options that callers may add to a personal link.

use url::{Host, Url};

/// What is added to a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LinkOptions<'a> {
    /// Shows the company's background picture behind the person.
    pub background: bool,
    /// The language of the vendor's texts.
    pub language: Option<&'a str>,
}

/// The link with the options added. An option that is already there is replaced; the rest of the query stays as it is,
/// to the letter.
#[must_use]
pub fn with_options(link: &str, options: LinkOptions<'_>) -> String {
    if options == LinkOptions::default() {
        return link.to_owned();
    }
    let (link, fragment) = link.split_once('#').map_or((link, None), |(link, fragment)| (link, Some(fragment)));
    let (path, query) = link.split_once('?').unwrap_or((link, ""));
    let replaced = |name: &str| match name {
        "vb" | "virtual_background" => options.background,
        "l" | "language" => options.language.is_some(),
        _ => false,
    };
    let mut pairs: Vec<&str> = query
        .split('&')
        .filter(|pair| !pair.is_empty() && !replaced(pair.split_once('=').map_or(*pair, |(name, _)| name)))
        .collect();
    if options.background {
        pairs.push("vb=image");
    }
    let language = options.language.map(|language| format!("l={language}"));
    pairs.extend(language.as_deref());
    let mut result = format!("{path}?{}", pairs.join("&"));
    if let Some(fragment) = fragment {
        result.push('#');
        result.push_str(fragment);
    }
    result
}

/// Whether a link of the vendor may be given out: it must be https, loopback aside.
#[must_use]
pub fn is_safe(link: &str) -> bool {
    let Ok(url) = Url::parse(link) else { return false };
    match (url.scheme(), url.host()) {
        ("https", Some(_)) => true,
        ("http", Some(Host::Domain(name))) => name == "localhost",
        ("http", Some(Host::Ipv4(address))) => address.is_loopback(),
        ("http", Some(Host::Ipv6(address))) => address.is_loopback(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::{LinkOptions, is_safe, with_options};

    #[test]
    fn options_are_added_and_the_rest_stays_to_the_letter() {
        let all = LinkOptions { background: true, language: Some("it") };
        let language = LinkOptions { background: false, language: Some("en") };
        let table = [
            ("https://h/x", LinkOptions::default(), "https://h/x"),
            ("https://h/x", all, "https://h/x?vb=image&l=it"),
            ("https://h/x?dn=A%20B&t=dark", all, "https://h/x?dn=A%20B&t=dark&vb=image&l=it"),
            ("https://h/x?l=de&vb=blur&a", all, "https://h/x?a&vb=image&l=it"),
            ("https://h/x?vb=blur&language=de", language, "https://h/x?vb=blur&l=en"),
            ("https://h/x#part", language, "https://h/x?l=en#part"),
        ];
        for (link, options, expected) in table {
            assert_eq!(with_options(link, options), expected);
        }
    }

    #[test]
    fn only_https_and_loopback_links_are_given_out() {
        for good in ["https://h/x", "http://127.0.0.1:4010/x", "http://localhost/x", "http://[::1]/x"] {
            assert!(is_safe(good), "{good}");
        }
        for bad in ["http://h/x", "javascript:alert(1)", "ftp://127.0.0.1/", "//h/x", "", "http://localhost.h/x"] {
            assert!(!is_safe(bad), "{bad}");
        }
    }
}
