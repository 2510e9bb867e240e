//! The simple index of Python packages: PEP 691 (JSON) and, where a server knows no better,
//! PEP 503 (HTML).

use serde::Deserialize;

use crate::address::Address;
use crate::catalogue::Wheel;
use crate::digest::Digest;
use crate::error::Cause;
use crate::network::{Network, Page};
use crate::progress::Progress;

const JSON: &str = "application/vnd.pypi.simple.v1+json";
const ACCEPT: &str = "application/vnd.pypi.simple.v1+json, \
    application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1";

/// A file that an index offers.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Offer {
    pub(crate) file: String,
    pub(crate) address: Address,
    pub(crate) sha256: Option<Digest>,
    pub(crate) size: Option<u64>,
}

/// Looks `wheel` up on the index.
pub(crate) fn find(
    network: &Network,
    index: &Address,
    wheel: &Wheel,
    progress: &dyn Progress,
) -> Result<Offer, Cause> {
    let asked = index.page_of(&wheel.package);
    let page = network.page(&asked, ACCEPT, progress)?;
    let offers = read(&page)
        .map_err(|problem| Cause::UnreadableIndex { page: asked.to_string(), problem })?;
    let mut offer = choose(offers, &wheel.file).ok_or_else(|| Cause::NotOnIndex {
        index: asked.to_string(),
        package: wheel.package.clone(),
        version: wheel.version.clone(),
        file: wheel.file.clone(),
    })?;
    match (wheel.sha256, offer.sha256) {
        // Known before a byte of it is loaded.
        (Some(expected), Some(found)) if expected != found => {
            Err(Cause::WrongDigest { what: format!("{} on {asked}", offer.file), expected, found })
        }
        (ours, theirs) => {
            offer.sha256 = ours.or(theirs);
            Ok(offer)
        }
    }
}

/// The first by name of the files that fit, so that the choice is the same everywhere.
fn choose(offers: Vec<Offer>, pattern: &str) -> Option<Offer> {
    // The name becomes one on our disk: it must not lead anywhere else.
    let fitting = offers
        .into_iter()
        .filter(|offer| !offer.file.contains(['/', '\\']) && fits(pattern, &offer.file));
    fitting.min_by(|left, right| left.file.cmp(&right.file))
}

/// Whether `name` is `pattern`, in which `*` stands for any text.
fn fits(pattern: &str, name: &str) -> bool {
    let Some((before, after)) = pattern.split_once('*') else { return pattern == name };
    name.strip_prefix(before).is_some_and(|rest| {
        let ends = rest.char_indices().map(|(at, _)| at).chain([rest.len()]);
        ends.into_iter().any(|at| fits(after, &rest[at..]))
    })
}

fn read(page: &Page) -> Result<Vec<Offer>, String> {
    if page.content_type.starts_with(JSON) || page.content_type.starts_with("application/json") {
        return read_json(page);
    }
    if page.content_type.contains("html") {
        return Ok(read_html(page));
    }
    Err(format!("it is neither JSON nor HTML but `{}`", page.content_type))
}

#[derive(Deserialize)]
struct JsonPage {
    files: Vec<JsonFile>,
}

#[derive(Deserialize)]
struct JsonFile {
    filename: String,
    url: String,
    #[serde(default)]
    hashes: JsonHashes,
    size: Option<u64>,
}

#[derive(Default, Deserialize)]
struct JsonHashes {
    sha256: Option<Digest>,
}

fn read_json(page: &Page) -> Result<Vec<Offer>, String> {
    let JsonPage { files } = serde_json::from_str(&page.text).map_err(|error| error.to_string())?;
    let offers = files.into_iter().map(|JsonFile { filename, url, hashes, size }| {
        let address = page.address.join(&url)?;
        Ok(Offer { file: filename, address, sha256: hashes.sha256, size })
    });
    offers.collect()
}

