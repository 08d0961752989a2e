"""The seed recipe as a PyTorch script: the baseline that `make bench` compares training with.

usage: torch_seed.py TRAIN_TAR TEST_TAR [epochs] [seed]

Same net, same augmentation, same hyper-parameters as recipes/cifar10-seed.toml. Pictures are decoded once and
kept in memory, as torchvision's CIFAR10 keeps them; augmentation runs per picture in the loop, as its
DataLoader does without workers. Prints one JSON line per epoch.
"""

import io
import json
import sys
import tarfile
import time

import torch
import torchvision.transforms as transforms
from PIL import Image
from torch import nn
from torch.utils.data import DataLoader, Dataset


class TarPictures(Dataset):
    """Pictures of class folders in a tar file, decoded once."""

    def __init__(self, path, transform):
        self.transform = transform
        self.pictures, names = [], []
        with tarfile.open(path) as archive:
            for member in archive:
                if member.isfile():
                    data = archive.extractfile(member).read()
                    self.pictures.append(Image.open(io.BytesIO(data)).convert("RGB"))
                    names.append(member.name.split("/")[-2])
        self.classes = sorted(set(names))
        self.labels = [self.classes.index(name) for name in names]

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, index):
        return self.transform(self.pictures[index]), self.labels[index]


def seed_net():
    return nn.Sequential(
        nn.Conv2d(3, 6, 5), nn.ReLU(), nn.MaxPool2d(2, 2),
        nn.Conv2d(6, 16, 5), nn.ReLU(), nn.MaxPool2d(2, 2),
        nn.Flatten(),
        nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10),
    )


def evaluate(net, loader):
    net.eval()
    right = total = 0
    with torch.no_grad():
        for pictures, labels in loader:
            right += (net(pictures).argmax(1) == labels).sum().item()
            total += len(labels)
    net.train()
    return right / total


def main():
    train_tar, test_tar = sys.argv[1:3]
    epochs = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    torch.manual_seed(int(sys.argv[4]) if len(sys.argv) > 4 else 0)
    torch.set_num_threads(2)
    normalise = [transforms.ToTensor(), transforms.Normalize((0.5,) * 3, (0.5,) * 3)]
    augment = [transforms.RandomHorizontalFlip(), transforms.RandomRotation(10)]
    train = TarPictures(train_tar, transforms.Compose(augment + normalise))
    test = TarPictures(test_tar, transforms.Compose(normalise))
    loader = DataLoader(train, batch_size=100, shuffle=True)
    net = seed_net()
    optimiser = torch.optim.SGD(net.parameters(), lr=0.001, momentum=0.9)
    loss_of = nn.CrossEntropyLoss()
    for epoch in range(1, epochs + 1):
        started, step_seconds, loss_sum = time.perf_counter(), 0.0, 0.0
        for pictures, labels in loader:
            step_started = time.perf_counter()
            optimiser.zero_grad()
            loss = loss_of(net(pictures), labels)
            loss.backward()
            optimiser.step()
            loss_sum += loss.item()
            step_seconds += time.perf_counter() - step_started
        seconds = time.perf_counter() - started
        accuracy = evaluate(net, DataLoader(test, batch_size=100)) if epoch == epochs else None
        print(json.dumps({"epoch": epoch, "loss": loss_sum / len(loader), "test_accuracy": accuracy,
                          "seconds": round(seconds, 3), "step_seconds": round(step_seconds, 3),
                          "pictures_per_second": round(len(train) / seconds)}), flush=True)


if __name__ == "__main__":
    main()
