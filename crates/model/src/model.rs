//! A network with its tensors: parameters, running statistics, and the passes through them.

use std::collections::BTreeMap;
use std::sync::Arc;

use adder_kernels::Isa;
use adder_kernels::conv::Algorithm;
use adder_network::Network;
use adder_nn::optim::Parameter;
use candle_core::{Device, Tensor, Var};

use crate::fused::Fused;
use crate::head::{HeadRule, heads};
use crate::loss::{Loss, joint_loss};
use crate::norm::Norm;
use crate::operation::Layers;
use crate::parameter::initial;
use crate::targets::HeadTargets;
use crate::{Backend, Error, Result};

/// The mode of a forward pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Norms use and remember the batch's statistics; dropout is on, its masks a function of these three numbers.
    Train {
        /// The run's seed.
        seed: u64,
        /// Counted from zero.
        epoch: u64,
        /// The step within the epoch, counted from zero.
        step: u64,
    },
    /// Norms use the running statistics; dropout is off.
    Evaluate,
}

/// Any [`Network`] on candle. Cloning shares the parameters.
///
/// It trains on `adder-kernels` where they are ([`Backend::Fused`]): runs of layers that they know as one operation, the
/// convolutions between as operations of their own, everything else by candle's operations.
///
/// ```
/// use adder_model::{Mode, Model};
/// use adder_network::{Head, Layer, Network};
/// use candle_core::{DType, Device, Tensor};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let layers = vec![Layer::conv2d(4, 5).bias(), Layer::relu(), Layer::max_pool2d(2), Layer::flatten()];
/// let network = Network::new([3, 32, 32], layers, vec![Head::new("color", 3), Head::new("kind", 5)])?;
/// let model = Model::new(network, 42, &Device::Cpu)?;
/// let logits = model.forward(&Tensor::zeros((2, 3, 32, 32), DType::F32, &Device::Cpu)?, &[], Mode::Evaluate)?;
/// assert_eq!((logits[0].dims(), logits[1].dims()), (&[2, 3][..], &[2, 5][..]));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Model {
    pub(crate) network: Arc<Network>,
    pub(crate) device: Device,
    pub(crate) parameters: Vec<Parameter>,
    pub(crate) norms: Vec<Norm>,
    /// The layers one by one, on the kernels for [`Backend::Fused`].
    pub(crate) layers: Arc<Layers>,
    /// Planned for [`Backend::Fused`].
    pub(crate) fused: Option<Arc<Fused>>,
    /// That of convolutions on the kernels.
    pub(crate) algorithm: Algorithm,
}

impl Model {
    /// A freshly initialized network: PyTorch's distributions, drawn from `seed`. It trains with the fastest backend of
    /// the device, on the instruction set that `ADDER_ISA` names or the best that there is.
    ///
    /// # Errors
    /// [`Error::Isa`] for an impossible `ADDER_ISA`.
    pub fn new(network: Network, seed: u64, device: &Device) -> Result<Self> {
        let parameters = initial(&network, seed, device)?;
        let find = |name: String| {
            let found = parameters.iter().find(|parameter| parameter.name == name);
            &found.expect("every norm has a weight and a bias").var
        };
        let norms = network.norms().iter().map(|norm| {
            let [weight, bias] = ["weight", "bias"].map(|part| find(format!("{}.{part}", norm.name)));
            Norm::new(norm, weight, bias, device)
        });
        let norms = norms.collect::<Result<Vec<_>>>()?;
        let (network, device) = (Arc::new(network), device.clone());
        let backend = Backend::default_for(&device);
        let algorithm = Algorithm::Direct;
        let layers = Arc::new(Layers::new(&network, &parameters, None, algorithm));
        let model = Self { network, device, parameters, norms, layers, fused: None, algorithm };
        model.with_backend(backend)
    }

    /// The same network, parameters shared, trained by candle's own operations.
    #[must_use]
    pub fn on_reference(mut self) -> Self {
        self.fused = None;
        self.plan_layers(None);
        self
    }

    /// The same network, parameters shared, trained by the kernels on an instruction set.
    ///
    /// # Errors
    /// [`Error::Backend`] where the parameters are not on the CPU.
    pub fn on_kernels(mut self, isa: Isa) -> Result<Self> {
        if !self.device.is_cpu() {
            return Err(Error::Backend {
                backend: Backend::Fused,
                device: format!("{:?}", self.device.location()),
            });
        }
        self.fused = Some(Arc::new(Fused::new(&self.network, isa, self.algorithm)?));
        self.plan_layers(Some(isa));
        Ok(self)
    }

