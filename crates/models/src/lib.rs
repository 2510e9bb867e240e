//! The model files: which there are, where they come from, under which licence, and a store on
//! disk that fetches them, checks them and says where they lie. It knows no model's inside, no
//! other room and not the environment: what it needs to know is in [`Settings`].
//!
//! ```no_run
//! use models::{Catalogue, Settings, Store, Terminal};
//!
//! # fn main() -> Result<(), models::Error> {
//! let store = Store::new(Settings::new("models"), Catalogue::builtin());
//! store.ensure(&["silero-vad-v6", "onnxruntime"], &Terminal::stderr())?;
//! let weights = store.path("silero-vad-v6", "silero_vad.onnx")?;
//! # Ok(())
//! # }
//! ```

mod catalogue;
mod digest;
mod platform;
mod settings;

mod address;
mod download;
mod index;
mod network;
mod pip;
mod wheel;

mod landing;
mod lock;
mod record;
mod store;

mod error;
mod progress;

pub use catalogue::{Catalogue, HuggingFace, Kind, Model, ModelFile, Source, Wheel};
pub use digest::Digest;
pub use error::{ByHand, Cause, Error};
pub use platform::Platform;
pub use progress::{Event, Progress, Silent, Terminal};
pub use settings::{Secret, Settings};
pub use store::{Entry, Installed, Store};

/// What the calls of this room return.
pub type Result<T, E = Error> = std::result::Result<T, E>;
