//! What tells one way to credentials from another.

use sha2::{Digest, Sha256};

/// A digest of everything that credentials depend on. Equal ways have equal digests; nothing can be read back.
#[derive(Clone)]
pub(super) struct Fingerprint(Sha256);

impl Fingerprint {
    /// Of a way of this kind.
    pub fn new(kind: &str) -> Self {
        Self(Sha256::new()).with(kind)
    }

    /// With one more part.
    pub fn with(mut self, part: &str) -> Self {
        // The length before each part keeps ("ab", "c") and ("a", "bc") apart.
        self.0.update((part.len() as u64).to_le_bytes());
        self.0.update(part);
        self
    }

    /// With a part that may be missing, which is another thing than an empty one.
    pub fn with_option(self, part: Option<&str>) -> Self {
        match part {
            None => self.with("none"),
            Some(part) => self.with("some").with(part),
        }
    }

    /// With a list of parts.
    pub fn with_list<'a>(self, parts: impl IntoIterator<Item = &'a str>) -> Self {
        parts.into_iter().fold(self, Self::with).with("end of list")
    }

    /// The digest.
    pub fn digest(self) -> [u8; 32] {
        self.0.finalize().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_do_not_run_into_each_other() {
        let digest = |parts: &[&str]| {
            let fingerprint = parts
                .iter()
                .copied()
                .fold(Fingerprint::new("kind"), Fingerprint::with);
            fingerprint.digest()
        };
        assert_eq!(digest(&["ab", "c"]), digest(&["ab", "c"]));
        assert_ne!(digest(&["ab", "c"]), digest(&["a", "bc"]));
        assert_ne!(
            Fingerprint::new("kind").with_option(None).digest(),
            Fingerprint::new("kind").with_option(Some("")).digest()
        );
    }
}
