//! `adder serve`: the network over HTTP.

use std::net::TcpListener;

use adder_model::Predictor;
use adder_serve::{Access, Description, Limits, Server, Stop};
use anyhow::{Context as _, Result};

use crate::Context;
use crate::args::ServeArgs;
use crate::subject::Subject;

pub(crate) fn run(args: &ServeArgs, context: &Context) -> Result<()> {
    let subject = Subject::open(args.weights.as_deref(), args.checkpoint, &context.device, context.backend)?;
    let listener = TcpListener::bind(args.addr).with_context(|| format!("--addr {}", args.addr))?;
    let description = Description {
        config: subject.model.config().clone(),
        parameters: subject.model.parameters().iter().map(|parameter| parameter.var.elem_count()).sum(),
        facts: subject.facts.clone(),
    };
    let stop = Stop::default();
    let stopping = stop.clone();
    ctrlc::set_handler(move || stopping.now())?;
    if !context.quiet {
        eprintln!("weights: {}", subject.path.display());
        eprintln!("listening on http://{}/ (Ctrl-C stops)", listener.local_addr()?);
    }
    let log = if args.log { log } else { |_: &Access| () };
    let server = Server::new(Predictor::new(&subject.model)?, description, Limits::default(), log);
    Ok(server.run(listener, context.threads, &stop)?)
}

/// One line of JSON for each request.
fn log(access: &Access) {
    if let Ok(line) = serde_json::to_string(access) {
        eprintln!("{line}");
    }
}
