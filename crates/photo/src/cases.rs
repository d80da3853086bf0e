//! Pictures made as people's are, each with what is to be found in it: for measurements of [`Picture::digit`](crate::Picture::digit)
//! and of its doubts.
//!
//! A [`Kind`] is one way in which pictures are odd: a digit that fills its picture, a page on a dark table, a box around the digit.
//! [`Kind::case`] makes any number of pictures of it, each a function of a seed and an index. The ink is real handwriting or that
//! of a pen. Half of the kinds are held out: they are for looking whether what was made for the others holds for these.

mod canvas;
mod case;
mod kinds;
mod mask;
mod scene;
mod strokes;

pub use case::{Case, Expected, Kind};
pub use kinds::KINDS;
pub use scene::Handwriting;

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn equal_seeds_give_equal_pictures_of_every_kind() {
        let data = adder_data::load(&adder_data::Source::Embedded, &mut |_| ()).unwrap().evaluation;
        let handwriting = Handwriting::new(data.images(), data.labels()).unwrap();
        let names: HashSet<&str> = KINDS.iter().map(|kind| kind.name).collect();
        assert_eq!(names.len(), KINDS.len());
        for kind in KINDS {
            let [one, again, other] =
                [(1, 2), (1, 2), (1, 3)].map(|(seed, index)| kind.case(handwriting, seed, index));
            assert_eq!((&one.picture, &one.expected), (&again.picture, &again.expected), "{}", kind.name);
            assert_ne!(one.picture, other.picture, "{}", kind.name);
            let (width, height) = one.picture.dimensions();
            assert!(width.min(height) >= crate::MIN_SIDE, "{} of {width}x{height}", kind.name);
        }
    }

    #[test]
    fn handwriting_needs_a_label_for_each_image() {
        assert!(Handwriting::new(&[0; 784], &[3]).is_some());
        assert!(Handwriting::new(&[0; 784], &[3, 4]).is_none());
        assert!(Handwriting::new(&[0; 783], &[3]).is_none());
        assert!(Handwriting::new(&[], &[]).is_none());
    }
}