    /// Takes the layers on the kernels for an instruction set, or on candle's operations alone.
    fn plan_layers(&mut self, isa: Option<Isa>) {
        self.layers = Arc::new(Layers::new(&self.network, &self.parameters, isa, self.algorithm));
        self.norms = self.norms.iter().map(|norm| norm.on(isa)).collect();
    }

    /// The same network, parameters shared, trained by `backend`.
    ///
    /// # Errors
    /// [`Error::Backend`] where the device does not have it, [`Error::Isa`] for an impossible `ADDER_ISA`.
    pub fn with_backend(self, backend: Backend) -> Result<Self> {
        match backend {
            Backend::Reference => Ok(self.on_reference()),
            Backend::Fused => self.on_kernels(Isa::from_environment()?),
        }
    }

    /// The same network, parameters shared, its convolutions on the kernels by `algorithm`: the direct sum, where nothing else is said.
    ///
    /// # Errors
    /// Where the network cannot be planned.
    pub fn with_algorithm(mut self, algorithm: Algorithm) -> Result<Self> {
        self.algorithm = algorithm;
        match self.isa() {
            Some(isa) => self.on_kernels(isa),
            None => Ok(self),
        }
    }

    /// The code that computes a training step.
    pub fn backend(&self) -> Backend {
        if self.fused.is_some() { Backend::Fused } else { Backend::Reference }
    }

    /// The instruction set of the kernels that the network trains on.
    pub fn isa(&self) -> Option<Isa> {
        self.fused.as_ref().map(|fused| fused.isa)
    }

    /// The description that the tensors belong to.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// The device of the parameters.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Every trained tensor, in the order of the layers.
    pub fn parameters(&self) -> &[Parameter] {
        &self.parameters
    }

    /// The running statistics of every norm with their names, in the order of the layers.
    pub fn buffers(&self) -> Vec<(String, &Var)> {
        self.norms.iter().flat_map(Norm::buffers).collect()
    }

    /// Every parameter and running statistic with its name, in the order of the names.
    pub fn state(&self) -> Vec<(String, Var)> {
        let parameters = self.parameters().iter().map(|p| (p.name.clone(), p.var.clone()));
        let buffers = self.buffers().into_iter().map(|(name, var)| (name, var.clone()));
        parameters.chain(buffers).collect::<BTreeMap<_, _>>().into_iter().collect()
    }

    /// The same network with parameters of its own, trained by the same backend.
    ///
    /// # Errors
    /// Where the device has no room.
    pub fn copied(&self) -> Result<Self> {
        let mut copy = Self::new((*self.network).clone(), 0, &self.device)?;
        copy.fused.clone_from(&self.fused);
        copy.algorithm = self.algorithm;
        copy.plan_layers(self.isa());
        for ((_, from), (_, to)) in self.state().into_iter().zip(copy.state()) {
            to.set(&from)?;
        }
        Ok(copy)
    }

    /// The logits of each head, f32 `[b, classes]`, for images, f32 `[b, channels, height, width]`, and the classes of each
    /// one-hot input, u32 `[b]`.
    ///
    /// # Errors
    /// [`Error::Argument`] where shapes do not fit.
    pub fn forward(&self, images: &Tensor, one_hot: &[&Tensor], mode: Mode) -> Result<Vec<Tensor>> {
        self.logits(&self.embed(images, mode)?, one_hot, mode)
    }

    /// The embedding of images: all that the network makes of them before the first one-hot input, f32 `[b, features]`.
    ///
    /// # Errors
    /// [`Error::Argument`] where the images have another shape.
    pub fn embed(&self, images: &Tensor, mode: Mode) -> Result<Tensor> {
        let x = self.image_part(images, mode)?;
        self.run(self.network.image_nodes()..self.network.embedding_nodes(), &x, &[], mode)
    }

    /// The logits of each head from embeddings, f32 `[b, features]`, and the classes of each one-hot input, u32 `[b]`.
    ///
    /// # Errors
    /// [`Error::Argument`] where shapes do not fit.
    pub fn logits(&self, embedding: &Tensor, one_hot: &[&Tensor], mode: Mode) -> Result<Vec<Tensor>> {
        self.check_rows(one_hot, embedding.dim(0)?)?;
        let nodes = self.network.embedding_nodes()..self.network.nodes().len();
        let outputs = self.outputs(&self.run(nodes, embedding, one_hot, mode)?)?;
        heads(&self.network).zip(&outputs).map(|(head, outputs)| head.logits(outputs)).collect()
    }

