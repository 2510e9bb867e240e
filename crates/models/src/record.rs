//! What was found right before, so that a start does not read hundreds of megabytes to hash them.

use std::collections::BTreeMap;
use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};

use crate::digest::Digest;

/// The record's name in the model's folder.
const NAME: &str = ".verified.json";

/// The files of one model whose digest was computed, and how they looked then.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Record {
    #[serde(skip)]
    folder: PathBuf,
    files: BTreeMap<String, Seen>,
}

/// How a file looked when its digest was computed. One that looks different is hashed again.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Seen {
    size: u64,
    /// Nanoseconds since 1970; text, as JSON's numbers are too short for some readers.
    modified: String,
    sha256: Digest,
}

impl Record {
    /// The record of the model in `folder`. An unreadable one only costs time.
    pub(crate) fn read(folder: &Path) -> Self {
        let text = fs::read_to_string(folder.join(NAME)).unwrap_or_default();
        let mut record: Self = serde_json::from_str(&text).unwrap_or_default();
        folder.clone_into(&mut record.folder);
        record
    }

    /// The digest of `file`, if it looks as it did when that was computed.
    pub(crate) fn digest(&self, file: &str, now: &Metadata) -> Option<Digest> {
        let seen = self.files.get(file)?;
        (seen.size == now.len() && Some(&seen.modified) == modified(now).as_ref())
            .then_some(seen.sha256)
    }

    /// Notes a digest down. In a folder that cannot be written it is computed at each start.
    pub(crate) fn note(&mut self, file: &str, now: &Metadata, sha256: Digest) {
        let Some(modified) = modified(now) else { return };
        self.files.insert(file.to_owned(), Seen { size: now.len(), modified, sha256 });
        let Ok(text) = serde_json::to_string_pretty(self) else { return };
        // By rename: another process may be reading it, or writing its own.
        let draft = self.folder.join(format!("{NAME}.{}", std::process::id()));
        let written =
            fs::write(&draft, text).and_then(|()| fs::rename(&draft, self.folder.join(NAME)));
        if written.is_err() {
            let _ = fs::remove_file(&draft);
        }
    }
}

fn modified(metadata: &Metadata) -> Option<String> {
    let since = metadata.modified().ok()?.duration_since(UNIX_EPOCH).ok()?;
    Some(since.as_nanos().to_string())
}
