//! The fields of an event or a span, as JSON.

use std::{
    fmt::{self, Write},
    ops::Range,
};

use tracing::field::{Field, Visit};

/// Named JSON values in one buffer; recording a name again replaces its value.
#[derive(Debug, Default)]
pub(super) struct Fields {
    text: Vec<u8>,
    values: Vec<(&'static str, Range<usize>)>,
}

impl Fields {
    /// The names and JSON values, in the order in which they were recorded.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&'static str, &[u8])> {
        self.values
            .iter()
            .map(|(name, range)| (*name, &self.text[range.clone()]))
    }

    /// Forgets all, and keeps the memory.
    pub(super) fn clear(&mut self) {
        self.text.clear();
        self.values.clear();
    }

    fn put(&mut self, field: &Field, write: impl FnOnce(&mut Vec<u8>)) {
        let name = field.name();
        let name = name.strip_prefix("r#").unwrap_or(name);
        if let Some(index) = self.values.iter().position(|(known, _)| *known == name) {
            let (_, old) = self.values.remove(index);
            self.text.drain(old.clone());
            for (_, later) in &mut self.values[index..] {
                *later = later.start - old.len()..later.end - old.len();
            }
        }
        let start = self.text.len();
        write(&mut self.text);
        self.values.push((name, start..self.text.len()));
    }

    fn put_number(&mut self, field: &Field, number: impl fmt::Display) {
        self.put(field, |text| push_display(text, number));
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.put(field, |text| push_string(text, format_args!("{value:?}")));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, |text| push_string(text, format_args!("{value}")));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.put(field, |text| push_string(text, format_args!("{value}")));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put_number(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put_number(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put_number(field, value);
    }

    fn record_i128(&mut self, field: &Field, value: i128) {
        self.put_number(field, value);
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        self.put_number(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        if value.is_finite() {
            self.put_number(field, value);
        } else {
            // JSON has no number for these.
            self.put(field, |text| push_string(text, format_args!("{value}")));
        }
    }
}

/// Writes a value's own text.
pub(super) fn push_display(text: &mut Vec<u8>, value: impl fmt::Display) {
    struct Plain<'t>(&'t mut Vec<u8>);
    impl Write for Plain<'_> {
        fn write_str(&mut self, part: &str) -> fmt::Result {
            self.0.extend_from_slice(part.as_bytes());
            Ok(())
        }
    }
    // The writer never fails; should the value's own formatting fail, what it wrote stays.
    let _ = write!(Plain(text), "{value}");
}

/// Writes a JSON string.
pub(super) fn push_string(text: &mut Vec<u8>, value: fmt::Arguments<'_>) {
    text.push(b'"');
    // As above: a value that fails midway leaves its beginning, and the string is closed.
    let _ = Escaped(text).write_fmt(value);
    text.push(b'"');
}

/// The inside of a JSON string (RFC 8259, section 7).
struct Escaped<'t>(&'t mut Vec<u8>);

impl Write for Escaped<'_> {
    fn write_str(&mut self, part: &str) -> fmt::Result {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        let bytes = part.as_bytes();
        let mut plain = 0;
        for (at, byte) in bytes.iter().copied().enumerate() {
            let short = match byte {
                b'"' | b'\\' => byte,
                b'\n' => b'n',
                b'\r' => b'r',
                b'\t' => b't',
                0..0x20 => 0,
                _ => continue,
            };
            self.0.extend_from_slice(&bytes[plain..at]);
            plain = at + 1;
            if short == 0 {
                let (high, low) = (HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]);
                self.0
                    .extend_from_slice(&[b'\\', b'u', b'0', b'0', high, low]);
            } else {
                self.0.extend_from_slice(&[b'\\', short]);
            }
        }
        self.0.extend_from_slice(&bytes[plain..]);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_string_survives(value in ".*", control in "[\\x00-\\x1f\"\\\\\u{7f}\u{2028}]*") {
            for value in [value, control] {
                let mut text = Vec::new();
                push_string(&mut text, format_args!("{value}"));
                prop_assert_eq!(serde_json::from_slice::<String>(&text).unwrap(), value);
            }
        }
    }

    #[test]
    fn a_value_that_fails_midway_leaves_valid_json() {
        struct Fails;
        impl fmt::Display for Fails {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("begun")?;
                Err(fmt::Error)
            }
        }
        let mut text = Vec::new();
        push_string(&mut text, format_args!("{}", Fails));
        assert_eq!(text, b"\"begun\"");
    }
}
