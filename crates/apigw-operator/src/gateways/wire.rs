//! The service as HTTP/2 carries it. tonic does it all but one thing: it keeps, as long as a stream lives, a buffer
//! as large as the largest message that went over it, which here is everything that a gateway has, for each gateway.

use std::{
    convert::Infallible,
    task::{Context, Poll},
};

use apigw_protocol::{
    ConfigurationUpdate, StreamConfigurationRequest,
    configuration_service_server::{ConfigurationService, ConfigurationServiceServer},
};
use bytes::{BufMut, Bytes};
use futures::{FutureExt, StreamExt, future::BoxFuture, stream};
use http::{HeaderMap, header::CONTENT_TYPE};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use prost::Message;
use tonic::{
    Request, Status, body::Body, codec::Streaming, metadata::GRPC_CONTENT_TYPE,
    server::NamedService,
};
use tonic_prost::ProstDecoder;
use tower_service::Service;

use super::Service as Calls;

/// The method whose answer is a stream.
const STREAM: &str = "/avapigw.operator.v1alpha1.ConfigurationService/StreamConfiguration";
/// What precedes each message: whether it is compressed, and its length. From gRPC's "over HTTP2", where it is called
/// the prefix of a length-prefixed message.
const PREFIX: usize = 1 + size_of::<u32>();

/// The calls of gateways, as a server takes them.
#[derive(Clone)]
pub struct Wire {
    calls: Calls,
    others: ConfigurationServiceServer<Calls>,
}

impl Wire {
    /// Carries `calls`.
    pub fn new(calls: Calls) -> Self {
        let others = ConfigurationServiceServer::new(calls.clone());
        Self { calls, others }
    }
}

impl NamedService for Wire {
    const NAME: &'static str = ConfigurationServiceServer::<Calls>::NAME;
}

impl Service<http::Request<Body>> for Wire {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<http::Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let compressed = request.headers().get("grpc-encoding");
        let is_plain = compressed.is_none_or(|encoding| encoding == "identity");
        // tonic refuses what is compressed, and says what it takes.
        if request.uri().path() != STREAM || !is_plain {
            return self.others.call(request);
        }
        let calls = self.calls.clone();
        async move {
            let streams = stream_to(&calls, request).await;
            Ok(streams.unwrap_or_else(Status::into_http))
        }
        .boxed()
    }
}

async fn stream_to(
    calls: &Calls,
    request: http::Request<Body>,
) -> Result<http::Response<Body>, Status> {
    let decoder = ProstDecoder::<StreamConfigurationRequest>::default();
    let mut asked = Streaming::new_request(decoder, request.into_body(), None, None);
    let asked = asked.message().await?;
    let asked = asked.ok_or_else(|| Status::internal("there is no message in the request"))?;
    let updates = calls.stream_configuration(Request::new(asked)).await?;
    let end = stream::iter([Err(Status::ok(""))]);
    let frames = updates.into_inner().chain(end).map(|update| match update {
        Ok(update) => Ok(Frame::data(message(&update))),
        Err(end) => trailers(&end).map(Frame::trailers),
    });
    let mut response = http::Response::new(Body::new(StreamBody::new(frames).boxed_unsync()));
    response
        .headers_mut()
        .insert(CONTENT_TYPE, GRPC_CONTENT_TYPE);
    Ok(response)
}

/// An update as it goes over the wire, in exactly the room that it takes.
fn message(update: &ConfigurationUpdate) -> Bytes {
    let length = update.encoded_len();
    let mut bytes = Vec::with_capacity(PREFIX + length);
    bytes.put_u8(0);
    // What is planned fits into 4 MiB.
    bytes.put_u32(u32::try_from(length).expect("less than 4 GiB"));
    update.encode_raw(&mut bytes);
    bytes.into()
}

fn trailers(end: &Status) -> Result<HeaderMap, Status> {
    let mut trailers = HeaderMap::new();
    end.add_header(&mut trailers)?;
    Ok(trailers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_takes_no_more_room_than_it_has() {
        let update = ConfigurationUpdate {
            version: "v".repeat(300),
            ..ConfigurationUpdate::default()
        };
        let bytes = message(&update);
        let (prefix, body) = bytes.split_at(PREFIX);
        assert_eq!(prefix, [0, 0, 0, 1, 47]);
        assert_eq!(ConfigurationUpdate::decode(body), Ok(update));
        let room = Vec::from(bytes).capacity();
        assert_eq!(room, PREFIX + 303);
    }
}
