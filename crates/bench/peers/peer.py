"""One competitor of `cargo xtask bench --peers`: a process that waits for orders on standard input.

    python peer.py training   NETWORK         eager|channels_last|compile  BATCH THREADS INPUTS WEIGHTS
    python peer.py inference  identity-adder  pytorch|onnxruntime          BATCH THREADS INPUTS WEIGHTS
    python peer.py forward|input-gradient|weight-gradient convolution eager|channels_last  BATCH THREADS INPUTS WEIGHTS

NETWORK is identity-adder, candle-mnist or residual. When it has warmed up it says `READY description`, or `SKIP reason`
where it cannot run here. Then it answers
    check           with `RESULTS` and the logits of the first 8 images, or of BATCH if that is less, in evaluation mode before
                    any training: image by image, those of one head after the other; or the first 4096 values that a pass of
                    the convolution gives
    gradients FILE  with `GRADIENTS FILE`, after it has written into this file (safetensors) the gradient of every parameter, by
                    its name: of the mean loss of the first batch, in training mode without dropout, before any training
    run N           with `SECONDS` and the time that N steps, or N predictions of a batch, took together
until its input ends. Every competitor speaks this protocol, those in Rust too (src/peers/ours.rs).
"""

import os
import sys


def competitor(workload, network, variant, batch, threads, inputs, weights):
    rest = (variant, int(batch), int(threads), inputs, weights)
    if workload == "training":
        from training import Training

        return Training(network, *rest)
    if workload == "inference":
        from inference import Inference

        return Inference(network, *rest)
    from convolution import Convolution

    return Convolution(workload, *rest)


def main():
    # Libraries print; the orchestrator must read nothing but the protocol.
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    try:
        work = competitor(*sys.argv[1:])
    except Exception as error:
        first_line = (str(error).strip() or type(error).__name__).splitlines()[0]
        print("SKIP", type(error).__name__ + ":", first_line, file=answers)
        return
    print("READY", work.description, file=answers)
    for line in sys.stdin:
        order, *argument = line.split(maxsplit=1)
        if order == "check":
            print("RESULTS", *work.results, file=answers)
        elif order == "gradients":
            file = argument[0].rstrip("\n")
            work.write_gradients(file)
            print("GRADIENTS", file, file=answers)
        else:
            print("SECONDS", work.run(int(argument[0])), file=answers)


if __name__ == "__main__":
    main()
