//! The response that is being made or heard, as its session sees it.

use std::time::Duration;

use tokio::{sync::mpsc, task::JoinSet, time::Instant};
use tracing::Instrument;

use crate::{
    Failure, Ledger, ResponseId, TurnTimings,
    response::{PROGRESS, Plan, Progress, respond},
};

/// How long after its estimated end an answer may still sound at a client that reports its
/// playback and has not reported the end: a network's worth.
const REPORT_GRACE: Duration = Duration::from_secs(2);
/// The same for clients that report nothing: their jitter buffer.
const ESTIMATE_GRACE: Duration = Duration::from_millis(300);
/// Reported positions may fall short of the end by resampling's rounding.
const ROUNDING: Duration = Duration::from_millis(40);

/// The response that is being made or heard.
pub(crate) struct Live {
    pub(crate) id: ResponseId,
    /// Holds the response's task; dropping it cancels model and voice.
    _task: JoinSet<()>,
    pub(crate) progress: mpsc::Receiver<Progress>,
    pub(crate) ledger: Ledger,
    pub(crate) answer: String,
    pub(crate) first_sound: Option<Instant>,
    pub(crate) report: Option<Report>,
    pub(crate) handed_out: bool,
    /// It ended well: all that was to be said has been handed out.
    pub(crate) whole: bool,
}

/// What the client said last about its playback.
pub(crate) struct Report {
    pub(crate) at: Instant,
    pub(crate) until: Duration,
    pub(crate) playing: bool,
}

/// What a step of the response means for the session.
pub(crate) enum Noted {
    Nothing,
    Sounding(TurnTimings),
    Ended(Result<(), Failure>),
}

impl Live {
    /// Starts the response of this plan; `plan` gets the way on which the response tells its
    /// progress.
    pub(crate) fn start(id: ResponseId, plan: impl FnOnce(mpsc::Sender<Progress>) -> Plan) -> Self {
        let (progress_tx, progress) = mpsc::channel(PROGRESS);
        let mut task = JoinSet::new();
        let span = tracing::debug_span!("response", response = %id);
        task.spawn(respond(plan(progress_tx)).instrument(span));
        Self {
            id,
            _task: task,
            progress,
            ledger: Ledger::default(),
            answer: String::new(),
            first_sound: None,
            report: None,
            handed_out: false,
            whole: false,
        }
    }

    pub(crate) fn note(&mut self, progress: Progress) -> Noted {
        match progress {
            Progress::Answer(text) => self.answer = text,
            Progress::Began(sentence) => self.ledger.begin(&sentence),
            Progress::Sounded(duration) => self.ledger.sounded(duration),
            Progress::Sounding(timings) => {
                self.first_sound = Some(Instant::now());
                return Noted::Sounding(timings);
            }
            Progress::Ended(result) => return Noted::Ended(result),
        }
        Noted::Nothing
    }

    /// Notes what the response has done and the session has not seen yet.
    pub(crate) fn catch_up(&mut self) {
        while let Ok(progress) = self.progress.try_recv() {
            self.note(progress);
        }
    }

    /// How much of the sound has been heard by now: as reported, or as much as time has passed.
    pub(crate) fn heard(&self, now: Instant) -> Duration {
        let heard = match (&self.report, self.first_sound) {
            (Some(report), _) if report.playing => {
                report.until + now.saturating_duration_since(report.at)
            }
            (Some(report), _) => report.until,
            (None, Some(first_sound)) => now.saturating_duration_since(first_sound),
            (None, None) => Duration::ZERO,
        };
        heard.min(self.ledger.duration())
    }

    /// The words that someone knows who has heard so much of the sound: all of them, or those up
    /// to a cut.
    pub(crate) fn words(&self, heard: Duration) -> String {
        if self.whole && heard >= self.ledger.duration() {
            self.ledger.text()
        } else {
            self.ledger.heard(heard)
        }
    }

    /// When the last of the sound will have been heard, if all of it has been handed out.
    pub(crate) fn ends_at(&self) -> Option<Instant> {
        if !self.handed_out {
            return None;
        }
        let duration = self.ledger.duration();
        let Some(first_sound) = self.first_sound else { return Some(Instant::now()) };
        Some(match &self.report {
            // positions are rounded to samples of the client's rate
            Some(report) if !report.playing && report.until + ROUNDING >= duration => report.at,
            Some(report) => report.at + duration.saturating_sub(report.until) + REPORT_GRACE,
            None => first_sound + duration + ESTIMATE_GRACE,
        })
    }
}
