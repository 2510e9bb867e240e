//! Where values lie along a side of a plot, and which of them are written beside it.

/// How many steps an axis has, about.
const STEPS: f64 = 5.0;

/// A range with a step that people count in: 1, 2 or 5 times a power of ten.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Axis {
    from: f64,
    to: f64,
    step: f64,
}

impl Axis {
    /// From 0 to the first step that is not below this.
    pub(super) fn from_zero(most: f64) -> Self {
        let most = if most.is_finite() && most > 0.0 { most } else { 1.0 };
        let step = step(most);
        Self { from: 0.0, to: (most / step).ceil() * step, step }
    }

    /// From 0 to exactly this.
    pub(super) fn until(end: f64) -> Self {
        let Self { to, step, .. } = Self::from_zero(end);
        let to = if end.is_finite() && end > 0.0 { end } else { to };
        Self { from: 0.0, to, step }
    }

    /// About these values, and never so near that a change of a hundredth looks like a jump.
    pub(super) fn around(values: impl Iterator<Item = f64>) -> Self {
        let values = values.filter(|value| value.is_finite() && *value >= 0.0);
        let range = values.fold(None, |range: Option<(f64, f64)>, value| {
            let (least, most) = range.unwrap_or((value, value));
            Some((least.min(value), most.max(value)))
        });
        let Some((least, most)) = range else { return Self::from_zero(1.0) };
        let spare = (most / 20.0 - (most - least) / 2.0).max((most - least) / 10.0);
        let spare = if spare > 0.0 { spare } else { 1.0 };
        let (low, high) = ((least - spare).max(0.0), most + spare);
        let step = step(high - low);
        Self { from: (low / step).floor() * step, to: (high / step).ceil() * step, step }
    }

    /// How far along the axis this lies, in percent; what is beyond an end lies there.
    pub(super) fn place(&self, value: f64) -> f64 {
        let share = (value - self.from) / (self.to - self.from);
        if share.is_finite() { share.clamp(0.0, 1.0) * 100.0 } else { 0.0 }
    }

    /// The values that are written beside it.
    pub(super) fn ticks(&self) -> Vec<f64> {
        let Self { from, to, step } = self;
        let first = (from / step).ceil();
        let tick = |count: u32| (first + f64::from(count)) * step;
        (0..32).map(tick).take_while(|tick| *tick <= to + step / 1e3).collect()
    }

    /// A value as it is written beside it.
    pub(super) fn label(&self, value: f64) -> String {
        let decimals = match self.step {
            step if step >= 1.0 => 0,
            step if step >= 0.1 => 1,
            step if step >= 0.01 => 2,
            _ => 3,
        };
        format!("{value:.decimals$}")
    }
}

/// The step that parts a range into about [`STEPS`].
fn step(range: f64) -> f64 {
    let rough = range / STEPS;
    let power = 10.0_f64.powf(rough.log10().floor());
    let factor = match rough / power {
        rest if rest <= 1.0 => 1.0,
        rest if rest <= 2.0 => 2.0,
        rest if rest <= 5.0 => 5.0,
        _ => 10.0,
    };
    factor * power
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: &Axis) -> Vec<String> {
        axis.ticks().into_iter().map(|tick| axis.label(tick)).collect()
    }

    #[test]
    fn steps_are_those_that_people_count_in() {
        assert_eq!(labels(&Axis::from_zero(1_340.0)), ["0", "500", "1000", "1500"]);
        assert_eq!(labels(&Axis::from_zero(8.0)), ["0", "2", "4", "6", "8"]);
        assert_eq!(labels(&Axis::from_zero(0.9)), ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        assert_eq!(labels(&Axis::until(47.0)), ["0", "10", "20", "30", "40"]);
    }

    #[test]
    fn values_lie_where_they_should() {
        let axis = Axis::from_zero(1_000.0);
        let place = |value| format!("{:.3}", axis.place(value));
        assert_eq!([0.0, 250.0].map(place), ["0.000", "25.000"]);
        assert_eq!([1_000.0, 5_000.0].map(place), ["100.000", "100.000"]);
        assert_eq!(place(f64::NAN), "0.000");
    }

    #[test]
    fn what_hardly_changes_looks_flat() {
        let axis = Axis::around([600.0, 601.0].into_iter());
        assert!((axis.place(601.0) - axis.place(600.0)).abs() < 3.0, "{axis:?}");
        assert!(axis.place(600.0) > 20.0 && axis.place(601.0) < 80.0, "{axis:?}");
    }

    #[test]
    fn there_is_an_axis_without_values() {
        for axis in [
            Axis::from_zero(0.0),
            Axis::from_zero(f64::NAN),
            Axis::until(f64::INFINITY),
            Axis::around([].into_iter()),
        ] {
            assert!(axis.ticks().len() > 1, "{axis:?}");
        }
        assert!(Axis::around([0.0, 0.0].into_iter()).ticks().len() > 1);
    }
}
