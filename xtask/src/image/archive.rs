//! An image as it came out: what is in its OCI archive.

use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use xshell::{Shell, cmd};

/// Who a program runs as.
const USER: &str = "65532:65532";

/// An image in an archive.
pub struct Archive {
    /// The digest by which a registry will know it.
    pub digest: String,
    /// The image's settings: `config` of the OCI's configuration.
    settings: Value,
    layers: Vec<Layer>,
    files: Vec<File>,
}

/// A layer.
#[derive(Debug, PartialEq)]
struct Layer {
    digest: String,
    /// Compressed, in bytes.
    size: u64,
}

/// A file of a layer.
#[derive(Debug, PartialEq)]
struct File {
    path: String,
    /// As `tar` shows it.
    mode: String,
    /// In bytes.
    size: u64,
}

impl Archive {
    /// Reads an archive.
    ///
    /// # Errors
    /// Where it is none of one image with compressed layers.
    pub fn read(sh: &Shell, file: &Path) -> Result<Self> {
        let folder = sh.create_temp_dir()?;
        let blobs = folder.path().join("blobs/sha256");
        let unpacked = folder.path();
        cmd!(sh, "tar --extract --file {file} --directory {unpacked}")
            .quiet()
            .run()?;
        let json = |path: &Path| -> Result<Value> {
            let text = sh.read_file(path)?;
            serde_json::from_str(&text).with_context(|| format!("{} is no JSON", path.display()))
        };
        let blob = |descriptor: &Value| -> Result<_> {
            let digest = descriptor["digest"].as_str().unwrap_or_default();
            let hash = digest.strip_prefix("sha256:");
            Ok(blobs.join(hash.with_context(|| format!("no digest in {descriptor}"))?))
        };

        let index = json(&folder.path().join("index.json"))?;
        let [image] = index["manifests"].as_array().map_or(&[][..], Vec::as_slice) else {
            bail!("{} does not hold one image: {index}", file.display());
        };
        let manifest = json(&blob(image)?)?;
        let configuration = json(&blob(&manifest["config"])?)?;
        let mut layers = Vec::new();
        let mut files = Vec::new();
        for descriptor in manifest["layers"].as_array().into_iter().flatten() {
            let kind = descriptor["mediaType"].as_str().unwrap_or_default();
            ensure!(
                kind.ends_with("gzip") || kind.ends_with("zstd"),
                "a layer is not compressed: {descriptor}"
            );
            layers.push(Layer {
                digest: text(&descriptor["digest"]),
                size: descriptor["size"].as_u64().context("a layer has no size")?,
            });
            let layer = blob(descriptor)?;
            let list = cmd!(sh, "tar --list --verbose --file {layer}")
                .quiet()
                .read()?;
            files.extend(list.lines().filter_map(File::listed));
        }
        Ok(Self {
            digest: text(&image["digest"]),
            settings: configuration["config"].clone(),
            layers,
            files,
        })
    }

    /// What is pulled, in bytes.
    pub fn compressed(&self) -> u64 {
        self.layers.iter().map(|layer| layer.size).sum()
    }

    /// What lies on a node's disk, in bytes.
    pub fn unpacked(&self) -> u64 {
        self.files.iter().map(|file| file.size).sum()
    }

    /// How this image and another one of the same commit differ.
    pub fn difference(&self, other: &Self) -> String {
        let differ = self.layers.iter().zip(&other.layers).enumerate();
        let differ = differ.filter(|(_, (one, two))| one != two);
        let layers: Vec<_> = differ.map(|(at, _)| (at + 1).to_string()).collect();
        match (self.layers.len(), other.layers.len()) {
            (one, two) if one != two => format!("{one} layers, and {two}"),
            (all, _) if layers.is_empty() => {
                format!("all {all} layers are the same, but not the settings")
            }
            (all, _) => format!("layer {} of {all}", layers.join(", ")),
        }
    }

    /// Whether the image is as small and as locked up as operators' images are to be.
    ///
    /// # Errors
    /// Everything in which it is not.
    pub fn check(&self, operator: &str) -> Result<()> {
        let faults = self.faults(operator);
        ensure!(
            faults.is_empty(),
            "the image is not as it is to be:\n  {}",
            faults.join("\n  ")
        );
        Ok(())
    }

