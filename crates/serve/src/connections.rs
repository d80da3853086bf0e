//! Connections: how many there may be, how long one may say nothing, and how they end.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::Duration;

use axum::Router;
use axum::serve::Listener;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use crate::Limits;
use crate::stage::{Stage, StageView};
use crate::wire::Wire;

/// The longest head of a request, in bytes; beyond: 431, or a little later, where more of it came in one piece.
const LONGEST_HEAD: usize = 64 << 10;
/// The time after a stop in which open connections are told that they end: a client that was just answered may be sending its next
/// request already.
const LAST_REQUESTS: Duration = Duration::from_millis(200);

/// Answers connections until `stop`, and then what has arrived by then.
///
/// `axum::serve` would wait for a request's head for ever: clients that send nothing, or a byte now and then, would hold their
/// connections as long as they like. So would clients that ask and never read the answers: nothing in hyper limits a write.
pub(crate) async fn serve(
    mut listener: TcpListener,
    router: Router,
    limits: &Limits,
    stage: &watch::Sender<Stage>,
    stop: impl Future<Output = ()>,
) {
    let connections = Connections::new(router, limits, stage.subscribe());
    let mut stop = pin!(stop);
    while let Some((place, stream)) = connections.next(&mut listener, &mut stop).await {
        connections.answer(place, stream);
    }
    stage.send_replace(Stage::Closing);
    let mut last_requests = pin!(tokio::time::sleep(LAST_REQUESTS));
    while let Some((place, stream)) = connections.next(&mut listener, &mut last_requests).await {
        connections.answer(place, stream);
    }
    connections.answer_backlog(listener);
    stage.send_replace(Stage::Ended);
    connections.ended().await;
}

/// What all connections share.
struct Connections {
    http: http1::Builder,
    router: Router,
    /// A permit for each connection.
    places: Arc<Semaphore>,
    count: u32,
    unread: Duration,
    stage: StageView,
}

impl Connections {
    fn new(router: Router, limits: &Limits, stage: StageView) -> Self {
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new()).header_read_timeout(limits.head);
        // A client that sends its request and closes its half is owed the answer.
        http.half_close(true).max_buf_size(LONGEST_HEAD);
        let count = limits.connections;
        let places = Arc::new(Semaphore::new(count as usize));
        Self { http, router, places, count, unread: limits.unread, stage }
    }

    /// The next connection, once there is a place for it; `None` at the end.
    async fn next(
        &self,
        listener: &mut TcpListener,
        end: impl Future<Output = ()>,
    ) -> Option<(OwnedSemaphorePermit, TcpStream)> {
        let place_and_connection = async {
            let place = self.places.clone().acquire_owned().await.ok()?;
            // Axum's way of accepting, which waits where the system has no more files instead of giving up.
            Some((place, Listener::accept(listener).await.0))
        };
        tokio::select! {
            next = place_and_connection => next,
            () = end => None,
        }
    }

    /// Answers a connection in a task of its own.
    fn answer(&self, place: OwnedSemaphorePermit, stream: TcpStream) {
        let (in_work, mut stage) = (Arc::new(AtomicBool::new(false)), self.stage.clone());
        let stream = Wire::new(stream, self.unread, self.stage.clone(), in_work.clone());
        let router = TowerToHyperService::new(self.router.clone());
        let service = service_fn(move |request: hyper::Request<Incoming>| {
            in_work.store(true, SeqCst);
            let (answer, in_work) = (router.call(request), in_work.clone());
            async move {
                let answer = answer.await;
                in_work.store(false, SeqCst);
                answer
            }
        });
        let connection = self.http.serve_connection(TokioIo::new(stream), service);
        tokio::spawn(async move {
            let mut connection = pin!(connection);
            // A connection that a client or a limit breaks off is no failure of the server.
            let is_closed = tokio::select! {
                _ = connection.as_mut() => true,
                _ = stage.wait_for(|stage| *stage == Stage::Ended) => false,
            };
            if !is_closed {
                // Polled anew, the stream sees that it is over.
                let _ = connection.await;
            }
            drop(place);
        });
    }

    /// Answers the connections that the system has accepted already, as far as there are places: where a listener is closed, they
    /// are reset.
    fn answer_backlog(&self, listener: TcpListener) {
        let Ok(listener) = listener.into_std() else { return };
        while let Ok(place) = self.places.clone().try_acquire_owned() {
            let Ok((stream, _)) = listener.accept() else { break };
            let stream = stream.set_nonblocking(true).and_then(|()| TcpStream::from_std(stream));
            if let Ok(stream) = stream {
                self.answer(place, stream);
            }
        }
    }

    /// Waits until every connection is closed.
    async fn ended(&self) {
        // The semaphore is never closed.
        let _ = self.places.acquire_many(self.count).await;
    }
}
