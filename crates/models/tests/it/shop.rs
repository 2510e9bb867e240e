//! A package index with one wheel, and a store that buys there.

use std::cell::RefCell;
use std::io::{Cursor, Write as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use models::{Catalogue, Digest, Event, Settings, Store};
use tempfile::TempDir;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::server::{Answer, Request, Server};

pub(crate) const WHEEL: &str = "a_voice-1.0-py3-none-any.whl";
pub(crate) const MEMBER: &str = "a_voice/data/weights.bin";
pub(crate) const JSON: &str = "application/vnd.pypi.simple.v1+json";

/// The model file: long enough to be cut, and not compressible.
pub(crate) fn weights() -> Vec<u8> {
    let mut state = 1_u32;
    let step = |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    };
    (0..200_000).map(step).collect()
}

/// A wheel that holds `content` as its member.
pub(crate) fn wheel(content: &[u8]) -> Vec<u8> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default();
    for (name, content) in [("a_voice/__init__.py", &b"pass"[..]), (MEMBER, content)] {
        archive.start_file(name, options).unwrap();
        archive.write_all(content).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

pub(crate) fn digest(content: &[u8]) -> Digest {
    Digest::of(content).unwrap()
}

/// The index page in JSON, with the wheel at `url`.
pub(crate) fn page(url: &str, wheel: &[u8]) -> Answer {
    let (digest, size) = (digest(wheel), wheel.len());
    let text = format!(
        r#"{{"files": [{{"filename": "a_voice-0.9-py3-none-any.whl", "url": "old.whl"}},
            {{"filename": "{WHEEL}", "url": "{url}", "size": {size},
              "hashes": {{"sha256": "{digest}"}}}}]}}"#
    );
    Answer::page(JSON, text)
}

/// An index that serves `wheel` and asks `file` how to answer for the file itself.
pub(crate) fn index(
    wheel: Vec<u8>,
    mut file: impl FnMut(&Request, &[u8]) -> Answer + Send + 'static,
) -> Server {
    Server::start(move |request| match request.path.as_str() {
        "/simple/a-voice/" => page(&format!("../../files/{WHEEL}"), &wheel),
        path if path == format!("/files/{WHEEL}") => file(request, &wheel),
        _ => Answer::status(404),
    })
}

/// An answer as good servers give it: from the wanted byte on.
pub(crate) fn ranged(request: &Request, body: &[u8]) -> Answer {
    request.from().map_or_else(|| Answer::whole(body), |from| Answer::rest(body, from))
}

/// A model called `voice` with one file.
pub(crate) fn catalogue(content: &[u8], source: &str) -> String {
    format!(
        "[[model]]\nname = 'voice'\nkind = 'tts'\nlicence = 'MIT'\ndescription = 'A voice'\n\
         [[model.file]]\nname = 'weights.bin'\nsize = {}\nsha256 = '{}'\n{source}\n",
        content.len(),
        digest(content),
    )
}

/// The source of the file that [`index`] offers.
pub(crate) fn from_wheel(wheel: &[u8]) -> String {
    let digest = digest(wheel);
    format!(
        "source.wheel = {{ package = 'A_Voice', version = '1.0', file = '{WHEEL}', \
         sha256 = '{digest}', member = '{MEMBER}' }}"
    )
}

/// A store in a folder of its own.
pub(crate) struct Shopper {
    pub(crate) folder: TempDir,
    pub(crate) settings: Settings,
}

impl Shopper {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut settings = Settings::new(folder.path());
        // No test may ask the pip of the machine it runs on.
        settings.python = folder.path().join("no-python");
        settings.pause = Duration::ZERO;
        settings.retries = 2;
        Self { folder, settings }
    }

    /// One that buys at `index`.
    pub(crate) fn at(index: &Server) -> Self {
        let mut shopper = Self::new();
        shopper.settings.pip_index_url = Some(index.url("/simple").into());
        shopper
    }

    pub(crate) fn store(&self, catalogue: &str) -> Store {
        Store::new(self.settings.clone(), Catalogue::parse("test", catalogue).unwrap())
    }

    /// Where the model's file lands.
    pub(crate) fn target(&self) -> PathBuf {
        self.folder.path().join("voice/weights.bin")
    }

    /// What lies where files are made.
    pub(crate) fn leftovers(&self) -> Vec<PathBuf> {
        files_in(&self.folder.path().join(".partial"))
    }
}

pub(crate) fn files_in(folder: &Path) -> Vec<PathBuf> {
    let entries = folder.read_dir().into_iter().flatten();
    entries.map(|entry| entry.unwrap().path()).collect()
}

/// Writes down what a pull tells.
#[derive(Default)]
pub(crate) struct Diary(RefCell<Vec<String>>);

impl Diary {
    pub(crate) fn has(&self, start: &str) -> bool {
        self.0.borrow().iter().any(|event| event.starts_with(start))
    }
}

impl models::Progress for Diary {
    fn on(&self, event: Event<'_>) {
        self.0.borrow_mut().push(format!("{event:?}"));
    }
}