    /// A forward pass with its loss, the sum over the heads of the means of what each [kind](adder_network::HeadKind) minimizes. With several rows of targets for each
    /// image, those of the first image come first: the images go through the convolutions once, and every layer behind them
    /// sees each row.
    ///
    /// # Errors
    /// [`Error::Argument`] where shapes do not fit or a target is out of range.
    pub fn loss(
        &self,
        images: &Tensor,
        one_hot: &[&Tensor],
        targets: &[HeadTargets<'_>],
        mode: Mode,
    ) -> Result<Loss> {
        if targets.len() != self.network.heads().len() {
            let expected = format!("one for each of {} heads", self.network.heads().len());
            return Err(Error::Argument { what: "targets", expected, found: targets.len().to_string() });
        }
        let rows = targets[0].labels.elem_count();
        self.check_rows(one_hot, rows)?;
        let x = for_each_row(&self.image_part(images, mode)?, rows)?;
        let behind = self.network.image_nodes();
        if let (Some(fused), Mode::Train { .. }) = (&self.fused, mode)
            && let Some(dense) = &fused.dense
        {
            let x = self.run(behind..dense.start, &x, one_hot, mode)?;
            return dense.loss(&self.parameters, &self.norms, &x, one_hot, targets);
        }
        let features = self.run(behind..self.network.nodes().len(), &x, one_hot, mode)?;
        let heads: Vec<HeadRule> = heads(&self.network).collect();
        joint_loss(&heads, &self.outputs(&features)?, targets, self.isa())
    }

    /// The maps that show how images are seen, those of [`Network::stages`]: f32 `[b, c, h, w]` each. Norms use their running
    /// statistics, dropout is off.
    ///
    /// # Errors
    /// [`Error::Argument`] where the images have another shape.
    pub fn stages(&self, images: &Tensor) -> Result<Vec<Tensor>> {
        self.check_images(images)?;
        let (mut outputs, mut x, mut start) = (Vec::new(), images.clone(), 0);
        for stage in self.network.stages() {
            x = self.run(start..stage + 1, &x, &[], Mode::Evaluate)?;
            outputs.push(x.clone());
            start = stage + 1;
        }
        Ok(outputs)
    }

    /// Images as far as they are maps, and the vector that they become.
    fn image_part(&self, images: &Tensor, mode: Mode) -> Result<Tensor> {
        self.check_images(images)?;
        self.run(0..self.network.image_nodes(), images, &[], mode)
    }

    fn check_images(&self, images: &Tensor) -> Result<()> {
        let [channels, height, width] = self.network.input();
        match images.dims4() {
            Ok((_, c, h, w)) if [c, h, w] == [channels, height, width] => Ok(()),
            _ => Err(shape_error("images", format!("[b, {channels}, {height}, {width}]"), images)),
        }
    }

    fn check_rows(&self, one_hot: &[&Tensor], rows: usize) -> Result<()> {
        let inputs = self.network.one_hot_inputs();
        if one_hot.len() != inputs.len() {
            let expected = format!("{} inputs", inputs.len());
            return Err(Error::Argument { what: "one_hot", expected, found: one_hot.len().to_string() });
        }
        match one_hot.iter().find(|classes| classes.dims() != [rows]) {
            Some(wrong) => Err(shape_error("one_hot", format!("one class for each of {rows} rows"), wrong)),
            None => Ok(()),
        }
    }
}

/// Repeats the features of images, `[b, c]`, so that there are so many rows, as many for each image.
fn for_each_row(features: &Tensor, rows: usize) -> Result<Tensor> {
    let (images, width) = features.dims2()?;
    if rows == images {
        return Ok(features.clone());
    }
    if images == 0 || !rows.is_multiple_of(images) {
        let expected = format!("as many for each of {images} images");
        return Err(Error::Argument { what: "rows", expected, found: rows.to_string() });
    }
    let repeated = features.unsqueeze(1)?.broadcast_as((images, rows / images, width))?;
    Ok(repeated.reshape((rows, width))?)
}

pub(crate) fn shape_error(what: &'static str, expected: impl Into<String>, found: &Tensor) -> Error {
    Error::Argument { what, expected: expected.into(), found: format!("{:?}", found.dims()) }
}
