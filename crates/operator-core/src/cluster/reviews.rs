//! Questions to the API server about a caller: who it is, and what it may do. Nothing is stored by them, so they
//! need no leader.
//!
//! Needs `create` on `tokenreviews.authentication.k8s.io` and on `subjectaccessreviews.authorization.k8s.io`.

use k8s_openapi::api::{
    authentication::v1::{TokenReview, TokenReviewSpec, UserInfo},
    authorization::v1::{NonResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec},
    rbac::v1::PolicyRule,
};
use kube::{
    Api, Client,
    api::{ObjectMeta, PostParams},
};

use super::{refusal::explain, rules::rule};

/// The API server has not answered a question; the text never holds a token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unanswered(String);

/// The right to ask.
pub fn rules() -> Vec<PolicyRule> {
    vec![
        rule("authentication.k8s.io", &["tokenreviews"], &["create"]),
        rule(
            "authorization.k8s.io",
            &["subjectaccessreviews"],
            &["create"],
        ),
    ]
}

/// Whose token this is; `None` if the API server does not accept it.
///
/// # Errors
/// When the API server does not answer, or may not be asked.
pub async fn owner(client: &Client, token: &str) -> Result<Option<UserInfo>, Unanswered> {
    let review = TokenReview {
        metadata: ObjectMeta::default(),
        spec: TokenReviewSpec {
            token: Some(token.to_owned()),
            ..TokenReviewSpec::default()
        },
        status: None,
    };
    let reviews = Api::<TokenReview>::all(client.clone());
    let answer = reviews.create(&PostParams::default(), &review).await;
    let status = answer.map_err(unanswered)?.status.unwrap_or_default();
    let known = status.authenticated.unwrap_or_default();
    Ok(status.user.filter(|_| known))
}

/// Whether this user may `verb` this path, which is none of an object.
///
/// # Errors
/// As [`owner`].
pub async fn may(
    client: &Client,
    user: &UserInfo,
    verb: &str,
    path: &str,
) -> Result<bool, Unanswered> {
    let review = SubjectAccessReview {
        metadata: ObjectMeta::default(),
        spec: SubjectAccessReviewSpec {
            user: user.username.clone(),
            groups: user.groups.clone(),
            uid: user.uid.clone(),
            extra: user.extra.clone(),
            non_resource_attributes: Some(NonResourceAttributes {
                path: Some(path.to_owned()),
                verb: Some(verb.to_owned()),
            }),
            resource_attributes: None,
        },
        status: None,
    };
    let reviews = Api::<SubjectAccessReview>::all(client.clone());
    let answer = reviews.create(&PostParams::default(), &review).await;
    Ok(answer
        .map_err(unanswered)?
        .status
        .is_some_and(|it| it.allowed))
}

/// The answer to a review repeats the token, and an error of a decoder quotes the answer.
fn unanswered(error: kube::Error) -> Unanswered {
    Unanswered(match error {
        kube::Error::SerdeError(_) => "the answer is no review".to_owned(),
        error => explain(&error),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_cannot_be_read_is_not_repeated() {
        let error = serde_json::from_str::<TokenReview>(r#"{ "spec": "canary-token" }"#);
        let error = kube::Error::SerdeError(error.expect_err("it is no review"));
        assert!(error.to_string().contains("canary-token"), "{error}");
        assert_eq!(unanswered(error).to_string(), "the answer is no review");
    }
}
