//! Fused blocks against the same blocks layer by layer on candle's operations.

use adder_kernels::Isa;
use adder_kernels::conv::Algorithm;
use adder_kernels::trunk::{BlockSpec, Output, TrunkSpec};
use adder_nn::fused::FusedBlocks;
use adder_nn::{Block, BlockConfig, Blocks, ModuleT, VarBuilder, VarMap, block};
use adder_random::{Purpose, Stream};
use candle_core::{DType, Device, Result, Tensor, Var};

fn uniform(shape: impl Into<candle_core::Shape>, index: u64) -> Tensor {
    let shape = shape.into();
    let mut stream = Stream::new(11, Purpose::Test, 0, index);
    let values: Vec<f32> = (0..shape.elem_count()).map(|_| stream.uniform(-1.0, 1.0)).collect();
    Tensor::from_vec(values, shape, &Device::Cpu).unwrap()
}

fn largest(tensor: &Tensor) -> f32 {
    tensor.abs().unwrap().max_all().unwrap().to_scalar().unwrap()
}

/// Two blocks of different kinds, with parameters that are functions of nothing.
fn two_blocks() -> Result<(VarMap, Vec<Block>)> {
    let varmap = VarMap::new();
    let vb = VarBuilder::from_varmap(&varmap, DType::F32, &Device::Cpu);
    let pooled = BlockConfig { dropout: 0.3, pool: true, padding: 1 };
    let bare = BlockConfig { dropout: 0.2, pool: false, padding: 0 };
    let blocks = vec![
        block(5, 12, pooled, vb.pp("block1"))?.with_seed(3),
        block(12, 9, bare, vb.pp("block2"))?.with_seed(4),
    ];
    let mut names: Vec<String> = varmap.data().lock().unwrap().keys().cloned().collect();
    names.sort();
    for (index, name) in names.iter().enumerate().filter(|(_, name)| !name.contains("running")) {
        let vars = varmap.data().lock().unwrap();
        vars[name].set(&uniform(vars[name].shape(), 10 + index as u64))?;
    }
    Ok((varmap, blocks))
}

/// The output, the gradients of input and variables and the running statistics after a training pass.
fn train(layer: &impl ModuleT, varmap: &VarMap, x: &Var) -> Result<Vec<(String, Tensor)>> {
    let output = layer.forward_t(x, true)?;
    let grads = (&output * uniform(output.shape(), 4))?.sum_all()?.backward()?;
    let mut found =
        vec![("output".to_owned(), output.detach()), ("x".to_owned(), grads.get(x).unwrap().clone())];
    let vars = varmap.data().lock().unwrap();
    for (name, var) in vars.iter() {
        let tensor = if name.contains("running") { var.as_tensor() } else { grads.get(var).unwrap() };
        found.push((name.clone(), tensor.copy()?));
    }
    found.sort_by(|(a, _), (b, _)| a.cmp(b));
    Ok(found)
}

fn assert_close(ours: &[(String, Tensor)], theirs: &[(String, Tensor)]) {
    assert_eq!(ours.len(), theirs.len());
    for ((name, ours), (_, theirs)) in ours.iter().zip(theirs) {
        let (apart, scale) = (largest(&(ours - theirs).unwrap()), largest(theirs));
        assert!(apart <= 1e-4 * scale, "{name}: {apart} of {scale}");
    }
}

#[test]
fn a_block_trains_as_its_layers_do() -> Result<()> {
    let x = Var::from_tensor(&uniform((3, 5, 9, 8), 0))?;
    let found = |change: fn(Block) -> Block| {
        let (varmap, blocks) = two_blocks()?;
        let block = change(blocks.into_iter().next().expect("two blocks"));
        train(&block, &keep(&varmap, "block1"), &x)
    };
    assert_close(&found(|block| block)?, &found(Block::without_kernels)?);
    Ok(())
}

