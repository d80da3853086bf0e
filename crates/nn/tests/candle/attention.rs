//! Attention on the CPU and caches of keys and values.

use candle_core::{D, Result, Tensor};
use candle_nn::attention::{AttnMask, flash_attn};
use candle_nn::kv_cache::RotatingKvCache;

use crate::check::{CPU, counting, fault, gradient, no_gradient, right, tensor};

/// Attention of queries that are equally near to all keys: the mean of the values that the mask lets through.
fn mean_of_seen(batch: usize, queries: usize, keys: usize, mask: AttnMask) -> Result<Tensor> {
    let q = tensor(&vec![0.; batch * queries * 8], &[batch, queries, 1, 8])?;
    let k = tensor(&vec![0.; batch * keys * 8], &[batch, keys, 1, 8])?;
    let v = Tensor::arange(0f32, keys as f32, CPU)?.reshape((1, keys, 1, 1))?;
    let v = v.broadcast_as((batch, keys, 1, 8))?.contiguous()?;
    flash_attn::<f32>(&q, &k, &v, 1., mask, None, None)?.narrow(3, 0, 1)
}

#[test]
fn causal_attention_of_one_query() -> Result<()> {
    // Query 0 is to see key 0 alone. With one query, all keys are seen, whatever the offset.
    fault(&mean_of_seen(1, 1, 3, AttnMask::causal())?, &[1.], &[0.]);
    right(&mean_of_seen(1, 2, 3, AttnMask::causal())?, &[0., 0.5]);
    let seen = tensor(&[0., f32::NEG_INFINITY, f32::NEG_INFINITY], &[1, 1, 1, 3])?;
    right(&mean_of_seen(1, 1, 3, AttnMask::Mask(seen))?, &[0.]);
    Ok(())
}

#[test]
fn causal_attention_of_a_batch() -> Result<()> {
    // In a batch, the last query is taken to see the last key, whatever the offset.
    fault(&mean_of_seen(2, 2, 3, AttnMask::causal())?, &[0.5, 1., 0.5, 1.], &[0., 0.5, 0., 0.5]);
    let item = mean_of_seen(1, 2, 3, AttnMask::causal())?;
    right(&Tensor::cat(&[&item, &item], 0)?, &[0., 0.5, 0., 0.5]);
    Ok(())
}

#[test]
fn soft_cap_of_one_query() -> Result<()> {
    // Logits 0 and 8, capped by tanh to 0 and 1: the second value gets sigmoid(1). With one query, the cap brings
    // in a bias of ALiBi that was not asked for: one less for each step back, which makes sigmoid(2).
    let q = tensor(&[1.; 8], &[1, 1, 1, 8])?;
    let k = Tensor::cat(&[q.zeros_like()?, q.ones_like()?], 1)?;
    let capped = |mask| flash_attn::<f32>(&q, &k, &k, 1., mask, None, Some(1.))?.narrow(3, 0, 1);
    let causal = AttnMask::Causal { kv_offset: 1 };
    fault(&capped(causal)?.round_to(5)?, &[0.8808], &[0.73106]);
    right(&capped(AttnMask::None)?.round_to(5)?, &[0.73106]);
    Ok(())
}

#[test]
fn alibi_without_a_mask() -> Result<()> {
    // Equal keys, a bias of -2 s, -s and 0 with s = 2^-0.5, values 0, 1 and 2.
    let q = tensor(&[0.; 8], &[1, 1, 1, 8])?;
    let k = Tensor::cat(&[&q, &q, &q], 1)?;
    let v = tensor(&[0., 1., 2.], &[1, 3, 1, 1])?.broadcast_as((1, 3, 1, 8))?.contiguous()?;
    let biased =
        |mask, bias| flash_attn::<f32>(&q, &k, &v, 1., mask, bias, None)?.narrow(3, 0, 1)?.round_to(4);
    fault(&biased(AttnMask::None, Some(0.5))?, &[1.], &[1.4359]);
    let slope = 0.5f32.sqrt();
    let by_hand = tensor(&[-2. * slope, -slope, 0.], &[1, 1, 1, 3])?;
    right(&biased(AttnMask::Mask(by_hand), None)?, &[1.4359]);
    right(&biased(AttnMask::causal_with_offset(2), Some(0.5))?, &[1.4359]);
    Ok(())
}

#[test]
fn attention_to_strided_keys() -> Result<()> {
    // Keys whose last axis is not contiguous are read as they lie in the storage. Here they are (0, 1, 0 ...) and
    // (0 ..., 9), the query counts their second and last values, and the values are 0 and 1.
    let q = tensor(&[0., 1., 0., 0., 0., 0., 0., 1.], &[1, 1, 1, 8])?;
    let mut interleaved = [0.; 16];
    (interleaved[2], interleaved[15]) = (1., 9.);
    let k = tensor(&interleaved, &[1, 8, 2, 1])?.transpose(1, 2)?.transpose(2, 3)?;
    let v = tensor(&[0., 1.], &[1, 2, 1, 1])?.broadcast_as((1, 2, 1, 8))?.contiguous()?;
    let attend = |k: &Tensor| flash_attn::<f32>(&q, k, &v, 0.1, AttnMask::None, None, None)?.narrow(3, 0, 1);
    // sigmoid(0.1 * (9 - 1))
    right(&attend(&k.contiguous()?)?.round_to(4)?, &[0.69]);
    fault(&attend(&k)?.round_to(4)?, &[0.525], &[0.69]);
    Ok(())
}

#[test]
fn attention_without_gradient() -> Result<()> {
    let q = counting(&[1, 2, 1, 8])?;
    let fused = flash_attn::<f32>(&q, &q, &q, 0.01, AttnMask::None, None, None)?;
    no_gradient(&fused, &q)?;
    let rows = q.transpose(1, 2)?.contiguous()?;
    let weights = candle_nn::ops::softmax(&(rows.matmul(&rows.t()?)? * 0.01)?, D::Minus1)?;
    let instead = weights.matmul(&rows)?;
    right(&instead.sub(&fused)?.abs()?.round_to(4)?, &[0.; 16]);
    assert_eq!(gradient(&instead, &q)?.dims(), q.dims());
    Ok(())
}

#[test]
fn rotating_cache_mask() -> Result<()> {
    // Of a context of three, the fourth query is to see three keys, as it does when they come one by one.
    let mut cache = RotatingKvCache::new(0, 3);
    let mask = cache.attn_mask(5, CPU)?.expect("more than one query");
    fault(&mask.get(3)?, &[0., 0., 0., 0., 1.], &[1., 0., 0., 0., 1.]);
    let instead = (0..5).map(|key: usize| u8::from(key > 3 || key + 3 <= 3));
    right(&Tensor::from_iter(instead, CPU)?, &[1., 0., 0., 0., 1.]);
    for position in 0..3 {
        let key = Tensor::new(&[position as f32], CPU)?;
        cache.append(&key, &key)?;
    }
    let key = Tensor::new(&[3f32], CPU)?;
    right(&cache.append(&key, &key)?.0, &[3., 1., 2.]);
    Ok(())
}
