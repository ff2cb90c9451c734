"""inference.py FOLDER: writes two U-Nets as ONNX and runs them in PyTorch, eagerly, for each line of JSON on its input.

flat.onnx takes [n][1][256][256], deep.onnx [n][1][64][64][64]; random weights of a fixed seed. A line names a network, a
file of its input and how often to run it, with a window or without; the answer is a line with seconds by the clock and of
the processor, and the scores of the last run in a file. Windows are MONAI's own where MONAI can be imported.
"""
import json
import sys
import time

import numpy
import torch
from torch import nn

torch.manual_seed(11)
torch.set_num_threads(2)
torch.set_grad_enabled(False)


class UNet(nn.Module):
    """Two convolutions a level, instance norm, four levels; skips are concatenated."""

    def __init__(self, dims, widths, classes):
        super().__init__()
        conv, norm, up, pool = {
            2: (nn.Conv2d, nn.InstanceNorm2d, nn.ConvTranspose2d, nn.MaxPool2d),
            3: (nn.Conv3d, nn.InstanceNorm3d, nn.ConvTranspose3d, nn.MaxPool3d),
        }[dims]

        def level(before, after):
            steps = []
            for channels in (before, after):
                steps += [conv(channels, after, 3, padding=1, bias=False), norm(after, affine=True), nn.LeakyReLU(0.01)]
            return nn.Sequential(*steps)

        self.pool = pool(2)
        self.down = nn.ModuleList(level(i, o) for i, o in zip((1,) + widths[:-1], widths))
        self.up = nn.ModuleList(up(i, o, 2, stride=2) for o, i in zip(widths, widths[1:]))
        self.join = nn.ModuleList(level(2 * o, o) for o in widths[:-1])
        self.last = conv(widths[0], classes, 1)

    def forward(self, x):
        kept = []
        for level in self.down[:-1]:
            kept.append(level(x))
            x = self.pool(kept[-1])
        x = self.down[-1](x)
        for at in reversed(range(len(kept))):
            x = self.join[at](torch.cat((self.up[at](x), kept[at]), 1))
        return self.last(x)


def slide(image, roi, batch, network, overlap):
    """MONAI's sliding window with Gaussian weights; an image that is no smaller than a window."""
    try:
        from monai.inferers import sliding_window_inference

        return sliding_window_inference(image, roi, batch, network, overlap, "gaussian")
    except ImportError:
        pass
    weights = torch.ones(())
    for length in roi:
        x = torch.arange(length, dtype=torch.float32) - (length - 1) / 2
        weights = weights.unsqueeze(-1) * torch.exp(-(x**2) / (2 * (0.125 * length) ** 2))
    weights = weights.clamp(min=max(weights.min().item(), 1e-3))
    places = [()]
    for size, length in zip(image.shape[2:], roi):
        step = length if size == length else max(1, int(length * (1 - overlap)))
        starts = [min(start, size - length) for start in range(0, size - length + step, step)]
        places = [place + (slice(start, start + length),) for place in places for start in starts]
    sums, counts = None, torch.zeros((1, 1) + image.shape[2:])
    for first in range(0, len(places), batch):
        part = places[first : first + batch]
        scores = network(torch.cat([image[(slice(None), slice(None)) + place] for place in part]))
        if sums is None:
            sums = torch.zeros((1, scores.shape[1]) + image.shape[2:])
        for place, score in zip(part, scores):
            sums[(0, slice(None)) + place] += score * weights
            counts[(0, 0) + place] += weights
    return sums / counts


networks = {"flat": UNet(2, (16, 32, 64, 128), 4).eval(), "deep": UNet(3, (12, 24, 48, 96), 3).eval()}
for name, shape in {"flat": (1, 1, 256, 256), "deep": (1, 1, 64, 64, 64)}.items():
    torch.onnx.export(
        networks[name],
        torch.zeros(shape),
        f"{sys.argv[1]}/{name}.onnx",
        opset_version=15,
        input_names=["image"],
        output_names=["scores"],
        dynamic_axes={"image": {0: "n"}, "scores": {0: "n"}},
    )
print(json.dumps({"torch": torch.__version__}), flush=True)

for line in sys.stdin:
    asked = json.loads(line)
    network = networks[asked["network"]]
    image = torch.from_numpy(numpy.fromfile(asked["input"], dtype=numpy.float32).reshape(asked["shape"]))
    clock, processor = time.perf_counter(), time.process_time()
    for _ in range(asked["times"]):
        if asked.get("roi"):
            scores = slide(image, tuple(asked["roi"]), 4, network, 0.25)
        else:
            scores = network(image)
    clock, processor = time.perf_counter() - clock, time.process_time() - processor
    scores.numpy().tofile(asked["output"])
    print(json.dumps({"seconds": clock / asked["times"], "cpu": processor / asked["times"]}), flush=True)
