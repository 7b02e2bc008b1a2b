//! Which request paths are let in: those that no hop can read in two ways.

use super::{Code, Failure};
use percent_encoding::percent_decode_str;

/// Says why a path is not let in: another server might resolve it to somewhere else. Dot segments,
/// encoded or doubled slashes, backslashes, NUL, parameters and broken encodings are such.
///
/// # Errors
/// 400.
pub(super) fn check_path(path: &str) -> Result<(), Failure> {
    if is_safe(path) {
        return Ok(());
    }
    Err(Failure::new(Code::InvalidPath)
        .message("The path has a segment or an encoding that is not allowed"))
}

/// Whether the raw path has one reading only.
fn is_safe(path: &str) -> bool {
    let Some(segments) = path.strip_prefix('/') else {
        return false;
    };
    let listed = segments.strip_suffix('/').unwrap_or(segments);
    segments.is_empty() || listed.split('/').all(is_safe_segment)
}

fn is_safe_segment(segment: &str) -> bool {
    let Ok(decoded) = percent_decode_str(segment).decode_utf8() else {
        return false;
    };
    // A percent sign that is left is a broken encoding, or a second one (%252e), which a hop that
    // decodes once more would decode.
    !decoded.is_empty()
        && decoded != "."
        && decoded != ".."
        && !decoded.contains(['/', '\\', ';', '%'])
        && !decoded.contains(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::is_safe;
    use proptest::collection::vec;
    use proptest::prelude::{ProptestConfig, Strategy};
    use proptest::sample::select;
    use proptest::{prop_assert, prop_assert_eq, prop_oneof, proptest};

    /// Turns `%41` into `A`, by hand: what is no encoding stays as it is.
    fn decoded(bytes: &[u8]) -> Vec<u8> {
        let digit = |byte: &u8| char::from(*byte).to_digit(16).and_then(|d| u8::try_from(d).ok());
        let mut out = Vec::new();
        let mut rest = bytes;
        while let [first, tail @ ..] = rest {
            let pair = tail.first().and_then(digit).zip(tail.get(1).and_then(digit));
            let (byte, next) = match pair {
                Some((high, low)) if *first == b'%' => (high * 16 + low, &tail[2..]),
                _ => (*first, tail),
            };
            out.push(byte);
            rest = next;
        }
        out
    }

    /// The strict reading: cut at slashes, then decode.
    fn read_strictly(path: &str) -> Vec<Vec<u8>> {
        let listed = path[1..].strip_suffix('/').unwrap_or(&path[1..]);
        let segments = listed.split('/').map(|segment| decoded(segment.as_bytes()));
        // The root has none.
        segments.filter(|_| !listed.is_empty()).collect()
    }

    /// The loosest reading of any hop: decodes so many times before it cuts, takes a backslash for
    /// a slash, drops parameters and empty segments, ends at a NUL, resolves dots.
    fn read_loosely(path: &str, decodings: usize) -> Vec<Vec<u8>> {
        let bytes = (0..decodings).fold(path.as_bytes().to_vec(), |bytes, _| decoded(&bytes));
        let bytes = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
        let mut segments: Vec<Vec<u8>> = Vec::new();
        for segment in bytes.split(|byte| matches!(byte, b'/' | b'\\')) {
            match segment.split(|byte| *byte == b';').next().unwrap_or_default() {
                b"" | b"." => {}
                b".." => drop(segments.pop()),
                plain => segments.push(plain.to_vec()),
            }
        }
        segments
    }

    fn path_with_traps() -> impl Strategy<Value = String> {
        const TRAPS: &str = "/ . .. %2e %2E%2e .%2e %2f %2F %5c \\ ; %3b %00 %0a %7f %25 %252e %252f % \
                             %4 %zz %ff %c0%af";
        let traps = select(TRAPS.split_whitespace().collect::<Vec<_>>());
        let plain = select(vec!["/", "/", "a", "b.c", "~d", "products", "%41", "%c3%a9"]);
        // Few traps in each, so that many paths are let in.
        let pieces = vec(prop_oneof![9 => plain, 2 => traps], 0..9);
        pieces.prop_map(|pieces| format!("/{}", pieces.concat()))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]

        #[test]
        fn a_path_that_is_let_in_has_one_reading(path in path_with_traps()) {
            if is_safe(&path) {
                let strict = read_strictly(&path);
                for decodings in 1..=3 {
                    prop_assert_eq!(&read_loosely(&path, decodings), &strict);
                }
            }
        }

        #[test]
        fn a_plain_path_is_let_in(path in "(/[a-z0-9_~-]{1,8}(\\.[a-z]{1,3}|%20|%c3%a9)?){0,4}/?") {
            let path = format!("/{}", path.trim_start_matches('/'));
            prop_assert!(is_safe(&path), "{}", path);
        }
    }
}
