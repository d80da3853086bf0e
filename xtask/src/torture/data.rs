//! The images of a training that lasts a moment: IDX files of noise.

use super::generator::Generator;
use crate::process::Failure;
use std::fs;
use std::path::Path;

/// Images in the training files and in the evaluation files.
const SETS: [(&str, u32); 2] = [("train", 60), ("t10k", 20)];
const SIDE: u32 = 28;
const CLASSES: u32 = 10;

/// Writes the four files into a new folder.
pub(crate) fn write(folder: &Path) -> Result<(), Failure> {
    let cannot = |error: std::io::Error| format!("cannot write images into {}: {error}", folder.display());
    fs::create_dir_all(folder).map_err(cannot)?;
    let mut generator = Generator::new(1);
    for (name, count) in SETS {
        let pixels: Vec<u8> = (0..count * SIDE * SIDE).map(|_| pixel(generator.next())).collect();
        let labels: Vec<u8> = (0..count).map(|index| (index % CLASSES) as u8).collect();
        let images = idx(0x803, &[count, SIDE, SIDE], &pixels);
        fs::write(folder.join(format!("{name}-images-idx3-ubyte")), images).map_err(cannot)?;
        fs::write(folder.join(format!("{name}-labels-idx1-ubyte")), idx(0x801, &[count], &labels))
            .map_err(cannot)?;
    }
    Ok(())
}

/// A fifth of the pixels is not black, as in an image of a digit.
fn pixel(random: u64) -> u8 {
    if random.is_multiple_of(5) { (random >> 8) as u8 } else { 0 }
}

/// Big-endian words and then bytes: an IDX file.
fn idx(magic: u32, dimensions: &[u32], content: &[u8]) -> Vec<u8> {
    let head = [magic].into_iter().chain(dimensions.iter().copied());
    head.flat_map(u32::to_be_bytes).chain(content.iter().copied()).collect()
}
