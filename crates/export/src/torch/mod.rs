//! PyTorch's side: the notebook's `state_dict`, out as safetensors, in as safetensors or as what `torch.save` writes.
//!
//! A file is read in four steps, none of which runs anything that the file says:
//!
//! 1. `archive` or `legacy` finds the pickle and the storages, held to the file's real length and to checksums;
//! 2. `pickle` carries out the pickle's opcodes, within limits: calls are not made but kept as what they would be, and `rebuild` sees
//!    tensors in those of PyTorch and NumPy;
//! 3. `contents` lists every group of tensors, and `choice` takes the one that has the network's names behind a common prefix;
//! 4. `build` holds names, shapes, types and values to the network, and only then makes it.

mod archive;
mod build;
mod choice;
mod contents;
mod element;
mod export;
mod legacy;
mod marks;
mod names;
mod pickle;
mod read;
mod rebuild;
mod storages;
mod tensor;
mod transformed;

pub use export::to_safetensors;
pub(crate) use marks::has_counts;
pub(crate) use read::{Source, from_legacy, from_pickle, from_safetensors, from_views, from_zip};
