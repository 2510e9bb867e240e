//! Recordings to speak.

use std::{
    fs::{self, File},
    io::BufReader,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, ensure};
use audio::{Frame, level, wav};

/// What a folder of recordings may hold to say what is said in them: a table with tabs, whose
/// first line names the columns. Those named `file` and `transcript` are read.
const MANIFEST: &str = "manifest.tsv";

/// A recording, and what is known of it.
#[derive(Clone, Debug)]
pub struct Recording {
    /// Its file's name without the extension.
    pub name: String,
    /// How it sounds.
    pub sound: Frame,
    /// What is said, where somebody has written it down.
    pub transcript: Option<String>,
}

impl Recording {
    /// Who speaks: recordings whose names differ in a last number only are of one speaker.
    pub(crate) fn speaker(&self) -> &str {
        match self.name.rsplit_once('-') {
            Some((speaker, number)) if number.chars().all(|c| c.is_ascii_digit()) => speaker,
            _ => &self.name,
        }
    }

    /// Whether the caller is certainly not at the end of a sentence when it is over. This is not
    /// known of what nobody has written down, or all in capitals and without punctuation.
    pub(crate) fn leaves_sentence_open(&self) -> bool {
        let written = self.transcript.as_deref().filter(|text| text.contains(char::is_lowercase));
        let last = written.and_then(|text| text.trim_end().chars().last());
        last.is_some_and(|last| !matches!(last, '.' | '?' | '!' | '"'))
    }
}

/// Reads WAV files as [`read_clips`] does, with what the manifests beside them say.
pub fn read_recordings(paths: &[PathBuf]) -> Result<Vec<Recording>> {
    let recording = |(path, sound): (PathBuf, Frame)| {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let transcript = transcript(&path)?;
        Ok(Recording { name, sound, transcript })
    };
    read_clips(paths)?.into_iter().map(recording).collect()
}

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

fn transcript(recording: &Path) -> Result<Option<String>> {
    let manifest = recording.with_file_name(MANIFEST);
    if !manifest.exists() {
        return Ok(None);
    }
    let text = fs::read_to_string(&manifest)
        .with_context(|| format!("could not read {}", manifest.display()))?;
    let file = recording.file_name().unwrap_or_default().to_string_lossy();
    Ok(transcript_in(&text, &file).map(str::to_owned))
}

fn transcript_in<'a>(manifest: &'a str, file: &str) -> Option<&'a str> {
    let mut lines = manifest.lines();
    let columns = lines.next()?.split('\t');
    let column = |name: &str| columns.clone().position(|column| column == name);
    let (files, transcripts) = (column("file")?, column("transcript")?);
    let line = lines.find(|line| line.split('\t').nth(files) == Some(file))?;
    line.split('\t').nth(transcripts).filter(|transcript| !transcript.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use audio::SampleRate;

    use super::*;

    fn recording(name: &str, transcript: Option<&str>) -> Recording {
        let sound = Frame::new(SampleRate::HZ_16000, []);
        Recording { name: name.to_owned(), sound, transcript: transcript.map(str::to_owned) }
    }

    #[test]
    fn a_transcript_is_found_by_the_names_of_file_and_column() {
        let manifest = "file\tseconds\ttranscript\na.wav\t1.0\tHello, you.\nb.wav\t2.0\t\n";
        assert_eq!(transcript_in(manifest, "a.wav"), Some("Hello, you."));
        assert_eq!(transcript_in(manifest, "b.wav"), None);
        assert_eq!(transcript_in(manifest, "c.wav"), None);
        assert_eq!(transcript_in("file\twords\na.wav\thi\n", "a.wav"), None);
    }

    #[test]
    fn numbered_recordings_are_of_one_speaker() {
        let speaker = |name| recording(name, None).speaker().to_owned();
        assert_eq!(speaker("lj001-0002"), "lj001");
        assert_eq!(speaker("turn-seine"), "turn-seine");
        assert_eq!(speaker("jfk"), "jfk");
    }

    #[test]
    fn a_sentence_is_open_unless_it_ends_or_nobody_knows() {
        let open = |text| recording("a", text).leaves_sentence_open();
        assert!(open(Some("when I was young, ")) && open(Some("and then")));
        assert!(!open(Some("It rains.")) && !open(Some("Why? ")) && !open(Some(" ")));
        assert!(!open(Some("IT RAINS")) && !open(None));
    }
}
