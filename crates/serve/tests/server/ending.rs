//! The end under load: nothing that arrived is lost.

use std::io::Write;
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use adder_serve::Limits;
use serde_json::json;

use crate::client::{Running, json_request, pixels};

#[test]
fn stopping_under_load_loses_nothing_that_was_accepted() {
    let server = Running::start(Limits::default());
    let (stopped, answered) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let request = json_request(&json!({ "pixels": pixels(1), "addend": 1 }));
                // An answer that begins must end: only a connection that was not accepted or was idle may be closed.
                while let Ok(mut socket) = TcpStream::connect(server.addr) {
                    if socket.write_all(&request).is_err() {
                        break;
                    }
                    match crate::client::try_read_reply(&mut socket) {
                        Some(reply) => assert_eq!(reply.status, 200),
                        None => {
                            assert!(stopped.load(Ordering::SeqCst), "lost before the end");
                            break;
                        }
                    }
                    answered.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        // One request that is accepted, and whose body is half there when the end comes.
        let mut half = server.connect();
        let whole = json_request(&json!({ "pixels": pixels(2), "addend": 2 }));
        half.write_all(&whole[..whole.len() / 2]).unwrap();
        while answered.load(Ordering::SeqCst) < 50 {
            std::thread::yield_now();
        }
        stopped.store(true, Ordering::SeqCst);
        server.stop.shutdown();
        half.write_all(&whole[whole.len() / 2..]).unwrap();
        assert_eq!(crate::client::read_reply(&mut half).status, 200);
    });
}

/// Whoever sends a request before the end, on a new connection or on an old one, gets its answer; an idle connection delays nobody.
#[test]
fn forty_clients_at_the_end_all_get_their_answers() {
    let server = Running::start(Limits::default());
    let request = json_request(&json!({ "pixels": pixels(1), "addend": 1 }));
    let idle = server.connect();
    let mut old: Vec<TcpStream> = (0..20).map(|_| server.connect()).collect();
    for socket in &mut old {
        socket.write_all(&request).unwrap();
        assert_eq!(crate::client::read_reply(socket).status, 200);
    }
    let new = (0..20).map(|_| server.connect());
    let mut sockets: Vec<TcpStream> = old.into_iter().chain(new).collect();
    for socket in &mut sockets {
        socket.write_all(&request).unwrap();
    }
    let begin = std::time::Instant::now();
    server.stop.shutdown();
    for socket in &mut sockets {
        assert_eq!(crate::client::read_reply(socket).status, 200);
    }
    drop(server);
    assert!(begin.elapsed().as_secs() < 5, "the idle connection holds the server");
    drop(idle);
}

/// Clients that ask again and again see by `connection: close` that an answer is the last one, and lose none.
#[test]
fn the_last_answer_says_that_it_is_the_last() {
    let server = Running::start(Limits::default());
    let answered = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        let clients: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(|| {
                    let mut socket = server.connect();
                    loop {
                        socket
                            .write_all(&json_request(&json!({ "pixels": pixels(1), "addend": 1 })))
                            .unwrap();
                        let reply =
                            crate::client::try_read_reply(&mut socket).expect("an answer to every request");
                        assert_eq!(reply.status, 200);
                        answered.fetch_add(1, Ordering::SeqCst);
                        if reply.header("connection") == "close" {
                            break;
                        }
                    }
                })
            })
            .collect();
        while answered.load(Ordering::SeqCst) < 50 {
            std::thread::yield_now();
        }
        server.stop.shutdown();
        for client in clients {
            client.join().unwrap();
        }
    });
}
