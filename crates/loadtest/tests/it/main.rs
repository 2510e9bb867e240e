//! The room's tests, in one binary.

mod caller;
mod server;
mod talking_over;
