//! The store as a whole, against servers of its own on this machine.

#![expect(clippy::unwrap_used, reason = "a failure of the setup is a failure of the test")]

mod server;
mod shop;

mod fetching;
mod keeping;
mod sources;
