//! How durations are spread.

use std::time::Duration;

use serde::{Serialize, Serializer};

/// Percentiles of some durations, each one that was measured (the nearest rank). In JSON they are
/// milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Percentiles {
    /// How many durations there are.
    pub count: usize,
    /// The median.
    #[serde(serialize_with = "milliseconds")]
    pub p50: Duration,
    /// 9 of 10 are no longer.
    #[serde(serialize_with = "milliseconds")]
    pub p90: Duration,
    /// 19 of 20 are no longer.
    #[serde(serialize_with = "milliseconds")]
    pub p95: Duration,
    /// 99 of 100 are no longer.
    #[serde(serialize_with = "milliseconds")]
    pub p99: Duration,
    /// The longest.
    #[serde(serialize_with = "milliseconds")]
    pub max: Duration,
}

impl Percentiles {
    /// Those of these durations; `None` if there are none.
    pub fn of(durations: impl IntoIterator<Item = Duration>) -> Option<Self> {
        let mut sorted: Vec<Duration> = durations.into_iter().collect();
        sorted.sort_unstable();
        let max = *sorted.last()?;
        let rank = |percent: usize| {
            let rank = (sorted.len() * percent).div_ceil(100);
            sorted[rank.saturating_sub(1)]
        };
        let (p50, p90, p95, p99) = (rank(50), rank(90), rank(95), rank(99));
        Some(Self { count: sorted.len(), p50, p90, p95, p99, max })
    }
}

fn milliseconds<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u128(duration.as_millis())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(millis: impl IntoIterator<Item = u64>) -> Option<Percentiles> {
        Percentiles::of(millis.into_iter().map(Duration::from_millis))
    }

    #[test]
    fn each_is_a_duration_that_was_measured() {
        let ms = Duration::from_millis;
        let hundred = of((1..=100).rev()).expect("there are some");
        let Percentiles { count, p50, p90, p95, p99, max } = hundred;
        assert_eq!(
            (count, p50, p90, p95, p99, max),
            (100, ms(50), ms(90), ms(95), ms(99), ms(100))
        );
        let three = of([30, 10, 20]).expect("there are some");
        assert_eq!((three.p50, three.p90, three.p99), (ms(20), ms(30), ms(30)));
        assert_eq!(of([7]).map(|one| (one.p50, one.max)), Some((ms(7), ms(7))));
    }

    #[test]
    fn there_are_none_of_nothing() {
        assert_eq!(of([]), None);
    }
}
