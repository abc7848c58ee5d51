"""H v by forward over reverse: torch.func's vmap(jvp(grad))."""

import torch
from torch.func import functional_call, grad, jvp, vmap

import common
import torch_vit


def run(network, batch, precision):
    model, images, labels = torch_vit.workload(network, batch, precision)
    parameters = {k: p.detach() for k, p in model.named_parameters()}
    shapes = {k: p.shape for k, p in parameters.items()}
    n = sum(p.numel() for p in parameters.values())

    def loss(p):
        return torch.nn.functional.cross_entropy(functional_call(model, p, (images,)), labels)

    def split(v):
        parts = v.split([s.numel() for s in shapes.values()])
        return {k: part.reshape(s) for (k, s), part in zip(shapes.items(), parts)}

    def flat(tree):
        return torch.cat([t.reshape(-1) for t in tree.values()])

    def product(v):
        return flat(jvp(grad(loss), (parameters,), (split(v),))[1])

    products = vmap(product)
    one = torch_vit.rademacher(1, n)
    eight = torch_vit.rademacher(common.DIRECTIONS, n)

    def snapshot():
        grad(loss)(parameters)
        torch_vit.lanczos(product, n, common.LANCZOS_STEPS)
        z = torch_vit.rademacher(common.DIRECTIONS, n)
        return (z * products(z)).sum(1).tolist()

    times, problems = common.measure(
        torch_vit.timer,
        {
            "gradient": lambda: grad(loss)(parameters),
            "hvp1": lambda: product(one[0]),
            "hvp8": lambda: products(eight),
            "quadratic8": lambda: (eight * products(eight)).sum(1),
            "snapshot": snapshot,
        },
    )
    common.report(
        f"torch {torch.__version__} vmap(jvp(grad))",
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
