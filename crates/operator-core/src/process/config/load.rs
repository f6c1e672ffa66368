//! Flag over environment over mounted ConfigMap over default, for any [`Parser`].
//!
//! clap knows flags and defaults, and reads the environment of the process behind our back. So the
//! environment is taken away from it, and what environment and files say is put in as defaults. The
//! command line is parsed once without them, which tells a wrong flag from a wrong variable, and `--help`
//! shows the true defaults.

use std::{
    any::TypeId,
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    fmt, fs, io,
    path::{Path, PathBuf},
};

use clap::{
    Arg, ArgAction, Command, Id, Parser,
    error::{ContextKind, ContextValue, ErrorKind},
};

use super::{ConfigError, Origin, Setting};

/// What settings are read from.
pub struct Inputs<'a> {
    /// The command line, the program's name first.
    pub args: Vec<OsString>,
    /// The environment.
    pub env: &'a dyn Fn(&str) -> Option<OsString>,
    /// Files that say of this machine what no setting says: a setting's environment name and a file,
    /// which may be missing.
    pub facts: &'a [(&'a str, PathBuf)],
}

/// Settings, and what should be said about how they were given.
#[derive(Debug)]
pub struct Loaded<P> {
    /// The settings.
    pub settings: P,
    /// What to log as soon as there is a log.
    pub warnings: Vec<Warning>,
}

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

/// Reads the settings of this process. What goes wrong is printed and ends the process with exit code 2;
/// `--help` and `--version` end it with 0.
pub fn load_process<P: Parser>() -> Loaded<P> {
    let facts = [
        (
            "POD_NAMESPACE",
            "/var/run/secrets/kubernetes.io/serviceaccount/namespace".into(),
        ),
        ("POD_NAME", "/proc/sys/kernel/hostname".into()),
    ];
    let args = std::env::args_os().collect();
    let env = |name: &str| std::env::var_os(name);
    load(&Inputs {
        args,
        env: &env,
        facts: &facts,
    })
    .unwrap_or_else(|refused: ConfigError| refused.exit())
}

/// Reads settings.
///
/// A value given in the environment or a file is trimmed; an empty one counts as not given. Booleans are
/// accepted as Go and shells write them, in any case. Relations between arguments (`requires`,
/// `conflicts_with`) see the command line alone: check them in `FromArgMatches`, as `Common` does.
pub fn load<P: Parser>(inputs: &Inputs<'_>) -> Result<Loaded<P>, ConfigError> {
    let (command, settings) = prepare(P::command());
    let flags = optional(command.clone(), &settings)
        .try_get_matches_from(&inputs.args)
        .map_err(|refused| explain(refused, &command, &settings, &BTreeMap::new()))?;

    let mut given = BTreeMap::new();
    for (file, value) in facts(inputs.facts, &settings)? {
        given.insert(file, value);
    }
    let mut warnings = Vec::new();
    if let Some(directory) = config_dir(&flags, inputs, &settings)? {
        let mounted = mounted(&directory, &settings)?;
        given.extend(mounted.values);
        warnings = mounted.warnings;
    }
    given.extend(environment(inputs.env, &settings)?);

    let layered = given.iter().fold(command.clone(), |command, (id, given)| {
        command.mut_arg(id, |arg| {
            arg.default_value(given.value.clone()).required(false)
        })
    });
    let settings = layered
        .try_get_matches_from(&inputs.args)
        .and_then(|mut matches| P::from_arg_matches_mut(&mut matches))
        .map_err(|refused| explain(refused, &command, &settings, &given))?;
    Ok(Loaded { settings, warnings })
}

/// A value that did not come from the command line.
struct Given {
    value: String,
    origin: Origin,
}

type Settings = BTreeMap<Id, Setting>;

/// The same command with Go's booleans and without clap's own look at the environment; and its settings.
fn prepare(command: Command) -> (Command, Settings) {
    let mut settings = Settings::new();
    let command = command.mut_args(|arg| {
        let setting = Setting {
            environment: arg.get_env().and_then(OsStr::to_str).map(str::to_owned),
            flag: arg.get_long().map(|long| format!("--{long}")),
        };
        let arg = documented(go_boolean(arg), &setting).env(None::<&str>);
        settings.insert(arg.get_id().clone(), setting);
        arg
    });
    (command, settings)
}

