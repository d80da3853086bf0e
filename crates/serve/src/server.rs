//! The server from its start to its end.

use std::sync::{Arc, RwLock};
use std::time::Duration;

use adder_model::Predictor;
use tokio::sync::{Notify, Semaphore, watch};

use crate::batcher::Batcher;
use crate::body::BodyMemory;
use crate::hosts::{HostName, Hosts};
use crate::memory::DecodingMemory;
use crate::metrics::Metrics;
use crate::origins::{Origin, Origins};
use crate::stage::Stage;
use crate::state::{Access, AppState, Log, ModelInfo};
use crate::{Limits, connections, routes};

/// A handle that tells a server to stop; clones tell the same one.
#[derive(Clone, Debug, Default)]
pub struct ShutdownHandle(Arc<Notify>);

impl ShutdownHandle {
    /// Answers what arrives within a fifth of a second as the last of its connection, finishes what has begun, and ends.
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
    hosts: Vec<HostName>,
    origins: Vec<Origin>,
}

impl Server {
    /// A server that is not running yet; `log` is called for every request.
    pub fn new(
        predictor: Predictor,
        model: ModelInfo,
        limits: Limits,
        log: impl Fn(&Access) + Send + Sync + 'static,
    ) -> Self {
        Self { predictor, model, limits, log: Arc::new(log), hosts: Vec::new(), origins: Vec::new() }
    }

    /// Adds names that the server takes as `Host`: those under which a reverse proxy asks. Without any, a server on an address that
    /// this machine alone reaches takes `localhost`, `127.0.0.1`, `[::1]` and that address, with its port, and another one takes any.
    #[must_use]
    pub fn allow_hosts(mut self, names: impl IntoIterator<Item = HostName>) -> Self {
        self.hosts.extend(names);
        self
    }

    /// Adds origins whose pages may read the answers (CORS).
    #[must_use]
    pub fn allow_origins(mut self, origins: impl IntoIterator<Item = Origin>) -> Self {
        self.origins.extend(origins);
        self
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
        // Threads that decode are as many as work at once, and stay: each keeps what its pictures took, and one that ends leaves that
        // to nobody. With more of them, which take turns, resident memory grows with the hours.
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(threads)
            .max_blocking_threads(threads)
            .thread_keep_alive(Duration::from_secs(24 * 60 * 60))
            .enable_all()
            .build()?;
        let metrics = Metrics::default();
        let bound = listener.local_addr()?;
        let (batcher, worker) = Batcher::start(self.predictor, metrics.clone())?;
        let limits = Arc::new(self.limits);
        let stage = watch::Sender::new(Stage::Open);
        let grace = limits.time + Duration::from_secs(1);
        let state = AppState {
            batcher,
            model: Arc::new(self.model),
            permits: Arc::new(Semaphore::new(limits.in_flight)),
            bodies: Arc::new(BodyMemory::new(limits.bodies)),
            hosts: Arc::new(Hosts::new(bound, self.hosts)),
            origins: Arc::new(Origins(self.origins)),
            stage: stage.subscribe(),
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
                () = connections::serve(listener, routes::router(state), &limits, &stage, signal) => {},
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
