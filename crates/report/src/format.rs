//! Numbers as people read them.

/// Seconds as `4.2 s`, `42 s`, `3 min 5 s` or `1 h 2 min`.
pub fn duration(seconds: f64) -> String {
    let whole = seconds.round() as u64;
    match (whole / 3600, whole / 60 % 60, whole % 60) {
        (0, 0, _) if seconds < 9.95 => format!("{seconds:.1} s"),
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, seconds) => format!("{minutes} min {seconds} s"),
        (hours, minutes, _) => format!("{hours} h {minutes} min"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_readable() {
        let seconds = [0.25, 9.96, 42.4, 185.0, 3720.0];
        assert_eq!(seconds.map(duration), ["0.2 s", "10 s", "42 s", "3 min 5 s", "1 h 2 min"]);
    }
}
