"""Makes pca.json, with which the tests of fingerprint and distribution compare: numpy, scipy and scikit-learn.

    $(tests/bin/peers) tests/golden/make_pca.py

T2 and SPE are computed from scikit-learn's components and scores; the p-value of SPE by the formulas of Jackson and Mudholkar (1979) in
numpy, all others by scipy.
"""
import json
import pathlib

import numpy as np
import scipy
import sklearn
from scipy import stats
from sklearn.decomposition import PCA

HERE = pathlib.Path(__file__).parent

rng = np.random.default_rng(7)
hidden = rng.normal(size=(60, 3))
rows = hidden @ rng.normal(size=(3, 6)) * [1, 10, 100, 1e-3, 5, 2] + rng.normal(size=(60, 6)) * [0.5, 4, 30, 5e-4, 2, 1]
rows = np.array([[float(f"{x:.6g}") for x in row] for row in rows + [0, 50, 1e4, 1, -20, 3]])
new = np.array([[float(f"{x:.6g}") for x in row] for row in rows[:5] + rng.normal(size=(5, 6)) * 3 * rows.std(axis=0)])


def sign(loading):
    return loading * np.sign(loading[np.arange(len(loading)), np.abs(loading).argmax(axis=1)])[:, None]


def model(scale, kept):
    n = len(rows)
    unit = rows.std(axis=0, ddof=1) if scale else np.ones(6)
    z, z_new = (rows - rows.mean(axis=0)) / unit, (new - rows.mean(axis=0)) / unit
    pca = PCA(svd_solver="full").fit(z)
    loading = sign(pca.components_)
    value = pca.explained_variance_
    score = z_new @ loading[:kept].T
    t2 = (score**2 / value[:kept]).sum(axis=1)
    spe = ((z_new - score @ loading[:kept]) ** 2).sum(axis=1)
    t2_p = stats.f.sf(t2 * n * (n - kept) / (kept * (n * n - 1)), kept, n - kept)
    theta = [(value[kept:] ** i).sum() for i in (1, 2, 3)]
    h = 1 - 2 * theta[0] * theta[2] / (3 * theta[1] ** 2)
    spe_p = stats.norm.sf(theta[0] * ((spe / theta[0]) ** h - 1 - theta[1] * h * (h - 1) / theta[0] ** 2) / np.sqrt(2 * theta[1] * h * h) * np.sign(h))
    p = [stats.combine_pvalues([a, b])[1] for a, b in zip(t2_p, spe_p)]
    return {
        "scale": scale,
        "kept": kept,
        "eigenvalue": value.tolist(),
        "proportion": pca.explained_variance_ratio_.tolist(),
        "cumulative": pca.explained_variance_ratio_.cumsum().tolist(),
        "loading": loading.tolist(),
        "score": score.tolist(),
        "reconstruction": (rows.mean(axis=0) + unit * (score @ loading[:kept])).tolist(),
        "anomaly": np.column_stack([t2, spe, t2_p, spe_p, p]).tolist(),
    }


correlations = [[i, j, *map(float, stats.pearsonr(rows[:, i], rows[:, j]))] for i in range(6) for j in range(i + 1, 6)]
degrees = [1.0, 2.5, 7.0, 30.0, 900.0, 2e5]
golden = {
    "versions": {"numpy": np.__version__, "scipy": scipy.__version__, "scikit-learn": sklearn.__version__},
    "rows": rows.tolist(),
    "new": new.tolist(),
    "model": [model(True, 2), model(False, 1), model(True, 4)],
    "correlation": correlations,
    "log_cv": np.log(rows.std(axis=0, ddof=1) / np.abs(rows.mean(axis=0))).tolist(),
    "normal": [[z, float(stats.norm.sf(z))] for z in (-8.0, -1.5, 0.0, 0.3, 2.0, 6.0, 30.0)],
    "t": [[t, df, float(2 * stats.t.sf(t, df))] for t in (0.01, 1.0, 3.5, 40.0) for df in degrees + [3e7]],
    "f": [[f, a, b, float(stats.f.sf(f, a, b))] for f in (0.05, 0.9, 1.7, 12.0) for a in (1.0, 4.0, 60.0) for b in degrees],
    "chi_squared": [[x, df, float(stats.chi2.sf(x, df))] for x in (0.02, 1.0, 20.0, 400.0) for df in (0.5, 1.0, 9.0, 300.0)],
}
(HERE / "pca.json").write_text(json.dumps(golden, separators=(",", ":")) + "\n")