/// `--flag`, `--flag=no`, `FLAG=Off`: as in Go, a boolean takes a value, and needs none.
fn go_boolean(arg: Arg) -> Arg {
    let boolean = matches!(arg.get_action(), ArgAction::SetTrue)
        || (matches!(arg.get_action(), ArgAction::Set)
            && arg.get_value_parser().type_id() == TypeId::of::<bool>());
    if !boolean {
        return arg;
    }
    let unset = arg.get_default_values().is_empty();
    let arg = arg
        .action(ArgAction::Set)
        .value_parser(parse_boolean)
        .value_name("true|false")
        .num_args(0..=1)
        .require_equals(true)
        .default_missing_value("true");
    if unset {
        arg.default_value("false")
    } else {
        arg
    }
}

fn parse_boolean(text: &str) -> Result<bool, &'static str> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "t" | "1" | "yes" | "y" | "on" => Ok(true),
        "false" | "f" | "0" | "no" | "n" | "off" => Ok(false),
        _ => Err("true, t, 1, yes, y, on, false, f, 0, no, n or off, in any case"),
    }
}

/// The same argument with its environment name in `--help`.
fn documented(arg: Arg, setting: &Setting) -> Arg {
    let Some(name) = &setting.environment else {
        return arg;
    };
    let short = arg.get_help().map(ToString::to_string).unwrap_or_default();
    let long = arg
        .get_long_help()
        .map(|help| format!("{help} [env: {name}]"));
    let arg = arg.help(format!("{short} [env: {name}]"));
    match long {
        Some(long) => arg.long_help(long),
        None => arg,
    }
}

/// The same command, content with less: what a flag does not give may come from elsewhere.
fn optional(command: Command, settings: &Settings) -> Command {
    settings
        .iter()
        .filter(|(_, setting)| setting.environment.is_some())
        .fold(command, |command, (id, _)| {
            command.mut_arg(id, |arg| arg.required(false))
        })
}

fn environment(
    env: &dyn Fn(&str) -> Option<OsString>,
    settings: &Settings,
) -> Result<Vec<(Id, Given)>, ConfigError> {
    let mut values = Vec::new();
    for (id, setting) in settings {
        let Some(found) = setting.environment.as_deref().and_then(env) else {
            continue;
        };
        let text = found.into_string().map_err(|_| ConfigError::NotText {
            setting: setting.clone(),
            origin: Origin::Environment,
        })?;
        values.extend(given(id, &text, Origin::Environment));
    }
    Ok(values)
}

fn facts(facts: &[(&str, PathBuf)], settings: &Settings) -> Result<Vec<(Id, Given)>, ConfigError> {
    let mut values = Vec::new();
    for (name, file) in facts {
        match (named(settings, name), fs::read(file)) {
            (Some((id, setting)), Ok(bytes)) => {
                values.extend(from_file(id, setting, file.clone(), bytes)?);
            }
            // A machine that does not say is no error: the setting has a default, or is asked for.
            (_, _) => {}
        }
    }
    Ok(values)
}

/// The mounted ConfigMap's directory, which cannot itself be named in there.
fn config_dir(
    flags: &clap::ArgMatches,
    inputs: &Inputs<'_>,
    settings: &Settings,
) -> Result<Option<PathBuf>, ConfigError> {
    if let Ok(Some(directory)) = flags.try_get_one::<PathBuf>(CONFIG_DIR.0) {
        return Ok(Some(directory.clone()));
    }
    if named(settings, CONFIG_DIR.1).is_none() {
        return Ok(None);
    }
    Ok((inputs.env)(CONFIG_DIR.1)
        .filter(|path| !path.is_empty())
        .map(PathBuf::from))
}

/// The setting that names the mounted ConfigMap: its field and its environment name.
const CONFIG_DIR: (&str, &str) = ("config_dir", "CONFIG_DIR");

struct Mounted {
    values: Vec<(Id, Given)>,
    warnings: Vec<Warning>,
}

