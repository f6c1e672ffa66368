//! The files of a volume, from what its sources hold.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{DownwardAPIVolumeFile, KeyToPath, Volume, VolumeProjection};

use super::downward::Told;
use super::sources::{Kind, Sources};

/// The mode of a file of which the spec says nothing.
const MODE: i32 = 0o644;

/// One file. Its content may be secret: it has no `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct File {
    pub content: Vec<u8>,
    /// Permission bits.
    pub mode: u32,
}

/// The files of a volume by their paths in it.
pub type Files = BTreeMap<String, File>;

/// Where the tokens of a Pod come from: by the volume's name and the path in it.
pub type Tokens = BTreeMap<(String, String), String>;

/// The files of a volume; `None` for one that begins empty and is the container's own.
///
/// # Errors
/// What is missing, or why a path cannot be.
pub fn files(
    volume: &Volume,
    told: &Told<'_>,
    sources: &Sources,
    tokens: &Tokens,
) -> Result<Option<Files>, String> {
    if volume.empty_dir.is_some() {
        return Ok(None);
    }
    let (mode, parts) = parts(volume);
    let (mode, mut files) = (mode.unwrap_or(MODE), Files::new());
    for part in parts {
        match part {
            Part::Keys(keys) => keys.add(sources, mode, &mut files)?,
            Part::Told(items) => told_files(items, told, mode, &mut files)?,
            Part::Token(path) => {
                let token = tokens.get(&(volume.name.clone(), path.to_owned()));
                let token = token.ok_or_else(|| format!("there is no token for {path}"))?;
                add(&mut files, path, token.clone().into_bytes(), mode)?;
            }
        }
    }
    Ok(Some(files))
}

/// One of the sources of a volume; the later ones win.
enum Part<'a> {
    Keys(Keys<'a>),
    Told(&'a Option<Vec<DownwardAPIVolumeFile>>),
    /// Where the Pod's token is to lie.
    Token(&'a str),
}

/// The mode of a volume's files, and what it is made of; most sorts of volumes have one part.
fn parts(volume: &Volume) -> (Option<i32>, Vec<Part<'_>>) {
    if let Some(it) = &volume.config_map {
        let keys = Keys {
            kind: Kind::ConfigMap,
            name: &it.name,
            items: &it.items,
            optional: it.optional,
        };
        (it.default_mode, vec![Part::Keys(keys)])
    } else if let Some(it) = &volume.secret {
        let keys = Keys {
            kind: Kind::Secret,
            name: it.secret_name.as_deref().unwrap_or_default(),
            items: &it.items,
            optional: it.optional,
        };
        (it.default_mode, vec![Part::Keys(keys)])
    } else if let Some(it) = &volume.downward_api {
        (it.default_mode, vec![Part::Told(&it.items)])
    } else if let Some(it) = &volume.projected {
        let sources = it.sources.iter().flatten();
        (it.default_mode, sources.filter_map(projected).collect())
    } else {
        (None, Vec::new())
    }
}

fn projected(source: &VolumeProjection) -> Option<Part<'_>> {
    let config_map = source.config_map.as_ref().map(|it| Keys {
        kind: Kind::ConfigMap,
        name: &it.name,
        items: &it.items,
        optional: it.optional,
    });
    let secret = source.secret.as_ref().map(|it| Keys {
        kind: Kind::Secret,
        name: &it.name,
        items: &it.items,
        optional: it.optional,
    });
    let told = source.downward_api.as_ref();
    let token = source.service_account_token.as_ref();
    config_map
        .or(secret)
        .map(Part::Keys)
        .or_else(|| told.map(|it| Part::Told(&it.items)))
        .or_else(|| token.map(|it| Part::Token(&it.path)))
}

/// What a volume takes of a ConfigMap or a Secret: the keys that it lists, else all.
struct Keys<'a> {
    kind: Kind,
    name: &'a str,
    items: &'a Option<Vec<KeyToPath>>,
    optional: Option<bool>,
}

impl Keys<'_> {
    fn add(&self, sources: &Sources, mode: i32, files: &mut Files) -> Result<(), String> {
        let Some(data) = sources.data(self.kind, self.name, self.optional)? else {
            return Ok(());
        };
        let Some(items) = self.items else {
            let mut all = data.iter();
            return all.try_for_each(|(key, value)| add(files, key, value.clone(), mode));
        };
        for item in items {
            match data.get(&item.key) {
                Some(value) => add(files, &item.path, value.clone(), item.mode.unwrap_or(mode))?,
                None if self.optional == Some(true) => {}
                None => {
                    return Err(format!(
                        "{} {:?} has no key {:?}",
                        self.kind, self.name, item.key
                    ));
                }
            }
        }
        Ok(())
    }
}

