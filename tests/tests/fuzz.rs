//! Every function that computes from plain values, found in the catalogue, called with odd ones of each type: an error that says
//! what is wrong, or an answer; never NaN from numbers, never an internal error, never a lost server.
//!
//! What functions return becomes an argument of others, so that states of all settings meet; of our own types there are
//! damaged and foreign bytes as well. All is drawn from one seed; `FUZZ_SEED=8 FUZZ_LIMIT=500` is another search, with another
//! time limit in milliseconds for each call.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use prescale_tests::postgres::Postgres;
use tokio_postgres::types::{Oid, ToSql, Type};
use tokio_postgres::{Client, SimpleQueryMessage};

#[path = "fuzz/damage.rs"]
mod damage;
#[path = "fuzz/value.rs"]
mod value;

/// Rounds over all functions, and most where some type has not been returned by any yet: which calls run into the time limit depends on the machine.
const ROUNDS: usize = 100;
const MOST_ROUNDS: usize = 400;
const SEED: u64 = 7;
/// Values of a type that are kept beyond those of `value`.
const KEPT: usize = 40;
/// Refusals that name what is wrong with the input; 57014 is this test's own time limit.
const REFUSALS: [&str; 10] = [
    "0A000", "42501", "42602", "42703", "42704", "42804", "42809", "42P01", "54000", "57014",
];

/// A function of the catalogue.
struct Function {
    name: String,
    is_aggregate: bool,
    /// Type and name of each argument; the first `n_required` have no default.
    arguments: Vec<(Oid, String)>,
    n_required: usize,
    result: Oid,
}

/// A type of the catalogue, and its values: rows of table `odd.t<oid>`.
struct Kind {
    name: String,
    is_own: bool,
    /// Whether each value is free of NaN and infinity.
    is_finite: Vec<bool>,
    n_given: usize,
}

struct Fuzz {
    client: Client,
    /// Tells the values of a call that does not stop.
    witness: Client,
    kinds: BTreeMap<Oid, Kind>,
    seed: u64,
    n_drawn: u64,
    /// Of the generator of draws.
    state: u64,
    outcomes: BTreeMap<String, usize>,
    /// The first of each kind, by function or type.
    problems: BTreeMap<String, String>,
}

/// Left out: what changes managed state or takes its locks is volatile; what takes or returns `internal` or a trigger is
/// refused by PostgreSQL itself outside of an aggregate, an index or a trigger.
const FUNCTIONS: &str = "
    SELECT proname::text, prokind = 'a', proargtypes::oid[], coalesce(proargnames[:pronargs], '{}'), (pronargs - pronargdefaults)::int, prorettype
    FROM pg_proc WHERE pronamespace = 'prescale'::regnamespace AND (provolatile <> 'v' OR proname IN ('backtest', 'fit_report')) AND prokind IN ('f', 'a')
    AND NOT proargtypes::oid[] && ARRAY['internal'::regtype, 'trigger'::regtype]::oid[] AND prorettype NOT IN ('internal'::regtype, 'trigger'::regtype)
    ORDER BY prokind, oid::regprocedure::text COLLATE \"C\"";

/// A number of the environment.
fn setting(name: &str, default: u64) -> Result<u64> {
    let text = std::env::var(name).unwrap_or_else(|_| default.to_string());
    text.parse().with_context(|| format!("{name}={text}"))
}

impl Fuzz {
    /// Starts the draws of one call or damage anew: those of the calls before, some of which end at the time limit on one machine
    /// and not on another, change what is kept but not what is drawn.
    fn draw_anew(&mut self) {
        self.n_drawn += 1;
        self.state = self.seed ^ self.n_drawn.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.below(1);
    }

    /// A number below `n`; the same in every run.
    fn below(&mut self, n: usize) -> usize {
        self.state = self
            .state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        usize::try_from(self.state >> 33).unwrap_or(0) % n.max(1)
    }

    async fn functions(&self) -> Result<Vec<Function>> {
        let rows = self.client.query(FUNCTIONS, &[]).await?;
        let function = |row: &tokio_postgres::Row| {
            let (types, names): (Vec<Oid>, Vec<String>) = (row.get(2), row.get(3));
            let names = names.into_iter().chain(std::iter::repeat(String::new()));
            Function {
                name: row.get(0),
                is_aggregate: row.get(1),
                arguments: types.into_iter().zip(names).collect(),
                n_required: usize::try_from(row.get::<_, i32>(4)).unwrap_or(0),
                result: row.get(5),
            }
        };
        Ok(rows.iter().map(function).collect())
    }

