//! When the sound of one response leaves, and how much of it has been heard.

use std::{collections::VecDeque, time::Duration};

/// How long after its estimated end an answer may still sound at a client that reports its
/// playback and has not reported the end: a network's worth.
const REPORT_GRACE: Duration = Duration::from_secs(2);
/// The same for clients that report nothing: their jitter buffer.
const ESTIMATE_GRACE: Duration = Duration::from_millis(300);
/// Reported positions may fall short of the end by resampling's rounding.
const ROUNDING: Duration = Duration::from_millis(40);
/// Without reports it is only estimated what has been heard: so much sound before that is kept all
/// the same.
const KEPT: Duration = Duration::from_millis(500);
/// A client that plays reports four times a second. One that has said nothing for longer may have
/// stalled, and nothing more counts as heard.
const STALE: Duration = Duration::from_secs(1);
/// Sound made further ahead of what has left than this can wait to be made.
const AHEAD: Duration = Duration::from_secs(5);

/// Why no sound leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hold {
    /// It is not certain yet that the caller has finished.
    Unconfirmed,
    /// The caller may be interrupting.
    Contested,
    /// The caller's connection is lost.
    Away,
}

/// The sound of one response on its way out. Positions count from its first sample; `now` is the
/// time since the session began.
///
/// Sound leaves no further ahead of an imagined listener, who hears without a gap from the first
/// frame on, than the lead.
#[derive(Debug)]
pub(crate) struct Playout {
    lead: Duration,
    /// Whether the client stops its own playback while the answer is held.
    client_pauses: bool,
    /// Where the frames end that may still have to leave, again or for the first time.
    ends: VecDeque<Duration>,
    /// How many of these have left.
    gone: usize,
    sent: Duration,
    made: Duration,
    /// Where the first of the frames begins.
    kept_from: Duration,
    listener: Listener,
    report: Option<Report>,
    holds: Holds,
}

/// The reasons why no sound leaves now.
#[derive(Clone, Copy, Debug)]
struct Holds {
    unconfirmed: bool,
    contested: bool,
    away: bool,
}

/// Somebody who hears each frame as it comes.
#[derive(Clone, Copy, Debug)]
struct Listener {
    heard: Duration,
    /// The moment of which `heard` is true; `None` while nothing sounds.
    at: Option<Duration>,
}

/// What the client said last about its playback.
#[derive(Clone, Copy, Debug)]
struct Report {
    at: Duration,
    until: Duration,
    playing: bool,
}

impl Playout {
    /// Sound for a client that may be `lead` behind, held until it is confirmed.
    pub(crate) fn new(lead: Duration, client_pauses: bool) -> Self {
        Self {
            lead,
            client_pauses,
            ends: VecDeque::new(),
            gone: 0,
            sent: Duration::ZERO,
            made: Duration::ZERO,
            kept_from: Duration::ZERO,
            listener: Listener { heard: Duration::ZERO, at: None },
            report: None,
            holds: Holds { unconfirmed: true, contested: false, away: false },
        }
    }

    /// A further frame of so much sound has been made.
    pub(crate) fn push(&mut self, duration: Duration) {
        self.made += duration;
        self.ends.push_back(self.made);
    }

    /// Whether more sound should be made now.
    pub(crate) fn wants_more(&self) -> bool {
        self.made.saturating_sub(self.sent) < AHEAD
    }

    /// How much sound has left.
    pub(crate) fn sent(&self) -> Duration {
        self.sent
    }

    /// Whether all that was made has left.
    pub(crate) fn is_drained(&self) -> bool {
        self.gone == self.ends.len()
    }

    /// When the next frame may leave; `None` if there is none, or it is held.
    pub(crate) fn due(&self) -> Option<Duration> {
        if self.is_drained() || self.is_held() {
            return None;
        }
        let at = self.listener.at.unwrap_or(Duration::ZERO);
        Some(at + self.sent.saturating_sub(self.listener.heard + self.lead))
    }

    /// The next frame leaves.
    pub(crate) fn leave(&mut self, now: Duration) {
        let Some(end) = self.ends.get(self.gone) else { return };
        // who had heard all there was hears on from now
        self.listener = Listener { heard: self.listener.heard(self.sent, now), at: Some(now) };
        self.sent = *end;
        self.gone += 1;
    }

    pub(crate) fn is_held(&self) -> bool {
        self.holds.unconfirmed || self.holds.contested || self.holds.away
    }

