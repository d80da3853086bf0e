"""How each runtime for Python reads an exported file: one function for each, which yields a callable from images and addends to logits.

runtimes.py starts this file, once for each row of its table, in the interpreter that has the runtime:

    python subjects.py NAME ADDER.onnx INPUTS.npz OUTPUTS.npz

Images are f32 [n, 1, 28, 28], addends int64 [n], or f32 [n, 10] where the file takes one-hot vectors.
"""

import os
import subprocess
import sys

import numpy as np

HEADS = ["digit_logits", "sum_logits"]


def onnxruntime(path, batch):
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return lambda images, addends: session.run(HEADS, {"image": images, "addend": addends})


def reference(path, batch):
    from onnx.reference import ReferenceEvaluator

    evaluator = ReferenceEvaluator(path)
    return lambda images, addends: evaluator.run(HEADS, {"image": images, "addend": addends})


def openvino(path, batch, **settings):
    import openvino

    model = openvino.Core().compile_model(path, "CPU", settings)
    return lambda images, addends: [model({"image": images, "addend": addends})[head] for head in HEADS]


def openvino_f32(path, batch):
    return openvino(path, batch, INFERENCE_PRECISION_HINT="f32")


def opencv(path, batch):
    import cv2

    network = cv2.dnn.readNetFromONNX(path)

    def run(images, addends):
        network.setInput(images, "image")
        # OpenCV 4 has no matrices of int64.
        is_old = int(cv2.__version__.split(".")[0]) < 5
        network.setInput(addends.astype(np.int32) if is_old and addends.dtype == np.int64 else addends, "addend")
        return network.forward(HEADS)

    return run


def tract(path, batch):
    import tract

    model = tract.onnx().load(path).into_model().into_runnable()
    return lambda images, addends: [output.to_numpy() for output in model.run([images, addends])]


def iree(path, batch):
    from iree import compiler, runtime

    mlir = path + ".mlir"
    subprocess.run([sys.executable, "-m", "iree.compiler.tools.import_onnx", path, "-o", mlir], check=True)
    options = ["--iree-hal-target-device=local", "--iree-hal-local-target-device-backends=llvm-cpu"]
    module = compiler.compile_file(mlir, extra_args=options + ["--iree-llvmcpu-target-cpu=host"])
    module = runtime.VmModule.copy_buffer(runtime.VmInstance(), module)
    loaded = runtime.load_vm_module(module, runtime.Config("local-task"))
    return lambda images, addends: [output.to_host() for output in loaded.identity_adder(images, addends)]


def tvm(path, batch):
    import onnx
    import tvm
    from tvm import relax
    from tvm.relax.frontend.onnx import from_onnx

    module = relax.get_pipeline("zero")(from_onnx(onnx.load(path), keep_params_in_input=False))
    machine = relax.VirtualMachine(tvm.compile(module, target="llvm"), tvm.cpu())

    def run(images, addends):
        outputs = machine["main"](tvm.runtime.tensor(images), tvm.runtime.tensor(addends))
        return [output.numpy() for output in outputs]

    return run


def onnx2torch(path, batch):
    import onnx2torch
    import torch

    module = onnx2torch.convert(path).eval()

    def run(images, addends):
        with torch.no_grad():
            return [output.numpy() for output in module(torch.from_numpy(images), torch.from_numpy(addends))]

    return run


def onnx2pytorch(path, batch):
    import onnx
    import torch
    from onnx2pytorch import ConvertModel

    module = ConvertModel(onnx.load(path)).eval()

    def run(images, addends):
        with torch.no_grad():
            return [output.numpy() for output in module(torch.from_numpy(images), torch.from_numpy(addends))]

    return run


