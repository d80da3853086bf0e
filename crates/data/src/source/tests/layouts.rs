//! Folders as people have them.

use std::path::PathBuf;

use super::*;

/// Writes the four files under names below `folder`, those of `.gz` packed.
fn put(folder: &Path, names: [&str; 4]) {
    for (part, name) in Part::ALL.into_iter().zip(names) {
        let bytes = if name.ends_with(".gz") { packed(&content(part)) } else { content(part) };
        write(folder, name, &bytes);
    }
}

fn write(folder: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, bytes).unwrap();
    path
}

/// MNIST's names, changed.
fn names(change: impl Fn(&str) -> String) -> [String; 4] {
    Part::ALL.map(|part| change(part.name()))
}

fn put_changed(folder: &Path, change: impl Fn(&str) -> String) {
    let names = names(change);
    put(folder, names.each_ref().map(String::as_str));
}

#[track_caller]
fn is_the_set(dataset: Result<Dataset>) {
    let dataset = dataset.unwrap();
    assert_eq!(dataset.train.images(), &images(3)[16..]);
    assert_eq!(dataset.train.labels(), [0, 1, 2]);
    assert_eq!(dataset.evaluation.images(), &images(2)[16..]);
    assert_eq!(dataset.evaluation.labels(), [0, 1]);
}

#[test]
fn the_four_files_are_found_under_all_names_in_use() {
    let layouts: [&dyn Fn(&str) -> String; 13] = [
        &|name| name.to_owned(),
        &|name| format!("{name}.gz"),
        &|name| name.replace("-idx", ".idx"),
        &|name| format!("{name}/{name}"),
        &|name| format!("{}/{}", name.replace("-idx", ".idx"), name.replace("-idx", ".idx")),
        &|name| name.replace("t10k", "test"),
        &|name| name.to_uppercase(),
        &|name| format!("emnist-digits-{}.gz", name.replace("t10k", "test")),
        &|name| {
            format!("qmnist-{}", name.replace("t10k", "test").replace("labels-idx1-ubyte", "labels-idx2-int"))
        },
        &|name| format!("MNIST/raw/{name}"),
        &|name| format!("raw/{name}.gz"),
        &|name| format!("EMNIST/raw/gzip/emnist-mnist-{}.gz", name.replace("t10k", "test")),
        &|name| format!("{name} (1).gz"),
    ];
    for layout in layouts {
        let folder = tempfile::tempdir().unwrap();
        put_changed(folder.path(), layout);
        // What lies beside it in such folders.
        write(folder.path(), "emnist-digits-mapping.txt", b"0 48\n");
        write(folder.path(), "._train-images-idx3-ubyte", b"\0\x05\x16\x07");
        is_the_set(load_directory(folder.path()));
    }
}

#[test]
fn a_sound_file_stands_in_for_a_broken_one_and_that_is_told() {
    let folder = tempfile::tempdir().unwrap();
    put_changed(folder.path(), |name| format!("{name}.gz"));
    let stopped = write(folder.path(), "train-images-idx3-ubyte", b"");
    let taken = folder.path().join("train-images-idx3-ubyte.gz");
    let mut told = Vec::new();
    let source = Source::Directory(folder.path().to_owned());
    let dataset = load(&source, &mut |event| match event {
        LoadEvent::Skipped(skipped) => told.push(skipped.clone()),
        other => panic!("{other:?}"),
    });
    is_the_set(dataset);
    let error = Error::File { file: stopped.display().to_string(), problem: Problem::NoBytes };
    assert_eq!(told, [SkippedFile { file: stopped, error: error.clone(), taken: taken.clone() }]);

    // With nothing to stand in, the first is named.
    fs::write(&taken, b"<html>").unwrap();
    assert_eq!(load_directory(folder.path()), Err(error));
}

