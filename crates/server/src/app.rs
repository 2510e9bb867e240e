//! What the server is given by the binary.

use std::{io, sync::Arc, time::Duration};

use serde::Serialize;
use session::{Engines, Tape};

/// The server's settings.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Sessions at once.
    pub max_connections: usize,
    /// While the models are under strain, one newcomer in so much time.
    pub admit_every: Duration,
    /// Callers who may wait in line for a place; 0: nobody.
    pub waiting_room: usize,
    /// Who has waited so long is turned away.
    pub max_wait: Duration,
    /// Frames of 32 ms between a connection and its session; past it the newest is dropped.
    pub audio_queue: usize,
    /// How long present callers may finish when the server stops.
    pub grace: Duration,
    /// How often a silent connection is pinged; twice without any sign of life ends it.
    pub ping: Duration,
    /// A client that takes nothing for so long is gone.
    pub send_timeout: Duration,
    /// How long a session waits for a caller who lost the connection; zero: not at all. Meanwhile it
    /// keeps its place.
    pub resume: Duration,
    /// Pages of other origins that may connect; `*` allows all. The server's own page always may.
    pub allowed_origins: Vec<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            max_connections: 8,
            admit_every: Duration::from_secs(2),
            waiting_room: 0,
            max_wait: Duration::from_mins(5),
            audio_queue: 50,
            grace: Duration::from_secs(10),
            ping: Duration::from_secs(20),
            send_timeout: Duration::from_secs(10),
            resume: Duration::from_secs(30),
            allowed_origins: Vec::new(),
        }
    }
}

/// What becomes available once the models are loaded.
#[derive(Clone)]
pub struct Ready {
    /// The shared models.
    pub engines: Engines,
    /// How sessions behave.
    pub session: Arc<session::Config>,
    /// What `/health` says of the models.
    pub reports: Arc<[EngineReport]>,
    /// Where conversations are recorded; `None`: nowhere. Callers are told.
    pub recorder: Option<Arc<dyn Recorder>>,
}

/// Keeps conversations.
pub trait Recorder: Send + Sync {
    /// A new tape for the session of this connection.
    fn tape(&self, connection: &str) -> io::Result<Box<dyn Tape>>;
}

/// What `/health` says of one engine.
#[derive(Clone, Debug, Serialize)]
pub struct EngineReport {
    /// `vad`, `stt`, `endpointing`, `llm` or `tts`.
    pub kind: &'static str,
    /// Backend and model.
    pub name: String,
    /// Where it computes.
    pub device: &'static str,
    /// Jobs at once.
    pub workers: usize,
    /// How long it took to load, in milliseconds.
    pub load_ms: u64,
    /// Memory that the process gained while it loaded, in bytes.
    pub memory_bytes: u64,
}
