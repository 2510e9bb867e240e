//! Opening ONNX Runtime, whose library is loaded when the server starts, and its sessions.
//!
//! The runtime is one per process, however many rooms use it. Its telemetry is off.

use std::{
    error::Error,
    fs, io,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use ort::{
    environment::Environment,
    session::{
        Session,
        builder::{GraphOptimizationLevel, SessionBuilder},
    },
};

/// What has been opened. The library stays loaded once it is, also where starting it then fails.
static OPENED: Mutex<Option<Opened>> = Mutex::new(None);

struct Opened {
    library: PathBuf,
    runtime: Option<Runtime>,
}

/// The ONNX Runtime of this process. Clones are the same one.
#[derive(Clone, Debug)]
pub struct Runtime(Environment);

/// Why ONNX Runtime or a model in it could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OnnxError {
    /// There is no such file, or it cannot be looked at.
    #[error("could not find the ONNX Runtime library `{path}`")]
    Missing {
        /// The path asked for.
        path: PathBuf,
        /// What the operating system says.
        #[source]
        source: io::Error,
    },
    /// The file is not an ONNX Runtime that this program can use.
    #[error("could not load the ONNX Runtime library `{path}`")]
    Library {
        /// The path asked for.
        path: PathBuf,
        /// What the loader says.
        #[source]
        source: ort::LoadDynamicError,
    },
    /// This process has loaded another library already.
    #[error("could not open the ONNX Runtime library `{asked}`: this process uses `{opened}`")]
    AnotherLibrary {
        /// The path asked for.
        asked: PathBuf,
        /// The path in use.
        opened: PathBuf,
    },
    /// The library is loaded and did not start.
    #[error("could not start ONNX Runtime")]
    Start(#[source] ort::Error),
    /// The model's file could not be loaded.
    #[error("could not load the model `{path}`")]
    Model {
        /// The path asked for.
        path: PathBuf,
        /// What the runtime says.
        #[source]
        source: ort::Error,
    },
}

impl OnnxError {
    /// This error and those behind it in one line, for error types that keep text only.
    pub fn chain(&self) -> String {
        let mut line = self.to_string();
        let mut source = self.source();
        while let Some(error) = source {
            line = format!("{line}: {error}");
            source = error.source();
        }
        line
    }
}

impl Runtime {
    /// Opens the runtime whose library (`libonnxruntime.so`) lies at `library`. Opening the same
    /// one again gives the same one; a process cannot use two.
    pub fn open(library: &Path) -> Result<Self, OnnxError> {
        let path = fs::canonicalize(library)
            .map_err(|source| OnnxError::Missing { path: library.to_owned(), source })?;
        let mut opened = OPENED.lock().unwrap_or_else(PoisonError::into_inner);
        match &*opened {
            Some(other) if other.library != path => {
                let opened = other.library.clone();
                return Err(OnnxError::AnotherLibrary { asked: path, opened });
            }
            Some(Opened { runtime: Some(runtime), .. }) => return Ok(runtime.clone()),
            _ => {}
        }
        let environment = ort::init_from(&path)
            .map_err(|source| OnnxError::Library { path: path.clone(), source })?;
        let opened = opened.insert(Opened { library: path, runtime: None });
        let environment = environment
            .with_name("repartee")
            .with_telemetry(false)
            .build()
            .map_err(OnnxError::Start)?;
        Ok(opened.runtime.insert(Self(environment)).clone())
    }

    /// Loads the model at `model`. Its operators run on the calling thread and `intra_threads - 1`
    /// further ones.
    pub fn session(&self, model: &Path, intra_threads: usize) -> Result<Session, OnnxError> {
        self.builder(intra_threads)
            .and_then(|mut builder| builder.commit_from_file(model))
            .map_err(|source| OnnxError::Model { path: model.to_owned(), source })
    }

    fn builder(&self, intra_threads: usize) -> ort::Result<SessionBuilder> {
        let builder = Session::builder(&self.0)?
            .with_optimization_level(GraphOptimizationLevel::All)?
            .with_intra_threads(intra_threads)?
            .with_inter_threads(1)?
            // waiting threads would burn cores that other engines need
            .with_intra_op_spinning(false)?
            .with_inter_op_spinning(false)?
            // speech has any length: a plan for each would be kept for ever
            .with_memory_pattern(false)?;
        Ok(builder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_library_is_an_error_that_names_it() {
        let error = Runtime::open(Path::new("no/such/libonnxruntime.so")).expect_err("not there");
        assert!(error.chain().contains("no/such/libonnxruntime.so"), "{}", error.chain());
    }

    #[test]
    fn a_file_that_is_no_library_is_an_error_that_names_it() {
        let not_a_library = Path::new("Cargo.toml");
        let error = Runtime::open(not_a_library).expect_err("a text is not a library");
        assert!(matches!(error, OnnxError::Library { .. }), "{error:?}");
        assert!(error.chain().contains("Cargo.toml"), "{}", error.chain());
    }
}
