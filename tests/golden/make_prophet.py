"""Golden vectors of Prophet: data, settings, what Python's prophet (cmdstan) finds, and the mode of the same posterior.

    $(tests/bin/peers prophet) tests/golden/make_prophet.py

Every series is made up here from a few formulas and a fixed seed. Stan's optimiser stops at corners of the Laplace
prior, short of the mode: so the posterior is written out here once more, smooth (each change of slope as the difference
of two numbers that are not negative), and maximised by scipy. Both go into prophet.json: `stan` with its forecast, and
`mode`.
"""

import dataclasses
import json
import logging
import pathlib

import cmdstanpy
import numpy as np
import pandas as pd
import prophet
import scipy
from scipy.optimize import minimize

logging.getLogger("cmdstanpy").disabled = True
logging.getLogger("prophet").disabled = True
START = pd.Timestamp("2024-01-01")


def series(n, step, seed, growth="linear", keep=1.0, noise=0.15):
    rng = np.random.default_rng(seed)
    i = np.arange(n)
    ds = START + pd.to_timedelta(i * pd.Timedelta(step))
    day = (ds - START).total_seconds().to_numpy() / 86400
    x = i / n
    season = np.sin(2 * np.pi * day) + 0.4 * np.cos(4 * np.pi * day) + 0.8 * np.sin(2 * np.pi * day / 7)
    if growth == "linear":
        trend = 10 + 6 * x - 9 * np.maximum(0, x - 0.45)
    elif growth == "logistic":
        trend = 20 / (1 + np.exp(-8 * (x - 0.4)))
    else:
        trend = np.full(n, 12.0)
    signal = trend + season + noise * rng.standard_normal(n)
    frame = pd.DataFrame({"ds": ds, "y": signal.round(4)})
    frame["load"] = (50 + 10 * np.sin(i / 9) + rng.standard_normal(n)).round(3)
    frame["flag"] = (np.sin(i / 23) > 0.6).astype(float)
    frame["y"] = (frame.y + 0.05 * (frame.load - 50) + 0.7 * frame.flag).round(4)
    if keep < 1:
        frame = frame[rng.random(n) < keep].reset_index(drop=True)
    return frame


def sale(ds, every):
    days = pd.date_range(ds.min().normalize(), ds.max().normalize(), freq=f"{every}D")[1:]
    return pd.DataFrame({"holiday": "sale", "ds": days, "lower_window": -1, "upper_window": 1})


CASES = {
    # name: (series arguments, Prophet arguments, what is added)
    "linear_additive": (dict(n=360, step="1h", seed=1), {}, {}),
    "linear_multiplicative": (dict(n=360, step="1h", seed=2), dict(seasonality_mode="multiplicative"), {}),
    "linear_regressors_events": (dict(n=360, step="1h", seed=3), {}, dict(regressors=True, events=4)),
    "linear_multiplicative_regressors_events": (dict(n=360, step="1h", seed=4), dict(seasonality_mode="multiplicative"), dict(regressors=True, events=4)),
    "logistic_additive": (dict(n=360, step="1h", seed=5, growth="logistic"), dict(growth="logistic"), dict(cap=24.0)),
    "logistic_multiplicative": (dict(n=360, step="1h", seed=6, growth="logistic"), dict(growth="logistic", seasonality_mode="multiplicative"), dict(cap=30.0)),
    "logistic_floor_regressors_events": (dict(n=360, step="1h", seed=7, growth="logistic"), dict(growth="logistic"), dict(cap=25.0, floor=-3.0, regressors=True, events=5)),
    "flat_additive": (dict(n=360, step="1h", seed=8, growth="flat"), dict(growth="flat"), {}),
    "flat_multiplicative_regressors": (dict(n=360, step="1h", seed=9, growth="flat"), dict(growth="flat", seasonality_mode="multiplicative"), dict(regressors=True)),
    "flat_regressors_events": (dict(n=360, step="1h", seed=10, growth="flat"), dict(growth="flat"), dict(regressors=True, events=6)),
    "custom_seasonality": (dict(n=400, step="1h", seed=11), dict(n_changepoints=10, changepoint_range=0.9, changepoint_prior_scale=0.5, weekly_seasonality=False), dict(seasonality=dict(name="half_week", period=3.5, fourier_order=2, prior_scale=0.5, mode="multiplicative"))),
    "no_changepoints": (dict(n=400, step="1h", seed=12), dict(n_changepoints=0), {}),
    "two_years_of_days": (dict(n=760, step="1D", seed=13), {}, {}),
    "thirty_days": (dict(n=30, step="1D", seed=14), {}, {}),
    "eleven_days": (dict(n=11, step="1D", seed=15), {}, {}),
    "gaps": (dict(n=700, step="1h", seed=16, keep=0.5), {}, {}),
}