    /// Gives a type its table and its first values.
    async fn add_kind(&mut self, oid: Oid) -> Result<()> {
        if self.kinds.contains_key(&oid) {
            return Ok(());
        }
        let about = "SELECT format_type(oid, NULL), typnamespace = 'prescale'::regnamespace AND typtype = 'b' AND typcategory <> 'A' FROM pg_type WHERE oid = $1";
        let row = self.client.query_one(about, &[&oid]).await?;
        let (name, is_own): (String, bool) = (row.get(0), row.get(1));
        let given = value::given(name.trim_start_matches("prescale."));
        ensure!(
            is_own || !given.is_empty(),
            "no values of type {name}: add some to tests/tests/fuzz/value.rs"
        );
        // cstring cannot be a column
        let column = if name == "cstring" { "text" } else { &name };
        self.client
            .batch_execute(&format!(
                "CREATE TABLE odd.t{oid} (i int PRIMARY KEY, v {column})"
            ))
            .await?;
        let n_given = given.len() + 1;
        self.kinds.insert(
            oid,
            Kind {
                name,
                is_own,
                is_finite: vec![],
                n_given,
            },
        );
        for value in ["NULL"].into_iter().chain(given) {
            let stored = self
                .keep(
                    oid,
                    &format!("SELECT ({value})::{}", self.kinds[&oid].name),
                    &[],
                )
                .await;
            stored.with_context(|| value.to_owned())?;
        }
        Ok(())
    }

    /// Stores what a query gives as a value of a type, in the place of an earlier one when there are many.
    async fn keep(
        &mut self,
        oid: Oid,
        query: &str,
        parameters: &[&(dyn ToSql + Sync)],
    ) -> Result<(), tokio_postgres::Error> {
        let (n, n_given) = (self.kinds[&oid].is_finite.len(), self.kinds[&oid].n_given);
        let i = if n < n_given + KEPT {
            n
        } else {
            n_given + self.below(KEPT)
        };
        let store = format!(
            "INSERT INTO odd.t{oid} SELECT {i}, s.v::{} FROM ({query} LIMIT 1) s (v) ON CONFLICT (i) DO UPDATE SET v = EXCLUDED.v
             RETURNING coalesce(v::text, '') !~* '{NOT_FINITE}'",
            if self.kinds[&oid].name == "cstring" { "text" } else { &self.kinds[&oid].name }
        );
        if let Some(row) = self.client.query_opt(&store, parameters).await? {
            let is_finite = &mut self.kinds.get_mut(&oid).expect("a kind").is_finite;
            is_finite.resize(n.max(i + 1), true);
            is_finite[i] = row.get(0);
        }
        Ok(())
    }

    /// A call with values drawn for each argument, as a query of one column `r`, and whether they are all finite.
    fn call(&mut self, function: &Function) -> (String, bool) {
        let (mut arguments, mut tables, mut is_finite) = (vec![], vec![], true);
        for (k, (oid, name)) in function.arguments.iter().enumerate() {
            let is_left_out = k >= function.n_required && self.below(2) == 0;
            if is_left_out && name.is_empty() {
                break;
            }
            if is_left_out {
                continue;
            }
            let named = if name.is_empty() || function.is_aggregate {
                String::new()
            } else {
                format!("\"{name}\" => ")
            };
            let n = self.kinds[oid].is_finite.len();
            // An aggregate takes some rows of each argument, all with all others.
            let stride = if function.is_aggregate {
                [1, 2, 5, n][self.below(4)]
            } else {
                n
            };
            let first = self.below(stride);
            is_finite &= (first..n)
                .step_by(stride)
                .all(|i| self.kinds[oid].is_finite[i]);
            let cast = &self.kinds[oid].name;
            if function.is_aggregate {
                tables.push(format!(
                    "(SELECT v AS v{k} FROM odd.t{oid} WHERE i % {stride} = {first} ORDER BY i) a{k}"
                ));
                arguments.push(format!("v{k}"));
            } else {
                arguments.push(format!(
                    "{named}(SELECT v FROM odd.t{oid} WHERE i = {first})::{cast}"
                ));
            }
        }
        let call = format!("prescale.{}({})", function.name, arguments.join(", "));
        if !function.is_aggregate {
            return (format!("SELECT {call} AS r"), is_finite);
        }
        let over = if self.below(4) == 0 {
            " OVER (ROWS 3 PRECEDING)"
        } else {
            ""
        };
        let rows = format!("SELECT * FROM {} LIMIT 300", tables.join(", "));
        (
            format!("SELECT {call}{over} AS r FROM ({rows}) rows"),
            is_finite,
        )
    }

    /// Counts an error by its code; one that is not a refusal is a problem, a lost server the end.
    fn refused(&mut self, name: &str, error: &tokio_postgres::Error, what: &str) -> Result<()> {
        let code = error.code().map(|code| code.code().to_owned());
        let code = code.with_context(|| format!("the server is lost: {error}: {what}"))?;
        if !code.starts_with("22") && !REFUSALS.contains(&code.as_str()) {
            let problem = format!("{name}: {error:?}: {what}");
            self.problems.entry(name.to_owned()).or_insert(problem);
        }
        *self.outcomes.entry(code).or_default() += 1;
        Ok(())
    }

