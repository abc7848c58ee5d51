"""Writes cnn-relu/tie: gradient, products and curvature of cnn-relu with the other pixel as the maximum of one window. Needs numpy.

In image 16, channel 3, the third and fourth pixel of the pooling window in row 0, column 4 differ by less than half a unit in the last
place of float32. Which of them is the larger depends on the order in which a device adds up a convolution. The largest by the numbers in
float64 is the fourth; if they round to the same number, the third is taken, the first in reading order. Everything is float64; the
Hessian's columns are complex steps of the gradient, and those without the change must be the eigenvalues and products of expected.json.
"""
import json
import os
import numpy as np

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "cnn-relu")
WINDOW, PIXEL = (16, 3, 0, 4), 2


def load(file):
    return np.load(os.path.join(FOLDER, file + ".npy")).astype(np.float64)


X, T = load("inputs"), load("targets").astype(int)


def patches(x):
    """images x channels x height x width -> images x height x width x (channels 3 3)"""
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    seen = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), (2, 3))
    return seen.transpose(0, 2, 3, 1, 4, 5).reshape(x.shape[0], x.shape[2], x.shape[3], -1)


def unpatch(d, channels):
    images, height, width, _ = d.shape
    d = d.reshape(images, height, width, channels, 3, 3)
    padded = np.zeros((images, channels, height + 2, width + 2), d.dtype)
    for i in range(3):
        for j in range(3):
            padded[:, :, i : i + height, j : j + width] += d[:, :, :, :, i, j].transpose(0, 3, 1, 2)
    return padded[:, :, 1:-1, 1:-1]


def windows(x):
    a = x.reshape(len(x), 7, 2, 7, 2, -1).transpose(0, 5, 1, 3, 2, 4)
    return a.reshape(len(x), -1, 7, 7, 4)


def gradient(p, tied):
    """Loss and gradient; p may be complex, and every choice is one of real parts."""
    w0, b0, w3, b3, w7, b7 = np.split(p, [54, 60, 708, 720, 840])
    w0, w3, w7 = w0.reshape(6, 9), w3.reshape(12, 54), w7.reshape(10, 12)
    n = len(T)
    x0 = patches(X)
    a0 = x0 @ w0.T + b0
    seen = windows(a0 * (a0.real > 0))
    at = seen.real.argmax(-1)
    if tied:
        at[WINDOW] = PIXEL
    x3 = patches(np.take_along_axis(seen, at[..., None], -1)[..., 0])
    a3 = x3 @ w3.T + b3
    pooled = (a3 * (a3.real > 0)).mean((1, 2))
    z = pooled @ w7.T + b7
    e = np.exp(z - z.real.max(1, keepdims=True))
    q = e / e.sum(1, keepdims=True)
    loss = -np.log(q[range(n), T]).mean()
    dz = (q - np.eye(10)[T]) / n
    da3 = (dz @ w7)[:, None, None, :] / 49 * (a3.real > 0)
    dm = unpatch(da3 @ w3, 6)
    dseen = np.zeros_like(seen)
    np.put_along_axis(dseen, at[..., None], dm[..., None], -1)
    dh = dseen.reshape(n, 6, 7, 7, 2, 2).transpose(0, 2, 4, 3, 5, 1).reshape(n, 14, 14, 6)
    da0 = dh * (a0.real > 0)
    rows = lambda d, x: d.reshape(-1, d.shape[-1]).T @ x.reshape(-1, x.shape[-1])
    parts = [rows(da0, x0), da0.sum((0, 1, 2)), rows(da3, x3), da3.sum((0, 1, 2)), dz.T @ pooled, dz.sum(0)]
    return loss, np.concatenate([part.ravel() for part in parts])


def curvature(tied):
    p = load("parameters")
    loss, g = gradient(p, tied)
    h = np.empty((len(p), len(p)))
    for i in range(len(p)):
        moved = p.astype(complex)
        moved[i] += 1e-30j
        h[i] = gradient(moved, tied)[1].imag / 1e-30
    v = load("probe").reshape(4, -1)
    hv = v @ h
    values = np.linalg.eigvalsh((h + h.T) / 2)
    found = {
        "loss": loss,
        "gradient_norm": np.linalg.norm(g),
        "quadratic_forms": (v * hv).sum(1).tolist(),
        "lambda_min": values[0],
        "lambda_max": values[-1],
        "trace": np.trace(h),
    }
    return g, hv, found


def main():
    expected = json.load(open(os.path.join(FOLDER, "expected.json")))
    g, hv, found = curvature(False)
    assert abs(g - load("gradient")).max() < 1e-15
    assert abs(hv.ravel() - load("hvp").ravel()).max() < 1e-13
    for name, value in found.items():
        assert np.allclose(value, expected[name], rtol=1e-12, atol=1e-13), name
    g, hv, found = curvature(True)
    folder = os.path.join(FOLDER, "tie")
    os.makedirs(folder, exist_ok=True)
    np.save(os.path.join(folder, "gradient.npy"), g)
    np.save(os.path.join(folder, "hvp.npy"), hv)
    with open(os.path.join(folder, "expected.json"), "w") as out:
        json.dump({**{k: expected[k] for k in ("n", "active_fractions")}, **found}, out, indent=1)
        out.write("\n")


main()
