//! Who may come in: so many sessions at once, while the models have headroom, in the order in which
//! they came; and a clear refusal for whoever can neither come in nor wait.

mod estimate;
mod line;
mod policy;
mod waiting;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use engine::Pressure;
use tokio::{
    sync::{Notify, oneshot, watch},
    time::Instant,
};

use crate::{Metrics, Settings};
use estimate::{Outlook, Stays};
use line::{Line, Ticket};
use policy::{Decision, Situation, decide};

pub(crate) use policy::Reason;
pub(crate) use waiting::{News, Standing, Waiting};

/// When a refused caller may ask again if nothing better is known; and at the latest.
const RETRY_AFTER: Duration = Duration::from_secs(5);
const LONGEST_RETRY_AFTER: Duration = Duration::from_mins(1);

/// The door: counts those inside, and keeps the line of those who wait. Clones are the same door.
#[derive(Clone, Debug)]
pub(crate) struct Admission(Arc<Door>);

#[derive(Debug)]
struct Door {
    max: usize,
    admit_every: Duration,
    state: Mutex<State>,
    metrics: Metrics,
    /// Somebody left or joined the line, or the pressure is another: perhaps the next may come in.
    changed: Notify,
    /// Those in line may stand elsewhere.
    moved: watch::Sender<()>,
}

#[derive(Debug)]
struct State {
    active: usize,
    last: Option<Instant>,
    pressure: Pressure,
    stays: Stays,
    line: Line<oneshot::Sender<Permit>>,
}

/// A place in the server. Whoever holds it counts as a session; dropping it gives it back.
#[derive(Debug)]
pub(crate) struct Permit {
    door: Admission,
    since: Instant,
}

/// Why a caller does not come in, and when to ask again.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Refusal {
    pub(crate) reason: Reason,
    pub(crate) retry_after: Duration,
}

impl Admission {
    pub(crate) fn new(settings: &Settings, metrics: Metrics) -> Self {
        metrics.set_max(settings.max_connections);
        Self(Arc::new(Door {
            max: settings.max_connections,
            admit_every: settings.admit_every,
            state: Mutex::new(State {
                active: 0,
                last: None,
                pressure: Pressure::Calm,
                stays: Stays::default(),
                line: Line::new(settings.waiting_room),
            }),
            metrics,
            changed: Notify::new(),
            moved: watch::Sender::new(()),
        }))
    }

    /// A place at once, unless there is none or others wait for it.
    pub(crate) fn enter(&self) -> Result<Permit, Refusal> {
        let mut state = self.state();
        let decision = self.decide(&state);
        match decision {
            Decision::Admit if state.line.is_empty() => Ok(self.admit(&mut state)),
            _ => Err(Refusal {
                // who waits will take what place there is
                reason: decision.reason().unwrap_or(Reason::Places),
                retry_after: retry_after(decision, &state),
            }),
        }
    }

    /// A place in line; `None` if there is none.
    pub(crate) fn stand_in_line(&self) -> Option<Waiting> {
        let (call, called) = oneshot::channel();
        let ticket = self.state().line.join(call)?;
        // a place may have come free since it was asked for
        self.0.changed.notify_one();
        Some(Waiting::new(self.clone(), ticket, called))
    }

    /// Notes that a caller is turned away.
    pub(crate) fn turn_away(&self, refusal: Refusal) {
        let reason = refusal.reason.as_str();
        self.0.metrics.refused(refusal.reason);
        tracing::warn!(reason, "server at capacity ({}/{})", self.active(), self.max());
    }

    /// Notes how busy the models are now.
    pub(crate) fn feel(&self, pressure: Pressure) {
        self.state().pressure = pressure;
        self.0.changed.notify_one();
        self.0.moved.send_replace(());
    }

    /// Lets those in line come in as places come free, for as long as the server runs.
    pub(crate) async fn attend(&self) {
        loop {
            let wait = self.call_those_in_line();
            // cancel-safe: a notification that is not taken stays
            tokio::select! {
                () = self.0.changed.notified() => {}
                () = tokio::time::sleep(wait.unwrap_or_default()), if wait.is_some() => {}
            }
        }
    }

    pub(crate) fn active(&self) -> usize {
        self.state().active
    }

    pub(crate) fn max(&self) -> usize {
        self.0.max
    }

    /// How many wait, and how many may.
    pub(crate) fn waiting(&self) -> (usize, usize) {
        let state = self.state();
        (state.line.len(), state.line.places())
    }

    pub(crate) fn pressure(&self) -> Pressure {
        self.state().pressure
    }

    /// Why the next caller would not come in, but for a moment's wait; `None` if they would.
    pub(crate) fn keeps_out(&self) -> Option<Reason> {
        let state = self.state();
        match self.decide(&state) {
            Decision::Refuse(reason) => Some(reason),
            _ if !state.line.is_empty() => Some(Reason::Places),
            _ => None,
        }
    }

    /// Calls from the front of the line who may come in now. How long until it is worth to look
    /// again though nothing else has changed; `None`: it is not.
    fn call_those_in_line(&self) -> Option<Duration> {
        loop {
            let mut state = self.state();
            if state.line.is_empty() {
                return None;
            }
            match self.decide(&state) {
                Decision::Wait(wait) => return Some(wait),
                Decision::Refuse(_) => return None,
                Decision::Admit => {}
            }
            let call = state.line.call()?;
            let permit = self.admit(&mut state);
            drop(state);
            // whoever has left meanwhile leaves the place to the next one
            let _ = call.send(permit);
            self.0.moved.send_replace(());
        }
    }

    fn decide(&self, state: &State) -> Decision {
        decide(&Situation {
            active: state.active,
            max: self.0.max,
            pressure: state.pressure,
            since_last: state.last.map(|last| last.elapsed()),
            admit_every: self.0.admit_every,
        })
    }

    fn admit(&self, state: &mut State) -> Permit {
        let since = Instant::now();
        state.active += 1;
        state.last = Some(since);
        self.0.metrics.admitted();
        Permit { door: self.clone(), since }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn retry_after(decision: Decision, state: &State) -> Duration {
    let known = match decision {
        Decision::Wait(wait) => Some(wait),
        Decision::Refuse(Reason::Places) => state.stays.until_one_leaves(state.active),
        Decision::Refuse(Reason::Load) | Decision::Admit => None,
    };
    known.unwrap_or(RETRY_AFTER).min(LONGEST_RETRY_AFTER)
}

impl Drop for Permit {
    fn drop(&mut self) {
        let mut state = self.door.state();
        state.active -= 1;
        state.stays.note(self.since.elapsed());
        drop(state);
        self.door.0.metrics.left();
        self.door.0.changed.notify_one();
    }
}

#[cfg(test)]
mod tests;
