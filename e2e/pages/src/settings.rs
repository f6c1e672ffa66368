//! The settings of an operator as users read them: `docs/settings`.

use std::{ffi::OsStr, fmt::Write};

use clap::{Arg, Args, Command};
use operator_core::process::{
    config::{Common, Gate, LIVE},
    program::Program,
};

const GIVEN: &str = "\
A setting is given in one of three ways, of which the first counts: by its flag; by its environment variable; as a file of the variable's name in the folder that `CONFIG_DIR` names, which is how a
ConfigMap is mounted. Else it has its default. An empty variable or file counts as none. Every key of the ConfigMap is one of the variables below; `CONFIG_DIR` itself, and what has a flag alone,
cannot stand there. Proxies' variables are heard in lower case, too.

Durations and addresses are written as in Go: `1h30m`, `:8080`. A boolean is `true`, `t`, `1`, `yes`, `y` or `on`, or `false`, `f`, `0`, `no`, `n` or `off`, in any case; a flag without a
value says `true`. What is wrong is refused at the start, by name, with what was found and what is allowed.

The folder is read every 10 s. The last column says what a change of that file does: *at once*, it takes effect; *restart*, the operator ends in order, with exit code 0, to be started again. What
would be refused changes nothing: `operator_settings_refused` is 1, and the log and `settings` in `/debug/state` say why.
";

const TABLE: &str = "\
| variable | flag | value | default | meaning | change |
|---|---|---|---|---|---|
";

const TRACES: &str = "\
\nTraces are set by OpenTelemetry's own variables (`OTEL_…`), which have neither flag nor key: see [operating.md](../operating.md#traces).
";

/// The page on the settings of a program.
pub fn page<P: Program>() -> String {
    let common = Common::augment_args(Command::new(""));
    let is_common = |arg: &&Arg| common.get_arguments().any(|it| it.get_id() == arg.get_id());
    let rows = |wanted: &dyn Fn(&&Arg) -> bool| -> String {
        let args = P::command();
        let args = args.get_arguments().filter(wanted);
        args.map(|arg| row(arg, P::LIVE)).collect()
    };
    let name = P::command().get_name().to_owned();
    let mut page = format!(
        "# Settings of `{name}`\n\n{GIVEN}\n## Its own\n\n{TABLE}{}\n## Of every operator\n\n{TABLE}{}",
        rows(&|arg| !is_common(arg)),
        rows(&is_common),
    );
    page.push_str(
        "\n## Parts that can be turned off and on\n\nBy `FEATURE_GATES`, as in `DebugState=false,Traces=true`.\n\n| name | default | part |\n|---|---|---|\n",
    );
    for Gate {
        name,
        default,
        meaning,
    } in P::GATES
    {
        let default = if *default { "on" } else { "off" };
        let _ = writeln!(page, "| `{name}` | {default} | {meaning} |");
    }
    page.push_str(TRACES);
    page.push_str("\nMade by `cargo xtask gen-docs` from the definitions that the program reads its settings by.\n");
    page
}

fn row(arg: &Arg, own: &[&str]) -> String {
    let code = |text: &str| format!("`{}`", text.replace('|', "\\|"));
    let cell = |text: Option<&str>| text.map(code).unwrap_or_default();
    let variable = arg.get_env().and_then(OsStr::to_str);
    let flag = arg.get_long().map(|name| format!("--{name}"));
    let (meaning, said) = help(arg);
    let given: Vec<_> = arg
        .get_default_values()
        .iter()
        .map(|it| it.to_string_lossy())
        .collect();
    let default = match said {
        Some(said) => said,
        None if given.iter().all(|it| it.is_empty()) => String::new(),
        None => code(&given.join(",")),
    };
    let change = match variable {
        Some(name) if LIVE.contains(&name) || own.contains(&name) => "at once",
        Some(name) if name != "CONFIG_DIR" => "restart",
        _ => "",
    };
    format!(
        "| {} | {} | {} | {default} | {meaning} | {change} |\n",
        cell(variable),
        cell(flag.as_deref()),
        values(arg),
    )
}

