//! What no well-behaved gRPC server sends: a reset stream and a compressed message, by a server that
//! writes its HTTP/2 frames by hand.

use gateway::{Gateway, Options, Phase, Waits};
use harness::wait::PATIENCE;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const ACK: u8 = 1;
const NO_ERROR: u32 = 0;
const CANCEL: u32 = 8;

/// `:status: 200` and `content-type: application/grpc`, in HPACK.
const RESPONSE: &[u8] = b"\x88\x0f\x10\x10application/grpc";
/// `grpc-status: 0`, in HPACK.
const TRAILERS: &[u8] = b"\x00\x0bgrpc-status\x010";
/// A `RegisterGatewayResponse` with `success` and `session_id`, as a gRPC message.
const REGISTERED: &[u8] = b"\x00\x00\x00\x00\x05\x08\x01\x1a\x01s";

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut frame = length[1..].to_vec();
    frame.extend([kind, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// Takes one registration, and answers the request for a stream with `answer`, given its id.
async fn serve(mut socket: TcpStream, answer: fn(u32) -> Vec<u8>) -> std::io::Result<()> {
    let mut preface = [0; 24];
    socket.read_exact(&mut preface).await?;
    socket.write_all(&frame(SETTINGS, 0, 0, &[])).await?;
    let mut requests = 0;
    loop {
        let mut head = [0; 9];
        socket.read_exact(&mut head).await?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; length as usize];
        socket.read_exact(&mut payload).await?;
        let stream = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
        match head[3] {
            SETTINGS if head[4] & ACK == 0 => {
                socket.write_all(&frame(SETTINGS, ACK, 0, &[])).await?;
            }
            HEADERS => {
                requests += 1;
                let mut frames = frame(HEADERS, END_HEADERS, stream, RESPONSE);
                if requests == 1 {
                    frames.extend(frame(DATA, 0, stream, REGISTERED));
                    let last = END_HEADERS | END_STREAM;
                    frames.extend(frame(HEADERS, last, stream, TRAILERS));
                } else {
                    frames.extend(answer(stream));
                }
                socket.write_all(&frames).await?;
            }
            _ => {}
        }
    }
}

async fn gateway(answer: fn(u32) -> Vec<u8>) -> Gateway {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            // Ends with an error when the gateway leaves.
            tokio::spawn(serve(socket, answer));
        }
    });
    Gateway::start(Options {
        start: Waits::QUICK,
        reconnect: Waits::QUICK,
        ..Options::new(address.to_string(), "gateway-0")
    })
    .await
    .unwrap()
}

#[tokio::test]
async fn a_stream_that_is_reset_with_cancel_is_the_last_one() {
    let reset = |stream| frame(RST_STREAM, 0, stream, &CANCEL.to_be_bytes());
    let gateway = gateway(reset).await;
    let deaf = gateway.wait_for("the end", PATIENCE, |it| it.phase == Phase::Deaf);
    assert_eq!(deaf.await.unwrap().counts.registrations, 1);
    let found = gateway.violations();
    assert!(
        found.len() == 1 && found[0].contains("CANCELLED"),
        "{found:?}"
    );
}

#[tokio::test]
async fn a_stream_that_is_reset_otherwise_is_dialled_again() {
    let reset = |stream| frame(RST_STREAM, 0, stream, &NO_ERROR.to_be_bytes());
    let gateway = gateway(reset).await;
    let again = gateway.wait_for("another try", PATIENCE, |it| it.counts.registrations > 1);
    assert_ne!(again.await.unwrap().phase, Phase::Deaf);
}

#[tokio::test]
async fn a_compressed_message_cannot_be_read() {
    let compressed = |stream| frame(DATA, 0, stream, b"\x01\x00\x00\x00\x02xx");
    let gateway = gateway(compressed).await;
    let again = gateway.wait_for("another try", PATIENCE, |it| it.counts.registrations > 1);
    again.await.unwrap();
    let found = gateway.violations();
    assert!(found[0].contains("a compressed message"), "{found:?}");
}
