//! Dynamic batching: requests that wait at the same time are answered as one batch.

use std::thread::JoinHandle;

use adder_model::{Addends, AllPredictions, Logits, Predictor, ShadedMaps};
use tokio::sync::{mpsc, oneshot};

use crate::error::ApiError;
use crate::metrics::Metrics;

/// Images that one pass answers at most, so that those that come later do not wait for long.
const BATCH: usize = 64;
/// Requests that may wait for the next pass; the limit on requests in flight is what bounds them.
const QUEUE: usize = 1024;

/// The output of the network for one image.
pub(crate) struct ImageOutput {
    pub(crate) answers: AllPredictions,
    pub(crate) feature_maps: Option<Vec<ShadedMaps>>,
}

/// One image of a request.
pub(crate) struct BatchItem {
    /// Normalized, `[784]`.
    pub(crate) pixels: Vec<f32>,
    /// `true` if the feature maps of each block are asked for.
    pub(crate) feature_maps: bool,
}

struct Job {
    images: Vec<BatchItem>,
    reply: oneshot::Sender<Result<Vec<ImageOutput>, ApiError>>,
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

    /// The answers for images, for all ten addends.
    pub(crate) async fn predict(&self, images: Vec<BatchItem>) -> Result<Vec<ImageOutput>, ApiError> {
        let stopped = || ApiError::Internal("the predictor has stopped".into());
        let (reply, answer) = oneshot::channel();
        self.0.send(Job { images, reply }).await.map_err(|_| stopped())?;
        answer.await.map_err(|_| stopped())?
    }
}

/// Takes what waits, never longer than it takes to see that nothing else does: an idle server answers at once, and a busy
/// one finds the next batch waiting when it is done with the last.
fn work(mut jobs: mpsc::Receiver<Job>, predictor: &Predictor, metrics: &Metrics) {
    let (mut pixels, mut prediction) = (Vec::new(), Logits { digit: Vec::new(), sum: Vec::new() });
    while let Some(first) = jobs.blocking_recv() {
        let mut count = first.images.len();
        let mut batch = vec![first];
        while count < BATCH {
            let Ok(job) = jobs.try_recv() else { break };
            count += job.images.len();
            batch.push(job);
        }
        metrics.batch(count);
        pixels.clear();
        pixels.extend(batch.iter().flat_map(|job| &job.images).flat_map(|image| &image.pixels));
        let outcome = predictor.predict_into(&pixels, Addends::All, &mut prediction);
        let mut answers = prediction.by_image();
        for Job { images, reply } in batch {
            let outputs = match &outcome {
                Ok(()) => images.iter().zip(answers.by_ref()).map(|pair| output(predictor, pair)).collect(),
                Err(error) => Err(ApiError::Internal(error.to_string())),
            };
            // Who asked may have gone.
            let _ = reply.send(outputs);
        }
    }
}

fn output(
    predictor: &Predictor,
    (image, answers): (&BatchItem, AllPredictions),
) -> Result<ImageOutput, ApiError> {
    let shaded = || -> adder_model::Result<Vec<ShadedMaps>> {
        Ok(predictor.feature_maps(&image.pixels)?.iter().map(ShadedMaps::from).collect())
    };
    let feature_maps = image.feature_maps.then(shaded).transpose();
    let feature_maps = feature_maps.map_err(|error| ApiError::Internal(error.to_string()))?;
    Ok(ImageOutput { answers, feature_maps })
}
