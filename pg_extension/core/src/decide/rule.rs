//! The rule itself.

use std::cmp::Ordering;

use super::input::{bad_input, number, seconds, units};
use super::size::{Predicted, Reactive, predicted, reactive};
use super::{Action, Decision, Mode, Observation, Reason, Recommendation};
use crate::time::Micros;

/// Decides. Never lowers capacity on missing, stale or wrong data.
///
/// See the module for the rule and the reasons. `now` is the caller's clock.
#[must_use]
pub fn decide(recommendation: &Recommendation, observation: &Observation, now: Micros) -> Decision {
    let total = match observation {
        Observation::Seen { units_total, .. } => *units_total,
        Observation::Unavailable { why } => return unavailable(why),
    };
    let mut draft = Draft {
        r: recommendation,
        total,
        units: total,
        reasons: Vec::new(),
    };
    if let Some(what) = bad_input(recommendation) {
        draft.because("bad_input", what);
        return draft.finish(None, None);
    }
    let fresh = draft.is_fresh(now);
    let predicted = if fresh { draft.predict() } else { None };
    let reactive = if fresh { draft.react() } else { None };
    draft.combine(predicted, reactive);
    draft.limit(reactive.is_some());
    draft.slow_down();
    draft.pause();
    draft.finish(predicted, reactive)
}

fn unavailable(why: &str) -> Decision {
    let reason = Reason {
        code: "target_unavailable".into(),
        text: format!("the target could not be read: {why}"),
    };
    Decision {
        units_before: None,
        units_desired: None,
        action: Action::Hold,
        act: false,
        units_predicted: None,
        units_reactive: None,
        reasons: vec![reason],
    }
}

/// A decision in the making: the size wanted so far, and why.
struct Draft<'a> {
    r: &'a Recommendation,
    total: u32,
    units: u32,
    reasons: Vec<Reason>,
}

