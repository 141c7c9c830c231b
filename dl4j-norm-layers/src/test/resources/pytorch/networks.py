# SPDX-License-Identifier: Apache-2.0
"""Writes the files of this directory: python networks.py (torch 2.13, safetensors 0.8).

For each network: its state_dict, and an input x with the output y in evaluation mode.
"""
from collections import OrderedDict

import torch
from safetensors.torch import save_file
from torch import nn


def spread(network):
    """Gives running statistics, affine parameters and biases values unlike those at the start."""
    for name, tensor in network.state_dict().items():
        if name.endswith("running_var"):
            tensor.uniform_(0.5, 2)
        elif tensor.dim() == 1:
            tensor.add_(0.3 * torch.randn_like(tensor))
        elif tensor.dim() == 0 and name.endswith("num_batches_tracked"):
            tensor.fill_(7)
    return network.eval()


class Image(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2, 2),
            nn.Conv2d(4, 6, (2, 3)), nn.BatchNorm2d(6), nn.ReLU())
        self.classifier = nn.Sequential(nn.Linear(6 * 2 * 2, 5), nn.ReLU(), nn.Linear(5, 3))

    def forward(self, x):
        return self.classifier(torch.flatten(self.features(x), 1))


class Sequence(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(7, 4)
        self.rnn = nn.LSTM(4, 3, num_layers=2, batch_first=True)
        self.both = nn.LSTM(3, 2, batch_first=True, bidirectional=True)
        self.plain = nn.RNN(4, 3, batch_first=True)
        self.head = nn.Linear(3, 2)

    def forward(self, x):
        h = self.embed(x.long())
        for layer in (self.rnn, self.both, self.plain):
            h, _ = layer(h)
        return self.head(h).transpose(1, 2)


class Dense(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(4, 6), nn.LayerNorm(6, eps=1e-5), nn.Tanh(), nn.Linear(6, 6, bias=False),
                                  nn.RMSNorm(6, eps=1e-5), nn.BatchNorm1d(6), nn.Linear(6, 3))

    def forward(self, x):
        return self.body(x)


def transposed():
    separable = OrderedDict(depthwise=nn.Conv2d(8, 16, 3, groups=8, bias=False), pointwise=nn.Conv2d(16, 3, 1))
    return nn.Sequential(
        nn.ConvTranspose2d(2, 4, (2, 3), stride=2), nn.InstanceNorm2d(4, affine=True), nn.PReLU(4),
        nn.Conv2d(4, 8, (3, 2), groups=4), nn.GroupNorm(2, 8),
        nn.Sequential(separable))


def volume():
    return nn.Sequential(nn.Conv3d(2, 4, (1, 2, 3)), nn.GroupNorm(2, 4), nn.ReLU(),
                         nn.ConvTranspose3d(4, 3, (2, 1, 2), stride=2), nn.BatchNorm3d(3))


def flat():
    return nn.Sequential(nn.Conv3d(2, 3, (1, 3, 3), padding=(0, 1, 1)), nn.Flatten(), nn.Linear(3 * 2 * 3 * 4, 2))


def wave():
    return nn.Sequential(nn.Conv1d(3, 4, 3), nn.BatchNorm1d(4), nn.ReLU(), nn.Conv1d(4, 2, 2, bias=False))


def write(name, network, x):
    with torch.no_grad():
        save_file({k: v.contiguous() for k, v in spread(network).state_dict().items()}, name + ".safetensors")
        save_file({"x": x, "y": network(x).contiguous()}, name + "-io.safetensors")


if __name__ == "__main__":
    torch.manual_seed(3)
    write("image", Image(), torch.randn(2, 3, 6, 8))
    write("sequence", Sequence(), torch.randint(0, 7, (2, 5)).float())
    write("dense", Dense(), torch.randn(3, 4))
    write("transposed", transposed(), torch.randn(2, 2, 4, 4))
    write("volume", volume(), torch.randn(2, 2, 2, 4, 4))
    write("flat", flat(), torch.randn(2, 2, 2, 3, 4))
    write("wave", wave(), torch.randn(2, 3, 7))
    values = torch.tensor([0.0, -1.5, 65504.0, 6e-8, 1 / 3], dtype=torch.float64)
    counts = torch.tensor([0, 1, 100])
    save_file({str(t)[6:]: values.to(t) for t in (torch.float16, torch.bfloat16, torch.float32, torch.float64)}
              | {str(t)[6:]: counts.to(t) for t in (torch.int8, torch.uint8, torch.int16, torch.int32, torch.int64)}
              | {"uint": torch.tensor([200, 65000, 1]).to(torch.uint16), "scalar": torch.tensor(5), "none": torch.zeros(0, 3)},
              "types.safetensors", metadata={"format": "pt"})
