//! A program for Pods: it says over HTTP what it finds around itself, and is as well as it is told to be.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::{env, fs, thread};

use parking_lot::Mutex;

/// Where it listens, on every address of its Pod.
pub const PORT: u16 = 8080;

static LIVE: AtomicBool = AtomicBool::new(true);
static READY: AtomicBool = AtomicBool::new(true);
static UP: AtomicBool = AtomicBool::new(true);
static ASKED: Mutex<BTreeMap<String, usize>> = Mutex::new(BTreeMap::new());

pub fn main() -> ExitCode {
    // Some tests say so from the beginning.
    UP.store(env::var_os("SLOW").is_none(), Relaxed);
    let listener =
        TcpListener::bind((Ipv4Addr::UNSPECIFIED, PORT)).expect("the Pod's port is free");
    for stream in listener.incoming().flatten() {
        // Whoever asks sees what went wrong.
        thread::spawn(|| drop(answer(stream)));
    }
    ExitCode::SUCCESS
}

fn answer(mut stream: TcpStream) -> std::io::Result<()> {
    let mut asked = String::new();
    let mut lines = BufReader::new(stream.try_clone()?);
    lines.read_line(&mut asked)?;
    let mut header = String::new();
    while lines.read_line(&mut header)? > 2 {
        header.clear();
    }
    let path = asked.split(' ').nth(1).unwrap_or_default();
    let (status, body) = match say(path) {
        Ok(body) => ("200 OK", body),
        Err(body) => ("500 Internal Server Error", body),
    };
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
    )
}

fn say(path: &str) -> Result<String, String> {
    let well = |flag: &AtomicBool| match flag.load(Relaxed) {
        true => Ok("well".to_owned()),
        false => Err("not well".to_owned()),
    };
    let (verb, rest) = path
        .trim_start_matches('/')
        .split_once('/')
        .unwrap_or((path, ""));
    let verb = verb.trim_start_matches('/');
    *ASKED.lock().entry(verb.to_owned()).or_default() += 1;
    match (verb, rest) {
        ("asked", verb) => Ok(ASKED
            .lock()
            .get(verb)
            .copied()
            .unwrap_or_default()
            .to_string()),
        ("livez", _) => well(&LIVE),
        ("readyz", _) => well(&READY),
        ("startz", _) => well(&UP),
        ("set", flags) => {
            let (flag, value) = flags.split_once('/').unwrap_or((flags, ""));
            let flag = match flag {
                "live" => &LIVE,
                "ready" => &READY,
                _ => &UP,
            };
            flag.store(value == "true", Relaxed);
            Ok(String::new())
        }
        ("env", _) => Ok(json(env::vars().collect())),
        ("args", _) => Ok(env::args().skip(1).collect::<Vec<_>>().join("\n")),
        ("read", file) => fs::read_to_string(format!("/{file}")).map_err(|e| e.to_string()),
        ("mode", file) => {
            use std::os::unix::fs::MetadataExt;
            let metadata = fs::metadata(format!("/{file}")).map_err(|e| e.to_string())?;
            Ok(format!(
                "{:o} {} {}",
                metadata.mode() & 0o7777,
                metadata.uid(),
                metadata.gid()
            ))
        }
        ("write", file) => {
            let written = fs::write(format!("/{file}"), "written");
            written.map(|()| String::new()).map_err(|e| e.to_string())
        }
        ("list", folder) => {
            let entries = fs::read_dir(format!("/{folder}")).map_err(|e| e.to_string())?;
            let mut names: Vec<_> = entries
                .flatten()
                .map(|it| it.file_name().to_string_lossy().into_owned())
                .collect();
            names.sort();
            Ok(names.join("\n"))
        }
        _ => Err(format!("what is {verb}?")),
    }
}

fn json(map: BTreeMap<String, String>) -> String {
    serde_json::to_string(&map).expect("text becomes JSON")
}
