//! The commands.

pub(crate) mod bench;
pub(crate) mod check_config;
pub(crate) mod loadtest;
pub(crate) mod models;
pub(crate) mod plan;
pub(crate) mod replay;
pub(crate) mod serve;
