//! Flag over environment over mounted ConfigMap over default, for any [`Parser`].
//!
//! clap knows flags and defaults, and reads the environment of the process behind our back. So the
//! environment is taken away from it, and what environment and files say is put in as defaults. The
//! command line is parsed once without them, which tells a wrong flag from a wrong variable, and `--help`
//! shows the true defaults.

use std::{
    collections::BTreeMap,
    ffi::{OsStr, OsString},
    path::PathBuf,
};

use clap::{ArgMatches, Id, Parser};

use super::{
    ConfigError, Setting, Warning,
    command::Settings,
    live::Values,
    refusal::explain,
    sources::{config_dir, environment, facts, mounted},
};

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
    /// Every setting's value as it was given, or by default, by its environment name.
    pub(super) values: Values,
}

/// Reads the settings of this process. What goes wrong is printed and ends the process with exit code 2;
/// `--help` and `--version` end it with 0.
pub fn load_process<P: Parser>() -> Loaded<P> {
    load_again().unwrap_or_else(|refused: ConfigError| refused.exit())
}

/// Reads the settings of this process, as they are now.
pub(super) fn load_again<P: Parser>() -> Result<Loaded<P>, ConfigError> {
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
}

/// Reads settings.
///
/// A value given in the environment or a file is trimmed; an empty one counts as not given. Booleans are
/// accepted as Go and shells write them, in any case. Relations between arguments (`requires`,
/// `conflicts_with`) see the command line alone: check them in `FromArgMatches`, as `Common` does.
pub fn load<P: Parser>(inputs: &Inputs<'_>) -> Result<Loaded<P>, ConfigError> {
    let settings = Settings::of(P::command());
    let flags = settings
        .all_optional()
        .try_get_matches_from(&inputs.args)
        .map_err(|refused| explain(refused, &settings, &BTreeMap::new()))?;

    // Later ones win.
    let mut given = BTreeMap::from_iter(facts(inputs.facts, &settings)?);
    let mut warnings = Vec::new();
    if let Some(directory) = config_dir(&flags, inputs.env, &settings) {
        let (values, without_effect) = mounted(&directory, &settings)?;
        given.extend(values);
        warnings = without_effect;
    }
    given.extend(environment(inputs.env, &settings)?);

    let command = given
        .iter()
        .fold(settings.command.clone(), |command, (id, given)| {
            command.mut_arg(id, |arg| {
                arg.default_value(given.value.clone()).required(false)
            })
        });
    let refused = |refused| explain(refused, &settings, &given);
    let mut matches = command
        .try_get_matches_from(&inputs.args)
        .map_err(refused)?;
    let values = values(&matches, &settings);
    let parsed = P::from_arg_matches_mut(&mut matches).map_err(refused)?;
    Ok(Loaded {
        settings: parsed,
        warnings,
        values,
    })
}

fn values(matches: &ArgMatches, settings: &Settings) -> Values {
    let value = |(id, setting): (&Id, &Setting)| {
        let given = matches.try_get_raw(id.as_str()).ok()??;
        let given: Vec<_> = given.map(OsStr::to_string_lossy).collect();
        Some((setting.environment.clone()?, given.join(",")))
    };
    settings.iter().filter_map(value).collect()
}
