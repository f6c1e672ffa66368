//! The ownership mark, version 1: what an outside resource carries so that everybody can tell whose it is.

use std::{fmt, sync::Arc};

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
    /// The same object in an earlier life: same name in the same installation, or in one that this one goes on
    /// for.
    OursEarlier,
    /// Another object or another installation.
    Foreign,
}

/// In whose name somebody looks at outside resources.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// The mark that they are given.
    pub mark: Mark,
    /// Installations that this one goes on for.
    pub earlier: Arc<[String]>,
}

impl Claim {
    /// Judges the mark `found` outside.
    pub fn judge(&self, found: &Mark) -> Ownership {
        let Self { mark, earlier } = self;
        let is_ours = |installation: &String| {
            *installation == mark.installation || earlier.contains(installation)
        };
        let same_name = Mark {
            installation: mark.installation.clone(),
            uid: mark.uid.clone(),
            ..found.clone()
        } == *mark;
        match same_name && is_ours(&found.installation) {
            true if found == mark => Ownership::Ours,
            true => Ownership::OursEarlier,
            false => Ownership::Foreign,
        }
    }
}

impl Mark {
    /// Whose it is, as the owner of the object with the mark `ours` may know: names of another namespace are nobody's
    /// business there.
    pub(super) fn told_to(&self, ours: &Self) -> String {
        match self.installation == ours.installation {
            false => format!("an object of installation {}", self.installation),
            true if self.namespace == ours.namespace => self.to_string(),
            true => "an object of another namespace".to_owned(),
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

    fn claim(earlier: &[&str]) -> Claim {
        Claim {
            mark: mark(),
            earlier: earlier.iter().map(|&id| id.to_owned()).collect(),
        }
    }

    #[test]
    fn only_the_uid_tells_an_earlier_life() {
        let ours = claim(&[]);
        assert_eq!(ours.judge(&mark()), Ownership::Ours);
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
            assert_eq!(claim(&[]).judge(&found), Ownership::Foreign, "{found}");
            let goes_on = claim(&["earlier"]).judge(&found);
            assert_eq!(goes_on, Ownership::Foreign, "{found}");
        }
    }

    #[test]
    fn what_an_earlier_installation_marked_is_ours_by_the_same_name() {
        let claim = claim(&["earlier"]);
        let earlier = |name: &str, uid: &str| Mark {
            installation: "earlier".into(),
            name: name.into(),
            uid: uid.into(),
            ..mark()
        };
        assert_eq!(claim.judge(&earlier("a", "0")), Ownership::OursEarlier);
        assert_eq!(
            claim.judge(&earlier("a", "1")),
            Ownership::OursEarlier,
            "to be marked anew"
        );
        assert_eq!(claim.judge(&earlier("b", "0")), Ownership::Foreign);
    }

    #[test]
    fn names_are_told_within_their_namespace_alone() {
        let (ours, told) = (mark(), |owner: Mark| owner.told_to(&mark()));
        let neighbour = Mark {
            name: "secret".into(),
            ..ours.clone()
        };
        assert_eq!(
            told(neighbour.clone()),
            "Thing.group ns/secret of installation cluster"
        );
        let stranger = Mark {
            namespace: "hidden".into(),
            ..neighbour.clone()
        };
        assert_eq!(told(stranger), "an object of another namespace");
        let elsewhere = Mark {
            installation: "other".into(),
            ..neighbour
        };
        assert_eq!(told(elsewhere), "an object of installation other");
    }
}
