//! The store as a whole, against servers of its own on this machine.

mod server;
mod shop;

mod fetching;
mod keeping;
mod sources;
