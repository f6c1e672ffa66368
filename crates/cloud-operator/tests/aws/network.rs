//! The way out: proxies, authorities of one's own, and which of AWS's hosts is asked.

use std::{fs, net::SocketAddr};

use cloud_operator::aws::{
    Access, Aws, Bucket, EndpointPolicy, Network, NetworkSettings, Pace, Session, Settings, Tenant,
};
use harness::{Egress, Moto, TlsFront, aws::AwsProxy};
use operator_core::decide::{
    clock::Clock,
    outcome::{Class, Fault},
};
use rstest::rstest;

use crate::stage::{ACCOUNT, access};

async fn proxy() -> AwsProxy {
    AwsProxy::start(Moto::shared().await.unwrap().url())
        .await
        .unwrap()
}

fn address(url: &str) -> SocketAddr {
    let (_, address) = url.split_once("://").unwrap();
    address.parse().unwrap()
}

/// The way out as an operator's settings give it: proxies, exceptions, and authorities to believe.
fn network(proxy: Option<&str>, no_proxy: &str, authority: Option<&str>) -> Network {
    let bundle = tempfile::NamedTempFile::new().unwrap();
    fs::write(bundle.path(), authority.unwrap_or_default()).unwrap();
    let proxy = proxy.map(|url| url.parse().unwrap());
    NetworkSettings {
        https_proxy: proxy.clone(),
        http_proxy: proxy,
        no_proxy: no_proxy.to_owned(),
        ca_bundle: authority.map(|_| bundle.path().to_owned()),
    }
    .network()
    .unwrap()
}

/// A session at this endpoint, or at AWS's own.
async fn open(network: Network, endpoint: Option<&str>) -> Result<Session, Fault> {
    let access = Access {
        endpoint: endpoint.map(|endpoint| endpoint.parse().unwrap()),
        ..access("network")
    };
    client(network, endpoint).open(&access).await
}

fn client(network: Network, endpoint: Option<&str>) -> Aws {
    let allowed = endpoint
        .into_iter()
        .map(|endpoint| endpoint.parse().unwrap());
    let settings = Settings {
        endpoints: EndpointPolicy {
            allowed: allowed.collect(),
            allow_http: true,
        },
        network,
        ..Settings::default()
    };
    Aws::new(settings, Clock::system())
}

#[tokio::test]
async fn an_endpoint_of_an_authority_of_ones_own_needs_the_bundle() {
    let aws = proxy().await;
    let front = TlsFront::of(address(&aws.url()), &[]).await.unwrap();
    let url = front.url();
    let fault = open(network(None, "", None), Some(&url)).await;
    let fault = fault.expect_err("nobody knows the authority");
    assert_eq!(
        (fault.class, fault.code.as_ref()),
        (Class::Transient, "Unreachable")
    );
    for part in ["was not sent", "UnknownIssuer", "CA_BUNDLE"] {
        assert!(fault.message.contains(part), "{part} in {fault}");
    }
    assert!(aws.proxy().requests().is_empty());

    let session = open(network(None, "", Some(front.authority())), Some(&url)).await;
    assert_eq!(session.unwrap().caller.account.as_ref(), ACCOUNT);
}

#[tokio::test]
async fn https_goes_through_the_proxy_with_its_password() {
    let aws = proxy().await;
    let front = TlsFront::of(address(&aws.url()), &[]).await.unwrap();
    let egress = Egress::to(front.address()).await.unwrap();
    let through = format!("http://user:p%40ss@{}", egress.address());
    let through = network(Some(&through), "", Some(front.authority()));
    assert!(!format!("{through:?}").contains("p%40ss"));
    open(through, Some(&front.url())).await.unwrap();
    let ways = egress.ways();
    assert_eq!(ways[0].target, front.address().to_string());
    // user:p@ss
    assert_eq!(ways[0].authorization.as_deref(), Some("Basic dXNlcjpwQHNz"));
    assert_eq!(ways.len(), 1);
    assert!(!aws.proxy().requests().is_empty());
}

#[tokio::test]
async fn plain_http_goes_through_its_proxy() {
    let aws = proxy().await;
    let egress = Egress::to(address(&aws.url())).await.unwrap();
    let through = network(Some(&egress.address().to_string()), "", None);
    open(through, Some(&aws.url())).await.unwrap();
    let ways = egress.ways();
    assert!(ways[0].target.starts_with(&aws.url()), "{ways:?}");
    assert_eq!(ways[0].authorization, None);
}

#[rstest]
#[case("127.0.0.1")]
#[case("example.com, 127.0.0.0/8")]
#[case("*")]
#[tokio::test]
async fn what_needs_no_proxy_gets_none(#[case] no_proxy: &str) {
    let aws = proxy().await;
    let front = TlsFront::of(address(&aws.url()), &[]).await.unwrap();
    let egress = Egress::refusing().await.unwrap();
    let through = format!("http://{}", egress.address());
    let network = network(Some(&through), no_proxy, Some(front.authority()));
    open(network.clone(), Some(&front.url())).await.unwrap();
    open(network, Some(&aws.url())).await.unwrap();
    assert_eq!(egress.ways(), []);
}

