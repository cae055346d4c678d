"""Writes aggregate.json: what numpy, scipy and ddsketch say about the inputs of the aggregates and of correlate().

Run it with the Python that tests/bin/peers prints; versions are in the file that it writes.
"""
import csv
import gzip
import importlib.metadata
import json
import math
import pathlib

import numpy as np
import scipy
from ddsketch import DDSketch
from scipy import stats

HERE = pathlib.Path(__file__).parent
rng = np.random.default_rng(20261126)


def rounded(values):
    return [float(f"{x:.9g}") for x in values]


def latency():
    cases = []
    inputs = {
        "lognormal": rng.lognormal(3, 1, 300),
        "pareto": rng.pareto(1.1, 300) + 1,
        "exponential": rng.exponential(40, 300),
        "tiny and huge": 10.0 ** rng.uniform(-6, 9, 300),
        "signed": rng.normal(0, 50, 300),
        "with zeros": np.where(rng.random(300) < 0.3, 0, rng.gamma(2, 20, 300)),
        "constant": np.full(20, 12.5),
    }
    for name, values in inputs.items():
        values = rounded(values)
        for rel_err in (0.01, 0.05):
            sketch = DDSketch(rel_err)
            for x in values:
                sketch.add(x)
            # Not at 0 and 1: there prescale is exact and ddsketch is not.
            p = [0.01, 0.05, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99]
            cases.append({"name": name, "values": values, "rel_err": rel_err, "p": p,
                          "quantile": [sketch.get_quantile_value(q) for q in p],
                          "sum": math.fsum(values), "mean": math.fsum(values) / len(values)})
    return cases


def entropy():
    cases = []
    for counts in ([1], [5, 5], [1, 2, 3, 10], [1000, 1], list(range(1, 60)), [1] * 4096,
                   [int(c) for c in rng.zipf(1.6, 500)]):
        bits = float(stats.entropy(counts, base=2))
        n, m = sum(counts), len(counts)
        corrected = bits + (m - 1) / (2 * n * math.log(2))
        share = 0.0 if m == 1 else bits / math.log2(m)
        cases.append({"counts": counts, "bits": bits, "miller_madow": corrected, "normalized": share})
    return cases


def p_value():
    cases = []
    for n in (3, 4.5, 5, 10, 17.3, 60, 1440, 1e5):
        for r in (0.01, 0.1, -0.3, 0.5, 0.9, 0.99):
            df = n - 2
            t = abs(r) * math.sqrt(df / ((1 - r) * (1 + r)))
            p = float(2 * stats.t.sf(t, df))
            if p > 1e-290:
                cases.append({"r": r, "n": n, "p": p})
    return cases


def own_correlation(x, present):
    d = x - x.mean()
    follows = [k for k in range(1, len(d)) if present[k] - present[k - 1] == 1]
    if not follows:
        return 0.0
    return float(np.clip(np.mean([d[k] * d[k - 1] for k in follows]) / np.mean(d * d), -1, 1))


def lagged(a, b, lag, method):
    """Correlation of a[t] with b[t + lag], of the windows that both have."""
    at = [t for t in range(len(a)) if 0 <= t + lag < len(b) and not math.isnan(a[t]) and not math.isnan(b[t + lag])]
    x, y = np.array([a[t] for t in at]), np.array([b[t + lag] for t in at])
    if method == "spearman":
        r = stats.spearmanr(x, y).statistic
        x, y = stats.rankdata(x), stats.rankdata(y)
    else:
        r = stats.pearsonr(x, y).statistic
    both = own_correlation(x, at) * own_correlation(y, at)
    n = min(len(at) * (1 - both) / (1 + both), len(at))
    t = abs(r) * math.sqrt((n - 2) / (1 - r * r))
    return {"lag": lag, "n": len(at), "r": float(r), "n_effective": n, "p_value": float(2 * stats.t.sf(t, n - 2))}


def correlate(a, b, lags):
    return {method: [lagged(a, b, lag, method) for lag in lags] for method in ("pearson", "spearman")}


def synthetic():
    x = rng.normal(size=120).cumsum() + rng.normal(size=120)
    y = np.concatenate([rng.normal(size=4), 2 * x[:-4]]) + rng.normal(size=120)
    x[[7, 8, 30]], y[[31, 90]] = math.nan, math.nan
    none = lambda values: [None if math.isnan(v) else float(f"{v:.9g}") for v in values]
    x, y = none(x), none(y)
    nan = lambda values: [math.nan if v is None else v for v in values]
    return {"a": x, "b": y, "lags": correlate(nan(x), nan(y), range(-6, 7))}


def nezha():
    with gzip.open(HERE / "../data/nezha_services_1min.csv.gz", "rt") as file:
        rows = [row for row in csv.DictReader(file) if row["service"] == "shippingservice"]
    minute = [int(row["unix_ts"]) // 60 for row in rows]
    grid = {}
    for column in ("requests_per_s", "syscall_read"):
        sums, counts = np.zeros(max(minute) - min(minute) + 1), np.zeros(max(minute) - min(minute) + 1)
        for at, row in zip(minute, rows):
            sums[at - min(minute)] += float(row[column])
            counts[at - min(minute)] += 1
        grid[column] = np.where(counts > 0, sums / np.maximum(counts, 1), math.nan)
    return correlate(grid["requests_per_s"], grid["syscall_read"], range(-5, 6))


def request():
    n = 400
    latency = rounded(rng.lognormal(3, 0.7, n))
    size = [int(x) for x in rng.integers(100, 5000, n)]
    kind = [["page", "image", "api"][int(k)] for k in rng.choice(3, n, p=[0.5, 0.3, 0.2])]
    actor = [f"u{int(k)}" for k in rng.integers(0, 25, n)]
    param = rounded(np.array(latency) * 0.1 + rng.normal(size=n))

    def corrected(keys):
        counts = np.unique(keys, return_counts=True)[1]
        return float(stats.entropy(counts, base=2)) + (len(counts) - 1) / (2 * n * math.log(2))

    exact = [float(np.quantile(latency, p, method="lower")) for p in (0.5, 0.95, 0.99)]
    return {"latency_ms": latency, "bytes": size, "kind": kind, "actor": actor, "param": param,
            "quantile": exact, "bytes_mean": float(np.mean(size)), "entropy_kind": corrected(kind),
            "entropy_actor": corrected(actor), "corr_bytes": float(stats.pearsonr(latency, size).statistic),
            "corr_param": float(stats.pearsonr(latency, param).statistic),
            "share_page": kind.count("page") / n}


def rank():
    x = [int(k) for k in rng.integers(0, 30, 200)]
    y = rounded(np.array(x) ** 2 + rng.normal(0, 200, 200))
    return {"x": x, "y": y, "r": float(stats.spearmanr(x, y).statistic)}


golden = {
    "versions": {"numpy": np.__version__, "scipy": scipy.__version__, "ddsketch": importlib.metadata.version("ddsketch")},
    "latency": latency(), "entropy": entropy(), "p_value": p_value(), "correlate": synthetic(), "nezha": nezha(),
    "request": request(), "rank": rank(),
}
(HERE / "aggregate.json").write_text(json.dumps(golden, separators=(",", ":")) + "\n")