fn mounted(directory: &Path, settings: &Settings) -> Result<Mounted, ConfigError> {
    let unreadable = |path: &Path, reason: io::Error| ConfigError::Unreadable {
        path: path.to_owned(),
        reason,
    };
    let mut found = Mounted {
        values: Vec::new(),
        warnings: Vec::new(),
    };
    let entries = fs::read_dir(directory).map_err(|reason| unreadable(directory, reason))?;
    for entry in entries {
        let entry = entry.map_err(|reason| unreadable(directory, reason))?;
        let (name, file) = (entry.file_name(), entry.path());
        // The kubelet keeps `..data` and the like beside the files.
        if name.as_encoded_bytes().starts_with(b".") {
            continue;
        }
        let setting = name.to_str().filter(|name| *name != CONFIG_DIR.1);
        let Some((id, setting)) = setting.and_then(|name| named(settings, name)) else {
            found.warnings.push(Warning { file });
            continue;
        };
        let bytes = fs::read(&file).map_err(|reason| unreadable(&file, reason))?;
        found.values.extend(from_file(id, setting, file, bytes)?);
    }
    found
        .warnings
        .sort_by(|one, other| one.file.cmp(&other.file));
    Ok(found)
}

fn named<'s>(settings: &'s Settings, name: &str) -> Option<(&'s Id, &'s Setting)> {
    settings
        .iter()
        .find(|(_, setting)| setting.environment.as_deref() == Some(name))
}

fn from_file(
    id: &Id,
    setting: &Setting,
    file: PathBuf,
    bytes: Vec<u8>,
) -> Result<Option<(Id, Given)>, ConfigError> {
    let origin = Origin::File(file);
    match String::from_utf8(bytes) {
        Ok(text) => Ok(given(id, &text, origin)),
        Err(_) => Err(ConfigError::NotText {
            setting: setting.clone(),
            origin,
        }),
    }
}

fn given(id: &Id, text: &str, origin: Origin) -> Option<(Id, Given)> {
    let value = text.trim();
    (!value.is_empty()).then(|| {
        (
            id.clone(),
            Given {
                value: value.to_owned(),
                origin,
            },
        )
    })
}

/// What clap refused, in the words of settings.
fn explain(
    refused: clap::Error,
    command: &Command,
    settings: &Settings,
    given: &BTreeMap<Id, Given>,
) -> ConfigError {
    let text = refused.render().to_string();
    let argument = || argument(&refused, command).and_then(|id| Some((settings.get(&id)?, id)));
    match refused.kind() {
        ErrorKind::DisplayHelp
        | ErrorKind::DisplayVersion
        | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => ConfigError::Information(text),
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => {
            match (argument(), allowed(&refused)) {
                (Some((setting, id)), Some(allowed)) => ConfigError::Value {
                    setting: setting.clone(),
                    value: context(&refused, ContextKind::InvalidValue).unwrap_or_default(),
                    origin: given
                        .get(&id)
                        .map_or(Origin::Flag, |given| given.origin.clone()),
                    allowed,
                },
                _ => ConfigError::Usage(without_prefix(&text)),
            }
        }
        ErrorKind::MissingRequiredArgument => match argument() {
            Some((setting, _)) => ConfigError::Missing(setting.clone()),
            None => ConfigError::Usage(without_prefix(&text)),
        },
        ErrorKind::ArgumentConflict if refused.context().next().is_none() => {
            ConfigError::Contradiction(without_prefix(&text))
        }
        _ => ConfigError::Usage(without_prefix(&text)),
    }
}

fn without_prefix(text: &str) -> String {
    text.strip_prefix("error: ")
        .unwrap_or(text)
        .trim_end()
        .to_owned()
}

/// The argument that an error is about: clap names it as `--log-level <LOG_LEVEL>`.
fn argument(refused: &clap::Error, command: &Command) -> Option<Id> {
    let named = match refused.get(ContextKind::InvalidArg)? {
        ContextValue::String(name) => name,
        ContextValue::Strings(names) => names.first()?,
        _ => return None,
    };
    let mut command = command.clone();
    command.build();
    command
        .get_arguments()
        .find(|arg| arg.to_string() == *named)
        .map(|arg| arg.get_id().clone())
}

fn allowed(refused: &clap::Error) -> Option<String> {
    match refused.get(ContextKind::ValidValue) {
        Some(ContextValue::Strings(values)) if !values.is_empty() => Some(values.join(", ")),
        _ => std::error::Error::source(refused).map(ToString::to_string),
    }
}

fn context(refused: &clap::Error, kind: ContextKind) -> Option<String> {
    match refused.get(kind)? {
        ContextValue::String(text) => Some(text.clone()),
        _ => None,
    }
}
