//! Writes conversations into files while they are had. A session only writes into memory: the
//! files are a thread's.

use std::{
    fs::{DirBuilder, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
        mpsc::{Receiver, SyncSender, TrySendError, sync_channel},
    },
    time::{Duration, SystemTime},
};

use engine::Thread;
use session::{Action, Config, Input};

use crate::{End, lines::Lines};

/// Bytes of one conversation that go to the thread together, at the latest after `PERIOD`: a
/// system call and a wake-up for each line would cost more than the line.
const CHUNK: usize = 4096;
const PERIOD: Duration = Duration::from_secs(1);
/// Chunks of all conversations that wait for the disk, about 4 MiB. When they are too many, the
/// recording whose chunk has no room ends: the caller does not wait.
const CHUNKS: usize = 1024;
/// Conversations are nobody else's business.
const FILE_MODE: u32 = 0o600;
const FOLDER_MODE: u32 = 0o700;

/// Records conversations into a folder. When it goes it waits until all is written, so its tapes
/// must go before.
#[derive(Debug)]
pub struct Recorder {
    // closed before the thread is joined
    chunks: SyncSender<Chunk>,
    folder: PathBuf,
    config: Arc<Config>,
    _writer: Thread,
}

/// The recording of one conversation, which ends when this goes.
#[derive(Debug)]
pub struct Tape {
    lines: Lines,
    output: Arc<Output>,
    chunks: SyncSender<Chunk>,
    /// Until when all has been handed to the thread.
    handed_over: Duration,
    /// Part of it is lost, and so is what follows.
    lost: bool,
}

/// Why nothing can be recorded.
#[derive(Debug, thiserror::Error)]
pub enum RecorderError {
    /// The folder cannot be made.
    #[error("could not create the folder {folder} for recordings")]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// No file can be made in the folder.
    #[error("could not write into the folder {folder} for recordings")]
    Write {
        /// The folder.
        folder: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// There is no thread.
    #[error(transparent)]
    Thread(#[from] engine::StartError),
}

#[derive(Debug)]
struct Output {
    file: File,
    path: PathBuf,
    /// The disk has refused some of it.
    failed: AtomicBool,
}

#[derive(Debug)]
struct Chunk {
    output: Arc<Output>,
    text: Vec<u8>,
}

impl Recorder {
    /// Records into this folder, which is created if it is not there, what sessions with these
    /// settings do.
    pub fn start(folder: &Path, config: Arc<Config>) -> Result<Self, RecorderError> {
        let owned = || folder.to_owned();
        DirBuilder::new()
            .recursive(true)
            .mode(FOLDER_MODE)
            .create(folder)
            .map_err(|source| RecorderError::Folder { folder: owned(), source })?;
        try_folder(folder).map_err(|source| RecorderError::Write { folder: owned(), source })?;
        let (chunks, waiting) = sync_channel(CHUNKS);
        let writer = Thread::start("recorder", move || write_all(&waiting))?;
        Ok(Self { chunks, folder: owned(), config, _writer: writer })
    }

    /// A new file for the session of this connection.
    pub fn tape(&self, connection: &str) -> io::Result<Tape> {
        let started = humantime::format_rfc3339_millis(SystemTime::now()).to_string();
        let path = self.folder.join(format!("{}-{connection}.jsonl", started.replace(':', "-")));
        let file = create(&path)?;
        let output = Arc::new(Output { file, path, failed: AtomicBool::new(false) });
        let lines = Lines::new(connection, started, &self.config);
        let chunks = self.chunks.clone();
        Ok(Tape { lines, output, chunks, handed_over: Duration::ZERO, lost: false })
    }
}

impl Tape {
    /// Where it is written.
    pub fn path(&self) -> &Path {
        &self.output.path
    }

    fn written(&mut self, at: Duration) {
        if self.lines.len() >= CHUNK || at >= self.handed_over + PERIOD {
            self.handed_over = at;
            self.hand_over();
        }
    }

    fn hand_over(&mut self) {
        if self.output.failed.load(Relaxed) {
            self.lost = true;
            return;
        }
        let chunk = Chunk { output: Arc::clone(&self.output), text: self.lines.take() };
        if let Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) =
            self.chunks.try_send(chunk)
        {
            let file = self.output.path.display();
            tracing::error!(%file, "the disk cannot keep up: the rest of the recording is lost");
            self.lost = true;
        }
    }
}

impl session::Tape for Tape {
    fn input(&mut self, at: Duration, input: &Input) {
        if !self.lost {
            self.lines.input(at, input);
            self.written(at);
        }
    }

    fn action(&mut self, at: Duration, action: &Action) {
        if !self.lost {
            self.lines.action(at, action);
            self.written(at);
        }
    }
}

impl Drop for Tape {
    fn drop(&mut self) {
        if self.lost {
            self.lines.take();
        }
        self.lines.end(if self.lost { End::Incomplete } else { End::Complete });
        self.hand_over();
    }
}

/// Whether a file can be made in the folder: better to know before the first caller comes.
fn try_folder(folder: &Path) -> io::Result<()> {
    let trial = folder.join(format!(".trial-{}", std::process::id()));
    create(&trial)?;
    std::fs::remove_file(trial)
}

fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(FILE_MODE).open(path)
}

/// The thread's work: until all tapes and the recorder have gone.
fn write_all(chunks: &Receiver<Chunk>) {
    for Chunk { output, text } in chunks {
        if output.failed.load(Relaxed) {
            continue;
        }
        if let Err(error) = (&output.file).write_all(&text) {
            output.failed.store(true, Relaxed);
            let file = output.path.display();
            tracing::error!(%error, %file, "the rest of the recording is lost");
        }
    }
}

#[cfg(test)]
mod tests {
    use session::Tape as _;

    use super::*;
    use crate::Recording;

    fn tape(chunks: SyncSender<Chunk>) -> Tape {
        let output = Output {
            file: tempfile::tempfile().expect("a file is to be had"),
            path: PathBuf::from("c1.jsonl"),
            failed: AtomicBool::new(false),
        };
        let lines = Lines::new("c1", "now".to_owned(), &Config::default());
        let (output, handed_over) = (Arc::new(output), Duration::ZERO);
        Tape { lines, output, chunks, handed_over, lost: false }
    }

    #[test]
    fn a_slow_disk_ends_the_recording_and_not_the_conversation() {
        let (chunks, waiting) = sync_channel(1);
        let mut tape = tape(chunks);
        for second in 1..100 {
            tape.input(Duration::from_secs(second), &Input::Time);
        }
        let mut text = waiting.recv().expect("one chunk had room").text;
        drop(tape);
        text.extend(waiting.into_iter().flat_map(|chunk| chunk.text));
        let recording = Recording::read(std::str::from_utf8(&text).unwrap()).unwrap();
        assert_eq!(recording.end, End::Incomplete);
        assert_eq!(recording.steps.len(), 1);
    }

    #[test]
    fn what_the_disk_refuses_is_not_tried_again() {
        let (chunks, waiting) = sync_channel(8);
        let mut tape = tape(chunks);
        tape.input(Duration::from_secs(1), &Input::Time);
        tape.output.failed.store(true, Relaxed);
        tape.input(Duration::from_secs(2), &Input::Time);
        drop(tape);
        assert_eq!(waiting.into_iter().count(), 1);
    }
}
