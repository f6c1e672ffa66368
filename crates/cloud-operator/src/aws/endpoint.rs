//! Which endpoints a provider may name: a tenant that could name any host would have the operator sign
//! requests to it.

use std::{fmt, str::FromStr};

use crd_types::aws::v1alpha1::Endpoint;
use operator_core::decide::outcome::Fault;

use super::reasons::ENDPOINT_NOT_ALLOWED;

/// The endpoints that the operator's own configuration allows. By default none: AWS's own are used.
#[derive(Clone, Debug, Default)]
pub struct EndpointPolicy {
    /// What providers may name in `spec.endpoint`.
    pub allowed: Vec<AllowedEndpoint>,
    /// Whether plain `http` may be used, which shows all traffic to whoever listens.
    pub allow_http: bool,
}

/// One entry of the list: `https://host:port`, or `host:port` for both schemes. Without a port it is the
/// scheme's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowedEndpoint {
    text: String,
    origins: Vec<String>,
}

impl EndpointPolicy {
    /// Admits `endpoint`, the value of a provider's `spec.endpoint`.
    ///
    /// # Errors
    /// A terminal fault that names the setting that would allow it.
    pub fn admit(&self, endpoint: &Endpoint) -> Result<(), Fault> {
        let origin = endpoint.origin();
        if !self
            .allowed
            .iter()
            .any(|allowed| allowed.origins.contains(&origin))
        {
            return Err(not_allowed(format!(
                "{origin} is not among the endpoints that this operator may talk to ({}); whoever runs the \
                 operator can allow it by --allowed-endpoints or ALLOWED_ENDPOINTS",
                self.listed()
            )));
        }
        if endpoint.is_plain_http() && !self.allow_http {
            return Err(not_allowed(format!(
                "{origin} is plain http; use https, or let whoever runs the operator allow it by \
                 --allow-http-endpoints or ALLOW_HTTP_ENDPOINTS"
            )));
        }
        Ok(())
    }

    fn listed(&self) -> String {
        match self.allowed.as_slice() {
            [] => "none is allowed".to_owned(),
            some => some
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join(", "),
        }
    }
}

fn not_allowed(why: String) -> Fault {
    Fault::terminal(ENDPOINT_NOT_ALLOWED, format!("spec.endpoint: {why}"))
}

impl FromStr for AllowedEndpoint {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let candidates = match text.contains("://") {
            true => vec![text.to_owned()],
            false => vec![format!("http://{text}"), format!("https://{text}")],
        };
        let origins = candidates
            .into_iter()
            .map(|url| match url.parse::<Endpoint>() {
                Ok(endpoint) if url.splitn(4, '/').nth(3).is_none_or(str::is_empty) => {
                    Ok(endpoint.origin())
                }
                _ => Err(format!(
                    "{text:?} is neither https://host[:port] nor host[:port]"
                )),
            });
        Ok(Self {
            text: text.to_owned(),
            origins: origins.collect::<Result<_, _>>()?,
        })
    }
}

impl fmt::Display for AllowedEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(allowed: &[&str], allow_http: bool) -> EndpointPolicy {
        let allowed = allowed
            .iter()
            .map(|text| text.parse().expect("an endpoint"))
            .collect();
        EndpointPolicy {
            allowed,
            allow_http,
        }
    }

    fn admit(policy: &EndpointPolicy, endpoint: &str) -> Result<(), Fault> {
        policy.admit(&endpoint.parse().expect("an endpoint"))
    }

    #[test]
    fn what_is_listed_is_admitted() {
        let policy = policy(
            &[
                "https://minio.example:9000",
                "127.0.0.1:5000",
                "[fd00::1]:5000",
                "S3.example",
            ],
            true,
        );
        for endpoint in [
            "https://minio.example:9000",
            "https://MINIO.example:9000/",
            "http://127.0.0.1:5000/path",
            "http://[FD00::1]:5000",
            "https://s3.example",
            "https://s3.example:443",
            "http://s3.example:80",
        ] {
            admit(&policy, endpoint).unwrap_or_else(|fault| panic!("{endpoint}: {fault}"));
        }
    }

    #[test]
    fn everything_else_is_refused_and_the_setting_named() {
        let policy = policy(&["https://minio.example:9000"], true);
        for endpoint in [
            "http://minio.example:9000",
            "https://minio.example",
            "https://minio.example.evil.example:9000",
            "https://evil.example/minio.example",
            "http://169.254.169.254",
        ] {
            let fault = admit(&policy, endpoint).expect_err(endpoint);
            assert_eq!(fault.reason, ENDPOINT_NOT_ALLOWED);
            assert!(fault.message.contains("--allowed-endpoints"), "{fault}");
            assert!(
                fault.message.contains("https://minio.example:9000"),
                "{fault}"
            );
        }
        let fault = admit(&EndpointPolicy::default(), "https://a.example").expect_err("refused");
        assert!(fault.message.contains("none is allowed"), "{fault}");
    }

    #[test]
    fn plain_http_needs_its_own_setting() {
        let fault = admit(&policy(&["127.0.0.1:5000"], false), "http://127.0.0.1:5000")
            .expect_err("refused");
        assert!(fault.message.contains("--allow-http-endpoints"), "{fault}");
    }

    #[test]
    fn an_entry_is_an_origin() {
        for text in [
            "",
            "ftp://a.example",
            "https://a.example/path",
            "https://user@a.example",
            "a b",
        ] {
            assert!(text.parse::<AllowedEndpoint>().is_err(), "{text:?}");
        }
    }
}
