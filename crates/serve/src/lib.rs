//! The identity-adder over HTTP: an API for programs, and a page to draw a digit on.
//!
//! ```no_run
//! use adder_model::Predictor;
//! use adder_serve::{Limits, ModelInfo, Server, ShutdownHandle};
//! use candle_core::Device;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let (model, facts) = adder_model::weights::load("weights.safetensors".as_ref(), &Device::Cpu)?;
//! let parameters = model.parameters().iter().map(|parameter| parameter.var.elem_count()).sum();
//! let info = ModelInfo { config: model.config().clone(), parameters, facts };
//! let log = |access: &adder_serve::Access| println!("{} {}: {}", access.method, access.path, access.status);
//! let server = Server::new(Predictor::new(&model)?, info, Limits::default(), log);
//! // Another thread may end it by `shutdown.clone().shutdown()`.
//! let shutdown = ShutdownHandle::default();
//! server.run(std::net::TcpListener::bind("127.0.0.1:8080")?, 2, &shutdown)?;
//! # Ok(())
//! # }
//! ```
//!
//! Then `curl --data-binary @digit.png -H 'content-type: image/png' 'http://127.0.0.1:8080/v1/predict?addend=7'` answers, and a
//! browser shows the page at `/`. `/openapi.json` describes the API, `/metrics` counts for Prometheus.
//!
//! # The main idea
//!
//! Requests are read and pictures are decoded on a few threads; one thread computes. It takes what waits as one batch and never
//! waits for more, so an idle server answers at once and a busy one finds the next batch waiting.
//!
//! # Limits
//!
//! [`Limits`] bound what a stranger may ask for: bytes, images, requests, connections, time and memory. On an address of this
//! machine alone the server answers to this machine's names alone ([`Server::allow_hosts`] adds some), and no page of another origin
//! reads its answers unless [`Server::allow_origins`] names it. The server keeps nothing and writes nothing; it has no TLS and no accounts, which are a reverse proxy's business. It speaks HTTP/1.1.
#![forbid(unsafe_code)]

mod base64;
mod batcher;
mod body;
mod connections;
mod error;
mod guard;
mod hosts;
mod json;
mod limits;
mod memory;
mod metrics;
mod origins;
mod page;
mod reply;
mod request;
mod routes;
mod server;
mod stage;
mod state;
mod wire;

pub use hosts::{HostName, HostNameError};
pub use limits::Limits;
pub use origins::{Origin, OriginError};
pub use server::{Server, ShutdownHandle};
pub use state::{Access, ModelInfo};
