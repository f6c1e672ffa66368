//! What GitOps tools make of an object's conditions: Argo CD by the script of `examples/gitops` and its own Lua, Flux
//! by kstatus.

use std::fs;
use std::io::Write;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use crd_types::lifecycle::Lifecycle;
use jiff::Timestamp;
use operator_core::cluster::conditions::conclude;
use operator_core::decide::outcome::{Fault, Outcome, PassResult};
use operator_core::decide::reason::Shown::{AtWork, Failing, Held, InForce, Refused};
use operator_core::decide::reason::reasons;
use serde_json::{Value, json};
use tools::{KSTATUS, LUA};

use crate::root;

reasons! {
    const _ {
        ANY = "Any" {
            shown: &[InForce, AtWork, Held, Refused, Failing],
            meaning: "tools look at conditions alone",
            remedy: "none",
        }
    }
}

/// The scripts for Argo CD, by group and kind.
fn scripts() -> Result<Vec<(String, String)>> {
    let file = root()?.join("examples/gitops/argocd-cm.yaml");
    let read: Value = serde_saphyr::from_str(&fs::read_to_string(&file)?)?;
    let data = read["data"].as_object().context("data")?;
    let scripts = data
        .iter()
        .map(|(key, script)| -> Result<(String, String)> {
            let kind = key.strip_prefix("resource.customizations.health.");
            let kind = kind.with_context(|| key.clone())?.to_owned();
            Ok((kind, script.as_str().context("a script")?.to_owned()))
        });
    scripts.collect()
}

#[test]
fn every_kind_has_the_script() -> Result<()> {
    let scripts = scripts()?;
    for crd in crd_types::crds() {
        let kind = format!("{}_{}", crd.spec.group, crd.spec.names.kind);
        ensure!(scripts.iter().any(|(it, _)| *it == kind), "{kind} has none");
    }
    let (_, first) = scripts.first().context("a script")?;
    ensure!(scripts.iter().all(|(_, it)| it == first), "they differ");
    Ok(())
}

/// An object, and what is made of it.
struct Case {
    object: Value,
    argo_cd: &'static str,
    /// A part of what Argo CD shows.
    message: &'static str,
    flux: &'static str,
}

fn cases() -> [Case; 11] {
    let case = |object, argo_cd, message, flux| Case {
        object,
        argo_cd,
        message,
        flux,
    };
    [
        // What has no condition counts as ready for kstatus.
        case(object(1, &[]), "Progressing", "not answered", "Current"),
        case(object(1, &[(1, done())]), "Healthy", "in force", "Current"),
        case(
            object(2, &[(1, done())]),
            "Progressing",
            "not answered",
            "InProgress",
        ),
        case(
            object(2, &[(1, done()), (2, done())]),
            "Healthy",
            "in force",
            "Current",
        ),
        case(
            object(1, &[(1, running())]),
            "Progressing",
            "on its way",
            "InProgress",
        ),
        case(
            object(1, &[(1, failing())]),
            "Progressing",
            "no answer",
            "InProgress",
        ),
        case(
            object(1, &[(1, refused())]),
            "Degraded",
            "no such thing",
            "Failed",
        ),
        case(
            object(1, &[(1, held())]),
            "Degraded",
            "left as it is",
            "Failed",
        ),
        case(
            object(1, &[(1, done()), (1, paused())]),
            "Suspended",
            "pause",
            "Current",
        ),
        case(
            object(2, &[(1, done()), (2, paused())]),
            "Suspended",
            "pause",
            "InProgress",
        ),
        case(
            deleted(object(1, &[(1, done())])),
            "Progressing",
            "deleted",
            "Terminating",
        ),
    ]
}

#[test]
fn argo_cd_shows_what_the_conditions_say() -> Result<()> {
    let script = scripts()?.swap_remove(0).1;
    for case in cases() {
        let health = health(&script, &case.object)?;
        let (found, said) = health.split_once('\n').context("two lines")?;
        let (object, expected) = (&case.object, case.argo_cd);
        ensure!(
            found == expected,
            "{found}, {expected} was expected: {object}"
        );
        ensure!(said.contains(case.message), "{said}: {object}");
    }
    Ok(())
}

#[test]
fn flux_waits_for_what_the_conditions_say() -> Result<()> {
    for case in cases() {
        let found = kstatus(&case.object)?;
        let (object, expected) = (&case.object, case.flux);
        ensure!(
            found == expected,
            "{found}, {expected} was expected: {object}"
        );
    }
    Ok(())
}

/// An object of this generation after these passes, each over the generation that it names.
fn object(generation: i64, passes: &[(i64, PassResult)]) -> Value {
    let mut object = json!({
        "apiVersion": "aws-infra-operator.runner.codes/v1alpha1", "kind": "S3Bucket",
        "metadata": { "name": "uploads", "generation": generation },
    });
    let mut lifecycle = Lifecycle::default();
    for (seen, result) in passes {
        conclude(&mut lifecycle, result, Some(*seen), Timestamp::UNIX_EPOCH);
        object["status"] = json!(lifecycle);
    }
    object
}

fn deleted(mut object: Value) -> Value {
    object["metadata"]["deletionTimestamp"] = "1970-01-01T00:00:00Z".into();
    object
}

fn done() -> PassResult {
    Ok(Outcome::Done {
        reason: ANY,
        message: "it is in force".to_owned(),
    })
}

fn running() -> PassResult {
    Ok(Outcome::Running {
        reason: ANY,
        task: "it is on its way".to_owned(),
        poll: Duration::from_secs(1),
    })
}

fn held() -> PassResult {
    Ok(Outcome::Held {
        reason: ANY,
        message: "it is left as it is".to_owned(),
    })
}

fn paused() -> PassResult {
    Ok(Outcome::Paused)
}

fn failing() -> PassResult {
    Err(Fault::transient(ANY, "there is no answer"))
}

fn refused() -> PassResult {
    Err(Fault::terminal(ANY, "there is no such thing"))
}

/// What a script for Argo CD returns for an object: status and message, a line each.
fn health(script: &str, object: &Value) -> Result<String> {
    let program = format!(
        "obj = {}\nlocal function health()\n{script}\nend\nlocal hs = health()\nprint(hs.status)\nprint(hs.message)\n",
        lua(object)
    );
    let file = tempfile::NamedTempFile::new()?;
    fs::write(file.path(), &program)?;
    printed(&Command::new(LUA.program()?).arg(file.path()).output()?)
}

/// A value as Lua writes it.
fn lua(value: &Value) -> String {
    match value {
        Value::Null => "nil".to_owned(),
        Value::Object(fields) => {
            let fields = fields.iter();
            let fields = fields.map(|(name, it)| format!("[{name:?}] = {}", lua(it)));
            format!("{{ {} }}", fields.collect::<Vec<_>>().join(", "))
        }
        Value::Array(items) => {
            let items: Vec<_> = items.iter().map(lua).collect();
            format!("{{ {} }}", items.join(", "))
        }
        plain => plain.to_string(),
    }
}

/// What kstatus makes of an object.
fn kstatus(object: &Value) -> Result<String> {
    let mut asked = Command::new(KSTATUS.program()?)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let mut input = asked.stdin.take().context("an input")?;
    input.write_all(object.to_string().as_bytes())?;
    drop(input);
    printed(&asked.wait_with_output()?)
}

fn printed(output: &Output) -> Result<String> {
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success() && said.is_empty(), "{said}");
    let printed = String::from_utf8_lossy(&output.stdout);
    Ok(printed.trim_end().to_owned())
}
