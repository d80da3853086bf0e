//! A tensor as a file describes it: where its elements lie, and in which order.

use super::element::Element;

/// A tensor whose values were not looked at yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tensor<'a> {
    pub(crate) content: Content<'a>,
    pub(crate) element: Element,
    /// The place of the first element in the storage, in elements.
    pub(crate) offset: usize,
    pub(crate) shape: Vec<usize>,
    /// The distance between neighbors of each axis, in elements.
    pub(crate) stride: Vec<usize>,
    /// The element types' bytes are the other way round than the file's.
    pub(crate) big_endian: bool,
    /// PyTorch's negative bit: the values are those of the storage with the other sign.
    pub(crate) negated: bool,
}

/// Where a tensor's elements lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Content<'a> {
    /// In the storage of this name.
    Storage(&'a str),
    /// Here.
    Bytes(&'a [u8]),
    /// Here, as text with a character for each byte: so Python 3 writes bytes for Python 2.
    Latin1(&'a str),
}

/// What stands in place of a tensor, for words.
pub(crate) type Unreadable = String;

impl<'a> Tensor<'a> {
    /// A tensor whose elements lie one behind the other, the last axis fastest, or, as in Fortran, the first.
    pub(crate) fn contiguous(
        content: Content<'a>,
        element: Element,
        shape: Vec<usize>,
        fortran: bool,
    ) -> Self {
        let mut stride = vec![1usize; shape.len()];
        let mut distance = 1usize;
        let axes: Vec<usize> =
            if fortran { (0..shape.len()).collect() } else { (0..shape.len()).rev().collect() };
        for axis in axes {
            stride[axis] = distance;
            distance = distance.saturating_mul(shape[axis]);
        }
        Self { content, element, offset: 0, shape, stride, big_endian: false, negated: false }
    }

    /// Element type and shape, for words.
    pub(crate) fn describe(&self) -> String {
        format!("{} {:?}", self.element.name, self.shape)
    }

    /// The number of elements; nothing where it can't be counted.
    pub(crate) fn count(&self) -> Option<usize> {
        self.shape.iter().try_fold(1usize, |count, &size| count.checked_mul(size))
    }

    /// The number of bytes that the storage must have at least; nothing where it can't be counted.
    pub(crate) fn reach(&self) -> Option<usize> {
        if self.count()? == 0 {
            return Some(0);
        }
        let mut last = self.offset;
        for (&size, &stride) in self.shape.iter().zip(&self.stride) {
            last = last.checked_add((size - 1).checked_mul(stride)?)?;
        }
        last.checked_add(1)?.checked_mul(self.element.bytes)
    }

    /// The values in the order of the axes, the last one fastest; nothing where the storage is too small or the type is none that
    /// a weight has. `big_endian` says how the file has its storages.
    pub(crate) fn values(&self, storage: &[u8], big_endian: bool) -> Option<Vec<f32>> {
        let convert = self.element.to_f32(big_endian || self.big_endian)?;
        if self.reach()? > storage.len() {
            return None;
        }
        let (count, size) = (self.count()?, self.element.bytes);
        let mut values = Vec::with_capacity(count);
        let mut index = vec![0; self.shape.len()];
        let mut place = self.offset;
        for _ in 0..count {
            let value = convert(&storage[place * size..][..size]);
            values.push(if self.negated { -value } else { value });
            for axis in (0..index.len()).rev() {
                index[axis] += 1;
                place += self.stride[axis];
                if index[axis] < self.shape[axis] {
                    break;
                }
                place -= self.stride[axis] * index[axis];
                index[axis] = 0;
            }
        }
        Some(values)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbered(shape: &[usize], stride: &[usize], offset: usize) -> Tensor<'static> {
        let element = Element::of_torch("float32");
        let mut tensor = Tensor::contiguous(Content::Bytes(&[]), element, shape.to_vec(), false);
        tensor.stride = stride.to_vec();
        tensor.offset = offset;
        tensor
    }

    fn storage(count: usize) -> Vec<u8> {
        (0..count).flat_map(|number| (number as f32).to_le_bytes()).collect()
    }

    #[test]
    fn strides_are_followed() {
        for (shape, stride, offset, expected) in [
            (&[2, 3][..], &[3, 1][..], 0, &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0][..]),
            (&[3, 2], &[1, 3], 0, &[0.0, 3.0, 1.0, 4.0, 2.0, 5.0]),
            (&[2, 2], &[0, 1], 4, &[4.0, 5.0, 4.0, 5.0]),
            (&[], &[], 3, &[3.0]),
            (&[2, 0], &[7, 9], 100, &[]),
            (&[1, 2, 2], &[50, 1, 2], 1, &[1.0, 3.0, 2.0, 4.0]),
        ] {
            let values = numbered(shape, stride, offset).values(&storage(6), false);
            assert_eq!(values.as_deref(), Some(expected), "{shape:?} {stride:?} {offset}");
        }
        let fortran = Tensor::contiguous(Content::Bytes(&[]), Element::of_numpy("f4"), vec![2, 3], true);
        assert_eq!(fortran.values(&storage(6), false).unwrap(), [0.0, 2.0, 4.0, 1.0, 3.0, 5.0]);
    }

    #[test]
    fn a_tensor_that_reaches_beyond_its_storage_is_none() {
        // The last one that fits, and one element more.
        assert!(numbered(&[2, 2], &[2, 1], 2).values(&storage(6), false).is_some());
        assert!(numbered(&[2, 2], &[2, 1], 3).values(&storage(6), false).is_none());
        for (shape, stride) in
            [([usize::MAX, 2], [1, 1]), ([2, 2], [usize::MAX, 1]), ([2, 1], [usize::MAX / 2, 1])]
        {
            assert!(numbered(&shape, &stride, 0).values(&storage(6), false).is_none());
        }
    }

    #[test]
    fn other_types_are_rounded_and_bits_of_f32_stay() {
        let read = |name: &str, bytes: &[u8], big_endian| {
            let tensor = Tensor::contiguous(Content::Bytes(&[]), Element::of_torch(name), vec![1], false);
            tensor.values(bytes, big_endian).map(|values| values[0].to_bits())
        };
        assert_eq!(read("float32", &0x7fc0_1234u32.to_le_bytes(), false), Some(0x7fc0_1234));
        assert_eq!(read("float32", &1.5f32.to_be_bytes(), true), Some(1.5f32.to_bits()));
        assert_eq!(read("float64", &0.1f64.to_le_bytes(), false), Some(0.1f32.to_bits()));
        assert_eq!(read("float16", &[0x00, 0x3e], false), Some(1.5f32.to_bits()));
        assert_eq!(read("bfloat16", &[0xc0, 0x3f], false), Some(1.5f32.to_bits()));
        assert_eq!(read("int64", &[0; 8], false), None);
    }
}
