"""H v by forward over reverse in JAX: jit(vmap(jvp(grad)))."""

import time

import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree

import common

PRECISIONS = {"fp32": "highest", "tf32": "tensorfloat32", "tf32x3": "TF32_TF32_F32_X3"}


def initial(size, key):
    channels, pixels, patch, width, depth, heads, hidden, classes = size
    keys = iter(jax.random.split(key, 8 + 8 * depth))

    def linear(inputs, outputs):
        return {"w": jax.random.normal(next(keys), (inputs, outputs)) * inputs**-0.5, "b": jnp.zeros(outputs)}

    def norm():
        return {"g": jnp.ones(width), "b": jnp.zeros(width)}

    return {
        "embed": linear(channels * patch * patch, width),
        "cls": 0.02 * jax.random.normal(next(keys), (1, 1, width)),
        "positions": 0.02 * jax.random.normal(next(keys), (1, (pixels // patch) ** 2 + 1, width)),
        "blocks": [
            {
                "norm1": norm(),
                "qkv": linear(width, 3 * width),
                "out": linear(width, width),
                "norm2": norm(),
                "up": linear(width, hidden),
                "down": linear(hidden, width),
            }
            for _ in range(depth)
        ],
        "norm": norm(),
        "head": linear(width, classes),
    }


def linear(p, x):
    return x @ p["w"] + p["b"]


def norm(p, x):
    mean = x.mean(-1, keepdims=True)
    variance = ((x - mean) ** 2).mean(-1, keepdims=True)
    return p["g"] * (x - mean) * jax.lax.rsqrt(variance + 1e-5) + p["b"]


def attention(p, x, heads):
    b, s, w = x.shape
    q, k, v = linear(p["qkv"], x).reshape(b, s, 3, heads, w // heads).transpose(2, 0, 3, 1, 4)
    probabilities = jax.nn.softmax(q @ k.transpose(0, 1, 3, 2) * (w // heads) ** -0.5)
    return linear(p["out"], (probabilities @ v).transpose(0, 2, 1, 3).reshape(b, s, w))


def loss(p, size, images, labels):
    channels, pixels, patch, width, depth, heads, hidden, classes = size
    b = images.shape[0]
    side = pixels // patch
    x = images.reshape(b, channels, side, patch, side, patch).transpose(0, 2, 4, 1, 3, 5)
    x = linear(p["embed"], x.reshape(b, side * side, channels * patch * patch))
    x = jnp.concatenate([jnp.broadcast_to(p["cls"], (b, 1, width)), x], 1) + p["positions"]
    for block in p["blocks"]:
        x = x + attention(block, norm(block["norm1"], x), heads)
        y = jax.nn.gelu(linear(block["up"], norm(block["norm2"], x)), approximate=False)
        x = x + linear(block["down"], y)
    z = linear(p["head"], norm(p["norm"], x)[:, 0])
    return -jnp.take_along_axis(jax.nn.log_softmax(z), labels[:, None], 1).mean()


def timer(work):
    start = time.perf_counter()
    jax.block_until_ready(work())
    return 1000 * (time.perf_counter() - start)


def lanczos(product, n, steps, key):
    """Extreme Ritz values with full reorthogonalisation, twice; one jitted step."""

    @jax.jit
    def step(basis, w):
        c = jnp.zeros(basis.shape[0])
        for _ in range(2):
            h = basis @ w
            w = w - h @ basis
            c = c + h
        return c, w, jnp.linalg.norm(w)

    def run():
        v = jax.random.normal(key, (n,))
        basis = jnp.zeros((steps + 1, n)).at[0].set(v / jnp.linalg.norm(v))
        t = [[0.0] * steps for _ in range(steps)]
        for j in range(steps):
            # rows that are not there yet are zero and take part without effect
            c, w, length = step(basis, product(basis[j]))
            basis = basis.at[j + 1].set(w / length)
            t[j][j] = float(c[j])
            if j + 1 < steps:
                t[j][j + 1] = t[j + 1][j] = float(length)
        return jnp.linalg.eigvalsh(jnp.array(t))

    return run


def run(network, batch, precision):
    jax.config.update("jax_default_matmul_precision", PRECISIONS[precision])
    size = common.SIZES[network]
    keys = jax.random.split(jax.random.PRNGKey(1), 5)
    flat, unravel = ravel_pytree(initial(size, keys[0]))
    n = flat.size
    images = jax.random.normal(keys[1], (batch, size[0], size[1], size[1]))
    labels = jax.random.randint(keys[2], (batch,), 0, size[-1])

    def objective(x):
        return loss(unravel(x), size, images, labels)

    gradient = jax.jit(jax.grad(objective))
    product = jax.jit(lambda v: jax.jvp(jax.grad(objective), (flat,), (v,))[1])
    products = jax.jit(jax.vmap(lambda v: jax.jvp(jax.grad(objective), (flat,), (v,))[1]))
    forms = jax.jit(lambda z: jnp.sum(z * products(z), 1))
    eight = jax.random.rademacher(keys[3], (common.DIRECTIONS, n), dtype=jnp.float32)
    krylov = lanczos(product, n, common.LANCZOS_STEPS, keys[4])
    times, problems = common.measure(
        timer,
        {
            "gradient": lambda: gradient(flat),
            "hvp1": lambda: product(eight[0]),
            "hvp8": lambda: products(eight),
            "quadratic8": lambda: forms(eight),
            "snapshot": lambda: (gradient(flat), krylov(), forms(eight)),
        },
    )
    device = jax.devices()[0].device_kind
    common.report(f"jax {jax.__version__} vmap(jvp(grad))", device, network, batch, precision, n, times, problems)


if __name__ == "__main__":
    for case in common.arguments(known=PRECISIONS):
        run(*case)
        jax.clear_caches()
