//! Secrets: where they are found, and never what they are.

use std::{
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use schemars::JsonSchema;
use serde::Deserialize;

use crate::LogError;

/// Bytes of a secret's file: keys and tokens, never a device that does not end.
const SECRET_BYTES_MAX: u64 = 64 << 10;

/// Where a secret is found. It is read when it is used, and never shown.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Secret {
    /// The environment variable of this name.
    Env(String),
    /// The file of this name; white space at its end does not count.
    File(PathBuf),
}

impl Secret {
    /// Gives the file that it is in, for a configuration to say where relative paths begin.
    pub fn path(&mut self) -> Option<&mut PathBuf> {
        match self {
            Secret::File(path) => Some(path),
            Secret::Env(_) => None,
        }
    }

    /// Reads the secret; `name` is the setting that it is for.
    ///
    /// # Errors
    /// When the variable or the file is not there.
    pub fn read(&self, name: &str) -> Result<String, LogError> {
        let failed = |problem: String| LogError::Setting { name: name.to_owned(), problem };
        match self {
            Secret::Env(variable) => std::env::var(variable)
                .map_err(|_| failed(format!("wants the environment variable {variable}"))),
            Secret::File(path) => bounded(path)
                .map(|text| text.trim_end().to_owned())
                .map_err(|error| failed(format!("wants the file {}: {error}", path.display()))),
        }
    }
}

fn bounded(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(SECRET_BYTES_MAX + 1).read_to_string(&mut text)?;
    if text.len() as u64 > SECRET_BYTES_MAX {
        let reason = format!("it has more than {SECRET_BYTES_MAX} bytes");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, reason));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_read_and_never_shown() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("password");
        std::fs::write(&path, "geheim\n").unwrap();
        let secret = Secret::File(path);
        assert_eq!(secret.read("sasl.password").unwrap(), "geheim");
        assert!(!format!("{secret:?}").contains("geheim"));
        let endless = Secret::File("/dev/zero".into()).read("x").unwrap_err().to_string();
        assert!(endless.ends_with("/dev/zero: it has more than 65536 bytes"), "{endless}");
        let error = Secret::Env("NO_SUCH_VARIABLE".to_owned()).read("x");
        let expected = "setting x wants the environment variable NO_SUCH_VARIABLE";
        assert_eq!(error.unwrap_err().to_string(), expected);
    }
}
