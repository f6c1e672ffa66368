//! The programs that stand in for images.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Programs of this machine by the images that they stand in for.
#[derive(Clone, Debug, Default)]
pub struct Images(BTreeMap<String, PathBuf>);

impl Images {
    /// The same with one more: `image` is a whole reference, a repository for whatever tag and digest, or a name for
    /// whatever registry; they are looked for in this order.
    #[must_use]
    pub fn with(mut self, image: &str, program: impl Into<PathBuf>) -> Self {
        self.0.insert(image.to_owned(), program.into());
        self
    }

    /// The program for an image.
    ///
    /// # Errors
    /// When there is none; the message names those that there are.
    pub fn program(&self, image: &str) -> Result<&Path, String> {
        let ways = [image, repository(image), name(image)];
        let found = ways.into_iter().find_map(|way| self.0.get(way));
        found.map(PathBuf::as_path).ok_or_else(|| {
            let known: Vec<&str> = self.0.keys().map(String::as_str).collect();
            format!(
                "no program stands in for the image {image}; there are: {}",
                known.join(", ")
            )
        })
    }
}

/// Where an image's program lies in its container: `/NAME`.
pub fn entry(image: &str) -> String {
    format!("/{}", name(image))
}

/// The last part of a repository.
fn name(image: &str) -> &str {
    let repository = repository(image);
    repository.rsplit('/').next().unwrap_or(repository)
}

/// A reference without its tag and digest.
fn repository(image: &str) -> &str {
    let named = image.split('@').next().unwrap_or(image);
    match named.rsplit_once(':') {
        // A colon before a slash is a registry's port.
        Some((repository, tag)) if !tag.contains('/') => repository,
        _ => named,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_found_whatever_its_tag() {
        let images = Images::default()
            .with("registry:5000/suite/cloud-operator", "/new")
            .with("registry:5000/suite/cloud-operator:0.1", "/old")
            .with("agent", "/any");
        let program = |image: &str| {
            let image = format!("registry:5000/suite/{image}");
            images.program(&image).map(Path::to_owned)
        };
        for (image, expected) in [
            ("cloud-operator", "/new"),
            ("cloud-operator:0.2", "/new"),
            ("cloud-operator@sha256:abc", "/new"),
            ("cloud-operator:0.1@sha256:abc", "/new"),
            ("cloud-operator:0.1", "/old"),
            ("agent:1", "/any"),
        ] {
            assert_eq!(program(image), Ok(PathBuf::from(expected)), "{image}");
        }
        let refused = program("apigw-operator").unwrap_err();
        assert!(
            refused
                .contains("apigw-operator; there are: agent, registry:5000/suite/cloud-operator,")
        );
        assert_eq!(
            entry("registry:5000/suite/cloud-operator:0.1"),
            "/cloud-operator"
        );
        assert_eq!(entry("busybox"), "/busybox");
    }
}
