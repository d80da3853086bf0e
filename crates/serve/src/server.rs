//! The server from its start to its end.

use std::sync::{Arc, RwLock};
use std::time::Duration;

use adder_model::Predictor;
use tokio::sync::{Notify, Semaphore};

use crate::batcher::Batcher;
use crate::memory::DecodingMemory;
use crate::metrics::Metrics;
use crate::state::{Access, AppState, Log, ModelInfo};
use crate::{Limits, connections, routes};

/// A handle that tells a server to stop; clones tell the same one.
#[derive(Clone, Debug, Default)]
pub struct ShutdownHandle(Arc<Notify>);

impl ShutdownHandle {
    /// Takes no more connections; what was accepted is finished.
    pub fn shutdown(&self) {
        self.0.notify_one();
    }
}

/// A network that answers over HTTP.
pub struct Server {
    predictor: Predictor,
    model: ModelInfo,
    limits: Limits,
    log: Log,
}

impl Server {
    /// A server that is not running yet; `log` is called for every request.
    pub fn new(
        predictor: Predictor,
        model: ModelInfo,
        limits: Limits,
        log: impl Fn(&Access) + Send + Sync + 'static,
    ) -> Self {
        Self { predictor, model, limits, log: Arc::new(log) }
    }

    /// Answers on `listener` with so many threads until `shutdown` is told, and then finishes what it accepted; what is not finished
    /// a second after the limit of a request's time is given up.
    ///
    /// # Errors
    /// An error of the system if the listener or a thread cannot be used.
    pub fn run(
        self,
        listener: std::net::TcpListener,
        threads: usize,
        shutdown: &ShutdownHandle,
    ) -> std::io::Result<()> {
        listener.set_nonblocking(true)?;
        // The workers and one that decodes.
        ask_for_threads(threads + 1)?;
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build()?;
        let metrics = Metrics::default();
        let (batcher, worker) = Batcher::start(self.predictor, metrics.clone())?;
        let limits = Arc::new(self.limits);
        let grace = limits.time + Duration::from_secs(1);
        let state = AppState {
            batcher,
            model: Arc::new(self.model),
            permits: Arc::new(Semaphore::new(limits.in_flight)),
            large_bodies: Arc::new(Semaphore::new(limits.large_bodies)),
            decoders: Arc::new(Semaphore::new(threads)),
            memory: Arc::new(DecodingMemory::new(limits.decoding)),
            limits: limits.clone(),
            metrics,
            log: self.log,
        };
        let outcome = runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener)?;
            let (stopping, overdue) = (Arc::new(Notify::new()), shutdown.clone());
            let begun = stopping.clone();
            let signal = async move {
                overdue.0.notified().await;
                begun.notify_one();
            };
            tokio::select! {
                () = connections::serve(listener, routes::router(state), &limits, signal) => {},
                () = async { stopping.notified().await; tokio::time::sleep(grace).await } => {},
            }
            Ok(())
        });
        drop(runtime);
        // The last handle to the batcher went with the router.
        if worker.join().is_err() {
            return Err(std::io::Error::other("the predicting thread panicked"));
        }
        outcome
    }
}

/// Starts so many threads and ends them. tokio's runtime panics, and waits for itself for ever, where the system refuses one.
///
/// # Errors
/// The system's, where it refuses one.
fn ask_for_threads(count: usize) -> std::io::Result<()> {
    // None ends before the last has started.
    let gate = RwLock::new(());
    std::thread::scope(|scope| {
        let _closed = gate.write();
        for _ in 0..count {
            std::thread::Builder::new().spawn_scoped(scope, || drop(gate.read()))?;
        }
        Ok(())
    })
}
