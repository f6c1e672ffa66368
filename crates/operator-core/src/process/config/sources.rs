//! Where values come from, besides the command line.

use std::{
    ffi::OsString,
    fmt, fs, io,
    path::{Path, PathBuf},
};

use clap::{ArgMatches, Id};

use super::{ConfigError, Origin, Setting, command::Settings};

/// A value that did not come from the command line.
pub(super) struct Given {
    pub value: String,
    pub origin: Origin,
}

/// Values by their arguments.
type Values = Vec<(Id, Given)>;

/// A file of the mounted ConfigMap that has no effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    /// The file.
    pub file: PathBuf,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} has no effect: no setting of that name can be given in a mounted ConfigMap (see --help)",
            self.file.display()
        )
    }
}

/// What the environment says.
pub(super) fn environment(
    env: &dyn Fn(&str) -> Option<OsString>,
    settings: &Settings,
) -> Result<Values, ConfigError> {
    let found = settings.iter().filter_map(|(id, setting)| {
        let value = variable(env, setting.environment.as_deref()?)?;
        Some(given(
            id,
            setting,
            value.into_encoded_bytes(),
            Origin::Environment,
        ))
    });
    found.filter_map(Result::transpose).collect()
}

/// A variable that says something. Those of proxies are by custom spelled in lower case, too.
fn variable(env: &dyn Fn(&str) -> Option<OsString>, name: &str) -> Option<OsString> {
    let said = |name: &str| env(name).filter(|value| !value.is_empty());
    let of_a_proxy = name.ends_with("_PROXY");
    said(name).or_else(|| said(&name.to_ascii_lowercase()).filter(|_| of_a_proxy))
}

/// What this machine says of itself. A file that cannot be read is no error: the setting has a default, or
/// is asked for.
pub(super) fn facts(facts: &[(&str, PathBuf)], settings: &Settings) -> Result<Values, ConfigError> {
    let found = facts.iter().filter_map(|(name, file)| {
        let (id, setting) = settings.named(name)?;
        let bytes = fs::read(file).ok()?;
        Some(given(id, setting, bytes, Origin::File(file.clone())))
    });
    found.filter_map(Result::transpose).collect()
}

/// The setting that names the mounted ConfigMap, which cannot itself be given in there: its field and its
/// environment name.
pub(super) const CONFIG_DIR: (&str, &str) = ("config_dir", "CONFIG_DIR");

/// The directory of the mounted ConfigMap, if one is named.
pub(super) fn config_dir(
    flags: &ArgMatches,
    env: &dyn Fn(&str) -> Option<OsString>,
    settings: &Settings,
) -> Option<PathBuf> {
    if let Ok(Some(directory)) = flags.try_get_one::<PathBuf>(CONFIG_DIR.0) {
        return Some(directory.clone());
    }
    settings.named(CONFIG_DIR.1)?;
    env(CONFIG_DIR.1)
        .filter(|directory| !directory.is_empty())
        .map(PathBuf::from)
}

/// What the mounted ConfigMap says, and which of its files say nothing.
pub(super) fn mounted(
    directory: &Path,
    settings: &Settings,
) -> Result<(Values, Vec<Warning>), ConfigError> {
    let unreadable = |path: &Path| {
        let path = path.to_owned();
        move |reason: io::Error| ConfigError::Unreadable { path, reason }
    };
    let (mut values, mut warnings) = (Vec::new(), Vec::new());
    for entry in fs::read_dir(directory).map_err(unreadable(directory))? {
        let entry = entry.map_err(unreadable(directory))?;
        let (name, file) = (entry.file_name(), entry.path());
        // The kubelet keeps `..data` and the like beside the files.
        if name.as_encoded_bytes().starts_with(b".") {
            continue;
        }
        let name = name.to_str().filter(|name| *name != CONFIG_DIR.1);
        let Some((id, setting)) = name.and_then(|name| settings.named(name)) else {
            warnings.push(Warning { file });
            continue;
        };
        let bytes = fs::read(&file).map_err(unreadable(&file))?;
        values.extend(given(id, setting, bytes, Origin::File(file))?);
    }
    warnings.sort_by(|one, other| one.file.cmp(&other.file));
    Ok((values, warnings))
}

/// A trimmed value; an empty one counts as none.
fn given(
    id: &Id,
    setting: &Setting,
    value: Vec<u8>,
    origin: Origin,
) -> Result<Option<(Id, Given)>, ConfigError> {
    let Ok(text) = String::from_utf8(value) else {
        return Err(ConfigError::NotText {
            setting: setting.clone(),
            origin,
        });
    };
    let value = text.trim().to_owned();
    Ok((!value.is_empty()).then(|| (id.clone(), Given { value, origin })))
}
