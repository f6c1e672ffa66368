//! How a call to AWS failed, with everything removed that nobody may see.

use std::{error::Error, time::Duration};

use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_runtime_api::client::{
    orchestrator::HttpResponse,
    result::{ConnectorError, SdkError},
};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use operator_core::decide::outcome::{Class, Fault, Scope};

use super::{
    fault::Call,
    reasons::AUTHENTICATION_FAILED,
    scrub::{is_code, scrub},
};

/// A call and how it failed. Becomes a [`Fault`] by the table in [`fault`](super::fault).
#[derive(Clone, Debug)]
pub struct Failed {
    /// The call.
    pub call: Call,
    /// How it failed.
    pub failure: Failure,
}

/// How a call failed. Texts are fit to be shown.
#[derive(Clone, Debug)]
pub enum Failure {
    /// AWS answered that it did not do it.
    Refused(Refusal),
    /// It never left: certainly without effect.
    NotSent(String),
    /// It left, or may have, and no answer came that can be read.
    Lost(String),
    /// Something of ours held it back.
    Ours(Fault),
}

/// AWS's answer to a call that it did not do.
#[derive(Clone, Debug, Default)]
pub struct Refusal {
    /// HTTP status.
    pub status: u16,
    /// AWS's error code; none where the answer had no body.
    pub code: Option<String>,
    /// AWS's words; empty if none.
    pub message: String,
    /// Header `Retry-After`, if given in seconds.
    pub retry_after: Option<Duration>,
    /// Header `x-amz-bucket-region`: where the bucket is.
    pub bucket_region: Option<String>,
}

/// Codes that say all there is to say. The words beside them may repeat the key, in a form that only the store
/// that made it knows.
const ABOUT_KEYS: &[&str] = &[
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "UnrecognizedClientException",
    "SignatureDoesNotMatch",
    "IncompleteSignature",
    "InvalidToken",
    "InvalidSecurity",
    "AuthFailure",
];

/// The longest pause that an answer may ask of us.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(3600);

impl Failed {
    /// Reads the failure of `call` out of the SDK's error.
    pub fn new<E>(call: Call, error: SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        Self {
            call,
            failure: Failure::of(error),
        }
    }

    /// Whether AWS answered with one of `codes`.
    pub fn is(&self, codes: &[&str]) -> bool {
        self.refusal()
            .and_then(|refusal| refusal.code.as_deref())
            .is_some_and(|code| codes.contains(&code))
    }

    /// AWS's answer, if there was one.
    pub fn refusal(&self) -> Option<&Refusal> {
        match &self.failure {
            Failure::Refused(refusal) => Some(refusal),
            _ => None,
        }
    }
}

impl Failure {
    fn of<E>(error: SdkError<E, HttpResponse>) -> Self
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        match error {
            SdkError::ServiceError(context) if context.raw().status().is_success() => {
                Self::Lost("the answer could not be read".to_owned())
            }
            SdkError::ServiceError(context) => {
                let meta = context.err().meta();
                let (code, message) = (meta.code(), meta.message());
                Self::Refused(Refusal::new(
                    context.raw(),
                    code,
                    message.unwrap_or_default(),
                ))
            }
            error => {
                let credentials = find::<CredentialsError>(&error).map(no_credentials);
                let ours = credentials.or_else(|| find::<Fault>(&error).cloned());
                if let Some(fault) = ours {
                    return Self::Ours(fault);
                }
                let text = causes(&error);
                match error {
                    SdkError::ConstructionFailure(_) => Self::NotSent(text),
                    SdkError::DispatchFailure(failure) => match failure.as_connector_error() {
                        Some(error) if never_connected(error) => {
                            Self::NotSent(format!("{text}{}", advice(error)))
                        }
                        _ => Self::Lost(text),
                    },
                    _ => Self::Lost(text),
                }
            }
        }
    }
}

impl Refusal {
    fn new(response: &HttpResponse, code: Option<&str>, message: &str) -> Self {
        let header = |name| response.headers().get(name);
        let seconds = header("retry-after").and_then(|value| value.trim().parse().ok());
        Self {
            status: response.status().as_u16(),
            code: code.filter(|code| is_code(code)).map(str::to_owned),
            message: match code {
                Some(code) if ABOUT_KEYS.contains(&code) => String::new(),
                _ => scrub(message),
            },
            retry_after: seconds.map(|s| Duration::from_secs(s).min(LONGEST_RETRY_AFTER)),
            bucket_region: header("x-amz-bucket-region").map(scrub),
        }
    }
}

