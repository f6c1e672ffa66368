//! A clap command as settings.

use std::{any::TypeId, collections::BTreeMap, ffi::OsStr};

use clap::{Arg, ArgAction, Command, Id};

use super::Setting;

/// A command that takes Go's booleans and does not look at the environment by itself, and its settings.
pub(super) struct Settings {
    pub command: Command,
    known: BTreeMap<Id, Setting>,
}

const PRECEDENCE: &str = "\
    A setting is taken from its flag, else from the environment, else from the file of its environment \
    name in the directory that CONFIG_DIR names, else it has its default. Durations and addresses are \
    written as in Go: 1h30m, :8080. An empty value in the environment or a file counts as none.";

impl Settings {
    pub(super) fn of(command: Command) -> Self {
        let mut known = BTreeMap::new();
        let command = command.after_help(PRECEDENCE).mut_args(|arg| {
            let setting = Setting {
                environment: arg.get_env().and_then(OsStr::to_str).map(str::to_owned),
                flag: arg.get_long().map(|long| format!("--{long}")),
            };
            let arg = documented(go_boolean(arg), &setting).env(None::<&str>);
            known.insert(arg.get_id().clone(), setting);
            arg
        });
        Self { command, known }
    }

    /// The command content with less: what a flag does not give may come from elsewhere.
    pub(super) fn all_optional(&self) -> Command {
        let elsewhere = self
            .known
            .iter()
            .filter(|(_, setting)| setting.environment.is_some());
        elsewhere.fold(self.command.clone(), |command, (id, _)| {
            command.mut_arg(id, |arg| arg.required(false))
        })
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&Id, &Setting)> {
        self.known.iter()
    }

    pub(super) fn get(&self, id: &Id) -> Option<&Setting> {
        self.known.get(id)
    }

    /// The setting of this environment name.
    pub(super) fn named(&self, name: &str) -> Option<(&Id, &Setting)> {
        self.iter()
            .find(|(_, setting)| setting.environment.as_deref() == Some(name))
    }
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

/// The same argument with its environment name, and whether it must be given, in `--help`.
fn documented(arg: Arg, setting: &Setting) -> Arg {
    let Some(name) = &setting.environment else {
        return arg;
    };
    let required = if arg.is_required_set() {
        " [required]"
    } else {
        ""
    };
    let more = |help: String| format!("{help} [env: {name}]{required}");
    let short = more(arg.get_help().map(ToString::to_string).unwrap_or_default());
    match arg.get_long_help().map(|help| more(help.to_string())) {
        Some(long) => arg.help(short).long_help(long),
        None => arg.help(short),
    }
}
