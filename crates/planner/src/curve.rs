//! How long work takes by its size.

use serde::{Deserialize, Serialize};

/// Seconds by the size of some work (tokens, conversations, seconds of sound, characters): straight
/// lines between points that were measured or computed. Beyond them the nearest line goes on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Vec<(f64, f64)>", into = "Vec<(f64, f64)>")]
pub struct Curve(Vec<(f64, f64)>);

impl Curve {
    /// Through these points, by growing size. `None` if there are none, or one is not a number or
    /// negative.
    pub fn through(points: impl IntoIterator<Item = (f64, f64)>) -> Option<Self> {
        let mut points: Vec<_> = points.into_iter().collect();
        let fine = |(size, seconds): &(f64, f64)| *size >= 0.0 && *seconds >= 0.0;
        if points.is_empty() || !points.iter().all(fine) {
            return None;
        }
        points.sort_by(|one, other| one.0.total_cmp(&other.0));
        points.dedup_by_key(|point| point.0);
        Some(Self(points))
    }

    /// The same for every size.
    pub fn flat(seconds: f64) -> Self {
        Self(vec![(0.0, seconds)])
    }

    /// So much for any, and so much for each unit of size.
    pub fn line(fixed: f64, each: f64) -> Self {
        Self(vec![(0.0, fixed), (1.0, fixed + each)])
    }

    /// Seconds for work of this size; never less than nothing.
    pub fn at(&self, size: f64) -> f64 {
        let points = &self.0;
        let after = points.partition_point(|point| point.0 < size);
        let right = after.clamp(1, points.len().saturating_sub(1).max(1));
        match (points.get(right - 1), points.get(right)) {
            (Some(&(x0, y0)), Some(&(x1, y1))) => {
                (y0 + (y1 - y0) * (size - x0) / (x1 - x0)).max(0.0)
            }
            (Some(only), _) => only.1,
            _ => 0.0,
        }
    }

    /// What work of no size would take: what each piece of work costs whatever its size.
    pub fn fixed(&self) -> f64 {
        self.at(0.0)
    }

    /// Its points.
    pub fn points(&self) -> &[(f64, f64)] {
        &self.0
    }

    /// With all times so many times as long.
    #[must_use]
    pub fn stretched(&self, factor: f64) -> Self {
        Self(self.0.iter().map(|(size, seconds)| (*size, seconds * factor)).collect())
    }
}

impl TryFrom<Vec<(f64, f64)>> for Curve {
    type Error = &'static str;

    fn try_from(points: Vec<(f64, f64)>) -> Result<Self, Self::Error> {
        Self::through(points).ok_or("a curve needs points, none of them negative")
    }
}

impl From<Curve> for Vec<(f64, f64)> {
    fn from(curve: Curve) -> Self {
        curve.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(one: f64, other: f64) {
        assert!((one - other).abs() < 1e-9, "{one} {other}");
    }

    #[test]
    fn between_points_and_beyond_them_lines_go_on() {
        let curve = Curve::through([(4.0, 30.0), (1.0, 9.0), (2.0, 16.0)]).expect("points");
        for (size, seconds) in [(0.0, 2.0), (1.0, 9.0), (1.5, 12.5), (3.0, 23.0), (8.0, 58.0)] {
            close(curve.at(size), seconds);
        }
        close(curve.fixed(), 2.0);
    }

    #[test]
    fn one_point_is_a_flat_curve_and_nothing_is_negative() {
        close(Curve::flat(3.0).at(100.0), 3.0);
        close(Curve::through([(2.0, 1.0), (3.0, 10.0)]).expect("points").at(0.0), 0.0);
        assert_eq!(Curve::through([]), None);
        assert_eq!(Curve::through([(1.0, f64::NAN)]), None);
    }
}
