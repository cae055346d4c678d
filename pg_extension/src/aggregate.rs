//! Aggregates: transition, combine, serialise, deserialise and final functions over the mergeable states of core.
//!
//! Where a window moves over rows, an inverse transition takes the oldest row out again, for states of which it leaves no
//! trace.
//!
//! A state lives on Rust's heap and is dropped by a callback of the aggregate's memory context, so that neither an
//! error nor a cancel leaks it. Rows are read straight from the call frame (see [`Call`]), which costs as little as C.
#![allow(unsafe_code)] // Aggregate states are pointers inside datums.

use pgrx::PgMemoryContexts;
use pgrx::pg_sys;
use prescale_core::feature::request::RequestState;
use prescale_core::feature::{KeyCounts, LatencySummary, MovingLatency, RankCorrelation};
use prescale_core::fingerprint::{PcaBuilder, VectorSet};
use prescale_core::sample::SeriesBuilder;
use prescale_core::{Error, ErrorKind};

use crate::convert::call::{Call, raise, raw_function};
use crate::convert::varlena;
use crate::error::{Answer, report};
use crate::feature::{correlate, entropy, latency};
use crate::sample::Counter;
use crate::{feature, fingerprint, sample};

/// A state that becomes the result of an aggregate.
pub(crate) trait Finish: Default + 'static {
    /// The result. The state may be added to and asked again.
    fn answer(&mut self, call: &Call<'_>) -> Answer<pg_sys::Datum>;
}

/// A mergeable state of core with what a parallel plan does with it.
pub(crate) trait State: Finish {
    /// Adds another state, which is not used again.
    fn merge(&mut self, other: &mut Self) -> prescale_core::Result<()>;
    /// Flat form, for other processes.
    fn to_bytes(&self) -> Vec<u8>;
    /// Reads the flat form.
    fn from_bytes(bytes: &[u8]) -> prescale_core::Result<Self>;
}

/// A state whose flat form is also that of the result's SQL type.
macro_rules! flat_state {
    ($state:ty) => {
        impl $crate::aggregate::Finish for $state {
            fn answer(
                &mut self,
                _: &$crate::convert::call::Call<'_>,
            ) -> $crate::error::Answer<pgrx::pg_sys::Datum> {
                $crate::convert::varlena::store(&self.to_bytes())
            }
        }

        impl $crate::aggregate::State for $state {
            fn merge(&mut self, other: &mut Self) -> prescale_core::Result<()> {
                Self::merge(self, other)
            }
            fn to_bytes(&self) -> Vec<u8> {
                Self::to_bytes(self)
            }
            fn from_bytes(bytes: &[u8]) -> prescale_core::Result<Self> {
                Self::from_bytes(bytes)
            }
        }
    };
}
pub(crate) use flat_state;

/// A state with a buffer for array arguments, so that a row allocates nothing.
#[derive(Default)]
pub(crate) struct Held<S> {
    /// The state.
    pub(crate) state: S,
    /// Elements of the row's array.
    pub(crate) elements: Vec<Option<f64>>,
}

/// The state that argument `index` points to.
///
/// # Safety
/// The argument is a state that [`keep`] made for the same `S`, and nobody else refers to it.
unsafe fn held<'a, S: Finish>(call: &Call<'a>, index: usize) -> Option<&'a mut Held<S>> {
    // SAFETY: by the caller's word; PostgreSQL runs one aggregate function at a time.
    call.datum(index)
        .and_then(|datum| unsafe { datum.cast_mut_ptr::<Held<S>>().as_mut() })
}

/// Moves a state into `context`, which drops it when it is reset or deleted.
fn keep<S: Finish>(state: S, context: pg_sys::MemoryContext) -> *mut Held<S> {
    PgMemoryContexts::For(context).leak_and_drop_on_delete(Held {
        state,
        elements: Vec::new(),
    })
}

/// The memory context of the aggregate that calls.
fn aggregate_context(call: &Call<'_>) -> Answer<pg_sys::MemoryContext> {
    let mut context = std::ptr::null_mut();
    // SAFETY: the frame is PostgreSQL's; `context` is written only when the caller is an aggregate.
    if unsafe { pg_sys::AggCheckCallContext(call.frame(), &mut context) } == 0 {
        return Err(report(Error::new(
            ErrorKind::InvalidArgument,
            "this function works inside an aggregate only",
        )));
    }
    Ok(context)
}

