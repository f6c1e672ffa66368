//! Whether the other side of a connection is still there.

use std::io::ErrorKind;

use tokio::net::TcpStream;

/// Whether the other side has not closed the connection; what it has said is dropped.
pub fn is_open(stream: &TcpStream) -> bool {
    let mut said = [0; 4096];
    loop {
        match stream.try_read(&mut said) {
            Ok(0) => return false,
            Ok(_) => {}
            Err(error) => return error.kind() == ErrorKind::WouldBlock,
        }
    }
}
