//! Fused blocks against the same blocks layer by layer on candle's operations.

use adder_kernels::Isa;
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
        let vars = VarMap::new();
        for (name, var) in varmap.data().lock().unwrap().iter().filter(|(name, _)| name.contains("block1")) {
            vars.data().lock().unwrap().insert(name.clone(), var.clone());
        }
        train(&block, &vars, &x)
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
