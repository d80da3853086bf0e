//! The program that runs launches on the CPU, as a device.

use std::io::Write as _;
use std::process::{Command, Stdio};

use adder_cuda::device::Device;
use adder_cuda::launch::Launch;
use adder_cuda::memory::Region;
use adder_cuda::{Error, HOST_RUNNER, Plan, Result};

/// What the words between the regions hold.
const UNTOUCHED: u32 = 0x7fde_adfe;

/// The memory, and the program that changes it.
#[derive(Debug)]
pub(crate) struct HostDevice {
    memory: Vec<u32>,
    /// The words between the regions.
    fences: Vec<usize>,
    /// The order in which blocks and threads run; 0 for that of their numbers.
    pub(crate) seed: u64,
}

impl HostDevice {
    /// Memory for a plan.
    pub(crate) fn new(plan: &Plan, seed: u64) -> Self {
        let mut memory = vec![UNTOUCHED; plan.words()];
        for &Region { start, len } in plan.regions() {
            memory[start..start + len].fill(0);
        }
        let (mut fences, mut end) = (Vec::new(), 0);
        for region in plan.regions() {
            fences.extend(end..region.start);
            end = region.start + region.len;
        }
        fences.extend(end..memory.len());
        Self { memory, fences, seed }
    }

    fn input(&self, launches: &[Launch]) -> Vec<u8> {
        let mut input = self.seed.to_ne_bytes().to_vec();
        let mut word = |value: usize| input.extend((value as u32).to_ne_bytes());
        word(self.memory.len());
        self.memory.iter().for_each(|&value| word(value as usize));
        word(launches.len());
        for launch in launches {
            let encoded = launch.encode();
            input.extend((launch.kernel.len() as u32).to_ne_bytes());
            input.extend(launch.kernel.as_bytes());
            for value in [launch.blocks, launch.threads, launch.shared_bytes, encoded.bytes.len() as u32] {
                input.extend(value.to_ne_bytes());
            }
            input.extend(&encoded.bytes);
            input.extend((encoded.pointers.len() as u32).to_ne_bytes());
            encoded.pointers.iter().for_each(|&place| input.extend((place as u32).to_ne_bytes()));
        }
        input
    }

    fn run_program(&self, launches: &[Launch]) -> std::io::Result<Vec<u8>> {
        let mut child = Command::new(HOST_RUNNER).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let mut stdin = child.stdin.take().expect("it is piped");
        stdin.write_all(&self.input(launches))?;
        drop(stdin);
        let output = child.wait_with_output()?;
        if !output.status.success() {
            return Err(std::io::Error::other(format!("the program ended with {}", output.status)));
        }
        Ok(output.stdout)
    }
}

impl Device for HostDevice {
    fn write(&mut self, region: Region, words: &[u32]) -> Result<()> {
        assert!(words.len() <= region.len, "{} words for {region:?}", words.len());
        self.memory[region.start..][..words.len()].copy_from_slice(words);
        Ok(())
    }

    fn read(&mut self, region: Region) -> Result<Vec<u32>> {
        Ok(self.memory[region.start..][..region.len].to_vec())
    }

    fn run(&mut self, launches: &[Launch]) -> Result<()> {
        let output = self.run_program(launches).map_err(|error| Error::Device(error.to_string()))?;
        let length = u32::from_ne_bytes(output[..4].try_into().expect("four bytes")) as usize;
        if length > 0 {
            return Err(Error::Device(String::from_utf8_lossy(&output[4..4 + length]).into_owned()));
        }
        self.memory = output[4..].as_chunks().0.iter().map(|bytes| u32::from_ne_bytes(*bytes)).collect();
        match self.fences.iter().find(|&&place| self.memory[place] != UNTOUCHED) {
            Some(place) => {
                Err(Error::Device(format!("word {place}, which belongs to no region, was written")))
            }
            None => Ok(()),
        }
    }
}
