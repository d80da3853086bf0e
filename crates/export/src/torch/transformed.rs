//! Networks whose tensors stand under other names because something was done to their layers. A tensor of them under the name that
//! is missing would be of another network, without a word; so what was done is named, and what undoes it.

use super::contents::listed;

/// What to do about weights of a quantized network.
pub(crate) const DEQUANTIZE: &str =
    "the network is quantized: save its state_dict as it was before that, or each tensor's `dequantize()`";

const SAVE: &str = "then save its state_dict: torch.save(model.state_dict(), \"model.pth\")";

/// What can be done to layers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Transformation {
    /// `torch.nn.utils.parametrizations`, or any other use of `torch.nn.utils.parametrize`.
    Parametrized,
    /// `torch.nn.utils.weight_norm`, from before these.
    WeightNorm,
    /// `torch.nn.utils.spectral_norm`, from before these.
    SpectralNorm,
    /// `torch.nn.utils.prune`.
    Pruned,
    /// An adapter of low rank, by peft or loralib.
    LowRank,
    /// Any kind of quantization, or its preparation.
    Quantized,
}

/// Parts of names that only quantization gives.
const OF_QUANTIZATION: [&str; 8] = [
    "_packed_params",
    "zero_point",
    "activation_post_process",
    "weight_fake_quant",
    "qweight",
    "qzeros",
    "SCB",
    "absmax",
];

impl Transformation {
    /// What a name, among all, is a sign of; with the layer that it is of, and its parameter.
    fn of<'n>(name: &'n str, names: &[&str]) -> Option<(Self, &'n str, &'n str)> {
        let parts: Vec<&str> = name.split('.').collect();
        let layer = |parts: usize| name.rsplitn(parts + 1, '.').nth(parts).unwrap_or_default();
        if let Some(at) = parts.iter().rposition(|part| *part == "parametrizations") {
            let parameter = parts.get(at + 1)?;
            return Some((Self::Parametrized, layer(parts.len() - at), parameter));
        }
        let last = *parts.last()?;
        let beside = |ending: &str, parameter: &str| {
            let whole = name.strip_suffix(last).unwrap_or_default();
            names.contains(&format!("{whole}{parameter}{ending}").as_str())
        };
        if let Some(parameter) = last.strip_suffix("_g").filter(|parameter| beside("_v", parameter)) {
            return Some((Self::WeightNorm, layer(1), parameter));
        }
        if let Some(parameter) = last.strip_suffix("_orig") {
            let how = match beside("_mask", parameter) {
                true => Self::Pruned,
                false if beside("_u", parameter) => Self::SpectralNorm,
                false => return None,
            };
            return Some((how, layer(1), parameter));
        }
        if let Some(at) = parts.iter().position(|part| *part == "base_layer" || part.starts_with("lora_")) {
            return Some((Self::LowRank, layer(parts.len() - at), "weight"));
        }
        let at = parts.iter().position(|part| OF_QUANTIZATION.contains(part))?;
        Some((Self::Quantized, layer(parts.len() - at), "weight"))
    }

    /// What undoes it for a layer's parameter.
    fn undone(self, layer: &str, parameter: &str) -> String {
        let (layer, parameter) = (layer.escape_debug(), parameter.escape_debug());
        let module = match layer.to_string().as_str() {
            "" => "model".to_owned(),
            layer => format!("model.get_submodule(\"{layer}\")"),
        };
        let (is, call) = match self {
            Self::Parametrized => (
                "parametrized (weight_norm, spectral_norm and the like)",
                format!("torch.nn.utils.parametrize.remove_parametrizations({module}, \"{parameter}\")"),
            ),
            Self::WeightNorm => {
                ("under weight_norm", format!("torch.nn.utils.remove_weight_norm({module}, \"{parameter}\")"))
            }
            Self::SpectralNorm => (
                "under spectral_norm",
                format!("torch.nn.utils.remove_spectral_norm({module}, \"{parameter}\")"),
            ),
            Self::Pruned => (
                "pruned, with its mask apart",
                format!("torch.nn.utils.prune.remove({module}, \"{parameter}\")"),
            ),
            Self::LowRank => {
                let call = "model = model.merge_and_unload()";
                return format!(
                    "an adapter (LoRA) stands beside the layer `{layer}`: merge it into the network, with peft by {call}, {SAVE}"
                );
            }
            Self::Quantized => return DEQUANTIZE.into(),
        };
        format!("the layer `{layer}` is {is}: undo it by {call}, for each such layer, {SAVE}")
    }
}

/// What was done to a network whose tensors have these names, and what to do about it; nothing where no name tells.
pub(crate) fn advice(names: &[&str]) -> Option<String> {
    let (how, layer, parameter) = names.iter().find_map(|name| Transformation::of(name, names))?;
    Some(how.undone(layer, parameter))
}

/// The same where norms were fused into the layers before them: parts of a norm are missing, and a layer beside it has a bias that the
/// network does not know.
pub(crate) fn fused(missing: &[&str], unknown: &[&str]) -> Option<String> {
    let block = |name: &str| name.rsplitn(3, '.').nth(2).map(str::to_owned);
    let gone = missing.iter().filter(|name| name.ends_with(".running_mean"));
    let blocks: Vec<String> = gone.filter_map(|name| block(name)).collect();
    let of_fused =
        |name: &&str| name.ends_with(".bias") && block(name).is_some_and(|it| blocks.contains(&it));
    let biases: Vec<&str> = unknown.iter().copied().filter(of_fused).collect();
    (!biases.is_empty()).then(|| {
        format!(
            "norms were fused into the layers before them, which have {} for it: save the state_dict before that: torch.save(model.state_dict(), \"model.pth\")",
            listed(biases.into_iter())
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_what_was_done_and_what_undoes_it() {
        let cases: [(&[&str], &str); 12] = [
            (
                &["fc1.0.parametrizations.weight.original0", "fc1.0.parametrizations.weight.original1"],
                "remove_parametrizations(model.get_submodule(\"fc1.0\"), \"weight\")",
            ),
            (&["parametrizations.bias.original"], "remove_parametrizations(model, \"bias\")"),
            (&["x.weight_g", "x.weight_v"], "remove_weight_norm(model.get_submodule(\"x\"), \"weight\")"),
            (&["x.weight_orig", "x.weight_u", "x.weight_v"], "remove_spectral_norm("),
            (&["x.bias_mask", "x.bias_orig"], "prune.remove(model.get_submodule(\"x\"), \"bias\")"),
            (&["fc1.0.base_layer.weight"], "the layer `fc1.0`: merge"),
            (&["a.fc1.0.lora_A.default.weight"], "merge_and_unload()"),
            (&["fc1.0.lora_B"], "merge_and_unload()"),
            (&["fc1.0.scale", "fc1.0.zero_point"], "quantized"),
            (&["fc1.0._packed_params._packed_params"], "quantized"),
            (&["conv.weight_fake_quant.scale"], "quantized"),
            (&["fc1.0.qweight"], "quantized"),
        ];
        for (names, words) in cases {
            let said = advice(names).unwrap_or_default();
            assert!(said.contains(words), "{names:?}: {said}");
        }
        for other in [&["weight_g"][..], &["x.weight_orig"], &["my_lora.weight"], &["scale"], &[""], &["."]] {
            assert_eq!(advice(other), None, "{other:?}");
        }
        for names in [&["parametrizations"][..], &["x.parametrizations"]] {
            assert_eq!(advice(names), None, "{names:?}");
        }
    }
}