    pub(crate) fn is_contested(&self) -> bool {
        self.holds.contested
    }

    /// Keeps sound from leaving.
    pub(crate) fn hold(&mut self, now: Duration, why: Hold) {
        if why == Hold::Away || why == Hold::Contested && self.client_pauses {
            self.listener = Listener { heard: self.listener.heard(self.sent, now), at: None };
        }
        *self.reason(why) = true;
    }

    /// Lets it leave again, unless there is another reason not to.
    pub(crate) fn release(&mut self, now: Duration, why: Hold) {
        *self.reason(why) = false;
        if !self.is_held() && self.listener.at.is_none() && !self.sent.is_zero() {
            self.listener.at = Some(now);
        }
    }

    fn reason(&mut self, why: Hold) -> &mut bool {
        match why {
            Hold::Unconfirmed => &mut self.holds.unconfirmed,
            Hold::Contested => &mut self.holds.contested,
            Hold::Away => &mut self.holds.away,
        }
    }

    /// The client says how much it has played.
    pub(crate) fn reported(&mut self, now: Duration, until: Duration, playing: bool) {
        self.report = Some(Report { at: now, until, playing });
    }

    /// Whether the client reports its playback.
    pub(crate) fn is_reported(&self) -> bool {
        self.report.is_some()
    }

    /// A client that reports no positions begins to play: it has heard nothing before now.
    pub(crate) fn started(&mut self, now: Duration) {
        if self.report.is_none() && self.kept_from.is_zero() && self.listener.at.is_some() {
            self.listener = Listener { heard: Duration::ZERO, at: Some(now) };
        }
    }

    /// How much has been heard by now: as reported, or as much as there was time for.
    pub(crate) fn heard(&self, now: Duration) -> Duration {
        match self.report {
            Some(Report { at, until, playing: true }) if !self.holds.away => {
                (until + now.saturating_sub(at).min(STALE)).min(self.sent)
            }
            Some(report) => report.until.min(self.sent),
            None => self.listener.heard(self.sent, now),
        }
    }

    /// How much has been made and not been heard by now.
    pub(crate) fn unheard(&self, now: Duration) -> Duration {
        let made = self.ends.back().copied().unwrap_or(self.sent);
        made.saturating_sub(self.heard(now))
    }

    /// When the last of what has left will have been heard.
    pub(crate) fn ends_at(&self) -> Duration {
        let Some(at) = self.listener.at else { return Duration::ZERO };
        match self.report {
            // positions are rounded to samples of the client's rate
            Some(report) if !report.playing && report.until + ROUNDING >= self.sent => report.at,
            Some(report) => report.at + self.sent.saturating_sub(report.until) + REPORT_GRACE,
            None => at + self.sent.saturating_sub(self.listener.heard) + ESTIMATE_GRACE,
        }
    }

    /// The caller has come back on another connection, where nothing of what was on its way has
    /// been heard: it leaves again. Gives how many frames that are.
    pub(crate) fn rewind(&mut self, now: Duration) -> usize {
        let heard = self.heard(now);
        let keep = self.ends.iter().take_while(|end| **end <= heard).count();
        let again = self.gone.saturating_sub(keep);
        self.gone -= again;
        self.sent = match self.gone.checked_sub(1) {
            Some(last) => self.ends[last],
            None => self.kept_from,
        };
        self.report = None;
        self.listener.heard = self.sent;
        again
    }

    /// Gives up frames that have been heard long enough ago; gives how many.
    pub(crate) fn forget(&mut self, now: Duration) -> usize {
        let heard = match self.report {
            Some(report) => report.until,
            None => self.heard(now).saturating_sub(KEPT),
        };
        let mut count = 0;
        while self.gone > 0
            && let Some(end) = self.ends.front().copied().filter(|end| *end <= heard)
        {
            self.kept_from = end;
            self.ends.pop_front();
            self.gone -= 1;
            count += 1;
        }
        count
    }
}