#[test]
fn a_sequence_trains_as_its_layers_do_masks_included() -> Result<()> {
    let x = Var::from_tensor(&uniform((3, 5, 9, 8), 0))?;
    let found = |change: fn(Block) -> Block, average: bool| {
        let (varmap, blocks) = two_blocks()?;
        let blocks = Blocks::new(blocks.into_iter().map(change).collect());
        let blocks = if average { blocks.with_global_average() } else { blocks };
        train(&blocks, &varmap, &x)
    };
    for average in [false, true] {
        let ours = found(|block| block, average)?;
        assert_close(&ours, &found(Block::without_kernels, average)?);
        let zeros = ours.iter().find(|(name, _)| name == "output").unwrap().1.eq(0f32)?;
        let zeros = zeros.to_dtype(DType::F32)?.mean_all()?.to_scalar::<f32>()?;
        assert!(average || zeros > 0.1 && zeros < 0.3, "{zeros} of all were dropped");
    }
    Ok(())
}

#[test]
fn all_instruction_sets_and_threads_give_the_same_bits() -> Result<()> {
    let x = Var::from_tensor(&uniform((19, 5, 9, 8), 0))?;
    let bits = |isa: Isa, threads: usize| -> Result<Vec<Vec<u32>>> {
        let (varmap, blocks) = two_blocks()?;
        let blocks = Blocks::new(blocks.into_iter().map(|block| block.with_isa(isa)).collect());
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let found = pool.install(|| train(&blocks, &varmap, &x))?;
        let bits = |(_, tensor): (String, Tensor)| {
            Ok(tensor.flatten_all()?.to_vec1::<f32>()?.into_iter().map(f32::to_bits).collect())
        };
        found.into_iter().map(bits).collect()
    };
    let expected = bits(Isa::best(), 1)?;
    for isa in Isa::available() {
        for threads in [1, 3] {
            assert!(bits(isa, threads)? == expected, "{isa} on {threads} threads");
        }
    }
    Ok(())
}

#[test]
fn evaluation_uses_the_running_statistics_and_drops_nothing() -> Result<()> {
    let (_, blocks) = two_blocks()?;
    let theirs = Blocks::new(blocks.iter().cloned().map(Block::without_kernels).collect());
    let ours = Blocks::new(blocks);
    let x = uniform((2, 5, 9, 8), 0);
    ours.forward_t(&x, true)?;
    let (ours, theirs) = (ours.forward_t(&x, false)?, theirs.forward_t(&x, false)?);
    assert!(largest(&(&ours - &theirs)?) <= 1e-5 * largest(&theirs));
    assert_eq!(ours.eq(0f32)?.to_dtype(DType::F32)?.sum_all()?.to_scalar::<f32>()?, 0.0);
    Ok(())
}

#[test]
fn other_types_run_layer_by_layer_and_what_cannot_be_is_refused() -> Result<()> {
    let vb = VarBuilder::zeros(DType::F64, &Device::Cpu);
    let config = BlockConfig { pool: true, ..Default::default() };
    let wide = block(2, 3, config, vb)?;
    let x = Tensor::ones((2, 2, 4, 4), DType::F64, &Device::Cpu)?;
    assert_eq!(wide.forward_t(&x, true)?.dims(), [2, 3, 2, 2]);

    let (_, blocks) = two_blocks()?;
    let refused = |shape: (usize, usize, usize, usize)| {
        blocks[0].forward_t(&uniform(shape, 0), true).unwrap_err().to_string()
    };
    assert!(refused((2, 4, 9, 8)).contains("channels"), "{}", refused((2, 4, 9, 8)));
    assert!(refused((2, 5, 1, 8)).contains("pool"), "{}", refused((2, 5, 1, 8)));
    let single = block(5, 2, BlockConfig::default(), VarBuilder::zeros(DType::F32, &Device::Cpu))?;
    let single = single.forward_t(&uniform((1, 5, 1, 1), 0), true).unwrap_err().to_string();
    assert!(single.contains("more than one value"), "{single}");
    Ok(())
}

