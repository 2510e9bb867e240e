//! The binary's tests, in one binary.

mod rooms;
