//! The binary's tests, in one binary.

mod conversation;
mod replay;
mod rooms;
