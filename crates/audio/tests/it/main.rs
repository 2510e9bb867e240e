//! The echo guard over made voices and recorded ones.

mod echo;
mod recorded;
mod scene;
mod voice;