#[test]
fn the_set_nearest_to_the_top_is_taken_and_a_tie_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    put_changed(path, |name| format!("emnist-digits-{}", name.replace("t10k", "test")));
    put_changed(path, |name| format!("below/{name}"));
    is_the_set(load_directory(path));

    for name in names(|name| format!("emnist-letters-{}", name.replace("t10k", "test"))) {
        write(path, &name, b"never read");
    }
    let (digits, letters) = (path.join("emnist-digits"), path.join("emnist-letters"));
    let ambiguous = Error::Ambiguous { path: path.to_owned(), found: vec![digits.clone(), letters] };
    assert_eq!(load_directory(path), Err(ambiguous.clone()));
    assert!(ambiguous.to_string().contains(&digits.display().to_string()), "{ambiguous}");
    // Each of the paths that it names chooses one, and so does a file.
    is_the_set(load_directory(&digits));
    is_the_set(load_directory(&path.join("EMNIST_Digits")));
    is_the_set(load_directory(&path.join("emnist-digits-test-labels-idx1-ubyte")));
    is_the_set(load_directory(&path.join("below/train-images-idx3-ubyte")));

    let apart = tempfile::tempdir().unwrap();
    for set in ["MNIST", "FashionMNIST"] {
        put_changed(apart.path(), |name| format!("{set}/raw/{name}"));
    }
    let found = ["FashionMNIST/raw", "MNIST/raw"].map(|name| apart.path().join(name)).to_vec();
    assert_eq!(load_directory(apart.path()), Err(Error::Ambiguous { path: apart.path().to_owned(), found }));
    is_the_set(load_directory(&apart.path().join("MNIST")));
}

#[test]
fn what_is_not_taken_is_named_with_what_would_be() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "mnist/train-00000-of-00001.parquet", b"PAR1\x15\x04");
    write(folder.path(), "training.pt", b"\x80\x02\x8a\x0a");
    write(folder.path(), "mnist_train.csv", b"5,0,0");
    let error = load_directory(folder.path()).unwrap_err();
    let Error::NoData { found, .. } = &error else { panic!("{error}") };
    assert_eq!(
        found[..],
        [
            "mnist_train.csv (a table as text)",
            "training.pt (a pickle of Python or PyTorch)",
            "mnist/train-00000-of-00001.parquet (a Parquet file)"
        ]
    );
    for words in ["(a Parquet file)", "train-images-idx3-ubyte", "mnist.npz of it", "train/3/*.png"] {
        assert!(error.to_string().contains(words), "{error}");
    }
    let file = folder.path().join("training.pt");
    assert!(matches!(load_directory(&file), Err(Error::NoData { path, .. }) if path == file));
    let empty = tempfile::tempdir().unwrap();
    let error = load_directory(empty.path()).unwrap_err().to_string();
    assert!(error.ends_with("found nothing"), "{error}");
}

