use super::*;
use crate::PIXELS;

fn numbers(bytes: &[u8], element: Element, items: Items, dimensions: &[u64]) -> Result<Vec<u8>, Problem> {
    let array = Array { layout: items.layout(dimensions)?, element, header: 0 };
    array.read(&mut &bytes[..], bytes.len() as u64)
}

fn images_of(values: &[f32]) -> Result<Vec<u8>, Problem> {
    let mut all = vec![0.0; PIXELS];
    all[..values.len()].copy_from_slice(values);
    let bytes: Vec<u8> = all.iter().flat_map(|value| value.to_le_bytes()).collect();
    let element = Element { number: Number::Float, width: 4, order: ByteOrder::Little };
    let pixels = numbers(&bytes, element, Items::Images, &[1, 28, 28])?;
    Ok(pixels[..values.len()].to_vec())
}

#[test]
fn every_type_of_number_is_read() {
    let signed = |width, order| Element { number: Number::Signed, width, order };
    let cases: [(Element, Vec<u8>); 7] = [
        (signed(1, ByteOrder::Big), vec![7]),
        (signed(2, ByteOrder::Big), 7i16.to_be_bytes().to_vec()),
        (signed(4, ByteOrder::Big), 7i32.to_be_bytes().to_vec()),
        (signed(8, ByteOrder::Little), 7i64.to_le_bytes().to_vec()),
        (Element { number: Number::Float, ..signed(8, ByteOrder::Big) }, 7f64.to_be_bytes().to_vec()),
        (Element { number: Number::Float, ..signed(4, ByteOrder::Little) }, 7f32.to_le_bytes().to_vec()),
        (Element { number: Number::Unsigned, ..signed(2, ByteOrder::Little) }, vec![7, 0]),
    ];
    for (element, bytes) in cases {
        assert_eq!(numbers(&bytes, element, Items::Labels, &[1]), Ok(vec![7]), "{element:?}");
    }
    let minus = numbers(&(-3i32).to_be_bytes(), signed(4, ByteOrder::Big), Items::Labels, &[1]);
    assert_eq!(minus, Err(Problem::Label { index: 0, found: "-3".into(), least: -3, most: -3 }));
}

#[test]
fn fractions_and_whole_numbers_give_the_same_bytes() {
    let bytes: Vec<u8> = (0..=255).collect();
    let fractions: Vec<f32> = bytes.iter().map(|&byte| f32::from(byte) / 255.0).collect();
    let products: Vec<f32> = bytes.iter().map(|&byte| f32::from(byte) * (1.0 / 255.0)).collect();
    let whole: Vec<f32> = bytes.iter().map(|&byte| f32::from(byte)).collect();
    for values in [fractions, products, whole] {
        assert_eq!(images_of(&values).unwrap(), bytes);
    }
    assert_eq!(images_of(&[1.0, 0.0, 1.0]), Ok(vec![255, 0, 255]), "black and white");
    assert_eq!(images_of(&[1.0, 0.0, 2.0]), Ok(vec![1, 0, 2]), "the 2 tells that 1 is dark");
}

#[test]
fn pixels_on_another_scale_are_named() {
    for values in [&[-0.5][..], &[0.5019608, 2.0], &[256.0], &[0.3], &[2.0, 2.5], &[f32::NAN]] {
        let refused = images_of(values).unwrap_err();
        assert!(matches!(refused, Problem::Pixel { image: 0, .. }), "{values:?}: {refused}");
    }
}

#[test]
fn shapes_are_taken_or_explained() {
    for shape in [&[3, 28, 28][..], &[3, 28, 28, 1], &[3, 1, 28, 28], &[3, 784]] {
        assert_eq!(Items::Images.layout(shape).map(|layout| layout.values), Ok(PIXELS), "{shape:?}");
    }
    for (shape, words) in [
        (&[600, 32, 32][..], "padded for LeNet"),
        (&[600, 8, 8], "scikit-learn"),
        (&[600, 64], "scikit-learn"),
        (&[600, 28, 28, 3], "three channels"),
        (&[28, 28, 600], "last dimension"),
        (&[1 << 24, 28 << 24, 28 << 24], "little-endian"),
        (&[600], "labels"),
        (&[600, 20, 20], "20x20 pixels instead of 28x28"),
    ] {
        let refused = Items::Images.layout(shape).unwrap_err().to_string();
        assert!(refused.contains(words) && refused.contains("[count, 28, 28]"), "{refused}");
    }
    let one_hot = Items::Labels.layout(&[600, 10]).unwrap_err().to_string();
    assert!(one_hot.contains("one-hot"), "{one_hot}");
    assert_eq!(Items::Labels.layout(&[0]), Err(Problem::Empty));
    assert_eq!(Items::Labels.layout(&[u64::MAX]), Err(Problem::TooMany { found: u64::MAX }));
}

#[test]
fn the_range_of_wrong_labels_says_where_they_come_from() {
    for (labels, words) in [
        (&[3, 10, 1][..], "counted from 1"),
        (&[1, 26, 4], "letters"),
        (&[0, 46], "letters"),
        (&[0, 200], "run from 0 to 200"),
    ] {
        let refused = check_labels(labels).unwrap_err().to_string();
        assert!(refused.contains(words), "{labels:?}: {refused}");
    }
}
