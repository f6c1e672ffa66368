//! A bill of materials in CycloneDX 1.6.

use anyhow::Result;
use serde_json::{Map, Value, json};

use super::closure::{Closure, Id, Part};
use super::packages::Packages;

/// The bill of a program. Two of one commit are equal.
///
/// # Errors
/// When a crate is not known, or says no licence.
pub fn bill(closure: &Closure, packages: &Packages, time: Option<&str>) -> Result<Value> {
    let mut components = Vec::new();
    let mut dependencies = Vec::new();
    for (id, part) in &closure.parts {
        let needs: Vec<_> = part.needs.iter().map(reference).collect();
        dependencies.push(json!({ "ref": reference(id), "dependsOn": needs }));
        if *id != closure.program {
            components.push(component(id, part, packages)?);
        }
    }
    let program = &closure.program;
    let mut metadata = json!({
        "lifecycles": [{ "phase": "build" }],
        "tools": { "components": [{
            "type": "application", "name": "cargo xtask sbom", "version": env!("CARGO_PKG_VERSION"),
        }] },
        "component": {
            "type": "application",
            "bom-ref": reference(program),
            "name": program.name,
            "version": program.version,
            "licenses": [{ "expression": packages.package(program)?.licence()? }],
        },
    });
    if let Some(time) = time {
        metadata["timestamp"] = json!(time);
    }
    Ok(json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": metadata,
        "components": components,
        "dependencies": dependencies,
    }))
}

fn component(id: &Id, part: &Part, packages: &Packages) -> Result<Value> {
    let package = packages.package(id)?;
    let mut component = Map::new();
    let mut say = |name: &str, value: Value| component.insert(name.to_owned(), value);
    say("type", json!("library"));
    say("bom-ref", json!(reference(id)));
    say("name", json!(id.name));
    say("version", json!(id.version));
    if let Some(text) = &package.description {
        say("description", json!(text.trim()));
    }
    // What is only run to build the program is not there when it runs.
    say(
        "scope",
        json!(if part.linked { "required" } else { "excluded" }),
    );
    if let Some(sum) = packages.checksum(id) {
        say("hashes", json!([{ "alg": "SHA-256", "content": sum }]));
    }
    say("licenses", json!([{ "expression": package.licence()? }]));
    // What is not of a registry may have a name that somebody else has there.
    if package.source.is_some() {
        say("purl", json!(purl(id)));
    }
    if let Some(url) = &package.repository {
        say("externalReferences", json!([{ "type": "vcs", "url": url }]));
    }
    Ok(Value::Object(component))
}

/// How a crate is called within the bill.
fn reference(id: &Id) -> String {
    format!("{}@{}", id.name, id.version)
}

/// How it is called by everybody.
fn purl(id: &Id) -> String {
    format!("pkg:cargo/{}@{}", id.name, id.version.replace('+', "%2B"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_with_a_plus_is_escaped_where_it_is_part_of_an_address() {
        let id = Id {
            name: "jemalloc".to_owned(),
            version: "0.7.1+5.3.1".to_owned(),
        };
        assert_eq!(reference(&id), "jemalloc@0.7.1+5.3.1");
        assert_eq!(purl(&id), "pkg:cargo/jemalloc@0.7.1%2B5.3.1");
    }
}