#[test]
fn what_to_do_about_other_files_is_said_of_them_and_of_their_folders() {
    let mut tar = vec![b'a'; 512];
    tar[257..262].copy_from_slice(b"ustar");
    for (name, bytes, advice) in [
        ("mnist.zip", &b"PK\x03\x04 not read"[..], "unpack it"),
        ("mnist.tar", &tar, "unpack it"),
        ("mnist.tar.xz", b"\xfd7zXZ\0", "unpack it"),
        ("train.csv", b"label,1x1\n5,0\n", "mnist.npz of it"),
        ("mnist.parquet", b"PAR1\x15\x04", "mnist.npz of it"),
        ("mnist-original.mat", b"MATLAB 5.0", "mnist.npz of it"),
        (
            "mnist.pkl.gz",
            &packed(b"\x80\x02]q\x01"),
            "of a pickle of Python or PyTorch); make an mnist.npz of it",
        ),
        ("old.pkl.gz", &packed(b"(lp1\n"), "of a pickle of Python); make an mnist.npz of it"),
        ("train.csv.gz", &packed(b"label,1x1\n5,0\n"), "of a table as text); make an mnist.npz of it"),
        ("mnist.tgz", &packed(&tar), "of a tar archive); unpack it"),
        ("mnist.gz", &packed(b"something"), "(gzip data); unpack it"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let file = write(folder.path(), name, bytes);
        let of_folder = load_directory(folder.path()).unwrap_err().to_string();
        assert!(of_folder.contains(advice) && of_folder.contains(name), "{name}: {of_folder}");
        assert!(of_folder.len() < 500, "{of_folder}");
        let of_file = load_directory(&file).unwrap_err().to_string();
        // A zip archive may be one of arrays, and is looked into.
        assert!(of_file.contains(advice) || of_file.contains("zip archive"), "{name}: {of_file}");
    }
}

#[test]
fn a_set_in_which_there_is_nothing_to_see_is_refused() {
    let folder = small_set();
    let mut black = images(3);
    black[16..].fill(0);
    fs::write(folder.path().join("train-images-idx3-ubyte"), black).unwrap();
    let refused = load_directory(folder.path());
    let blank = |problem: &Problem| *problem == Problem::Blank { images: 3, value: 0 };
    assert!(matches!(&refused, Err(Error::File { problem, .. }) if blank(problem)), "{refused:?}");
}

mod arrays {
    use super::*;

    const DEFLATED: &[u8] = include_bytes!("../../../tests/golden/deflated.npz");
    const FLOATS: &[u8] = include_bytes!("../../../tests/golden/floats.npz");
    const STORED: &[u8] = include_bytes!("../../../tests/golden/stored.npz");

    /// Loads an archive of those bytes.
    fn loaded(bytes: &[u8]) -> Result<Dataset> {
        let folder = tempfile::tempdir().unwrap();
        load_directory(&write(folder.path(), "mnist.npz", bytes))
    }

    #[test]
    fn archives_as_numpy_writes_them_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let file = write(folder.path(), "some/mnist.npz", DEFLATED);
        let dataset = load_directory(&file).unwrap();
        assert_eq!((dataset.train.labels(), dataset.evaluation.labels()), (&[1, 2, 3][..], &[4, 5][..]));
        assert_eq!(dataset.train.image(2)[10 * 28 + 10], 102);
        assert_eq!(dataset.evaluation.image(1)[19 * 28 + 8], 201);
        assert_eq!(dataset.evaluation.image(1)[20 * 28 + 8], 0);
        let of_folder = load_directory(folder.path()).unwrap();
        assert_eq!(
            (of_folder.train, of_folder.evaluation),
            (dataset.train.clone(), dataset.evaluation.clone())
        );

        let floats = loaded(FLOATS).unwrap();
        assert_eq!((floats.train, floats.evaluation), (dataset.train.clone(), dataset.evaluation));
        let stored = loaded(STORED).unwrap();
        assert_eq!((stored.train.len(), stored.evaluation.len()), (1, 1));
        assert_eq!(stored.train.image(0), dataset.train.image(0));
    }

    #[test]
    fn other_arrays_are_listed() {
        let other = DEFLATED.to_vec();
        let other = replaced(other, b"y_test.npy", b"labels.npy");
        let Err(Error::Arrays { missing, found, .. }) = loaded(&other) else { panic!() };
        assert_eq!(missing, ["y_test"]);
        assert_eq!(found, ["x_train", "y_train", "x_test", "labels"]);
        let words = loaded(b"\x93NUMPY\x01\0").unwrap_err().to_string();
        assert!(words.contains("a NumPy array"), "{words}");
    }

    /// An archive with one stored entry.
    fn zipped(name: &str, content: &[u8]) -> Vec<u8> {
        archived(&[(name, content.to_vec())])
    }

    /// An archive of stored entries.
    fn archived(entries: &[(&str, Vec<u8>)]) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut archive = rawzip::ZipArchiveWriter::new(&mut bytes);
        for (name, content) in entries {
            let (mut entry, config) =
                archive.new_file(name).compression_method(rawzip::CompressionMethod::STORE).start().unwrap();
            let mut writer = config.wrap(&mut entry);
            writer.write_all(content).unwrap();
            let (_, descriptor) = writer.finish().unwrap();
            entry.finish(descriptor).unwrap();
        }
        archive.finish().unwrap();
        bytes
    }

    /// An array of bytes as `numpy.save` writes it, of what follows the header of an IDX file.
    fn array(bytes: &[u8], shape: &str, header: usize) -> Vec<u8> {
        let text = format!("{{'descr': '|u1', 'fortran_order': False, 'shape': ({shape},), }}");
        [b"\x93NUMPY\x01\x00", &(text.len() as u16).to_le_bytes()[..], text.as_bytes(), &bytes[header..]]
            .concat()
    }

    #[test]
    fn arrays_for_validation_are_said_to_be_left_out() {
        let (train, test) = (array(&images(3), "3, 28, 28", 16), array(&images(2), "2, 28, 28", 16));
        let [of_three, of_two] = [(3, "3"), (2, "2")].map(|(count, shape)| array(&labels(count), shape, 8));
        let mut entries = vec![
            ("x_train.npy", train),
            ("y_train.npy", of_three),
            ("x_test.npy", test.clone()),
            ("y_test.npy", of_two.clone()),
            ("class_names.npy", of_two.clone()),
        ];
        let told = |entries: &[(&str, Vec<u8>)]| {
            let folder = tempfile::tempdir().unwrap();
            let mut told = Vec::new();
            let path = write(folder.path(), "mnist.npz", &archived(entries));
            let loaded = load(&Source::Directory(path), &mut |event| told.push(format!("{event:?}")));
            is_the_set(loaded);
            told
        };
        assert_eq!(told(&entries), [""; 0]);
        entries.extend([("x_val.npy", test), ("y_val.npy", of_two)]);
        let told = told(&entries);
        assert!(
            told.len() == 1 && told[0].contains("Unused") && told[0].contains("mnist.npz: x_val"),
            "{told:?}"
        );
    }

    #[test]
    fn files_of_torchvisions_old_kind_are_named_in_their_folder() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "MNIST/processed/training.pt", &zipped("training/data.pkl", b"\x80\x02."));
        let error = load_directory(folder.path()).unwrap_err().to_string();
        assert!(error.contains("training.pt (a file of PyTorch); make an mnist.npz of it"), "{error}");
    }

    #[test]
    fn archives_of_other_things_are_named() {
        for (name, words) in [
            // What `torch.save` writes.
            (
                "training/data.pkl",
                "mnist.npz (a file of PyTorch: save its arrays as mnist.npz, see docs/data.md)",
            ),
            ("train-images-idx3-ubyte", "mnist.npz (a zip archive of other files: unpack it first)"),
        ] {
            let Err(Error::NoData { found, .. }) = loaded(&zipped(name, b"\x80\x02.")) else { panic!() };
            assert!(found[0].ends_with(words), "{found:?}");
        }
    }

    #[test]
    fn an_array_may_stand_for_each_of_the_four_files() {
        let folder = tempfile::tempdir().unwrap();
        let arrays = [
            ("train-imgs", array(&images(3), "3, 28, 28", 16)),
            ("train-labels", array(&labels(3), "3", 8)),
            ("test-imgs", array(&images(2), "2, 28, 28", 16)),
            ("test-labels", array(&labels(2), "2", 8)),
        ];
        for (name, array) in &arrays {
            write(folder.path(), &format!("{name}.npy"), array);
            // KMNIST has an archive with one array for each.
            write(folder.path(), &format!("below/kmnist-{name}.npz"), &zipped("arr_0.npy", array));
        }
        is_the_set(load_directory(folder.path()));
        is_the_set(load_directory(&folder.path().join("below")));
        is_the_set(load_directory(&folder.path().join("below/kmnist-test-labels.npz")));

        let twice = write(folder.path(), "below/kmnist-train-imgs.npz", DEFLATED);
        let refused = load_directory(&folder.path().join("below")).unwrap_err();
        let Error::File { file, problem: Problem::Zip { reason } } = &refused else { panic!("{refused}") };
        assert_eq!((file.as_str(), reason.as_str()), (twice.to_str().unwrap(), "4 arrays instead of one"));
    }

    #[test]
    fn a_file_beside_a_folder_with_the_same_file_is_read_once() {
        // Kaggle's archive holds both.
        let folder = tempfile::tempdir().unwrap();
        put_changed(folder.path(), |name| name.replace("-idx", ".idx"));
        put_changed(folder.path(), |name| format!("{name}/{name}"));
        is_the_set(load_directory(folder.path()));
    }

    fn replaced(mut bytes: Vec<u8>, from: &[u8], to: &[u8]) -> Vec<u8> {
        assert_eq!(from.len(), to.len());
        for at in 0..=bytes.len() - from.len() {
            if bytes[at..].starts_with(from) {
                bytes[at..at + to.len()].copy_from_slice(to);
            }
        }
        bytes
    }

    #[test]
    fn several_archives_need_a_name_whatever_they_are_called() {
        let folder = tempfile::tempdir().unwrap();
        let files = ["digits.npz", "mnist.npz"].map(|name| write(folder.path(), name, STORED));
        let ambiguous = Error::Ambiguous { path: folder.path().to_owned(), found: files.to_vec() };
        assert_eq!(load_directory(folder.path()), Err(ambiguous));
        assert_eq!(load_directory(&files[1]).unwrap().train.len(), 1);
        std::fs::remove_file(&files[0]).unwrap();
        assert_eq!(load_directory(folder.path()).unwrap().train.len(), 1);
    }

    #[test]
    fn no_damage_passes_or_panics() {
        let loaded = |bytes: &[u8]| npz::from_bytes(bytes, Path::new("mnist.npz"), &mut |_| ());
        for sound in [DEFLATED, STORED] {
            let whole = loaded(sound).unwrap();
            for length in 0..sound.len() {
                assert!(loaded(&sound[..length]).is_err(), "{length} of {} bytes", sound.len());
            }
            for at in 0..sound.len() {
                for flip in [0x01, 0x80, 0xff] {
                    let mut bytes = sound.to_vec();
                    bytes[at] ^= flip;
                    // Dates, versions and the like may be anything.
                    if let Ok(sets) = loaded(&bytes) {
                        assert!(sets == whole, "byte {at} changed by {flip:#x}");
                    }
                }
            }
        }
    }
}

