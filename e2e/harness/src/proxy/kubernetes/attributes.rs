//! What a request to an API server asks for.

use bytes::Bytes;
use http::Method;

use crate::proxy::{Call, Verb};

/// What a request to the API server asks for, in the words of RBAC.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Attributes {
    /// `get`, `list`, `watch`, `create`, `update`, `patch`, `delete` or `deletecollection`.
    pub verb: &'static str,
    /// The API group; empty for the core group.
    pub group: String,
    /// The plural, lower-case name of the kind.
    pub resource: String,
    /// `status`, `scale` …; empty for the object itself.
    pub subresource: String,
    /// The namespace; empty for cluster-scoped resources and for all namespaces.
    pub namespace: String,
    /// The object; empty where the verb is about many, and at `create`.
    pub name: String,
}

impl Attributes {
    /// Reads them from a request as the API server does (Kubernetes documentation, "Authorization
    /// Overview", "Request verbs and authorization"); `None` for paths that are not of a resource.
    pub fn of(call: &Call) -> Option<Self> {
        attributes(&call.method, &call.path, &call.query)
    }
}

/// Whether a request asks the API server for all that is there: a list, or a watch that begins with one (Kubernetes
/// documentation, "API concepts", "Streaming lists").
pub fn is_list(call: &Call) -> bool {
    let listed =
        |of: Attributes| of.verb == "list" || of.verb == "watch" && is_streamed(&call.query);
    Attributes::of(call).is_some_and(listed)
}

pub(super) fn is_streamed(query: &str) -> bool {
    query
        .split('&')
        .any(|pair| pair == "sendInitialEvents=true")
}

fn attributes(method: &Method, path: &str, query: &str) -> Option<Attributes> {
    let mut parts = path.split('/').filter(|part| !part.is_empty());
    let group = match parts.next()? {
        "api" => String::new(),
        "apis" => parts.next()?.to_owned(),
        _ => return None,
    };
    let _version = parts.next()?;
    let mut rest: Vec<&str> = parts.collect();

    // A Namespace and its subresources are addressed by the path that also leads to its contents.
    let mut namespace = "";
    if let ["namespaces", name, inside, ..] = rest[..]
        && !["status", "finalize"].contains(&inside)
    {
        namespace = name;
        rest.drain(..2);
    }
    let resource = *rest.first()?;
    let name = rest.get(1).copied().unwrap_or_default();
    let subresource = rest.get(2..).unwrap_or_default().join("/");

    let one = !name.is_empty();
    let verb = match *method {
        Method::GET | Method::HEAD if is_watch(query) => "watch",
        Method::GET | Method::HEAD if one => "get",
        Method::GET | Method::HEAD => "list",
        Method::POST => "create",
        Method::PUT => "update",
        Method::PATCH => "patch",
        Method::DELETE if one => "delete",
        Method::DELETE => "deletecollection",
        _ => return None,
    };
    Some(Attributes {
        verb,
        group,
        resource: resource.to_owned(),
        subresource,
        namespace: namespace.to_owned(),
        name: name.to_owned(),
    })
}

fn is_watch(query: &str) -> bool {
    query
        .split('&')
        .any(|pair| matches!(pair, "watch=true" | "watch=1"))
}

pub(super) fn classify(request: &http::Request<Bytes>) -> (Verb, String) {
    let uri = request.uri();
    let query = uri.query().unwrap_or_default();
    let Some(of) = attributes(request.method(), uri.path(), query) else {
        return (Verb::of(request.method()), uri.path().to_owned());
    };
    // What is created there is an answer: nothing is stored.
    let question = matches!(
        of.group.as_str(),
        "authentication.k8s.io" | "authorization.k8s.io"
    ) || (of.resource == "serviceaccounts" && of.subresource == "token");
    let verb = match of.verb {
        "watch" => Verb::Watch,
        "get" | "list" => Verb::Read,
        _ if question => Verb::Read,
        _ => Verb::Write,
    };
    let about = match of.subresource.as_str() {
        "" => of.resource,
        subresource => format!("{}/{subresource}", of.resource),
    };
    (verb, about)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(method: Method, path_and_query: &str) -> (Verb, String) {
        let request = http::Request::builder()
            .method(method)
            .uri(path_and_query)
            .body(Bytes::new())
            .unwrap();
        classify(&request)
    }

    #[test]
    fn requests_are_classified() {
        use Verb::{Read, Watch, Write};
        let buckets = "/apis/aws-infra-operator.runner.codes/v1alpha1/namespaces/n/s3buckets";
        for (method, path, verb, about) in [
            (Method::GET, "/readyz".to_owned(), Read, "/readyz"),
            (Method::GET, "/apis/apps/v1".into(), Read, "/apis/apps/v1"),
            (Method::GET, buckets.into(), Read, "s3buckets"),
            (
                Method::GET,
                format!("{buckets}?limit=5&watch=true"),
                Watch,
                "s3buckets",
            ),
            (
                Method::PATCH,
                format!("{buckets}/b/status"),
                Write,
                "s3buckets/status",
            ),
            (Method::DELETE, format!("{buckets}/b"), Write, "s3buckets"),
            (
                Method::POST,
                "/api/v1/namespaces".into(),
                Write,
                "namespaces",
            ),
            (
                Method::PUT,
                "/api/v1/namespaces/n/finalize".into(),
                Write,
                "namespaces/finalize",
            ),
            (
                Method::POST,
                "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews".into(),
                Read,
                "selfsubjectaccessreviews",
            ),
            (
                Method::POST,
                "/api/v1/namespaces/n/serviceaccounts/a/token".into(),
                Read,
                "serviceaccounts/token",
            ),
        ] {
            assert_eq!(seen(method, &path), (verb, about.to_owned()), "{path}");
        }
    }

    #[test]
    fn attributes_are_those_of_rbac() {
        let of = |method, path: &str, query: &str| {
            let a = attributes(&method, path, query).unwrap();
            let owned = [a.group, a.resource, a.subresource, a.namespace, a.name];
            (a.verb, owned)
        };
        let words = |words: [&str; 5]| words.map(str::to_owned);
        assert_eq!(
            of(Method::GET, "/api/v1/namespaces/n", ""),
            ("get", words(["", "namespaces", "", "", "n"]))
        );
        assert_eq!(
            of(Method::GET, "/api/v1/namespaces/n/secrets/s", ""),
            ("get", words(["", "secrets", "", "n", "s"]))
        );
        assert_eq!(
            of(Method::GET, "/apis/g/v1/things", "watch=1"),
            ("watch", words(["g", "things", "", "", ""]))
        );
        assert_eq!(
            of(
                Method::PATCH,
                "/apis/g/v1/namespaces/n/things/t/status",
                "force=true"
            ),
            ("patch", words(["g", "things", "status", "n", "t"]))
        );
        assert_eq!(
            of(Method::DELETE, "/apis/g/v1/namespaces/n/things", ""),
            ("deletecollection", words(["g", "things", "", "n", ""]))
        );
    }
}
