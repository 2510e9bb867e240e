//! The places files come from, and who gets to see which credentials.

use std::fs;

use models::{Event, Silent};

use crate::server::{Answer, Server};
use crate::shop::{Shopper, WHEEL, catalogue, digest, from_wheel, index, page, ranged, wheel};

const CONTENT: &[u8] = b"weights";
/// `me:pass word`, as a header and as part of an address.
const BASIC: &str = "Basic bWU6cGFzcyB3b3Jk";
const LOGIN: &str = "me:pass%20word@";

#[test]
fn an_index_that_only_knows_html_will_do() {
    let wheel = wheel(CONTENT);
    let body = wheel.clone();
    let server = Server::start(move |request| match request.path.as_str() {
        "/simple/a-voice/" => {
            let link = format!("/files/{WHEEL}?a=1&amp;b=2#sha256={}", digest(&body));
            let text = format!("<!DOCTYPE html><a href=\"{link}\">{WHEEL}</a>");
            Answer::page("text/html", text)
        }
        path if path == format!("/files/{WHEEL}?a=1&b=2") => ranged(request, &body),
        _ => Answer::status(404),
    });
    let shopper = Shopper::at(&server);
    shopper.store(&catalogue(CONTENT, &from_wheel(&wheel))).pull("voice", &Silent).unwrap();
    assert_eq!(fs::read(shopper.target()).unwrap(), CONTENT);
}

#[test]
fn a_wheel_may_be_named_by_a_pattern_and_without_a_digest() {
    let wheel = wheel(CONTENT);
    let index = index(wheel.clone(), ranged);
    let source = from_wheel(&wheel)
        .replace(WHEEL, "a_voice-1.0-*.whl")
        .replace(&format!("sha256 = '{}', ", digest(&wheel)), "");
    let shopper = Shopper::at(&index);
    shopper.store(&catalogue(CONTENT, &source)).pull("voice", &Silent).unwrap();
    assert_eq!(fs::read(shopper.target()).unwrap(), CONTENT);
}

#[test]
fn a_version_that_the_index_does_not_have_is_named() {
    let index = index(wheel(CONTENT), ranged);
    let source = from_wheel(b"").replace("1.0", "2.0");
    let error = Shopper::at(&index).store(&catalogue(CONTENT, &source)).pull("voice", &Silent);
    let text = error.unwrap_err().to_string();
    assert!(text.contains("has no file a_voice-2.0-py3-none-any.whl of A_Voice==2.0"), "{text}");
}

#[test]
fn without_an_index_the_error_says_what_to_set() {
    let error = Shopper::new().store(&catalogue(CONTENT, &from_wheel(b""))).pull("voice", &Silent);
    let text = error.unwrap_err().to_string();
    assert!(text.contains("PIP_INDEX_URL") && text.contains("no-python"), "{text}");
}

#[test]
fn credentials_in_the_address_of_an_index_are_used_there_only() {
    let wheel = wheel(CONTENT);
    let body = wheel.clone();
    let files = Server::start(move |request| ranged(request, &body));
    let (link, body) = (files.url(&format!("/{WHEEL}")), wheel.clone());
    let index = Server::start(move |request| match request.header("authorization") {
        Some(BASIC) => page(&link, &body),
        _ => Answer::status(401),
    });
    let mut shopper = Shopper::new();
    let text = catalogue(CONTENT, &from_wheel(&wheel));

    let with =
        |login: &str| index.url("/simple").replacen("http://", &format!("http://{login}"), 1);
    shopper.settings.pip_index_url = Some(with("me:wrong@").into());
    let error = shopper.store(&text).pull("voice", &Silent).unwrap_err();
    let printed = format!("{error} {error:?}");
    assert!(printed.contains("credentials") && !printed.contains("wrong"), "{printed}");

    shopper.settings.pip_index_url = Some(with(LOGIN).into());
    shopper.store(&text).pull("voice", &Silent).unwrap();
    assert_eq!(fs::read(shopper.target()).unwrap(), CONTENT);
    let seen: Vec<_> = files.requests();
    assert!(!seen.is_empty() && seen.iter().all(|it| it.header("authorization").is_none()));
}