#[tokio::test]
async fn a_proxy_that_refuses_is_named_without_its_password() {
    let egress = Egress::refusing().await.unwrap();
    let through = format!("http://user:canary@{}", egress.address());
    let fault = open(
        network(Some(&through), "", None),
        Some("https://127.0.0.1:1"),
    )
    .await;
    let fault = fault.expect_err("refused");
    assert_eq!(fault.class, Class::Transient);
    for part in ["was not sent", "HTTPS_PROXY"] {
        assert!(fault.message.contains(part), "{part} in {fault}");
    }
    assert!(!format!("{fault:?}").contains("canary"), "{fault:?}");
}

/// Through a proxy that leads every name here: AWS's own hosts are asked, and AWS is not.
#[rstest]
#[case("eu-central-1", false, false, "sts.eu-central-1.amazonaws.com")]
#[case("us-east-1", true, false, "sts-fips.us-east-1.amazonaws.com")]
#[case("eu-central-1", false, true, "sts.eu-central-1.api.aws")]
#[case("us-west-2", true, true, "sts-fips.us-west-2.api.aws")]
#[case("us-gov-west-1", true, false, "sts.us-gov-west-1.amazonaws.com")]
#[case("cn-north-1", false, false, "sts.cn-north-1.amazonaws.com.cn")]
#[case("us-iso-east-1", false, false, "sts.us-iso-east-1.c2s.ic.gov")]
#[case("eusc-de-east-1", false, false, "sts.eusc-de-east-1.amazonaws.eu")]
#[tokio::test]
async fn sts_is_asked_at_its_host_of_the_region(
    #[case] region: &str,
    #[case] fips: bool,
    #[case] dual_stack: bool,
    #[case] host: &str,
) {
    let aws = proxy().await;
    let front = TlsFront::of(address(&aws.url()), &[host]).await.unwrap();
    let egress = Egress::to(front.address()).await.unwrap();
    let through = egress.address().to_string();
    let network = network(Some(&through), "", Some(front.authority()));
    let access = Access {
        region: region.parse().unwrap(),
        fips,
        dual_stack,
        ..access("hosts")
    };
    let session = client(network, None).open(&access).await.unwrap();
    assert_eq!(session.caller.account.as_ref(), ACCOUNT);
    assert_eq!(egress.ways()[0].target, format!("{host}:443"));
}

#[rstest]
#[case("eu-central-1", false, false, "s3.eu-central-1.amazonaws.com")]
#[case("us-east-1", true, false, "s3-fips.us-east-1.amazonaws.com")]
#[case("eu-central-1", false, true, "s3.dualstack.eu-central-1.amazonaws.com")]
#[case("us-west-2", true, true, "s3-fips.dualstack.us-west-2.amazonaws.com")]
#[case("us-gov-west-1", true, false, "s3-fips.us-gov-west-1.amazonaws.com")]
#[case(
    "cn-northwest-1",
    false,
    true,
    "s3.dualstack.cn-northwest-1.amazonaws.com.cn"
)]
#[tokio::test]
async fn s3_is_asked_at_its_host_of_the_region(
    #[case] region: &str,
    #[case] fips: bool,
    #[case] dual_stack: bool,
    #[case] host: &str,
) {
    let aws = proxy().await;
    let sts = ["sts", "sts-fips"].map(|sts| {
        let domain = match (dual_stack, region.starts_with("cn-")) {
            (false, false) => "amazonaws.com",
            (false, true) => "amazonaws.com.cn",
            (true, false) => "api.aws",
            (true, true) => "api.amazonwebservices.com.cn",
        };
        format!("{sts}.{region}.{domain}")
    });
    let names: Vec<_> = sts.iter().map(String::as_str).collect();
    let front = TlsFront::of(address(&aws.url()), &names).await.unwrap();
    let egress = Egress::to(front.address()).await.unwrap();
    let through = egress.address().to_string();
    let network = network(Some(&through), "", Some(front.authority()));
    let access = Access {
        region: region.parse().unwrap(),
        fips,
        dual_stack,
        ..access("hosts")
    };
    let session = client(network, None).open(&access).await.unwrap();
    let bucket = Bucket {
        name: "bucket".parse().unwrap(),
        region: access.region,
        account: session.caller.account.clone(),
        partition: session.caller.partition.clone(),
        store: None,
    };
    let tenant = Tenant::new(session.into(), Pace::default(), "tests");
    // The front is not called so: nothing is sent.
    let asked = tenant.reads(&bucket).head_bucket().await;
    asked.expect_err("another name");
    let ways = egress.ways();
    let last = ways.last().map(|way| way.target.as_str());
    assert_eq!(last, Some(format!("bucket.{host}:443").as_str()));
}
