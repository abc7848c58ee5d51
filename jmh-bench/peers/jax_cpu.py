"""What dynaxx.bench.CpuReport times, in JAX on the CPU, jitted: H v by forward over reverse, v'Hv by forward over forward, eight by vmap.

Each line of standard input names a network, each line of output is one round of it. Arguments: seconds of warm-up of each part, seconds of each
part in a round, threads. A part's time is its shortest, as there; with one thread it is that thread's processor time.
"""

import os
import sys

THREADS = int(sys.argv[3]) if len(sys.argv) == 4 else sys.exit("arguments: expected WARM_UP_SECONDS PART_SECONDS THREADS")
os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:THREADS])
if THREADS == 1:
    os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false"

import jax
import jax.numpy as jnp
from jax import lax, nn, random
from jax.flatten_util import ravel_pytree

import rounds


def dense(key, inputs, outputs):
    bound = inputs**-0.5
    return {"w": random.uniform(key, (inputs, outputs), minval=-bound, maxval=bound), "b": jnp.zeros(outputs)}


def linear(p, x):
    return x @ p["w"] + p["b"]


def norm(width):
    return {"g": jnp.ones(width), "b": jnp.zeros(width)}


def layer_norm(p, x):
    centred = x - x.mean(-1, keepdims=True)
    return centred * lax.rsqrt((centred**2).mean(-1, keepdims=True) + 1e-5) * p["g"] + p["b"]


def group_norm(p, x, groups=4):
    n, c, h, w = x.shape
    y = x.reshape(n, groups, -1)
    centred = y - y.mean(-1, keepdims=True)
    y = (centred * lax.rsqrt((centred**2).mean(-1, keepdims=True) + 1e-5)).reshape(x.shape)
    return y * p["g"][:, None, None] + p["b"][:, None, None]


class Mlp:
    sizes = (784, 256, 128, 10)

    def init(self, keys):
        return [dense(next(keys), a, b) for a, b in zip(self.sizes, self.sizes[1:])]

    def __call__(self, p, x):
        x = x.reshape(x.shape[0], -1)
        for layer in p[:-1]:
            x = jnp.tanh(linear(layer, x))
        return linear(p[-1], x)


class Cnn:
    def __init__(self, channels, widths, blocks, classes):
        self.channels, self.classes = channels, classes
        self.blocks = [(w, 2 if s > 0 and b == 0 else 1) for s, w in enumerate(widths) for b in range(blocks)]
        self.stem = widths[0]

    @staticmethod
    def conv(key, inputs, outputs, kernel):
        return {"w": random.normal(key, (outputs, inputs, kernel, kernel)) * (inputs * kernel**2 / 2) ** -0.5, "n": norm(outputs)}

    @staticmethod
    def run(p, x, stride=1):
        pad = p["w"].shape[-1] // 2
        return group_norm(p["n"], lax.conv_general_dilated(x, p["w"], (stride, stride), [(pad, pad)] * 2))

    def init(self, keys):
        p, before = {"stem": self.conv(next(keys), self.channels, self.stem, 3), "blocks": []}, self.stem
        for width, stride in self.blocks:
            block = {"a": self.conv(next(keys), before, width, 3), "b": self.conv(next(keys), width, width, 3)}
            if before != width or stride != 1:
                block["s"] = self.conv(next(keys), before, width, 1)
            p["blocks"].append(block)
            before = width
        return {**p, "head": dense(next(keys), before, self.classes)}

    def __call__(self, p, x):
        x = nn.relu(self.run(p["stem"], x))
        for (_, stride), block in zip(self.blocks, p["blocks"]):
            y = self.run(block["b"], nn.relu(self.run(block["a"], x, stride)))
            x = nn.relu(y + (self.run(block["s"], x, stride) if "s" in block else x))
        return linear(p["head"], x.mean((2, 3)))


class Recurrent:
    features, hidden, classes = 28, 64, 10

    def __init__(self, kind):
        self.kind = kind

    def init(self, keys):
        gates = {"gru": 3, "lstm": 4}[self.kind]
        return [dense(next(keys), i, o) for i, o in ((self.features, gates * self.hidden), (self.hidden, gates * self.hidden), (self.hidden, 10))]

    def __call__(self, p, x):
        def gru(state, gx):
            h, gh = state, linear(p[1], state)
            xr, xz, xn = jnp.split(gx, 3, 1)
            hr, hz, hn = jnp.split(gh, 3, 1)
            r, z = nn.sigmoid(xr + hr), nn.sigmoid(xz + hz)
            n = jnp.tanh(xn + r * hn)
            return n + z * (h - n), None

        def lstm(state, gx):
            h, c = state
            a, f, g, o = jnp.split(gx + linear(p[1], h), 4, 1)
            c = nn.sigmoid(f) * c + nn.sigmoid(a) * jnp.tanh(g)
            return (nn.sigmoid(o) * jnp.tanh(c), c), None

        zero = jnp.zeros((x.shape[0], self.hidden))
        start, step = (zero, gru) if self.kind == "gru" else ((zero, zero), lstm)
        last, _ = lax.scan(step, start, linear(p[0], x.squeeze(1)).swapaxes(0, 1))
        return linear(p[2], last if self.kind == "gru" else last[0])


