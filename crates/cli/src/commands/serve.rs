//! `adder serve`: the network over HTTP.

use std::net::TcpListener;
use std::time::SystemTime;

use adder_model::Predictor;
use adder_serve::{Access, Limits, ModelInfo, Server, ShutdownHandle};
use adder_train::clock::timestamp;
use anyhow::{Context as _, Result};
use serde::Serialize;

use crate::args::ServeArgs;
use crate::context::Context;
use crate::loaded_model::LoadedModel;
use crate::output::{say, say_json, shown};
use crate::signals;

pub(crate) fn run(args: &ServeArgs, context: &Context) -> Result<()> {
    let loaded = LoadedModel::open(args.weights.as_deref(), args.checkpoint, context)?;
    let listen = || TcpListener::bind(&args.addr.resolve()?[..]);
    let listener = listen().with_context(|| format!("--addr {}", args.addr))?;
    let description = ModelInfo {
        config: loaded.model.config().clone(),
        parameters: loaded.model.parameters().iter().map(|parameter| parameter.var.elem_count()).sum(),
        facts: loaded.facts.clone(),
    };
    let stop = ShutdownHandle::default();
    let stopping = stop.clone();
    signals::watch(|| false, move || stopping.shutdown())?;
    if !context.quiet {
        say(format_args!("weights: {}", shown(&loaded.path)));
        say(format_args!("listening on http://{}/ (Ctrl-C stops)", listener.local_addr()?));
    }
    let log = if args.log { log } else { |_: &Access| () };
    let server = Server::new(Predictor::new(&loaded.model)?, description, limits(args), log)
        .allow_hosts(args.allow_host.iter().cloned())
        .allow_origins(args.allow_origin.iter().cloned());
    server.run(listener, context.threads, &stop).context("cannot serve")
}

fn limits(args: &ServeArgs) -> Limits {
    let usual = Limits::default();
    Limits {
        body: args.max_body,
        // At least two of the longest at once.
        bodies: usual.bodies.max(2 * args.max_body),
        pixels: args.max_pixels,
        connections: args.max_connections,
        ..usual
    }
}

/// A line of the log.
#[derive(Serialize)]
struct Line<'a> {
    /// The time of the answer, in UTC.
    time: String,
    #[serde(flatten)]
    access: &'a Access,
}

/// One line of JSON for each request.
fn log(access: &Access) {
    say_json(&Line { time: timestamp(SystemTime::now()), access });
}
