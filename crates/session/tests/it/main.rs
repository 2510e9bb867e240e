//! A session without a server: scripted models, paused time.

mod typed;
