//! Recordings to speak.

use std::{
    fs::{self, File},
    io::BufReader,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};
use audio::{Frame, level, wav};

/// Reads WAV files: those named, and all in the folders named, in order of their names. Gives each
/// with its path. Files without any sound are refused, since nothing would answer them.
pub fn read_clips(paths: &[PathBuf]) -> Result<Vec<(PathBuf, Frame)>> {
    let mut files = Vec::new();
    for path in paths {
        if path.is_dir() {
            files.extend(files_in(path)?);
        } else {
            files.push(path.clone());
        }
    }
    files.into_iter().map(|path| read(&path).map(|clip| (path, clip))).collect()
}

fn files_in(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .with_context(|| format!("could not read the folder {}", folder.display()))?;
    let mut files: Vec<PathBuf> = entries.into_iter().map(|entry| entry.path()).collect();
    files.retain(|path| path.extension().is_some_and(|it| it.eq_ignore_ascii_case("wav")));
    files.sort();
    Ok(files)
}

fn read(path: &Path) -> Result<Frame> {
    let file = File::open(path).with_context(|| format!("could not open {}", path.display()))?;
    let clip = wav::read(BufReader::new(file))
        .with_context(|| format!("could not read {}", path.display()))?;
    ensure!(level::trimmed_end(&clip).is_some(), "{} has no sound", path.display());
    Ok(clip)
}
