//! Who a gateway is.

use std::{fmt, str::FromStr, sync::Arc};

use apigw_protocol::GatewayInfo;

/// Who a gateway is: as it says when it registers. Replicas of one gateway differ by their Pods.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GatewayId {
    /// Its namespace.
    pub namespace: Arc<str>,
    /// Its name.
    pub name: Arc<str>,
    /// Its Pod; empty where it did not say.
    pub pod: Arc<str>,
}

/// What a gateway said of itself is not usable; its Display tells why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAGateway {
    /// It said nothing.
    #[error("gateway info is required")]
    Missing,
    /// It has no name.
    #[error("gateway.name is required")]
    Nameless,
    /// A part of its identity has a form that no Kubernetes name has.
    #[error(
        "gateway.{field} must be at most 253 of the characters a-z, A-Z, 0-9, '-', '.' and '_'"
    )]
    Malformed {
        /// The field of `GatewayInfo`.
        field: &'static str,
    },
}

impl GatewayId {
    /// Who `info` speaks of.
    ///
    /// # Errors
    /// [`NotAGateway`] if it does not name a gateway.
    pub fn of(info: Option<&GatewayInfo>) -> Result<Self, NotAGateway> {
        let info = info.ok_or(NotAGateway::Missing)?;
        if info.name.is_empty() {
            return Err(NotAGateway::Nameless);
        }
        Self::new(&info.namespace, &info.name, &info.pod_name)
    }

    fn new(namespace: &str, name: &str, pod: &str) -> Result<Self, NotAGateway> {
        let part = |field, text: &str| {
            let fine = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
            let well = text.len() <= 253 && text.bytes().all(fine);
            well.then(|| text.into())
                .ok_or(NotAGateway::Malformed { field })
        };
        Ok(Self {
            namespace: part("namespace", namespace)?,
            name: part("name", name)?,
            pod: part("pod_name", pod)?,
        })
    }
}

impl fmt::Display for GatewayId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.namespace, self.name, self.pod)
    }
}

impl FromStr for GatewayId {
    type Err = NotAGateway;

    fn from_str(text: &str) -> Result<Self, NotAGateway> {
        let mut parts = text.splitn(3, '/');
        let mut part = || parts.next().ok_or(NotAGateway::Missing);
        let (namespace, name, pod) = (part()?, part()?, part()?);
        Self::new(namespace, name, pod)
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn info(namespace: &str, name: &str, pod: &str) -> GatewayInfo {
        GatewayInfo {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            pod_name: pod.to_owned(),
            ..GatewayInfo::default()
        }
    }

    #[rstest]
    #[case("default", "gw", "gw-7d9f-x2")]
    #[case("", "gw", "")]
    fn an_identity_survives_its_text(
        #[case] namespace: &str,
        #[case] name: &str,
        #[case] pod: &str,
    ) {
        let id = GatewayId::of(Some(&info(namespace, name, pod))).expect("fine");
        assert_eq!(id.to_string().parse(), Ok(id));
    }

    #[rstest]
    #[case(None, "gateway info is required")]
    #[case(Some(info("ns", "", "p")), "gateway.name is required")]
    #[case(Some(info("ns", "a/b", "p")), "gateway.name must be")]
    #[case(Some(info("n\ns", "a", "p")), "gateway.namespace must be")]
    #[case(Some(info("ns", "a", &"p".repeat(254))), "gateway.pod_name must be")]
    fn what_names_no_gateway_is_told(#[case] info: Option<GatewayInfo>, #[case] told: &str) {
        let error = GatewayId::of(info.as_ref())
            .expect_err("refused")
            .to_string();
        assert!(error.starts_with(told), "{error}");
    }
}