impl Draft<'_> {
    fn because(&mut self, code: &str, text: String) {
        self.reasons.push(Reason {
            code: code.to_owned(),
            text,
        });
    }

    fn is_fresh(&mut self, now: Micros) -> bool {
        let Some(origin) = self.r.origin else {
            self.because("no_data", "no window was closed yet".into());
            return false;
        };
        let age = now.saturating_sub(origin);
        if age > self.r.stale_after {
            let text = format!(
                "the last window closed {} ago, more than {}",
                seconds(age),
                seconds(self.r.stale_after)
            );
            self.because("stale_data", text);
            return false;
        }
        if age < 0 {
            self.because(
                "clock_skew",
                format!(
                    "the last window closes in {}",
                    seconds(age.saturating_neg())
                ),
            );
        }
        true
    }

    fn predict(&mut self) -> Option<Predicted> {
        let (r, total) = (self.r, self.total);
        let found = predicted(r, total);
        let (Some(p), Some(forecast)) = (found, r.forecast) else {
            self.because(
                "no_forecast",
                "there is no forecast: the reactive rule is alone".into(),
            );
            return None;
        };
        if r.forecast_peak.is_none() {
            self.because(
                "no_forecast_peak",
                "there is no peak of the forecast: it lowers nothing".into(),
            );
        }
        let peak = r.forecast_peak.unwrap_or(forecast).max(forecast);
        let code = by_order(
            p.units.cmp(&total),
            ["predicted_in", "predicted_hold", "predicted_out"],
        );
        let text = format!(
            "forecast {} (peak {}) with headroom {} at {} a unit asks for {}, {} now",
            number(forecast),
            number(peak),
            number(r.headroom),
            number(r.unit_capacity),
            units(p.units),
            total,
        );
        self.because(code, text);
        found
    }

    fn react(&mut self) -> Option<Reactive> {
        let (r, total) = (self.r, self.total);
        let found = reactive(r, total);
        let (Some(rule), Some(demand)) = (found, r.demand) else {
            self.because(
                "no_demand",
                "there is no current demand: nothing is lowered".into(),
            );
            return None;
        };
        if r.demand_peak.is_none() {
            let text = "there is no peak of the demand: the reactive rule lowers nothing";
            self.because("no_demand_peak", text.into());
        }
        let code = by_order(
            rule.units.cmp(&total),
            ["reactive_in", "reactive_hold", "reactive_out"],
        );
        let text = format!(
            "demand {} (peak {}) at {} of {} a unit asks for {}, {} now",
            number(demand),
            number(r.demand_peak.unwrap_or(demand).max(demand)),
            number(r.target_utilization),
            number(r.unit_capacity),
            units(rule.units),
            total,
        );
        self.because(code, text);
        found
    }

    /// What the mode makes of both rules.
    fn combine(&mut self, predicted: Option<Predicted>, reactive: Option<Reactive>) {
        let total = self.total;
        self.units = match (self.r.mode, predicted, reactive) {
            (_, None, None) => total,
            (Mode::Floor, p, _) => {
                let wanted = p.map_or(total, |p| p.units);
                self.never_lower(wanted)
            }
            (_, Some(p), None) => p.units.max(total),
            (_, None, Some(r)) => r.units,
            (Mode::Out, Some(p), Some(r)) => self.combine_out(p, r),
            (Mode::Full | Mode::Observe, Some(p), Some(r)) => self.combine_full(p, r),
        };
    }

    fn never_lower(&mut self, wanted: u32) -> u32 {
        if wanted < self.total {
            self.because(
                "kept_by_mode",
                format!("mode floor never lowers: {} kept", units(self.total)),
            );
        }
        wanted.max(self.total)
    }

    fn combine_out(&mut self, p: Predicted, r: Reactive) -> u32 {
        let larger = p.units.max(r.units);
        if larger > self.total {
            return larger;
        }
        let least = p.least.min(self.total);
        if r.units < least {
            self.because(
                "kept_by_forecast",
                format!("the peak of the forecast still needs {}", units(least)),
            );
        } else if p.units < r.units {
            let text = format!(
                "mode out lowers only as far as the reactive rule: {}",
                units(r.units)
            );
            self.because("kept_by_mode", text);
        }
        r.units.max(least)
    }

    fn combine_full(&mut self, p: Predicted, r: Reactive) -> u32 {
        if r.units > p.units {
            let text = format!("the reactive rule still needs {}", units(r.units));
            self.because("kept_by_reactive", text);
        }
        p.units.max(r.units)
    }

    /// Applies `min_units` and `max_units`; `known` says whether there is a fresh demand.
    fn limit(&mut self, known: bool) {
        let (min, max) = (self.r.min_units, self.r.max_units);
        if self.units < min {
            self.because(
                "limit_min",
                format!("min_units raises {} to {min}", self.units),
            );
            self.units = min;
        } else if self.units > max {
            let may_lower = known && self.r.mode != Mode::Floor;
            if may_lower || self.total <= max {
                self.because(
                    "limit_max",
                    format!("max_units lowers {} to {max}", self.units),
                );
                self.units = max;
            } else {
                self.because(
                    "limit_max_kept",
                    format!(
                        "{} exceed max_units {max}, not lowered now",
                        units(self.total)
                    ),
                );
                self.units = self.total;
            }
        }
    }

    /// Applies the most that one decision may change.
    fn slow_down(&mut self) {
        let highest = self
            .r
            .max_scale_out
            .map_or(u32::MAX, |most| self.total.saturating_add(most));
        let lowest = self
            .r
            .max_scale_in
            .map_or(0, |most| self.total.saturating_sub(most));
        if self.units > highest {
            self.because(
                "rate_out",
                format!("max_scale_out cuts {} to {highest}", self.units),
            );
            self.units = highest;
        } else if self.units < lowest {
            self.because(
                "rate_in",
                format!("max_scale_in keeps {lowest} instead of {}", self.units),
            );
            self.units = lowest;
        }
    }

    fn pause(&mut self) {
        if self.r.paused_out && self.units > self.total {
            self.because(
                "paused_out",
                format!("scale-out to {} is paused", units(self.units)),
            );
            self.units = self.total;
        } else if self.r.paused_in && self.units < self.total {
            self.because(
                "paused_in",
                format!("scale-in to {} is paused", units(self.units)),
            );
            self.units = self.total;
        }
    }

    fn finish(mut self, predicted: Option<Predicted>, reactive: Option<Reactive>) -> Decision {
        let action = by_order(
            self.units.cmp(&self.total),
            [Action::ScaleIn, Action::Hold, Action::ScaleOut],
        );
        let observes = self.r.mode == Mode::Observe;
        if observes && action != Action::Hold {
            self.because("observe_only", "mode observe: decided, not acted on".into());
        }
        Decision {
            units_before: Some(self.total),
            units_desired: Some(self.units),
            action,
            act: action != Action::Hold && !observes,
            units_predicted: predicted.map(|p| p.units),
            units_reactive: reactive.map(|r| r.units),
            reasons: self.reasons,
        }
    }
}

fn by_order<T>(order: Ordering, [less, equal, greater]: [T; 3]) -> T {
    match order {
        Ordering::Less => less,
        Ordering::Equal => equal,
        Ordering::Greater => greater,
    }
}
