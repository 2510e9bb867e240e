//! What happened when: each turn, and what the server took meanwhile.

use super::{
    axis::Axis,
    plot::{Plot, Shape, Side, Size},
};
use crate::{
    Act, Outcome, Sample, TurnOutcome,
    report::{
        Course,
        rows::{one_line, short},
        server::{descriptors, resident_bytes, sessions, threads},
        summary::is_answered,
    },
};

const MIB: f64 = 1_048_576.0;

/// Seconds in units in which a run's time is well told.
struct Clock {
    unit: &'static str,
    seconds: f64,
    end: f64,
}

/// Something of the server's over time.
struct Curve {
    title: &'static str,
    unit: &'static str,
    of: fn(&Sample) -> f64,
}

const SESSIONS: Curve = Curve { title: "Sessions", unit: "", of: sessions };
const CPU: Curve = Curve { title: "CPU", unit: "cores", of: |sample| sample.cpu };
const RESOURCES: [Curve; 3] = [
    Curve { title: "Memory", unit: "MiB", of: |sample| resident_bytes(sample) / MIB },
    Curve { title: "Threads", unit: "", of: threads },
    Curve { title: "Open files and sockets", unit: "", of: descriptors },
];

/// All turns of a run as dots, with sessions and CPU time below; `None` without any of them.
pub(super) fn timeline(outcome: &Outcome) -> Option<String> {
    if outcome.turns.is_empty() && outcome.callers.is_empty() && outcome.samples.is_empty() {
        return None;
    }
    let clock = Clock::of(outcome);
    let mut page = turns(outcome, &clock);
    if outcome.samples.len() > 1 {
        let zero = |curve: &Curve| {
            Axis::from_zero(outcome.samples.iter().map(curve.of).fold(0.0, f64::max))
        };
        page += &course(outcome, &clock, &SESSIONS, zero(&SESSIONS));
        page += &course(outcome, &clock, &CPU, zero(&CPU));
    }
    Some(page)
}

/// What should not grow; `None` if the server told nothing of it.
pub(super) fn resources(outcome: &Outcome) -> Option<String> {
    let clock = Clock::of(outcome);
    let draw = |curve: &Curve| {
        let axis = Axis::around(outcome.samples.iter().map(curve.of));
        course(outcome, &clock, curve, axis)
    };
    (outcome.samples.len() > 1).then(|| RESOURCES.iter().map(draw).collect())
}

impl Clock {
    fn of(outcome: &Outcome) -> Self {
        let last = outcome.turns.iter().map(|turn| turn.at);
        let last = last.chain(outcome.samples.iter().map(|sample| sample.at));
        let end = last.filter(|at| at.is_finite()).fold(0.0, f64::max);
        let end = if outcome.duration.is_finite() { end.max(outcome.duration) } else { end };
        let (unit, seconds) = match end {
            end if end <= 180.0 => ("s", 1.0),
            end if end <= 10_800.0 => ("min", 60.0),
            _ => ("h", 3_600.0),
        };
        Self { unit, seconds, end }
    }

    fn side(&self) -> Side {
        Side { axis: Axis::until(self.end / self.seconds), unit: self.unit }
    }

    fn at(&self, seconds: f64) -> f64 {
        seconds / self.seconds
    }

    fn tell(&self, seconds: f64) -> String {
        format!("{} {}", short(self.at(seconds)), self.unit)
    }
}

fn turns(outcome: &Outcome, clock: &Clock) -> String {
    let latencies = outcome.turns.iter().filter_map(|turn| turn.voice_to_voice_ms);
    let most = latencies.filter(|its| its.is_finite()).fold(0.0, f64::max);
    let sides = (clock.side(), Side { axis: Axis::from_zero(most), unit: "ms" });
    let description = "Each turn at the end of its speech, higher the later its answer was heard. \
                       The table below has the same by time.";
    let title = "Every turn: when it was, and how soon it was answered";
    let mut plot = Plot::new(title, description, sides, Size::Tall);
    let (from, to) = outcome.window;
    plot.shade(0.0, clock.at(from));
    plot.shade(clock.at(to), clock.at(clock.end));
    for turn in &outcome.turns {
        draw(&mut plot, turn, clock);
    }
    for caller in &outcome.callers {
        let name = format!("caller {}", caller.caller);
        if caller.refused {
            let tip = format!("{}, {name}: refused", clock.tell(caller.called_at));
            plot.above(Shape::Diamond, clock.at(caller.called_at), 26, &tip);
        } else if let Some(reason) = &caller.failure {
            let at = caller.left_at.unwrap_or(caller.called_at);
            let tip = format!("{}, {name} was lost: {}", clock.tell(at), one_line(reason));
            plot.above(Shape::Diamond, clock.at(at), 26, &tip);
        }
    }
    keys(&mut plot, outcome);
    plot.render()
}

