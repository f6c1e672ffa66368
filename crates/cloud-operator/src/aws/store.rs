//! Which store of buckets: AWS's, or another one that speaks its API.

use std::fmt;

use crd_types::aws::v1alpha1::Endpoint;

/// AWS's own.
const AWS: &str = "AWS";

/// A store, as it is written down and compared: in one form, however its endpoint is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Store(String);

impl Store {
    /// The store behind an endpoint; AWS's without one.
    pub fn at(endpoint: Option<&Endpoint>) -> Self {
        Self(endpoint.map_or_else(|| AWS.to_owned(), Endpoint::place))
    }

    /// The store that was written down.
    pub fn recorded(text: String) -> Self {
        Self(text)
    }

    /// Whether it is AWS's own.
    pub fn is_aws(&self) -> bool {
        self.0 == AWS
    }
}

impl fmt::Display for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
