//! Several callers that talk as people do: most of their turns are questions, now and then they
//! interrupt an answer, and now and then they cough.

use std::{sync::Arc, time::Duration};

use anyhow::{Context, Result, ensure};
use audio::Frame;
use tokio::task::JoinSet;

use crate::{Caller, Coughed, Exchange, Load, Stop, cough};

/// One of so many turns is interrupted, and another one is coughed over.
const EVERY: usize = 4;
/// So much of an answer is heard before somebody talks over it: it is not over by then, and is
/// well under way.
const HEARD: Duration = Duration::from_millis(700);

/// What came of callers that talked as people do.
#[derive(Clone, Debug, Default)]
pub struct Conversation {
    /// The turns that were answered, those with interrupted answers and their answers included.
    pub exchanges: Vec<Exchange>,
    /// The interruptions; `None` where the answer did not stop or had come to its end.
    pub stops: Vec<Option<Stop>>,
    /// The coughs.
    pub coughs: Vec<Coughed>,
    /// Why turns were not answered.
    pub failures: Vec<String>,
}

/// What a caller does in a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Act {
    Ask,
    Interrupt,
    Cough,
}

impl Act {
    /// Callers do not all do the same at the same time.
    fn of(caller: usize, turn: usize) -> Self {
        match (turn + caller) % EVERY {
            1 => Self::Interrupt,
            3 => Self::Cough,
            _ => Self::Ask,
        }
    }
}

impl Load {
    /// Connects all callers, then lets them talk as people do until each has had its turns. A turn
    /// that fails is counted, and its caller goes on with another connection.
    pub async fn converse(&self) -> Result<Conversation> {
        ensure!(!self.clips.is_empty(), "the callers have nothing to say");
        let mut callers = Vec::new();
        for number in 0..self.callers {
            callers.push(Conversing::connect(self, number).await?);
        }
        let mut talking = JoinSet::new();
        for caller in callers {
            talking.spawn(caller.talk(self.turns));
        }
        let mut all = Conversation::default();
        while let Some(done) = talking.join_next().await {
            all.add(done.context("a caller panicked")??);
        }
        all.exchanges.sort_by_key(|exchange| exchange.caller);
        Ok(all)
    }
}

/// A caller in conversation.
struct Conversing {
    load: Load,
    number: usize,
    caller: Caller,
    noise: Frame,
    so_far: Conversation,
}

impl Conversing {
    async fn connect(load: &Load, number: usize) -> Result<Self> {
        let caller = Caller::connect(&load.url, load.rates).await;
        let caller = caller.with_context(|| format!("caller {number}"))?;
        let noise = cough(load.rates.input, number as u64);
        Ok(Self { load: load.clone(), number, caller, noise, so_far: Conversation::default() })
    }

    async fn talk(mut self, turns: usize) -> Result<Conversation> {
        for turn in 0..turns {
            let Err(error) = self.take_turn(turn).await else { continue };
            self.so_far.failures.push(format!("caller {}, turn {turn}: {error:#}", self.number));
            let again = Caller::connect(&self.load.url, self.load.rates).await;
            self.caller = again.context("could not go on after a failure")?;
        }
        self.caller.close().await.with_context(|| format!("caller {}", self.number))?;
        Ok(self.so_far)
    }

    async fn take_turn(&mut self, number: usize) -> Result<()> {
        let clips = Arc::clone(&self.load.clips);
        let index = (self.number + number) % clips.len();
        let next = (index + 1) % clips.len();
        let caller = self.number;
        let exchange = |clip, turn| Exchange { caller, clip, turn };
        match Act::of(caller, number) {
            Act::Ask => {
                let turn = self.caller.turn(&clips[index]).await?;
                self.so_far.exchanges.push(exchange(index, turn));
            }
            Act::Interrupt => {
                let done = self.caller.interrupt(&clips[index], HEARD, &clips[next]).await?;
                self.so_far.exchanges.push(exchange(index, done.question));
                self.so_far.stops.push(done.stop);
                self.so_far.exchanges.extend(done.answer.map(|turn| exchange(next, turn)));
            }
            Act::Cough => {
                let done = self.caller.cough(&clips[index], HEARD, &self.noise).await?;
                self.so_far.exchanges.push(exchange(index, done.question));
                self.so_far.coughs.push(done.outcome);
            }
        }
        Ok(())
    }
}

impl Conversation {
    fn add(&mut self, other: Self) {
        let Self { exchanges, stops, coughs, failures } = other;
        self.exchanges.extend(exchanges);
        self.stops.extend(stops);
        self.coughs.extend(coughs);
        self.failures.extend(failures);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_caller_asks_interrupts_and_coughs_at_a_time_of_its_own() {
        let acts = |caller| (0..4).map(|turn| Act::of(caller, turn)).collect::<Vec<_>>();
        assert_eq!(acts(0), [Act::Ask, Act::Interrupt, Act::Ask, Act::Cough]);
        assert_eq!(acts(1), [Act::Interrupt, Act::Ask, Act::Cough, Act::Ask]);
    }
}