#[test]
fn hugging_face_gets_the_token_and_the_place_it_sends_us_to_does_not() {
    let store_of_files = Server::start(|request| ranged(request, CONTENT));
    let moved = store_of_files.url("/blob");
    let hub = Server::start(move |request| {
        match (request.path.as_str(), request.header("authorization")) {
            ("/me/voice/resolve/abc/onnx/weights.bin", Some("Bearer hf_secret")) => {
                Answer::moved(&moved)
            }
            (_, Some("Bearer hf_secret")) => Answer::status(404),
            _ => Answer::status(401),
        }
    });
    let source = "source.hugging-face = \
        { repo = 'me/voice', revision = 'abc', file = 'onnx/weights.bin' }";
    let mut shopper = Shopper::new();
    shopper.settings.hf_endpoint = hub.url("/");
    let text = catalogue(CONTENT, source);

    let error = shopper.store(&text).pull("voice", &Silent).unwrap_err().to_string();
    assert!(error.contains("token") && error.contains("me/voice at abc"), "{error}");

    shopper.settings.hf_token = Some("hf_secret".into());
    shopper.store(&text).pull("voice", &Silent).unwrap();
    assert_eq!(fs::read(shopper.target()).unwrap(), CONTENT);
    let seen = store_of_files.requests();
    assert!(!seen.is_empty() && seen.iter().all(|it| it.header("authorization").is_none()));
}

#[test]
fn a_plain_address_will_do_and_its_content_is_checked() {
    let server = Server::start(|_| Answer::whole(CONTENT));
    let source = format!("source.url = '{}'", server.url("/weights.bin"));
    let shopper = Shopper::new();
    shopper.store(&catalogue(CONTENT, &source)).pull("voice", &Silent).unwrap();
    assert_eq!(fs::read(shopper.target()).unwrap(), CONTENT);

    for other in [&b"WEIGHTS"[..], b"heavier weights"] {
        let shopper = Shopper::new();
        let error = shopper.store(&catalogue(other, &source)).pull("voice", &Silent).unwrap_err();
        assert!(error.to_string().contains("instead of"), "{error}");
        assert!(!shopper.target().exists() && shopper.leftovers().is_empty());
    }
}

#[test]
fn a_file_of_this_machine_is_copied_even_offline() {
    let mut shopper = Shopper::new();
    shopper.settings.offline = true;
    let original = shopper.folder.path().join("original");
    fs::write(&original, CONTENT).unwrap();
    let text = catalogue(CONTENT, &format!("source.path = '{}'", original.display()));
    let installed = std::cell::Cell::new(0);
    let progress = |event: Event<'_>| {
        if let Event::Installed { what: "weights.bin", size } = event {
            installed.set(size);
        }
    };
    shopper.store(&text).pull("voice", &progress).unwrap();
    assert_eq!(installed.get(), CONTENT.len() as u64);
    assert_eq!(fs::read(shopper.target()).unwrap(), CONTENT);
    assert!(original.exists());
}

#[test]
fn certificates_that_cannot_be_read_are_named() {
    let server = Server::start(|_| Answer::whole(CONTENT));
    let source = format!("source.url = '{}'", server.url("/weights.bin"));
    let mut shopper = Shopper::new();
    let path = shopper.folder.path().join("own.pem");
    for content in [None, Some("no certificate")] {
        if let Some(content) = content {
            fs::write(&path, content).unwrap();
        }
        shopper.settings.pip_cert = Some(path.clone());
        let error = shopper.store(&catalogue(CONTENT, &source)).pull("voice", &Silent);
        let text = error.unwrap_err().to_string();
        assert!(text.contains("own.pem"), "{text}");
    }
    assert!(server.requests().is_empty());
}