fn transition<S: Finish>(
    call: &Call<'_>,
    push: fn(&mut Held<S>, &Call<'_>) -> Answer<()>,
) -> Answer<pg_sys::Datum> {
    // SAFETY: argument 0 is this aggregate's own state.
    let held = match unsafe { held::<S>(call, 0) } {
        Some(held) => held,
        // SAFETY: just made, and not yet shared.
        None => unsafe { &mut *keep(S::default(), aggregate_context(call)?) },
    };
    push(held, call)?;
    Ok(pg_sys::Datum::from(std::ptr::from_mut(held)))
}

/// NULL tells PostgreSQL to compute the window anew.
fn inverse<S: Finish>(
    call: &Call<'_>,
    pop: fn(&mut Held<S>, &Call<'_>) -> Answer<bool>,
) -> Answer<pg_sys::Datum> {
    // SAFETY: argument 0 is this aggregate's own state.
    let Some(held) = (unsafe { held::<S>(call, 0) }) else {
        return Ok(call.null());
    };
    if pop(held, call)? {
        Ok(pg_sys::Datum::from(std::ptr::from_mut(held)))
    } else {
        Ok(call.null())
    }
}

fn combine<S: State>(call: &Call<'_>) -> Answer<pg_sys::Datum> {
    // SAFETY: both arguments are states of this aggregate, and never the same one.
    let (into, from) = unsafe { (held::<S>(call, 0), held::<S>(call, 1)) };
    let into = match into {
        Some(into) => into,
        // SAFETY: just made, and not yet shared. The other state may live in a shorter context, so this is another one.
        None => unsafe { &mut *keep(S::default(), aggregate_context(call)?) },
    };
    if let Some(from) = from {
        into.state.merge(&mut from.state).map_err(report)?;
    }
    Ok(pg_sys::Datum::from(std::ptr::from_mut(into)))
}

fn serialize<S: State>(call: &Call<'_>) -> Answer<pg_sys::Datum> {
    // SAFETY: argument 0 is this aggregate's own state.
    varlena::store(
        &unsafe { held::<S>(call, 0) }
            .map_or_else(|| S::default().to_bytes(), |held| held.state.to_bytes()),
    )
}

fn deserialize<S: State>(call: &Call<'_>) -> Answer<pg_sys::Datum> {
    let state = S::from_bytes(call.bytes(0).unwrap_or_default()).map_err(report)?;
    aggregate_context(call)?;
    // SAFETY: PostgreSQL keeps the current context until the state has been combined.
    Ok(pg_sys::Datum::from(keep(state, unsafe {
        pg_sys::CurrentMemoryContext
    })))
}

/// Without any row the state is NULL, and the result an empty state.
fn finish<S: Finish>(call: &Call<'_>) -> Answer<pg_sys::Datum> {
    // SAFETY: argument 0 is this aggregate's own state.
    match unsafe { held::<S>(call, 0) } {
        Some(held) => held.state.answer(call),
        None => S::default().answer(call),
    }
}

/// Exports the functions of all aggregates over one state: one transition function for each way to add a row.
macro_rules! aggregate {
    ($state:ty: $combine:ident, $serialize:ident, $deserialize:ident, $finish:ident; $($transition:ident => $push:path),+) => {
        $(raw_function!($transition, |call| raise(transition::<$state>(&call, $push)));)+
        raw_function!($combine, |call| raise(combine::<$state>(&call)));
        raw_function!($serialize, |call| raise(serialize::<$state>(&call)));
        raw_function!($deserialize, |call| raise(deserialize::<$state>(&call)));
        raw_function!($finish, |call| raise(finish::<$state>(&call)));
    };
}

aggregate! {
    SeriesBuilder: series_agg_combine, series_agg_serialize, series_agg_deserialize, series_agg_final;
    series_agg_transition => sample::push_row, series_rollup_transition => sample::push_series
}
aggregate! {
    Counter: rate_agg_combine, rate_agg_serialize, rate_agg_deserialize, rate_agg_final;
    rate_agg_transition => sample::push_sample
}
aggregate! {
    LatencySummary: latency_agg_combine, latency_agg_serialize, latency_agg_deserialize, latency_agg_final;
    latency_agg_transition => latency::push, latency_agg_within_transition => latency::push_within, latency_rollup_transition => latency::push_sketch
}
raw_function!(latency_agg_moving, |call| raise(
    transition::<MovingLatency>(&call, latency::push_moving)
));
raw_function!(latency_agg_within_moving, |call| raise(transition::<
    MovingLatency,
>(
    &call,
    latency::push_moving_within
)));
raw_function!(latency_agg_inverse, |call| raise(inverse::<MovingLatency>(
    &call,
    latency::pop_moving
)));
raw_function!(latency_agg_moving_final, |call| raise(finish::<
    MovingLatency,
>(&call)));
aggregate! {
    KeyCounts: entropy_agg_combine, entropy_agg_serialize, entropy_agg_deserialize, entropy_agg_final;
    entropy_agg_transition => entropy::push, entropy_rollup_transition => entropy::push_state
}
raw_function!(entropy_agg_inverse, |call| raise(inverse::<KeyCounts>(
    &call,
    entropy::pop
)));
aggregate! {
    RankCorrelation: rank_corr_agg_combine, rank_corr_agg_serialize, rank_corr_agg_deserialize, rank_corr_agg_final;
    rank_corr_agg_transition => correlate::push_pair
}
aggregate! {
    RequestState: request_agg_combine, request_agg_serialize, request_agg_deserialize, request_agg_final;
    request_agg_transition => feature::push_request, request_rollup_transition => feature::push_state
}
aggregate! {
    PcaBuilder: pca_agg_combine, pca_agg_serialize, pca_agg_deserialize, pca_agg_final;
    pca_agg_transition => fingerprint::push_vector, pca_agg_values_transition => fingerprint::push_values, pca_rollup_transition => fingerprint::push_state
}
aggregate! {
    VectorSet: vector_agg_combine, vector_agg_serialize, vector_agg_deserialize, vector_agg_final;
    vector_agg_transition => fingerprint::map::push_vector, vector_rollup_transition => fingerprint::map::push_set
}