/// Every link with an address; what is no package file will not fit the pattern.
fn read_html(page: &Page) -> Vec<Offer> {
    links(&page.text).filter_map(|link| offer(&page.address, &link)).collect()
}

fn offer(page: &Address, link: &str) -> Option<Offer> {
    let (url, fragment) = link.split_once('#').unwrap_or((link, ""));
    let path = url.split('?').next().unwrap_or_default();
    let file = path.rsplit('/').next().unwrap_or_default().replace("%2B", "+");
    let sha256 = fragment.strip_prefix("sha256=").and_then(|digits| digits.parse().ok());
    Some(Offer { file, address: page.join(url).ok()?, sha256, size: None })
}

/// The `href` of each `<a …>`.
fn links(html: &str) -> impl Iterator<Item = String> {
    let tags = html.split('<').skip(1).filter_map(|piece| piece.split('>').next());
    let anchors = tags.filter(|tag| {
        tag.get(..2).is_some_and(|start| {
            start.to_ascii_lowercase().starts_with('a') && start.ends_with(char::is_whitespace)
        })
    });
    anchors.filter_map(href).map(|link| link.replace("&amp;", "&"))
}

fn href(tag: &str) -> Option<&str> {
    let at = tag.to_ascii_lowercase().find("href")?;
    let value = tag[at + "href".len()..].trim_start().strip_prefix('=')?.trim_start();
    match value.chars().next()? {
        quote @ ('"' | '\'') => value[1..].split(quote).next(),
        _ => value.split_whitespace().next(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIGEST: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    fn page(content_type: &str, text: &str) -> Page {
        Page {
            address: Address::parse("https://index.example/simple/x/").unwrap(),
            content_type: content_type.to_owned(),
            text: text.to_owned(),
        }
    }

    #[test]
    fn both_forms_of_a_page_say_the_same() {
        let json = format!(
            r#"{{"meta": {{}}, "files": [{{"filename": "x-1-py3.whl", "size": null,
                "url": "../../f/x-1-py3.whl", "hashes": {{"sha256": "{DIGEST}", "md5": "1"}}}}]}}"#
        );
        let html = format!(
            "<!DOCTYPE html><head><base></head><ABBR href=no><a\n data-x='1' \
             HREF='../../f/x-1-py3.whl#sha256={DIGEST}'>x</a>"
        );
        let expected = Offer {
            file: "x-1-py3.whl".to_owned(),
            address: Address::parse("https://index.example/f/x-1-py3.whl").unwrap(),
            sha256: Some(DIGEST.parse().unwrap()),
            size: None,
        };
        assert_eq!(read(&page(JSON, &json)).unwrap(), [expected]);
        let from_html = read(&page("text/html; charset=utf-8", &html)).unwrap();
        assert_eq!(from_html, read(&page(JSON, &json)).unwrap());
    }

    #[test]
    fn a_page_of_another_kind_is_an_error_that_names_it() {
        let problem = read(&page("text/plain", "please log in")).unwrap_err();
        assert!(problem.contains("text/plain"), "{problem}");
    }

    #[test]
    fn a_star_stands_for_any_text() {
        let check =
            |pattern, expected| assert_eq!(fits(pattern, "x-1-cp311-manylinux.whl"), expected);
        check("x-1-cp311-manylinux.whl", true);
        check("x-1-*-manylinux.whl", true);
        check("x-1-*.whl", true);
        check("*", true);
        check("x-1-*-macosx.whl", false);
        check("x-1-*.wh", false);
        check("x-1", false);
    }

    #[test]
    fn of_several_that_fit_the_first_by_name_is_taken() {
        let html = "<a href=x-1-b.whl></a><a href=x-1-a.whl></a><a href=y.whl></a>";
        let offers = read(&page("text/html", html)).unwrap();
        assert_eq!(choose(offers, "x-1-*.whl").unwrap().file, "x-1-a.whl");
    }
}
