//! Files as PyTorch writes them, made byte by byte.
#![allow(dead_code, reason = "tests of several programs share it, and each uses a part")]

/// A pickle that grows.
#[derive(Clone, Default)]
pub(crate) struct Pickle(pub(crate) Vec<u8>);

/// A strided tensor in a storage.
#[derive(Clone, Debug)]
pub(crate) struct Strided {
    pub(crate) key: String,
    pub(crate) class: &'static str,
    /// Elements of the storage.
    pub(crate) count: usize,
    pub(crate) offset: usize,
    pub(crate) shape: Vec<usize>,
    pub(crate) stride: Vec<usize>,
}

impl Pickle {
    pub(crate) fn new(protocol: u8) -> Self {
        Self(vec![0x80, protocol])
    }

    pub(crate) fn raw(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.extend(bytes);
        self
    }

    pub(crate) fn global(&mut self, module: &str, name: &str) -> &mut Self {
        self.raw(format!("c{module}\n{name}\n").as_bytes())
    }

    pub(crate) fn text(&mut self, text: &str) -> &mut Self {
        self.raw(b"X").raw(&(text.len() as u32).to_le_bytes()).raw(text.as_bytes())
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.raw(b"B").raw(&(bytes.len() as u32).to_le_bytes()).raw(bytes)
    }

    pub(crate) fn integer(&mut self, integer: usize) -> &mut Self {
        self.raw(&[0x8a, 8]).raw(&(integer as i64).to_le_bytes())
    }

    pub(crate) fn sizes(&mut self, sizes: &[usize]) -> &mut Self {
        self.raw(b"(");
        for &size in sizes {
            self.integer(size);
        }
        self.raw(b"t")
    }

    pub(crate) fn storage(&mut self, tensor: &Strided) -> &mut Self {
        self.raw(b"(").text("storage").global("torch", tensor.class).text(&tensor.key).text("cpu");
        self.integer(tensor.count).raw(b"tQ")
    }

    /// `_rebuild_tensor_v2`, with `metadata` as its seventh argument.
    pub(crate) fn tensor(&mut self, tensor: &Strided, metadata: Option<&[u8]>) -> &mut Self {
        self.global("torch._utils", "_rebuild_tensor_v2").raw(b"(").storage(tensor);
        self.integer(tensor.offset).sizes(&tensor.shape).sizes(&tensor.stride);
        self.raw(b"\x89").global("collections", "OrderedDict").raw(b")R");
        self.raw(metadata.unwrap_or_default()).raw(b"tR")
    }

    /// `torch.nn.Parameter` around what `inside` writes.
    pub(crate) fn parameter(&mut self, inside: impl FnOnce(&mut Self)) -> &mut Self {
        self.global("torch._utils", "_rebuild_parameter").raw(b"(");
        inside(self);
        self.raw(b"\x88").global("collections", "OrderedDict").raw(b")RtR")
    }

    /// An array of NumPy, f4 in C order or Fortran's.
    pub(crate) fn array(
        &mut self,
        code: &str,
        order: &str,
        shape: &[usize],
        fortran: bool,
        data: &[u8],
    ) -> &mut Self {
        self.global("numpy._core.multiarray", "_reconstruct");
        self.raw(b"(").global("numpy", "ndarray").raw(b"K\x00\x85").bytes(b"b").raw(b"tR");
        self.raw(b"(K\x01").sizes(shape).global("numpy", "dtype").raw(b"(").text(code).raw(b"\x89\x88tR");
        self.raw(b"(K\x03").text(order).raw(b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb");
        self.raw(if fortran { b"\x88" } else { b"\x89" }).bytes(data).raw(b"tb")
    }

    pub(crate) fn done(&self) -> Vec<u8> {
        [&self.0[..], b"."].concat()
    }
}

/// How entries of an archive are written.
#[derive(Clone, Copy, Default)]
pub(crate) struct Packing {
    pub(crate) deflate: bool,
    pub(crate) without_checksums: bool,
    /// The length that is announced is larger by so much.
    pub(crate) announced_more: u32,
    pub(crate) flags: u16,
}

/// A zip archive, with each entry's data at a multiple of 64 bytes, as PyTorch has it.
pub(crate) fn zip(entries: &[(String, Vec<u8>)], packing: Packing) -> Vec<u8> {
    let (mut file, mut directory) = (Vec::new(), Vec::new());
    for (name, content) in entries {
        let packed = if packing.deflate { deflated(content) } else { content.clone() };
        let checksum = if packing.without_checksums { 0 } else { crc32fast::hash(content) };
        let start = file.len() as u32;
        let padding = (64 - (file.len() + 30 + name.len() + 4) % 64) % 64;
        let method = if packing.deflate { 8u16 } else { 0 };
        let mut common = Vec::new();
        for field in [20, packing.flags, method, 0, 0] {
            common.extend(field.to_le_bytes());
        }
        for field in [checksum, packed.len() as u32, content.len() as u32 + packing.announced_more] {
            common.extend(field.to_le_bytes());
        }
        common.extend((name.len() as u16).to_le_bytes());
        file.extend(b"PK\x03\x04");
        file.extend(&common);
        file.extend((padding as u16 + 4).to_le_bytes());
        file.extend(name.as_bytes());
        file.extend(b"FB");
        file.extend((padding as u16).to_le_bytes());
        file.extend(std::iter::repeat_n(b'Z', padding));
        file.extend(&packed);
        directory.extend(b"PK\x01\x02\x14\x00");
        directory.extend(&common);
        directory.extend([0; 12]);
        directory.extend(start.to_le_bytes());
        directory.extend(name.as_bytes());
    }
    let (start, length, count) = (file.len() as u32, directory.len() as u32, entries.len() as u16);
    file.extend(directory);
    file.extend(b"PK\x05\x06\0\0\0\0");
    file.extend([count.to_le_bytes(), count.to_le_bytes()].concat());
    file.extend([length.to_le_bytes(), start.to_le_bytes()].concat());
    file.extend([0; 2]);
    file
}

fn deflated(content: &[u8]) -> Vec<u8> {
    use std::io::Write as _;
    let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

/// The archive that `torch.save` writes under the name `folder`.
pub(crate) fn archive(folder: &str, pickle: &[u8], storages: &[(String, Vec<u8>)]) -> Vec<(String, Vec<u8>)> {
    let mut entries = vec![
        (format!("{folder}/data.pkl"), pickle.to_vec()),
        (format!("{folder}/byteorder"), b"little".to_vec()),
    ];
    entries.extend(storages.iter().map(|(key, bytes)| (format!("{folder}/data/{key}"), bytes.clone())));
    entries.push((format!("{folder}/version"), b"3\n".to_vec()));
    entries
}

/// A file as PyTorch wrote it before 1.6: each storage with its elements' size.
pub(crate) fn legacy(pickle: &[u8], storages: &[(String, Vec<u8>)], element: usize) -> Vec<u8> {
    let mut file = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.".to_vec();
    file.extend(b"\x80\x02M\xe9\x03.");
    file.extend(Pickle::new(2).raw(b"}").text("little_endian").raw(b"\x88s").done());
    file.extend(pickle);
    let mut keys = Pickle::new(2);
    keys.raw(b"](");
    for (key, _) in storages {
        keys.text(key);
    }
    file.extend(keys.raw(b"e").done());
    for (_, bytes) in storages {
        file.extend(((bytes.len() / element) as u64).to_le_bytes());
        file.extend(bytes);
    }
    file
}
