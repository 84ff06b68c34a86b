use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write as _};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

use crate::waiting::wait_until;

/// A running program: its output is kept, and it is stopped when dropped.
///
/// Its standard input stays open and empty as long as this value lives; a script that starts children of its own
/// can take the end of its input as the sign to stop them and go.
#[derive(Debug)]
pub struct Program {
    name: String,
    child: Child,
    input: Option<ChildStdin>,
    output: Arc<Mutex<Kept>>,
    readers: Vec<JoinHandle<()>>,
}

/// How a program ended and what it said.
#[derive(Debug)]
pub struct Ended {
    /// The exit status.
    pub status: ExitStatus,
    /// Both outputs, line by line as they came; the oldest lines are gone if there were very many.
    pub output: String,
}

/// The newest lines of both outputs: at most this many bytes.
const KEPT_BYTES_MAX: usize = 1024 * 1024;
/// How long a program may take to stop when asked before it is killed.
const STOP_MAX: Duration = Duration::from_secs(10);

#[derive(Debug, Default)]
struct Kept {
    lines: VecDeque<String>,
    bytes: usize,
}

impl Kept {
    fn push(&mut self, line: String) {
        self.bytes += line.len();
        self.lines.push_back(line);
        while self.bytes > KEPT_BYTES_MAX {
            let Some(oldest) = self.lines.pop_front() else { return };
            self.bytes -= oldest.len();
        }
    }
}