fn draw(plot: &mut Plot, turn: &TurnOutcome, clock: &Clock) {
    let at = clock.at(turn.at);
    let tip = format!("{}, caller {}, {}", clock.tell(turn.at), turn.caller, one_line(&turn.clip));
    let latency = turn.voice_to_voice_ms.filter(|_| turn.failure.is_none());
    if let Some(latency) = latency {
        let class = if turn.act == Act::Interrupted { "dot interrupted" } else { "dot asked" };
        plot.dot((at, latency), class, &format!("{tip}: {} ms", short(latency)));
        if turn.underruns > 0 {
            plot.ring((at, latency));
        }
    } else if turn.answered_early && turn.failure.is_none() {
        plot.bottom(Shape::Triangle, at, &format!("{tip}: answered before its end"));
    } else {
        let reason = turn.failure.as_deref().map_or_else(|| "no answer".to_owned(), one_line);
        plot.above(Shape::Cross, at, 10, &format!("{tip}: {reason}"));
    }
}

/// What the marks mean, for those that there are.
fn keys(plot: &mut Plot, outcome: &Outcome) {
    let turns = |is: fn(&TurnOutcome) -> bool| outcome.turns.iter().filter(|its| is(its)).count();
    let callers = outcome.callers.iter();
    let heard: fn(&TurnOutcome) -> bool =
        |turn| turn.voice_to_voice_ms.is_some() && turn.failure.is_none();
    let interrupting = turns(|turn| turn.act == Act::Interrupted);
    let marks = [
        ("dot asked", "answered", turns(heard)),
        ("dot interrupted", "spoken over an answer", interrupting),
        ("ring", "its sound ran out", turns(|turn| turn.underruns > 0)),
        ("triangle", "answered before its end", turns(|turn| turn.answered_early)),
        ("cross", "no answer", turns(|turn| !is_answered(turn))),
        (
            "diamond",
            "refused or lost",
            callers.filter(|its| its.refused || its.failure.is_some()).count(),
        ),
    ];
    for (class, meaning, count) in marks {
        if count > 0 {
            plot.key(class, &format!("{meaning}: {count}"));
        }
    }
    plot.key("shade", "does not count");
}

fn course(outcome: &Outcome, clock: &Clock, curve: &Curve, axis: Axis) -> String {
    let points = || outcome.samples.iter().map(|sample| (sample.at, (curve.of)(sample)));
    let told = tell(curve, points());
    let title =
        if told.is_empty() { curve.title.to_owned() } else { format!("{}: {told}", curve.title) };
    let sides = (clock.side(), Side { axis, unit: curve.unit });
    let mut plot = Plot::new(&title, "Over the time of the run.", sides, Size::Low);
    let (from, to) = outcome.window;
    plot.shade(0.0, clock.at(from));
    plot.shade(clock.at(to), clock.at(clock.end));
    plot.line(points().map(|(at, value)| (clock.at(at), value)), "curve first");
    plot.render()
}

/// In words what a curve shows.
fn tell(curve: &Curve, points: impl Iterator<Item = (f64, f64)>) -> String {
    let unit = if curve.unit.is_empty() { String::new() } else { format!(" {}", curve.unit) };
    Course::of(points).map_or_else(String::new, |its| {
        let [first, last, max] = [its.first, its.last, its.max].map(short);
        format!("{first} at first, {last} at last, {max}{unit} at most")
    })
}
