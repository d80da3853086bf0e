//! A network with everything that a step takes, and what the naive loops say of it.

use adder_cuda::{Engine, Plan, Settings, Step, Targets};
use adder_kernels::dropout::{self, DropoutKey, DropoutRate};
use adder_network::naive::loss::{cross_entropy, cross_entropy_backward, targets};
use adder_network::naive::{self, Gradients, Inputs, Mode, Pass};
use adder_network::{Head, Layer, LayerKind, Network};
use adder_random::{Purpose, Stream};

use crate::device::HostDevice;

/// A block of a random network.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Block {
    pub(crate) channels: usize,
    pub(crate) padding: usize,
    pub(crate) dropout: f32,
    pub(crate) pool: bool,
}

/// A network in short.
#[derive(Clone, Debug)]
pub(crate) struct Sketch {
    pub(crate) input: [usize; 3],
    pub(crate) blocks: Vec<Block>,
    pub(crate) global_average: bool,
    pub(crate) hidden: Vec<usize>,
    /// The hidden layer that a one-hot input of three classes joins.
    pub(crate) one_hot: Option<usize>,
    pub(crate) heads: Vec<usize>,
}

impl Sketch {
    /// The network, where there can be one.
    pub(crate) fn network(&self) -> Option<Network> {
        let mut layers = Vec::new();
        for block in &self.blocks {
            layers.push(Layer::conv2d(block.channels, 3).padding(block.padding));
            layers.extend([Layer::relu(), Layer::batch_norm()]);
            if block.dropout > 0.0 {
                layers.push(Layer::dropout(block.dropout));
            }
            if block.pool {
                layers.push(Layer::max_pool2d(2));
            }
        }
        layers.push(if self.global_average { Layer::global_average_pool() } else { Layer::flatten() });
        for (index, &width) in self.hidden.iter().enumerate() {
            if self.one_hot == Some(index) {
                layers.push(Layer::one_hot("class", 3));
            }
            layers.extend([Layer::linear(width), Layer::batch_norm(), Layer::relu()]);
        }
        let heads =
            self.heads.iter().enumerate().map(|(at, &classes)| Head::new(&format!("head{at}"), classes));
        Network::new(self.input, layers, heads.collect()).ok()
    }
}

/// A step's inputs.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) network: Network,
    pub(crate) settings: Settings,
    pub(crate) images: Vec<f32>,
    pub(crate) one_hot: Option<Vec<u32>>,
    pub(crate) labels: Vec<Vec<u32>>,
    pub(crate) soft: Option<Vec<Vec<f32>>>,
    pub(crate) parameters: Vec<f32>,
    pub(crate) running: Vec<f32>,
    pub(crate) step: Step,
    pub(crate) rows: usize,
}

impl Case {
    /// Inputs drawn at random.
    pub(crate) fn new(network: Network, rows: usize, settings: Settings, seed: u64) -> Self {
        let mut stream = Stream::new(seed, Purpose::Test, 0, 0);
        let mut tensor = |len: usize| (0..len).map(|_| stream.uniform(-1.0, 1.0)).collect::<Vec<f32>>();
        let images = tensor(rows * network.input().iter().product::<usize>());
        let parameters = tensor(network.parameters().last().unwrap().range.end);
        let mut running = Vec::new();
        for norm in network.norms() {
            running.extend(tensor(norm.channels));
            running.extend(tensor(norm.channels).iter().map(|value| 1.5 + value));
        }
        let soft = settings.soft_targets.then(|| {
            let mut probabilities = |classes: usize| -> Vec<f32> {
                let mut rows: Vec<f32> = tensor(rows * classes).iter().map(|value| 1.1 + value).collect();
                for row in rows.chunks_exact_mut(classes) {
                    let total: f32 = row.iter().sum();
                    row.iter_mut().for_each(|value| *value /= total);
                }
                rows
            };
            network.classes().map(&mut probabilities).collect()
        });
        let mut classes = |count: usize| (0..rows).map(|_| stream.below(count as u32)).collect::<Vec<u32>>();
        let has_one_hot = network.nodes().iter().any(|node| matches!(node.kind, LayerKind::OneHot { .. }));
        let one_hot = has_one_hot.then(|| classes(3));
        let labels: Vec<Vec<u32>> = network.classes().map(&mut classes).collect();
        let step = Step {
            number: 7,
            dropout_key: seed ^ 0x1234_5678_9abc_def0,
            label_smoothing: 0.1,
            soft_weight: if settings.soft_targets { 0.75 } else { 0.0 },
            ..Step::default()
        };
        Self { network, settings, images, one_hot, labels, soft, parameters, running, step, rows }
    }

    /// An engine that holds the parameters, with blocks and threads in the order of a seed.
    pub(crate) fn engine(&self, order: u64) -> Engine<HostDevice> {
        let plan = Plan::new(&self.network, self.settings).unwrap();
        let device = HostDevice::new(&plan, order);
        let mut engine = Engine::new(plan, device).unwrap();
        engine.set_state(&self.parameters, &self.running).unwrap();
        engine
    }

    /// One step.
    pub(crate) fn train(&self, engine: &mut Engine<HostDevice>) {
        self.try_train(engine).unwrap();
    }

    pub(crate) fn try_train(&self, engine: &mut Engine<HostDevice>) -> adder_cuda::Result<()> {
        let labels: Vec<&[u32]> = self.labels.iter().map(|labels| &labels[..]).collect();
        let soft: Option<Vec<&[f32]>> =
            self.soft.as_ref().map(|soft| soft.iter().map(|soft| &soft[..]).collect());
        let targets = Targets { labels: &labels, soft: soft.as_deref() };
        engine.train(&self.step, &self.images, self.one_hot.as_deref(), targets)
    }

