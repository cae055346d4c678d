"""Writes series.json: features, STL and MSTL of a few series as independent tools compute them.

Run with the Python that tests/bin/peers prints. Versions: numpy 2.4.6, scipy 1.17.1, statsmodels 0.15.0, tsfresh 0.21.2,
pycatch22 1.0.2. DFA, stability and lumpiness have no tool among these: they are written out here from their papers.
"""
import json
import pathlib

import numpy as np
import pycatch22
from scipy import signal, stats
from statsmodels.tsa.seasonal import MSTL, STL, seasonal_decompose
from statsmodels.tsa.stattools import acf, pacf
from tsfresh.feature_extraction import feature_calculators as ts

rng = np.random.default_rng(20261126)


def tiles(x, f):
    z = (x - x.mean()) / x.std()
    return np.var([f(z[i : i + 10]) for i in range(0, len(z) - 9, 10)], ddof=1)


def dfa(x):
    profile = np.cumsum(x - x.mean())
    scales = [s for s in (round(2 ** (k / 2)) for k in range(4, 60)) if 4 * s <= len(x)]
    rms = []
    for s in scales:
        parts = profile[: len(x) // s * s].reshape(-1, s)
        t = np.arange(s)
        rest = [part - np.polyval(np.polyfit(t, part, 1), t) for part in parts]
        rms.append(np.sqrt(np.mean(np.square(rest))))
    return np.polyfit(np.log(scales), np.log(rms), 1)[0]


def strengths(x, period):
    parts = seasonal_decompose(x, period=period, model="additive", two_sided=True)
    keep = ~np.isnan(parts.trend)
    trend, season, rest = parts.trend[keep], parts.seasonal[keep], parts.resid[keep]
    return max(0, 1 - rest.var() / (season + rest).var()), max(0, 1 - rest.var() / (trend + rest).var())


def features(x):
    n, sd, mean = len(x), x.std(), x.mean()
    frequency, power = signal.periodogram(x, detrend="constant", scaling="spectrum")
    share = power[1:] / power[1:].sum()
    straight = signal.periodogram(x, detrend="linear", scaling="spectrum")[1][1:]
    strongest = 1 + np.argmax(straight[1:])
    period = 1 / frequency[1:][strongest]
    seasonal, trend = strengths(x, round(period))
    catch22 = dict(zip(*(pycatch22.catch22_all(list(x))[k] for k in ("names", "values"))))
    autocorrelation = acf(x, nlags=n - 1, fft=False)
    changes = np.diff(x)
    return {
        "n": n, "missing_share": 0, "mean": mean, "sd": ts.standard_deviation(x), "cv": ts.variation_coefficient(x),
        "median": np.median(x), "mad": stats.median_abs_deviation(x), "min": x.min(), "max": x.max(),
        **{f"p{p:02}": np.quantile(x, p / 100) for p in (5, 25, 75, 95)},
        "skewness": stats.skew(x), "kurtosis": stats.kurtosis(x), "outlier_share": ts.ratio_beyond_r_sigma(x, 3),
        "zero_share": np.mean(x == 0), "burstiness": (sd - mean) / (sd + mean), "fano_factor": x.var() / mean,
        "trend_slope": stats.linregress(np.arange(n), x).slope, "trend_r": stats.linregress(np.arange(n), x).rvalue,
        "mean_change": ts.mean_change(x), "mean_abs_change": ts.mean_abs_change(x), "complexity": ts.cid_ce(x, True),
        "reversal_asymmetry": catch22["CO_trev_1_num"], "crossing_rate": ts.number_crossing_m(x, mean) / (n - 1),
        "longest_above_mean": ts.longest_strike_above_mean(x),
        "longest_flat": max(len(part) for part in np.split(x, np.flatnonzero(changes) + 1)),
        "permutation_entropy": ts.permutation_entropy(x, 1, 3), "stability": tiles(x, np.mean), "lumpiness": tiles(x, np.var),
        **{f"acf_{k}": autocorrelation[k] for k in (1, 2, 5, 10)},
        "acf_first_zero": int(np.argmax(autocorrelation <= 0)), "acf_first_min": catch22["CO_FirstMin_ac"],
        "pacf_2": pacf(x, nlags=2, method="ldb")[2], "diff_acf_1": acf(changes, nlags=1, fft=False)[1],
        "spectral_entropy": stats.entropy(share) / np.log(len(share)), "spectral_centroid": np.sum(frequency[1:] * share),
        "dominant_period": period, "dominant_share": straight[strongest] / straight.sum(),
        "seasonal_strength": seasonal, "trend_strength": trend, "hurst": dfa(x),
    }


t = np.arange(301)
series = {
    "noise": rng.normal(5, 2, 200),
    "walk": 100 + np.cumsum(rng.normal(0, 1, 256)),
    "season": 50 + 0.05 * t + 10 * np.sin(2 * np.pi * t / 24) + 4 * np.cos(4 * np.pi * t / 24) + rng.normal(0, 2, 301),
    "counts": rng.poisson(1.5, 150).astype(float),
}
series = {name: np.round(x, 3) for name, x in series.items()}
season = series["season"].copy()
season[[40, 41, 150]] += 60
two = np.round(series["season"] + 3 * np.sin(2 * np.pi * t / 70), 3)

parts = {}
for name, x, robust in (("plain", series["season"], False), ("robust", season, True)):
    stl = STL(x, period=24, seasonal=11, robust=robust).fit()
    parts[name] = {"y": list(x), "trend": list(stl.trend), "seasonal": list(stl.seasonal)}
mstl = MSTL(two, periods=(24, 70), stl_kwargs={"robust": True}).fit()
parts["two"] = {"y": list(two), "trend": list(mstl.trend), "seasonal": [list(column) for column in mstl.seasonal.T]}


def plain(value):
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return float(f"{float(value):.12g}")


golden = {
    "features": [{"y": list(x), "values": features(x)} for x in series.values()],
    "stl": parts,
}
pathlib.Path(__file__).with_name("series.json").write_text(json.dumps(plain(golden), separators=(",", ":")) + "\n")