def litert(path, batch):
    """onnx2tf converts; it rewrites the file that it is given, which here is a copy. LiteRT has the batch of the file, or 1."""
    from ai_edge_litert.interpreter import Interpreter

    folder = path + ".tflite"
    subprocess.run([sys.executable, "-m", "onnx2tf", "-i", path, "-o", folder, "-n"], check=True)
    name = os.path.basename(path).removesuffix(".onnx") + "_float32.tflite"
    interpreter = Interpreter(os.path.join(folder, name))

    def run(images, addends):
        inputs = {len(entry["shape"]): entry for entry in interpreter.get_input_details()}
        image, addend = inputs.pop(4), inputs.popitem()[1]
        images, addends = images.transpose(0, 2, 3, 1), addends.astype(addend["dtype"])
        if tuple(image["shape"]) != images.shape:
            interpreter.resize_tensor_input(image["index"], images.shape)
            interpreter.resize_tensor_input(addend["index"], addends.shape)
        interpreter.allocate_tensors()
        interpreter.set_tensor(image["index"], images)
        interpreter.set_tensor(addend["index"], addends)
        interpreter.invoke()
        outputs = [interpreter.get_tensor(entry["index"]) for entry in interpreter.get_output_details()]
        return sorted(outputs, key=lambda output: output.shape[1])

    return run


def mnn(path, batch):
    """The converter is called as the command `mnnconvert` calls it. The command itself first lets pip install a package, and then reports
    to a server what was converted."""
    import _tools
    from MNN import expr, nn

    converted = path + ".mnn"
    _tools.mnnconvert(["mnnconvert", "-f", "ONNX", "--modelFile", path, "--MNNModel", converted, "--bizCode", "adder"])
    network = nn.load_module_from_file(converted, ["image", "addend"], HEADS)

    def run(images, addends):
        # There is no int64.
        values = [(images, expr.float), (addends.astype(np.int32), expr.int)]
        inputs = [expr.const(np.ascontiguousarray(value), list(value.shape), expr.NCHW, kind) for value, kind in values]
        return [np.array(output.read()) for output in network.forward(inputs)]

    return run


def ncnn(path, batch, fp16="1"):
    """pnnx converts. Both it and, on processors that have it, ncnn take half precision unless told otherwise."""
    import ncnn

    shapes = f"inputshape=[{batch},1,28,28],[{batch},10]"
    subprocess.run(["pnnx", path, shapes, f"fp16={fp16}"], check=True, cwd=os.path.dirname(path))
    network = ncnn.Net()
    if fp16 == "0":
        for part in ("packed", "storage", "arithmetic"):
            setattr(network.opt, f"use_fp16_{part}", False)
    stem = path.removesuffix(".onnx")
    network.load_param(stem + ".ncnn.param")
    network.load_model(stem + ".ncnn.bin")

    def run(images, addends):
        with network.create_extractor() as extractor:
            extractor.input("in0", ncnn.Mat(images[0]).clone())
            extractor.input("in1", ncnn.Mat(addends[0]).clone())
            return [np.array(extractor.extract(name)[1])[None] for name in ("out0", "out1")]

    return run


def ncnn_f32(path, batch):
    return ncnn(path, batch, fp16="0")


def tinygrad(path, batch):
    from tinygrad import Tensor
    from tinygrad.nn.onnx import OnnxRunner

    runner = OnnxRunner(path)

    def run(images, addends):
        outputs = runner({"image": Tensor(images), "addend": Tensor(addends)})
        return [outputs[head].numpy() for head in HEADS]

    return run


def jaxonnxruntime(path, batch):
    import onnx
    from jaxonnxruntime import call_onnx, config

    config.update("jaxort_only_allow_initializers_as_static_args", False)
    model = onnx.load(path)
    found = {}

    def run(images, addends):
        inputs = {"image": images, "addend": addends}
        if len(images) not in found:
            found[len(images)] = call_onnx.call_onnx_model(model, inputs)
        function, parameters = found[len(images)]
        return [np.asarray(output) for output in function(parameters, inputs)]

    return run


def in_batches(run, images, addends, size):
    """The logits of all images, [n, 10] and [n, 19]. The last batch is filled up: tinygrad keeps to the size of the first one."""
    count = len(images)
    order = np.arange(-(-count // size) * size) % count
    batches = [run(images[some], addends[some]) for some in order.reshape(-1, size)]
    heads = [np.concatenate([np.asarray(batch[head]) for batch in batches]) for head in range(2)]
    return [logits.reshape(len(order), classes)[:count] for logits, classes in zip(heads, (10, 19))]


def main(name, path, inputs_path, outputs_path):
    inputs = np.load(inputs_path)
    batch = int(inputs["batch"])
    run = globals()[name](path, batch)
    digit, sums = in_batches(run, inputs["images"], inputs["addends"], batch)
    np.savez(outputs_path, digit=digit, sum=sums)


if __name__ == "__main__":
    main(*sys.argv[1:])