impl Listener {
    fn heard(&self, sent: Duration, now: Duration) -> Duration {
        let since = self.at.map_or(Duration::ZERO, |at| now.saturating_sub(at));
        (self.heard + since).min(sent)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: Duration = Duration::from_millis(20);

    fn millis(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    /// A second of sound with a lead of 100 ms, confirmed.
    fn playout(client_pauses: bool) -> Playout {
        let mut playout = Playout::new(millis(100), client_pauses);
        (0..50).for_each(|_| playout.push(FRAME));
        playout.release(millis(0), Hold::Unconfirmed);
        playout
    }

    /// Lets leave what may, millisecond by millisecond.
    fn run(playout: &mut Playout, from: u64, until: u64) {
        for now in from..until {
            while playout.due().is_some_and(|due| due <= millis(now)) {
                playout.leave(millis(now));
            }
        }
    }

    #[test]
    fn nothing_leaves_before_it_is_confirmed() {
        let mut playout = Playout::new(millis(100), true);
        playout.push(FRAME);
        assert_eq!(playout.due(), None);
        playout.release(millis(7), Hold::Unconfirmed);
        assert!(playout.due().is_some_and(|due| due <= millis(7)));
    }

    #[test]
    fn sound_leaves_no_further_ahead_than_the_lead() {
        let mut playout = playout(true);
        run(&mut playout, 0, 400);
        assert_eq!(playout.sent(), millis(500));
        assert_eq!(playout.heard(millis(400)), millis(400));
    }

    #[test]
    fn a_client_that_pauses_goes_on_where_it_stopped() {
        let mut playout = playout(true);
        run(&mut playout, 0, 300);
        playout.hold(millis(300), Hold::Contested);
        run(&mut playout, 300, 900);
        assert_eq!(playout.heard(millis(900)), millis(300));
        playout.release(millis(900), Hold::Contested);
        run(&mut playout, 900, 1_000);
        assert_eq!(playout.heard(millis(1_000)), millis(400));
        assert_eq!(playout.sent(), millis(500));
    }

    #[test]
    fn a_client_that_cannot_pause_hears_what_has_left_and_no_more() {
        let mut playout = playout(false);
        run(&mut playout, 0, 300);
        playout.hold(millis(300), Hold::Contested);
        run(&mut playout, 300, 900);
        assert_eq!(playout.heard(millis(900)), playout.sent());
        let sent = playout.sent();
        playout.release(millis(900), Hold::Contested);
        run(&mut playout, 900, 1_000);
        assert_eq!(playout.heard(millis(1_000)), sent + millis(100));
    }

    #[test]
    fn a_report_counts_more_than_time() {
        let mut playout = playout(true);
        run(&mut playout, 0, 400);
        playout.reported(millis(390), millis(200), true);
        assert_eq!(playout.heard(millis(400)), millis(210));
        playout.reported(millis(400), millis(230), false);
        assert_eq!(playout.heard(millis(450)), millis(230));
    }

    #[test]
    fn what_was_on_its_way_when_the_connection_broke_leaves_again() {
        let mut playout = playout(true);
        run(&mut playout, 0, 700);
        playout.forget(millis(700));
        playout.reported(millis(650), millis(600), true);
        playout.hold(millis(700), Hold::Away);
        let again = playout.rewind(millis(5_000));
        assert_eq!(playout.sent(), millis(600));
        assert_eq!(again, 10, "800 ms had left and 600 were heard");
        playout.release(millis(5_000), Hold::Away);
        run(&mut playout, 5_000, 5_010);
        assert_eq!(playout.sent(), millis(720), "the lead is filled again");
    }

    #[test]
    fn what_a_stalled_client_may_not_have_heard_is_kept() {
        let mut playout = playout(true);
        run(&mut playout, 0, 300);
        playout.reported(millis(300), millis(200), true);
        run(&mut playout, 300, 1_000);
        assert_eq!(playout.forget(millis(9_000)), 10);
        playout.hold(millis(9_000), Hold::Away);
        assert_eq!(playout.rewind(millis(9_000)), 40);
        assert_eq!(playout.sent(), millis(200));
    }

    #[test]
    fn heard_frames_are_given_up_and_the_rest_is_kept() {
        let mut playout = playout(true);
        run(&mut playout, 0, 800);
        assert_eq!(playout.forget(millis(800)), 15);
        assert_eq!(playout.forget(millis(800)), 0);
        assert_eq!(playout.sent(), millis(900));
    }

    #[test]
    fn the_end_is_heard_after_all_has_left() {
        let mut playout = playout(true);
        run(&mut playout, 0, 1_000);
        assert!(playout.is_drained());
        assert_eq!(playout.ends_at(), millis(1_000) + ESTIMATE_GRACE);
        playout.reported(millis(1_010), millis(990), false);
        assert_eq!(playout.ends_at(), millis(1_010));
    }
}