/// What may be said: each value where they are few, else the sort of value.
fn values(arg: &Arg) -> String {
    let possible = arg.get_possible_values();
    let possible = possible.iter().filter(|it| !it.is_hide_set());
    let possible: Vec<_> = possible.map(|it| format!("`{}`", it.get_name())).collect();
    let sort = arg.get_value_names().and_then(<[_]>::first);
    match (possible.is_empty(), sort) {
        (false, _) => possible.join(", "),
        (true, Some(sort)) => sort.to_string(),
        (true, None) => String::new(),
    }
}

/// The help, and the default that it tells in words.
fn help(arg: &Arg) -> (String, Option<String>) {
    let help = arg.get_long_help().or(arg.get_help());
    let help = help.map(ToString::to_string).unwrap_or_default();
    let mut help = help.replace('\n', " ");
    for (character, escaped) in [("|", "\\|"), ("<", "&lt;"), ("*", "\\*")] {
        help = help.replace(character, escaped);
    }
    let (meaning, default) = match help.split_once(" [default: ") {
        Some((meaning, rest)) => (meaning, Some(rest.trim_end_matches(']').to_owned())),
        None => (help.as_str(), None),
    };
    (meaning.trim_end_matches('.').to_owned(), default)
}

#[cfg(test)]
mod tests {
    use std::future::Future;

    use clap::Parser;
    use kube::Client;
    use operator_core::{
        decide::clock::Clock,
        process::{
            config::{FeatureGates, gates},
            operator::OperatorError,
        },
    };

    use super::*;

    #[derive(Debug, Parser)]
    #[command(name = "gadget-operator")]
    struct Gadgets {
        #[command(flatten)]
        common: Common,
        /// How large gadgets are: small|large, or
        /// as <somebody> says. [default: medium]
        #[arg(long, env = "GADGET_SIZE", value_name = "SIZE")]
        size: Option<String>,
        /// Whether they are made at all.
        #[arg(long, env = "GADGETS", default_value = "true")]
        gadgets: bool,
    }

    impl Program for Gadgets {
        const NAME: &'static str = "gadget-operator";
        const VERSION: &'static str = "0";
        const GATES: &'static [&'static Gate] = &[&gates::TRACES];

        fn common(&self) -> &Common {
            &self.common
        }

        fn common_mut(&mut self) -> &mut Common {
            &mut self.common
        }

        fn feature_gates(&self) -> &FeatureGates {
            unreachable!("it is not started")
        }

        fn check(&self) -> Result<(), String> {
            Ok(())
        }

        async fn run(
            self,
            _: Client,
            _: Clock,
            _: impl Future<Output = ()> + Send,
        ) -> Result<(), OperatorError> {
            Ok(())
        }
    }

    #[test]
    fn a_row_tells_all_of_a_setting() {
        let page = page::<Gadgets>();
        let row = |name: &str| {
            let mut rows = page.lines().filter(|line| line.contains(name));
            rows.next()
                .unwrap_or_else(|| panic!("{name} in {page}"))
                .to_owned()
        };
        assert_eq!(
            row("`GADGET_SIZE`"),
            "| `GADGET_SIZE` | `--size` | SIZE | medium | How large gadgets are: small\\|large, or as &lt;somebody> says \
             | restart |"
        );
        assert_eq!(
            row("`GADGETS`"),
            "| `GADGETS` | `--gadgets` | `true`, `false` | `true` | Whether they are made at all | restart |"
        );
        assert!(
            row("`LOG_LEVEL`").contains("| `error`, `warn`, `info`, `debug`, `trace` | `info` |")
        );
        assert!(row("`LOG_LEVEL`").ends_with("| at once |"));
        assert!(row("`--kubeconfig`").starts_with("|  | `--kubeconfig` |"));
        assert!(row("| `CONFIG_DIR`").ends_with("|  |"));
        assert!(row("`Traces`").starts_with("| `Traces` | on |"));
    }

    #[test]
    fn own_settings_stand_apart_and_none_is_missing() {
        let page = page::<Gadgets>();
        let (own, common) = page.split_once("## Of every operator").expect("two tables");
        let rows = |text: &str| text.lines().filter(|line| line.contains("| `--")).count();
        assert_eq!(rows(own), 2);
        let all = Common::augment_args(Command::new(""))
            .get_arguments()
            .count();
        assert_eq!(rows(common), all);
    }
}
