//! Makes Rust code of the exported file that `ADDER_ONNX` names.

use std::path::Path;

use burn_onnx::ModelGen;

fn main() {
    println!("cargo::rerun-if-env-changed=ADDER_ONNX");
    let file = std::env::var("ADDER_ONNX").expect("ADDER_ONNX names the exported file");
    println!("cargo::rerun-if-changed={file}");
    let out = std::env::var("OUT_DIR").expect("cargo gives a folder");
    // The code is named for the file.
    let copy = Path::new(&out).join("adder.onnx");
    std::fs::copy(&file, &copy).expect("the exported file can be read");
    let copy = copy.to_str().expect("the folder's name is text");
    ModelGen::new().input(copy).out_dir("network/").run_from_script();
}
