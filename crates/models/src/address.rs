use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use crate::settings::Secret;

/// An http or https address, with its credentials held apart so that printing it is safe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address {
    /// Without credentials, query's end and fragment: what may be printed and requested.
    url: String,
    /// The value of an `Authorization` header, from `user:password@`.
    basic: Option<Secret>,
}

impl Address {
    /// Takes an address apart; the problem is returned in words, without its credentials.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let wrong = || "an address must begin with http:// or https://".to_owned();
        let (scheme, rest) = text.split_once("://").ok_or_else(wrong)?;
        let scheme = scheme.to_ascii_lowercase();
        if scheme != "http" && scheme != "https" {
            return Err(wrong());
        }
        let rest = rest.split('#').next().unwrap_or_default();
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        let (login, host) = match authority.rsplit_once('@') {
            Some((login, host)) => (Some(login), host),
            None => (None, authority),
        };
        if host.is_empty() || host.contains(char::is_whitespace) {
            return Err("an address must name a host".to_owned());
        }
        let basic = login.map(|login| {
            let (user, password) = login.split_once(':').unwrap_or((login, ""));
            let pair = [&percent_decoded(user)[..], b":", &percent_decoded(password)].concat();
            Secret::from(format!("Basic {}", BASE64.encode(pair)))
        });
        Ok(Self { url: format!("{scheme}://{host}{path}"), basic })
    }

    /// The address as it is requested; credentials go into a header.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The value of the `Authorization` header, if the address came with credentials.
    pub(crate) fn authorization(&self) -> Option<&Secret> {
        self.basic.as_ref()
    }

    /// The address of `package`'s page, where `self` is an index.
    pub(crate) fn page_of(&self, package: &str) -> Self {
        let url = format!("{}/{}/", self.url.trim_end_matches('/'), normalized(package));
        Self { url, basic: self.basic.clone() }
    }

    /// What a link on the page at `self` points to. Credentials are handed on to the same server
    /// only.
    pub(crate) fn join(&self, link: &str) -> Result<Self, String> {
        let (scheme, rest) = self.url.split_once("://").unwrap_or(("https", &self.url));
        let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let path = path.split('?').next().unwrap_or_default();
        let absolute = if link.contains("://") {
            link.to_owned()
        } else if let Some(elsewhere) = link.strip_prefix("//") {
            format!("{scheme}://{elsewhere}")
        } else if link.starts_with('/') {
            format!("{scheme}://{host}{link}")
        } else {
            let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
            format!("{scheme}://{host}{}", without_dots(&format!("{folder}/{link}")))
        };
        let mut target = Self::parse(&absolute)?;
        if target.basic.is_none() && target.origin() == self.origin() {
            target.basic.clone_from(&self.basic);
        }
        Ok(target)
    }

    /// The same address after the server sent us on; it keeps credentials on one server only.
    pub(crate) fn moved_to(&self, url: &str) -> Self {
        self.join(url).unwrap_or_else(|_| self.clone())
    }

    fn origin(&self) -> &str {
        let start = self.url.find("://").map_or(0, |at| at + 3);
        self.url[start..].find(['/', '?']).map_or(&self.url[..], |end| &self.url[..start + end])
    }
}

impl fmt::Display for Address {
    /// Without credentials, and without the query, which may hold a signature.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.url.split('?').next().unwrap_or_default())
    }
}

/// A package's name as indices write it (PEP 503).
fn normalized(package: &str) -> String {
    let parts = package.split(['-', '_', '.']).filter(|part| !part.is_empty());
    parts.map(str::to_lowercase).collect::<Vec<_>>().join("-")
}

/// Removes `.` and `..` from a path (RFC 3986, section 5.2.4).
fn without_dots(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    for part in path.split('/').skip(1) {
        match part {
            "." => {}
            ".." => drop(kept.pop()),
            part => kept.push(part),
        }
    }
    format!("/{}", kept.join("/"))
}

fn percent_decoded(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let code = match bytes[at] {
            b'%' => text.get(at + 1..at + 3).and_then(|hex| u8::from_str_radix(hex, 16).ok()),
            _ => None,
        };
        decoded.push(code.unwrap_or(bytes[at]));
        at += if code.is_some() { 3 } else { 1 };
    }
    decoded
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> Address {
        Address::parse(text).unwrap()
    }

    #[test]
    fn credentials_go_into_a_header_and_are_never_printed() {
        let index = address("https://me:sword%40fish@index.example/simple/");
        let printed = format!("{index} {index:?} {}", index.url());
        assert!(!printed.contains("sword") && !printed.contains("me:"), "{printed}");
        // "me:sword@fish"
        assert_eq!(index.authorization().unwrap().reveal(), "Basic bWU6c3dvcmRAZmlzaA==");
    }

    #[test]
    fn a_signed_query_is_requested_but_not_printed() {
        let file = address("https://files.example/a?signature=1#sha256=2");
        assert_eq!(file.url(), "https://files.example/a?signature=1");
        assert_eq!(file.to_string(), "https://files.example/a");
    }

    #[test]
    fn links_are_followed_from_the_page_they_stand_on() {
        let page = address("https://index.example/simple/silero-vad/");
        let check = |link, expected| assert_eq!(page.join(link).unwrap().url(), expected);
        check("../../files/a.whl#sha256=1", "https://index.example/files/a.whl");
        check("./a.whl", "https://index.example/simple/silero-vad/a.whl");
        check("/files/a.whl", "https://index.example/files/a.whl");
        check("//files.example/a.whl", "https://files.example/a.whl");
        check("http://files.example/a.whl", "http://files.example/a.whl");
    }

    #[test]
    fn credentials_stay_with_their_server() {
        let page = address("https://me:secret@index.example/simple/x/");
        assert!(page.join("/files/a.whl").unwrap().authorization().is_some());
        assert!(page.join("https://index.example.evil/a.whl").unwrap().authorization().is_none());
        assert!(page.join("http://index.example/a.whl").unwrap().authorization().is_none());
    }

    #[test]
    fn a_package_is_asked_for_by_its_normalized_name() {
        let index = address("https://index.example/simple");
        assert_eq!(index.page_of("Foo__b.a-R").url(), "https://index.example/simple/foo-b-a-r/");
    }

    #[test]
    fn other_schemes_are_refused_without_printing_their_credentials() {
        for text in ["ftp://me:secret@host/", "file:///etc", "me:secret@host", "https://"] {
            let problem = Address::parse(text).unwrap_err();
            assert!(!problem.contains("secret"), "{problem}");
        }
    }
}