    fn faults(&self, operator: &str) -> Vec<String> {
        let mut faults = Vec::new();
        let settings = &self.settings;
        if settings["User"] != USER {
            faults.push(format!("it runs as {}, not as {USER}", settings["User"]));
        }
        if settings["Entrypoint"] != serde_json::json!([format!("/{operator}")]) {
            faults.push(format!(
                "it starts {}, not /{operator}",
                settings["Entrypoint"]
            ));
        }
        for label in ["title", "licenses", "version", "revision", "created"] {
            let label = format!("org.opencontainers.image.{label}");
            if settings["Labels"][&label]
                .as_str()
                .is_none_or(str::is_empty)
            {
                faults.push(format!("it has no label {label}"));
            }
        }
        let told = ["LICENSE".to_owned()]
            .into_iter()
            .chain(["cdx.json", "licences.txt"].map(|ending| format!("{operator}.{ending}")))
            .map(|file| format!("usr/share/doc/{operator}/{file}"));
        let told: Vec<String> = told.collect();
        for wanted in [
            operator,
            "etc/passwd",
            "etc/nsswitch.conf",
            "etc/os-release",
            "etc/ssl/certs/ca-certificates.crt",
            "var/lib/dpkg/status.d/libc6",
        ]
        .into_iter()
        .chain(told.iter().map(String::as_str))
        {
            if !self.files.iter().any(|file| file.path == wanted) {
                faults.push(format!("it has no {wanted}"));
            }
        }
        for File { path, mode, .. } in &self.files {
            if path.split('/').any(|part| part == "bin" || part == "sbin") {
                faults.push(format!("{path} is a program beside the operator's"));
            }
            if mode.contains(['s', 'S']) {
                faults.push(format!("{path} gives another user's rights ({mode})"));
            }
        }
        faults
    }
}

impl File {
    /// A line of `tar --list --verbose`; none of a folder, which is there where something lies in it.
    fn listed(line: &str) -> Option<Self> {
        let mut words = line.split_whitespace();
        let mode = words.next()?;
        let size = words.nth(1)?.parse().ok()?;
        let path = words
            .nth(2)?
            .trim_start_matches("./")
            .trim_start_matches('/');
        (!mode.starts_with('d')).then(|| Self {
            path: path.to_owned(),
            mode: mode.to_owned(),
            size,
        })
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn image() -> Archive {
        let label = |name: &str| format!("org.opencontainers.image.{name}");
        let labels: serde_json::Map<String, Value> =
            ["title", "licenses", "version", "revision", "created"]
                .map(|name| (label(name), json!("given")))
                .into_iter()
                .collect();
        let list = "\
drwxr-xr-x 0/0               0 2026-01-02 03:04 etc/
-rw-r--r-- 0/0              18 2026-01-02 03:04 etc/nsswitch.conf
-rw-r--r-- 0/0              18 2026-01-02 03:04 etc/os-release
-rw-r--r-- 0/0              18 2026-01-02 03:04 ./etc/passwd
-rw-r--r-- 0/0            2000 2026-01-02 03:04 etc/ssl/certs/ca-certificates.crt
-rw-r--r-- 0/0              18 2026-01-02 03:04 var/lib/dpkg/status.d/libc6
-rw-r--r-- 0/0              18 2026-01-02 03:04 usr/share/doc/an-operator/LICENSE
-rw-r--r-- 0/0              18 2026-01-02 03:04 usr/share/doc/an-operator/an-operator.cdx.json
-rw-r--r-- 0/0              18 2026-01-02 03:04 usr/share/doc/an-operator/an-operator.licences.txt
-rwxr-xr-x 0/0           10000 2026-01-02 03:04 an-operator";
        Archive {
            digest: "sha256:a".to_owned(),
            settings: json!({ "User": USER, "Entrypoint": ["/an-operator"], "Labels": labels }),
            layers: vec![layer("sha256:b", 900), layer("sha256:c", 5000)],
            files: list.lines().filter_map(File::listed).collect(),
        }
    }

    fn layer(digest: &str, size: u64) -> Layer {
        Layer {
            digest: digest.to_owned(),
            size,
        }
    }

    #[test]
    fn an_image_as_it_is_to_be_has_no_faults() {
        let image = image();
        assert_eq!(image.faults("an-operator"), Vec::<String>::new());
        assert_eq!((image.compressed(), image.unpacked()), (5900, 12126));
    }

    #[test]
    fn a_shell_another_user_and_what_is_missing_are_told() {
        let mut image = image();
        image.settings["User"] = json!("root");
        image.settings["Entrypoint"] = json!(["sh", "-c", "/an-operator"]);
        image.settings["Labels"]["org.opencontainers.image.revision"] = json!("");
        let gone = [
            "etc/passwd",
            "usr/share/doc/an-operator/an-operator.licences.txt",
        ];
        image.files.retain(|file| !gone.contains(&&*file.path));
        image.files.extend(File::listed(
            "-rwsr-xr-x 0/0 125688 2026-01-02 03:04 usr/bin/dash",
        ));
        assert_eq!(
            image.faults("an-operator"),
            [
                "it runs as \"root\", not as 65532:65532",
                "it starts [\"sh\",\"-c\",\"/an-operator\"], not /an-operator",
                "it has no label org.opencontainers.image.revision",
                "it has no etc/passwd",
                "it has no usr/share/doc/an-operator/an-operator.licences.txt",
                "usr/bin/dash is a program beside the operator's",
                "usr/bin/dash gives another user's rights (-rwsr-xr-x)",
            ]
        );
    }

    #[test]
    fn the_layer_that_differs_is_named() {
        let (one, mut two) = (image(), image());
        assert_eq!(
            one.difference(&two),
            "all 2 layers are the same, but not the settings"
        );
        two.layers[1].digest = "sha256:d".to_owned();
        assert_eq!(one.difference(&two), "layer 2 of 2");
        two.layers.pop();
        assert_eq!(one.difference(&two), "2 layers, and 1");
    }
}
