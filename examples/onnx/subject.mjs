// How ONNX Runtime for JavaScript reads an exported file. runtimes.py starts this:
//
//     node subject.mjs FOLDER PACKAGE ADDER.onnx IMAGES ADDENDS BATCH OUT
//
// FOLDER has node_modules, PACKAGE is onnxruntime-web or onnxruntime-node. IMAGES and ADDENDS hold f32 [n, 1, 28, 28] and int64 [n];
// OUT gets the logits of the digits and then those of the sums, f32 [n, 10] and [n, 19].
import fs from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";

const [folder, name, file, imagesPath, addendsPath, batch, out] = process.argv.slice(2);
const runtime = createRequire(path.resolve(folder, "package.json"))(name);
const PIXELS = 28 * 28;

function array(Kind, file) {
  const bytes = fs.readFileSync(file);
  return new Kind(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
}

const images = array(Float32Array, imagesPath);
const addends = array(BigInt64Array, addendsPath);
const providers = name === "onnxruntime-web" ? ["wasm"] : ["cpu"];
const session = await runtime.InferenceSession.create(file, { executionProviders: providers });
const digits = [];
const sums = [];
for (let at = 0; at < addends.length; at += Number(batch)) {
  const some = addends.slice(at, at + Number(batch));
  const pixels = images.slice(at * PIXELS, (at + some.length) * PIXELS);
  const outputs = await session.run({
    image: new runtime.Tensor("float32", pixels, [some.length, 1, 28, 28]),
    addend: new runtime.Tensor("int64", some, [some.length]),
  });
  digits.push(Buffer.from(outputs.digit_logits.data.slice().buffer));
  sums.push(Buffer.from(outputs.sum_logits.data.slice().buffer));
}
fs.writeFileSync(out, Buffer.concat([...digits, ...sums]));
