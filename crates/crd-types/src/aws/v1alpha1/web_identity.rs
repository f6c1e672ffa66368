use std::ops::RangeInclusive;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::assume_role::SessionName;
use crate::{
    rules::{Rule, checks},
    stored::Stored,
    text::{Text, text},
};

/// How the role of a web identity is assumed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct WebIdentity {
    /// File of the operator's Pod that holds the token, read anew whenever credentials are renewed. Only in
    /// folders that the operator's settings allow. Left out: the Pod's own token
    /// (AWS_WEB_IDENTITY_TOKEN_FILE).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_file: Option<Stored<TokenFile>>,

    /// Name of the session, as CloudTrail shows it. Left out: namespace and name of the provider.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_name: Option<Stored<SessionName>>,

    /// For how many seconds credentials are asked for; they are renewed before they end. At most what the
    /// role allows. Left out: AWS's default of 3600.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 900, max = 43200))]
    pub duration_seconds: Option<i32>,
}

checks!(WebIdentity {
    token_file: ".tokenFile",
    session_name: ".sessionName"
});

/// An absolute path without steps back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenFile(String);

impl Text for TokenFile {
    const WHAT: &'static str = "path of a token";
    const LENGTH: RangeInclusive<usize> = 2..=512;
    const RULES: &'static [Rule<str>] = &[
        Rule::new(
            "self.matches('^(/[a-zA-Z0-9._-]+)+$')",
            "must be an absolute path of letters, digits and . _ - between slashes",
            |text| {
                let part = |part: &str| {
                    !part.is_empty()
                        && part
                            .bytes()
                            .all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte))
                };
                text.strip_prefix('/')
                    .is_some_and(|rest| rest.split('/').all(part))
            },
        ),
        Rule::new(
            "!self.matches('/[.][.]?(/|$)')",
            "must not have . or .. between slashes",
            |text| {
                !text
                    .split('/')
                    .skip(1)
                    .any(|part| matches!(part, "." | ".."))
            },
        ),
    ];
}
text!(TokenFile);

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("/var/run/secrets/tokens/aws", true)]
    #[case("/a/..data/token", true)]
    #[case("token", false)]
    #[case("/a//b", false)]
    #[case("/a/", false)]
    #[case("/a/../b", false)]
    #[case("/a/..", false)]
    #[case("/./a", false)]
    #[case("/a b", false)]
    fn a_path_leads_only_forward(#[case] text: &str, #[case] is_one: bool) {
        assert_eq!(text.parse::<TokenFile>().is_ok(), is_one, "{text}");
    }
}
