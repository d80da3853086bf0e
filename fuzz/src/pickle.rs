//! Pickles as PyTorch writes them, for seeds.

use adder_model::IdentityAdder;

/// The mark of the format before 1.6, as a pickle.
const LEGACY_MARK: &[u8] = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.";

/// A state_dict as a pickle, and its storages by name.
pub(crate) struct StateDict {
    pub(crate) program: Vec<u8>,
    pub(crate) storages: Vec<(String, Vec<u8>)>,
}

impl StateDict {
    /// The first so many tensors of a network.
    pub(crate) fn new(network: &IdentityAdder, count: usize) -> Self {
        let mut program = b"\x80\x02ccollections\nOrderedDict\n)R(".to_vec();
        let mut storages = Vec::new();
        for (name, tensor) in network.tensors().into_iter().take(count) {
            let values: Vec<f32> =
                tensor.flatten_all().and_then(|flat| flat.to_vec1()).expect("numbers on the CPU");
            let key = storages.len().to_string();
            text(&mut program, &name);
            rebuilt(&mut program, &key, tensor.dims(), values.len());
            storages.push((key, values.iter().flat_map(|value| value.to_le_bytes()).collect()));
        }
        program.extend(b"u.");
        Self { program, storages }
    }

    /// The file in the format before 1.6.
    pub(crate) fn legacy(&self) -> Vec<u8> {
        let mut file = LEGACY_MARK.to_vec();
        file.extend(b"\x80\x02M\xe9\x03.\x80\x02}.");
        file.extend(&self.program);
        file.extend(b"\x80\x02](");
        self.storages.iter().for_each(|(key, _)| text(&mut file, key));
        file.extend(b"e.");
        for (_, bytes) in &self.storages {
            file.extend((bytes.len() as u64 / 4).to_le_bytes());
            file.extend(bytes);
        }
        file
    }
}

/// `_rebuild_tensor_v2` of a storage of floats.
fn rebuilt(program: &mut Vec<u8>, key: &str, shape: &[usize], values: usize) {
    program.extend(b"ctorch._utils\n_rebuild_tensor_v2\n((");
    text(program, "storage");
    program.extend(b"ctorch\nFloatStorage\n");
    text(program, key);
    text(program, "cpu");
    number(program, values);
    program.extend(b"tQK\0(");
    shape.iter().for_each(|&size| number(program, size));
    program.extend(b"t(");
    for axis in 0..shape.len() {
        number(program, shape[axis + 1..].iter().product());
    }
    program.extend(b"t\x89ccollections\nOrderedDict\n)RtR");
}

fn text(program: &mut Vec<u8>, text: &str) {
    program.push(b'X');
    program.extend((text.len() as u32).to_le_bytes());
    program.extend(text.as_bytes());
}

fn number(program: &mut Vec<u8>, number: usize) {
    program.push(b'M');
    program.extend((number as u16).to_le_bytes());
}
