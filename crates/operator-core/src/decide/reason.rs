//! Why something is said of an object: the reason of a condition or an event.
//!
//! [`reasons!`] makes each together with its row in a table, and the tables are what users read (`docs/conditions`). One
//! that is never given is dead code, unless it is public; one that is given where its row does not tell of it ends the
//! test that comes there (the assertions of [`conditions`](crate::cluster::conditions) and
//! [`events`](crate::cluster::events)).

use std::{
    fmt,
    hash::{Hash, Hasher},
};

/// The reason of a condition or an event.
#[derive(Clone, Copy)]
pub struct Reason(&'static Row);

impl Reason {
    /// Its name, in CamelCase.
    pub const fn as_str(self) -> &'static str {
        self.0.name
    }

    /// That of a row. Called by [`reasons!`] alone, for a row that stands in no table is never read.
    #[doc(hidden)]
    pub const fn of(row: &'static Row) -> Self {
        Self(row)
    }

    /// Whether users are told of a place like this where it is given.
    pub(crate) fn is_told(self, place: impl Fn(Shown) -> bool) -> bool {
        self.0.shown.iter().copied().any(place)
    }

    /// One for tests of what is the same for every reason.
    #[cfg(test)]
    pub(crate) fn sample(name: &'static str) -> Self {
        use Shown::{AtWork, Event, Failing, Held, InForce, Refused, Warning};
        Self(Box::leak(Box::new(Row {
            name,
            shown: &[InForce, AtWork, Held, Refused, Failing, Event, Warning],
            meaning: "a test",
            remedy: "none",
        })))
    }
}

// By name: a reason that two tables have is one to whoever reads it.
impl PartialEq for Reason {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Reason {}

impl Hash for Reason {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

impl fmt::Debug for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Reason").field(&self.as_str()).finish()
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What users are told of a reason.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// Its name, in CamelCase.
    pub name: &'static str,
    /// Where it is given: every place.
    pub shown: &'static [Shown],
    /// What has happened.
    pub meaning: &'static str,
    /// What to do; what happens next where that is nothing.
    pub remedy: &'static str,
}

/// Where a reason is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// The wish is in force.
    InForce,
    /// Work goes on, or something else must come first.
    AtWork,
    /// The wish is left as it is because the user says so.
    Held,
    /// Only an edit helps.
    Refused,
    /// Something failed that is tried again.
    Failing,
    /// Nothing is done, as the user says.
    Paused,
    /// A condition of the kind's own, with whether it holds.
    Own(&'static str, bool),
    /// An event alone, of what is as it should be.
    Event,
    /// An event alone, of what somebody might want to look at.
    Warning,
}

/// Makes a table of [`Row`]s, and beside it a [`Reason`] by the name of each.
///
/// ```
/// use operator_core::decide::reason::{Shown::AtWork, reasons};
///
/// reasons! {
///     /// What a gadget may say.
///     pub const REASONS {
///         pub(crate) OUT_OF_PAINT = "OutOfPaint" {
///             shown: &[AtWork],
///             meaning: "the gadget waits for paint",
///             remedy: "fill it up",
///         }
///     }
/// }
///
/// assert_eq!(OUT_OF_PAINT.as_str(), REASONS[0].name);
/// ```
#[doc(hidden)]
#[macro_export]
macro_rules! __reasons {
    (
        $(#[$about:meta])*
        $table_visibility:vis const $TABLE:tt {
            $($visibility:vis $REASON:ident = $name:literal {
                shown: $shown:expr,
                meaning: $meaning:literal,
                remedy: $remedy:literal,
            })*
        }
    ) => {
        $(#[$about])*
        $table_visibility const $TABLE: &[$crate::decide::reason::Row] = &[
            $($crate::decide::reason::Row {
                name: $name,
                shown: $shown,
                meaning: $meaning,
                remedy: $remedy,
            }),*
        ];

        $(
            #[doc = $meaning]
            $visibility const $REASON: $crate::decide::reason::Reason =
                $crate::decide::reason::Reason::of(&$crate::decide::reason::Row {
                    name: $name,
                    shown: $shown,
                    meaning: $meaning,
                    remedy: $remedy,
                });
        )*
    };
}

#[doc(inline)]
pub use __reasons as reasons;

#[cfg(test)]
mod tests {
    use super::{Shown::Failing, *};

    reasons! {
        /// A table.
        const TABLE {
            LATE = "Late" {
                shown: &[Failing],
                meaning: "it is late",
                remedy: "wait",
            }
            BROKEN = "Broken" {
                shown: &[Failing],
                meaning: "it broke",
                remedy: "mend it",
            }
        }
    }

    #[test]
    fn a_table_has_a_row_for_each_reason() {
        let names: Vec<&str> = TABLE.iter().map(|row| row.name).collect();
        assert_eq!(names, [LATE.as_str(), BROKEN.as_str()]);
        assert_eq!(LATE.to_string(), "Late");
    }

    #[test]
    fn a_reason_knows_where_users_are_told_of_it() {
        assert!(LATE.is_told(|it| it == Failing));
        assert!(!LATE.is_told(|it| it == Shown::Refused));
    }

    #[test]
    fn one_name_is_one_reason() {
        assert_eq!(LATE, Reason::sample("Late"));
        assert_ne!(LATE, BROKEN);
    }
}
