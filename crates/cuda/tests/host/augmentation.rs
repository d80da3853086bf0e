//! Augmentation against the loader's: the same bits.

use adder_cuda::augment::Change;
use adder_cuda::{Engine, Plan, Settings, Step, Targets};
use adder_data::augment::{Augmentation, Interpolation, Transform};
use adder_network::ModelConfig;
use adder_random::{Purpose, Stream};

use crate::device::HostDevice;

/// The change as the loader computes its map back.
fn change(transform: &Transform) -> Change {
    let (sine, cosine) = f64::from(transform.rotation_degrees).to_radians().sin_cos();
    let (sine, cosine) = (sine / f64::from(transform.scale), cosine / f64::from(transform.scale));
    let [x, y] = transform.shift.map(|shift| 13.5 + f64::from(shift));
    Change {
        along_x: [cosine as f32, -sine as f32],
        along_y: [sine as f32, cosine as f32],
        origin: [(13.5 - cosine * x - sine * y) as f32, (13.5 + sine * x - cosine * y) as f32],
        brightness: transform.brightness,
        contrast: transform.contrast,
        contrast_first: transform.contrast_first,
        bilinear: transform.interpolation == Interpolation::Bilinear,
        displacement: transform.displacement,
    }
}

#[test]
fn images_are_those_of_the_loader_bit_for_bit() {
    const IMAGES: usize = 24;
    let mut stream = Stream::new(3, Purpose::Test, 0, 0);
    let bytes: Vec<u8> = (0..IMAGES * 784).map(|_| stream.below(256) as u8).collect();
    let settings = Settings { batch: IMAGES, resident_images: IMAGES, ..Settings::default() };
    let plan = Plan::new(&ModelConfig::default().network().unwrap(), settings).unwrap();
    let device = HostDevice::new(&plan, 8);
    let mut engine = Engine::new(plan, device).unwrap();
    engine.set_resident_images(&bytes).unwrap();

    let bilinear = Augmentation {
        interpolation: Interpolation::Bilinear,
        grid_displacement_pixels: 2.0,
        ..Augmentation::NOTEBOOK
    };
    let draw =
        |at: usize| [&Augmentation::NOTEBOOK, &bilinear, &Augmentation::NONE][at % 3].draw(5, 1, at as u32);
    let transforms: Vec<Transform> = (0..IMAGES).map(draw).collect();
    let changes: Vec<Change> = transforms.iter().map(change).collect();
    let indices: Vec<u32> = (0..IMAGES as u32).rev().collect();
    let labels = [vec![0; IMAGES], vec![0; IMAGES]];
    let labels: Vec<&[u32]> = labels.iter().map(|labels| &labels[..]).collect();
    let targets = Targets { labels: &labels, soft: None };
    let addends = vec![0; IMAGES];
    engine.train_resident(&Step::default(), (&indices, &changes), Some(&addends), targets).unwrap();

    let found = engine.images().unwrap();
    for (at, transform) in transforms.iter().enumerate() {
        let image = bytes[indices[at] as usize * 784..][..784].try_into().unwrap();
        let mut expected = [0.0; 784];
        transform.apply(image, &mut expected);
        assert!(found[at * 784..][..784] == expected, "image {at}, {transform:?}");
    }
}