fn told_files(
    items: &Option<Vec<DownwardAPIVolumeFile>>,
    told: &Told<'_>,
    mode: i32,
    files: &mut Files,
) -> Result<(), String> {
    for item in items.iter().flatten() {
        let field = item.field_ref.as_ref().map(|it| it.field_path.as_str());
        let value = told.field(field.unwrap_or_default())?;
        add(
            files,
            &item.path,
            value.into_bytes(),
            item.mode.unwrap_or(mode),
        )?;
    }
    Ok(())
}

fn add(files: &mut Files, path: &str, content: Vec<u8>, mode: i32) -> Result<(), String> {
    let outside = |part: &str| part.is_empty() || part == "." || part.starts_with("..");
    if path.split('/').any(outside) {
        return Err(format!("the path {path:?} leads out of the volume"));
    }
    let mode = u32::try_from(mode).map_err(|_| format!("{path}: the mode {mode} is negative"))?;
    files.insert(path.to_owned(), File { content, mode });
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use k8s_openapi::api::core::v1::Pod;
    use serde_json::{Value, json};

    use super::*;

    type Shown = Vec<(String, String, u32)>;

    fn of(volume: Value) -> Result<Option<Shown>, String> {
        let pod: Pod =
            serde_json::from_value(json!({ "metadata": { "labels": { "a": "b" } } })).unwrap();
        let told = Told {
            pod: &pod,
            address: Ipv4Addr::LOCALHOST.into(),
            node: Ipv4Addr::LOCALHOST.into(),
        };
        let data = [("a", "1"), ("b", "2")].map(|(key, value)| (key.to_owned(), value.into()));
        let sources = Sources {
            config_maps: [("settings".to_owned(), data.clone().into())].into(),
            secrets: [("keys".to_owned(), data.into())].into(),
        };
        let tokens = Tokens::from([(("v".to_owned(), "token".to_owned()), "signed".to_owned())]);
        let files = files(
            &serde_json::from_value(volume).unwrap(),
            &told,
            &sources,
            &tokens,
        )?;
        let shown = |(path, file): (String, File)| {
            (path, String::from_utf8(file.content).unwrap(), file.mode)
        };
        Ok(files.map(|files| files.into_iter().map(shown).collect()))
    }

    fn shown(files: &[(&str, &str, u32)]) -> Option<Shown> {
        let files = files.iter();
        Some(
            files
                .map(|(path, text, mode)| ((*path).to_owned(), (*text).to_owned(), *mode))
                .collect(),
        )
    }

    #[test]
    fn all_keys_or_those_that_are_listed() {
        let all =
            of(json!({ "name": "v", "configMap": { "name": "settings", "defaultMode": 0o400 } }));
        assert_eq!(all, Ok(shown(&[("a", "1", 0o400), ("b", "2", 0o400)])));
        let items = json!([{ "key": "b", "path": "sub/c", "mode": 0o600 }]);
        let listed = of(json!({ "name": "v", "secret": { "secretName": "keys", "items": items } }));
        assert_eq!(listed, Ok(shown(&[("sub/c", "2", 0o600)])));
        assert_eq!(of(json!({ "name": "v", "emptyDir": {} })), Ok(None));
    }

    #[test]
    fn a_projected_volume_has_all_its_sources_and_the_last_wins() {
        let sources = json!([
            { "serviceAccountToken": { "path": "token", "expirationSeconds": 3607 } },
            { "configMap": { "name": "settings", "items": [{ "key": "a", "path": "ca.crt" }] } },
            { "downwardAPI": { "items": [{ "path": "label", "fieldRef": { "fieldPath": "metadata.labels['a']" } }] } },
            { "secret": { "name": "keys", "items": [{ "key": "b", "path": "ca.crt" }] } },
        ]);
        let files = of(json!({ "name": "v", "projected": { "sources": sources } }));
        let expected = shown(&[
            ("ca.crt", "2", 0o644),
            ("label", "b", 0o644),
            ("token", "signed", 0o644),
        ]);
        assert_eq!(files, Ok(expected));
    }

    #[test]
    fn what_is_missing_is_an_error_unless_it_may_be() {
        let of = |optional: bool, items: Value| {
            of(
                json!({ "name": "v", "configMap": { "name": "settings", "items": items, "optional": optional } }),
            )
        };
        let items = json!([{ "key": "no", "path": "no" }]);
        assert_eq!(
            of(false, items.clone()).unwrap_err(),
            "ConfigMap \"settings\" has no key \"no\""
        );
        assert_eq!(of(true, items), Ok(shown(&[])));
        let outside = of(false, json!([{ "key": "a", "path": "../a" }])).unwrap_err();
        assert!(outside.contains("leads out of the volume"), "{outside}");
    }
}