impl Program {
    /// Starts the command and begins to read its outputs.
    ///
    /// # Errors
    /// The program cannot be started: the message names it.
    pub fn start(command: &mut Command) -> Result<Self> {
        let name = command.get_program().to_string_lossy().into_owned();
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start `{name}`: `cargo xtask setup` installs what the tests need"))?;
        let output = Arc::<Mutex<Kept>>::default();
        let mut readers = Vec::new();
        readers.extend(child.stdout.take().map(|stream| keep_lines(stream, &output)));
        readers.extend(child.stderr.take().map(|stream| keep_lines(stream, &output)));
        let input = child.stdin.take();
        Ok(Self { name, child, input, output, readers })
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether it has not ended yet.
    ///
    /// # Errors
    /// The system refuses to say.
    pub fn is_running(&mut self) -> Result<bool> {
        Ok(self.child.try_wait()?.is_none())
    }

    /// What it has said so far, both outputs together.
    #[must_use]
    pub fn output(&self) -> String {
        joined(&lock(&self.output))
    }

    /// Writes a line to its standard input.
    ///
    /// # Errors
    /// It reads no longer.
    pub fn tell(&mut self, line: &str) -> Result<()> {
        let input = self.input.as_mut().context("its standard input is closed")?;
        let written = writeln!(input, "{line}").and_then(|()| input.flush());
        written.with_context(|| format!("`{}` said:\n{}", self.name, joined(&lock(&self.output))))
    }

    /// Waits for a line of its output that `wanted` has an answer for.
    ///
    /// # Errors
    /// It ends, or stays silent for `limit`: the message holds its output.
    pub fn wait_for_line<T>(&mut self, what: &str, limit: Duration, wanted: impl Fn(&str) -> Option<T>) -> Result<T> {
        let found = wait_until(what, limit, || {
            let ended = self.child.try_wait()?;
            if ended.is_some() {
                self.join_readers();
            }
            let found = lock(&self.output).lines.iter().find_map(|line| wanted(line));
            match (found, ended) {
                (Some(found), _) => Ok(Some(found)),
                (None, None) => Ok(None),
                (None, Some(status)) => bail!("it ended with {status} before {what}"),
            }
        });
        found.with_context(|| format!("`{}` said:\n{}", self.name, self.output()))
    }

    /// Waits until it ends by itself.
    ///
    /// # Errors
    /// It does not within `limit`; it is stopped then. The message holds its output.
    pub fn wait(mut self, limit: Duration) -> Result<Ended> {
        let status = wait_until("its end", limit, || Ok(self.child.try_wait()?))
            .with_context(|| format!("`{}` said:\n{}", self.name, self.output()))?;
        self.join_readers();
        Ok(Ended { status, output: self.output() })
    }

    /// Asks it to stop with SIGTERM, and kills it if it has not after ten seconds.
    ///
    /// # Errors
    /// It had to be killed.
    pub fn stop(mut self) -> Result<Ended> {
        let status = self.stop_now()?;
        self.join_readers();
        Ok(Ended { status, output: self.output() })
    }

    /// Sends a signal to it, if it still runs.
    ///
    /// # Errors
    /// The system refuses.
    pub fn signal(&mut self, signal: Signal) -> Result<()> {
        // A child that was not waited for keeps its id: the signal cannot reach a stranger.
        if self.is_running()? {
            kill_process(Pid::from_child(&self.child), signal)?;
        }
        Ok(())
    }

    fn stop_now(&mut self) -> Result<ExitStatus> {
        self.input = None;
        self.signal(Signal::TERM)?;
        let stopped = wait_until("its end after SIGTERM", STOP_MAX, || Ok(self.child.try_wait()?));
        if stopped.is_err() {
            self.child.kill()?;
            self.child.wait()?;
        }
        stopped.with_context(|| format!("`{}` had to be killed; it said:\n{}", self.name, self.output()))
    }

    fn join_readers(&mut self) {
        for reader in self.readers.drain(..) {
            // A grandchild may hold the pipe open for ever; what the reader has by then is what there is.
            drop(wait_until("the end of output", Duration::from_secs(2), || Ok(reader.is_finished().then_some(()))));
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if let Err(error) = self.stop_now() {
            eprintln!("{error:#}");
        }
        if thread::panicking() {
            eprintln!("--- `{}` said:\n{}", self.name, self.output());
        }
    }
}

fn keep_lines(stream: impl Read + Send + 'static, output: &Arc<Mutex<Kept>>) -> JoinHandle<()> {
    let output = Arc::clone(output);
    thread::spawn(move || {
        for bytes in BufReader::new(stream).split(b'\n').map_while(Result::ok) {
            lock(&output).push(String::from_utf8_lossy(&bytes).into_owned());
        }
    })
}

fn lock(output: &Mutex<Kept>) -> MutexGuard<'_, Kept> {
    // Lines are pushed whole, so what a panicking thread left behind is still a list of lines.
    output.lock().unwrap_or_else(PoisonError::into_inner)
}

fn joined(kept: &Kept) -> String {
    kept.lines.iter().map(|line| format!("{line}\n")).collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt as _;

    use super::*;
    use crate::WAIT_MAX;

    fn shell(script: &str) -> Program {
        Program::start(Command::new("sh").args(["-c", script])).unwrap()
    }

    #[test]
    fn output_of_both_kinds_is_kept_and_the_exit_is_seen() {
        let ended = shell("echo out; echo err >&2; exit 7").wait(WAIT_MAX).unwrap();
        assert_eq!(ended.status.code(), Some(7));
        assert!(ended.output.contains("out\n") && ended.output.contains("err\n"), "{}", ended.output);
    }

    #[test]
    fn a_line_is_waited_for_and_its_absence_is_told_with_the_output() {
        let mut program = shell("echo port 4242; exec cat");
        let port = program.wait_for_line("a port", WAIT_MAX, |line| line.strip_prefix("port ")?.parse::<u16>().ok());
        assert_eq!(port.unwrap(), 4242);
        let mut silent = shell("echo something else");
        let error = silent.wait_for_line("a port", WAIT_MAX, |line| line.strip_prefix("port ").map(drop));
        let error = format!("{:#}", error.unwrap_err());
        assert!(error.contains("something else") && error.contains("before a port"), "{error}");
    }

    #[test]
    fn a_program_reads_what_it_is_told() {
        let mut echo = shell("exec cat");
        echo.tell("hello").unwrap();
        echo.wait_for_line("its echo", WAIT_MAX, |line| (line == "hello").then_some(())).unwrap();
    }

    #[test]
    fn a_program_is_asked_to_stop_before_it_is_killed() {
        let mut program =
            shell("trap 'echo stopping; exit 3' TERM; echo up; while :; do read line || sleep 0.01; done");
        program.wait_for_line("up", WAIT_MAX, |line| (line == "up").then_some(())).unwrap();
        let ended = program.stop().unwrap();
        assert_eq!((ended.status.code(), ended.output.as_str()), (Some(3), "up\nstopping\n"));
    }

    #[test]
    fn a_dropped_program_is_gone() {
        let program = shell("exec cat");
        let pid = program.pid();
        drop(program);
        assert!(!std::path::Path::new(&format!("/proc/{pid}")).exists());
    }

    #[test]
    fn a_killed_program_is_told_by_its_signal() {
        let mut program = shell("exec cat");
        assert!(program.is_running().unwrap());
        program.signal(Signal::KILL).unwrap();
        wait_until("its end", WAIT_MAX, || Ok((!program.is_running()?).then_some(()))).unwrap();
        assert_eq!(program.wait(WAIT_MAX).unwrap().status.signal(), Some(9));
    }

    #[test]
    fn very_much_output_keeps_the_newest_lines() {
        let ended =
            shell("yes 0123456789012345678901234567890123456789 | head -n 60000; echo last").wait(WAIT_MAX).unwrap();
        assert!(ended.output.len() < KEPT_BYTES_MAX + 100_000);
        assert!(ended.output.ends_with("last\n"));
    }
}
