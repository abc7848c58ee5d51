"""Writes losses.txt: PyTorch's losses of a small network with all derivatives in float64. Needs torch and numpy.

A case is a line "case NAME", then lines "KEY VALUES...": output (shape of an example), x, w (all parameters), t (targets), maybe weights
(one for each example), loss, g (gradient), v (a direction), hv, gv (Hessian and Gauss-Newton matrix times v).
The network is tanh(x A' + a) B' + b with 3 inputs and 4 hidden units; w is A, a, B, b. In the cases "near" and "far" all of b is moved by
100 and 10,000.
"""
import os
import numpy as np
import torch
import torch.nn.functional as F

torch.manual_seed(7)
torch.set_default_dtype(torch.float64)
N, IN, HIDDEN = 5, 3, 4


def exact(t):
    return t.to(torch.float32).to(torch.float64)


def sizes(out):
    return [(HIDDEN, IN), (HIDDEN,), (out, HIDDEN), (out,)]


def predict(w, x, shape):
    out = int(np.prod(shape)) if shape else 1
    parts, at = [], 0
    for s in sizes(out):
        n = int(np.prod(s))
        parts.append(w[at:at + n].reshape(s))
        at += n
    a, b, c, d = parts
    return (torch.tanh(x @ a.T + b) @ c.T + d).reshape((len(x),) + tuple(shape))


def case(file, name, shape, t, loss, weights=None, scale=1.0, head=lambda z: z, offset=0.0):
    out = int(np.prod(shape)) if shape else 1
    n = sum(int(np.prod(s)) for s in sizes(out))
    x = exact(torch.randn(N, IN))
    w = exact(scale * torch.randn(n) * 0.8)
    w[n - out:] = exact(w[n - out:] + offset)
    v = exact(torch.randn(n))
    network = lambda p: head(predict(p, x, shape))
    f = lambda p: loss(network(p), t)
    p = w.clone().requires_grad_(True)
    value = f(p)
    g, = torch.autograd.grad(value, p, create_graph=True)
    hv, = torch.autograd.grad(g @ v, p) if g.requires_grad else (torch.zeros_like(v),)
    z0 = network(w).detach()
    jacobian = torch.autograd.functional.jacobian(network, w).reshape(-1, n)
    curvature = torch.autograd.functional.hessian(lambda z: loss(z, t), z0).reshape(jacobian.shape[0], -1)
    gv = jacobian.T @ (curvature @ (jacobian @ v))
    print("case", name, file=file)
    lines = dict(output=torch.tensor([float(s) for s in shape]), x=x, w=w, t=t, loss=value, g=g, v=v, hv=hv, gv=gv)
    if weights is not None:
        lines["weights"] = weights
    for key, values in lines.items():
        print(key, *[repr(float(a)) for a in values.detach().reshape(-1)], file=file)


def classes(shape, count, ignored=0):
    t = torch.randint(0, count, shape)
    flat = t.reshape(-1)
    flat[torch.randperm(len(flat))[:ignored]] = -100
    return t


def ce(**options):
    def loss(z, t):
        return F.cross_entropy(z.reshape(-1, z.shape[-1]), t.reshape(-1), **options)
    return loss


def by_example(z, t):
    each = []
    for a, b in zip(z, t):
        if (b != -100).any():
            each.append(F.cross_entropy(a, b))
    return torch.stack(each).mean()


def z_loss(z, t):
    return F.cross_entropy(z, t) + 0.3 * (torch.logsumexp(z, -1) ** 2).mean()


def contrast(temperature):
    def loss(z, t):
        u = F.normalize(z, dim=-1)
        s = u @ u.T / temperature
        s = s.masked_fill(torch.eye(len(z), dtype=torch.bool), -1e300)
        logp = torch.log_softmax(s, -1)
        same = (t[:, None] == t[None, :]) & ~torch.eye(len(z), dtype=torch.bool)
        rows = same.sum(-1) > 0
        return -((logp * same).sum(-1)[rows] / same.sum(-1)[rows]).mean()
    return loss


def several(z, t):
    return 2 * F.cross_entropy(z[:, :3], t[:, 0].long()) + 0.25 * F.mse_loss(z[:, 3:], t[:, 1:])


