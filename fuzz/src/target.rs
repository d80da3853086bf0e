//! The common frame of the targets: what begins before the first input.

use std::collections::BTreeSet;
use std::env;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use crate::sections::SEPARATOR;

/// The environment variable that names the folder for a target's seeds and its dictionary.
const SEEDS: &str = "ADDER_FUZZ_SEEDS";
/// The dictionary's name in that folder's parent, behind the folder's own: `idx.dict` beside `idx`.
const DICTIONARY: &str = "dict";
/// Words of a dictionary, from the shortest to the longest, in bytes.
const WORD_LENGTHS: std::ops::RangeInclusive<usize> = 2..=40;
/// Words of a dictionary in all.
const MOST_WORDS: usize = 400;

/// What the names of seeds begin with that are refused.
const REFUSED: &str = "refused";
/// The same of seeds that may be either.
const ANY: &str = "any";

/// An input to begin with, by a name for its file.
pub type Seed = (&'static str, Vec<u8>);

/// A target.
pub struct Target {
    /// The function: whether the input was accepted.
    pub run: fn(&[u8]) -> bool,
    /// The inputs to begin with. Those that are not accepted have names that begin with `refused`.
    pub seeds: fn() -> Vec<Seed>,
    /// Words for the dictionary that stand in no seed.
    pub words: &'static [&'static [u8]],
}

impl Target {
    /// Writes seeds and dictionary where the environment asks for them; before the fuzzer reads them.
    pub fn begin(&self) {
        if let Some(folder) = env::var_os(SEEDS) {
            let folder = Path::new(&folder);
            self.write(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        }
    }

    fn write(&self, folder: &Path) -> std::io::Result<()> {
        fs::create_dir_all(folder)?;
        let seeds = (self.seeds)();
        for (name, bytes) in &seeds {
            // Seeds that nothing accepts any more would lead nowhere.
            let accepted = (self.run)(bytes);
            assert!(
                name.starts_with(ANY) || accepted != name.starts_with(REFUSED),
                "the seed {name}: accepted: {accepted}"
            );
            fs::write(folder.join(name), bytes)?;
        }
        fs::write(folder.with_extension(DICTIONARY), self.dictionary(&seeds))
    }

    /// The words of the seeds' texts and this target's own, in libFuzzer's form.
    fn dictionary(&self, seeds: &[Seed]) -> String {
        let in_seeds = seeds.iter().flat_map(|(_, bytes)| words(bytes)).collect::<BTreeSet<&[u8]>>();
        let own = self.words.iter().copied().chain([SEPARATOR]);
        let mut text = String::new();
        for word in own.chain(in_seeds.into_iter().take(MOST_WORDS)) {
            let escaped = word.iter().fold(String::new(), |mut text, byte| {
                write!(text, "\\x{byte:02x}").expect("a string takes everything");
                text
            });
            writeln!(text, "\"{escaped}\"").expect("a string takes everything");
        }
        text
    }
}

/// The runs of letters, digits and the signs that hold names together.
fn words(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let inside = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-/.".contains(byte);
    let words = bytes.split(move |byte| !inside(byte));
    words.filter(|word| WORD_LENGTHS.contains(&word.len()) && !word.iter().all(u8::is_ascii_digit))
}
