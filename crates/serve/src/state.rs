//! The state that all requests share, and what it tells of the server.

use std::collections::BTreeMap;
use std::sync::Arc;

use adder_model::ModelConfig;
use serde::Serialize;
use tokio::sync::Semaphore;

use crate::Limits;
use crate::batcher::Batcher;
use crate::body::BodyMemory;
use crate::hosts::Hosts;
use crate::memory::DecodingMemory;
use crate::metrics::Metrics;
use crate::origins::Origins;
use crate::stage::StageView;

/// A description of the network, as `/v1/model` gives it.
#[derive(Clone, Debug, Serialize)]
pub struct ModelInfo {
    /// The network's shape.
    pub config: ModelConfig,
    /// The number of learned numbers.
    pub parameters: usize,
    /// The facts in its weights file about its training.
    pub facts: BTreeMap<String, String>,
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

/// The function that takes each line of the log.
pub(crate) type Log = Arc<dyn Fn(&Access) + Send + Sync>;

/// The state that all requests share.
#[derive(Clone)]
pub(crate) struct AppState {
    pub(crate) batcher: Batcher,
    pub(crate) model: Arc<ModelInfo>,
    pub(crate) limits: Arc<Limits>,
    pub(crate) metrics: Metrics,
    pub(crate) log: Log,
    /// A permit for each request in work.
    pub(crate) permits: Arc<Semaphore>,
    pub(crate) bodies: Arc<BodyMemory>,
    pub(crate) hosts: Arc<Hosts>,
    pub(crate) origins: Arc<Origins>,
    pub(crate) stage: StageView,
    /// A permit for each request whose pictures are being decoded: each takes a core.
    pub(crate) decoders: Arc<Semaphore>,
    pub(crate) memory: Arc<DecodingMemory>,
}
