//! Text → typed values. Pure; errors say what is wrong with the text, in words that follow "cannot use `…`:".

use std::time::Duration;

/// A time span: a bare number means seconds, as in Bazel; else with one of the units `ms`, `s`, `m`, `h`, `d`.
pub fn duration(text: &str) -> Result<Duration, String> {
    let (number, unit) = split_unit(text);
    let wrong = || "not a duration; write seconds, or a unit as in `500ms`, `30s`, `5m`, `2h`".to_owned();
    let count: u64 = number.parse().map_err(|_| wrong())?;
    let millis_per_unit: u64 = match unit {
        "ms" => 1,
        "" | "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(wrong()),
    };
    let millis = count.checked_mul(millis_per_unit);
    millis.map(Duration::from_millis).ok_or_else(|| "too long".into())
}

/// A number of bytes, with `K`, `M`, `G` or `T` for powers of 1024 (as in Bazel); `KiB` and so on mean the same.
pub fn size(text: &str) -> Result<u64, String> {
    let (number, unit) = split_unit(text);
    let wrong = || "not a size; write bytes, or a unit as in `500M` or `10G`".to_owned();
    let count: u64 = number.parse().map_err(|_| wrong())?;
    let shift = match unit.strip_suffix("iB").unwrap_or(unit) {
        "" if unit.is_empty() => 0,
        "K" | "k" => 10,
        "M" => 20,
        "G" => 30,
        "T" => 40,
        _ => return Err(wrong()),
    };
    count.checked_mul(1 << shift).ok_or_else(|| "too large".into())
}

/// A truth value; the words that Bazel takes.
pub fn switch(text: &str) -> Result<bool, String> {
    match text {
        "true" | "yes" | "1" => Ok(true),
        "false" | "no" | "0" => Ok(false),
        _ => Err("neither `true` nor `false`".into()),
    }
}

/// A whole number of at least `least`.
pub fn count(text: &str, least: u32) -> Result<u32, String> {
    match text.parse::<u32>() {
        Ok(number) if number >= least => Ok(number),
        Ok(_) => Err(format!("must be at least {least}")),
        Err(_) => Err("not a whole number".into()),
    }
}

/// `name=value`, the name not empty.
pub fn property(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.into(), value.into())),
        _ => Err("not of the form `name=value`".into()),
    }
}

/// `Name=Value` as gRPC metadata: the name in lower case. Binary metadata (`-bin`) is not text and is refused.
pub fn header(text: &str) -> Result<(String, String), String> {
    let (name, value) = property(text)?;
    let name = name.trim().to_ascii_lowercase();
    let in_name = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_' | b'.');
    if name.is_empty() || !name.bytes().all(in_name) || name.ends_with("-bin") {
        return Err("not a header name; letters, digits, `-`, `_` and `.` make one, and `-bin` cannot end it".into());
    }
    if !value.bytes().all(|b| (b' '..=b'~').contains(&b)) {
        return Err("the header's value is not printable ASCII".into());
    }
    Ok((name, value))
}

/// Splits after the leading digits.
fn split_unit(text: &str) -> (&str, &str) {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    text.split_at(digits)
}

/// The shortest text that [`duration`] reads as this.
pub fn duration_text(duration: Duration) -> String {
    let millis = duration.as_millis();
    for (unit, size) in [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000)] {
        if millis > 0 && millis.is_multiple_of(size) {
            return format!("{}{unit}", millis / size);
        }
    }
    if millis == 0 {
        "0s".into()
    } else {
        format!("{millis}ms")
    }
}

/// The shortest text that [`size`] reads as this.
pub fn size_text(bytes: u64) -> String {
    for (unit, shift) in [("T", 40), ("G", 30), ("M", 20), ("K", 10)] {
        if bytes > 0 && bytes.trailing_zeros() >= shift {
            return format!("{}{unit}", bytes >> shift);
        }
    }
    bytes.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn durations_are_read_as_bazel_reads_them() {
        #[track_caller]
        fn check(text: &str, millis: Option<u64>) {
            assert_eq!(duration(text).ok(), millis.map(Duration::from_millis), "{text}");
        }
        check("60", Some(60_000));
        check("0", Some(0));
        check("30s", Some(30_000));
        check("5m", Some(300_000));
        check("2h", Some(7_200_000));
        check("1d", Some(86_400_000));
        check("250ms", Some(250));
        for bad in [
            "",
            "s",
            "-1",
            "+1",
            "1.5s",
            "1 s",
            "5 m",
            "10min",
            "30S",
            "99999999999999999999",
            "18446744073709551615d",
        ] {
            check(bad, None);
        }
    }

    #[test]
    fn sizes_are_powers_of_1024() {
        #[track_caller]
        fn check(text: &str, bytes: Option<u64>) {
            assert_eq!(size(text).ok(), bytes, "{text}");
        }
        check("0", Some(0));
        check("1234", Some(1234));
        check("1K", Some(1024));
        check("10G", Some(10 << 30));
        check("10GiB", Some(10 << 30));
        check("2T", Some(2 << 40));
        for bad in ["", "G", "iB", "1iB", "1.5G", "10GB", "10 G", "-1", "99999999T"] {
            check(bad, None);
        }
    }

    #[test]
    fn headers_are_lower_case_names_and_printable_values() {
        #[track_caller]
        fn check(text: &str, expected: Option<(&str, &str)>) {
            let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
            assert_eq!(header(text).ok(), expected, "{text}");
        }
        check("X-Api-Key=abc=", Some(("x-api-key", "abc=")));
        check("authorization=Bearer a b", Some(("authorization", "Bearer a b")));
        check("a=", Some(("a", "")));
        for bad in ["", "=x", "a", "a b=c", "key-bin=x", "a=ü", "a=x\ny"] {
            check(bad, None);
        }
    }

    proptest! {
        #[test]
        fn a_shown_duration_reads_as_itself(millis in 0..u64::from(u32::MAX)) {
            let value = Duration::from_millis(millis);
            prop_assert_eq!(duration(&duration_text(value)), Ok(value));
        }

        #[test]
        fn a_shown_size_reads_as_itself(bytes: u64) {
            prop_assert_eq!(size(&size_text(bytes)), Ok(bytes));
        }
    }
}
