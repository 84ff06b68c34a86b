//! Puts the browser's Socket.IO client into the library, if `SANGAM_SOCKETIO_CLIENT_DIST` names the directory that has
//! it (`client-dist` of npm's `socket.io`). Needs neither Node nor the network; without the variable there is no client.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

const VARIABLE: &str = "SANGAM_SOCKETIO_CLIENT_DIST";

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-env-changed={VARIABLE}");
    println!("cargo::rerun-if-changed=build.rs");
    let files = match env::var_os(VARIABLE).map(PathBuf::from) {
        Some(dir) => files_of(&dir)?,
        None => Vec::new(),
    };
    let mut source = String::from("const FILES: &[(&str, &[u8])] = &[\n");
    for file in &files {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        // Writing to text does not fail.
        writeln!(source, "    ({name:?}, include_bytes!({:?})),", file.to_string_lossy()).map_err(io::Error::other)?;
        println!("cargo::rerun-if-changed={}", file.display());
    }
    source.push_str("];\n");
    let out = env::var_os("OUT_DIR").ok_or_else(|| io::Error::other("cargo sets OUT_DIR"))?;
    fs::write(Path::new(&out).join("client_files.rs"), source)
}

/// The client's files, by name.
fn files_of(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(dir)
        .map_err(|error| io::Error::new(error.kind(), format!("{VARIABLE} names {}: {error}", dir.display())))?;
    let mut files = Vec::new();
    for entry in entries {
        let path = fs::canonicalize(entry?.path())?;
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.starts_with("socket.io.") && (name.ends_with(".js") || name.ends_with(".js.map")) {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
