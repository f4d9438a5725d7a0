//! Numbers as people read them.

use std::time::Duration;

/// `340 ms`, `1.2 s`, `45 s`, `3 min 20 s`, `1 h 05 min`.
pub fn duration(duration: Duration) -> String {
    let (seconds, millis) = (duration.as_secs(), duration.subsec_millis());
    match seconds {
        0 => format!("{millis} ms"),
        1..10 => format!("{seconds}.{} s", millis / 100),
        10..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        _ => format!("{} h {:02} min", seconds / 3600, seconds / 60 % 60),
    }
}

/// `12 bytes`, `3.4 MiB`: powers of 1024.
pub fn bytes(bytes: u64) -> String {
    const UNITS: [(&str, u32); 4] = [("TiB", 40), ("GiB", 30), ("MiB", 20), ("KiB", 10)];
    match UNITS.iter().find(|(_, shift)| bytes >> shift > 0) {
        // Tenths by whole numbers: no rounding up to 1024.0.
        Some((unit, shift)) => format!(
            "{}.{} {unit}",
            bytes >> shift,
            ((bytes >> (shift - 10)) & 1023) * 10 / 1024
        ),
        None => count(bytes, "byte"),
    }
}

/// `1 step`, `2 steps`.
pub fn count(number: u64, noun: &str) -> String {
    if number == 1 {
        format!("1 {noun}")
    } else {
        format!("{number} {noun}s")
    }
}

/// Rounded down, so that only all of them are 100 %.
pub fn percent(part: u64, whole: u64) -> String {
    format!("{} %", (part * 100).checked_div(whole).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_sizes_read_well() {
        #[track_caller]
        fn check(text: impl AsRef<str>, expected: &str) {
            assert_eq!(text.as_ref(), expected);
        }
        check(duration(Duration::from_millis(340)), "340 ms");
        check(duration(Duration::from_millis(1_290)), "1.2 s");
        check(duration(Duration::from_secs(59)), "59 s");
        check(duration(Duration::from_secs(200)), "3 min 20 s");
        check(duration(Duration::from_mins(65)), "1 h 05 min");
        check(bytes(0), "0 bytes");
        check(bytes(1), "1 byte");
        check(bytes(1023), "1023 bytes");
        check(bytes(1536), "1.5 KiB");
        check(bytes((1 << 20) - 1), "1023.9 KiB");
        check(bytes(3 << 40), "3.0 TiB");
        check(percent(199, 200), "99 %");
        check(percent(0, 0), "0 %");
    }
}
