use std::fs::{self, File, OpenOptions, TryLockError};
use std::path::Path;

use crate::error::Error;
use crate::progress::{Event, Progress};

/// The right to change the store, held by one process at a time and given back when dropped; the
/// system gives it back even when the process dies.
pub(crate) struct StoreLock {
    _file: File,
}

impl StoreLock {
    /// Takes the lock of the store at `directory`, waiting for whoever holds it.
    pub(crate) fn take(directory: &Path, progress: &dyn Progress) -> Result<Self, Error> {
        let io = |doing, path: &Path| {
            let path = path.to_owned();
            move |source| Error::Io { doing, path, source }
        };
        fs::create_dir_all(directory).map_err(io("create the directory", directory))?;
        let path = directory.join(".lock");
        let mut options = OpenOptions::new();
        // The file stays: removing it would let two processes lock two different files.
        let file = options.write(true).create(true).truncate(false).open(&path);
        let file = file.map_err(io("open", &path))?;
        match file.try_lock() {
            Ok(()) => return Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => progress.on(Event::Waiting),
            Err(TryLockError::Error(source)) => return Err(io("lock", &path)(source)),
        }
        file.lock().map_err(io("lock", &path))?;
        Ok(Self { _file: file })
    }
}
