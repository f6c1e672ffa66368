//! The annotations by which a user speaks to the engine; the same for every kind of a group.

use kube::Resource;

/// The annotations of one object, read through the vocabulary `<group>/…`.
pub struct Annotations<'a, K> {
    object: &'a K,
}

impl<'a, K: Resource<DynamicType = ()>> Annotations<'a, K> {
    /// Reads those of `object`.
    pub fn of(object: &'a K) -> Self {
        Self { object }
    }

    /// `paused: "true"`: nothing is done, here or outside.
    pub fn paused(&self) -> bool {
        self.is_true("paused")
    }

    /// `adopt: "true"`: a resource that carries no mark may be taken over.
    pub fn adopt(&self) -> bool {
        self.is_true("adopt")
    }

    /// `abandon: "true"`: a deleted object is let go at once, whatever is left outside.
    pub fn abandon(&self) -> bool {
        self.is_true("abandon")
    }

    /// `reconcile-requested-at`: any new value asks for a pass. As much of it as a status can hold.
    pub fn reconcile_requested_at(&self) -> Option<&'a str> {
        let asked = self.get("reconcile-requested-at")?;
        let mut ends = asked.char_indices().map(|(end, _)| end);
        Some(&asked[..ends.nth(256).unwrap_or(asked.len())])
    }

    /// `deletion-policy`: overrides the spec.
    pub fn deletion_policy(&self) -> Option<&'a str> {
        self.get("deletion-policy")
    }

    /// All of them with their values, to see whether the user said something new.
    pub fn spoken(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a, K> {
        let prefix = format!("{}/", K::group(&()));
        self.object
            .meta()
            .annotations
            .iter()
            .flatten()
            .filter(move |(key, _)| key.starts_with(&prefix))
            .map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// The full key of an annotation, for hints to the user.
    pub fn key(name: &str) -> String {
        format!("{}/{name}", K::group(&()))
    }

    fn get(&self, name: &str) -> Option<&'a str> {
        self.object
            .meta()
            .annotations
            .as_ref()?
            .get(&Self::key(name))
            .map(String::as_str)
    }

    fn is_true(&self, name: &str) -> bool {
        self.get(name)
            .is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }
}
