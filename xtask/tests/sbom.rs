//! Bills of materials, held against what the operators' own manifests say.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use rstest::rstest;
use serde_json::Value;
use xshell::Shell;

/// What tests alone use.
const OF_TESTS: [&str; 5] = [
    "harness",
    "libtest-mimic",
    "proptest",
    "rstest",
    "rstest_macros",
];

#[rstest]
#[case("cloud-operator", &["aws-sdk-s3", "aws-lc-sys", "kube", "operator-core", "tokio"], &["cc", "serde_derive"])]
#[case("apigw-operator", &["aws-lc-sys", "kube", "operator-core", "prost", "tonic"], &["cc", "protox", "serde_derive"])]
fn a_bill_has_what_the_program_is_made_of_and_nothing_of_its_tests(
    #[case] operator: &str,
    #[case] linked: &[&str],
    #[case] run: &[&str],
) {
    let folder = Shell::new().unwrap().create_temp_dir().unwrap();
    let made = Command::new(env!("CARGO_BIN_EXE_xtask"))
        .args(["sbom", operator, "--destination"])
        .arg(folder.path())
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");

    let read = |ending: &str| {
        let file = folder.path().join(format!("{operator}.{ending}"));
        fs::read_to_string(file).unwrap()
    };
    let bill: Value = serde_json::from_str(&read("cdx.json")).unwrap();
    assert_eq!(bill["bomFormat"], "CycloneDX");
    assert_eq!(bill["metadata"]["component"]["name"], operator);
    let components = bill["components"].as_array().unwrap();
    let scope = |name: &str| {
        let found = components.iter().find(|it| it["name"] == name);
        found.map(|it| it["scope"].as_str().unwrap())
    };
    for name in linked {
        assert_eq!(scope(name), Some("required"), "{name}");
    }
    for name in run {
        assert_eq!(scope(name), Some("excluded"), "{name}");
    }
    for name in OF_TESTS {
        assert_eq!(scope(name), None, "{name}");
    }
    let has_sdk = scope("aws-sdk-s3").is_some();
    assert_eq!(has_sdk, operator == "cloud-operator");

    let list = read("licences.txt");
    for component in components {
        assert!(
            component["licenses"][0]["expression"].is_string(),
            "{component}"
        );
        let (name, version) = (text(&component["name"]), text(&component["version"]));
        if component["purl"].is_string() {
            let sum = text(&component["hashes"][0]["content"]);
            assert!(sum.len() == 64, "{component}");
        }
        let is_listed = list.contains(&format!("\n{name} {version}: "));
        assert_eq!(is_listed, component["scope"] == "required", "{component}");
    }
    assert!(list.contains("TERMS AND CONDITIONS FOR USE, REPRODUCTION, AND DISTRIBUTION"));
    assert_eq!(direct(&bill), normal(operator));
}

/// What the bill says that the program itself needs.
fn direct(bill: &Value) -> BTreeSet<String> {
    let program = &bill["metadata"]["component"]["bom-ref"];
    let dependencies = bill["dependencies"].as_array().unwrap();
    let known: BTreeSet<_> = dependencies.iter().map(|it| text(&it["ref"])).collect();
    for dependency in dependencies {
        for needed in dependency["dependsOn"].as_array().unwrap() {
            assert!(known.contains(text(needed)), "{needed}");
        }
    }
    let own = dependencies
        .iter()
        .find(|it| it["ref"] == *program)
        .unwrap();
    let needed = own["dependsOn"].as_array().unwrap().iter();
    let names = needed.filter_map(|it| Some(text(it).split_once('@')?.0.to_owned()));
    names.collect()
}

/// What its manifest says.
fn normal(operator: &str) -> BTreeSet<String> {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../crates")
        .join(operator)
        .join("Cargo.toml");
    let manifest = fs::read_to_string(manifest).unwrap();
    let mut names = BTreeSet::new();
    let mut is_normal = false;
    for line in manifest.lines() {
        if line.starts_with('[') {
            is_normal = line.ends_with("dependencies]") && !line.contains("dev-");
        } else if is_normal && let Some((name, _)) = line.split_once(['.', ' ']) {
            names.insert(name.to_owned());
        }
    }
    names
}

fn text(value: &Value) -> &str {
    value
        .as_str()
        .unwrap_or_else(|| panic!("{value} is no text"))
}
