//! The instruction set that the kernels use, chosen at run time.

use std::fmt;
use std::str::FromStr;

#[cfg(target_arch = "aarch64")]
use crate::arch::Neon;
#[cfg(not(target_feature = "simd128"))]
use crate::arch::Scalar;
#[cfg(target_feature = "simd128")]
use crate::arch::Simd128;
#[cfg(target_arch = "x86_64")]
use crate::arch::{Avx2, Avx512};
use crate::arch::{Distances, Kernel, Width};

/// The environment variable that forces an instruction set: `scalar`, `avx2`, `avx512`, `neon` or `simd128`.
pub const ISA_VARIABLE: &str = "ADDER_ISA";

/// The names that [`Isa`] parses.
const NAMES: [&str; 5] = ["scalar", "avx2", "avx512", "neon", "simd128"];

/// An instruction set that this machine has: a value exists only where the CPU can run it.
///
/// Every instruction set gives the same bits; they differ in speed. WebAssembly's vectors alone have no fused
/// multiply-add and differ in the last bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Isa(Kind);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    // Where WebAssembly's vectors are there at all, nothing runs without them: a second copy of every kernel would be
    // most of a module's size.
    #[cfg(not(target_feature = "simd128"))]
    Scalar(Scalar),
    #[cfg(target_arch = "x86_64")]
    Avx2(Avx2),
    #[cfg(target_arch = "x86_64")]
    Avx512(Avx512),
    #[cfg(target_arch = "aarch64")]
    Neon(Neon),
    #[cfg(target_feature = "simd128")]
    Simd128(Simd128),
}

impl Isa {
    /// Plain Rust, which every machine runs. Not there in programs compiled for WebAssembly's vectors.
    #[cfg(not(target_feature = "simd128"))]
    pub const SCALAR: Self = Self(Kind::Scalar(Scalar));

    /// All instruction sets of this machine, the slowest first.
    pub fn available() -> Vec<Self> {
        let kinds = [
            #[cfg(not(target_feature = "simd128"))]
            Some(Kind::Scalar(Scalar)),
            #[cfg(target_arch = "x86_64")]
            Avx2::new().map(Kind::Avx2),
            #[cfg(target_arch = "x86_64")]
            Avx512::new().map(Kind::Avx512),
            #[cfg(target_arch = "aarch64")]
            Neon::new().map(Kind::Neon),
            #[cfg(target_feature = "simd128")]
            Some(Kind::Simd128(Simd128)),
        ];
        kinds.into_iter().flatten().map(Self).collect()
    }

    /// The fastest instruction set of this machine.
    pub fn best() -> Self {
        Self::available().pop().expect("every program has plain Rust or what it was compiled for")
    }

    /// The instruction set that the environment variable [`ISA_VARIABLE`] names, or the best where it is not set.
    ///
    /// # Errors
    /// [`IsaError`] where the variable holds an unknown name or one that this machine does not have.
    pub fn from_environment() -> Result<Self, IsaError> {
        match std::env::var_os(ISA_VARIABLE) {
            Some(name) => name.to_string_lossy().parse(),
            None => Ok(Self::best()),
        }
    }

    /// `scalar`, `avx2`, `avx512`, `neon` or `simd128`.
    pub fn name(self) -> &'static str {
        match self.0 {
            #[cfg(not(target_feature = "simd128"))]
            Kind::Scalar(_) => "scalar",
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2(_) => "avx2",
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512(_) => "avx512",
            #[cfg(target_arch = "aarch64")]
            Kind::Neon(_) => "neon",
            #[cfg(target_feature = "simd128")]
            Kind::Simd128(_) => "simd128",
        }
    }

    /// Whether a kernel can run on two channel blocks at a time: where there are registers for it.
    pub(crate) fn has_twins(self) -> bool {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512(_) => true,
            _ => false,
        }
    }

    /// Runs a kernel on two channel blocks of 16 at a time, which only some [have](Self::has_twins).
    pub(crate) fn run_twin<K: Kernel>(self, distances: Distances, kernel: K) -> K::Output {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512(avx512) => avx512.run_twin(distances, kernel),
            _ => {
                let _ = (distances, kernel);
                unreachable!("{self} has no kernels for two channel blocks")
            }
        }
    }

    /// Runs a kernel in a function compiled for this instruction set.
    pub(crate) fn run<K: Kernel>(self, width: Width, kernel: K) -> K::Output {
        match self.0 {
            #[cfg(not(target_feature = "simd128"))]
            Kind::Scalar(scalar) => scalar.run(width, kernel),
            #[cfg(target_arch = "x86_64")]
            Kind::Avx2(avx2) => avx2.run(width, kernel),
            #[cfg(target_arch = "x86_64")]
            Kind::Avx512(avx512) => avx512.run(width, kernel),
            #[cfg(target_arch = "aarch64")]
            Kind::Neon(neon) => neon.run(width, kernel),
            #[cfg(target_feature = "simd128")]
            Kind::Simd128(simd128) => simd128.run(width, kernel),
        }
    }
}

impl fmt::Display for Isa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Isa {
    type Err = IsaError;

    fn from_str(name: &str) -> Result<Self, IsaError> {
        let available = Self::available();
        match available.iter().find(|isa| isa.name() == name) {
            Some(&isa) => Ok(isa),
            None if NAMES.contains(&name) => {
                Err(IsaError::Missing { asked: name.into(), available: names(&available) })
            }
            None => Err(IsaError::Unknown { asked: name.into(), available: names(&available) }),
        }
    }
}

/// Why an instruction set was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IsaError {
    /// This machine cannot run it.
    #[error("this machine does not have the instruction set `{asked}`; it has {available}")]
    Missing {
        /// The name that was asked for.
        asked: String,
        /// The names of what there is.
        available: String,
    },
    /// There is no such name.
    #[error("`{asked}` is no instruction set that the kernels know; this machine has {available}")]
    Unknown {
        /// The name that was asked for.
        asked: String,
        /// The names of what there is.
        available: String,
    },
}

fn names(isas: &[Isa]) -> String {
    isas.iter().map(|isa| isa.name()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_available_name_parses_to_itself() {
        let available = Isa::available();
        assert_eq!(available.first(), Some(&Isa::SCALAR));
        assert_eq!(available.last(), Some(&Isa::best()));
        for isa in available {
            assert_eq!(isa.to_string().parse(), Ok(isa));
        }
    }

    #[test]
    fn a_missing_and_an_unknown_name_are_told_apart() {
        let available = names(&Isa::available());
        let foreign = if cfg!(target_arch = "aarch64") { "avx2" } else { "neon" };
        assert_eq!(
            foreign.parse::<Isa>(),
            Err(IsaError::Missing { asked: foreign.into(), available: available.clone() })
        );
        assert_eq!("sse9".parse::<Isa>(), Err(IsaError::Unknown { asked: "sse9".into(), available }));
    }
}