def posterior(d):
    """Minus the log posterior and its gradient by (k, m, beta, delta+, delta-, log sigma)."""
    t, y, cap, tau, growth = *(np.asarray(d[name], float) for name in ("t", "y", "cap")), d["tau"], d["trend_indicator"]
    x, knots, scale = d["X"].to_numpy(float), np.asarray(d["t_change"], float), np.asarray(d["sigmas"], float)
    additive, multiplicative = np.asarray(d["s_a"], float), np.asarray(d["s_m"], float)
    n, width, bends = len(y), x.shape[1], len(knots)
    hinges = np.maximum(0, t[:, None] - knots) * (growth != 2)

    def loss(v):
        k, m, beta, up, down, log_sigma = v[0], v[1], v[2 : 2 + width], v[2 + width : 2 + width + bends], v[2 + width + bends : -1], v[-1]
        variance = np.exp(2 * log_sigma)
        bent = hinges @ (up - down)
        by_k, by_m, by_bend = t, np.ones(n), np.ones(n)
        if growth == 0:
            trend = k * t + m + bent
        elif growth == 1:
            level = 1 / (1 + np.exp(-(k * (t - m) + bent)))
            trend, by_bend = cap * level, cap * level * (1 - level)
            by_k, by_m = t - m, -k * np.ones(n)
        else:
            trend, by_k = np.full(n, m), np.zeros(n)
        share = 1 + x @ (multiplicative * beta)
        r = y - trend * share - x @ (additive * beta)
        value = n * log_sigma + 2 * variance + r @ r / (2 * variance) + (k * k + m * m) / 50 + (beta**2 / scale**2).sum() / 2 + (up + down).sum() / tau
        w = share * by_bend * r / variance
        slope = beta / scale**2 - (additive * (x.T @ r) + multiplicative * (x.T @ (trend * r))) / variance
        bend = -(hinges.T @ w)
        return value, np.concatenate([[k / 25 - w @ by_k, m / 25 - w @ by_m], slope, bend + 1 / tau, 1 / tau - bend, [n + 4 * variance - r @ r / variance]])

    return loss, width, bends


def mode(inputs, start):
    loss, width, bends = posterior(dataclasses.asdict(inputs))
    v = np.concatenate([[start.k, start.m], np.zeros(width + 2 * bends), [np.log(0.1)]])
    bounds = [(None, None)] * (2 + width) + [(0, None)] * (2 * bends) + [(None, None)]
    last = np.inf
    for attempt in range(100):
        found = minimize(loss, v, jac=True, method="SLSQP" if attempt else "L-BFGS-B", bounds=bounds, options=dict(maxiter=3000, ftol=1e-15))
        v = found.x
        if last - found.fun < 1e-9:
            break
        last = min(last, found.fun)
    up, down = v[2 + width : 2 + width + bends], v[2 + width + bends : -1]
    return {"lp": -float(found.fun), "k": v[0], "m": v[1], "sigma": np.exp(v[-1]), "delta": up - down, "beta": v[2 : 2 + width]}