def main(file):
    w3 = exact(torch.tensor([0.2, 1.5, 0.9]))
    ew = exact(torch.tensor([1.0, 0.5, 0.0, 2.0, 0.25]))
    t3 = classes((N,), 3)
    rows = classes((N, 4), 3, 7)
    rows[1] = -100
    case(file, "cross-entropy", (3,), t3, ce())
    case(file, "cross-entropy-confident", (3,), t3, ce(), scale=6.0)
    case(file, "cross-entropy-ignored", (4, 3), rows, ce(ignore_index=-100))
    case(file, "cross-entropy-weighted", (4, 3), rows, ce(ignore_index=-100, weight=w3))
    case(file, "cross-entropy-smoothed", (4, 3), rows, ce(ignore_index=-100, weight=w3, label_smoothing=0.2))
    case(file, "cross-entropy-sum", (4, 3), rows, ce(ignore_index=-100, reduction="sum"))
    case(file, "cross-entropy-by-example", (4, 3), rows, by_example)
    case(file, "cross-entropy-example-weights", (3,), t3,
         lambda z, t: (F.cross_entropy(z, t, reduction="none") * ew).sum() / ew.sum(), ew)
    soft = exact(torch.softmax(torch.randn(N, 3), -1))
    case(file, "soft-cross-entropy", (3,), soft, lambda z, t: F.cross_entropy(z, t))
    case(file, "soft-cross-entropy-smoothed", (3,), soft,
         lambda z, t: F.cross_entropy(z, t, weight=w3, label_smoothing=0.1))
    case(file, "z-loss", (3,), t3, z_loss)
    binary = torch.randint(0, 2, (N, 2)).double()
    case(file, "binary-cross-entropy", (2,), binary, F.binary_cross_entropy_with_logits, scale=3.0)
    positive = exact(torch.tensor([3.0, 0.4]))
    case(file, "binary-cross-entropy-positive", (2,), exact(torch.rand(N, 2)),
         lambda z, t: F.binary_cross_entropy_with_logits(z, t, pos_weight=positive))
    case(file, "probabilities", (2,), binary, F.binary_cross_entropy, head=torch.sigmoid)
    values = exact(torch.randn(N, 2))
    case(file, "mse", (2,), values, F.mse_loss)
    case(file, "mse-sum", (2,), values, lambda z, t: F.mse_loss(z, t, reduction="sum"))
    case(file, "mse-weighted", (2,), values,
         lambda z, t: (ew[:, None] * (z - t) ** 2).sum() / (2 * ew.sum()), ew)
    case(file, "huber", (2,), values, lambda z, t: F.huber_loss(z, t, delta=0.7))
    case(file, "smooth-l1", (2,), values, lambda z, t: F.smooth_l1_loss(z, t, beta=0.7))
    case(file, "l1", (2,), values, F.l1_loss)
    counts = torch.poisson(torch.full((N, 2), 2.0))
    case(file, "poisson-log", (2,), counts, F.poisson_nll_loss)
    case(file, "gaussian", (4,), values,
         lambda z, t: F.gaussian_nll_loss(z[:, :2], t, z[:, 2:]),
         head=lambda z: torch.cat([z[:, :2], F.softplus(z[:, 2:]) + 0.1], 1))
    case(file, "gaussian-log", (4,), values,
         lambda z, t: F.gaussian_nll_loss(z[:, :2], t, torch.exp(z[:, 2:])))
    case(file, "poisson", (2,), counts, lambda z, t: F.poisson_nll_loss(z, t, log_input=False), head=F.softplus)
    case(file, "kullback-leibler", (3,), soft,
         lambda z, t: F.kl_div(z, t, reduction="batchmean"), head=lambda z: torch.log_softmax(z, -1))
    case(file, "cosine", (3,), exact(torch.randn(N, 3)), lambda z, t: (1 - F.cosine_similarity(z, t)).mean())
    case(file, "contrastive", (3,), torch.tensor([0, 1, 0, 1, 1]), contrast(0.5))
    mixed = torch.cat([t3[:, None].double(), values], 1)
    case(file, "several", (5,), mixed, several)
    case(file, "z-loss-sum", (3,), t3, lambda z, t: N * z_loss(z, t))
    for offset, name in (1e4, "far"), (100.0, "near"):
        case(file, "cross-entropy-" + name, (3,), t3, ce(), offset=offset)
        case(file, "cross-entropy-smoothed-" + name, (4, 3), rows, ce(ignore_index=-100, weight=w3, label_smoothing=0.2), offset=-offset)
        case(file, "soft-cross-entropy-" + name, (3,), soft, lambda z, t: F.cross_entropy(z, t), offset=offset)
        case(file, "z-loss-" + name, (3,), t3, z_loss, offset=offset)


if __name__ == "__main__":
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "losses.txt"), "w") as f:
        main(f)
