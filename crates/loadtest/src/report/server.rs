//! What the server told of itself in the warm window.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::{Outcome, Sample};

/// What the server took.
#[derive(Clone, Debug, Serialize)]
pub struct ServerFigures {
    /// How often it was asked.
    pub samples: usize,
    /// CPU time per second, on average: 1.0 is one core.
    pub cpu: f64,
    /// Sessions at once.
    pub sessions: Course,
    /// Resident memory, in bytes.
    pub resident_bytes: Course,
    /// Threads.
    pub threads: Course,
    /// Open file descriptors.
    pub descriptors: Course,
    /// How busy each engine was, by its name.
    pub engines: BTreeMap<String, EngineFigures>,
}

/// How a quantity went over time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Course {
    /// In the first sample.
    pub first: f64,
    /// In the last.
    pub last: f64,
    /// At most.
    pub max: f64,
    /// How much it grew in an hour, by least squares over all samples. `None` of samples at fewer
    /// than two moments.
    pub per_hour: Option<f64>,
}

/// How busy an engine was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct EngineFigures {
    /// Share of its threads' time in which it worked, on average over the samples.
    pub busy: f64,
    /// The same in the busiest sample.
    pub busy_max: f64,
    /// How long its jobs waited, in milliseconds, on average over the samples that had any.
    pub queue_ms: Option<f64>,
    /// The same in the worst sample.
    pub queue_max_ms: Option<f64>,
}

impl ServerFigures {
    /// Those of this run; `None` without a sample in its window.
    pub(super) fn of(outcome: &Outcome) -> Option<Self> {
        let samples: Vec<&Sample> = in_window(outcome).collect();
        let course = |it: fn(&Sample) -> f64| {
            Course::of(samples.iter().map(|sample| (sample.at, it(sample))))
        };
        Some(Self {
            samples: samples.len(),
            cpu: mean(samples.iter().map(|sample| sample.cpu))?,
            sessions: course(sessions)?,
            resident_bytes: course(resident_bytes)?,
            threads: course(threads)?,
            descriptors: course(descriptors)?,
            engines: engines(&samples),
        })
    }
}

impl Course {
    /// That of these values at these moments in seconds; `None` of none.
    pub(super) fn of(values: impl Iterator<Item = (f64, f64)>) -> Option<Self> {
        let points: Vec<(f64, f64)> =
            values.filter(|(at, value)| at.is_finite() && value.is_finite()).collect();
        Some(Self {
            first: points.first()?.1,
            last: points.last()?.1,
            max: points.iter().map(|point| point.1).fold(f64::MIN, f64::max),
            per_hour: slope(&points).map(|per_second| per_second * 3_600.0),
        })
    }
}

/// The samples that count.
pub(super) fn in_window(outcome: &Outcome) -> impl Iterator<Item = &Sample> {
    let (from, to) = outcome.window;
    outcome.samples.iter().filter(move |sample| (from..=to).contains(&sample.at))
}

#[expect(clippy::cast_precision_loss, reason = "counts are small")]
pub(super) fn sessions(sample: &Sample) -> f64 {
    sample.sessions as f64
}

#[expect(clippy::cast_precision_loss, reason = "no machine has 8 PiB of memory")]
pub(super) fn resident_bytes(sample: &Sample) -> f64 {
    sample.resident_bytes as f64
}

#[expect(clippy::cast_precision_loss, reason = "counts are small")]
pub(super) fn threads(sample: &Sample) -> f64 {
    sample.threads as f64
}

#[expect(clippy::cast_precision_loss, reason = "counts are small")]
pub(super) fn descriptors(sample: &Sample) -> f64 {
    sample.descriptors as f64
}

fn engines(samples: &[&Sample]) -> BTreeMap<String, EngineFigures> {
    let names = samples.iter().flat_map(|sample| sample.busy.keys().chain(sample.queue_ms.keys()));
    let figures = |name: &String| {
        let busy = || samples.iter().filter_map(|sample| sample.busy.get(name).copied());
        let queue = || samples.iter().filter_map(|sample| sample.queue_ms.get(name).copied());
        EngineFigures {
            busy: mean(busy()).unwrap_or(0.0),
            busy_max: most(busy()).unwrap_or(0.0),
            queue_ms: mean(queue()),
            queue_max_ms: most(queue()),
        }
    };
    names.map(|name| (name.clone(), figures(name))).collect()
}

/// The mean of what is a number.
pub(super) fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values
        .filter(|value| value.is_finite())
        .fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
    (count > 0.0).then(|| sum / count)
}

fn most(values: impl Iterator<Item = f64>) -> Option<f64> {
    values.filter(|value| value.is_finite()).reduce(f64::max)
}

/// Of the line with the least squares.
fn slope(points: &[(f64, f64)]) -> Option<f64> {
    let mean_x = mean(points.iter().map(|point| point.0))?;
    let mean_y = mean(points.iter().map(|point| point.1))?;
    let (mut over, mut under) = (0.0, 0.0);
    for (x, y) in points {
        over += (x - mean_x) * (y - mean_y);
        under += (x - mean_x).powi(2);
    }
    let slope = over / under;
    slope.is_finite().then_some(slope)
}