#[cfg(feature = "pictures")]
mod pictures {
    use image::{GrayImage, ImageFormat, Luma, LumaA, RgbImage};

    use super::*;

    fn encoded(picture: impl Into<image::DynamicImage>, format: ImageFormat) -> Vec<u8> {
        let mut bytes = std::io::Cursor::new(Vec::new());
        picture.into().write_to(&mut bytes, format).unwrap();
        bytes.into_inner()
    }

    fn gray(value: u8, side: u32) -> Vec<u8> {
        encoded(
            GrayImage::from_fn(side, side, |x, _| Luma([if x == 3 { value } else { 0 }])),
            ImageFormat::Png,
        )
    }

    #[test]
    fn folders_of_classes_are_read_in_the_order_of_names() {
        for (train, test) in [
            ("train", "test"),
            ("training", "testing"),
            ("trainingSet/trainingSet", "Test"),
            ("train", "valid"),
            ("mnist_png/train", "mnist_png/val"),
        ] {
            let folder = tempfile::tempdir().unwrap();
            write(folder.path(), &format!("{train}/3/b.png"), &gray(30, 28));
            write(folder.path(), &format!("{train}/3/a.png"), &gray(31, 28));
            write(folder.path(), &format!("{train}/0/7.png"), &gray(1, 28));
            write(folder.path(), &format!("{train}/0/.DS_Store"), b"Bud1");
            write(folder.path(), &format!("{test}/9/x.png"), &gray(90, 28));
            let dataset = load_directory(folder.path()).unwrap();
            assert_eq!((dataset.train.labels(), dataset.evaluation.labels()), (&[0, 3, 3][..], &[9][..]));
            let values: Vec<u8> = (0..3).map(|index| dataset.train.image(index)[28 + 3]).collect();
            assert_eq!(values, [1, 31, 30]);
            assert_eq!(dataset.evaluation.image(0)[..5], [0, 0, 0, 90, 0]);
        }
    }

