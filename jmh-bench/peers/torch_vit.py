"""The vision transformer of dynaxx's benchmarks, and timing, in PyTorch."""

import torch
from torch import nn

import common


class Attention(nn.Module):
    """Materialised probabilities: fused attention kernels have no second derivative."""

    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)

    def forward(self, x):
        b, s, w = x.shape
        q, k, v = self.qkv(x).reshape(b, s, 3, self.heads, w // self.heads).permute(2, 0, 3, 1, 4)
        p = (q @ k.transpose(-2, -1) * (w // self.heads) ** -0.5).softmax(-1)
        return self.out((p @ v).transpose(1, 2).reshape(b, s, w))


class Block(nn.Module):
    def __init__(self, width, heads, hidden):
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.attention = Attention(width, heads)
        self.norm2 = nn.LayerNorm(width)
        self.up = nn.Linear(width, hidden)
        self.down = nn.Linear(hidden, width)

    def forward(self, x):
        x = x + self.attention(self.norm1(x))
        return x + self.down(nn.functional.gelu(self.up(self.norm2(x))))


class Vit(nn.Module):
    def __init__(self, channels, pixels, patch, width, depth, heads, hidden, classes):
        super().__init__()
        self.patch = patch
        tokens = (pixels // patch) ** 2 + 1
        self.embed = nn.Linear(channels * patch * patch, width)
        self.cls = nn.Parameter(0.02 * torch.randn(1, 1, width))
        self.positions = nn.Parameter(0.02 * torch.randn(1, tokens, width))
        self.blocks = nn.ModuleList([Block(width, heads, hidden) for _ in range(depth)])
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, classes)

    def forward(self, x):
        b, c, h, w = x.shape
        p = self.patch
        x = x.reshape(b, c, h // p, p, w // p, p).permute(0, 2, 4, 1, 3, 5).reshape(b, -1, c * p * p)
        x = torch.cat([self.cls.expand(b, -1, -1), self.embed(x)], 1) + self.positions
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x)[:, 0])


def workload(network, batch, precision):
    """Model, images and labels on the GPU."""
    torch.manual_seed(1)
    torch.backends.cuda.matmul.allow_tf32 = precision == "tf32"
    torch.backends.cudnn.allow_tf32 = precision == "tf32"
    size = common.SIZES[network]
    model = Vit(*size).cuda()
    images = torch.randn(batch, size[0], size[1], size[1], device="cuda")
    labels = torch.randint(size[-1], (batch,), device="cuda")
    return model, images, labels


def timer(work):
    """Milliseconds between events."""
    start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    start.record()
    work()
    end.record()
    end.synchronize()
    return start.elapsed_time(end)


def rademacher(count, n):
    return 2.0 * torch.randint(2, (count, n), device="cuda") - 1


def lanczos(product, n, steps):
    """Extreme Ritz values with full reorthogonalisation, twice."""
    basis = torch.empty(steps + 1, n, device="cuda")
    v = torch.randn(n, device="cuda")
    basis[0] = v / v.norm()
    t = torch.zeros(steps, steps, dtype=torch.float64)
    for j in range(steps):
        w = product(basis[j])
        c = torch.zeros(j + 1, device="cuda")
        for _ in range(2):
            h = basis[: j + 1] @ w
            w = w - basis[: j + 1].T @ h
            c += h
        norm = w.norm()
        basis[j + 1] = w / norm
        t[j, j] = c[j].item()
        if j + 1 < steps:
            t[j, j + 1] = t[j + 1, j] = norm.item()
    values = torch.linalg.eigvalsh(t)
    return values[0].item(), values[-1].item()
