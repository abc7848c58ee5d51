"""What dynaxx.bench.CpuReport times, in PyTorch on the CPU: H v by reverse over reverse, the graph of the gradient kept.

Each line of standard input names a network, each line of output is one round of it; snapshot:NETWORK PRODUCTS PROBES asks for a snapshot. Arguments: seconds of warm-up of each part, seconds of each
part in a round, threads. A part's time is its shortest, as there.
"""

import sys

import torch
from torch import nn

import rounds
import torch_vit


def conv(inputs, outputs, kernel, stride):
    return nn.Sequential(nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False), nn.GroupNorm(4, outputs))


class Residual(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.first = conv(inputs, outputs, 3, stride)
        self.second = conv(outputs, outputs, 3, 1)
        self.shortcut = conv(inputs, outputs, 1, stride) if inputs != outputs or stride != 1 else nn.Identity()

    def forward(self, x):
        return (self.second(self.first(x).relu()) + self.shortcut(x)).relu()


class Cnn(nn.Module):
    def __init__(self, channels, widths, blocks, classes):
        super().__init__()
        self.stem = conv(channels, widths[0], 3, 1)
        layers = []
        before = widths[0]
        for stage, width in enumerate(widths):
            for block in range(blocks):
                layers.append(Residual(before, width, 2 if stage > 0 and block == 0 else 1))
                before = width
        self.blocks = nn.Sequential(*layers)
        self.head = nn.Linear(before, classes)

    def forward(self, x):
        return self.head(self.blocks(self.stem(x).relu()).mean((2, 3)))


class Recurrent(nn.Module):
    """Unrolled: the fused layer of the library has no second derivative on the CPU."""

    def __init__(self, kind, features, hidden, classes):
        super().__init__()
        self.kind, self.hidden = kind, hidden
        gates = {"gru": 3, "lstm": 4}[kind]
        self.input = nn.Linear(features, gates * hidden)
        self.state = nn.Linear(hidden, gates * hidden)
        self.head = nn.Linear(hidden, classes)

    def forward(self, x):
        projected = self.input(x)
        h = x.new_zeros(x.shape[0], self.hidden)
        c = h
        for i in range(x.shape[1]):
            gx, gh = projected[:, i], self.state(h)
            if self.kind == "gru":
                xr, xz, xn = gx.chunk(3, 1)
                hr, hz, hn = gh.chunk(3, 1)
                r, z = (xr + hr).sigmoid(), (xz + hz).sigmoid()
                n = (xn + r * hn).tanh()
                h = n + z * (h - n)
            else:
                a, f, g, o = (gx + gh).chunk(4, 1)
                c = f.sigmoid() * c + a.sigmoid() * g.tanh()
                h = o.sigmoid() * c.tanh()
        return self.head(h)


class CausalAttention(nn.Module):
    def __init__(self, width, heads, context):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.register_buffer("mask", torch.full((context, context), float("-inf")).triu(1))

    def forward(self, x):
        b, s, w = x.shape
        q, k, v = self.qkv(x).reshape(b, s, 3, self.heads, w // self.heads).permute(2, 0, 3, 1, 4)
        p = (q @ k.transpose(-2, -1) * (w // self.heads) ** -0.5 + self.mask).softmax(-1)
        return self.out((p @ v).transpose(1, 2).reshape(b, s, w))


class GptBlock(nn.Module):
    def __init__(self, width, heads, hidden, context):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = CausalAttention(width, heads, context)
        self.up, self.down = nn.Linear(width, hidden), nn.Linear(hidden, width)

    def forward(self, x):
        x = x + self.attention(self.norm1(x))
        return x + self.down(nn.functional.gelu(self.up(self.norm2(x)), approximate="tanh"))


class Gpt(nn.Module):
    """As GPT-2: the head is the token table."""

    def __init__(self, vocabulary, context, width, depth, heads, hidden):
        super().__init__()
        self.table = nn.Embedding(vocabulary, width)
        self.positions = nn.Parameter(0.02 * torch.randn(1, context, width))
        self.blocks = nn.ModuleList([GptBlock(width, heads, hidden, context) for _ in range(depth)])
        self.norm = nn.LayerNorm(width)

    def forward(self, x):
        x = self.table(x) + self.positions
        for block in self.blocks:
            x = block(x)
        return self.norm(x) @ self.table.weight.T


def workload(name):
    torch.manual_seed(1)
    if name == "gpt":
        tokens = torch.randint(64, (64, 32))
        return Gpt(64, 32, 64, 3, 4, 128), tokens, torch.randint(64, (64 * 32,))
    labels = torch.randint(10, (256,))
    images = torch.randn(256, 1, 28, 28)
    if name == "mlp":
        model = nn.Sequential(
            nn.Linear(784, 256), nn.Tanh(), nn.Linear(256, 128), nn.Tanh(), nn.Linear(128, 10)
        )
        return model, images.flatten(1), labels
    if name in ("gru", "lstm"):
        return Recurrent(name, 28, 64, 10), images.squeeze(1), labels
    if name == "cnn":
        return Cnn(1, (16, 32), 1, 10), images, labels
    if name == "resnet":
        return Cnn(3, (64, 128, 256, 512), 2, 10), torch.randn(64, 3, 32, 32), labels[:64]
    sizes = {
        "quick": (1, 28, 7, 32, 3, 4, 64, 10),
        "vit": (1, 28, 7, 64, 3, 4, 128, 10),
        "wide": (1, 28, 7, 192, 4, 4, 768, 10),
    }
    if name not in sizes:
        sys.exit(f"network: found '{name}', expected mlp, cnn, resnet, gru, lstm, gpt, quick, vit or wide")
    return torch_vit.Vit(*sizes[name]), images, labels


def network_of(name):
    """Parameters, examples, the gradient, and what makes a product from a gradient whose graph is kept."""
    model, inputs, labels = workload(name)
    parameters = list(model.parameters())
    n = sum(p.numel() for p in parameters)

    def gradient(create_graph=False):
        z = model(inputs)
        loss = nn.functional.cross_entropy(z.reshape(-1, z.shape[-1]), labels)
        return torch.autograd.grad(loss, parameters, create_graph=create_graph)

    def products():
        graph = gradient(create_graph=True)

        def product(v):
            pieces = [part.reshape(p.shape) for part, p in zip(v.split([p.numel() for p in parameters]), parameters)]
            hv = torch.autograd.grad(graph, parameters, grad_outputs=pieces, retain_graph=True, materialize_grads=True)
            return torch.cat([t.reshape(-1) for t in hv])

        return product

    return n, len(inputs), gradient, products


def parts_of(name):
    n, examples, gradient, products = network_of(name)
    product = products()
    probes = 2.0 * torch.randint(2, (8, n)) - 1
    return n, examples, {
        "gradient": gradient,
        "hvp1": lambda: product(probes[0]),
        "hvp8": lambda: [product(v) for v in probes],
        "quadratic8": lambda: [torch.dot(v, product(v)) for v in probes],
    }


def product_of(name):
    """sgemm:MxNxDEPTH[t][*MEMBERS] as dynaxx.bench.Sgemm has it: the product, its multiplications, and the largest error of some elements."""
    shape, _, members = name.removeprefix("sgemm:").partition("*")
    m, n, depth = map(int, shape.removesuffix("t").split("x"))
    batch = [int(members)] if members else []
    a, b = torch.randn(*batch, m, depth), torch.randn(*batch, n, depth)
    right = b.mT if shape.endswith("t") else b.mT.contiguous()
    to = torch.empty(*batch, m, n)
    run = lambda: torch.matmul(a, right, out=to)

    def error():
        i = torch.randint(m, (20,))
        exact = a[..., i, :].double() @ b.double().mT
        scale = a[..., i, :].double().norm(dim=-1, keepdim=True) * b.double().norm(dim=-1).unsqueeze(-2)
        return ((to[..., i, :] - exact).abs() / scale).max().item()

    return run, m * n * depth * (int(members) if members else 1), error


def snapshot_of(name, products, probes):
    """A gradient, Lanczos with full reorthogonalisation, twice, and Rademacher probes, one product after the other."""
    n, _, _, products_at = network_of(name)
    basis = torch.empty(products + 1, n)

    def run():
        product = products_at()
        v = torch.randn(n)
        basis[0] = v / v.norm()
        t = torch.zeros(products, products, dtype=torch.float64)
        for j in range(products):
            w = product(basis[j])
            for _ in range(2):
                h = basis[: j + 1] @ w
                w = w - h @ basis[: j + 1]
                t[j, j] += h[j].item()
            norm = w.norm()
            basis[j + 1] = w / norm
            if j + 1 < products:
                t[j, j + 1] = t[j + 1, j] = norm.item()
        values = torch.linalg.eigvalsh(t)
        trace = sum(torch.dot(v, product(v)).item() for v in (2.0 * torch.randint(2, (n,)) - 1 for _ in range(probes))) / probes
        return values[0].item(), values[-1].item(), trace

    return run


def prepare(name):
    implementation = {"implementation": f"torch {torch.__version__}"}
    if name.startswith("sgemm:"):
        run, multiplications, error = product_of(name)
        head = {**implementation, "network": name}
        return {"run": run}, lambda t: {**head, "gflops": round(2e-6 * multiplications / t["run"], 1), "largest_error": error()}
    if name.startswith("snapshot:"):
        network, products, probes = name.split()
        run = snapshot_of(network.removeprefix("snapshot:"), int(products), int(probes))
        return {"run": run}, lambda t: {**implementation, "network": network, "snapshot_ms": round(t["run"], 2)}
    n, examples, parts = parts_of(name)
    device = f"{torch.backends.cpu.get_cpu_capability()}, {torch.get_num_threads()} threads"
    return parts, rounds.network_report({**implementation, "device": device, "network": name, "batch": examples, "parameters": n})


def main():
    if len(sys.argv) != 4:
        sys.exit(f"arguments: found {len(sys.argv) - 1}, expected WARM_UP_SECONDS PART_SECONDS THREADS")
    threads = int(sys.argv[3])
    torch.set_num_threads(threads)
    rounds.serve(prepare, float(sys.argv[1]), float(sys.argv[2]), threads)


if __name__ == "__main__":
    main()
