//! Percent-encoding.

use std::borrow::Cow;

/// What a plus sign stands for.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Plus {
    /// Itself, as in a path.
    Kept,
    /// A space, as in a query.
    Space,
}

/// The text that was encoded. A percent sign without two hexadecimal digits stays.
pub(crate) fn decoded(text: &str, plus: Plus) -> Cow<'_, str> {
    if !text.contains(['%', '+']) {
        return Cow::Borrowed(text);
    }
    let bytes = text.as_bytes();
    let mut plain = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let code = text.get(at + 1..at + 3).filter(|_| byte == b'%');
        let code = code.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match code {
            Some(code) => plain.push(code),
            None if byte == b'+' && plus == Plus::Space => plain.push(b' '),
            None => plain.push(byte),
        }
        at += if code.is_some() { 3 } else { 1 };
    }
    Cow::Owned(String::from_utf8_lossy(&plain).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decoding() {
        assert_eq!(decoded("/a%20b+c%2", Plus::Kept), "/a b+c%2");
        assert_eq!(decoded("a%2Bb+c%zz", Plus::Space), "a+b c%zz");
        assert_eq!(decoded("plain", Plus::Space), "plain");
    }
}
