//! `adder train --tui`: a run on the whole terminal.

mod keys;
mod state;
#[cfg(test)]
mod tests;
mod view;

use std::io::{IsTerminal, stdin};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use adder_data::{Labeled, normalize, pairing};
use adder_experiment::{RunObserver, TeacherNumber};
use adder_model::{Addends, Predictor, weights};
use adder_train::events::EpochEvent;
use adder_train::{
    CheckpointName, EvaluationSplit, Observer, Progress, Report, RunDirectory, RunPlan, StopFlag,
};
use anyhow::Result;
use candle_core::Device;
use indicatif::ProgressDrawTarget;
use ratatui::Terminal;
use ratatui::backend::{Backend, CrosstermBackend};

use crate::context::Context;
use crate::screen::{self, Lenient};
use state::{DashboardState, Mistake};

/// Between two pictures of a running training.
const REDRAW: Duration = Duration::from_millis(100);
/// Validation images that are asked for mistakes after each epoch: a moment's work.
const ASKED: usize = 1000;
/// More mistakes do not fit.
const MOST_MISTAKES: usize = 16;

/// The dashboard on the terminal. Dropped, it gives the terminal back.
pub(crate) struct Dashboard<B: Backend = CrosstermBackend<Lenient>> {
    terminal: Terminal<B>,
    /// Set for a real terminal.
    _restore: Option<RestoreOnDrop>,
    stop: StopFlag,
    /// The keys that pause and go on.
    pauses: Receiver<()>,
    /// The teacher whose training starts next.
    teacher: Option<TeacherNumber>,
    state: Option<DashboardState>,
    drawn: Instant,
    validation: Validation,
}

/// The images that mistakes are looked for in.
struct Validation {
    data: Arc<Labeled>,
    indices: Vec<u32>,
    seed: u64,
}

impl Dashboard {
    /// Takes the terminal, where there is one.
    pub(crate) fn open(run: &RunDirectory, context: &Context, stop: &StopFlag) -> Result<Option<Self>> {
        if context.quiet || ProgressDrawTarget::stdout().is_hidden() || !stdin().is_terminal() {
            return Ok(None);
        }
        let config = run.config()?;
        let data = context.load(&config.data)?.train;
        let mut indices = run.split()?.validation().to_vec();
        indices.truncate(ASKED);
        let validation = Validation { data, indices, seed: config.seed };
        let restore = Some(RestoreOnDrop);
        let terminal = screen::take()?;
        let pauses = keys::listen(stop.clone())?;
        Ok(Some(Self::new(terminal, restore, (stop.clone(), pauses), validation)))
    }
}

impl<B: Backend> Dashboard<B> {
    fn new(
        terminal: Terminal<B>,
        restore: Option<RestoreOnDrop>,
        (stop, pauses): (StopFlag, Receiver<()>),
        validation: Validation,
    ) -> Self {
        let drawn = Instant::now();
        Self { terminal, _restore: restore, stop, pauses, teacher: None, state: None, drawn, validation }
    }

    /// Obeys the keys pressed since the last time, and waits while the run is paused.
    fn obey(&mut self) {
        let Some(state) = &mut self.state else { return };
        while !self.stop.is_requested() {
            let wait = if state.paused { REDRAW } else { Duration::ZERO };
            match self.pauses.recv_timeout(wait) {
                Ok(()) => state.pause(!state.paused),
                Err(RecvTimeoutError::Timeout) if state.paused => {}
                Err(_) => return,
            }
            // A terminal that cannot be drawn on does not stop the training.
            let _ = self.terminal.draw(|frame| view::draw(frame, state));
        }
        state.pause(false);
        state.doing = "saving";
    }

    fn redraw(&mut self) {
        if let Some(state) = &self.state {
            let _ = self.terminal.draw(|frame| view::draw(frame, state));
            self.drawn = Instant::now();
        }
    }
}

impl Validation {
    /// The mistakes of the network in a checkpoint.
    fn mistakes(&self, folder: &Path) -> Result<Vec<Mistake>> {
        let (model, _) = weights::load(&folder.join("model.safetensors"), &Device::Cpu)?;
        let addends: Vec<u8> =
            self.indices.iter().map(|&index| pairing::evaluation_addend(self.seed, index)).collect();
        let pixels = self.indices.iter().flat_map(|&index| self.data.image(index));
        let pixels: Vec<f32> = pixels.map(|&byte| normalize(f32::from(byte))).collect();
        let said = Predictor::new(&model)?.predict_batch(&pixels, Addends::Each(&addends))?;
        let mut mistakes = Vec::new();
        for ((&index, &addend), answer) in self.indices.iter().zip(&addends).zip(said.predictions()) {
            let digit = self.data.label(index);
            if (answer.digit, answer.sum) != (digit, digit + addend) {
                let asked = format!("{digit} + {addend} = {}", digit + addend);
                let answered = format!("{}, {}", answer.digit, answer.sum);
                mistakes.push(Mistake { pixels: *self.data.image(index), asked, answered });
            }
            if mistakes.len() == MOST_MISTAKES {
                break;
            }
        }
        Ok(mistakes)
    }
}

impl<B: Backend> Observer for Dashboard<B> {
    fn on_start(&mut self, plan: &RunPlan<'_>) {
        self.state = Some(DashboardState::new(plan, self.teacher.take()));
        self.redraw();
    }

    fn on_step(&mut self, progress: &Progress<'_>) {
        if let Some(state) = &mut self.state {
            state.step(progress);
        }
        self.obey();
        if self.drawn.elapsed() >= REDRAW {
            self.redraw();
        }
    }

    fn on_evaluation(&mut self, split: EvaluationSplit, _images: usize) {
        if let Some(state) = &mut self.state {
            state.doing = match split {
                EvaluationSplit::Validation => "validating",
                EvaluationSplit::Evaluation => "evaluating",
            };
        }
        self.redraw();
    }

    fn on_epoch(&mut self, event: &EpochEvent, best: bool) {
        if let Some(state) = &mut self.state {
            state.epoch(event, best);
        }
    }

    fn on_checkpoint(&mut self, name: CheckpointName, folder: &Path) {
        // A picture is missing where this fails; the training is not worth less.
        if let (CheckpointName::Last, Some(state), Ok(mistakes)) =
            (name, &mut self.state, self.validation.mistakes(folder))
        {
            state.mistakes = mistakes;
        }
        self.redraw();
    }

    fn on_finish(&mut self, _report: &Report) {
        self.redraw();
    }
}

impl<B: Backend> RunObserver for Dashboard<B> {
    fn teacher(&mut self, teacher: TeacherNumber) -> Box<dyn Observer + '_> {
        self.teacher = Some(teacher);
        Box::new(self)
    }
}

/// Gives the terminal back.
struct RestoreOnDrop;

impl Drop for RestoreOnDrop {
    fn drop(&mut self) {
        screen::give_back();
    }
}