    /// What each head should say of each row.
    pub(crate) fn targets(&self) -> Vec<Vec<f64>> {
        let heads = self.network.classes().zip(&self.labels).enumerate();
        let of_head = |(head, (classes, labels)): (usize, (usize, &Vec<u32>))| {
            let labels: Vec<u8> = labels.iter().map(|&label| label as u8).collect();
            let soft = self.soft.as_ref().map(|soft| (wide(&soft[head]), f64::from(self.step.soft_weight)));
            let soft = soft.as_ref().map(|(soft, weight)| (&soft[..], *weight));
            targets(classes, &labels, self.step.label_smoothing.into(), soft)
        };
        heads.map(of_head).collect()
    }

    /// The masks of all dropout layers by the hash of the CPU's kernels.
    pub(crate) fn masks(&self) -> Vec<Option<Vec<f64>>> {
        let layers = self.network.nodes().iter().filter_map(|node| match node.kind {
            LayerKind::Dropout { probability } => Some((node, probability)),
            _ => None,
        });
        let mask = |(node, probability): (&adder_network::Node, f32)| {
            let [c, h, w] = node.output.map().unwrap();
            let mut mask = vec![0.0; self.rows * c * h * w];
            let (key, rate) = (DropoutKey(self.step.dropout_key), DropoutRate::new(probability).unwrap());
            dropout::mask(key, node.ordinal as u32, rate, [self.rows, c, h, w], &mut mask).unwrap();
            Some(wide(&mask))
        };
        layers.map(mask).collect()
    }

    /// The step by the naive loops, from inputs that are off by a part of a last place at most, or not at all.
    pub(crate) fn naive(&self, nudged: bool) -> Naive {
        let off = |values: &[f32]| if nudged { nudge(values) } else { wide(values) };
        let (images, params) = (off(&self.images), off(&self.parameters));
        let classes: Option<Vec<u8>> =
            self.one_hot.as_ref().map(|classes| classes.iter().map(|&class| class as u8).collect());
        let one_hot: Vec<&[u8]> = classes.iter().map(|classes| &classes[..]).collect();
        let masks = self.masks();
        let mode = Mode::Train { masks: &masks };
        let pass =
            naive::forward(&self.network, &params, Inputs { images: &images, one_hot: &one_hot }, mode);
        let heads = pass.logits.iter().zip(self.network.classes()).zip(self.targets());
        let (mut losses, mut grad_logits) = (Vec::new(), Vec::new());
        for ((logits, classes), targets) in heads {
            losses.push(cross_entropy(logits, classes, &targets).iter().sum());
            let gradient = cross_entropy_backward(logits, classes, &targets);
            grad_logits.push(gradient.iter().map(|value| value / self.rows as f64).collect());
        }
        let grads = naive::backward(&self.network, &params, &pass, mode, &grad_logits);
        Naive { pass, losses, grads }
    }
}

/// A step by the naive loops.
pub(crate) struct Naive {
    pub(crate) pass: Pass,
    /// The sum of the rows' losses of each head.
    pub(crate) losses: Vec<f64>,
    pub(crate) grads: Gradients,
}

impl Naive {
    /// Whether a ReLU or a pool would choose otherwise after a change in the sixth decimal.
    pub(crate) fn is_near_a_kink(&self, network: &Network) -> bool {
        let near = |gap: f64| gap != 0.0 && gap.abs() < 4e-6;
        network.nodes().iter().zip(&self.pass.nodes).any(|(node, pass)| match node.kind {
            LayerKind::Relu {} => pass.input.iter().any(|&value| near(value)),
            LayerKind::MaxPool2d { .. } => {
                let [_, height, width] = node.input.map().unwrap();
                let corners = (0..height / 2 * (width / 2)).map(|at| (at / (width / 2), at % (width / 2)));
                pass.input.chunks_exact(height * width).any(|plane| {
                    corners.clone().any(|(y, x)| {
                        let corner = 2 * y * width + 2 * x;
                        let mut values = [0, 1, width, width + 1].map(|step| plane[corner + step]);
                        values.sort_by(f64::total_cmp);
                        near(values[3] - values[2])
                    })
                })
            }
            _ => false,
        })
    }
}

pub(crate) fn wide(values: &[f32]) -> Vec<f64> {
    values.iter().map(|&value| value.into()).collect()
}

fn nudge(values: &[f32]) -> Vec<f64> {
    let mut stream = Stream::new(8, Purpose::Test, 0, 1);
    let by = |value: f32| f64::from(value) * (1.0 + f64::from(stream.uniform(-6e-8, 6e-8)));
    values.iter().copied().map(by).collect()
}

/// Holds values to the naive ones: within `floor`, and within what rounding the inputs to f32 may do.
pub(crate) fn assert_close(found: &[f32], [expected, moved]: [&[f64]; 2], floor: f64, what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    let largest = expected.iter().fold(1.0, |largest: f64, value| largest.max(value.abs()));
    let conditioned = expected.iter().zip(moved).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    let bound = floor * largest + 16.0 * conditioned;
    for (at, (&found, expected)) in found.iter().zip(expected).enumerate() {
        let gap = (f64::from(found) - expected).abs();
        assert!(gap <= bound, "{what} {at}: {found} is {gap:e} from {expected}, more than {bound:e}");
    }
}
