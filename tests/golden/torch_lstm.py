"""The LSTM of stage forecast in PyTorch 2.15: golden vectors and the speed to compare with.

`torch_lstm.py golden > tests/golden/lstm.json` writes weights, inputs, quantiles, loss and gradients of a small network in f64.
`torch_lstm.py speed` trains the network of tests/bench/lstm. Run with the Python that `tests/bin/peers torch` prints.
"""

import json
import sys
import time

import torch

torch.set_num_threads(1)
LEVELS = [0.05, 0.25, 0.5, 0.75, 0.95]


class Net(torch.nn.Module):
    def __init__(self, inputs, hidden, direct, steps, levels):
        super().__init__()
        self.lstm = torch.nn.LSTM(inputs, hidden, batch_first=True)
        self.head = torch.nn.Linear(hidden + direct, steps * len(levels))
        self.steps, self.levels = steps, torch.tensor(levels)
        self.middle = min(range(len(levels)), key=lambda k: abs(levels[k] - 0.5))

    def forward(self, x, z):
        _, (h, _) = self.lstm(x)
        r = self.head(torch.cat([h[0], z], dim=1)).view(-1, self.steps, len(self.levels))
        gap, m = 0.5 * (r + torch.sqrt(r * r + 4.0)), self.middle
        centre = r[:, :, m : m + 1]
        below = centre - torch.flip(torch.cumsum(torch.flip(gap[:, :, :m], [2]), 2), [2])
        above = centre + torch.cumsum(gap[:, :, m + 1 :], 2)
        return torch.cat([below, centre, above], 2)

    def loss(self, x, z, y, weight):
        miss = y[:, :, None] - self(x, z)
        pinball = torch.where(miss >= 0, self.levels * miss, (self.levels - 1.0) * miss)
        pinball = torch.where(torch.isnan(miss), torch.zeros_like(miss), pinball)
        return (pinball * weight[:, None, None]).sum() / pinball.numel()


def golden():
    torch.manual_seed(7)
    torch.set_default_dtype(torch.float64)
    n, window, inputs, hidden, direct, steps, levels = 5, 6, 3, 8, 4, 3, [0.1, 0.5, 0.75, 0.9]
    net = Net(inputs, hidden, direct, steps, levels)
    torch.nn.init.zeros_(net.lstm.bias_hh_l0)
    x, z, y = torch.randn(n, window, inputs), torch.randn(n, direct), torch.randn(n, steps)
    weight = torch.rand(n) + 0.5
    # f32 sees what f64 sees.
    for t in [x, z, y, weight, *net.parameters()]:
        t.data = t.data.float().double()
    present = y.clone()
    present[1, 2] = float("nan")
    loss = net.loss(x, z, present, weight)
    loss.backward()

    def rows(of):
        lstm = torch.cat([of(net.lstm.weight_hh_l0), of(net.lstm.weight_ih_l0), of(net.lstm.bias_ih_l0)[:, None]], 1)
        return {"layer": lstm.tolist(), "head": torch.cat([of(net.head.weight), of(net.head.bias)[:, None]], 1).tolist()}

    print(json.dumps({
        "torch": torch.__version__, "window": window, "inputs": inputs, "hidden": hidden, "direct": direct, "steps": steps,
        "levels": levels, "x": x.flatten(1).tolist(), "z": z.tolist(),
        "y": [[None if v != v else v for v in row] for row in present.tolist()], "weight": weight.tolist(),
        "weights": rows(lambda p: p.data), "q": net(x, z).flatten(1).tolist(), "loss": loss.item(), "gradient": rows(lambda p: p.grad),
    }))


def speed():
    torch.manual_seed(1)
    n, batch, epochs = 2000, 32, 20
    x, z, y, weight = torch.randn(n, 48, 7), torch.randn(n, DIRECT), torch.randn(n, 12), torch.ones(n)
    times = []
    for _ in range(3):
        net = Net(7, 32, DIRECT, 12, LEVELS)
        adam = torch.optim.Adam(net.parameters(), lr=0.003)
        began = time.perf_counter()
        for _ in range(epochs):
            order = torch.randperm(n)
            for at in range(0, n, batch):
                chosen = order[at : at + batch]
                adam.zero_grad()
                loss = net.loss(x[chosen], z[chosen], y[chosen], weight[chosen])
                loss.backward()
                torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
                adam.step()
        times.append(time.perf_counter() - began)
    times.sort()
    print(f"torch_train_s {times[1]:.4f} (best {times[0]:.4f}) torch {torch.__version__}")


# Numbers that reach the head directly: three lags, eight means, two of how much it moves, four of the calendar.
DIRECT = 17

if __name__ == "__main__":
    {"golden": golden, "speed": speed}[sys.argv[1]]()
