//! Authorities for the tests of this module.

use std::time::Duration;

use jiff::Timestamp;

use super::{authority::Authority, certificate::Certificate};
use crate::decide::rotation::Validity;

/// The moment at which these tests are.
pub(super) fn now() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap()
}

/// Valid for `days` from [`now`].
pub(super) fn days(days: u64) -> Validity {
    Validity {
        from: now(),
        until: now() + Duration::from_secs(days * 86_400),
    }
}

/// The certificate of an authority.
pub(super) fn authority(name: &str) -> Certificate {
    Authority::found(name, days(365)).unwrap().certificate
}

/// A block of PEM.
pub(super) fn pem(label: &str, der: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in der.chunks(3) {
        let mut bytes = [0; 3];
        bytes[..chunk.len()].copy_from_slice(chunk);
        let bits = u32::from_be_bytes([0, bytes[0], bytes[1], bytes[2]]);
        for at in 0..4 {
            let digit = ALPHABET[(bits >> (18 - 6 * at)) as usize & 63];
            text.push(if at <= chunk.len() {
                digit as char
            } else {
                '='
            });
        }
        if text.len() % 65 == 64 {
            text.push('\n');
        }
    }
    format!(
        "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
        text.trim_end()
    )
}
