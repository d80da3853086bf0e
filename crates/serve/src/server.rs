//! A server from its start to its end.

use std::sync::Arc;
use std::time::Duration;

use adder_model::{ModelConfig, Predictor};
use serde::Serialize;
use tokio::sync::{Notify, Semaphore};

use crate::batcher::Batcher;
use crate::metrics::Metrics;
use crate::{Limits, connections, routes};

/// What `/v1/model` says of the network.
#[derive(Clone, Debug, Serialize)]
pub struct Description {
    /// The network's shape.
    pub config: ModelConfig,
    /// How many numbers it has learned.
    pub parameters: usize,
    /// What its weights file says of its training.
    pub facts: std::collections::BTreeMap<String, String>,
}

/// A line of the log: a request that was answered.
#[derive(Clone, Debug, Serialize)]
pub struct Access {
    /// `GET` or `POST`.
    pub method: String,
    /// The path, without the query.
    pub path: String,
    /// The status.
    pub status: u16,
    /// Milliseconds from the request's head to its answer.
    pub milliseconds: f64,
}

/// Tells a server to stop; clones tell the same one.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<Notify>);

impl Stop {
    /// No more connections; what was accepted is finished.
    pub fn now(&self) {
        self.0.notify_one();
    }
}

/// What is done with each line of the log.
pub(crate) type Log = Arc<dyn Fn(&Access) + Send + Sync>;

/// A network that answers over HTTP.
pub struct Server {
    predictor: Predictor,
    description: Description,
    limits: Limits,
    log: Log,
}

/// What every request sees.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) batcher: Batcher,
    pub(crate) description: Arc<Description>,
    pub(crate) limits: Arc<Limits>,
    pub(crate) metrics: Metrics,
    pub(crate) log: Log,
    /// A place for each request in work.
    pub(crate) places: Arc<Semaphore>,
    /// A place for each picture that is decoded: each takes a core and up to the limit in memory.
    pub(crate) decoders: Arc<Semaphore>,
}

impl Server {
    /// A server that is not running yet; `log` is called for every request.
    pub fn new(
        predictor: Predictor,
        description: Description,
        limits: Limits,
        log: impl Fn(&Access) + Send + Sync + 'static,
    ) -> Self {
        Self { predictor, description, limits, log: Arc::new(log) }
    }

    /// Answers on `listener` with so many threads until `stop`, and then finishes what it accepted; what is not finished
    /// a second after the limit of a request's time is given up.
    ///
    /// # Errors
    /// Where the listener or a thread cannot be used.
    pub fn run(self, listener: std::net::TcpListener, threads: usize, stop: &Stop) -> std::io::Result<()> {
        listener.set_nonblocking(true)?;
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build()?;
        let metrics = Metrics::default();
        let (batcher, worker) = Batcher::start(self.predictor, metrics.clone())?;
        let limits = Arc::new(self.limits);
        let grace = limits.time + Duration::from_secs(1);
        let shared = Shared {
            batcher,
            description: Arc::new(self.description),
            places: Arc::new(Semaphore::new(limits.in_flight)),
            decoders: Arc::new(Semaphore::new(threads)),
            limits: limits.clone(),
            metrics,
            log: self.log,
        };
        let outcome = runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener)?;
            let (stopping, overdue) = (Arc::new(Notify::new()), stop.clone());
            let begun = stopping.clone();
            let signal = async move {
                overdue.0.notified().await;
                begun.notify_one();
            };
            tokio::select! {
                () = connections::serve(listener, routes::router(shared), &limits, signal) => {},
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
