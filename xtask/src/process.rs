use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;

use anyhow::{Context, Result, bail};

/// Runs to the end with our own output; whether it exited with 0.
pub(crate) fn passes(command: &mut Command) -> Result<bool> {
    let status = command.status().with_context(|| cannot_start(command))?;
    Ok(status.success())
}

/// Runs to the end with our own output; any other exit than 0 is an error.
pub(crate) fn must_pass(command: &mut Command) -> Result<()> {
    if passes(command)? { Ok(()) } else { bail!("`{}` failed; its output is above", line(command)) }
}

/// Whether the command can be started and exits with 0; its output is dropped.
pub(crate) fn answers(command: &mut Command) -> bool {
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// Standard output of a command that must pass.
pub(crate) fn output_of(command: &mut Command) -> Result<String> {
    let output = command.stderr(Stdio::inherit()).output().with_context(|| cannot_start(command))?;
    if !output.status.success() {
        bail!("`{}` failed; its output is above", line(command));
    }
    String::from_utf8(output.stdout).with_context(|| format!("`{}` printed something that is not UTF-8", line(command)))
}

/// Runs to the end, printing both outputs line by line as they come and showing each line to `watch`.
pub(crate) fn passes_watched(command: &mut Command, mut watch: impl FnMut(&str)) -> Result<bool> {
    let mut child =
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().with_context(|| cannot_start(command))?;
    let (lines_in, lines) = mpsc::sync_channel::<String>(1_024);
    let readers = [
        child.stdout.take().map(|stream| read_lines(stream, lines_in.clone())),
        child.stderr.take().map(|stream| read_lines(stream, lines_in.clone())),
    ];
    drop(lines_in);
    for line in lines {
        watch(&line);
        writeln!(std::io::stdout(), "{line}")?;
    }
    for reader in readers.into_iter().flatten() {
        reader.join().map_err(|_| anyhow::anyhow!("a reader of `{}` panicked", line(command)))?;
    }
    Ok(child.wait()?.success())
}

fn read_lines(stream: impl Read + Send + 'static, lines: mpsc::SyncSender<String>) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        for bytes in BufReader::new(stream).split(b'\n').map_while(Result::ok) {
            if lines.send(String::from_utf8_lossy(&bytes).into_owned()).is_err() {
                return;
            }
        }
    })
}

/// The first executable of that name in PATH or in the system's administration directories.
pub(crate) fn find_program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin", "/sbin"].map(PathBuf::from))
        .map(|dir| dir.join(name))
        .find(|file| is_executable(file))
}

fn is_executable(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    file.metadata().is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
}

/// The command as one would type it.
pub(crate) fn line(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

fn cannot_start(command: &Command) -> String {
    format!("cannot start `{}`: is it installed and in PATH?", command.get_program().to_string_lossy())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_outputs_are_watched_and_a_failing_exit_is_seen() {
        let mut seen = Vec::new();
        let passed = passes_watched(Command::new("sh").args(["-c", "echo out; echo err >&2; exit 3"]), |line| {
            seen.push(line.to_owned());
        });
        seen.sort();
        assert_eq!(seen, ["err", "out"]);
        assert!(!passed.unwrap());
    }

    #[test]
    fn a_missing_program_is_named() {
        let error = passes(&mut Command::new("no-such-program-at-all")).unwrap_err();
        assert!(format!("{error:#}").contains("no-such-program-at-all"), "{error:#}");
        assert_eq!(find_program("no-such-program-at-all"), None);
    }
}
