//! What a plan needs of a device.

use crate::error::Result;
use crate::launch::Launch;
use crate::memory::Region;

/// A device with one piece of memory, that runs launches in their order.
pub trait Device {
    /// Writes to the start of a region, not more than it has.
    ///
    /// # Errors
    /// Where the device refuses.
    fn write(&mut self, region: Region, words: &[u32]) -> Result<()>;

    /// Reads a whole region, after all launches before.
    ///
    /// # Errors
    /// Where the device refuses, or a launch before failed.
    fn read(&mut self, region: Region) -> Result<Vec<u32>>;

    /// Runs launches one after the other. May return before they ran.
    ///
    /// # Errors
    /// Where the device refuses.
    fn run(&mut self, launches: &[Launch]) -> Result<()>;
}
