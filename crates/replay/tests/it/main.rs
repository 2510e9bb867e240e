//! Recordings of real sessions with scripted models, and what becomes of them.

mod another;
mod broken;
mod folder;
mod made;
mod scene;
