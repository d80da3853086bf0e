//! Requests that wait at the same time, answered as one batch.

use std::thread::JoinHandle;

use adder_model::{ADDENDS, Addends, Answer, Prediction, Predictor};
use tokio::sync::{mpsc, oneshot};

use crate::metrics::Metrics;
use crate::problem::Problem;

/// Images that one pass answers at most, so that those that come later do not wait for long.
const BATCH: usize = 64;
/// Requests that may wait for the next pass; the limit on requests in flight is what bounds them.
const QUEUE: usize = 1024;

/// The answers for one image, addend 0 first.
pub(crate) type Answers = Vec<Answer>;

struct Job {
    images: Vec<f32>,
    reply: oneshot::Sender<Result<Vec<Answers>, Problem>>,
}

/// A handle to the thread that computes. Once every handle is gone, it finishes what waits and ends.
#[derive(Clone)]
pub(crate) struct Batcher(mpsc::Sender<Job>);

impl Batcher {
    /// Starts the thread.
    pub(crate) fn start(predictor: Predictor, metrics: Metrics) -> std::io::Result<(Self, JoinHandle<()>)> {
        let (sender, jobs) = mpsc::channel(QUEUE);
        let thread = std::thread::Builder::new().name("predict".into());
        Ok((Self(sender), thread.spawn(move || work(jobs, &predictor, &metrics))?))
    }

    /// The answers for `images`, normalised, `[count * 784]`, for all ten addends.
    pub(crate) async fn predict(&self, images: Vec<f32>) -> Result<Vec<Answers>, Problem> {
        let stopped = || Problem::Internal("the predictor has stopped".into());
        let (reply, answer) = oneshot::channel();
        self.0.send(Job { images, reply }).await.map_err(|_| stopped())?;
        answer.await.map_err(|_| stopped())?
    }
}

/// Takes what waits, never longer than it takes to see that nothing else does: an idle server answers at once, and a busy
/// one finds the next batch waiting when it is done with the last.
fn work(mut jobs: mpsc::Receiver<Job>, predictor: &Predictor, metrics: &Metrics) {
    let mut prediction = Prediction { digit: Vec::new(), sum: Vec::new() };
    while let Some(first) = jobs.blocking_recv() {
        let mut images = first.images;
        let mut replies = vec![(images.len() / adder_data::PIXELS, first.reply)];
        while images.len() < BATCH * adder_data::PIXELS {
            let Ok(job) = jobs.try_recv() else { break };
            replies.push((job.images.len() / adder_data::PIXELS, job.reply));
            images.extend(job.images);
        }
        metrics.batch(images.len() / adder_data::PIXELS);
        let outcome = predictor.predict_into(&images, Addends::All, &mut prediction);
        let mut answers = prediction.answers();
        for (count, reply) in replies {
            let own: Vec<Answers> = (0..count).map(|_| answers.by_ref().take(ADDENDS).collect()).collect();
            let own = match &outcome {
                Ok(()) => Ok(own),
                Err(error) => Err(Problem::Internal(error.to_string())),
            };
            // Who asked may have gone.
            let _ = reply.send(own);
        }
    }
}
