//! What makes each alert fire.

/// What makes an alert fire, and what it then says.
#[derive(Debug)]
pub struct Fires {
    /// Its name.
    pub alert: &'static str,
    /// After how many minutes it certainly fires.
    pub after: u32,
    /// Series, each with its values from minute to minute: first those by which it fires, then those of a quiet day.
    pub series: &'static [(&'static str, &'static str, &'static str)],
    /// Its labels beside those that it always has.
    pub labels: &'static [(&'static str, &'static str)],
    /// Its summary.
    pub summary: &'static str,
}

/// A series of an installation in the namespace `here`, with these labels besides.
macro_rules! here {
    ($metric:literal) => {
        here!($metric, "")
    };
    ($metric:literal, $labels:literal) => {
        concat!(
            $metric,
            r#"{job="OPERATOR",namespace="here",pod="operator-0""#,
            $labels,
            "}"
        )
    };
}

pub const OF_EVERY_OPERATOR: &[Fires] = &[
    Fires {
        alert: "OperatorAbsent",
        after: 6,
        series: &[(here!("operator_build_info"), "_x20", "1x20")],
        labels: &[("job", "OPERATOR"), ("namespace", "here")],
        summary: "No replica of the operator is scraped.",
    },
    Fires {
        alert: "OperatorWithoutLeader",
        after: 6,
        series: &[(here!("leader_election_master_status"), "0x20", "1x20")],
        labels: &[],
        summary: "Replicas of the operator run, and none leads.",
    },
    Fires {
        alert: "OperatorPassesPanic",
        after: 10,
        series: &[(
            here!(
                "controller_runtime_reconcile_panics_total",
                r#",controller="k""#
            ),
            "0x5 1x20",
            "1x30",
        )],
        labels: &[("controller", "k")],
        summary: "Passes over k objects panic.",
    },
    Fires {
        alert: "OperatorPassesFail",
        after: 30,
        series: &[
            (
                here!(
                    "controller_runtime_reconcile_errors_total",
                    r#",controller="k""#
                ),
                "0+6x40",
                "0+4x40",
            ),
            (
                here!(
                    "controller_runtime_reconcile_total",
                    r#",controller="k",result="error""#
                ),
                "0+6x40",
                "0+4x40",
            ),
            (
                here!(
                    "controller_runtime_reconcile_total",
                    r#",controller="k",result="success""#
                ),
                "0+4x40",
                "0+6x40",
            ),
        ],
        labels: &[("controller", "k")],
        summary: "Most passes over k objects fail.",
    },
    Fires {
        alert: "OperatorBlocked",
        after: 45,
        series: &[
            (
                here!(
                    "operator_faults_total",
                    r#",controller="k",class="blocked",code="AccessDenied""#
                ),
                "0+1x60",
                "5x60",
            ),
            (
                here!(
                    "operator_faults_total",
                    r#",controller="k",class="transient",code="Unreachable""#
                ),
                "0+1x60",
                "0+1x60",
            ),
        ],
        labels: &[("controller", "k"), ("code", "AccessDenied")],
        summary: "k objects wait for somebody outside the cluster: AccessDenied.",
    },
    Fires {
        alert: "OperatorQueueSlow",
        after: 30,
        series: &[
            (
                here!(
                    "workqueue_queue_duration_seconds_bucket",
                    r#",controller="k",le="10""#
                ),
                "0x40",
                "0+10x40",
            ),
            (
                here!(
                    "workqueue_queue_duration_seconds_bucket",
                    r#",controller="k",le="100""#
                ),
                "0+10x40",
                "0+10x40",
            ),
            (
                here!(
                    "workqueue_queue_duration_seconds_bucket",
                    r#",controller="k",le="+Inf""#
                ),
                "0+10x40",
                "0+10x40",
            ),
        ],
        labels: &[("controller", "k")],
        summary: "k objects wait more than a minute for their pass.",
    },
    Fires {
        alert: "OperatorWritesWait",
        after: 30,
        series: &[(
            here!("operator_api_write_wait_seconds_total"),
            "0+90x40",
            "0+30x40",
        )],
        labels: &[("pod", "operator-0")],
        summary: "Writes of operator-0 to the API server wait for the write budget.",
    },
    Fires {
        alert: "OperatorKindMissing",
        after: 16,
        series: &[(
            here!("operator_watch_missing", r#",kind="k""#),
            "1x30",
            "0x30",
        )],
        labels: &[("kind", "k")],
        summary: "The API server does not serve k.",
    },
    Fires {
        alert: "OperatorWatchFails",
        after: 25,
        series: &[(
            here!("operator_watch_errors_total", r#",kind="k""#),
            "0+1x30",
            "0x10 1x20",
        )],
        labels: &[("kind", "k")],
        summary: "The watch of k fails again and again.",
    },
    Fires {
        alert: "OperatorSettingsRefused",
        after: 6,
        series: &[(here!("operator_settings_refused"), "1x20", "0x20")],
        labels: &[("pod", "operator-0")],
        summary: "operator-0 refuses what its ConfigMap says.",
    },
];

pub const OF_CLOUD: &[Fires] = &[
    Fires {
        alert: "AwsProviderNotReady",
        after: 16,
        series: &[(
            r#"infra_operator_provider_ready{job="OPERATOR",namespace="team",provider_name="account",region="eu-west-1"}"#,
            "0x30",
            "1x30",
        )],
        labels: &[("namespace", "team"), ("provider_name", "account")],
        summary: "AWS does not know the credentials of AWSProvider team/account.",
    },
    Fires {
        alert: "AwsResourcesNotReady",
        after: 31,
        series: &[
            (
                here!(
                    "infra_operator_resources_total",
                    r#",resource_type="s3bucket",status="notready""#
                ),
                "2x40",
                "0x40",
            ),
            (
                here!(
                    "infra_operator_resources_total",
                    r#",resource_type="s3bucket",status="ready""#
                ),
                "5x40",
                "7x40",
            ),
        ],
        labels: &[("resource_type", "s3bucket")],
        summary: "2 objects of type s3bucket are not Ready.",
    },
    Fires {
        alert: "AwsObjectsUnreadable",
        after: 16,
        series: &[(
            here!(
                "infra_operator_resources_total",
                r#",resource_type="s3bucket",status="unreadable""#
            ),
            "3x30",
            "0x30",
        )],
        labels: &[("resource_type", "s3bucket")],
        summary: "3 objects of type s3bucket cannot be read by this version.",
    },
    Fires {
        alert: "AwsThrottles",
        after: 30,
        series: &[(
            here!("infra_operator_aws_api_throttles_total", r#",service="s3""#),
            "0+30x40",
            "0+6x40",
        )],
        labels: &[("service", "s3")],
        summary: "AWS refuses calls to s3 as there are too many.",
    },
    Fires {
        alert: "AwsCallsFail",
        after: 30,
        series: &[
            (
                here!(
                    "infra_operator_aws_api_calls_total",
                    r#",service="s3",operation="GetBucketTagging",result="error""#
                ),
                "0+6x40",
                "0+4x40",
            ),
            (
                here!(
                    "infra_operator_aws_api_calls_total",
                    r#",service="s3",operation="GetBucketTagging",result="success""#
                ),
                "0+4x40",
                "0+6x40",
            ),
        ],
        labels: &[("service", "s3")],
        summary: "Most calls to s3 fail.",
    },
    Fires {
        alert: "AwsResourcesUnclaimed",
        after: 121,
        series: &[(
            here!("operator_unclaimed_resources", r#",kind="s3bucket""#),
            "3x150",
            "0x150",
        )],
        labels: &[("kind", "s3bucket")],
        summary: "3 s3bucket resources carry this installation's mark, and no object names them.",
    },
];

pub const OF_APIGW: &[Fires] = &[
    Fires {
        alert: "GatewaysAbsent",
        after: 11,
        series: &[(here!("avapigw_operator_gateways_connected"), "0x20", "1x20")],
        labels: &[],
        summary: "No gateway is connected.",
    },
    Fires {
        alert: "GatewayRefuses",
        after: 10,
        series: &[(
            here!("avapigw_operator_config_push_errors_total"),
            "0x5 1x20",
            "1x30",
        )],
        labels: &[],
        summary: "A gateway has refused what it was sent.",
    },
    Fires {
        alert: "GatewayObjectsNotReady",
        after: 31,
        series: &[
            (
                r#"avapigw_operator_resource_condition{job="OPERATOR",pod="operator-0",kind="apiroute",name="shop",namespace="store",condition="Ready"}"#,
                "0x40",
                "1x40",
            ),
            // Every replica tells of every object.
            (
                r#"avapigw_operator_resource_condition{job="OPERATOR",pod="operator-1",kind="apiroute",name="shop",namespace="store",condition="Ready"}"#,
                "0x40",
                "0x40",
            ),
            (
                r#"avapigw_operator_resource_condition{job="OPERATOR",pod="operator-0",kind="apiroute",name="shop",namespace="other",condition="Ready"}"#,
                "0x40",
                "1x40",
            ),
        ],
        labels: &[("kind", "apiroute")],
        summary: "2 objects of kind apiroute are not Ready.",
    },
    Fires {
        alert: "GatewaysSlow",
        after: 30,
        series: &[
            (
                here!(
                    "avapigw_operator_config_propagation_seconds_bucket",
                    r#",le="5""#
                ),
                "0x40",
                "0+10x40",
            ),
            (
                here!(
                    "avapigw_operator_config_propagation_seconds_bucket",
                    r#",le="30""#
                ),
                "0+10x40",
                "0+10x40",
            ),
            (
                here!(
                    "avapigw_operator_config_propagation_seconds_bucket",
                    r#",le="+Inf""#
                ),
                "0+10x40",
                "0+10x40",
            ),
        ],
        labels: &[],
        summary: "Edits take more than five seconds to be in force.",
    },
    Fires {
        alert: "GatewayCertificateExpires",
        after: 11,
        series: &[(
            here!(
                "avapigw_operator_cert_expiry_seconds",
                r#",common_name="gateways""#
            ),
            "86400x20",
            "864000x20",
        )],
        labels: &[("common_name", "gateways")],
        summary: "The certificate gateways expires in 1d 0h 0m 0s.",
    },
    Fires {
        alert: "GatewayCertificateErrors",
        after: 45,
        series: &[(
            here!(
                "avapigw_operator_cert_errors_total",
                r#",provider="selfsigned",operation="read""#
            ),
            "0+1x60",
            "0x20 1x40",
        )],
        labels: &[("operation", "read")],
        summary: "Certificates cannot be handled: read fails.",
    },
];
