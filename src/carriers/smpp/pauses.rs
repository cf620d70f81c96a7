//! How long we wait before a connection is tried again.

use std::time::Duration;

/// Pauses that grow, each twice the last.
#[derive(Debug)]
pub(super) struct Pauses {
    first: Duration,
    longest: Duration,
    next: Duration,
}

impl Pauses {
    pub(super) fn new((first, longest): (Duration, Duration)) -> Self {
        Self { first, longest, next: first }
    }

    /// The next pause, without jitter.
    pub(super) fn next(&mut self) -> Duration {
        let next = self.next;
        self.next = (next * 2).min(self.longest);
        next
    }

    /// They begin anew.
    pub(super) fn anew(&mut self) {
        self.next = self.first;
    }
}

/// Half as long again at most: so that not all come back at once.
pub(super) fn jittered(pause: Duration) -> Duration {
    let mut dice = [0_u8; 2];
    // Without dice, it is the pause itself.
    let _ = getrandom::fill(&mut dice);
    pause.mul_f64(1.0 + f64::from(u16::from_le_bytes(dice)) / 131_072.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_grow_to_the_longest_until_they_begin_anew() {
        let s = Duration::from_secs;
        let mut pauses = Pauses::new((s(1), s(5)));
        assert_eq!([pauses.next(), pauses.next(), pauses.next(), pauses.next()], [s(1), s(2), s(4), s(5)]);
        pauses.anew();
        assert_eq!(pauses.next(), s(1));
    }

    #[test]
    fn they_are_never_shorter_and_at_most_half_as_long_again() {
        let pause = Duration::from_secs(60);
        assert!((0..1_000).map(|_| jittered(pause)).all(|jittered| (pause..=pause * 3 / 2).contains(&jittered)));
    }
}
