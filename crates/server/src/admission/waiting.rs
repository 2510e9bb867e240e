//! One who waits in line.

use std::time::Duration;

use tokio::{
    sync::{oneshot, watch},
    time::Instant,
};

use super::{Admission, Outlook, Permit, Ticket};
use crate::metrics::Counted;

/// A place in line. Dropping it leaves the line.
#[derive(Debug)]
pub(crate) struct Waiting {
    door: Admission,
    ticket: Ticket,
    called: oneshot::Receiver<Permit>,
    moved: watch::Receiver<()>,
    since: Instant,
    _counted: Counted,
}

/// What happens to somebody in line.
#[derive(Debug)]
pub(crate) enum News {
    /// It is their turn.
    Called(Permit),
    /// They may stand elsewhere, or the outlook may be another.
    Moved,
}

/// Where somebody stands in line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Standing {
    /// 1 is in front.
    pub(crate) position: usize,
    /// How long it may take, in whole seconds; `None`: nobody can tell.
    pub(crate) wait: Option<Duration>,
}

impl Waiting {
    pub(super) fn new(door: Admission, ticket: Ticket, called: oneshot::Receiver<Permit>) -> Self {
        let (moved, counted) = (door.0.moved.subscribe(), door.0.metrics.waiting());
        Self { door, ticket, called, moved, since: Instant::now(), _counted: counted }
    }

    /// Resolves when it is their turn, after which it must not be asked again, or when they may
    /// stand elsewhere than when this was last asked. Cancel-safe.
    pub(crate) async fn news(&mut self) -> News {
        let Self { called, moved, .. } = self;
        tokio::select! {
            biased;
            permit = called => {
                self.door.0.metrics.waited(self.since.elapsed());
                News::Called(permit.expect("who is in line is called, or leaves it"))
            }
            // the door is there as long as this is
            _ = moved.changed() => News::Moved,
        }
    }

    /// Where they stand; `None` if they have been called.
    pub(crate) fn standing(&self) -> Option<Standing> {
        let state = self.door.state();
        let position = state.line.position(self.ticket)?;
        let wait = state.stays.wait(&Outlook {
            position,
            active: state.active,
            max: self.door.0.max,
            pressure: state.pressure,
            admit_every: self.door.0.admit_every,
        });
        let wait = wait.map(whole_seconds);
        Some(Standing { position, wait })
    }
}

/// Rounded up: an estimate is no better, and changes less often so.
fn whole_seconds(wait: Duration) -> Duration {
    let begun = u64::from(wait.subsec_nanos() > 0);
    Duration::from_secs(wait.as_secs().saturating_add(begun))
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let left = self.door.state().line.leave(self.ticket);
        if left.is_some() {
            self.door.0.moved.send_replace(());
        }
        // if they were called and did not come, the place goes back with the permit
    }
}