    #[test]
    fn pictures_for_validation_beside_those_of_a_test_are_said_to_be_left_out() {
        let folder = tempfile::tempdir().unwrap();
        for set in ["train", "val", "test"] {
            write(folder.path(), &format!("set/{set}/3/a.png"), &gray(30, 28));
        }
        let mut told = Vec::new();
        load(&Source::Directory(folder.path().into()), &mut |event| match event {
            LoadEvent::Unused(unused) => told.push(unused.to_string()),
            other => panic!("{other:?}"),
        })
        .unwrap();
        assert_eq!(told.len(), 1);
        let val = folder.path().join("set/val").display().to_string();
        assert!(told[0].starts_with(&format!("{val} is left out: ")), "{told:?}");
    }

    #[test]
    fn gray_pictures_of_any_kind_are_taken_and_others_named() {
        let path = |folder: &Path| folder.join("train/3/a.png");
        let with = |bytes: &[u8]| {
            let folder = tempfile::tempdir().unwrap();
            write(folder.path(), "test/9/x.png", &gray(90, 28));
            write(folder.path(), "train/3/a.png", bytes);
            match load_directory(folder.path()) {
                Ok(dataset) => Ok(dataset.train.image(0)[3]),
                Err(Error::Picture { path: named, found }) => {
                    assert_eq!(named, path(folder.path()));
                    Err(found)
                }
                Err(other) => panic!("{other}"),
            }
        };
        let rgb = |color| RgbImage::from_fn(28, 28, |x, _| image::Rgb(if x == 3 { color } else { [0; 3] }));
        assert_eq!(with(&encoded(rgb([77; 3]), ImageFormat::Png)), Ok(77));
        let flat = GrayImage::from_fn(28, 28, |_, y| Luma([if y < 8 { 80 } else { 0 }]));
        assert_eq!(with(&encoded(flat, ImageFormat::Jpeg)), Ok(80));
        let clear = image::ImageBuffer::from_pixel(28, 28, LumaA([9u8, 100]));
        for (bytes, words) in [
            (encoded(rgb([77, 0, 0]), ImageFormat::Png), "color"),
            (encoded(image::DynamicImage::from(clear), ImageFormat::Png), "transparency"),
            (gray(5, 32), "32x32 pixels"),
            (gray(5, 28)[..60].to_vec(), "a damaged one"),
            (b"GIF89a".to_vec(), "a GIF picture"),
            (b"notes of the scan\n".to_vec(), "a text"),
            (b"<!doctype html>".to_vec(), "an HTML page"),
            (vec![], "an empty file"),
            (vec![0, 1, 2, 3, 4], "begins with [00, 01, 02, 03]"),
        ] {
            let found = with(&bytes).unwrap_err();
            assert!(found.contains(words), "{found}");
        }
    }

