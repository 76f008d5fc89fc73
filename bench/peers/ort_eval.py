"""Top-1 and top-5 of an ONNX file in ONNX Runtime on the rows of one data set, as one JSON line; --preds keeps every answer."""

import measuring
import runners

if __name__ == "__main__":
    measuring.eval_main(__doc__, runners.OrtRunner, with_emulation=True)
