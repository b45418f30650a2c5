//! Writes the workbooks of an invented organisation: `cargo run -p sink-workbook --example sample
//! -- DIR [FORM]...`.

#[path = "../tests/sample/mod.rs"]
#[allow(dead_code)]
mod sample;

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;

use sink_workbook::{Order, render_order};

fn main() -> ExitCode {
    let mut args = std::env::args().skip(1);
    let Some(folder) = args.next() else {
        eprintln!("usage: sample DIR [FORM]...");
        return ExitCode::FAILURE;
    };
    match write(Path::new(&folder), args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn write(folder: &Path, forms: impl Iterator<Item = String>) -> Result<(), Box<dyn Error>> {
    let mut order = Order::default();
    let forms: Vec<_> = forms.map(|form| form.parse()).collect::<Result<_, _>>()?;
    if !forms.is_empty() {
        order.forms = forms;
    }
    let progress = |done, total| eprintln!("{done} of {total} workbooks");
    let tables = sample::tables();
    let written = render_order(&tables, &sample::past(&tables), &order, folder, &progress)?;
    for file in &written.files {
        println!("{}", file.display());
    }
    Ok(())
}
