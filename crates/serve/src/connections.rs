//! Connections: how many there may be, how long one may say nothing, and how they end.

use std::pin::pin;
use std::sync::Arc;

use axum::Router;
use axum::serve::Listener;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_io_timeout::TimeoutStream;

use crate::Limits;

/// Answers connections until `stop`, and then finishes the requests that have begun.
///
/// `axum::serve` would wait for a request's head for ever: clients that send nothing, or a byte now and then, would hold their
/// connections as long as they like. So would clients that ask and never read the answers: nothing in hyper limits a write.
pub(crate) async fn serve(
    mut listener: TcpListener,
    router: Router,
    limits: &Limits,
    stop: impl Future<Output = ()>,
) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(limits.head);
    let (places, open) = (Arc::new(Semaphore::new(limits.connections)), GracefulShutdown::new());
    let mut stop = pin!(stop);
    loop {
        let place_and_connection = async {
            let place = places.clone().acquire_owned().await;
            // Axum's way of accepting, which waits where the system has no more files instead of giving up.
            (place, Listener::accept(&mut listener).await.0)
        };
        let (place, stream) = tokio::select! {
            next = place_and_connection => next,
            () = &mut stop => break,
        };
        let service = TowerToHyperService::new(router.clone());
        let mut stream = Box::pin(TimeoutStream::new(stream));
        stream.as_mut().set_write_timeout_pinned(Some(limits.unread));
        let connection = open.watch(http.serve_connection(TokioIo::new(stream), service));
        tokio::spawn(async move {
            // A connection that a client or the limit breaks off is no failure of the server.
            let _ = connection.await;
            drop(place);
        });
    }
    drop(listener);
    open.shutdown().await;
}
