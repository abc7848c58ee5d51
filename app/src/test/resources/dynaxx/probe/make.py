"""Writes the models and values of ProbeVectorsTest: PyTorch in float64. Needs torch and numpy; ONNX files are written by hand.

influence: x -> W2 tanh(W1 x + b1) + b2, at a minimum of cross-entropy + DECAY/2 |w|^2 over train. changes.npy has, for each example of
train, its gradient times (H + DECAY)^-1 times the gradient of the loss on test, divided by their number: H in row 0 the Hessian of the
cross-entropy, in row 1 its Gauss-Newton matrix.
ridge, logistic: x -> w x + b with squared error or binary cross-entropy, at the minimum with DECAY. For each example, the change of the
loss on test when the model is trained again to its minimum: row 0 with the example's weight smaller by 1e-5, divided by that; row 1
without it.
two: the same network and data with two inputs, the first half of x and the second.
far: the same network with 10,000 added to all logits; far-values.npy has the loss with smoothing 0.2 and its gradient.
masks: two convolutions; soft targets along axis 1 of [N x C x H x W], class weights and smoothing. values.npy has the loss; then
gradient, direction, Hessian and Gauss-Newton product, each as long as the parameters.
"""
import os
import struct
import numpy as np
import torch
import torch.nn.functional as F

torch.manual_seed(11)
torch.set_default_dtype(torch.float64)
HERE = os.path.dirname(os.path.abspath(__file__))
DECAY = 0.05


def varint(n):
    out = b""
    while n > 127:
        out += bytes([n & 127 | 128])
        n >>= 7
    return out + bytes([n])


def number(field, n):
    return varint(field << 3) + varint(n)


def block(field, data):
    data = data.encode() if isinstance(data, str) else data
    return varint(field << 3 | 2) + varint(len(data)) + data


def tensor(name, values):
    dims = b"".join(number(1, d) for d in values.shape)
    return dims + number(2, 1) + block(8, name) + block(9, values.astype("<f4").tobytes())


def node(op, inputs, output, **ints):
    attributes = b""
    for name, v in ints.items():
        body = block(1, name)
        body += number(3, v) + number(20, 2) if isinstance(v, int) else b"".join(number(8, i) for i in v) + number(20, 7)
        attributes += block(5, body)
    return b"".join(block(1, i) for i in inputs) + block(2, output) + block(4, op) + attributes


def value(name, shape):
    dims = block(1, block(2, "n")) + b"".join(block(1, number(1, d)) for d in shape)
    return block(1, name) + block(2, block(1, number(1, 1) + block(2, dims)))


def model(file, nodes, tensors, shape, out):
    inputs = shape if isinstance(shape, dict) else dict(x=shape)
    graph = b"".join(block(1, n) for n in nodes) + block(2, "g")
    graph += b"".join(block(5, tensor(k, v)) for k, v in tensors.items())
    graph += b"".join(block(11, value(k, v)) for k, v in inputs.items()) + block(12, value("y", out))
    with open(os.path.join(HERE, file), "wb") as f:
        f.write(number(1, 7) + block(7, graph) + block(8, block(1, "") + number(2, 13)))


def save(name, values, dtype=np.float32):
    values = values.detach().numpy() if torch.is_tensor(values) else values
    np.save(os.path.join(HERE, name), values.astype(dtype))


def exact(t):
    return t.to(torch.float32).to(torch.float64)


def cut(w, shapes):
    parts, at = [], 0
    for s in shapes:
        parts.append(w[at:at + int(np.prod(s))].reshape(s))
        at += int(np.prod(s))
    return parts


def gauss_newton(network, loss, w):
    jacobian = torch.autograd.functional.jacobian(network, w).reshape(-1, len(w))
    z = network(w).detach()
    bend = torch.autograd.functional.hessian(loss, z).reshape(len(jacobian), -1)
    return jacobian.T @ bend @ jacobian


