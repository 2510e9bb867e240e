//! Where conversations are recorded.

use std::{io, path::Path, sync::Arc};

use anyhow::Result;
use server::Recorder;
use session::{Config, Tape};

/// The server's way to the files of `replay`.
struct Files(replay::Recorder);

impl Recorder for Files {
    fn tape(&self, connection: &str) -> io::Result<Box<dyn Tape>> {
        Ok(Box::new(self.0.tape(connection)?))
    }
}

/// Records into this folder; without one, nothing is recorded.
pub(crate) fn open(folder: &Path, config: &Arc<Config>) -> Result<Option<Arc<dyn Recorder>>> {
    if folder.as_os_str().is_empty() {
        return Ok(None);
    }
    let files = replay::Recorder::start(folder, Arc::clone(config))?;
    tracing::info!(folder = %folder.display(), "conversations are recorded");
    Ok(Some(Arc::new(Files(files))))
}
