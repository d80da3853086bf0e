//! A pair of an image and an addend, and the network's answer.

/// One pair as it was answered.
pub(super) struct AnsweredPair<'a> {
    pub(super) addend: u8,
    /// Target and answer.
    pub(super) digit: [u8; 2],
    /// Target and answer.
    pub(super) sum: [u8; 2],
    /// `[10]`.
    pub(super) digit_probabilities: &'a [f64],
    /// `[19]`.
    pub(super) sum_probabilities: &'a [f64],
}

impl AnsweredPair<'_> {
    pub(super) fn digit_is_right(&self) -> bool {
        self.digit[0] == self.digit[1]
    }

    pub(super) fn sum_is_right(&self) -> bool {
        self.sum[0] == self.sum[1]
    }

    pub(super) fn both_are_right(&self) -> bool {
        self.digit_is_right() && self.sum_is_right()
    }

    /// Whether the sum is the one that the digit, right or wrong, makes with the addend.
    pub(super) fn is_consistent(&self) -> bool {
        self.sum[1] == self.digit[1] + self.addend
    }

    /// Cross-entropy of both heads, in nats.
    pub(super) fn loss(&self) -> f64 {
        let [digit, sum] = [self.digit[0], self.sum[0]].map(usize::from);
        // A probability that underflows would be an infinite loss where the logits know a finite one.
        let nats = |probability: f64| -probability.max(f64::MIN_POSITIVE).ln();
        nats(self.digit_probabilities[digit]) + nats(self.sum_probabilities[sum])
    }
}

/// `part` of `whole` in percent.
pub(super) fn percent(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| 100.0 * part as f64 / whole as f64)
}
