//! What clap refuses, in the words of settings.

use std::{collections::BTreeMap, error::Error};

use clap::{
    Id,
    error::{ContextKind, ContextValue, ErrorKind},
};

use super::{ConfigError, Origin, command::Settings, sources::Given};

/// Why the command line, or what was given elsewhere, is refused.
pub(super) fn explain(
    refused: clap::Error,
    settings: &Settings,
    given: &BTreeMap<Id, Given>,
) -> ConfigError {
    let text = refused.render().to_string();
    let argument = argument(&refused, settings);
    let setting = argument.as_ref().and_then(|id| settings.get(id)).cloned();
    match (refused.kind(), setting) {
        (ErrorKind::DisplayHelp | ErrorKind::DisplayVersion, _) => ConfigError::Information(text),
        (ErrorKind::MissingRequiredArgument, Some(setting)) => ConfigError::Missing(setting),
        (ErrorKind::InvalidValue | ErrorKind::ValueValidation, Some(setting)) => {
            let Some(allowed) = allowed(&refused) else {
                return ConfigError::Usage(bare(&text));
            };
            let elsewhere = argument.and_then(|id| given.get(&id));
            ConfigError::Value {
                setting,
                value: value(&refused),
                origin: elsewhere.map_or(Origin::Flag, |given| given.origin.clone()),
                allowed,
            }
        }
        // Raised by `FromArgMatches`, not by clap, which would name the arguments.
        (ErrorKind::ArgumentConflict, None) if refused.context().next().is_none() => {
            ConfigError::Contradiction(bare(&text))
        }
        _ => ConfigError::Usage(bare(&text)),
    }
}

/// The argument that an error is about: clap names it as `--log-level <LOG_LEVEL>`.
fn argument(refused: &clap::Error, settings: &Settings) -> Option<Id> {
    let named = match refused.get(ContextKind::InvalidArg)? {
        ContextValue::String(name) => name,
        ContextValue::Strings(names) => names.first()?,
        _ => return None,
    };
    let mut command = settings.command.clone();
    command.build();
    let found = command
        .get_arguments()
        .find(|arg| arg.to_string() == *named);
    found.map(|arg| arg.get_id().clone())
}

fn value(refused: &clap::Error) -> String {
    match refused.get(ContextKind::InvalidValue) {
        Some(ContextValue::String(text)) => text.clone(),
        _ => String::new(),
    }
}

fn allowed(refused: &clap::Error) -> Option<String> {
    match refused.get(ContextKind::ValidValue) {
        Some(ContextValue::Strings(values)) if !values.is_empty() => Some(values.join(", ")),
        _ => refused.source().map(ToString::to_string),
    }
}

/// clap's text without what [`ConfigError::exit`] adds itself.
fn bare(text: &str) -> String {
    let text = text.strip_prefix("error: ").unwrap_or(text);
    let text = text
        .split("\n\nFor more information")
        .next()
        .unwrap_or(text);
    text.trim_end().to_owned()
}