    async fn try_call(&mut self, function: &Function) -> Result<()> {
        self.draw_anew();
        let (call, is_finite) = self.call(function);
        let is_void = function.result == Type::VOID.oid();
        let reading = if is_void {
            "false".to_owned()
        } else {
            format!("r::text ~* '{NOT_FINITE}'")
        };
        let query = format!("SELECT coalesce(bool_or({reading}), false) FROM ({call}) s");
        let answer =
            tokio::time::timeout(Duration::from_secs(30), self.client.simple_query(&query)).await;
        let Ok(answer) = answer else {
            bail!("does not stop: {query}\n{}", self.shown(&query).await?);
        };
        let messages = match answer {
            Ok(messages) => messages,
            Err(error) => return self.refused(&function.name, &error, &query),
        };
        let line = messages.iter().find_map(|message| match message {
            SimpleQueryMessage::Row(row) => row.get(0),
            _ => None,
        });
        if is_finite && line != Some("f") && !self.problems.contains_key(&function.name) {
            let shown = self.shown(&query).await?;
            let problem = format!("{}: not finite: {query}\n{shown}", function.name);
            self.problems.insert(function.name.clone(), problem);
        }
        *self.outcomes.entry("an answer".to_owned()).or_default() += 1;
        let is_kept = self.below(4) == 0;
        let kind = self.kinds.get(&function.result);
        if kind.is_some_and(|kind| is_kept || kind.is_finite.len() <= kind.n_given) {
            let kept = self
                .keep(
                    function.result,
                    &format!("SELECT r FROM ({call}) s WHERE r IS NOT NULL"),
                    &[],
                )
                .await;
            if let Err(error) = kept {
                self.refused(&function.name, &error, &call)?;
            }
        }
        Ok(())
    }

    /// The values that a call names, as far as they are short: their tables go with the server.
    async fn shown(&self, query: &str) -> Result<String> {
        let mut shown = vec![];
        for part in query.split("odd.t").skip(1) {
            let named = part.split(')').next().unwrap_or(part);
            if named.contains("WHERE i = ") {
                let text = format!("SELECT left(v::text, 3000) FROM odd.t{named}");
                let row = self.witness.query_one(&text, &[]).await?;
                let value: Option<String> = row.get(0);
                shown.push(format!("odd.t{named}: {value:?}"));
            }
        }
        Ok(shown.join("\n"))
    }

    /// One of our own types of which no function has returned a value yet.
    fn not_given(&self) -> Option<&Kind> {
        let mut own = self.kinds.values().filter(|kind| kind.is_own);
        own.find(|kind| kind.is_finite.len() <= kind.n_given)
    }
}

/// NaN and infinities in the text form of a result.
const NOT_FINITE: &str = r"\m(nan|inf|infinity)\M";

#[tokio::test]
async fn every_function_answers_or_says_what_is_wrong_with_its_input() -> Result<()> {
    let server = Postgres::start()?;
    server.psql("postgres", "postgres", value::DATABASE)?;
    let client = server.connect("postgres", "postgres").await?;
    client
        .batch_execute("SET search_path = prescale, public; SET client_min_messages = error")
        .await?;
    let mut fuzz = Fuzz {
        client,
        witness: server.connect("postgres", "postgres").await?,
        kinds: BTreeMap::new(),
        seed: setting("FUZZ_SEED", SEED)?,
        n_drawn: 0,
        state: 0,
        outcomes: BTreeMap::new(),
        problems: BTreeMap::new(),
    };
    let functions = fuzz.functions().await?;
    for (oid, _) in functions.iter().flat_map(|function| &function.arguments) {
        fuzz.add_kind(*oid).await?;
    }
    let limit = setting("FUZZ_LIMIT", 2000)?;
    fuzz.client
        .batch_execute(&format!("SET statement_timeout = {limit}"))
        .await?;
    let mut n_rounds = 0;
    while n_rounds < ROUNDS || (n_rounds < MOST_ROUNDS && fuzz.not_given().is_some()) {
        for function in &functions {
            fuzz.try_call(function).await?;
        }
        let own: Vec<Oid> = fuzz
            .kinds
            .iter()
            .filter(|(_, kind)| kind.is_own)
            .map(|(oid, _)| *oid)
            .collect();
        for oid in own.into_iter().chain([Type::JSONB.oid()]) {
            for _ in 0..4 {
                fuzz.try_damaged(oid).await?;
            }
        }
        n_rounds += 1;
    }
    println!(
        "{n_rounds} rounds, {} calls of {} functions, and damaged values, by outcome: {:?}",
        n_rounds * functions.len(),
        functions.len(),
        fuzz.outcomes
    );
    let problems: Vec<_> = fuzz.problems.values().map(String::as_str).collect();
    ensure!(problems.is_empty(), "{}", problems.join("\n"));
    if let Some(kind) = fuzz.not_given() {
        bail!("no function gave a {}", kind.name);
    }
    ensure!(functions.len() > 100, "too few");
    Ok(())
}