/// The same blocks meet more sizes than there are plans for, and other weights in between, and show nothing of the passes before.
#[test]
fn passes_leave_no_trace() -> Result<()> {
    let (varmap, blocks) = two_blocks()?;
    let used = Blocks::new(blocks);
    let step = |blocks: &Blocks, varmap: &VarMap, size: usize, step: u64| {
        blocks.blocks()[0].dropout().set_step(step);
        train(blocks, varmap, &Var::from_tensor(&uniform((2 + size % 3, 5, size, 17 - size), size as u64))?)
    };
    for (index, size) in (6..12).chain(6..12).enumerate() {
        let moved = uniform((12, 5, 3, 3), 50 + index as u64);
        let (fresh_map, fresh) = two_blocks()?;
        let fresh = Blocks::new(fresh);
        for map in [&varmap, &fresh_map] {
            map.data().lock().unwrap()["block1.conv.weight"].set(&moved)?;
        }
        for (name, var) in varmap.data().lock().unwrap().iter().filter(|(name, _)| name.contains("running")) {
            fresh_map.data().lock().unwrap()[name].set(&var.as_tensor().copy()?)?;
        }
        let [found, expected] = [
            step(&used.clone(), &varmap, size, index as u64)?,
            step(&fresh, &fresh_map, size, index as u64)?,
        ];
        for ((name, found), (_, expected)) in found.iter().zip(&expected) {
            let [found, expected] = [found, expected].map(|tensor| tensor.flatten_all()?.to_vec1::<f32>());
            assert_eq!(found?, expected?, "{name} of size {size}");
        }
    }
    Ok(())
}

/// The gradients are those of the pass that they belong to, asked for once or twice, with another pass in between.
#[test]
fn a_graph_keeps_its_own_pass() -> Result<()> {
    let (_, blocks) = two_blocks()?;
    let blocks = Blocks::new(blocks).with_global_average();
    let x = Var::from_tensor(&uniform((3, 5, 9, 8), 0))?;
    let loss = blocks.forward_t(&x, true)?.sqr()?.sum_all()?;
    let gradient = || loss.backward()?.get(&x).unwrap().flatten_all()?.to_vec1::<f32>();
    let first = gradient()?;
    let other = Var::from_tensor(&uniform((3, 5, 9, 8), 1))?;
    blocks.forward_t(&other, true)?.sum_all()?.backward()?;
    assert_eq!(gradient()?, first);
    assert!(first.iter().any(|&value| value != 0.0));
    Ok(())
}

/// A single large batch, a batch of one image and an empty one, in any memory layout.
#[test]
fn batches_of_any_size_and_layout_train_as_the_layers_do() -> Result<()> {
    for batch in [0, 1, 17] {
        let found = |change: fn(Block) -> Block| {
            let (varmap, blocks) = two_blocks()?;
            let blocks = Blocks::new(blocks.into_iter().map(change).collect());
            let x = Var::from_tensor(&uniform((batch, 5, 8, 9), 3))?;
            let output = blocks.forward_t(&x.transpose(2, 3)?, true)?;
            let (output, running) = (output.detach(), varmap.data().lock().unwrap().clone());
            let mut found = vec![("output".to_owned(), output)];
            for (name, var) in running.iter().filter(|(name, _)| name.contains("running")) {
                found.push((name.clone(), var.as_tensor().copy()?));
            }
            found.sort_by(|(a, _), (b, _)| a.cmp(b));
            Ok::<_, candle_core::Error>(found)
        };
        let (ours, theirs) = (found(|block| block)?, found(Block::without_kernels)?);
        if batch > 0 {
            assert_close(&ours, &theirs);
            continue;
        }
        for ((name, ours), (_, theirs)) in ours.iter().zip(&theirs) {
            assert_eq!(ours.dims(), theirs.dims(), "{name}");
            assert_eq!(
                ours.flatten_all()?.to_vec1::<f32>()?,
                theirs.flatten_all()?.to_vec1::<f32>()?,
                "an empty batch moves nothing: {name}"
            );
        }
    }
    Ok(())
}

/// Blocks with frozen parameters or a frozen input give the other gradients as before.
#[test]
fn frozen_parameters_have_no_gradients() -> Result<()> {
    let (varmap, blocks) = two_blocks()?;
    let x = Var::from_tensor(&uniform((3, 5, 9, 8), 0))?;
    let all = train(&blocks[0].clone(), &keep(&varmap, "block1"), &x)?;
    blocks[0].dropout().set_step(0);
    let output = blocks[0].forward_t(&x.as_detached_tensor(), true)?;
    let grads = (&output * uniform(output.shape(), 4))?.sum_all()?.backward()?;
    assert!(grads.get(&x).is_none());
    let weight = grads.get(blocks[0].conv().weight()).unwrap();
    let expected = &all.iter().find(|(name, _)| name == "block1.conv.weight").unwrap().1;
    assert_eq!(weight.flatten_all()?.to_vec1::<f32>()?, expected.flatten_all()?.to_vec1::<f32>()?);

    let file: std::collections::HashMap<String, Tensor> = varmap
        .data()
        .lock()
        .unwrap()
        .iter()
        .map(|(name, var)| (name.clone(), var.as_detached_tensor()))
        .collect();
    let frozen = VarBuilder::from_tensors(file, DType::F32, &Device::Cpu);
    let config = BlockConfig { dropout: 0.3, pool: true, padding: 1 };
    let frozen = block(5, 12, config, frozen.pp("block1"))?.with_seed(3);
    let output = frozen.forward_t(&x, true)?;
    let grads = (&output * uniform(output.shape(), 4))?.sum_all()?.backward()?;
    let expected = &all.iter().find(|(name, _)| name == "x").unwrap().1;
    let found = grads.get(&x).unwrap();
    assert_eq!(found.flatten_all()?.to_vec1::<f32>()?, expected.flatten_all()?.to_vec1::<f32>()?);
    Ok(())
}

