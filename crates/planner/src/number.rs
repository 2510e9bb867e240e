//! Between counts and reals.

/// A count as a real number.
#[expect(clippy::cast_precision_loss, reason = "no count here comes near 2^52")]
pub(crate) fn real(count: usize) -> f64 {
    count as f64
}

/// A number that is not negative, rounded down to a count.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "what is too large or negative saturates"
)]
pub(crate) fn count(number: f64) -> usize {
    number as usize
}
