//! Which shards this process leads, and until when it may believe so.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use tokio_postgres::types::Type;

use crate::config::LeaseConfig;
use crate::db::{Parameter, Session, column};
use crate::error::Result;

/// A lease as this process knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lease {
    /// The shard.
    pub(crate) shard: i32,
    /// Changes with every takeover; fences writes of earlier holders.
    pub(crate) generation: i64,
    /// When to stop acting by this process' own clock.
    pub(crate) deadline: Instant,
}

impl Lease {
    /// Whether it may be acted upon at `now`.
    pub(crate) fn is_valid(&self, now: Instant) -> bool {
        now < self.deadline
    }
}

/// The leases of this process.
#[derive(Debug)]
pub(crate) struct Leases {
    config: LeaseConfig,
    held: BTreeMap<i32, Lease>,
}

impl Leases {
    /// None held yet.
    pub(crate) fn new(config: LeaseConfig) -> Self {
        Self {
            config,
            held: BTreeMap::new(),
        }
    }

    /// Name of this process in the lease.
    pub(crate) fn holder(&self) -> &str {
        &self.config.holder
    }

    /// Takes or renews every lease that is free, and returns the shards that were not held before.
    ///
    /// # Errors
    /// Those of a statement. What was held stays held until its deadline.
    pub(crate) async fn renew(&mut self, session: &Session) -> Result<Vec<i32>> {
        const SQL: &str = "SELECT s, prescale.acquire_lease(s, $2, pg_catalog.make_interval(secs => $3)) \
                           FROM pg_catalog.unnest($1) s";
        let LeaseConfig {
            shards,
            ttl,
            holder,
        } = &self.config;
        // Taken before the request: the database starts counting later, so this clock always gives up first.
        let asked = Instant::now();
        let parameters: [Parameter<'_>; 3] = [
            (shards, Type::INT4_ARRAY),
            (holder, Type::TEXT),
            (&ttl.as_secs_f64(), Type::FLOAT8),
        ];
        let rows = session.rows("take the leases", SQL, &parameters).await?;
        let answer = rows
            .iter()
            .map(|row| Ok((column(row, 0)?, column(row, 1)?)))
            .collect::<Result<Vec<_>>>()?;
        Ok(self.note(&answer, asked))
    }

    fn note(&mut self, answer: &[(i32, Option<i64>)], asked: Instant) -> Vec<i32> {
        let deadline = asked + self.config.ttl;
        let mut fresh = Vec::new();
        for &(shard, generation) in answer {
            let before = self.held.remove(&shard);
            if let Some(generation) = generation {
                // One more means that our own lease ran out and nobody took it in between: nothing changed meanwhile.
                if before.is_none_or(|lease| generation > lease.generation + 1) {
                    tracing::info!(shard, generation, "leading the shard");
                    fresh.push(shard);
                }
                self.held.insert(
                    shard,
                    Lease {
                        shard,
                        generation,
                        deadline,
                    },
                );
            } else if before.is_some() {
                tracing::warn!(shard, "another worker took the lease of the shard");
            }
        }
        fresh
    }

    /// The leases that may be acted upon now.
    pub(crate) fn held(&self) -> Vec<Lease> {
        let now = Instant::now();
        self.held
            .values()
            .filter(|lease| lease.is_valid(now))
            .copied()
            .collect()
    }

    /// Every shard asked for, and whether it is held.
    pub(crate) fn states(&self) -> impl Iterator<Item = (i32, bool)> {
        let now = Instant::now();
        self.config.shards.iter().map(move |shard| {
            (
                *shard,
                self.held
                    .get(shard)
                    .is_some_and(|lease| lease.is_valid(now)),
            )
        })
    }

    /// Somebody else holds this one now.
    pub(crate) fn lost(&mut self, shard: i32) {
        self.held.remove(&shard);
    }

    /// Longest time that a step of the cycle may take so that the lease still lasts for the others.
    pub(crate) fn step_limit(&self) -> Duration {
        self.config.ttl / 3
    }

    /// Gives all leases back, so that another worker need not wait for their end.
    ///
    /// # Errors
    /// Those of a statement; the leases then run out by themselves.
    pub(crate) async fn release(&mut self, session: &Session) -> Result<()> {
        const SQL: &str = "SELECT prescale.release_lease(s, $3, g) FROM ROWS FROM \
                           (pg_catalog.unnest($1), pg_catalog.unnest($2)) AS l(s, g)";
        let held: Vec<Lease> = std::mem::take(&mut self.held).into_values().collect();
        if held.is_empty() {
            return Ok(());
        }
        let shards: Vec<i32> = held.iter().map(|lease| lease.shard).collect();
        let generations: Vec<i64> = held.iter().map(|lease| lease.generation).collect();
        let parameters: [Parameter<'_>; 3] = [
            (&shards, Type::INT4_ARRAY),
            (&generations, Type::INT8_ARRAY),
            (&self.config.holder, Type::TEXT),
        ];
        session.rows("release the leases", SQL, &parameters).await?;
        tracing::info!(?shards, "released the leases");
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leases() -> Leases {
        Leases::new(LeaseConfig {
            shards: vec![0, 1],
            ttl: Duration::from_secs(30),
            holder: "me".to_owned(),
        })
    }

    #[test]
    fn a_shard_is_fresh_when_taken_and_not_when_renewed() {
        let (mut leases, now) = (leases(), Instant::now());
        assert_eq!(leases.note(&[(0, Some(7)), (1, None)], now), [0]);
        assert_eq!(leases.note(&[(0, Some(7)), (1, Some(1))], now), [1]);
        // Generation 8 is our own lease that ran out; 10 follows one that somebody else had.
        assert!(leases.note(&[(0, Some(8)), (1, Some(1))], now).is_empty());
        assert_eq!(leases.note(&[(0, Some(10)), (1, Some(1))], now), [0]);
        let states: Vec<_> = leases.states().collect();
        assert_eq!(states, [(0, true), (1, true)]);
    }

    #[test]
    fn a_lease_that_expired_by_the_own_clock_is_not_acted_upon() {
        let mut leases = leases();
        let asked = Instant::now().checked_sub(Duration::from_secs(31)).unwrap();
        leases.note(&[(0, Some(7))], asked);
        assert_eq!(leases.held(), []);
        let lease = Lease {
            shard: 0,
            generation: 7,
            deadline: asked + Duration::from_secs(30),
        };
        assert!(lease.is_valid(asked + Duration::from_millis(29_999)));
        assert!(!lease.is_valid(asked + Duration::from_secs(30)));
    }

    #[test]
    fn a_lease_that_somebody_else_took_is_not_held() {
        let (mut leases, now) = (leases(), Instant::now());
        leases.note(&[(0, Some(7)), (1, Some(3))], now);
        leases.note(&[(0, None), (1, Some(3))], now);
        assert_eq!(
            leases
                .held()
                .iter()
                .map(|lease| lease.shard)
                .collect::<Vec<_>>(),
            [1]
        );
        leases.lost(1);
        assert_eq!(leases.held(), []);
    }
}