/// The variables of a map whose names contain `part`.
fn keep(varmap: &VarMap, part: &str) -> VarMap {
    let vars = VarMap::new();
    for (name, var) in varmap.data().lock().unwrap().iter().filter(|(name, _)| name.contains(part)) {
        vars.data().lock().unwrap().insert(name.clone(), var.clone());
    }
    vars
}

#[test]
fn no_blocks_wide_paddings_and_impossible_rates() -> Result<()> {
    let x = uniform((2, 5, 9, 8), 0);
    let none = Blocks::new(Vec::new());
    assert_eq!(none.forward_t(&x, true)?.dims(), [2, 5, 9, 8]);
    assert_eq!(none.with_global_average().forward_t(&x, false)?.dims(), [2, 5]);
    let vb = VarBuilder::from_varmap(&VarMap::new(), DType::F32, &Device::Cpu);
    // Beyond the kernels' paddings it is the layers.
    let wide = block(5, 3, BlockConfig { padding: 4, ..Default::default() }, vb.pp("wide"))?;
    assert_eq!(wide.forward_t(&x, true)?.dims(), [2, 3, 15, 14]);
    for dropout in [1.0, -0.5, f32::NAN] {
        let block = block(5, 3, BlockConfig { dropout, ..Default::default() }, vb.pp("rate"))?;
        let message = block.forward_t(&x, true).unwrap_err().to_string();
        assert!(message.contains("at least 0 and less than 1"), "{message}");
    }
    // Blocks that do not fit one another.
    let blocks = [("one", 5, 3), ("other", 4, 3)];
    let blocks = blocks.map(|(name, from, to)| block(from, to, BlockConfig::default(), vb.pp(name)));
    let blocks = Blocks::new(blocks.into_iter().collect::<Result<_>>()?);
    for train in [true, false] {
        let message = blocks.forward_t(&x, train).unwrap_err().to_string();
        assert!(message.contains("4 channels"), "{message}");
    }
    Ok(())
}

#[test]
fn fused_blocks_refuse_images_of_another_form() -> Result<()> {
    let block = BlockSpec { out_channels: 3, padding: 1, dropout: 0.0, pool: false, mask: 0 };
    let spec = TrunkSpec {
        in_channels: 2,
        height: 4,
        width: 6,
        blocks: vec![block],
        output: Output::Map,
        algorithm: Algorithm::Direct,
    };
    let blocks = FusedBlocks::new(spec, Isa::best())?;
    let params = uniform(3 * 2 * 9 + 6, 1);
    assert_eq!(blocks.forward_train(&uniform((2, 2, 4, 6), 0), &params, None)?.output.dims(), [2, 3, 4, 6]);
    // As many values, other axes.
    for shape in [&[2, 2, 6, 4][..], &[2, 4, 2, 6], &[1, 4, 4, 6], &[2, 48], &[96]] {
        let x = uniform((2, 2, 4, 6), 0).reshape(shape)?;
        let message = blocks.forward_train(&x, &params, None).unwrap_err().to_string();
        assert!(message.contains("[b, 2, 4, 6]") && message.contains(&format!("{shape:?}")), "{message}");
    }
    assert!(blocks.forward_train(&uniform((2, 2, 4, 6), 0), &uniform(59, 1), None).is_err());
    let wide = uniform((2, 2, 4, 6), 0).to_dtype(DType::F64)?;
    assert!(blocks.forward_train(&wide, &params, None).unwrap_err().to_string().contains("F64"));
    Ok(())
}
