//! What does not fit is refused, by name.

use adder_cuda::{Engine, Error, Plan, Settings, Step, Targets};
use adder_network::{Head, Layer, ModelConfig, Network};

use crate::case::Case;
use crate::device::HostDevice;

fn engine(settings: Settings) -> Engine<HostDevice> {
    let plan = Plan::new(&ModelConfig::default().network().unwrap(), settings).unwrap();
    let device = HostDevice::new(&plan, 0);
    Engine::new(plan, device).unwrap()
}

#[test]
fn inputs_that_do_not_fit_are_refused() {
    let mut engine = engine(Settings { batch: 2, ..Settings::default() });
    let mut train = |rows: usize, one_hot: Option<&[u32]>, labels: &[&[u32]]| {
        let targets = Targets { labels, soft: None };
        engine.train(&Step::default(), &vec![0.0; rows * 784], one_hot, targets).unwrap_err()
    };
    let two: &[u32] = &[0, 0];
    assert!(matches!(train(3, Some(two), &[two, two]), Error::Length { found: 3, expected: 2, .. }));
    assert!(matches!(train(0, Some(&[]), &[&[], &[]]), Error::Length { found: 0, .. }));
    assert!(matches!(train(2, None, &[two, two]), Error::Length { argument: "one_hot", found: 0, .. }));
    assert!(matches!(train(2, Some(&[0, 10]), &[two, two]), Error::Class { classes: 10, found: 10, .. }));
    assert!(matches!(train(2, Some(two), &[two]), Error::Length { argument: "labels", .. }));
    assert!(matches!(train(2, Some(two), &[two, &[0, 19]]), Error::Class { classes: 19, .. }));
    let error = engine.set_state(&[0.0; 3], &[]).unwrap_err();
    assert_eq!(error, Error::Length { argument: "parameters", expected: 13_136, found: 3 });
    assert!(engine.set_resident_images(&[0; 784]).is_err());
}

#[test]
fn networks_that_do_not_fit_are_refused() {
    let refusal =
        |network: &Network, settings: Settings| Plan::new(network, settings).unwrap_err().to_string();
    let notebook = ModelConfig::default().network().unwrap();
    assert!(refusal(&notebook, Settings { batch: 0, ..Settings::default() }).starts_with("batch: "));
    let huge = Settings { batch: usize::MAX / 2, ..Settings::default() };
    assert!(refusal(&notebook, huge).ends_with("more values than the kernels can number"));
    let block = [Layer::conv2d(4, 3), Layer::relu(), Layer::batch_norm(), Layer::global_average_pool()];
    let network = Network::new([3, 12, 12], block.to_vec(), vec![Head::new("a", 2)]).unwrap();
    let resident = Settings { resident_images: 5, ..Settings::default() };
    assert!(refusal(&network, resident).contains("found [3, 12, 12]"));
    let biased = Network::new([3, 12, 12], block.to_vec(), vec![Head::new("a", 2).bias()]).unwrap();
    assert!(refusal(&biased, Settings::default()).starts_with("network: the CUDA kernels take"));
}

#[test]
fn a_batch_of_the_plans_size_and_every_smaller_one_is_taken() {
    let settings = Settings { batch: 3, ring: 2, ..Settings::default() };
    for rows in 1..=3 {
        let case = Case::new(ModelConfig::default().network().unwrap(), rows, settings, 1);
        let mut engine = case.engine(0);
        case.train(&mut engine);
        let metrics = engine.metrics(case.step.number).unwrap();
        assert_eq!((metrics.rows, metrics.is_finite()), (rows, true));
        assert!(metrics.all_correct <= metrics.heads[0].1);
    }
}
