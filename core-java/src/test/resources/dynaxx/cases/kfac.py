"""Writes kfac.npy and kfac.json beside mlp-tanh and cnn-relu: KFAC and EKFAC in float64. Needs torch and numpy.

Everything is dense: for each example and column of the root of the loss's Hessian, made by its eigenvectors, autograd gives the adjoint
of each layer's output; A, G, and in EKFAC the mean squared gradients in their eigenvectors, are sums of outer products of these.
kfac.npy has four rows: KFAC v, EKFAC v, (KFAC + 0.01 I)^-1 v and (EKFAC + 0.01 I)^-1 v, v being the first vector of probe.npy.
"""
import json
import os
import numpy as np
import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)
HERE = os.path.dirname(os.path.abspath(__file__))
DAMPING = 0.01


def load(case, file):
    return np.load(os.path.join(HERE, case, file + ".npy"))


class Layers:
    """Parameters in order, and what each layer saw: rows of inputs (examples x tokens x in) and its output."""

    def __init__(self, parameters):
        self.rest = torch.tensor(parameters.astype(np.float64))
        self.seen = []

    def take(self, *shape):
        n = int(np.prod(shape))
        part, self.rest = self.rest[:n], self.rest[n:]
        return part.reshape(shape)

    def linear(self, x, out):
        w, b = self.take(out, x.shape[1]), self.take(out)
        y = (x @ w.T + b).requires_grad_()
        self.seen.append((x.detach()[:, None, :], y, lambda g: g[:, None, :]))
        return y

    def conv(self, x, out):
        w, b = self.take(out, x.shape[1], 3, 3), self.take(out)
        y = F.conv2d(x, w, b, padding=1).requires_grad_()
        rows = F.unfold(x.detach(), 3, padding=1).transpose(1, 2)
        self.seen.append((rows, y, lambda g: g.flatten(2).transpose(1, 2)))
        return y


def mlp(l, x):
    return l.linear(torch.tanh(l.linear(x.requires_grad_(), 24)), 10)


def cnn(l, x):
    x = F.max_pool2d(torch.relu(l.conv(x.reshape(-1, 1, 14, 14).requires_grad_(), 6)), 2)
    x = torch.relu(l.conv(x, 12)).mean((2, 3))
    return l.linear(x, 10)


def factors(case, network):
    inputs = torch.tensor(load(case, "inputs").astype(np.float64))
    examples = len(inputs)
    l = Layers(load(case, "parameters"))
    z = network(l, inputs.reshape(examples, -1))
    p = torch.softmax(z.detach(), 1)
    values, vectors = torch.linalg.eigh((torch.diag_embed(p) - p[:, :, None] * p[:, None, :]) / examples)
    root = vectors * values.clamp(min=0).sqrt()[:, None, :]
    xs = [torch.cat([rows, torch.ones(rows.shape[:2] + (1,))], 2).numpy() for rows, _, _ in l.seen]
    gs = []
    for j in range(10):
        grads = torch.autograd.grad(z, [y for _, y, _ in l.seen], root[:, :, j], retain_graph=True)
        gs.append([turn(g).numpy() for g, (_, _, turn) in zip(grads, l.seen)])
    return xs, [[g[i] for g in gs] for i in range(len(xs))]


def dense(x, columns, scaled):
    """A layer's block for a weight out x in and then its bias."""
    a = np.einsum("nta,ntb->ab", x, x) / (x.shape[0] * x.shape[1])
    g = sum(np.einsum("nti,ntj->ij", c, c) for c in columns)
    lg, ug = np.linalg.eigh(g)
    la, ua = np.linalg.eigh(a)
    d = np.outer(lg, la)
    if scaled:
        d = sum((np.einsum("nti,ntj->nij", c @ ug, x @ ua) ** 2).sum(0) for c in columns)
    q = np.kron(ug, ua)
    out, width = g.shape[0], a.shape[0]
    order = np.arange(out * width).reshape(out, width)
    order = np.concatenate([order[:, :-1].ravel(), order[:, -1]])
    block = (q * d.ravel()) @ q.T
    return block[np.ix_(order, order)]


for case, network in (("mlp-tanh", mlp), ("cnn-relu", cnn)):
    xs, gs = factors(case, network)
    v = load(case, "probe")[0].astype(np.float64)
    rows, found = [], {}
    for name in ("kfac", "ekfac"):
        blocks = [dense(x, g, name == "ekfac") for x, g in zip(xs, gs)]
        k = np.zeros((len(v), len(v)))
        at = 0
        for b in blocks:
            k[at:at + len(b), at:at + len(b)] = b
            at += len(b)
        assert at == len(v)
        rows.append((k @ v, np.linalg.solve(k + DAMPING * np.eye(len(v)), v)))
        found[name] = {"trace": float(np.trace(k)), "largest": np.linalg.eigvalsh(k)[::-1][:5].tolist()}
    out = np.stack([rows[0][0], rows[1][0], rows[0][1], rows[1][1]]).astype(np.float32)
    np.save(os.path.join(HERE, case, "kfac.npy"), out)
    with open(os.path.join(HERE, case, "kfac.json"), "w") as file:
        json.dump(found, file, indent=1)
        file.write("\n")
    print(case, found)