def make(settings, extra, events):
    model = prophet.Prophet(uncertainty_samples=0, holidays=events, **settings)
    if "regressors" in extra:
        model.add_regressor("load")
        model.add_regressor("flag", prior_scale=2.0, mode="additive")
    if "seasonality" in extra:
        model.add_seasonality(**extra["seasonality"])
    return model


def run(arguments, settings, extra):
    frame = series(**arguments)
    future = series(**{**arguments, "n": arguments["n"] + 48, "keep": 1.0})[["ds", "load", "flag"]].tail(48)
    everything = pd.concat([frame[["ds", "load", "flag"]], future], ignore_index=True)
    events = sale(everything.ds, extra["events"]) if "events" in extra else None
    for bound in ("cap", "floor"):
        if bound in extra:
            frame[bound] = everything[bound] = extra[bound]
    model = make(settings, extra, events)
    model.fit(frame.copy(), sig_figs=17)
    forecast = model.predict(everything.copy())
    again = make(settings, extra, events)
    inputs = again.preprocess(frame.copy())
    best = mode(inputs, again.calculate_initial_params(inputs.K))
    # Prophet sorts the days about an event by name; here they go from the earliest to the latest.
    place = lambda i: (1, int(names[i].removeprefix("sale_delim_"))) if names[i].startswith("sale") else (0 if "_delim_" in names[i] else 2, i)
    names = [name for name in inputs.X.columns if name != "zeros"]
    order = sorted(range(len(names)), key=place)
    numbers = lambda v: [float(f"{x:.10g}") for x in np.asarray(v).reshape(-1)]
    tidy = lambda p: {name: numbers(v)[0] if name in ("k", "m", "sigma") else numbers(v) for name, v in p.items() if name not in ("lp", "beta")} | {"lp": p["lp"], "beta": numbers(np.asarray(p["beta"]).reshape(-1)[order])}
    stan = {name: model.params[name] for name in ("k", "m", "delta")} | {"sigma": model.params["sigma_obs"], "beta": model.params["beta"], "lp": float(model.stan_fit.optimized_params_dict["lp__"])}
    if settings.get("n_changepoints") == 0:
        best["k"], best["delta"] = best["k"] + best["delta"].sum(), 0 * best["delta"]
    step = pd.Timedelta(arguments["step"])
    rows = lambda ds: [int(i) for i in (ds - START) / step]
    out = {
        "settings": {**settings, **{k: v for k, v in extra.items() if k in ("cap", "floor")}},
        "step": int(step.total_seconds() * 1e6), "rows": rows(frame.ds), "y": frame.y.tolist(), "future": rows(future.ds),
        "stan": tidy(stan), "mode": tidy(best), "trend": numbers(forecast.trend)[::8], "yhat": numbers(forecast.yhat)[::8],
    }
    if "seasonality" in extra:
        out["settings"]["seasonality"] = {**extra["seasonality"], "half_days": round(2 * extra["seasonality"]["period"])}
    if "regressors" in extra:
        out["load"], out["flag"] = everything.load.tolist(), everything.flag.astype(int).tolist()
    if events is not None:
        out["sale"] = [int((d - START).days) for d in events.ds]
    return out


result = {
    "versions": {"prophet": prophet.__version__, "cmdstan": "2.37.0", "scipy": scipy.__version__, "numpy": np.__version__, "pandas": pd.__version__},
    "start": int(START.timestamp() * 1e6),
    "cases": {name: run(*case) for name, case in CASES.items()},
}
path = pathlib.Path(__file__).with_name("prophet.json")
text = json.dumps(result, separators=(",", ":"))
path.write_text(text.replace('},"', '},\n"') + "\n")
print(path.stat().st_size, {name: (case["stan"]["lp"], case["mode"]["lp"]) for name, case in result["cases"].items()})
