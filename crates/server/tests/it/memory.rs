//! What a caller costs who is connected and says nothing. By itself, since other tests of this
//! process take memory as well:
//!
//! ```text
//! cargo test -p server --test it -- --ignored --nocapture silent_callers
//! ```

use crate::{
    client::Client,
    harness::{Setup, echo},
    resume::ACTIVE,
};

const CALLERS: u32 = 1_000;
/// Those before; what is made once is made for them.
const WARM: u32 = 50;
/// What is promised of each, with a session of scripted models.
const EACH_KIB: u64 = 200;

fn resident_bytes() -> u64 {
    let stat = procfs::process::Process::myself().and_then(|process| process.stat());
    stat.expect("Linux").rss * procfs::page_size()
}

#[tokio::test]
#[ignore = "measures the whole process"]
async fn a_thousand_silent_callers_take_little_memory() {
    let mut setup = Setup::answering(echo);
    setup.settings.max_connections = 2_000;
    let server = setup.start().await;
    let mut held = Vec::new();
    for _ in 0..WARM {
        held.push(Client::extended(&server).await.into_bare_socket());
    }
    let before = resident_bytes();
    for _ in 0..CALLERS {
        held.push(Client::extended(&server).await.into_bare_socket());
    }
    let each = ((resident_bytes() - before) / u64::from(CALLERS)) >> 10;
    eprintln!("{each} KiB for each of {CALLERS} silent callers");
    server.until(ACTIVE, f64::from(WARM + CALLERS)).await;
    assert!(each < EACH_KIB, "{each} KiB");
}
