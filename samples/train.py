"""Trains the two sample classifiers: the same network, once plain and once with a penalty on its largest singular values.

    python3 train.py            needs torch, onnx and numpy; about two minutes on two cores

Writes models/*.onnx and *.safetensors, checkpoints/ and inputs/. See README.md.
"""

import json
import struct
from pathlib import Path

import numpy as np
import torch
from torch import nn

import shapes

HERE = Path(__file__).parent
EPOCHS = 12
BATCH = 64
LEARNING_RATE = 0.05
MOMENTUM = 0.9
SPECTRAL_PENALTY = 0.01  # on the sum of squared largest singular values
CHECKPOINT_EPOCHS = (0, 1, 3, 12)


class Classifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 8, kernel_size=3, padding=1)
        self.conv2 = nn.Conv2d(8, 16, kernel_size=3, stride=2, padding=1)
        self.pool = nn.MaxPool2d(2)
        self.fc1 = nn.Linear(16 * 4 * 4, 96)
        self.fc2 = nn.Linear(96, 48)
        self.fc3 = nn.Linear(48, len(shapes.CLASSES))

    def forward(self, x):
        x = torch.relu(self.conv1(x))
        x = self.pool(torch.relu(self.conv2(x)))
        x = x.flatten(1)
        x = torch.relu(self.fc1(x))
        x = torch.relu(self.fc2(x))
        return self.fc3(x)


def preprocess(x):
    """Pictures 0..255 as the network's input: x/255."""
    return torch.from_numpy(x.astype(np.float32) / 255)


def spectral_penalty(model):
    """Sum over the layers of the squared largest singular value of the weights as [out, in] matrix."""
    weights = [p for name, p in model.named_parameters() if name.endswith("weight")]
    return sum(torch.linalg.matrix_norm(w.flatten(1), 2) ** 2 for w in weights)


def accuracy(model, x, y):
    with torch.no_grad():
        return (model(preprocess(x)).argmax(1).numpy() == y).mean()


def train(penalty, checkpoint=lambda epoch, model: None):
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    x, y = shapes.make(6000, seed=1)
    x_test, y_test = shapes.make(1000, seed=2)
    model = Classifier()
    optimizer = torch.optim.SGD(model.parameters(), lr=LEARNING_RATE, momentum=MOMENTUM)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS)
    checkpoint(0, model)
    for epoch in range(1, EPOCHS + 1):
        for batch in np.split(rng.permutation(len(x)), range(BATCH, len(x), BATCH)):
            loss = nn.functional.cross_entropy(model(preprocess(x[batch])), torch.from_numpy(y[batch]))
            optimizer.zero_grad()
            (loss + penalty * spectral_penalty(model)).backward()
            optimizer.step()
        schedule.step()
        checkpoint(epoch, model)
        print(f"penalty {penalty}: epoch {epoch}, loss {loss.item():.3f}, test accuracy {accuracy(model, x_test, y_test):.3f}", flush=True)
    return model.eval()


def save_safetensors(path, model):
    """The format in a few lines: 8 bytes header length, JSON header, raw little-endian data."""
    header, blobs, offset = {"__metadata__": {"format": "pt"}}, [], 0
    for name, tensor in model.state_dict().items():
        blob = tensor.detach().numpy().astype("<f4").tobytes()
        header[name] = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": [offset, offset + len(blob)]}
        blobs.append(blob)
        offset += len(blob)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(blobs))


def save_onnx(path, model):
    example = torch.zeros(1, 1, shapes.SIZE, shapes.SIZE)
    torch.onnx.export(
        model, example, path, opset_version=13,
        input_names=["image"], output_names=["logits"],
        dynamic_axes={"image": {0: "batch"}, "logits": {0: "batch"}},
    )


def main():
    torch.set_num_threads(2)
    for folder in ("models", "checkpoints", "inputs"):
        (HERE / folder).mkdir(exist_ok=True)

    def keep(epoch, model):
        if epoch in CHECKPOINT_EPOCHS:
            save_safetensors(HERE / "checkpoints" / f"plain-epoch{epoch:02d}.safetensors", model)

    models = {"plain": train(0, keep), "regularised": train(SPECTRAL_PENALTY)}
    x, y = shapes.make(200, seed=3)
    np.savez_compressed(HERE / "inputs" / "clean.npz", x=x, y=y)
    logits = {}
    for name, model in models.items():
        save_onnx(HERE / "models" / f"{name}.onnx", model)
        save_safetensors(HERE / "models" / f"{name}.safetensors", model)
        with torch.no_grad():
            logits[name] = model(preprocess(x)).numpy()
        print(f"{name}: accuracy on inputs/clean.npz {accuracy(model, x, y):.3f}")
    np.savez_compressed(HERE / "inputs" / "logits.npz", **logits)


if __name__ == "__main__":
    main()
