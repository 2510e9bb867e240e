//! The binary's tests, in one binary.

mod conversation;
mod rooms;
