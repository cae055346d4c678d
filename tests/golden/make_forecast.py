#!/usr/bin/env python3
"""Golden vectors of stage forecast: run by hand with the Python that `tests/bin/peers forecast` prints; writes forecast.json beside it.

statsmodels: exponential smoothing with given parameters (one-step forecasts, log-likelihood), classical decomposition.
statsforecast: theta and optimised dynamic theta (forecasts), AutoETS (its AICc, which ours must reach or beat).
"""
import json
import pathlib

import numpy as np
import statsforecast
import statsmodels
from statsforecast.models import AutoETS, DynamicOptimizedTheta, Theta
from statsmodels.tsa.exponential_smoothing.ets import ETSModel
from statsmodels.tsa.seasonal import seasonal_decompose

rng = np.random.default_rng(20240501)
M, N = 12, 120
t = np.arange(N)
season = 1 + 0.3 * np.sin(2 * np.pi * t / M) + 0.1 * np.cos(4 * np.pi * t / M)
y = np.round((100 + 0.4 * t) * season * np.exp(0.05 * rng.standard_normal(N)), 3)

first = [1.0 + 0.3 * np.sin(2 * np.pi * k / M) for k in range(M)]


def by_the_book(y, damped):
    """Multiplicative errors and season as in Hyndman and others (2008), written out: statsmodels updates the season with the new level."""
    alpha, beta, gamma, phi = 0.3, 0.05 if damped else 0.0, 0.2, 0.9 if damped else 1.0
    level, slope, factor = 100.0, 0.5 if damped else 0.0, list(first)
    expected = []
    for i, v in enumerate(y):
        base = level + phi * slope
        expected.append(base * factor[i % M])
        e = v / expected[-1] - 1
        level, slope = base * (1 + alpha * e), phi * slope + beta * base * e
        factor[i % M] *= 1 + gamma * e
    e = np.array(y) / expected - 1
    llf = -len(y) / 2 * (np.log(2 * np.pi * np.mean(e**2)) + 1) - np.sum(np.log(expected))
    ahead = []
    for h in range(15):
        slope *= phi
        level += slope
        ahead.append(level * factor[(len(y) + h) % M])
    return float(llf), expected[-5:], ahead


forms = []
for error, season_kind in (("add", None), ("mul", None), ("add", "add"), ("mul", "add"), ("mul", "mul")):
    for damped in (False, True):
        states = {"initial_level": 100.0}
        parameters = [0.3]
        if damped:
            states["initial_trend"] = 0.5
            parameters.append(0.05)
        initial = [100.0] + ([0.5] if damped else [])
        if season_kind:
            factors = np.array(first) if season_kind == "mul" else 100 * (np.array(first) - 1)
            # statsmodels counts the initial season backwards.
            states["initial_seasonal"] = factors
            parameters.append(0.2)
            initial += list(factors[::-1])
        if damped:
            parameters.append(0.9)
        model = ETSModel(
            y, error=error, trend="add" if damped else None, damped_trend=damped, seasonal=season_kind,
            seasonal_periods=M if season_kind else None, initialization_method="known", **states,
        )
        fitted = model.smooth(np.array(parameters + initial))
        llf, last, ahead = float(fitted.llf), fitted.fittedvalues[-5:], fitted.forecast(15)
        if season_kind == "mul":
            llf, last, ahead = by_the_book(y, damped)
        forms.append({
            "relative": error == "mul", "damped": damped, "season": season_kind, "llf": llf,
            "fitted": [float(v) for v in last], "forecast": [float(v) for v in ahead],
        })

decomposed = {k: [float(v) for v in seasonal_decompose(y, model=k, period=M).seasonal[:M]] for k in ("additive", "multiplicative")}
auto = AutoETS(season_length=M).fit(y)
out = {
    "made_with": {"statsmodels": statsmodels.__version__, "statsforecast": statsforecast.__version__, "numpy": np.__version__},
    "y": [float(v) for v in y],
    "first": [float(v) for v in first],
    "forms": forms,
    "season": decomposed,
    "theta": [float(v) for v in Theta(season_length=M).forecast(y=y, h=15)["mean"]],
    "dynamic_theta": [float(v) for v in DynamicOptimizedTheta(season_length=M).forecast(y=y, h=15)["mean"]],
    "ets": {"form": auto.model_["components"], "aicc": float(auto.model_["aicc"]), "forecast": [float(v) for v in auto.predict(15)["mean"]]},
}
path = pathlib.Path(__file__).with_name("forecast.json")
path.write_text(json.dumps(out, indent=1) + "\n")
print(path)
