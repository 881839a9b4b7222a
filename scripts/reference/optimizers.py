"""Writes Tests/Fixtures/training/optimizers.json: trajectories of torch.optim.AdamW and torch.optim.Muon.

Made with torch 2.13.0 (CPU). Run from the repository root: python scripts/reference/optimizers.py
"""

import json

import torch


def values(shape, seed):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float32)


def flat(tensor):
    return [float(x) for x in tensor.detach().reshape(-1)]


def trajectory(shapes, steps, rates, make, scale):
    parameters = [torch.nn.Parameter(values(shape, 100 + i)) for i, shape in enumerate(shapes)]
    optimizer = make(parameters)
    record = {"shapes": shapes, "rates": rates, "initial": [flat(p) for p in parameters], "gradients": [], "weights": []}
    for step in range(steps):
        gradients = [values(shape, 1000 * step + i) * scale for i, shape in enumerate(shapes)]
        for parameter, gradient in zip(parameters, gradients):
            parameter.grad = gradient.clone()
        for group in optimizer.param_groups:
            group["lr"] = rates[step]
        optimizer.step()
        record["gradients"].append([flat(g) for g in gradients])
        record["weights"].append([flat(p) for p in parameters])
    return record


class Muon64:
    """The update rule written out, with float64 products: what float32 products must reproduce to rounding."""

    def __init__(self, parameters):
        self.param_groups = [{"lr": 0.0}]
        self.parameters = parameters
        self.momenta = [torch.zeros_like(p, dtype=torch.float64) for p in parameters]

    @torch.no_grad()
    def step(self):
        rate = self.param_groups[0]["lr"]
        for parameter, momentum in zip(self.parameters, self.momenta):
            gradient = parameter.grad.double()
            momentum.mul_(0.95).add_(gradient)
            x = gradient + 0.95 * momentum
            rows, columns = x.shape
            if rows > columns:
                x = x.T
            x = x / x.norm()
            for _ in range(5):
                gram = x @ x.T
                x = 3.4445 * x + (-4.7750 * gram + 2.0315 * gram @ gram) @ x
            if rows > columns:
                x = x.T
            parameter.mul_(1 - rate * 0.01)
            parameter.sub_((rate * max(1, rows / columns) ** 0.5 * x).float())


def clip():
    gradients = [values((3, 4), 7), values((5,), 8)]
    parameters = [torch.nn.Parameter(torch.zeros_like(g)) for g in gradients]
    for parameter, gradient in zip(parameters, gradients):
        parameter.grad = gradient.clone()
    norm = torch.nn.utils.clip_grad_norm_(parameters, 1.0)
    return {
        "shapes": [[3, 4], [5]],
        "before": [flat(g) for g in gradients],
        "norm": float(norm),
        "after": [flat(p.grad) for p in parameters],
    }


rates = [1e-3 * (step + 1) / 5 for step in range(5)] + [1e-3 * (0.9**step) for step in range(14)]
fixture = {
    "torch": torch.__version__,
    "adamw": trajectory(
        [[3, 4], [5], [2, 3]], len(rates), rates,
        lambda p: torch.optim.AdamW(p, lr=1e-3, betas=(0.9, 0.95), eps=1e-8, weight_decay=0.1), 0.5),
    "muon": trajectory(
        [[8, 4], [4, 8], [8, 4]], 6, [0.02] * 6,
        lambda p: torch.optim.Muon(p, lr=0.02, weight_decay=0.01, momentum=0.95, nesterov=True, ns_steps=5), 1.0),
    "muonExact": trajectory([[8, 4], [4, 8], [8, 4]], 6, [0.02] * 6, Muon64, 1.0),
    "clip": clip(),
}
with open("Tests/Fixtures/training/optimizers.json", "w") as file:
    json.dump(fixture, file)
