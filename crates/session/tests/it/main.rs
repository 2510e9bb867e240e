//! A session without a server: scripted models, paused time.

mod call;
mod gone;
mod interrupted;
mod log;
mod lost;
mod spoken;
mod typed;
mod voice;
