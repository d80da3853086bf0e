//! The measurement: pictures of many kinds, answered on all processors.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use adder_model::Predictor;
use adder_photo::Picture;
use adder_photo::cases::{Case, Expected};
use image::RgbaImage;

use crate::answer::Answer;
use crate::sheet::{Sheet, Shown};
use crate::tally::Total;

/// A picture to answer.
pub(crate) struct Subject {
    pub(crate) picture: Picture,
    pub(crate) expected: Expected,
    /// How a sheet shows it.
    pub(crate) shown: RgbaImage,
}

impl Subject {
    pub(crate) fn made(case: Case) -> Option<Self> {
        let (width, height) = case.picture.dimensions();
        let picture = Picture::from_rgba(width, height, case.picture.clone().into_raw())?;
        Some(Self { picture, expected: case.expected, shown: case.picture })
    }
}

/// The pictures of one kind.
pub(crate) struct Job<'a> {
    pub(crate) name: String,
    pub(crate) count: u64,
    /// The picture of an index; `None` where it cannot be read.
    pub(crate) make: Box<dyn Fn(u64) -> Option<Subject> + Sync + 'a>,
}

/// Answers all pictures, the kinds on as many threads as there are processors.
pub(crate) fn measure(jobs: Vec<Job<'_>>) -> Vec<(String, Total)> {
    let predictor = Predictor::pretrained().unwrap();
    let (next, totals) = (AtomicUsize::new(0), Mutex::new(vec![Total::default(); jobs.len()]));
    let work = || {
        while let at = next.fetch_add(1, Ordering::Relaxed)
            && let Some(job) = jobs.get(at)
        {
            let total = answer_all(&predictor, job);
            totals.lock().unwrap()[at] = total;
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(work);
        }
    });
    let totals = totals.into_inner().unwrap();
    jobs.into_iter().map(|job| job.name).zip(totals).collect()
}

fn answer_all(predictor: &Predictor, job: &Job<'_>) -> Total {
    let mut total = Total::default();
    let mut sheet = Sheet::wanted();
    for index in 0..job.count {
        let subject = (job.make)(index).unwrap_or_else(|| panic!("picture {index} of {}", job.name));
        let (answer, seen) = Answer::of(predictor, &subject.picture, (index % 10) as u8);
        let judgment = answer.judge(&subject.expected);
        total.add(&subject.expected, judgment);
        if let Expected::Several(digits) = &subject.expected {
            total.add_each(Answer::reads_each(predictor, &subject.picture, digits));
        }
        if let Some(sheet) = &mut sheet {
            sheet.add(&Shown { name: format!("{} {index}", job.name), subject, answer, seen, judgment });
        }
    }
    if let Some(sheet) = sheet {
        sheet.write(&job.name);
    }
    total
}