class Blocks:
    """Pre-LN transformer blocks."""

    def __init__(self, width, depth, heads, hidden, causal, approximate):
        self.width, self.depth, self.heads, self.hidden = width, depth, heads, hidden
        self.causal, self.approximate = causal, approximate

    def init(self, keys):
        w, h = self.width, self.hidden
        shapes = {"qkv": (w, 3 * w), "out": (w, w), "up": (w, h), "down": (h, w)}
        return [{**{k: dense(next(keys), *s) for k, s in shapes.items()}, "n1": norm(w), "n2": norm(w)} for _ in range(self.depth)]

    def attention(self, p, x):
        b, s, w = x.shape
        q, k, v = linear(p["qkv"], x).reshape(b, s, 3, self.heads, w // self.heads).transpose(2, 0, 3, 1, 4)
        a = q @ k.swapaxes(-1, -2) * (w // self.heads) ** -0.5
        if self.causal:
            a = jnp.where(jnp.tri(s, dtype=bool), a, -jnp.inf)
        return linear(p["out"], (nn.softmax(a) @ v).swapaxes(1, 2).reshape(b, s, w))

    def __call__(self, blocks, x):
        for p in blocks:
            x = x + self.attention(p, layer_norm(p["n1"], x))
            x = x + linear(p["down"], nn.gelu(linear(p["up"], layer_norm(p["n2"], x)), approximate=self.approximate))
        return x


class Gpt:
    def __init__(self, vocabulary, context, width, depth, heads, hidden):
        self.vocabulary, self.context, self.width = vocabulary, context, width
        self.blocks = Blocks(width, depth, heads, hidden, True, True)

    def init(self, keys):
        table, positions = (0.02 * random.normal(next(keys), (n, self.width)) for n in (self.vocabulary, self.context))
        return {"t": table, "p": positions, "blocks": self.blocks.init(keys), "n": norm(self.width)}

    def __call__(self, p, x):
        return layer_norm(p["n"], self.blocks(p["blocks"], p["t"][x] + p["p"])) @ p["t"].T


class Vit:
    def __init__(self, channels, pixels, patch, width, depth, heads, hidden, classes):
        self.patch, self.width, self.classes = patch, width, classes
        self.inputs, self.tokens = channels * patch * patch, (pixels // patch) ** 2 + 1
        self.blocks = Blocks(width, depth, heads, hidden, False, False)

    def init(self, keys):
        return {
            "embed": dense(next(keys), self.inputs, self.width),
            "cls": 0.02 * random.normal(next(keys), (1, 1, self.width)),
            "positions": 0.02 * random.normal(next(keys), (1, self.tokens, self.width)),
            "blocks": self.blocks.init(keys),
            "n": norm(self.width),
            "head": dense(next(keys), self.width, self.classes),
        }

    def __call__(self, p, x):
        b, c, h, w = x.shape
        s = self.patch
        x = x.reshape(b, c, h // s, s, w // s, s).transpose(0, 2, 4, 1, 3, 5).reshape(b, -1, c * s * s)
        cls = jnp.broadcast_to(p["cls"], (b, 1, self.width))
        x = self.blocks(p["blocks"], jnp.concatenate([cls, linear(p["embed"], x)], 1) + p["positions"])
        return linear(p["head"], layer_norm(p["n"], x[:, 0]))


NETWORKS = {
    "mlp": Mlp,
    "cnn": lambda: Cnn(1, (16, 32), 1, 10),
    "resnet": lambda: Cnn(3, (64, 128, 256, 512), 2, 10),
    "gru": lambda: Recurrent("gru"),
    "lstm": lambda: Recurrent("lstm"),
    "gpt": lambda: Gpt(64, 32, 64, 3, 4, 128),
    "quick": lambda: Vit(1, 28, 7, 32, 3, 4, 64, 10),
    "vit": lambda: Vit(1, 28, 7, 64, 3, 4, 128, 10),
    "wide": lambda: Vit(1, 28, 7, 192, 4, 4, 768, 10),
}


def keys(seed):
    key = random.key(seed)
    while True:
        key, sub = random.split(key)
        yield sub


def parts_of(name):
    if name not in NETWORKS:
        sys.exit(f"network: found '{name}', expected one of {', '.join(NETWORKS)}")
    model = NETWORKS[name]()
    data = keys(2)
    if name == "gpt":
        inputs, labels = random.randint(next(data), (64, 32), 0, 64), random.randint(next(data), (64, 32), 0, 64)
    else:
        shape = (64, 3, 32, 32) if name == "resnet" else (256, 1, 28, 28)
        inputs, labels = random.normal(next(data), shape), random.randint(next(data), shape[:1], 0, 10)
    at, unravel = ravel_pytree(model.init(keys(1)))

    def loss(w):
        z = model(unravel(w), inputs)
        return (nn.logsumexp(z, -1) - jnp.take_along_axis(z, labels[..., None], -1)[..., 0]).mean()

    def product(w, v):
        return jax.jvp(jax.grad(loss), (w,), (v,))[1]

    def form(w, v):
        return jax.jvp(lambda u: jax.jvp(loss, (u,), (v,))[1], (w,), (v,))[1]

    gradient, one = jax.jit(jax.grad(loss)), jax.jit(product)
    eight, forms = (jax.jit(jax.vmap(f, (None, 0))) for f in (product, form))
    probes = random.rademacher(next(data), (8, at.size), jnp.float32)
    return at.size, len(inputs), {
        "gradient": lambda: gradient(at).block_until_ready(),
        "hvp1": lambda: one(at, probes[0]).block_until_ready(),
        "hvp8": lambda: eight(at, probes).block_until_ready(),
        "quadratic8": lambda: forms(at, probes).block_until_ready(),
    }


def prepare(name):
    n, examples, parts = parts_of(name)
    head = {
        "implementation": f"jax {jax.__version__}",
        "device": f"{jax.devices()[0].platform}, {THREADS} threads",
        "network": name,
        "batch": examples,
        "parameters": n,
    }
    return parts, rounds.network_report(head)


if __name__ == "__main__":
    rounds.serve(prepare, float(sys.argv[1]), float(sys.argv[2]), THREADS)
