//! Child processes that never outlive their parent, however it dies.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use parking_lot::Mutex;
use rustix::process::{Pid, WaitId, WaitIdOptions};
use tokio::sync::watch;

pub use rustix::process::Signal;

/// Starts `command` with its output appended to the file `log` and no input.
///
/// The kernel kills the child with SIGKILL when this process ends, be it by a
/// return, a panic or a SIGKILL of its own.
///
/// # Errors
/// When the log cannot be opened or the program cannot be started; the message
/// names the program or the file.
pub fn spawn(mut command: Command, log: &Path) -> io::Result<Child> {
    let program = Path::new(command.get_program()).to_owned();
    let name = program.file_name().unwrap_or(program.as_os_str());
    let name = name.to_string_lossy().into_owned();

    let output = open_log(log).map_err(|e| context(&e, &format!("log file {}", log.display())))?;
    command
        .stdin(Stdio::null())
        .stdout(output.try_clone()?)
        .stderr(output);
    die_with_parent(&mut command);

    let child = spawn_on_lasting_thread(command)
        .map_err(|e| context(&e, &format!("cannot start {}", program.display())))?;
    let pid = i32::try_from(child.id())
        .ok()
        .and_then(Pid::from_raw)
        .ok_or_else(|| io::Error::other(format!("{name}: impossible process id {}", child.id())))?;

    let shared = Arc::new(Shared {
        child: Mutex::new(child),
        exit: watch::Sender::new(None),
    });
    let reaper = shared.clone();
    thread::Builder::new()
        .name(format!("wait-{name}"))
        .spawn(move || reaper.reap(pid))?;
    Ok(Child {
        name,
        pid,
        log: log.to_owned(),
        shared,
    })
}

/// A running (or ended) child process; killed when dropped.
#[derive(Debug)]
pub struct Child {
    name: String,
    pid: Pid,
    log: PathBuf,
    shared: Arc<Shared>,
}

impl Child {
    /// The program's file name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The process id. It stays reserved until the child's end was observed.
    pub fn pid(&self) -> u32 {
        self.pid.as_raw_nonzero().get().unsigned_abs()
    }

    /// The file that holds the child's output, both streams.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// The last `lines` lines of the output, for an error message.
    pub fn log_tail(&self, lines: usize) -> String {
        log_tail(&self.log, lines)
    }

    /// Sends a signal; does nothing when the child has ended.
    ///
    /// # Errors
    /// When the kernel refuses, for instance because the child changed its user.
    pub fn signal(&self, signal: Signal) -> io::Result<()> {
        // The lock keeps the child from being reaped, and so its id from being reused.
        let mut child = self.shared.child.lock();
        match child.try_wait()? {
            Some(_) => Ok(()),
            None => Ok(rustix::process::kill_process(self.pid, signal)?),
        }
    }

    /// Kills the child at once (SIGKILL) and waits until it is gone.
    pub async fn kill(&self) -> ExitStatus {
        // It cannot be refused for a child that we may wait for; if it ever is, the wait shows it.
        let _ = self.signal(Signal::KILL);
        self.wait().await
    }

    /// Asks the child to end (SIGTERM) and kills it when it has not after `grace`.
    pub async fn stop(&self, grace: Duration) -> ExitStatus {
        let _ = self.signal(Signal::TERM);
        match tokio::time::timeout(grace, self.wait()).await {
            Ok(status) => status,
            Err(_) => self.kill().await,
        }
    }

    /// How the child ended, if it has.
    pub fn try_wait(&self) -> Option<ExitStatus> {
        *self.shared.exit.borrow()
    }

    /// Waits for the child's end.
    pub async fn wait(&self) -> ExitStatus {
        let mut exit = self.shared.exit.subscribe();
        let status = *exit
            .wait_for(Option::is_some)
            .await
            .expect("the sender lives as long as self");
        status.expect("wait_for saw Some")
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        let mut child = self.shared.child.lock();
        // Fails only when the child has ended already.
        let _ = child.kill();
        let _ = child.wait();
    }
}

#[derive(Debug)]
struct Shared {
    child: Mutex<std::process::Child>,
    exit: watch::Sender<Option<ExitStatus>>,
}

impl Shared {
    fn reap(&self, pid: Pid) {
        // Waiting without reaping leaves the lock free for signals meanwhile. An error other than
        // an interruption means that somebody reaped the child, which the next line then tells.
        let ended = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        while let Err(rustix::io::Errno::INTR) = rustix::process::waitid(WaitId::Pid(pid), ended) {}
        let status = self.child.lock().wait();
        self.exit.send_replace(Some(
            status.expect("only this module waits for its children"),
        ));
    }
}

