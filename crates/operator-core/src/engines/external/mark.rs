//! The ownership mark, version 1: what an outside resource carries so that everybody can tell whose it is.

use std::fmt;

/// Who owns an outside resource. How its five values are stored outside is the domain's business.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The installation: one cluster, unless configured otherwise.
    pub installation: String,
    /// Group and kind of the object, as `Kind.group`.
    pub kind: String,
    /// Namespace of the object.
    pub namespace: String,
    /// Name of the object.
    pub name: String,
    /// UID of the object.
    pub uid: String,
}

/// What a mark that was found says to the one who looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ownership {
    /// This very object.
    Ours,
    /// The same object in an earlier life: same name in the same installation, another UID.
    OursEarlier,
    /// Another object or another installation.
    Foreign,
}

impl Mark {
    /// Judges the mark `found` outside from the view of the owner `self`.
    pub fn judge(&self, found: &Self) -> Ownership {
        let same_name = Self {
            uid: self.uid.clone(),
            ..found.clone()
        } == *self;
        match same_name {
            true if found.uid == self.uid => Ownership::Ours,
            true => Ownership::OursEarlier,
            false => Ownership::Foreign,
        }
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} {}/{} of installation {}",
            self.kind, self.namespace, self.name, self.installation
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark() -> Mark {
        Mark {
            installation: "cluster".into(),
            kind: "Thing.group".into(),
            namespace: "ns".into(),
            name: "a".into(),
            uid: "1".into(),
        }
    }

    #[test]
    fn only_the_uid_tells_an_earlier_life() {
        let ours = mark();
        assert_eq!(ours.judge(&ours), Ownership::Ours);
        assert_eq!(
            ours.judge(&Mark {
                uid: "0".into(),
                ..mark()
            }),
            Ownership::OursEarlier
        );
    }

    #[test]
    fn any_other_difference_is_foreign() {
        for found in [
            Mark {
                installation: "other".into(),
                ..mark()
            },
            Mark {
                kind: "Other.group".into(),
                ..mark()
            },
            Mark {
                namespace: "other".into(),
                ..mark()
            },
            Mark {
                name: "b".into(),
                ..mark()
            },
            Mark {
                name: "b".into(),
                uid: "0".into(),
                ..mark()
            },
        ] {
            assert_eq!(mark().judge(&found), Ownership::Foreign, "{found}");
        }
    }
}