/// The fault that a source of ours met; else, nothing of the ambient chain could say who we are.
pub(super) fn no_credentials(error: &CredentialsError) -> Fault {
    if let Some(fault) = find::<Fault>(error) {
        return fault.clone();
    }
    let class = match error {
        CredentialsError::ProviderTimedOut(_) | CredentialsError::ProviderError(_) => {
            Class::Transient
        }
        _ => Class::Blocked,
    };
    let why = match error {
        // The SDK's own words for it fill a page; its log has them.
        CredentialsError::CredentialsNotLoaded(_) => {
            "the operator's environment, shared files, web identity, container and instance give none"
                .to_owned()
        }
        _ => causes(error),
    };
    let text = format!(
        "no credentials could be had: {why}; give the AWSProvider a credentialsSecret or a roleARN, or the \
         operator's Pod an identity"
    );
    Fault::new(class, AUTHENTICATION_FAILED, text)
        .with_scope(Scope::Provider)
        .with_code("NoCredentials")
}

/// What the SDK's HTTP client says where a name leads nowhere, and where a proxy opens no way.
const NO_SUCH_HOST: &str = "dns error";
const NO_TUNNEL: &str = "tunnel error";

/// Whether a connection could not even be opened: no answer, no trust, or no leave of the proxy.
fn never_connected(error: &ConnectorError) -> bool {
    let is_refusal = |it: &std::io::Error| it.kind() == std::io::ErrorKind::ConnectionRefused;
    let refused = chain(error)
        .filter_map(|it| it.downcast_ref())
        .any(is_refusal);
    refused
        || find::<rustls::Error>(error).is_some()
        || says(error, NO_SUCH_HOST)
        || says(error, NO_TUNNEL)
}

/// What can be done about a connection that could not be opened, where that is not plain.
fn advice(error: &ConnectorError) -> &'static str {
    match find::<rustls::Error>(error) {
        Some(rustls::Error::InvalidCertificate(_)) => {
            "; if the certificate of the endpoint, or of a proxy before it, is of an authority of your own, name \
             its bundle to the operator by --ca-bundle or CA_BUNDLE"
        }
        _ if says(error, NO_TUNNEL) => {
            "; the proxy of --https-proxy or HTTPS_PROXY did not open a way to it"
        }
        _ if says(error, NO_SUCH_HOST) => {
            "; check the region or the endpoint (not every region has FIPS or dual-stack endpoints), and whether \
             a proxy is needed (--https-proxy or HTTPS_PROXY)"
        }
        _ => "",
    }
}

fn says(error: &ConnectorError, words: &str) -> bool {
    chain(error).any(|it| it.to_string().contains(words))
}

fn find<'e, T: Error + 'static>(error: &'e (dyn Error + 'static)) -> Option<&'e T> {
    chain(error).find_map(|error| error.downcast_ref())
}

fn chain<'e>(error: &'e (dyn Error + 'static)) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| {
        match error.downcast_ref::<std::io::Error>() {
            // Its source is what its payload was caused by, which leaves the payload out.
            Some(io) => io
                .get_ref()
                .map(|payload| payload as &(dyn Error + 'static)),
            None => error.source(),
        }
    })
}

/// The error and its causes in words, each once.
fn causes(error: &(dyn Error + 'static)) -> String {
    let mut said: Vec<String> = Vec::new();
    for words in chain(error).map(ToString::to_string) {
        if !said.iter().any(|before| before.contains(&words)) {
            said.push(words);
        }
    }
    scrub(&said.join(": "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn io(source: impl Into<Box<dyn Error + Send + Sync>>) -> ConnectorError {
        // As hyper nests what its connectors meet.
        ConnectorError::io(Box::new(std::io::Error::other(source)))
    }

    #[test]
    fn what_kept_a_connection_from_opening_is_told_with_what_to_do() {
        let untrusted = rustls::Error::InvalidCertificate(rustls::CertificateError::UnknownIssuer);
        for (error, part) in [
            (io(std::io::Error::other(untrusted)), "CA_BUNDLE"),
            (io("tunnel error: unsuccessful"), "HTTPS_PROXY"),
            (io("dns error"), "region"),
            (io(rustls::Error::HandshakeNotComplete), ""),
            (
                io(std::io::Error::from(std::io::ErrorKind::ConnectionRefused)),
                "",
            ),
        ] {
            assert!(never_connected(&error), "{error:?}");
            let advice = advice(&error);
            assert!(advice.contains(part), "{error:?}: {advice}");
            assert_eq!(advice.is_empty(), part.is_empty(), "{error:?}: {advice}");
        }
        let broken = io(std::io::Error::from(std::io::ErrorKind::BrokenPipe));
        assert!(!never_connected(&broken), "it was open once");
    }
}
