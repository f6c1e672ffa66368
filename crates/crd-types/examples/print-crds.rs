//! Writes every CRD of the workspace to a folder, a file each: `print-crds DIR`.

use std::{env, error::Error, fs, path::PathBuf};

use serde_json::Value;

/// Whole numbers below this are exact as `f64`.
const MAX_EXACT: f64 = 9_007_199_254_740_992.0;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args_os().skip(1);
    let (Some(folder), None) = (arguments.next(), arguments.next()) else {
        return Err("usage: print-crds DIR".into());
    };
    let folder = PathBuf::from(folder);
    fs::create_dir_all(&folder)?;
    for crd in crd_types::crds() {
        let file = format!("{}_{}.yaml", crd.spec.group, crd.spec.names.plural);
        let mut document = serde_json::to_value(&crd)?;
        write_whole_numbers(&mut document);
        fs::write(folder.join(file), serde_saphyr::to_string(&document)?)?;
    }
    Ok(())
}

/// The schema's bounds are floating-point numbers by type: `63.0` becomes `63`.
fn write_whole_numbers(value: &mut Value) {
    match value {
        Value::Array(values) => values.iter_mut().for_each(write_whole_numbers),
        Value::Object(fields) => fields.values_mut().for_each(write_whole_numbers),
        Value::Number(number) => {
            if let Some(float) = number.as_f64()
                && float.fract() == 0.0
                && float.abs() < MAX_EXACT
            {
                *number = (float as i64).into();
            }
        }
        _ => {}
    }
}
