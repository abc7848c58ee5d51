"""H v by reverse over reverse: the usual way in PyTorch (PyHessian and others)."""

import torch

import common
import torch_vit


def run(network, batch, precision):
    model, images, labels = torch_vit.workload(network, batch, precision)
    parameters = list(model.parameters())
    n = sum(p.numel() for p in parameters)

    def loss():
        return torch.nn.functional.cross_entropy(model(images), labels)

    def gradient(create_graph=False):
        return torch.autograd.grad(loss(), parameters, create_graph=create_graph)

    def split(v):
        return [part.reshape(p.shape) for part, p in zip(v.split([p.numel() for p in parameters]), parameters)]

    def flat(tensors):
        return torch.cat([t.reshape(-1) for t in tensors])

    # the graph of the gradient is built once and used for every direction, as dynaxx's recording is
    graph = []

    def linearize():
        graph[:] = gradient(create_graph=True)

    def product(v):
        return flat(torch.autograd.grad(graph, parameters, grad_outputs=split(v), retain_graph=True))

    one = torch_vit.rademacher(1, n)
    eight = torch_vit.rademacher(common.DIRECTIONS, n)
    linearize()

    def snapshot():
        linearize()
        torch_vit.lanczos(product, n, common.LANCZOS_STEPS)
        z = torch_vit.rademacher(common.DIRECTIONS, n)
        return [torch.dot(v, product(v)).item() for v in z]

    times, problems = common.measure(
        torch_vit.timer,
        {
            "gradient": gradient,
            "hvp1": lambda: product(one[0]),
            "hvp8": lambda: [product(v) for v in eight],
            "quadratic8": lambda: [torch.dot(v, product(v)) for v in eight],
            "snapshot": snapshot,
        },
    )
    common.report(
        f"torch {torch.__version__} double backward",
        torch.cuda.get_device_name(),
        network,
        batch,
        precision,
        n,
        times,
        problems,
    )


if __name__ == "__main__":
    for case in common.arguments():
        run(*case)
        torch.cuda.empty_cache()
