//! Conversations kept in files, and had again without models.
//!
//! A [`Recorder`] writes what a session's dialogue learns and decides, one file a session. A
//! [`Recording`] reads it back, and [`replay`] gives the same inputs to a fresh dialogue, which
//! must decide the same: [`compare`] says whether it does. [`what_if`] has the conversation again
//! under other settings, and [`beside`] shows what is different.

mod beside;
mod decisions;
mod forms;
mod lines;
mod moments;
mod recorder;
mod recording;
mod replaying;
mod settings;
mod what_if;

pub use beside::{Beside, beside};
pub use moments::{Moment, What, moments};
pub use recorder::{Recorder, RecorderError, Tape};
pub use recording::{End, ReadError, Recording, Step};
pub use replaying::{Comparison, Difference, Replayed, compare, replay};
pub use what_if::what_if;
