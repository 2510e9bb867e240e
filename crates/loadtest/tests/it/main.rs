//! The room's tests, in one binary.

mod caller;
mod run;
mod server;
mod talking_over;
