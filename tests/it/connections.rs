//! Connections: how many, what is closed to make room, and how a stop ends them.

use crate::{
    process::{Browser, Server},
    raw_requests::{ask, get},
    support::{TestApp, simulator},
};
use futures_util::stream;
use patchboard::server::ConnectionLimits;
use patchboard_backend::clock::SystemClock;
use std::{net::SocketAddr, sync::Arc};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_being_taken_is_cut_after_those_that_wait() {
    let (pieces, rest) = tokio::sync::mpsc::unbounded_channel::<Result<&str, std::convert::Infallible>>();
    let body = axum::body::Body::from_stream(stream::unfold(rest, |mut rest| async move { Some((rest.recv().await?, rest)) }));
    let body = Arc::new(std::sync::Mutex::new(Some(body)));
    let router = axum::Router::new().route("/", axum::routing::get(async move || body.lock().unwrap().take().unwrap_or_default()));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let limits = ConnectionLimits { most: 2, ..ConnectionLimits::default() };
    tokio::spawn(patchboard::server::serve(listener, router, limits, std::future::pending()));
    let mut taking = TcpStream::connect(address).await.unwrap();
    taking.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    pieces.send(Ok("first")).unwrap();
    let mut said = String::new();
    let mut hear = async |until: &str| {
        while !said.contains(until) {
            let mut piece = [0; 1024];
            let n = taking.read(&mut piece).await.unwrap();
            assert!(n > 0, "it was cut after {said}");
            said.push_str(std::str::from_utf8(&piece[..n]).unwrap());
        }
    };
    hear("first").await;
    // One more that waits, and one for which there is no room.
    let mut waits = TcpStream::connect(address).await.unwrap();
    let (status, _) = ask(address, &get("/", "")).await.expect("an answer");
    assert_eq!(status, 200);
    assert_eq!(waits.read(&mut [0; 16]).await.unwrap_or_default(), 0, "the one that waited was closed");
    pieces.send(Ok("second")).unwrap();
    hear("second").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_being_taken_until_its_last_byte_has_left() {
    const LENGTH: usize = 32 << 20;
    let long = axum::routing::get(async || vec![b'x'; LENGTH]);
    let router = axum::Router::new().route("/long", long).route("/", axum::routing::get(async || "short"));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let limits = ConnectionLimits { most: 2, ..ConnectionLimits::default() };
    tokio::spawn(patchboard::server::serve(listener, router, limits, std::future::pending()));
    let mut taking = TcpStream::connect(address).await.unwrap();
    taking.write_all(b"GET /long HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
    let mut piece = vec![0; 64 * 1024];
    let mut taken = taking.read(&mut piece).await.unwrap();
    // One that waits since, and one for which there is no room.
    let mut waits = TcpStream::connect(address).await.unwrap();
    let (status, _) = ask(address, &get("/", "")).await.expect("an answer");
    assert_eq!(status, 200);
    assert_eq!(waits.read(&mut [0; 16]).await.unwrap_or_default(), 0, "the one that waited was closed");
    while taken < LENGTH {
        let n = taking.read(&mut piece).await.unwrap();
        assert!(n > 0, "it was cut after {taken} bytes");
        taken += n;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn idle_connections_do_not_keep_others_out() {
    let app = TestApp::start().await;
    let address = app.listen(ConnectionLimits { most: 20, ..ConnectionLimits::default() }).await;
    let mut held = Vec::new();
    for n in 0..60 {
        let mut stream = TcpStream::connect(address).await.unwrap();
        if n % 2 == 0 {
            stream.write_all(b"GET /sign-in HTTP/1.1\r\nHost: loc").await.unwrap();
        }
        held.push(stream);
    }
    let (status, _) = ask(address, &get("/healthz", "")).await.expect("an answer");
    assert_eq!(status, 200);
    assert_eq!(held.len(), 60);
}

#[tokio::test(flavor = "multi_thread")]
async fn halves_of_forms_do_not_keep_others_out() {
    let app = TestApp::start().await;
    let address = app.listen(ConnectionLimits { most: 5, ..ConnectionLimits::default() }).await;
    let mut held = Vec::new();
    for _ in 0..10 {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let half = b"POST /session/begin HTTP/1.1\r\nHost: localhost\r\nOrigin: http://localhost\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 50\r\n\r\nname=";
        stream.write_all(half).await.unwrap();
        held.push(stream);
    }
    let (status, _) = ask(address, &get("/healthz", "")).await.expect("an answer");
    assert_eq!(status, 200);
    let mut said = Vec::new();
    // Closed to make room, and not when the time limit of a body was over: then it would have been told.
    let _ = held[0].read_to_end(&mut said).await;
    assert!(said.is_empty(), "{}", String::from_utf8_lossy(&said));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_ends_whatever_connections_do() {
    let simulator = simulator(Arc::new(SystemClock), 20).await;
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(&simulator, dir.path(), &[("PATCHBOARD__SERVER__STOP_SECONDS", "1")]);
    let address: SocketAddr = server.url.trim_start_matches("http://").parse().unwrap();
    let beginnings: [&[u8]; 5] = [
        b"",
        b"GET /sign-in HTTP/1.1\r\nHost: loc",
        b"POST /session/begin HTTP/1.1\r\nHost: localhost\r\nContent-Length: 50\r\n\r\nname=",
        b"POST /session/begin HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nna",
        b"GET /sign-in HTTP/1.1\r\nHost: localhost\r\n\r\nGET /sign-in HTTP/1.1\r\nHost: localhost\r\n\r\n",
    ];
    let mut held = Vec::new();
    for beginning in beginnings {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(beginning).await.unwrap();
        held.push(stream);
    }
    // All of them were taken: one that came later was answered.
    let mut browser = Browser::new();
    browser.sign_in(&server).await;
    server.signal("TERM");
    assert!(tokio::task::spawn_blocking(move || server.ended()).await.unwrap().success());
    assert_eq!(held.len(), 5);
}