/// Reads the last `lines` lines of a log; says so when there is none.
pub fn log_tail(log: &Path, lines: usize) -> String {
    match fs::read(log) {
        Err(e) => format!("(cannot read {}: {e})", log.display()),
        Ok(bytes) if bytes.is_empty() => format!("({} is empty)", log.display()),
        Ok(bytes) => {
            let text = String::from_utf8_lossy(&bytes);
            let all: Vec<&str> = text.lines().collect();
            all[all.len().saturating_sub(lines)..].join("\n")
        }
    }
}

fn open_log(log: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).open(log)
}

fn context(error: &io::Error, what: &str) -> io::Error {
    io::Error::new(error.kind(), format!("{what}: {error}"))
}

#[expect(
    unsafe_code,
    reason = "pre_exec is the only hook between fork and exec"
)]
fn die_with_parent(command: &mut Command) {
    let parent = rustix::process::getpid();
    let hook = move || {
        rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
        // The parent may have died before the line above took effect.
        if rustix::process::getppid() == Some(parent) {
            Ok(())
        } else {
            Err(io::Error::from_raw_os_error(
                rustix::io::Errno::SRCH.raw_os_error(),
            ))
        }
    };
    // SAFETY: the hook makes two plain system calls and an `io::Error` that holds only a number: no
    // allocation, no lock, nothing that another thread could have held at the fork.
    unsafe {
        command.pre_exec(hook);
    }
}

/// The death signal is sent when the *thread* that forked ends, so a test's own thread will not do.
fn spawn_on_lasting_thread(command: Command) -> io::Result<std::process::Child> {
    type Job = (Command, mpsc::Sender<io::Result<std::process::Child>>);
    static JOBS: OnceLock<mpsc::Sender<Job>> = OnceLock::new();

    let jobs = JOBS.get_or_init(|| {
        let (jobs, queue) = mpsc::channel::<Job>();
        thread::Builder::new()
            .name("spawner".into())
            .spawn(move || {
                for (mut command, answer) in queue {
                    // A caller always waits for its answer.
                    let _ = answer.send(command.spawn());
                }
            })
            .expect("a thread can be made while the process starts");
        jobs
    });
    let (answer, result) = mpsc::channel();
    jobs.send((command, answer))
        .map_err(|_| io::Error::other("the spawning thread has ended"))?;
    result
        .recv()
        .map_err(|_| io::Error::other("the spawning thread has ended"))?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, dir: &Path) -> Child {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]);
        spawn(command, &dir.join("sh.log")).unwrap()
    }

    #[tokio::test]
    async fn output_and_status_are_kept() {
        let dir = tempfile::tempdir().unwrap();
        let child = shell("echo one; echo two >&2; echo three; exit 7", dir.path());
        assert_eq!(child.wait().await.code(), Some(7));
        assert_eq!(child.log_tail(2), "two\nthree");
        assert_eq!(child.try_wait().and_then(|s| s.code()), Some(7));
        child.signal(Signal::TERM).unwrap();
    }

    #[tokio::test]
    async fn a_child_that_ignores_sigterm_is_killed_after_the_grace() {
        use std::os::unix::process::ExitStatusExt;
        let dir = tempfile::tempdir().unwrap();
        let child = shell(
            "trap '' TERM; echo ready; while :; do sleep 1; done",
            dir.path(),
        );
        crate::wait::until("the trap", crate::wait::PATIENCE, || async {
            child.log_tail(1) == "ready"
        })
        .await
        .unwrap();
        let status = child.stop(Duration::from_millis(50)).await;
        assert_eq!(status.signal(), Some(Signal::KILL.as_raw()));
    }

    #[tokio::test]
    async fn a_child_that_obeys_sigterm_ends_by_itself() {
        let dir = tempfile::tempdir().unwrap();
        let child = shell(
            "trap 'exit 3' TERM; echo ready; while :; do sleep 0.05; done",
            dir.path(),
        );
        crate::wait::until("the trap", crate::wait::PATIENCE, || async {
            child.log_tail(1) == "ready"
        })
        .await
        .unwrap();
        assert_eq!(child.stop(Duration::from_secs(60)).await.code(), Some(3));
    }

    #[test]
    fn a_missing_program_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let error = spawn(Command::new("/no/such/program"), &dir.path().join("log")).unwrap_err();
        assert!(error.to_string().contains("/no/such/program"), "{error}");
    }
}
