//! Answers as HTTP has them.

use std::future;
use std::io;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, State};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, LOCATION, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri};
use axum::response::Response;
use futures_util::stream::{self, StreamExt as _};
use serde_json::Value;

use crate::answer::{Answer, Fault, Reply, Usage, error_body};
use crate::asked::{Asked, Wire};
use crate::connection::Scissors;
use crate::provider::{Desk, UnderWay};
use crate::render;

const JSON: &str = "application/json";

/// Longest time that what was sent before a cut has to reach the client.
const CUT_PAUSE: Duration = Duration::from_millis(20);

/// Bytes of a huge reply that are made at once.
const HUGE_CHUNK: &[u8] = &[b'x'; 64 * 1024];

/// Answers a request.
pub(crate) async fn answer(
    State(desk): State<Desk>,
    ConnectInfo(scissors): ConnectInfo<Scissors>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let Some(wire) = Wire::of(uri.path()).filter(|_| method == Method::POST) else {
        return error(404, &format!("nothing is served at {method} {uri}"));
    };
    let Ok(body) = serde_json::from_slice(&body) else {
        return error(400, "the request's body isn't JSON");
    };
    let (asked, under_way) = desk.ledger.enter(Asked {
        number: 0,
        wire,
        path: uri.to_string(),
        headers: listed(&headers),
        body,
    });
    match (desk.brain)(&asked) {
        Answer::Reply(said) => reply(&asked, &said, under_way),
        Answer::Delayed(time, said) => {
            tokio::time::sleep(time).await;
            reply(&asked, &said, under_way)
        }
        Answer::Fault(fault) => misbehave(&asked, fault, under_way, &scissors).await,
    }
}

fn reply(asked: &Asked, reply: &Reply, under_way: UnderWay) -> Response {
    under_way.replied(render::told(asked.wire, reply.usage));
    json(200, &render::render(asked, reply))
}

async fn misbehave(
    asked: &Asked,
    fault: Fault,
    under_way: UnderWay,
    scissors: &Scissors,
) -> Response {
    match fault {
        Fault::Status {
            code,
            retry_after,
            body,
        } => {
            let wait = retry_after.as_deref().map(|value| (RETRY_AFTER, value));
            let kind = Some((CONTENT_TYPE, JSON));
            response(code, kind.into_iter().chain(wait), body)
        }
        Fault::SlowDrip {
            reply,
            chunk_bytes,
            pause,
        } => drip(asked, &reply, chunk_bytes, pause, under_way),
        Fault::CutInBody => cut_in_body(render::render(asked, &Reply::text("cut")).to_string()),
        Fault::CutBeforeHeaders => {
            scissors.cut();
            error(500, "nobody sees this")
        }
        Fault::InvalidJson => response(200, [(CONTENT_TYPE, JSON)], "{\"choices\": [{"),
        Fault::WrongContentType => {
            let body = render::render(asked, &Reply::text("a page")).to_string();
            response(200, [(CONTENT_TYPE, "text/html; charset=utf-8")], body)
        }
        Fault::EmptyChoices => json(200, &render::empty(asked)),
        Fault::ArgumentsNotJson => {
            let call = Reply::call("call_0", "search", "{\"text\": \"open");
            reply(asked, &call, under_way)
        }
        Fault::Huge { bytes } => huge(bytes, under_way),
        Fault::Redirect { to } => response(307, [(LOCATION, to.as_str())], Body::empty()),
        Fault::ReplyToAnother => {
            under_way.replied(Usage::default());
            let call = Reply::call("call_of_another", "launch_rocket", "{\"pad\":39}");
            json(200, &render::as_model(asked, "model-of-another", &call))
        }
        Fault::Hang => future::pending().await,
    }
}

/// A reply that comes in drops. It is under way until the last of them.
fn drip(
    asked: &Asked,
    reply: &Reply,
    chunk_bytes: usize,
    pause: Duration,
    under_way: UnderWay,
) -> Response {
    let usage = render::told(asked.wire, reply.usage);
    let whole = Bytes::from(render::render(asked, reply).to_string());
    let length = whole.len().to_string();
    let drops = stream::unfold(
        (whole, Some(under_way)),
        move |(mut rest, mut under_way)| async move {
            if rest.is_empty() {
                return None;
            }
            tokio::time::sleep(pause).await;
            let drop = rest.split_to(chunk_bytes.clamp(1, rest.len()));
            if rest.is_empty()
                && let Some(done) = under_way.take()
            {
                done.replied(usage);
            }
            Some((io::Result::Ok(drop), (rest, under_way)))
        },
    );
    let headers = [(CONTENT_TYPE, JSON), (CONTENT_LENGTH, length.as_str())];
    response(200, headers, Body::from_stream(drops))
}

/// Half of a body, then nothing more.
fn cut_in_body(whole: String) -> Response {
    let half = Bytes::copy_from_slice(&whole.as_bytes()[..whole.len() / 2]);
    let length = whole.len().to_string();
    let start = stream::once(future::ready(Ok(half)));
    let end = stream::once(async {
        tokio::time::sleep(CUT_PAUSE).await;
        Err(io::Error::other("cut"))
    });
    let headers = [(CONTENT_TYPE, JSON), (CONTENT_LENGTH, length.as_str())];
    response(200, headers, Body::from_stream(start.chain(end)))
}

/// So many bytes of a text that never ends, made as they are read.
fn huge(bytes: usize, under_way: UnderWay) -> Response {
    let start = Bytes::from_static(b"{\"id\":\"");
    let chunks = stream::unfold(
        (start, bytes, under_way),
        |(next, left, under_way)| async move {
            let chunk = next.slice(..next.len().min(left));
            let left = left - chunk.len();
            let more = Bytes::from_static(HUGE_CHUNK);
            (!chunk.is_empty()).then_some((io::Result::Ok(chunk), (more, left, under_way)))
        },
    );
    response(200, [(CONTENT_TYPE, JSON)], Body::from_stream(chunks))
}

fn json(code: u16, body: &Value) -> Response {
    response(code, [(CONTENT_TYPE, JSON)], body.to_string())
}

fn error(code: u16, message: &str) -> Response {
    response(code, [(CONTENT_TYPE, JSON)], error_body(message))
}

/// A response; one that HTTP can't say is an error that names the cause.
fn response<'a>(
    code: u16,
    headers: impl IntoIterator<Item = (HeaderName, &'a str)>,
    body: impl Into<Body>,
) -> Response {
    let mut response = Response::new(body.into());
    match StatusCode::from_u16(code) {
        Ok(status) => *response.status_mut() = status,
        Err(wrong) => return error(500, &format!("{code} is no status: {wrong}")),
    }
    for (name, value) in headers {
        match HeaderValue::from_str(value) {
            Ok(value) => response.headers_mut().insert(name, value),
            Err(wrong) => return error(500, &format!("{value:?} is no header: {wrong}")),
        };
    }
    response
}

fn listed(headers: &HeaderMap) -> Vec<(String, String)> {
    let shown = |value: &HeaderValue| value.to_str().unwrap_or("?").to_owned();
    let each = headers.iter();
    each.map(|(name, value)| (name.to_string(), shown(value)))
        .collect()
}
