use std::fs::{self, File};
use std::path::{Path, PathBuf};

use crate::catalogue::{Model, ModelFile};
use crate::error::Cause;

/// Files in the making lie here, on the file system of the store, so that the last step is a
/// rename.
const PARTIAL: &str = ".partial";
/// Enough of a digest to keep two versions of a file apart.
const DIGITS: usize = 16;

/// The place where files are made before they land in the store.
pub(crate) struct Workbench {
    directory: PathBuf,
}

impl Workbench {
    pub(crate) fn open(store: &Path) -> Result<Self, Cause> {
        let directory = store.join(PARTIAL);
        fs::create_dir_all(&directory).map_err(Cause::io("create the directory", &directory))?;
        Ok(Self { directory })
    }

    /// Where a download is collected. The name is the same at the next try, so that it can go on.
    pub(crate) fn download(&self, name: &str) -> PathBuf {
        self.directory.join(format!("{name}.part"))
    }

    /// Where the file of a model is made.
    pub(crate) fn draft(&self, model: &Model, file: &ModelFile) -> PathBuf {
        let digest = &file.sha256.to_string()[..DIGITS];
        let name = file.name.replace('/', "--");
        self.directory.join(format!("{}--{digest}--{name}", model.name))
    }

    /// Removes what is no longer needed. What cannot be removed only takes room.
    pub(crate) fn discard(path: &Path) {
        let _ = fs::remove_file(path);
    }
}

/// Moves a checked file to where it is looked for, so that it is there whole or not at all, even
/// when the power fails: content first, then the name, then the folder that holds the name.
pub(crate) fn land(draft: &Path, target: &Path) -> Result<(), Cause> {
    let folder = target.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder).map_err(Cause::io("create the directory", folder))?;
    File::options()
        .write(true)
        .open(draft)
        .and_then(|file| file.sync_all())
        .map_err(Cause::io("write", draft))?;
    fs::rename(draft, target).map_err(Cause::io("move the file to", target))?;
    sync_folder(folder)
}

#[cfg(unix)]
fn sync_folder(folder: &Path) -> Result<(), Cause> {
    File::open(folder).and_then(|it| it.sync_all()).map_err(Cause::io("write", folder))
}

/// Elsewhere a folder cannot be opened like a file, and the rename is written through.
#[cfg(not(unix))]
fn sync_folder(_folder: &Path) -> Result<(), Cause> {
    Ok(())
}
