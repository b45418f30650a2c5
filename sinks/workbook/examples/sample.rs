//! Writes the workbooks of an invented organisation: `cargo run -p sink-workbook --example sample
//! -- DIR`.

#[path = "../tests/sample/mod.rs"]
#[allow(dead_code)]
mod sample;

use std::path::PathBuf;
use std::process::ExitCode;

fn main() -> ExitCode {
    let Some(folder) = std::env::args_os().nth(1).map(PathBuf::from) else {
        eprintln!("usage: sample DIR");
        return ExitCode::FAILURE;
    };
    let progress = |done, total| eprintln!("{done} of {total} workbooks");
    let tables = sample::tables();
    match sink_workbook::render_all(&tables, &sample::past(&tables), &folder, &progress) {
        Ok(written) => {
            for file in &written.files {
                println!("{}", file.display());
            }
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
