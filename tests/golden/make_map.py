"""Golden vectors of the parts of regimes, from independent tools: map.json beside this file.

Run with the Python that tests/bin/peers prints. Made with diptest 0.12.0 (dip statistic) and scikit-learn 1.9.1 (k-means).
With the argument `critical` it prints quantiles of sqrt(n) * dip of uniform numbers instead, the origin of CRITICAL in
regime/split.rs (a few minutes).
"""

import json
import pathlib
import sys

import diptest
import numpy as np
from sklearn.cluster import KMeans

rng = np.random.default_rng(20261126)
if sys.argv[1:] == ["critical"]:
    for n, repeats in ((50, 400_000), (200, 400_000), (1000, 200_000), (5000, 50_000)):
        dips = np.array([diptest.dipstat(rng.random(n)) for _ in range(repeats)]) * np.sqrt(n)
        print(n, repeats, np.quantile(dips, [0.95, 0.99, 0.999, 0.9999]).round(4))
    sys.exit()

# The package gives 0 below four numbers, where the dip is not looked at.
samples = [
    [0.0, 1.0, 2.0, 3.0], [0.0, 0.0, 1.0, 5.0, 5.5], [0.0, 0.0, 0.0, 1.0, 1.0, 1.0],
    rng.random(37), rng.normal(size=60), np.r_[rng.normal(size=40), rng.normal(8, 1, 30)],
    np.r_[rng.normal(size=15), rng.normal(5, 0.2, 15), rng.normal(9, 2, 20)], rng.exponential(size=50), rng.poisson(3, 80).astype(float),
]
dips = [{"x": list(map(float, x)), "dip": float(diptest.dipstat(np.asarray(x), allow_zero=False))} for x in samples]
inertia = []
for n, dimension, k in ((120, 2, 2), (150, 3, 3), (200, 4, 5), (100, 2, 4)):
    value = (rng.normal(size=(n, dimension)) + 4 * rng.normal(size=(k, dimension))[rng.integers(0, k, n)]).round(4)
    fit = KMeans(k, n_init=50, random_state=1).fit(value)
    inertia.append({"dimension": dimension, "value": value.ravel().tolist(), "k": k, "inertia": float(fit.inertia_)})
out = pathlib.Path(__file__).with_name("map.json")
out.write_text(json.dumps({"dip": dips, "inertia": inertia}, separators=(",", ":")) + "\n")
