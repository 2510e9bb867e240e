//! Several callers at once.

use std::sync::Arc;

use anyhow::{Context, Result, ensure};
use audio::Frame;
use tokio::task::JoinSet;

use crate::{Caller, Rates, Turn};

/// Who calls, and what they say.
#[derive(Clone, Debug)]
pub struct Load {
    /// The server's `/ws`.
    pub url: String,
    /// The rates of each caller's devices.
    pub rates: Rates,
    /// How many call at once.
    pub callers: usize,
    /// How many turns each of them takes.
    pub turns: usize,
    /// What they say. Each begins with another one and goes through them in order.
    pub clips: Arc<[Frame]>,
}

/// A turn, and whose it was.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// The number of the caller.
    pub caller: usize,
    /// The index of the clip that was spoken.
    pub clip: usize,
    /// What came of it.
    pub turn: Turn,
}

impl Load {
    /// Connects all callers, then lets them talk until each has had its turns.
    pub async fn run(&self) -> Result<Vec<Exchange>> {
        ensure!(!self.clips.is_empty(), "the callers have nothing to say");
        let mut connected = Vec::new();
        for number in 0..self.callers {
            let caller = Caller::connect(&self.url, self.rates).await;
            connected.push((number, caller.with_context(|| format!("caller {number}"))?));
        }
        let mut talking = JoinSet::new();
        for (number, caller) in connected {
            talking.spawn(talk(number, caller, self.turns, Arc::clone(&self.clips)));
        }
        let mut exchanges = Vec::new();
        while let Some(done) = talking.join_next().await {
            exchanges.extend(done.context("a caller panicked")??);
        }
        exchanges.sort_by_key(|exchange| exchange.caller);
        Ok(exchanges)
    }
}

async fn talk(
    number: usize,
    mut caller: Caller,
    turns: usize,
    clips: Arc<[Frame]>,
) -> Result<Vec<Exchange>> {
    let mut exchanges = Vec::new();
    for clip in (number..number + turns).map(|index| index % clips.len()) {
        let turn = caller.turn(&clips[clip]).await;
        let turn = turn.with_context(|| format!("caller {number}, clip {clip}"))?;
        exchanges.push(Exchange { caller: number, clip, turn });
    }
    caller.close().await.with_context(|| format!("caller {number}"))?;
    Ok(exchanges)
}