    #[test]
    fn half_a_set_and_foreign_classes_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let one_set = |missing| Err(Error::OneSet { folder: folder.path().to_owned(), missing });
        write(folder.path(), "3/a.png", &gray(1, 28));
        assert_eq!(load_directory(folder.path()), one_set("`train` or `test`"));
        write(folder.path(), "train/3/a.png", &gray(1, 28));
        assert_eq!(load_directory(folder.path()), one_set("`test`"));
        fs::create_dir_all(folder.path().join("test/4")).unwrap();
        let empty = load_directory(folder.path());
        assert!(matches!(&empty, Err(Error::File { problem: Problem::Empty, .. })), "{empty:?}");
        write(folder.path(), "test/4/a.png", &gray(1, 28));
        assert_eq!(load_directory(folder.path()).unwrap().evaluation.labels(), [4]);
        let foreign = write(folder.path(), "train/cat/a.png", &gray(1, 28)).parent().unwrap().to_owned();
        assert_eq!(load_directory(folder.path()), Err(Error::Class { folder: foreign }));

        let words = tempfile::tempdir().unwrap();
        let three = write(words.path(), "train/three/a.png", &gray(1, 28)).parent().unwrap().to_owned();
        write(words.path(), "test/three/a.png", &gray(1, 28));
        let error = load_directory(words.path()).unwrap_err();
        assert!(error.to_string().ends_with("named 0 to 9, found `three`"), "{error}");
        let folder = three.parent().unwrap().with_file_name("test").join("three");
        assert_eq!(error, Error::Class { folder });
    }
}
