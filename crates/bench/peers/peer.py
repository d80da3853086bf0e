"""One competitor of `cargo xtask bench --peers`: a process that waits for orders on standard input.

    python peer.py training   eager|channels_last|compile  BATCH THREADS INPUTS WEIGHTS
    python peer.py inference  pytorch|onnxruntime          BATCH THREADS INPUTS WEIGHTS

When it has warmed up it says `READY description`, or `SKIP reason` where it cannot run here. Then it answers
    check    with `LOGITS` and the logits of the first 8 images, or of BATCH if that is less, in evaluation mode before any
             training: those of the digit, then those of the sum, image by image
    run N    with `SECONDS` and the time that N steps, or N predictions of a batch, took together
until its input ends. Every competitor speaks this protocol, those in Rust too (src/peers/ours.rs).
"""

import os
import sys


def main():
    workload, variant, batch, threads, inputs, weights = sys.argv[1:]
    # Libraries print; the orchestrator must read nothing but the protocol.
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    try:
        if workload == "training":
            from training import Training as Competitor
        else:
            from inference import Inference as Competitor
        competitor = Competitor(variant, int(batch), int(threads), inputs, weights)
    except Exception as error:
        first_line = (str(error).strip() or type(error).__name__).splitlines()[0]
        print("SKIP", type(error).__name__ + ":", first_line, file=answers)
        return
    print("READY", competitor.description, file=answers)
    for line in sys.stdin:
        order, *argument = line.split()
        if order == "check":
            print("LOGITS", *competitor.logits, file=answers)
        else:
            print("SECONDS", competitor.run(int(argument[0])), file=answers)


if __name__ == "__main__":
    main()