def influence():
    shapes = [(5, 4), (5,), (3, 5), (3,)]
    n = sum(int(np.prod(s)) for s in shapes)
    x, others = exact(torch.randn(40, 4)), exact(torch.randn(6, 4))
    t, wanted = torch.randint(0, 3, (40,)), torch.randint(0, 3, (6,))

    def predict(w, x):
        a, b, c, d = cut(w, shapes)
        return torch.tanh(x @ a.T + b) @ c.T + d

    def objective(w):
        return F.cross_entropy(predict(w, x), t) + DECAY / 2 * (w @ w)

    w = torch.randn(n).requires_grad_(True)
    search = torch.optim.LBFGS([w], max_iter=500, tolerance_grad=1e-12, tolerance_change=1e-16, line_search_fn="strong_wolfe")

    def closure():
        search.zero_grad()
        value = objective(w)
        value.backward()
        return value

    search.step(closure)
    w = exact(w.detach())
    train = lambda p: F.cross_entropy(predict(p, x), t)
    b = torch.autograd.functional.jacobian(lambda p: F.cross_entropy(predict(p, others), wanted), w)
    each = torch.autograd.functional.jacobian(lambda p: F.cross_entropy(predict(p, x), t, reduction="none"), w)
    hessian = torch.autograd.functional.hessian(train, w)
    gn = gauss_newton(lambda p: predict(p, x), lambda z: F.cross_entropy(z, t), w)
    changes = [each @ torch.linalg.solve(m + DECAY * torch.eye(n), b) / 40 for m in (hessian, gn)]
    print("gradient norm", torch.autograd.functional.jacobian(objective, w).norm(), torch.linalg.eigvalsh(hessian)[[0, -1]], changes[0].abs().max())
    a, bias, c, d = cut(w, shapes)
    model("influence.onnx",
          [node("Gemm", ["x", "a", "b"], "h", transB=1), node("Tanh", ["h"], "u"), node("Gemm", ["u", "c", "d"], "y", transB=1)],
          dict(a=a.numpy(), b=bias.numpy(), c=c.numpy(), d=d.numpy()), (4,), (3,))
    model("two.onnx",
          [node("Gemm", ["x1", "a1", "b"], "p", transB=1), node("Gemm", ["x2", "a2"], "q", transB=1), node("Add", ["p", "q"], "h"),
           node("Tanh", ["h"], "u"), node("Gemm", ["u", "c", "d"], "y", transB=1)],
          dict(a1=a[:, :2].numpy(), a2=a[:, 2:].numpy(), b=bias.numpy(), c=c.numpy(), d=d.numpy()), dict(x1=(2,), x2=(2,)), (3,))
    for name, values in ("train", x), ("test", others):
        save(name + "-1.npy", values[:, :2])
        save(name + "-2.npy", values[:, 2:])
    far = w.clone()
    far[n - 3:] = exact(far[n - 3:] + 1e4)
    smoothed = lambda p: F.cross_entropy(predict(p, x), t, label_smoothing=0.2)
    a, bias, c, d = cut(far, shapes)
    model("far.onnx",
          [node("Gemm", ["x", "a", "b"], "h", transB=1), node("Tanh", ["h"], "u"), node("Gemm", ["u", "c", "d"], "y", transB=1)],
          dict(a=a.numpy(), b=bias.numpy(), c=c.numpy(), d=d.numpy()), (4,), (3,))
    save("far-values.npy", torch.cat([smoothed(far).reshape(1), torch.autograd.functional.jacobian(smoothed, far)]), np.float64)
    save("train.npy", x)
    save("train-targets.npy", t, np.int64)
    save("test.npy", others)
    save("test-targets.npy", wanted, np.int64)
    save("changes.npy", torch.stack(changes), np.float64)


def retrained(name, loss, targets):
    x, others = exact(torch.randn(40, 3)), exact(torch.randn(8, 3))
    t, wanted = exact(targets(x)), exact(targets(others))

    def minimum(weights, w):
        objective = lambda p: (weights * loss(x @ p[:3] + p[3], t, reduction="none")).sum() / 40 + DECAY / 2 * (p @ p)
        for _ in range(20):
            g = torch.autograd.functional.jacobian(objective, w)
            w = w - torch.linalg.solve(torch.autograd.functional.hessian(objective, w), g)
        return w

    test = lambda p: loss(others @ p[:3] + p[3], wanted)
    ones = torch.ones(40)
    w = minimum(ones, torch.zeros(4))
    changes = torch.zeros(2, 40)
    for i in range(40):
        for row, part in enumerate((1e-5, 1.0)):
            less = ones.clone()
            less[i] -= part
            changes[row, i] = (test(minimum(less, w)) - test(w)) / part
    model(name + ".onnx", [node("Gemm", ["x", "a", "b"], "y", transB=1)],
          dict(a=w[:3].reshape(1, 3).numpy(), b=w[3:].numpy()), (3,), (1,))
    save(name + "-train.npy", x)
    save(name + "-train-targets.npy", t.reshape(-1, 1))
    save(name + "-test.npy", others)
    save(name + "-test-targets.npy", wanted.reshape(-1, 1))
    save(name + "-changes.npy", changes, np.float64)
    print(name, (changes[0] - changes[1]).norm() / changes[1].norm(), changes.abs().argsort(1, descending=True)[:, :6])


def masks():
    shapes = [(4, 2, 3, 3), (4,), (3, 4, 1, 1), (3,)]
    n = sum(int(np.prod(s)) for s in shapes)
    x = exact(torch.randn(6, 2, 4, 3))
    t = exact(torch.softmax(torch.randn(6, 3, 4, 3), 1))
    weights = exact(torch.tensor([0.25, 1.5, 1.0]))
    w, v = exact(0.5 * torch.randn(n)), exact(torch.randn(n))

    def predict(w):
        a, b, c, d = cut(w, shapes)
        return F.conv2d(torch.tanh(F.conv2d(x, a, b, padding=1)), c, d)

    loss = lambda z: F.cross_entropy(z, t, weight=weights, label_smoothing=0.1)
    objective = lambda p: loss(predict(p))
    g = torch.autograd.functional.jacobian(objective, w)
    hessian = torch.autograd.functional.hessian(objective, w)
    gn = gauss_newton(predict, loss, w)
    a, b, c, d = cut(w, shapes)
    model("masks.onnx",
          [node("Conv", ["x", "a", "b"], "h", pads=[1, 1, 1, 1], kernel_shape=[3, 3]), node("Tanh", ["h"], "u"),
           node("Conv", ["u", "c", "d"], "y", kernel_shape=[1, 1])],
          dict(a=a.numpy(), b=b.numpy(), c=c.numpy(), d=d.numpy()), (2, 4, 3), (3, 4, 3))
    save("masks.npy", x)
    save("masks-targets.npy", t)
    save("masks-direction.npy", v)
    save("masks-values.npy", torch.cat([objective(w).reshape(1), g, hessian @ v, gn @ v]), np.float64)


if __name__ == "__main__":
    influence()
    masks()
    retrained("ridge", F.mse_loss, lambda x: x @ torch.tensor([1.0, -2.0, 0.5]) + 0.8 * torch.randn(len(x)))
    retrained("logistic", F.binary_cross_entropy_with_logits,
              lambda x: (x @ torch.tensor([1.0, -2.0, 0.5]) + torch.randn(len(x)) > 0).double())
