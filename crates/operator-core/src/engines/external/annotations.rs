//! The annotations by which a user speaks to the engine; the same for every kind of a group.

use kube::Resource;

/// Whether a resource that is not ours yet may be taken over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Adoption {
    /// It is left alone.
    Refused,
    /// It is left alone, and what taking it over would change is shown.
    DryRun,
    /// It may be.
    Allowed,
}

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

    /// `adopt`: whether a resource that carries no mark may be taken over.
    ///
    /// # Errors
    /// The value that is none of `true`, `false` and `dry-run`.
    pub fn adopt(&self) -> Result<Adoption, &'a str> {
        match self.get("adopt") {
            None => Ok(Adoption::Refused),
            Some(value) if value.eq_ignore_ascii_case("false") => Ok(Adoption::Refused),
            Some(value) if value.eq_ignore_ascii_case("true") => Ok(Adoption::Allowed),
            Some(value) if value.eq_ignore_ascii_case("dry-run") => Ok(Adoption::DryRun),
            Some(other) => Err(other),
        }
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
