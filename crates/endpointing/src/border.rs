//! What sessions see of endpointing.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use engine::{CancelOnDrop, Cancelled, cancellation};
use tokio::sync::oneshot;

/// How much of a turn is heard: its end. Callers need not keep more of it.
pub const LONGEST: Duration = Duration::from_secs(8);

/// What an engine is, for logs and `/health`.
#[derive(Clone, Debug)]
pub struct Info {
    /// The backend and model.
    pub name: String,
    /// Jobs run at once.
    pub workers: usize,
}

/// An engine that hears whether turns are complete, shared by all sessions.
pub trait Endpointing: Send + Sync {
    /// Queues the question whether this turn is complete, without waiting.
    ///
    /// `samples` are mono at 16 kHz in -1.0 ..= 1.0: the turn so far, with the pause in which it
    /// may have ended, for elsewhere the answer means nothing. Of a turn longer than [`LONGEST`]
    /// the end is heard.
    fn assess(&self, samples: Box<[f32]>) -> Result<Assessment, EndpointingError>;
    /// What this engine is.
    fn info(&self) -> Info;
    /// How many questions wait for a worker.
    fn waiting(&self) -> usize {
        0
    }
}

/// The probability, 0.0 ..= 1.0, that a turn is complete, being found. Dropping it cancels the
/// work within one model step.
#[derive(Debug)]
pub struct Assessment {
    result: oneshot::Receiver<Result<f32, EndpointingError>>,
    _cancel: CancelOnDrop,
}

/// An [`Assessment`] and the ends that its engine keeps.
pub fn reply() -> (oneshot::Sender<Result<f32, EndpointingError>>, Cancelled, Assessment) {
    let (result_tx, result) = oneshot::channel();
    let (cancel, cancelled) = cancellation();
    (result_tx, cancelled, Assessment { result, _cancel: cancel })
}

impl Future for Assessment {
    type Output = Result<f32, EndpointingError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let result = Pin::new(&mut self.result).poll(context);
        result.map(|result| result.unwrap_or(Err(EndpointingError::Lost)))
    }
}

/// Why it is not known whether a turn is complete.
#[derive(Debug, thiserror::Error)]
pub enum EndpointingError {
    /// The model's file could not be loaded.
    #[error("could not load the endpointing model: {0}")]
    Load(String),
    /// As many questions wait as may wait.
    #[error("the endpointing engine is overloaded")]
    Overloaded,
    /// The engine has stopped.
    #[error("the endpointing engine has stopped")]
    Stopped,
    /// The worker panicked over this turn.
    #[error("the endpointing engine lost this turn")]
    Lost,
    /// The model failed on this turn.
    #[error("the endpointing model failed: {0}")]
    Model(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_answer_arrives_and_a_lost_one_is_an_error() {
        let (result, _cancelled, assessment) = reply();
        assert!(result.send(Ok(0.25)).is_ok());
        assert!(matches!(assessment.await, Ok(0.25)));
        let (result, _cancelled, assessment) = reply();
        drop(result);
        assert!(matches!(assessment.await, Err(EndpointingError::Lost)));
    }

    #[test]
    fn dropping_an_assessment_cancels_it() {
        let (_result, cancelled, assessment) = reply();
        assert!(!cancelled.is_cancelled());
        drop(assessment);
        assert!(cancelled.is_cancelled());
    }
}
